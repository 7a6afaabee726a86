"""Volume by transfer from a standard measure, and the quantities that its deliveries share.

EURAMET cg-21; NIST SOP 18, 19; ISO 8222: the mass of the water that the standard delivers is the mass that
the vessel receives, so their volumes are compared through the density of the water at either temperature.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.errors import CalibrationError
from calibration.propagation import Input, Model, Quantities
from calibration.properties.water import water_density
from calibration.quantity import Measured
from calibration.volumes import expansion_factor

DENSITY_RATIO_U = 1.4e-6
DENSITY_RATIO_SOURCE = (
    "J. B. Patterson, E. C. Morris, Measurement of absolute water density: 0.64e-6 at 15 °C to 1.4e-6 "
    "at 1 and 40 °C for the density of water; the larger for the ratio, in which what is dissolved cancels"
)


def transferred_volume_l(
    standard_volumes_l: ArrayLike,
    standard_temperatures_c: ArrayLike,
    temperature_c: ArrayLike,
    *,
    standard_expansion_per_c: ArrayLike,
    standard_reference_c: ArrayLike,
    expansion_per_c: ArrayLike,
    reference_c: ArrayLike,
    pressure_hpa: ArrayLike = 1013.25,
) -> NDArray[Any]:
    """Volume in L of a vessel at its reference temperature that holds the water of all deliveries.

    `standard_volumes_l`: the standard's volume of each delivery at its reference temperature, last axis
    deliveries, as are `standard_temperatures_c`, the water's temperatures in it; `temperature_c` the water's
    in the vessel. V0 = Σ Vs ρ(ts) (1 + γs (ts - t0s)) · (1 - γ (t - t0)) / ρ(t): EURAMET cg-21, mass form;
    NIST SOP 18, 19.
    Raises `OutOfRangeError` outside the range of the water's density.
    """
    volumes, ts = np.asarray(standard_volumes_l), np.asarray(standard_temperatures_c)
    grown = 1 + np.asarray(standard_expansion_per_c) * (ts - np.asarray(standard_reference_c))
    mass = np.sum(volumes * water_density(ts, pressure_hpa) * grown, axis=-1)
    factor = expansion_factor(expansion_per_c, temperature_c, reference_c)
    return np.asarray(mass / water_density(temperature_c, pressure_hpa) * factor)


@dataclass(frozen=True)
class StandardDelivery:
    """One delivery of the standard: its neck reading from nominal in mL, and its water's temperature in °C.

    `reading_ml`: more water than nominal is positive; its uncertainty is the reading's own, for each
    delivery anew.
    """

    reading_ml: Measured
    temperature_c: float


@dataclass(frozen=True)
class StandardMeasure:
    """The standard: volume in L at its reference temperature, coefficient of expansion, both with
    uncertainties.
    """

    volume_l: Measured
    expansion_per_c: Measured
    reference_c: float
    source: str


@dataclass(frozen=True)
class Receiver:
    """The vessel: its neck reading from nominal in mL after the last delivery, and what belongs to it."""

    reading_ml: Measured
    temperature_c: float
    expansion_per_c: Measured
    reference_c: float
    source: str


def transfer_model(
    standard: StandardMeasure,
    deliveries: Sequence[StandardDelivery],
    receiver: Receiver,
    *,
    thermometer_u_c: float,
    same_thermometer: bool,
) -> Model:
    """The model of the vessel's volume in L at its nominal mark and reference temperature.

    The standard's volume and coefficient are one input each, whatever the number of deliveries: their errors
    add up.
    `same_thermometer`: standard and vessel were measured with one, and its error is one input; otherwise two.
    Raises `CalibrationError` without deliveries, or for a thermometer's uncertainty that is not one.
    """
    if not deliveries:
        raise CalibrationError("a transfer needs at least one delivery of the standard")
    if not (isfinite(thermometer_u_c) and thermometer_u_c >= 0):
        raise CalibrationError(
            f"the thermometer's standard uncertainty must be finite and ≥ 0 °C, not {thermometer_u_c}"
        )
    readings = [f"r_{i}" for i in range(1, len(deliveries) + 1)]
    second = "dt_s" if same_thermometer else "dt_x"

    def volume_l(q: Quantities) -> Any:
        delivered = np.stack([q["v_s"] + q[symbol] / 1000.0 for symbol in readings], axis=-1)
        temperatures = np.stack([d.temperature_c + q["dt_s"] for d in deliveries], axis=-1)
        mass_volume = transferred_volume_l(
            delivered,
            temperatures,
            receiver.temperature_c + q[second],
            standard_expansion_per_c=np.asarray(q["gamma_s"])[..., np.newaxis],
            standard_reference_c=standard.reference_c,
            expansion_per_c=q["gamma_x"],
            reference_c=receiver.reference_c,
        )
        # A density that is off by the same factor at both temperatures cancels; the formula's shape remains.
        return mass_volume * (1 + q["k_w"]) - q["r_x"] / 1000.0

    inputs = [
        measured_input("v_s", standard.volume_l, "L", "volume of the standard", standard.source),
        measured_input(
            "gamma_s", standard.expansion_per_c, "1/°C", "cubical expansion of the standard", standard.source
        ),
        measured_input(
            "gamma_x", receiver.expansion_per_c, "1/°C", "cubical expansion of the vessel", receiver.source
        ),
        measured_input("r_x", receiver.reading_ml, "mL", "neck reading of the vessel", "reading"),
        Input(
            "dt_s", 0.0, thermometer_u_c, "°C", quantity="thermometer in the standard", source="certificate"
        ),
        Input(
            "k_w",
            0.0,
            DENSITY_RATIO_U,
            "1",
            quantity="ratio of the water's densities",
            source=DENSITY_RATIO_SOURCE,
        ),
    ]
    if not same_thermometer:
        inputs.append(
            Input(
                "dt_x", 0.0, thermometer_u_c, "°C", quantity="thermometer in the vessel", source="certificate"
            )
        )
    inputs += [
        measured_input(symbol, d.reading_ml, "mL", f"neck reading of the standard, delivery {i}", "reading")
        for i, (symbol, d) in enumerate(zip(readings, deliveries, strict=True), start=1)
    ]
    return Model(volume_l, tuple(inputs))


def measured_input(symbol: str, measured: Measured, unit: str, quantity: str, source: str) -> Input:
    """The input of a value that was measured, with its uncertainty and degrees of freedom."""
    return Input(symbol, measured.value, measured.u, unit, dof=measured.dof, quantity=quantity, source=source)

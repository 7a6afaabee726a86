"""Volume of a tank or neck by increments through a master meter, the level read after each.

ISO 4269 (tank calibration by liquid measurement, incremental method, with meters): the liquid that passed
the meter fills the tank; its volume is carried from the meter's temperature and pressure to the tank's by
its density, and the tank's shell to the reference temperature by its expansion.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.errors import CalibrationError, OutOfRangeError
from calibration.propagation import Input, Model, Quantities, propagate_jointly
from calibration.properties.liquids import Liquid
from calibration.quantity import Measured

Array = NDArray[np.float64]


@dataclass(frozen=True)
class MasterMeter:
    """A master meter by its calibration: K-factor in pulses/L at flow rates in L/min, linear between them.

    `k_relative_u`: relative standard uncertainty that all its K-factors share (its calibration);
    `repeatability_relative_u`: that of one increment, independent from the others.
    Raises `CalibrationError` for a calibration that is not one.
    """

    flows_l_min: tuple[float, ...]
    k_factors_per_l: tuple[float, ...]
    k_relative_u: float
    repeatability_relative_u: float
    source: str

    def __post_init__(self) -> None:
        flows, factors = np.array(self.flows_l_min), np.array(self.k_factors_per_l)
        if flows.size < 1 or flows.shape != factors.shape or np.any(np.diff(flows) <= 0):
            raise CalibrationError(
                "a meter's calibration has one K-factor at each of its increasing flow rates, "
                f"not {factors.size} at {', '.join(f'{flow:g}' for flow in self.flows_l_min)} L/min"
            )
        if not (np.all(np.isfinite(factors)) and np.all(factors > 0)):
            raise CalibrationError(
                f"a meter's K-factors must be positive, not {np.min(factors):g} pulses per litre"
            )
        if not (0 <= self.k_relative_u < 1 and 0 <= self.repeatability_relative_u < 1):
            raise CalibrationError(
                "a meter's relative standard uncertainties must lie between 0 and 1, "
                f"not {self.k_relative_u:g} and {self.repeatability_relative_u:g}"
            )

    def k_factor(self, flow_l_min: float) -> float:
        """Pulses per litre at a flow rate. Raises `OutOfRangeError` outside the calibrated flow rates."""
        low, high = self.flows_l_min[0], self.flows_l_min[-1]
        if not low <= flow_l_min <= high:
            raise OutOfRangeError(
                f"flow rate: {flow_l_min:g} L/min is outside the meter's {low:g} to {high:g} L/min"
            )
        return float(np.interp(flow_l_min, self.flows_l_min, self.k_factors_per_l))


@dataclass(frozen=True)
class Increment:
    """One increment: pulses at a flow rate, liquid at the meter and then in the tank, the level read after
    it.

    Temperatures in °C, absolute pressures in hPa, `reading` in the gauge's unit.
    """

    pulses: float
    flow_l_min: float
    meter_temperature_c: float
    meter_pressure_hpa: float
    tank_temperature_c: float
    tank_pressure_hpa: float
    reading: float


@dataclass(frozen=True)
class Shell:
    """The tank's shell: coefficient of cubical expansion, reference temperature in °C, volume below the
    first level.

    `start_l`: what is in the tank before the first increment, at the reference temperature, with its
    uncertainty.
    """

    expansion_per_c: Measured
    reference_c: float
    start_l: Measured
    start_temperature_c: float
    source: str


def incremental_model(
    meter: MasterMeter,
    increments: Sequence[Increment],
    shell: Shell,
    liquid: Liquid,
    *,
    meter_thermometer_u_c: float,
    tank_thermometer_u_c: float,
) -> Model:
    """The model of the volumes in L at the reference temperature after each increment: one output each.

    The meter's K-factor, both thermometers and the shell's coefficient are shared by all increments: their
    errors do not average out. Each increment's repeatability and resolution (one pulse, rectangular) is its
    own.
    Raises `CalibrationError` without increments, `OutOfRangeError` for a flow rate outside the meter's
    calibration.
    """
    if not increments:
        raise CalibrationError("an incremental calibration needs at least one increment")
    metered = np.array([i.pulses / meter.k_factor(i.flow_l_min) for i in increments])
    if np.any(metered <= 0):
        at = int(np.argmax(metered <= 0))
        raise CalibrationError(
            f"increment {at + 1} has {increments[at].pulses:g} pulses, {metered[at]:g} L: "
            "each must add liquid"
        )
    meter_t, meter_p = (
        np.array([getattr(i, f"meter_{n}") for i in increments]) for n in ("temperature_c", "pressure_hpa")
    )
    tank_t, tank_p = (
        np.array([getattr(i, f"tank_{n}") for i in increments]) for n in ("temperature_c", "pressure_hpa")
    )
    own = [f"e_{n}" for n in range(1, len(increments) + 1)]

    def volumes_l(q: Quantities) -> Any:
        def of(symbol: str) -> Any:
            return np.asarray(q[symbol])[..., np.newaxis]

        errors = np.stack([np.asarray(q[symbol]) for symbol in own], axis=-1)
        passed = metered * (1 + errors) / (1 + of("k_k"))
        at_meter = liquid.density(meter_t + of("dt_m"), meter_p)
        # What was there at first warms and cools with the rest, so it counts by its mass too.
        first_t = shell.start_temperature_c + of("dt_t")
        first = liquid.density(first_t, tank_p[0]) * (1 + of("gamma") * (first_t - shell.reference_c))
        mass = of("v_0") * first + np.cumsum(passed * at_meter, axis=-1)
        in_tank = liquid.density(tank_t + of("dt_t"), tank_p)
        warmth = tank_t + of("dt_t") - shell.reference_c
        return mass / in_tank * (1 - of("gamma") * warmth)

    g, start = shell.expansion_per_c, shell.start_l
    shared = [
        Input(
            "v_0",
            start.value,
            start.u,
            "L",
            dof=start.dof,
            quantity="volume before the first increment",
            source=shell.source,
        ),
        Input(
            "k_k",
            0.0,
            meter.k_relative_u,
            "1",
            quantity="K-factor of the meter, relative",
            source=meter.source,
        ),
        Input(
            "dt_m",
            0.0,
            meter_thermometer_u_c,
            "°C",
            quantity="thermometer at the meter",
            source="certificate",
        ),
        Input(
            "dt_t", 0.0, tank_thermometer_u_c, "°C", quantity="thermometer in the tank", source="certificate"
        ),
        Input(
            "gamma",
            g.value,
            g.u,
            "1/°C",
            dof=g.dof,
            quantity="cubical expansion of the shell",
            source=shell.source,
        ),
    ]
    each = [
        Input(
            symbol,
            0.0,
            sqrt(meter.repeatability_relative_u**2 + 1 / (12 * i.pulses**2)),
            "1",
            quantity=f"repeatability and resolution of increment {n}, relative",
            source=meter.source,
        )
        for n, (symbol, i) in enumerate(zip(own, increments, strict=True), start=1)
    ]
    return Model(volumes_l, (*shared, *each))


def incremental_volumes(model: Model) -> tuple[Array, Array]:
    """Volumes in L after each increment, shape (n,), and their covariance matrix, shape (n, n), to fit a
    curve to.
    """
    return propagate_jointly(model)

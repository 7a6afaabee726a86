"""The measurement model of a gravimetric run: all its deliveries at once, with the inputs that they share.

Every calibration error of an instrument is one input that all deliveries share, so it is not divided by the
number of repeats; what differs from delivery to delivery is their repeatability.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import pi, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.deliveries import Ambient, Delivery
from calibration.errors import CalibrationError, UnknownQuantityError
from calibration.propagation import Distribution, Input, Model, Quantities, bounded
from calibration.properties.air import FORMULA_RELATIVE_U, FORMULA_SOURCE, air_density
from calibration.properties.water import (
    AIR_SATURATION_RANGE_C,
    PURE_WATER_RELATIVE_U,
    PURE_WATER_SOURCE,
    air_saturation_correction,
    water_density,
)
from calibration.run_settings import Item, Standards
from calibration.volumes import gravimetric_volume_l, z_factor
from calibration.water_temperature import WaterTemperature, water_inputs

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ReadingScale:
    """Millilitres per unit of the reading, and the input for their uncertainty where they are not exact."""

    ml_per_unit: float
    bore: Input | None

    @property
    def inputs(self) -> tuple[Input, ...]:
        """What a model needs for `per_unit`."""
        return () if self.bore is None else (self.bore,)

    def per_unit(self, q: Quantities) -> Any:
        """Millilitres per unit for values of a model's inputs."""
        return self.ml_per_unit if self.bore is None else pi / 4 * q[self.bore.symbol] ** 2 / 1000.0


def reading_scale(item: Item, unit: str) -> ReadingScale:
    """How a reading in `unit` becomes millilitres: mL, L and % of the nominal volume exactly, mm by the
    neck's bore.

    Raises `UnknownQuantityError` where the bore or its uncertainty is needed and not known,
    `CalibrationError` for any other unit.
    """
    exact = {"mL": 1.0, "L": 1000.0, "%": 10.0 * item.nominal_l}
    if unit in exact:
        return ReadingScale(exact[unit], None)
    if unit != "mm":
        raise CalibrationError(f"a level must be read in {', '.join(exact)} or mm, not in {unit!r}")
    if item.neck_bore_mm is None or item.neck_bore_standard_uncertainty_mm is None:
        raise UnknownQuantityError(
            "measure.neck_bore_mm and measure.neck_bore_standard_uncertainty_mm are needed for a scale in mm"
        )
    bore = Input(
        "d_neck",
        item.neck_bore_mm,
        item.neck_bore_standard_uncertainty_mm,
        "mm",
        quantity="bore of the neck",
        source="description of the item",
    )
    return ReadingScale(pi / 4 * item.neck_bore_mm**2 / 1000.0, bore)


@dataclass(frozen=True)
class GravimetricRun:
    """The deliveries of a run, the item and the standards; builds the models of its volumes and of its
    error.
    """

    deliveries: tuple[Delivery, ...]
    item: Item
    standards: Standards
    scale: ReadingScale
    water: WaterTemperature = field(default_factory=WaterTemperature)

    def volumes_model(self) -> Model:
        """The model of the volumes in mL at the reference temperature, one output per delivery.

        Its inputs are what the deliveries share; `independent_u_ml` has what they do not.
        """
        return Model(self._volumes_ml, self._shared_inputs(self.deliveries))

    def error_model(self, at_mark: Sequence[Delivery], repeatability: Input, common_reading: Input) -> Model:
        """The model of the mean error in mL of the deliveries `at_mark`: indicated minus true.

        `common_reading` is the error that all readings share, in the reading's unit; `repeatability` what is
        left of the deliveries' own scatter in their mean, in mL.
        """
        chosen = replace(self, deliveries=tuple(at_mark))
        reading = float(np.mean([d.level.value for d in at_mark]))

        def error_ml(q: Quantities) -> Any:
            indicated = 1000.0 * self.item.nominal_l + self.scale.per_unit(q) * (
                reading + q[common_reading.symbol]
            )
            volumes = chosen._volumes_ml(q)
            return indicated - volumes.mean(axis=-1) + q[repeatability.symbol]

        inputs = [
            repeatability,
            common_reading,
            *self._shared_inputs(at_mark),
            *self.scale.inputs,
        ]
        return Model(error_ml, tuple(inputs))

    def independent_u_ml(self) -> tuple[Array, Array]:
        """Standard uncertainties in mL of the full and of the drained weighing's own scatter, shape
        (deliveries,).

        From the scatter of the indications and the resolution (rectangular). A drained weighing is shared by
        the deliveries of its repeat.
        """
        z = np.array([self._z_ml_per_g(d.ambient) for d in self.deliveries])
        rounding = self.standards.balance_resolution_g**2 / 12.0
        full = np.array([sqrt(d.full.scatter_g**2 + rounding) for d in self.deliveries])
        drained = np.array([sqrt(d.drained.scatter_g**2 + rounding) for d in self.deliveries])
        return z * full, z * drained

    def _z_ml_per_g(self, ambient: Ambient) -> float:
        water = water_density(ambient.water_c, ambient.pressure_hpa)
        air = air_density(ambient.air_c, ambient.pressure_hpa, ambient.humidity_pct)
        return float(z_factor(water, air, self.standards.weights_density_kg_m3.value))

    def _volumes_ml(self, q: Quantities) -> Any:
        """Volumes in mL, shape (…, deliveries), for inputs of shape (…)."""
        offsets = self._offsets

        def of(symbol: str) -> Any:
            return np.asarray(q[symbol])[..., np.newaxis] + offsets.get(symbol, 0.0)

        water_c, pressure = self.water.of_inputs(of), of("p")
        dissolved = air_saturation_correction(np.minimum(np.real(water_c), AIR_SATURATION_RANGE_C[1]))
        water = (water_density(water_c, pressure) + of("s_air") * dissolved) * (1 + of("k_w"))
        air = air_density(of("t_a"), pressure, of("h")) * (1 + of("k_a"))
        return 1000.0 * gravimetric_volume_l(
            of("m_full") - of("m_drained"),
            water_density_kg_m3=water,
            air_density_kg_m3=air,
            weights_density_kg_m3=of("rho_b"),
            cubic_expansion_per_c=of("gamma"),
            vessel_temperature_c=of("t_v"),
            reference_temperature_c=self.item.reference_temperature_c,
        )

    @property
    def _measured(self) -> dict[str, Array]:
        """What was measured for each delivery, by the symbol of the input whose error they share."""
        ds = self.deliveries
        return {
            "m_full": np.array([d.full.mean_g for d in ds]),
            "m_drained": np.array([d.drained.mean_g for d in ds]),
            "t_w": np.array([d.ambient.water_c for d in ds]),
            "t_v": np.array([d.ambient.vessel_c for d in ds]),
            "t_a": np.array([d.ambient.air_c for d in ds]),
            "p": np.array([d.ambient.pressure_hpa for d in ds]),
            "h": np.array([d.ambient.humidity_pct for d in ds]),
            **{
                one.symbol: np.array([d.thermometers[one.instrument].value for d in ds])
                for one in self.water.thermometers
            },
        }

    @property
    def _offsets(self) -> dict[str, Array]:
        """Each delivery's distance from the mean of all of them: constants of the model."""
        return {symbol: values - values.mean() for symbol, values in self._measured.items()}

    def _shared_inputs(self, among: Sequence[Delivery]) -> tuple[Input, ...]:
        """The inputs that the deliveries share; the value of a measured one is its mean."""
        means = {
            symbol: float(values.mean())
            for symbol, values in replace(self, deliveries=tuple(among))._measured.items()
        }
        s, gamma = self.standards, self.item.cubic_expansion_per_c

        def read(symbol: str, u: float, unit: str, quantity: str, source: str) -> Input:
            return Input(symbol, means[symbol], u, unit, quantity=quantity, source=source)

        weights = s.weights_density_kg_m3
        return (
            read(
                "m_full",
                s.balance_u_g,
                "g",
                "balance, full",
                f"{s.balance_source}; independent of the drained load",
            ),
            read("m_drained", s.balance_u_g, "g", "balance, drained", s.balance_source),
            *water_inputs(self.water, means, s),
            read("t_v", s.vessel_u_c, "°C", "temperature of the vessel", s.thermometers_source),
            read("t_a", s.air_u_c, "°C", "temperature of the air", s.thermometers_source),
            read("p", s.pressure_u_hpa, "hPa", "pressure of the air", s.barometer_source),
            read("h", s.humidity_u_pct, "%", "humidity of the air", s.barometer_source),
            Input(
                "gamma",
                gamma.value,
                gamma.u,
                "1/°C",
                quantity="cubical expansion of the vessel",
                source=self.item.expansion_source,
            ),
            Input(
                "rho_b",
                weights.value,
                weights.u,
                "kg/m³",
                Distribution.NORMAL if weights.u > 0 else Distribution.EXACT,
                quantity="density of the balance's weights",
                source="conventional value, exact (OIML R 111-1)" if weights.u == 0 else s.balance_source,
            ),
            Input(
                "k_w",
                0.0,
                PURE_WATER_RELATIVE_U,
                "1",
                quantity="density of pure water, relative",
                source=PURE_WATER_SOURCE,
            ),
            bounded(
                "s_air",
                0.5,
                0.5,
                quantity="air dissolved in the water, of saturation",
                source="not measured: anything from air-free to saturated (Tanaka 2001)",
            ),
            Input(
                "k_a",
                0.0,
                FORMULA_RELATIVE_U,
                "1",
                quantity="formula of the density of air, relative",
                source=FORMULA_SOURCE,
            ),
        )

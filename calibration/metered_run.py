"""The measurement model of fillings through a master meter: all of them at once, with what they share.

The water that passed the meter, by its K-factor at the flow, is carried by its density from the meter's
temperature and pressure to those in the measure, and the measure's shell to its reference temperature
(ISO 4269, incremental method with meters, for a single increment).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.gravimetric_run import ReadingScale
from calibration.incremental import MasterMeter
from calibration.metered_fills import MeteredFill
from calibration.propagation import Input, Model, Quantities
from calibration.properties.range import demand_range
from calibration.properties.water import water_compressibility, water_density
from calibration.run_settings import Item, Standards
from calibration.section import Section, settings_section
from calibration.transfer import DENSITY_RATIO_SOURCE, DENSITY_RATIO_U
from calibration.volumes import expansion_factor
from calibration.water_temperature import SENSOR, WaterTemperature, water_inputs

Array = NDArray[np.float64]
# Up to here water's compressibility changes by less than half a per cent of itself: 1e-6 of a volume.
LINE_RANGE_KPA = (-100.0, 1000.0)


@dataclass(frozen=True)
class MeterStandard:
    """The master meter's certificate, with the standard uncertainties of the thermometer in °C and of the
    pressure transmitter in kPa beside it.
    """

    meter: MasterMeter
    thermometer_u_c: float
    pressure_u_kpa: float
    pressure_source: str


def meter_standard(settings: Mapping[str, Any]) -> MeterStandard:
    """The meter from the data of a record's first line. Raises `UnknownQuantityError` for what is missing,
    `CalibrationError` for what is wrong.
    """
    rig = settings_section(settings).section("rig")
    meter, pressure = (rig.section("standards").section(name) for name in ("meter", "line_pressure"))
    return MeterStandard(
        MasterMeter(
            meter.numbers("flows_l_min"),
            meter.numbers("k_factors_per_l"),
            meter.number("k_relative_standard_uncertainty", at_least=0),
            meter.number("repeatability_relative_standard_uncertainty", at_least=0),
            _certificate(meter),
        ),
        meter.number("thermometer_standard_uncertainty_c", at_least=0),
        pressure.number("standard_uncertainty_kpa", at_least=0),
        _certificate(pressure),
    )


def _certificate(section: Section) -> str:
    parts = [section.text("name"), section.text("serial"), f"certificate {section.text('certificate')}"]
    return ", ".join(parts)


@dataclass(frozen=True)
class MeteredRun:
    """The fillings of a run, the item and the standards."""

    fills: tuple[MeteredFill, ...]
    item: Item
    standards: Standards
    standard: MeterStandard
    scale: ReadingScale
    water: WaterTemperature

    def volumes_model(self) -> Model:
        """The model of the volumes in mL at the reference temperature, one output a filling, with the inputs
        that all share.
        """
        return Model(self._volumes_ml, self._shared_inputs())

    def error_model(self, repeatability: Input, common_reading: Input) -> Model:
        """The model of the fillings' mean error in mL: indicated minus true.

        `common_reading` is the error that all readings share, in the reading's unit; `repeatability` what is
        left of the fillings' own scatter in their mean, in mL.
        """
        reading = float(np.mean([fill.level.value for fill in self.fills]))

        def error_ml(q: Quantities) -> Any:
            indicated = 1000.0 * self.item.nominal_l + self.scale.per_unit(q) * (
                reading + q[common_reading.symbol]
            )
            return indicated - self._volumes_ml(q).mean(axis=-1) + q[repeatability.symbol]

        inputs = [repeatability, common_reading, *self._shared_inputs(), *self.scale.inputs]
        return Model(error_ml, tuple(inputs))

    def independent_u_ml(self) -> Array:
        """Standard uncertainty in mL of what the meter does by itself in each filling, shape (fillings,): its
        repeatability from dose to dose, and whole pulses before and after (rectangular).
        """
        litres = self._litres
        pulse_l = 1.0 / float(np.mean(self.standard.meter.k_factors_per_l))
        scatter = (self.standard.meter.repeatability_relative_u * litres) ** 2
        return np.asarray(1000.0 * np.sqrt(scatter.sum(axis=-1) + 2 * pulse_l**2 / 12))

    @property
    def _litres(self) -> Array:
        """What the meter tells by its K-factor, in L, shape (fillings, kinds of dose): 0 where none was."""
        return self._of_doses(lambda dose: dose.pulses / self.standard.meter.k_factor(dose.flow_l_min), 0.0)

    def _of_doses(self, of: Any, none: float) -> Array:
        kinds = sorted({dose.opcode for fill in self.fills for dose in fill.doses})
        rows = [{dose.opcode: of(dose) for dose in fill.doses} for fill in self.fills]
        return np.array([[row.get(kind, none) for kind in kinds] for row in rows], dtype=np.float64)

    def _volumes_ml(self, q: Quantities) -> Any:
        """Volumes in mL, shape (…, fillings), for inputs of shape (…)."""
        offsets = self._offsets

        def of(symbol: str) -> Any:
            return np.asarray(q[symbol])[..., np.newaxis] + offsets.get(symbol, 0.0)

        air_hpa = np.array([fill.pressure_hpa for fill in self.fills])
        meter_c, line_kpa = (
            np.asarray(q[symbol])[..., np.newaxis, np.newaxis] + offsets[symbol] for symbol in ("t_m", "p_m")
        )
        demand_range("pressure at the meter", line_kpa, *LINE_RANGE_KPA, "kPa above the air's")
        pressed = 1 + 1000.0 * water_compressibility(meter_c) * line_kpa
        at_meter = water_density(meter_c, air_hpa[:, np.newaxis]) * pressed
        mass = (self._litres * at_meter).sum(axis=-1) / (1 + of("k_k"))
        inside = water_density(self.water.of_inputs(of), air_hpa)
        shell = expansion_factor(of("gamma"), of("t_v"), self.item.reference_temperature_c)
        return 1000.0 * mass / inside * (1 + of("k_w")) * shell

    @property
    def _measured(self) -> dict[str, Array]:
        """What was measured, by the symbol of the input whose error the fillings share."""
        fills = self.fills
        mean_c = float(np.mean([dose.meter_c for fill in fills for dose in fill.doses]))
        mean_kpa = float(np.mean([dose.line_kpa for fill in fills for dose in fill.doses]))
        return {
            "t_m": self._of_doses(lambda dose: dose.meter_c, mean_c),
            "p_m": self._of_doses(lambda dose: dose.line_kpa, mean_kpa),
            SENSOR: np.array([fill.water_c for fill in fills]),
            "t_v": np.array([fill.vessel_c for fill in fills]),
            **{
                one.symbol: np.array([fill.thermometers[one.instrument].value for fill in fills])
                for one in self.water.thermometers
            },
        }

    @property
    def _offsets(self) -> dict[str, Array]:
        """Each one's distance from the mean of all: constants of the model."""
        return {symbol: values - values.mean() for symbol, values in self._measured.items()}

    def _shared_inputs(self) -> tuple[Input, ...]:
        means = {symbol: float(values.mean()) for symbol, values in self._measured.items()}
        s, standard, gamma = self.standards, self.standard, self.item.cubic_expansion_per_c
        meter = standard.meter
        return (
            Input(
                "k_k",
                0.0,
                meter.k_relative_u,
                quantity="K-factor of the meter, relative",
                source=meter.source,
            ),
            Input(
                "t_m",
                means["t_m"],
                standard.thermometer_u_c,
                "°C",
                quantity="temperature of the water at the meter",
                source=f"{meter.source}; independent of the one in the measure",
            ),
            Input(
                "p_m",
                means["p_m"],
                standard.pressure_u_kpa,
                "kPa",
                quantity="pressure of the water at the meter",
                source=standard.pressure_source,
            ),
            *water_inputs(self.water, means, s),
            Input(
                "t_v",
                means["t_v"],
                s.vessel_u_c,
                "°C",
                quantity="temperature of the vessel",
                source=s.thermometers_source,
            ),
            Input(
                "gamma",
                gamma.value,
                gamma.u,
                "1/°C",
                dof=gamma.dof,
                quantity="cubical expansion of the vessel",
                source=self.item.expansion_source,
            ),
            Input(
                "k_w",
                0.0,
                DENSITY_RATIO_U,
                quantity="ratio of the water's densities",
                source=DENSITY_RATIO_SOURCE,
            ),
        )


def expected_ml(run: MeteredRun, fills: Sequence[MeteredFill]) -> float:
    """Standard deviation in mL that the meter and the frames alone would give the fillings' errors."""
    chosen = np.array([fill in fills for fill in run.fills])
    readings = run.scale.ml_per_unit * np.array([fill.level.u_random for fill in run.fills])
    return sqrt(float(np.mean((run.independent_u_ml() ** 2 + readings**2)[chosen])))

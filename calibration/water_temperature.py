"""The water's temperature: the mean of the rig's sensor and the thermometers that cameras read beside it.

Each counts by the inverse square of its standard uncertainty, which makes the mean's the smallest
(JCGM 100:2008, 5.1, with weights as constants). Instruments that do not agree have no mean to speak of: then
the run has no verdict.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any, Protocol

from calibration.deliveries import GaugeReading
from calibration.gauges import WATER, GaugeStandard
from calibration.propagation import Input
from calibration.run_settings import Standards

AGREEMENT_FACTOR = 3.0  # standard uncertainties of the difference; three good pairs in a thousand exceed it
SENSOR = "t_w"
_SMALLEST_U_C = 1e-6  # a certificate that says 0 does not make the other instruments worthless


class Full(Protocol):
    """A full measure: what the rig's sensor and the thermometers said of its water, in °C."""

    @property
    def water_c(self) -> float:
        """The sensor."""
        ...

    @property
    def thermometers(self) -> Mapping[str, GaugeReading]:
        """The thermometers that a camera read, by instrument."""
        ...


@dataclass(frozen=True)
class Thermometer:
    """A thermometer that counts: its weight in the mean, the standard uncertainties of its certificate and of
    its readings by camera, in °C. `symbol` is its indication in the model, `reading_symbol` the readings'
    common error.
    """

    instrument: str
    symbol: str
    reading_symbol: str
    weight: float
    certificate_u_c: float
    reading_u_c: float
    source: str


@dataclass(frozen=True)
class WaterTemperature:
    """How the water's temperature is made: the sensor's weight, and the thermometers'; together 1."""

    sensor_weight: float = 1.0
    thermometers: tuple[Thermometer, ...] = ()

    def combined(self, indicated: Mapping[str, Any]) -> Any:
        """The mean in °C from the indications (and the reading's errors, where there are any) by symbol."""
        mean = self.sensor_weight * indicated[SENSOR]
        for one in self.thermometers:
            mean = mean + one.weight * (indicated[one.symbol] + indicated.get(one.reading_symbol, 0.0))
        return mean

    def of_inputs(self, value: Callable[[str], Any]) -> Any:
        """The mean in °C where `value` gives a model's inputs by symbol, shaped for its outputs."""
        symbols = [symbol for one in self.thermometers for symbol in (one.symbol, one.reading_symbol)]
        return self.combined({symbol: value(symbol) for symbol in (SENSOR, *symbols)})

    def of(self, delivery: Full) -> float:
        """The mean in °C in one full measure."""
        readings = {one.symbol: delivery.thermometers[one.instrument].value for one in self.thermometers}
        return float(self.combined({SENSOR: delivery.water_c, **readings}))


def water_temperature(
    ds: Sequence[Full], standards: Standards, gauges: Sequence[GaugeStandard]
) -> WaterTemperature:
    """The sensor alone, or with every thermometer that was read in each of the deliveries `ds`."""
    found: list[tuple[GaugeStandard, float]] = []
    for gauge in gauges:
        readings = [d.thermometers[gauge.instrument].u for d in ds if gauge.instrument in d.thermometers]
        if gauge.shows == WATER and ds and len(readings) == len(ds):
            found.append((gauge, max(readings)))
    sensor = _precision(standards.water_u_c)
    precisions = [_precision(sqrt(gauge.u**2 + u**2)) for gauge, u in found]
    total = sensor + sum(precisions)
    return WaterTemperature(
        sensor / total,
        tuple(
            Thermometer(gauge.instrument, f"t_{n}", f"r_{n}", precision / total, gauge.u, u, gauge.source)
            for n, ((gauge, u), precision) in enumerate(zip(found, precisions, strict=True), start=1)
        ),
    )


def water_inputs(
    water: WaterTemperature, means: Mapping[str, float], standards: Standards
) -> tuple[Input, ...]:
    """The inputs of `WaterTemperature.combined`, with the mean indications by symbol as their values."""
    return (
        Input(
            SENSOR,
            means[SENSOR],
            standards.water_u_c,
            "°C",
            quantity="temperature of the water",
            source=standards.thermometers_source,
        ),
        *(
            each
            for one in water.thermometers
            for each in (
                Input(
                    one.symbol,
                    means[one.symbol],
                    one.certificate_u_c,
                    "°C",
                    quantity=f"temperature of the water by {one.instrument}",
                    source=one.source,
                ),
                Input(
                    one.reading_symbol,
                    0.0,
                    one.reading_u_c,
                    "°C",
                    quantity=f"reading of {one.instrument}, common to the repeats",
                    source="the reader's terms; the largest of the run's readings",
                ),
            )
        ),
    )


def disagreements(water: WaterTemperature, ds: Sequence[Full], standards: Standards) -> list[str]:
    """A sentence for each thermometer whose mean difference from the sensor is more than the uncertainties
    of both allow.
    """
    found = []
    for one in water.thermometers:
        mean = sum(d.thermometers[one.instrument].value - d.water_c for d in ds) / len(ds)
        u = sqrt(one.certificate_u_c**2 + one.reading_u_c**2 + standards.water_u_c**2)
        if abs(mean) > AGREEMENT_FACTOR * u:
            found.append(
                f"{one.instrument} differs from the rig's sensor by {mean:+.3f} °C, "
                f"and at most {AGREEMENT_FACTOR * u:.3f} °C are explained by their uncertainties"
            )
    return found


def unread(water: WaterTemperature, gauges: Sequence[GaugeStandard]) -> list[str]:
    """The thermometers that do not count because they were not read in every delivery."""
    used = {one.instrument for one in water.thermometers}
    return [gauge.instrument for gauge in gauges if gauge.shows == WATER and gauge.instrument not in used]


def _precision(u_c: float) -> float:
    return float(1.0 / max(u_c, _SMALLEST_U_C) ** 2)

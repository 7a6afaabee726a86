"""The water's temperature: the mean of the rig's sensor and the thermometers that cameras read beside it.

Each counts by the inverse square of its standard uncertainty, which makes the mean's the smallest
(JCGM 100:2008, 5.1, with weights as constants). Instruments that do not agree have no mean to speak of: then
the run has no verdict.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

from calibration.deliveries import Delivery
from calibration.gauges import WATER, GaugeStandard
from calibration.run_settings import Standards

AGREEMENT_FACTOR = 3.0  # standard uncertainties of the difference; three good pairs in a thousand exceed it
SENSOR = "t_w"
_SMALLEST_U_C = 1e-6  # a certificate that says 0 does not make the other instruments worthless


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

    def of(self, delivery: Delivery) -> float:
        """The mean in °C at one delivery's full weighing."""
        readings = {one.symbol: delivery.thermometers[one.instrument].value for one in self.thermometers}
        return float(self.combined({SENSOR: delivery.ambient.water_c, **readings}))


def water_temperature(
    ds: Sequence[Delivery], standards: Standards, gauges: Sequence[GaugeStandard]
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


def disagreements(water: WaterTemperature, ds: Sequence[Delivery], standards: Standards) -> list[str]:
    """A sentence for each thermometer whose mean difference from the sensor is more than the uncertainties
    of both allow.
    """
    found = []
    for one in water.thermometers:
        mean = sum(d.thermometers[one.instrument].value - d.ambient.water_c for d in ds) / len(ds)
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

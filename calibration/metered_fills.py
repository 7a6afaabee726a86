"""The fillings of a run by its master meter, from the lines of its record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from calibration.deliveries import GaugeReading, Level, level_of
from calibration.gauges import WATER
from calibration.section import Section, line_section


@dataclass(frozen=True)
class Dose:
    """What one kind of dose let in since the measure was empty: pulses, and on average the flow in L/min, the
    water's temperature in °C and its pressure above the air's in kPa at the meter.
    """

    opcode: str
    pulses: float
    flow_l_min: float
    meter_c: float
    line_kpa: float


@dataclass(frozen=True)
class MeteredFill:
    """A level and what was let in to reach it since the measure was empty; temperatures in °C, the air's
    pressure in hPa. `drip_*_s` is the drip before the measure was filled; `thermometers` are those that a
    camera read in the water.
    """

    repeat: int
    target: float
    level: Level
    doses: tuple[Dose, ...]
    water_c: float
    vessel_c: float
    pressure_hpa: float
    drip_required_s: float | None
    drip_waited_s: float | None
    thermometers: Mapping[str, GaugeReading] = field(default_factory=dict)


@dataclass
class _Open:
    """What has come in of the filling under way."""

    drip: tuple[float, float] | None = None
    level: tuple[float, Level] | None = None
    thermometers: dict[str, GaugeReading] = field(default_factory=dict)


def metered_fills(lines: Sequence[Mapping[str, Any]]) -> tuple[MeteredFill, ...]:
    """The complete fillings by repeat and target; one that was begun over counts as it was done last.

    Raises `UnknownQuantityError` that names a missing value, `CalibrationError` for a line that is not as
    docs/reference/record.md says.
    """
    found: dict[tuple[int, float], MeteredFill] = {}
    now = _Open()
    for line in lines:
        data = line_section(line)
        match line.get("kind"):
            case "drip":
                now.drip = (data.number("required_s", at_least=0), data.number("waited_s", at_least=0))
            case "step" if data.text("step") in {"empty", "fill"}:
                now.level, now.thermometers = None, {}
            case "observation":
                _take_observation(now, data)
            case "metered" if now.level is not None and now.level[0] == data.number("target"):
                fill = _fill(now, now.level[1], data)
                found[fill.repeat, fill.target] = fill
            case _:
                pass
    return tuple(found[key] for key in sorted(found))


def _take_observation(now: _Open, data: Section) -> None:
    if data.optional_text("reason") or not data.has("value"):
        return
    purpose = data.text("purpose")
    if purpose == "measure":
        now.level = (data.number("target"), level_of(data))
    elif purpose == "gauge" and data.text("shows") == WATER:
        if data.text("unit") != "degC":
            raise data.fail("unit", f"must be degC for a thermometer in the water, not {data.text('unit')!r}")
        reading = GaugeReading(data.number("value"), data.number("standard_uncertainty", at_least=0))
        now.thermometers[data.text("instrument")] = reading


def _fill(now: _Open, level: Level, data: Section) -> MeteredFill:
    required, waited = now.drip or (None, None)
    return MeteredFill(
        repeat=data.integer("repeat", at_least=0),
        target=data.number("target"),
        level=level,
        doses=tuple(
            Dose(
                dose.text("opcode"),
                dose.number("pulses", above=0),
                dose.number("flow_l_min"),
                dose.number("meter_c"),
                dose.number("line_kpa"),
            )
            for dose in data.sections("doses")
        ),
        water_c=data.number("water_c"),
        vessel_c=data.number("vessel_c"),
        pressure_hpa=data.number("pressure_hpa", above=0),
        drip_required_s=required,
        drip_waited_s=waited,
        thermometers=dict(now.thermometers),
    )

"""The gauges of a run that cameras read: their certificates, and how well they agreed with the wire."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from calibration.section import Section, line_section

WATER = "water_temperature"

# What one of a gauge's unit is in the unit in which the rig says the same by wire.
_IN_WIRE_UNIT = {
    ("degC", "degC"): 1.0,
    ("g", "g"): 1.0,
    ("kg", "g"): 1000.0,
    ("kPa", "kPa"): 1.0,
    ("mbar", "kPa"): 0.1,
    ("bar", "kPa"): 100.0,
    ("MPa", "kPa"): 1000.0,
}


@dataclass(frozen=True)
class GaugeStandard:
    """A gauge's certificate: standard uncertainty `u` of the instrument in its own unit, and its source."""

    instrument: str
    shows: str
    u: float
    source: str


def gauge_standards(station: Section | None) -> tuple[GaugeStandard, ...]:
    """The gauges of a recorded station, in its order. Raises `UnknownQuantityError` for one without a
    certificate.
    """
    instruments = None if station is None else station.optional_section("instruments")
    if instruments is None:
        return ()
    found = []
    for name in instruments.keys():  # noqa: SIM118  (a Section is no mapping)
        instrument = instruments.section(name)
        shows = instrument.optional_text("shows")
        if shows:
            standard = instrument.section("standard")
            parts = [standard.optional_text(key) for key in ("name", "serial")]
            parts.append(f"certificate {standard.text('certificate')}")
            u = standard.number("standard_uncertainty", at_least=0)
            found.append(GaugeStandard(name, shows, u, ", ".join(part for part in parts if part)))
    return tuple(found)


@dataclass
class _Seen:
    shows: str
    unit: str
    differences: list[float]
    refused: int = 0


def gauge_checks(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """How each gauge of a record agreed with the wire, as docs/reference/result.md says under `gauges`.

    Raises `CalibrationError` for a line that is not as docs/reference/record.md says.
    """
    seen: dict[str, _Seen] = {}
    for line in lines:
        if line.get("kind") != "observation" or line.get("data", {}).get("purpose") != "gauge":
            continue
        data = line_section(line)
        unit = data.text("wire_unit")
        gauge = seen.setdefault(data.text("instrument"), _Seen(data.text("shows"), unit, []))
        if data.optional_text("reason") or not data.has("value"):
            gauge.refused += 1
        elif data.has("wire"):
            factor = _IN_WIRE_UNIT.get((data.text("unit"), unit))
            if factor is None:
                raise data.fail("unit", f"{data.text('unit')!r} is no unit of what the wire says in {unit}")
            gauge.differences.append(data.number("value") * factor - data.number("wire"))
    return [
        {
            "instrument": name,
            "shows": gauge.shows,
            "unit": gauge.unit,
            "compared": len(gauge.differences),
            "refused": gauge.refused,
            "mean_difference": _mean(gauge.differences),
            "largest_difference": max(gauge.differences, key=abs, default=None),
        }
        for name, gauge in seen.items()
    ]


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None

"""The deliveries of a run, from the lines of its record: what was read, weighed and measured for each of
them.

A run may be interrupted and go on from a checkpoint; then lines of the same repeat and target stand in the
record twice, and the last complete set of them counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import Any

from calibration.gauges import WATER
from calibration.section import Section, line_section
from calibration.volumes import VolumeKind

# Terms of a reading that differ from frame to frame; every other term is common to the readings of a run.
RANDOM_TERMS = frozenset({"frames", "edges"})


@dataclass(frozen=True)
class Level:
    """A reading of the level: value and standard uncertainties in `unit`, random and common to all
    readings.
    """

    instrument: str
    value: float
    unit: str
    u_random: float
    u_common: float
    frames: tuple[str, ...]

    @property
    def u(self) -> float:
        """Standard uncertainty of the reading."""
        return sqrt(self.u_random**2 + self.u_common**2)


@dataclass(frozen=True)
class GaugeReading:
    """What a gauge showed, and the standard uncertainty of reading it, in its unit."""

    value: float
    u: float


@dataclass(frozen=True)
class Weighing:
    """A mean of steady indications in g, and the standard deviation of that mean."""

    mean_g: float
    scatter_g: float


@dataclass(frozen=True)
class Ambient:
    """Temperatures in °C, pressure in hPa, relative humidity in %, at a weighing."""

    water_c: float
    vessel_c: float
    air_c: float
    pressure_hpa: float
    humidity_pct: float


@dataclass(frozen=True)
class Delivery:
    """One volume: the level, the masses, the conditions at the full weighing, the time that the measure
    dripped. `thermometers` are those that a camera read in the water, by instrument.
    """

    repeat: int
    target: float
    level: Level
    full: Weighing
    drained: Weighing
    ambient: Ambient
    drip_required_s: float | None
    drip_waited_s: float | None
    thermometers: Mapping[str, GaugeReading] = field(default_factory=dict)

    @property
    def water_c(self) -> float:
        """The rig's sensor in the water at the full weighing."""
        return self.ambient.water_c


@dataclass
class _FullSet:
    """What belongs to one filling, as it comes in."""

    level: Level | None = None
    weighing: Weighing | None = None
    ambient: Section | None = None
    thermometers: dict[str, GaugeReading] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        return None not in (self.level, self.weighing, self.ambient)


@dataclass
class _Attempt:
    """One attempt at a repeat: fillings by target, in the order in which they came, and the emptied
    measure.
    """

    fulls: dict[float, list[_FullSet]] = field(default_factory=dict)
    drained: Weighing | None = None
    drip: tuple[float, float] | None = None

    def full(self, target: float, part: str) -> _FullSet:
        """The set that takes `part`: the latest one of this target, or a new one where that has it
        already.
        """
        sets = self.fulls.setdefault(target, [])
        if not sets or getattr(sets[-1], part) is not None:
            sets.append(_FullSet())
        return sets[-1]

    def latest(self, target: float) -> _FullSet:
        """The set that was begun last, or a first one."""
        sets = self.fulls.setdefault(target, [])
        if not sets:
            sets.append(_FullSet())
        return sets[-1]

    def last_complete(self) -> dict[float, _FullSet]:
        found = {target: [s for s in sets if s.complete] for target, sets in self.fulls.items()}
        return {target: sets[-1] for target, sets in found.items() if sets}


def deliveries(lines: Sequence[Mapping[str, Any]], kind: VolumeKind) -> tuple[Delivery, ...]:
    """The complete deliveries of a record, by repeat and then in the order of their fillings.

    Only readings with the purpose `measure` that were not refused count. `kind` says in which order the
    measure is weighed: delivered full first, contained empty first.
    Raises `UnknownQuantityError` that names a missing value, `CalibrationError` for a line that is not as
    docs/reference/record.md says.
    """
    attempts: dict[int, list[_Attempt]] = {}
    for line in lines:
        data = line_section(line)
        match line.get("kind"):
            case "observation":
                _take_observation(attempts, data, kind)
            case "weighing":
                _take_weighing(attempts, data, kind)
            case "ambient":
                if data.text("load") == "full":
                    attempt = _attempt(attempts, data, kind, full=True)
                    attempt.full(data.number("target"), "ambient").ambient = data
            case "drip":
                attempt = _attempt(attempts, data, kind, full=False)
                attempt.drip = (data.number("required_s", at_least=0), data.number("waited_s", at_least=0))
            case _:
                pass
    found: list[Delivery] = []
    for repeat in sorted(attempts):
        whole = [a for a in attempts[repeat] if a.drained is not None and a.last_complete()]
        if whole:
            found.extend(_deliveries(repeat, whole[-1]))
    return tuple(found)


def _take_observation(attempts: dict[int, list[_Attempt]], data: Section, kind: VolumeKind) -> None:
    purpose = data.text("purpose")
    if data.optional_text("reason") or not data.has("value"):
        return
    if purpose == "gauge" and data.text("shows") == WATER:
        _take_thermometer(attempts, data, kind)
    if purpose != "measure":
        return
    attempt = _attempt(attempts, data, kind, full=True)
    attempt.full(data.number("target"), "level").level = level_of(data)


def _take_thermometer(attempts: dict[int, list[_Attempt]], data: Section, kind: VolumeKind) -> None:
    if data.text("unit") != "degC":
        raise data.fail("unit", f"must be degC for a thermometer in the water, not {data.text('unit')!r}")
    attempt = _attempt(attempts, data, kind, full=True)
    reading = GaugeReading(data.number("value"), data.number("standard_uncertainty", at_least=0))
    attempt.latest(data.number("target")).thermometers[data.text("instrument")] = reading


def _take_weighing(attempts: dict[int, list[_Attempt]], data: Section, kind: VolumeKind) -> None:
    weighing = Weighing(data.number("mean_g"), data.number("scatter_g", at_least=0))
    if data.text("load", among=("full", "drained")) == "full":
        attempt = _attempt(attempts, data, kind, full=True)
        attempt.full(data.number("target"), "weighing").weighing = weighing
    else:
        _attempt(attempts, data, kind, full=False).drained = weighing


def _attempt(attempts: dict[int, list[_Attempt]], data: Section, kind: VolumeKind, *, full: bool) -> _Attempt:
    """The attempt at this repeat that a line belongs to: a new one where the last one was already over."""
    of_repeat = attempts.setdefault(data.integer("repeat", at_least=0), [])
    if not of_repeat:
        of_repeat.append(_Attempt())
    last = of_repeat[-1]
    over = (
        (full and last.drained is not None)
        if kind is VolumeKind.DELIVERED
        else (not full and bool(last.fulls))
    )
    if over:
        of_repeat.append(_Attempt())
    return of_repeat[-1]


def level_of(data: Section) -> Level:
    """The level of an observation's line. Raises for one without a value."""
    u = data.number("standard_uncertainty", at_least=0)
    random = 0.0
    terms = data.optional_section("terms")
    if terms is not None:
        names = sorted(RANDOM_TERMS.intersection(terms.keys()))
        random = sqrt(sum(terms.number(name, at_least=0) ** 2 for name in names))
    random = min(random, u)
    return Level(
        instrument=data.text("instrument"),
        value=data.number("value"),
        unit=data.text("unit"),
        u_random=random,
        u_common=sqrt(max(u**2 - random**2, 0.0)),
        frames=data.texts("frames") if data.has("frames") else (),
    )


def _deliveries(repeat: int, attempt: _Attempt) -> list[Delivery]:
    drip_required, drip_waited = attempt.drip or (None, None)
    found = []
    for target, full in attempt.last_complete().items():
        assert full.level is not None and full.weighing is not None  # a complete set has them
        assert full.ambient is not None and attempt.drained is not None
        found.append(
            Delivery(
                repeat=repeat,
                target=target,
                level=full.level,
                full=full.weighing,
                drained=attempt.drained,
                ambient=_ambient(full.ambient),
                drip_required_s=drip_required,
                drip_waited_s=drip_waited,
                thermometers=full.thermometers,
            )
        )
    return found


def _ambient(data: Section) -> Ambient:
    return Ambient(
        water_c=data.number("water_c"),
        vessel_c=data.number("vessel_c"),
        air_c=data.number("air_c"),
        pressure_hpa=data.number("pressure_hpa"),
        humidity_pct=data.number("humidity_pct"),
    )

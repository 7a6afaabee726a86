"""What a step is, and what the steps of one run share."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import pi
from typing import Any

from control.errors import HeldError
from control.gauges import Gauge, Shown
from control.journal import Journal
from control.observers import GaugeReader, LevelReader, Observation
from control.procedure import Procedure
from control.prompts import Desk
from control.rig import Rig
from control.snapshot import Snapshot

UNKNOWN_BIAS_SHARE = 0.005  # of nominal: how far an unlearned meter may be off; the level stays in the neck


@dataclass(frozen=True)
class Vessel:
    """What control needs to know of the measure under test."""

    nominal_l: float
    drip_time_s: float
    neck_bore_mm: float | None

    def ml_per_unit(self, unit: str) -> float:
        """Millilitres in one unit of the neck's scale. Raises `HeldError` for a unit that says nothing."""
        if unit == "mm" and self.neck_bore_mm is not None:
            return pi / 4.0 * self.neck_bore_mm**2 / 1000.0
        known = {"mL": 1.0, "L": 1000.0, "%": self.nominal_l * 10.0}
        if unit not in known:
            raise HeldError(f"the neck's scale is in {unit!r}, of which the volume is unknown")
        return known[unit]


@dataclass
class Memory:
    """What a run has learned of its rig and where the water stands; it changes as the run goes on."""

    meter_empty_l: float | None = None  # the meter's total when the measure was last empty
    pulses_empty: float | None = None  # the meter's pulses then
    metered: dict[str, dict[str, float]] = field(default_factory=dict)  # since then, by the doses' opcode
    in_flight_l: dict[str, float] = field(default_factory=dict)  # passes after the device begins to close
    bias_l: float = 0.0  # content by the camera less content by the meter
    bias_margin_ml: float | None = None  # how far the bias may be off; None until the camera has told
    wet: bool = False  # water was let in or out since the measure last dripped dry
    dosing: bool = False  # a dose was begun and did not end as it should
    unit: str = ""  # of the neck's scale
    level: float | None = None  # the last level read, in `unit`


class NoGauges:
    """The reader of a run without gauges."""

    async def read_gauge(self, name: str, frames: int) -> Observation:
        """There is nothing to read."""
        raise HeldError(f"{name}: no camera reads it")


@dataclass
class Context:
    """What a step works with."""

    rig: Rig
    procedure: Procedure
    vessel: Vessel
    level: LevelReader
    journal: Journal
    memory: Memory
    gauges: Sequence[Gauge] = ()
    gauge_reader: GaugeReader = field(default_factory=NoGauges)
    desk: Desk = field(default_factory=Desk)
    repeat: int = 0

    def gauges_showing(self, quantity: Shown) -> list[Gauge]:
        """The station's gauges that show this quantity."""
        return [gauge for gauge in self.gauges if gauge.shows is quantity]

    def known(self, snapshot: Snapshot, name: str) -> float:
        """A tag's number. Raises `HeldError` where it is unknown: unknown is not zero."""
        value = snapshot.number(name)
        if value is None:
            raise HeldError(f"the rig's {name.replace('_', ' ')} is unknown (outside its range)")
        return value

    def record(self, kind: str, data: Mapping[str, Any]) -> None:
        """Write a line of the record."""
        self.journal.append(kind, data)


@dataclass(frozen=True)
class Step:
    """One step of a run: `action` does it. `discards`: once interrupted it cannot be taken up again, and the
    repeat starts over from an emptied measure. `checkpoint`: once it is done, a run may go on from here."""

    name: str
    action: Callable[[Context], Awaitable[None]]
    repeat: int = 0
    target: float | None = None
    detail: str = ""
    discards: bool = False
    checkpoint: bool = False

    @property
    def label(self) -> str:
        """For people: the step's name, and where it goes."""
        return self.name if self.target is None else f"{self.name} {self.target:g}"

"""The bench's own interlocks, beside those of the device: what must hold, and what may be opened.

Each poll is checked; a rule that needs time (no flow, a leak) wants it in seconds of the rig's clock *and* in
several polls, since a poll of a fast simulated clock spans seconds.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from control.alarms import Trip
from control.rig_tags import DOSE_RUNNING, LATCHES, word
from control.snapshot import Snapshot

CLOSED_PCT: Final = 0.5  # a valve's feedback at or below it counts as closed
INLETS: Final = ("coarse_valve", "fine_valve")
VALVES: Final = (*INLETS, "drain_valve")
TEMPERATURES: Final = ("water_temperature", "vessel_temperature", "air_temperature")
FILLS: Final = ("fill-coarse", "fill-fine")
OPENING: Final = (*FILLS, "open-drain")


@dataclass(frozen=True)
class Limits:
    """When a rule trips. `link_s` and `counter_s` in seconds of the wall, the others of the rig's clock."""

    link_s: float
    counter_s: float
    no_flow_l_min: float = 0.05
    no_flow_s: float = 10.0
    leak_l_min: float = 0.1
    leak_s: float = 10.0
    unknown_s: float = 5.0
    polls: int = 3


@dataclass(frozen=True)
class Health:
    """Wall seconds since the last complete answer, and since the device's own counter last changed."""

    answer_age_s: float
    counter_age_s: float
    reason: str = ""


class Interlocks:
    """Checks one rig; remembers since when a condition has lasted."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._since: dict[str, tuple[float, int]] = {}
        self._last: tuple[Trip, ...] = ()

    def check(self, snapshot: Snapshot, health: Health) -> tuple[Trip, ...]:
        """The conditions that hold now, the gravest first. Values that are too old are not looked at."""
        if health.answer_age_s > self._limits.link_s:
            lost = Trip(
                "link-lost", f"no answer from the rig for {health.answer_age_s:.1f} s. {health.reason}"
            )
            # What held when the line broke is taken to hold still.
            return (*(trip for trip in self._last if trip.name != lost.name), lost)
        self._last = tuple(self._rules(snapshot, health))
        return self._last

    def permission(self, opcode: str, snapshot: Snapshot) -> str:
        """Why a command that opens something may not be sent now; empty where it may. Closing always may."""
        if opcode not in OPENING:
            return ""
        for rule in self._permissions(opcode):
            reason = rule(snapshot)
            if reason:
                return reason
        return ""

    @staticmethod
    def _permissions(opcode: str) -> Iterator[Callable[[Snapshot], str]]:
        yield lambda s: "the emergency stop is pressed" if s.flag("emergency_stop") else ""
        yield lambda s: "" if s.flag("door_closed") else "the door is open"
        yield (
            lambda s: (
                ""
                if s.values["latch"] == 0
                else f"the device has latched ({word(LATCHES, s.values['latch'])})"
            )
        )
        if opcode in FILLS:
            yield lambda s: "the level is at high-high" if s.flag("level_high_high") else ""
            yield lambda s: "the reservoir is low" if s.flag("reservoir_low") else ""
            yield lambda s: "" if _closed(s, "drain_valve") else "the drain is not closed"
        else:
            yield (
                lambda s: "" if all(_closed(s, inlet) for inlet in INLETS) else "an inlet valve is not closed"
            )

    def _rules(self, now: Snapshot, health: Health) -> Iterator[Trip]:
        values = now.values
        if now.flag("emergency_stop"):
            yield Trip("emergency-stop", "the emergency stop is pressed", aborts=True)
        inlet_open = any(not _closed(now, inlet) for inlet in INLETS)
        filling = values["dose_state"] == DOSE_RUNNING
        # With the inlets closed a full measure is no danger, and emptying it must stay possible.
        if now.flag("level_high_high") and (inlet_open or filling):
            yield Trip("high-high-level", "the measure is about to overflow", aborts=True)
        if values["latch"] != 0:
            cause = word(LATCHES, values["latch"])
            yield Trip("device-latched", f"the device closed everything by itself: {cause}")
        if not now.flag("door_closed"):
            yield Trip("door-open", "the door of the bench is open")
        if inlet_open and not _closed(now, "drain_valve"):
            yield Trip("inlet-and-drain-open", "an inlet valve and the drain are open at once")
        if health.counter_age_s > self._limits.counter_s:
            yield Trip(
                "device-stalled",
                f"the device answers, but its own counter has stood still for {health.counter_age_s:.1f} s",
            )
        if filling and now.flag("reservoir_low"):
            yield Trip("reservoir-low", "the reservoir is too low for the pump")
        yield from self._flow_rules(now, inlet_open=inlet_open, filling=filling)
        for name in (*VALVES, *TEMPERATURES, "meter_flow", "balance"):
            if self._lasts(f"unknown {name}", values[name] is None, now.at_s, self._limits.unknown_s):
                words = name.replace("_", " ")
                yield Trip(f"{name.replace('_', '-')}-unknown", f"the {words} is outside its range")

    def _flow_rules(self, now: Snapshot, *, inlet_open: bool, filling: bool) -> Iterator[Trip]:
        limits = self._limits
        flow = now.number("meter_flow")
        opened = any((now.number(inlet) or 0.0) >= 50.0 for inlet in INLETS)
        dry = filling and opened and flow is not None and flow < limits.no_flow_l_min
        if self._lasts("no flow", dry, now.at_s, limits.no_flow_s):
            yield Trip("no-flow", f"an inlet valve is open but nothing flows ({flow:.2f} L/min)")
        leaking = not inlet_open and not filling and flow is not None and flow > limits.leak_l_min
        if self._lasts("leak", leaking, now.at_s, limits.leak_s):
            yield Trip("flow-although-closed", f"the inlet valves are closed but {flow:.2f} L/min flow")

    def _lasts(self, name: str, holds: bool, now_s: float, limit_s: float) -> bool:
        if not holds:
            self._since.pop(name, None)
            return False
        since, polls = self._since.get(name, (now_s, 0))
        self._since[name] = (since, polls + 1)
        return now_s - since >= limit_s and polls + 1 >= self._limits.polls


def _closed(snapshot: Snapshot, valve: str) -> bool:
    # A valve whose position is unknown is not closed.
    position = snapshot.number(valve)
    return position is not None and position <= CLOSED_PCT

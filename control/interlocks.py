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
from control.trend import Trend

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
    seep_l: float = 0.005  # through the meter within `seep_s` while the inlets are closed
    seep_s: float = 30.0
    loss_g: float = 15.0  # from the balance within `loss_s` while every valve is closed
    loss_s: float = 60.0
    handled_g: float = (
        500.0  # more than this from one poll to the next is no leak: somebody moved the measure
    )
    over_share: float = 0.05  # of a dose, that may pass beyond it besides what flows in `over_s`
    over_s: float = 5.0
    felt_l_min: float = 0.5  # flow that the balance must feel ...
    felt_g: float = 2.0  # ... by so much ...
    felt_s: float = 5.0  # ... within this time
    fine_thermometer: bool = False  # the water's shows its own noise: equal values mean that it stands still
    stirred_l_min: float = 0.5
    frozen_polls: int = 12
    frozen_s: float = 3.0  # where polls come faster than the thermometer looks, so many say little
    temperatures_c: tuple[float, float] = (5.0, 40.0)
    air_drift_c: float = 1.0  # within `air_drift_s` (NIST SOP 16: at most 1 °C/h)
    air_drift_s: float = 3600.0
    polls: int = 3


@dataclass(frozen=True)
class Health:
    """Wall seconds since the last complete answer, and since the device's own counter last changed.

    `foreign_sequence` is what the device calls its last command where that is none of ours.
    """

    answer_age_s: float
    counter_age_s: float
    reason: str = ""
    foreign_sequence: int | None = None


@dataclass
class _Dose:
    volume_l: float
    start_l: float
    fastest_l_min: float = 0.0
    seen: bool = False


class Interlocks:
    """Checks one rig; remembers since when a condition has lasted."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._since: dict[str, tuple[float, int]] = {}
        self._last: tuple[Trip, ...] = ()
        self._dose: _Dose | None = None
        self.hands_at_work = False  # a technician lets water out: that is no leak
        self._commanded: object = None
        self._felt_g: float | None = None
        self._water_c: float | None = None
        self._water_polls = 0
        self._metered = Trend(limits.seep_s)
        self._weighed = Trend(limits.loss_s)
        self._air = Trend(limits.air_drift_s)

    def expect_dose(self, volume_l: float, snapshot: Snapshot) -> None:
        """A dose of `volume_l` is asked for: that and what is in flight may pass the meter, not more."""
        start_l = snapshot.number("meter_volume")
        self._dose = None if start_l is None else _Dose(volume_l, start_l)

    def check(self, snapshot: Snapshot, health: Health) -> tuple[Trip, ...]:
        """The conditions that hold now, the gravest first. Values that are too old are not looked at."""
        if health.answer_age_s > self._limits.link_s:
            self._begin_trends()
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
        if health.foreign_sequence is not None:
            yield Trip(
                "device-restarted",
                f"the device's last command has number {health.foreign_sequence}, which is none of this "
                "bench's: it has restarted, or obeys someone else",
                discards=True,
            )
        if filling and now.flag("reservoir_low"):
            yield Trip("reservoir-low", "the reservoir is too low for the pump")
        yield from self._flow_rules(now, inlet_open=inlet_open, filling=filling)
        yield from self._dose_rule(now, filling=filling)
        yield from self._balance_rule(now, filling=filling)
        yield from self._leak_rules(now, inlet_open=inlet_open, filling=filling)
        yield from self._temperature_rules(now)
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

    def _dose_rule(self, now: Snapshot, *, filling: bool) -> Iterator[Trip]:
        dose, total_l = self._dose, now.number("meter_volume")
        if dose is None or total_l is None:
            return
        if not filling:
            if dose.seen:
                self._dose = None
            return
        dose.seen = True
        dose.fastest_l_min = max(dose.fastest_l_min, now.number("meter_flow") or 0.0)
        limits = self._limits
        most_l = dose.volume_l * (1.0 + limits.over_share) + dose.fastest_l_min * limits.over_s / 60.0
        if total_l - dose.start_l > most_l:
            yield Trip(
                "dose-overrun",
                f"{total_l - dose.start_l:.3f} L have passed in a dose of {dose.volume_l:.3f} L that goes on",
                aborts=True,
            )

    def _balance_rule(self, now: Snapshot, *, filling: bool) -> Iterator[Trip]:
        # Water comes or goes, and the balance does not feel it: whatever it says of the measure is wrong.
        limits, grams = self._limits, now.number("balance")
        flowing = filling and (now.number("meter_flow") or 0.0) > limits.felt_l_min
        if grams is None or not (flowing or now.flag("drain_stream")):
            self._felt_g = grams
            self._since.pop("unfelt", None)
            return
        unfelt = self._felt_g is not None and abs(grams - self._felt_g) < limits.felt_g
        if not unfelt:
            self._felt_g = grams
        if self._lasts("unfelt", unfelt, now.at_s, limits.felt_s):
            yield Trip(
                "balance-frozen",
                f"water moves, but the balance has stood at {grams:.1f} g for {limits.felt_s:g} s",
                discards=True,
            )

    def _leak_rules(self, now: Snapshot, *, inlet_open: bool, filling: bool) -> Iterator[Trip]:
        limits = self._limits
        total_l, balance_g = now.number("meter_volume"), now.number("balance")
        if now.values.get("accepted_sequence") != self._commanded:
            # A short dose may begin and end between two polls.
            self._commanded = now.values.get("accepted_sequence")
            self._metered.begin()
            self._weighed.begin()
        if inlet_open or filling or total_l is None:
            self._metered.begin()
        else:
            seeped_l = self._metered.change(now.at_s, total_l)
            seeping = seeped_l > limits.seep_l
            if self._lasts("seep", seeping, now.at_s, 0.0) and not self._lasting("leak"):
                within = f"{seeped_l * 1000.0:.1f} mL within {self._metered.covered_s:.0f} s"
                yield Trip(
                    "flow-although-closed", f"the inlet valves are closed but {within} passed the meter"
                )
        free = inlet_open or filling or self.hands_at_work or not _closed(now, "drain_valve")
        if free or balance_g is None:
            self._weighed.begin()
            self._since.pop("loss", None)
            return
        before_g = self._weighed.last
        if before_g is not None and abs(balance_g - before_g) > limits.handled_g:
            self._weighed.begin()
        lost_g = -self._weighed.change(now.at_s, balance_g)
        if self._lasts("loss", lost_g > limits.loss_g, now.at_s, 0.0):
            within = f"{lost_g:.1f} g within {self._weighed.covered_s:.0f} s"
            yield Trip("measure-leaks", f"every valve is closed but the measure has lost {within}")

    def _temperature_rules(self, now: Snapshot) -> Iterator[Trip]:
        limits = self._limits
        low, high = limits.temperatures_c
        for name in TEMPERATURES:
            value = now.number(name)
            outside = value is not None and not low <= value <= high
            if self._lasts(f"range {name}", outside, now.at_s, limits.unknown_s):
                words, dashed = name.replace("_", " "), name.replace("_", "-")
                yield Trip(
                    f"{dashed}-out-of-range",
                    f"the {words} is {value:.1f} °C, {low:g} to {high:g} °C expected",
                )
        water = now.number("water_temperature")
        stirred = (now.number("meter_flow") or 0.0) > limits.stirred_l_min
        same = stirred and water is not None and water == self._water_c
        self._water_polls, self._water_c = (self._water_polls + 1 if same else 0), water
        lasts = self._lasts("water stands", same, now.at_s, limits.frozen_s)
        if limits.fine_thermometer and lasts and self._water_polls >= limits.frozen_polls:
            yield Trip(
                "water-temperature-frozen",
                f"water streams in, but its temperature says {water:.3f} °C again and again",
                discards=True,
            )
        air = now.number("air_temperature")
        if air is None:
            return
        moved = self._air.change(now.at_s, air)
        if self._lasts("air drift", abs(moved) > limits.air_drift_c, now.at_s, limits.unknown_s):
            within = f"{moved:+.2f} °C within {self._air.covered_s / 60.0:.0f} min"
            yield Trip("air-temperature-drifting", f"the air's temperature has moved by {within}")

    def _begin_trends(self) -> None:
        for trend in (self._metered, self._weighed, self._air):
            trend.begin()

    def _lasting(self, name: str) -> bool:
        since = self._since.get(name)
        return since is not None and since[1] >= self._limits.polls

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

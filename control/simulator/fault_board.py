"""What is wrong with a twin at the moment, and what a script lets go wrong later."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from control.simulator.device import Device, DoseState
from control.simulator.faults import KINDS, Fault, Rig, Undo


def _dosing(device: Device) -> bool:
    return device.dose_state is DoseState.RUNNING


def _resting(device: Device) -> bool:
    return not _dosing(device) and device.plant.hydraulics.inlets_closed and device.plant.drain.closed


# What the plant is doing, as a script names it.
CONDITIONS: Final[Mapping[str, Callable[[Device], bool]]] = {
    "fill-coarse": lambda device: _dosing(device) and device.plant.hydraulics.coarse.open,
    "fill-fine": lambda device: _dosing(device) and device.plant.hydraulics.fine.open,
    "drain": lambda device: device.plant.drain.open and device.plant.vessel.stream,
    "drip": lambda device: device.plant.drain.open and not device.plant.vessel.stream,
    "full": lambda device: _resting(device) and not device.plant.vessel.empty,
    "empty": lambda device: _resting(device) and device.plant.vessel.empty,
}


@dataclass(frozen=True)
class Scripted:
    """A fault that begins by itself.

    Either at `at_s` of the rig's clock, or `after_s` after the condition `during` came true for the
    `occurrence`-th time. It lasts `for_s` (to the end where None). Seconds of the rig's clock.
    """

    fault: Fault
    at_s: float | None = None
    during: str | None = None
    after_s: float = 0.0
    occurrence: int = 1
    for_s: float | None = None


@dataclass
class _Waiting:
    script: Scripted
    held: bool = False
    seen: int = 0
    due_s: float | None = None


@dataclass
class _Active:
    number: int
    fault: Fault
    undo: Undo
    since_s: float
    until_s: float | None


class FaultBoard:
    """The faults of one twin. `begin` and `end` may be called from any thread, `step` from the plant's."""

    def __init__(self, rig: Rig, script: Sequence[Scripted] = ()) -> None:
        self._rig = rig
        self._waiting = [_Waiting(item) for item in script]
        self._active: dict[int, _Active] = {}
        self._number = 0
        self._lock = threading.RLock()

    @property
    def cameras(self) -> tuple[str, ...]:
        """The names of the twin's cameras, the neck's first."""
        return tuple(self._rig.cameras)

    def begin(self, fault: Fault, for_s: float | None = None) -> int:
        """Let something go wrong now, for `for_s` seconds of the rig's clock; returns its number.

        A fault that has hold of the same thing already gives way to it.
        """
        with self._lock:
            for item in tuple(self._active.values()):
                if item.fault.place == fault.place:
                    self.end(item.number)
            now_s = self._rig.device.plant.clock_s
            self._number += 1
            until_s = None if for_s is None else now_s + for_s
            undo = KINDS[fault.name].begin(self._rig, fault)
            self._active[self._number] = _Active(self._number, fault, undo, now_s, until_s)
            return self._number

    def end(self, number: int) -> None:
        """Mend one. Raises `ValueError` for a number that is not active."""
        with self._lock:
            if number not in self._active:
                raise ValueError(f"number: no fault {number} is active")
            self._active.pop(number).undo()

    def end_all(self) -> None:
        """Mend everything; what the script still holds stays."""
        with self._lock:
            for number in tuple(self._active):
                self._active.pop(number).undo()

    def active(self) -> list[dict[str, Any]]:
        """What is wrong, the oldest first: `number`, `fault`, its parameters, `since_s`, `until_s`."""
        with self._lock:
            return [
                {
                    "number": item.number,
                    "fault": str(item.fault.name),
                    "parameters": dict(item.fault.parameters),
                    "since_s": round(item.since_s, 3),
                    "until_s": None if item.until_s is None else round(item.until_s, 3),
                }
                for item in self._active.values()
            ]

    def step(self) -> None:
        """Begin what is due, end what is over."""
        if not self._waiting and not self._active:
            return
        with self._lock:
            now_s = self._rig.device.plant.clock_s
            for item in tuple(self._active.values()):
                if item.until_s is not None and now_s >= item.until_s:
                    self.end(item.number)
            for waiting in tuple(self._waiting):
                if self._is_due(waiting, now_s):
                    self._waiting.remove(waiting)
                    self.begin(waiting.script.fault, waiting.script.for_s)

    def _is_due(self, waiting: _Waiting, now_s: float) -> bool:
        script = waiting.script
        if script.at_s is not None:
            return now_s >= script.at_s
        assert script.during is not None
        if waiting.due_s is None:
            holds = CONDITIONS[script.during](self._rig.device)
            if holds and not waiting.held:
                waiting.seen += 1
                if waiting.seen == script.occurrence:
                    waiting.due_s = now_s + script.after_s
            waiting.held = holds
        return waiting.due_s is not None and now_s >= waiting.due_s

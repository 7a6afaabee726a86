"""What passes the master meter during a dose: pulses, and what the meter showed while they came."""

from typing import Final

from control.snapshot import Snapshot
from control.steps.step import Memory

PULSES: Final = "meter_pulses"
AT_METER: Final = {"flow_l_min": "meter_flow", "meter_c": "meter_temperature", "line_kpa": "line_pressure"}
WRAP: Final = 2**32  # of the counter


class Passage:
    """The pulses of one dose, and what the meter showed while they came, weighted by them.

    They are added to the run's memory by `end`, under the dose's opcode. A rig that does not tell pulses,
    flow, temperature or pressure leaves nothing there.
    """

    def __init__(self, memory: Memory, opcode: str, before: Snapshot) -> None:
        self._memory = memory
        self._opcode = opcode
        self._first = self._last = before.number(PULSES)
        self._weight = 0.0
        self._sums = dict.fromkeys(AT_METER, 0.0)

    def see(self, snapshot: Snapshot) -> None:
        """Take what the meter shows during the dose."""
        now = snapshot.number(PULSES)
        shown = {name: snapshot.number(tag) for name, tag in AT_METER.items()}
        if now is None or self._last is None:
            return
        passed, self._last = (now - self._last) % WRAP, now
        if not snapshot.number("meter_flow"):
            return
        for name, value in shown.items():
            if value is None:
                return
            self._sums[name] += passed * value
        self._weight += passed

    def end(self, snapshot: Snapshot) -> None:
        """Add the dose to the memory, now that the meter stands."""
        self.see(snapshot)
        last = snapshot.number(PULSES)
        if last is None or self._first is None:
            return
        sums = self._memory.metered.setdefault(self._opcode, {"pulses": 0.0, "weight": 0.0})
        sums["pulses"] += (last - self._first) % WRAP
        sums["weight"] += self._weight
        for name, value in self._sums.items():
            sums[name] = sums.get(name, 0.0) + value

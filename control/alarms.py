"""Alarms: latched, in first-out order. Acknowledging one changes nothing but its colour."""

from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Trip:
    """An interlock's condition that holds now: a stable `name`, a sentence for a person, and whether it is
    one of those that abort the run (the others hold it). `discards`: what the bench knew of the water may be
    wrong after it, so that a repeat must begin over."""

    name: str
    detail: str
    aborts: bool = False
    discards: bool = False


@dataclass(frozen=True)
class Alarm:
    """A trip that happened. `order` counts from 1 since the last clearing: 1 came first, the rest may be its
    consequences. `active` says whether its condition still holds."""

    name: str
    detail: str
    aborts: bool
    order: int
    raised_s: float
    active: bool = True
    acknowledged: bool = False
    discards: bool = False


class Alarms:
    """The latched alarms of a bench. An alarm stays after its condition has gone, until it is cleared."""

    def __init__(self) -> None:
        self._alarms: dict[str, Alarm] = {}

    def update(self, trips: Iterable[Trip], now_s: float) -> tuple[Alarm, ...]:
        """Take the conditions that hold now; returns the alarms that are new, or have come back, in order."""
        holding = {trip.name: trip for trip in trips}
        raised = []
        for name, alarm in list(self._alarms.items()):
            if alarm.active and name not in holding:
                self._alarms[name] = replace(alarm, active=False)
        for name, trip in holding.items():
            known = self._alarms.get(name)
            if known is not None and known.active:
                continue
            order = known.order if known is not None else len(self._alarms) + 1
            self._alarms[name] = Alarm(name, trip.detail, trip.aborts, order, now_s, discards=trip.discards)
            raised.append(self._alarms[name])
        return tuple(raised)

    def acknowledge(self, name: str) -> None:
        """Note that a person has seen it; an unknown name is none."""
        if name in self._alarms:
            self._alarms[name] = replace(self._alarms[name], acknowledged=True)

    def clear(self) -> None:
        """Forget the alarms whose condition has gone; those that hold stay, in their order."""
        left = [alarm for alarm in self.first_out() if alarm.active]
        self._alarms = {alarm.name: replace(alarm, order=at) for at, alarm in enumerate(left, start=1)}

    def first_out(self) -> tuple[Alarm, ...]:
        """All alarms, the first one first."""
        return tuple(sorted(self._alarms.values(), key=lambda alarm: alarm.order))

    def active(self) -> tuple[Alarm, ...]:
        """The alarms whose condition holds now, the first one first."""
        return tuple(alarm for alarm in self.first_out() if alarm.active)

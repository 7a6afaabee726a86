"""What orders a run about: the operator, an interlock, or a step that cannot go on; the gravest counts."""

import asyncio
from dataclasses import dataclass
from typing import Final

from control.alarms import Alarm
from control.errors import SuspendedError
from control.rig_tags import LATCHES
from control.snapshot import Snapshot
from control.states import Command

GRAVITY: Final = (Command.SUSPEND, Command.HOLD, Command.STOP, Command.ABORT)
DOOR_LATCH: Final = LATCHES.index("door")


@dataclass(frozen=True)
class Order:
    """A command for the run and its reason; `cause` says how long a suspension lasts."""

    command: Command
    reason: str
    cause: SuspendedError | None = None


class Orders:
    """The orders that a run has not followed yet."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[Order] = asyncio.Queue()

    def put(self, order: Order) -> None:
        """Give an order; it is followed as soon as the run can."""
        self._waiting.put_nowait(order)

    async def get(self) -> Order:
        """The next order, waited for."""
        return await self._waiting.get()

    def gravest(self, order: Order) -> Order:
        """The gravest of `order` and those that wait; the lighter ones are forgotten."""
        while not self._waiting.empty():
            other = self._waiting.get_nowait()
            if other.command in GRAVITY and GRAVITY.index(other.command) > GRAVITY.index(order.command):
                order = other
        return order


def order_of(alarm: Alarm, snapshot: Snapshot | None) -> Order:
    """What an alarm orders: abort, or wait for a door that will be closed again, or hold."""
    if alarm.aborts:
        return Order(Command.ABORT, alarm.detail)
    door = order_of_door(snapshot) if alarm.name in ("door-open", "device-latched") else None
    return door or Order(Command.HOLD, alarm.detail)


def order_of_door(snapshot: Snapshot | None) -> Order | None:
    """To wait, where the door is open or was just now: None where it has nothing to do with it."""
    if snapshot is None or (snapshot.flag("door_closed") and snapshot.values["latch"] != DOOR_LATCH):
        return None
    reason = _door_open(snapshot) or "the door of the bench was opened"
    return Order(Command.SUSPEND, reason, SuspendedError(reason, _door_open))


def _door_open(snapshot: Snapshot) -> str:
    return "" if snapshot.flag("door_closed") else "the door of the bench is open"

"""The clock on which all of control runs: the rig's seconds, in simulation faster than the wall's."""

import asyncio
import datetime
import time
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """Time of the rig. Every wait of control goes through it."""

    def now(self) -> float:
        """Seconds of the rig's clock, monotonic, from an arbitrary zero."""
        ...

    def wall(self) -> float:
        """Seconds of the wall's clock, monotonic: for time-outs of the line and the heartbeat."""
        ...

    def utc(self) -> datetime.datetime:
        """The wall's date and time, UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds` of the rig's clock."""
        ...


class ScaledClock:
    """A clock that runs `factor` times as fast as the wall's; a real rig's factor is 1.

    The factor is the rig's: `Rig.connect` reads it from the device and sets it here. `timer` is the wall's
    monotonic clock, or the simulator's own where bench and twin share one event loop
    (`control.simulator.one_clock`).
    """

    def __init__(self, factor: float = 1.0, timer: Callable[[], float] = time.monotonic) -> None:
        self._factor = factor
        self._timer = timer
        self._wall_zero = timer()
        self._rig_zero = 0.0

    @property
    def factor(self) -> float:
        """Seconds of the rig's clock in one second of the wall's."""
        return self._factor

    def set_factor(self, factor: float) -> None:
        """Run at another speed from now on; `now()` neither jumps nor goes back."""
        if not factor > 0.0:
            raise ValueError(f"a clock's factor must be positive, not {factor}")
        wall = self._timer()
        self._rig_zero += (wall - self._wall_zero) * self._factor
        self._wall_zero = wall
        self._factor = factor

    def now(self) -> float:
        """Seconds of the rig's clock, monotonic."""
        return self._rig_zero + (self._timer() - self._wall_zero) * self._factor

    def wall(self) -> float:
        """Seconds of the wall's clock, monotonic."""
        return self._timer()

    def utc(self) -> datetime.datetime:
        """The wall's date and time, UTC."""
        return datetime.datetime.now(datetime.UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds` of the rig's clock."""
        await asyncio.sleep(max(0.0, seconds) / self._factor)

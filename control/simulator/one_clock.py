"""The twin and the bench on one clock, the simulator's, in one process: a day passes in minutes.

`SimulatedLoop` is an event loop whose time passes only where everything waits: then it stands at once at the
moment for which the first one waits. The code of a run is the same as on a rig; its clock is
`ScaledClock(timer=loop.time)`. Nothing in it may wait for a thread, a socket or a file.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, TypeVar

from control.clock import ScaledClock
from control.errors import LinkError
from control.link import Link, Request
from control.outputs import ORDER
from control.register_words import Table
from control.registers import RegisterMap
from control.remote_io import RemoteIoLink
from control.simulator.configuration import TwinConfiguration
from control.simulator.device import Device
from control.simulator.emptying import make_truth
from control.simulator.hydraulics import STEP_S
from control.simulator.plant import Plant
from control.simulator.remote_io import RemoteIoModule

SCAN_STEPS: Final = 5  # of the plant between two turns of the loop
ANSWER_S: Final = 0.004  # what a request takes on the wire
Outcome = TypeVar("Outcome")


class _NoWait(selectors.DefaultSelector):
    """Waits by letting the loop's time pass."""

    def __init__(self, passing: Callable[[float], None]) -> None:
        super().__init__()
        self._passing = passing

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready now; where nothing is, the time that was to be waited has passed."""
        ready: list[tuple[selectors.SelectorKey, int]] = super().select(0.0 if timeout is not None else None)
        if not ready and timeout:
            self._passing(timeout)
        return ready


class SimulatedLoop(asyncio.SelectorEventLoop):
    """An event loop on simulated time, from 0 s."""

    def __init__(self) -> None:
        self._simulated_s = 0.0
        super().__init__(_NoWait(self._pass))

    def time(self) -> float:
        """Seconds of simulated time."""
        return self._simulated_s

    def _pass(self, seconds: float) -> None:
        self._simulated_s += seconds


def run_simulated(work: Callable[[SimulatedLoop], Coroutine[Any, Any, Outcome]]) -> Outcome:
    """Run `work(loop)` to its end on a loop of its own; returns what it returns."""
    loop = SimulatedLoop()
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(work(loop))
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        asyncio.set_event_loop(None)
        loop.close()


class OneClockTwin:
    """A plant and its PLC (or remote I/O) on the loop's time; `link` reaches them without a network.

    `watchers` are called after every step of the plant.
    """

    def __init__(self, configuration: TwinConfiguration, seed: int, loop: SimulatedLoop) -> None:
        self.registers: RegisterMap = configuration.registers
        self.loop = loop
        self.plant = Plant(make_truth(seed, configuration.measure, configuration.standards))
        outputs = self.registers.outputs
        # Where the bench closes the doses, it must find the plant where it is at that moment.
        self._scan_steps = SCAN_STEPS if outputs is None else 1
        self.device = (Device if outputs is None else RemoteIoModule)(
            self.plant,
            heartbeat_s=self.registers.link.heartbeat_s,
            time_factor=1.0,
            opcodes=self.registers.commands.opcodes,
        )
        self.watchers: list[Callable[[], None]] = []
        self._scanning: asyncio.Task[None] | None = None

    def clock(self) -> ScaledClock:
        """A clock for the bench, on the same time."""
        return ScaledClock(timer=self.loop.time)

    def link(self) -> Link:
        """A line to the device, with the bench's own program on it where the device has none."""
        line, outputs = DirectLink(self.registers, self.device, self.loop), self.registers.outputs
        return line if outputs is None else RemoteIoLink(self.registers, outputs, line)

    def start(self) -> None:
        """Begin to scan."""
        self._scanning = asyncio.create_task(self._scan(), name="the twin's scan")

    async def stop(self) -> None:
        """Scan no more."""
        if self._scanning is not None:
            self._scanning.cancel()
            await asyncio.gather(self._scanning, return_exceptions=True)
            self._scanning = None

    async def _scan(self) -> None:
        due_s = self.loop.time()
        while True:
            due_s += self._scan_steps * STEP_S
            await asyncio.sleep(due_s - self.loop.time())
            for _ in range(self._scan_steps):
                self.device.step(self.loop.time())
                for watcher in self.watchers:
                    watcher()


class DirectLink:
    """The device's registers, as a Modbus line would give them, after the time that one would take."""

    def __init__(self, registers: RegisterMap, device: Device, loop: SimulatedLoop) -> None:
        self._registers = registers
        self._device = device
        self._loop = loop
        self.broken = False

    @property
    def connected(self) -> bool:
        """Whether requests can be made."""
        return not self.broken

    async def connect(self) -> None:
        """There is nothing to open. Raises `LinkError` while it is `broken`."""
        if self.broken:
            raise LinkError("the line is broken")

    async def close(self) -> None:
        """There is nothing to close."""

    async def read(self, table: Table, address: int, count: int) -> tuple[int, ...]:
        """The present values. Raises `LinkError` while it is `broken`."""
        await asyncio.sleep(ANSWER_S)
        await self.connect()
        values = self._device.tags()
        words = [0] * count
        for tag in self._registers.tags.values():
            if tag.table is not table or not address <= tag.address < address + count:
                continue
            at = tag.address - address
            if table.is_bits:
                words[at] = int(bool(values[tag.name]))
                continue
            low, high = tag.range
            encoded = tag.encode(min(max(values[tag.name], low), high))
            words[at : at + len(encoded)] = encoded
        outputs = self._registers.outputs
        if table is Table.COIL and outputs is not None:
            coils = {outputs.address + at: values[f"{name}_output"] for at, name in enumerate(ORDER)}
            words = [int(bool(coils.get(at, False))) for at in range(address, address + count)]
        return tuple(words)

    async def read_all(self, requests: Sequence[Request]) -> list[tuple[int, ...]]:
        """Several reads, one after the other."""
        return [await self.read(*request) for request in requests]

    async def write_registers(self, address: int, words: Sequence[int]) -> None:
        """The heartbeat, a command block, or the speed of remote I/O's pump.

        Raises `LinkError` for anything else, and while `broken`.
        """
        await asyncio.sleep(ANSWER_S)
        await self.connect()
        commands, outputs, device = self._registers.commands, self._registers.outputs, self._device
        if address == self._registers.tags["heartbeat"].address and len(words) == 1:
            device.beat(words[0], self._loop.time())
        elif isinstance(device, RemoteIoModule) and outputs is not None:
            speed = self._registers.tags[outputs.speed]
            if address != speed.address:
                raise LinkError(f"register {address} cannot be written")
            device.setpoint_pct = float(speed.decode(words).value or 0.0)
        elif address == commands.address and len(words) == commands.WIDTH:
            device.command(commands.decode(words), self._loop.time())
        else:
            raise LinkError(f"register {address} cannot be written")

    async def write_bits(self, address: int, bits: Sequence[bool]) -> None:
        """The outputs of remote I/O, or its reset; a device with a command block has no coils to write."""
        await asyncio.sleep(ANSWER_S)
        await self.connect()
        device, outputs = self._device, self._registers.outputs
        if isinstance(device, RemoteIoModule) and outputs is not None:
            if address == outputs.address and len(bits) == len(ORDER):
                device.write_outputs(bits, self._loop.time())
                return
            if address == outputs.reset and tuple(bits) == (True,):
                device.reset_watchdog(self._loop.time())
                return
        raise LinkError(f"coil {address} cannot be written ({len(bits)} bits)")

"""Link, bench and device in any order of commands, faults and restarts: no water runs through the measure."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from rig_bench import CONFIGS

from control.errors import RigError
from control.rig import Rig
from control.simulator.configuration import load_twin_configuration
from control.simulator.hydraulics import DRAIN_TRAVEL_S
from control.simulator.one_clock import DirectLink, OneClockTwin, SimulatedLoop

CONFIGURATION = load_twin_configuration(
    CONFIGS / "rigs" / "twin.toml", CONFIGS / "stations" / "demo.toml", CONFIGS / "measures" / "demo-20l.toml"
)
WATCHDOG_S = CONFIGURATION.registers.link.heartbeat_s


class RigMachine(RuleBasedStateMachine):
    """A bench, a line and a twin on one simulated clock; the plant is looked at after each of its steps."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = SimulatedLoop()
        asyncio.set_event_loop(self.loop)
        self.twin = OneClockTwin(CONFIGURATION, 3, self.loop)
        self.twin.watchers.append(self.look)
        self.seen: set[str] = set()
        self.silent_since_s: float | None = None
        self.numbers: list[int] = []
        self.link: DirectLink = self.twin.link()
        self.rig = self.new_rig()

    def new_rig(self) -> Rig:
        """A bench that has just been started."""
        self.link = self.twin.link()
        rig = Rig(self.twin.registers, clock=self.twin.clock(), link=self.link)
        rig.recorder = self.record
        return rig

    def record(self, kind: str, data: Any) -> None:
        """The record: numbers of commands."""
        if kind == "command":
            self.numbers.append(data["sequence"])

    def look(self) -> None:
        """What must never be, seen from the plant."""
        inlets = not self.twin.plant.hydraulics.inlets_closed
        drain = not self.twin.plant.drain.closed
        if inlets and drain:
            self.seen.add("an inlet and the drain open at once")
        if self.silent_since_s is not None:
            alone_s = self.loop.time() - self.silent_since_s
            # The drain needs longer than a second to travel once it was told to close.
            if (inlets and alone_s > WATCHDOG_S + 1.0) or (
                drain and alone_s > WATCHDOG_S + DRAIN_TRAVEL_S + 0.5
            ):
                self.seen.add("a valve open without contact")
        if self.twin.plant.vessel.overflow_ml > 0.0:
            self.seen.add("overflow")

    def do(self, work: Coroutine[Any, Any, Any]) -> None:
        """Do it on the simulated clock; what the rig refuses is its right."""

        async def carefully() -> None:
            with suppress(RigError):
                await work

        self.loop.run_until_complete(carefully())

    @initialize()
    def begin(self) -> None:
        """The twin scans, the bench has connected."""

        async def start() -> None:
            self.twin.start()
            await self.rig.connect()

        self.do(start())

    @rule(volume_l=st.sampled_from([0.01, 0.5, 8.0, 30.0]), coarse=st.booleans())
    def fill(self, volume_l: float, coarse: bool) -> None:
        """Ask for a dose, sensible or not."""
        self.do(self.rig.fill_coarse(volume_l, 100.0) if coarse else self.rig.fill_fine(volume_l, 40.0))

    @rule()
    def open_drain(self) -> None:
        """Ask for the drain."""
        self.do(self.rig.open_drain())

    @rule()
    def close_drain(self) -> None:
        """Close it."""
        self.do(self.rig.close_drain())

    @rule()
    def close_all(self) -> None:
        """Close everything."""
        self.do(self.rig.close_all())

    @rule()
    def reset(self) -> None:
        """Clear the latch, where its cause has gone, and the alarms."""
        self.do(self.rig.reset())
        self.rig.alarms.clear()

    @rule(seconds=st.sampled_from([0.05, 0.3, 1.5, 4.0, 20.0]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.loop.run_until_complete(asyncio.sleep(seconds))

    @rule(opened=st.booleans())
    def door(self, opened: bool) -> None:
        """Somebody opens or closes the door."""
        self.twin.plant.door_closed = not opened

    @rule(pressed=st.booleans())
    def emergency_stop(self, pressed: bool) -> None:
        """Somebody presses or releases the emergency stop."""
        self.twin.plant.emergency_stop = pressed

    @rule()
    def break_line(self) -> None:
        """The cable is pulled."""
        if not self.link.broken:
            self.link.broken, self.silent_since_s = True, self.loop.time()

    @rule()
    def mend_line(self) -> None:
        """The cable is back."""
        self.link.broken, self.silent_since_s = False, None

    @rule()
    def restart_bench(self) -> None:
        """The program is killed, in the middle of whatever it did, and started again; its record goes on."""
        last = self.numbers[-1] if self.numbers else None
        broken = self.link.broken

        async def restart() -> None:
            await self.rig.close()
            self.rig = self.new_rig()
            self.link.broken = broken
            if last is not None:
                self.rig.continue_after(last)
            await self.rig.connect()
            await self.rig.close_all()

        self.do(restart())

    @rule()
    def restart_device(self) -> None:
        """The PLC loses its power: outputs fall, its memory is as new."""
        self.twin.device.restart()

    @invariant()
    def nothing_that_must_not_be(self) -> None:
        """No step of the plant has shown it."""
        assert set() == self.seen

    @invariant()
    def no_number_twice(self) -> None:
        """No command was given twice."""
        assert len(set(self.numbers)) == len(self.numbers)

    def teardown(self) -> None:
        """Let go of the loop."""

        async def end() -> None:
            await self.rig.close()
            await self.twin.stop()

        self.loop.run_until_complete(end())
        asyncio.set_event_loop(None)
        self.loop.close()


TestRigMachine = RigMachine.TestCase
TestRigMachine.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
)

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

    @rule(
        volume_l=st.sampled_from([0.01, 0.5, 8.0, 30.0]),
        opcode=st.sampled_from(["coarse", "fine", "open-drain", "close-drain", "close-all"]),
        then_s=st.sampled_from([0.0, 0.3, 1.0, 4.0]),
    )
    def command(self, volume_l: float, opcode: str, then_s: float) -> None:
        """Ask for something, sensible or not, and wait for a while."""
        rig = self.rig
        work = {
            "coarse": lambda: rig.fill_coarse(volume_l, 100.0),
            "fine": lambda: rig.fill_fine(volume_l, 40.0),
            "open-drain": rig.open_drain,
            "close-drain": rig.close_drain,
            "close-all": rig.close_all,
        }[opcode]
        self.do(work())
        self.loop.run_until_complete(asyncio.sleep(then_s))

    @rule(volume_l=st.sampled_from([0.5, 8.0]), then_s=st.sampled_from([0.0, 0.5, 3.0]))
    def drain_and_fill(self, volume_l: float, then_s: float) -> None:
        """The worst pair: the drain, and a dose before it is closed again."""
        self.do(self.rig.open_drain())
        self.loop.run_until_complete(asyncio.sleep(then_s))
        self.do(self.rig.fill_coarse(volume_l, 100.0))
        self.loop.run_until_complete(asyncio.sleep(1.0))

    @rule(seconds=st.sampled_from([1.5, 20.0]))
    def recover(self, seconds: float) -> None:
        """All that was wrong is put right, the latch is reset, and time passes."""
        self.twin.plant.door_closed, self.twin.plant.emergency_stop = True, False
        self.link.broken, self.silent_since_s = False, None
        self.loop.run_until_complete(asyncio.sleep(seconds))
        self.do(self.rig.reset())
        self.rig.alarms.clear()

    @rule(what=st.sampled_from(["door", "emergency stop", "line"]))
    def trouble(self, what: str) -> None:
        """The door is opened, the emergency stop pressed, or the cable pulled."""
        if what == "door":
            self.twin.plant.door_closed = False
        elif what == "emergency stop":
            self.twin.plant.emergency_stop = True
        elif not self.link.broken:
            self.link.broken, self.silent_since_s = True, self.loop.time()

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
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
)

"""control/simulator/one_clock.py: bench and twin on the simulator's clock; what fills and runs do there."""

import asyncio
import time

from rig_bench import CONFIGS

from control.clock import ScaledClock
from control.errors import LinkError
from control.rig import Rig
from control.simulator.configuration import load_twin_configuration
from control.simulator.one_clock import OneClockTwin, SimulatedLoop, run_simulated

CONFIGURATION = load_twin_configuration(
    CONFIGS / "rigs" / "twin.toml", CONFIGS / "stations" / "demo.toml", CONFIGS / "measures" / "demo-20l.toml"
)


def test_time_passes_where_everything_waits_and_nowhere_else() -> None:
    """A day of two sleepers is over at once, and each wakes at its own moment."""
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, clock: ScaledClock, seconds: float) -> None:
        for _ in range(2):
            await clock.sleep(seconds)
            woken.append((name, clock.now()))

    async def work(loop: SimulatedLoop) -> None:
        clock = ScaledClock(timer=loop.time)
        await asyncio.gather(sleeper("slow", clock, 43200.0), sleeper("fast", clock, 30000.0))

    started = time.monotonic()
    run_simulated(work)
    assert time.monotonic() - started < 5.0
    assert [("fast", 30000.0), ("slow", 43200.0), ("fast", 60000.0), ("slow", 86400.0)] == woken


def test_the_rig_is_the_same_on_the_simulators_clock() -> None:
    """A dose, watched by the supervisor: it ends at its volume, and the clock of bench and device agree."""

    async def work(loop: SimulatedLoop) -> tuple[float, float, bool]:
        twin = OneClockTwin(CONFIGURATION, 3, loop)
        twin.start()
        async with Rig(twin.registers, clock=twin.clock(), link=twin.link()) as rig:
            await rig.fill_coarse(5.0, 100.0)
            await rig.wait_for(lambda s: s.values["dose_state"] == 2, 60.0, "a dose of 5 L")
            await rig.pause(2.0)
            last = await rig.refresh()
            await rig.close_all()
        await twin.stop()
        drift_s = abs((last.number("clock") or 0.0) - loop.time())
        return last.number("meter_volume") or 0.0, drift_s, twin.plant.hydraulics.inlets_closed

    volume_l, drift_s, closed = run_simulated(work)
    assert 5.0 <= volume_l < 5.5
    assert drift_s < 0.2
    assert closed


def test_a_broken_line_closes_the_valves_on_this_clock_too() -> None:
    """Contact breaks in a dose: the device closes within its watchdog, the bench knows of the loss."""

    async def work(loop: SimulatedLoop) -> tuple[bool, bool, float]:
        twin = OneClockTwin(CONFIGURATION, 3, loop)
        twin.start()
        link = twin.link()
        async with Rig(twin.registers, clock=twin.clock(), link=link) as rig:
            await rig.fill_coarse(15.0, 100.0)
            await rig.pause(3.0)
            link.broken = True
            broke_s = loop.time()
            while not twin.plant.hydraulics.inlets_closed:  # noqa: ASYNC110 - the plant tells nobody
                await asyncio.sleep(0.1)
            closed_s = loop.time() - broke_s
            await asyncio.sleep(2.0)
            lost = not rig.connected
            try:
                await link.read(next(iter(twin.registers.tags.values())).table, 0, 1)
            except LinkError:
                refused = True
            else:
                refused = False
        await twin.stop()
        return lost, refused, closed_s

    lost, refused, closed_s = run_simulated(work)
    assert (True, True) == (lost, refused)
    assert closed_s <= CONFIGURATION.registers.link.heartbeat_s + 1.0

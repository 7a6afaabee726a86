"""Whole procedures on the simulator's clock: rig, twin, steps, record and result, without pictures."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from api.records import load_record
from api.results import result_of
from api.settings import configure, load_settings
from benchmarks.fills import PlantReader, configuration
from control.journal import Journal
from control.observers import Observation
from control.rig import Rig
from control.sequence import Run
from control.simulator.one_clock import OneClockTwin, SimulatedLoop, run_simulated
from control.states import State

FRAME = "0" * 64
Hands = Callable[[OneClockTwin, str], Awaitable[dict[str, float]]]


async def idle_hands(twin: OneClockTwin, prompt: str) -> dict[str, float]:
    """A technician who says that all is done, and enters nothing."""
    del twin, prompt
    return {}


class EvidentReader(PlantReader):
    """Sees the level as a camera would, and names a frame where evidence is asked for."""

    async def read_level(self, frames: int, *, keep: bool) -> Observation:
        """The level; `frames` names no picture that exists."""
        seen = await super().read_level(frames, keep=keep)
        fields = {name: getattr(seen, name) for name in ("instrument", "unit", "value", "reason", "detail")}
        return Observation(
            **fields,
            standard_uncertainty=seen.standard_uncertainty,
            terms=seen.terms,
            frames=(FRAME,) if keep else (),
        )


def carried_out(
    procedure: str,
    folder: Path,
    *,
    seed: int = 3,
    prepare: Callable[[OneClockTwin, Run], None] = lambda twin, run: None,
    hands: Hands = idle_hands,
    rig: str = "twin",
) -> tuple[str, dict[str, Any], float]:
    """Outcome and result of a shipped procedure, and the twin's true error in mL.

    `prepare` may meddle with twin and run before the start. `hands` do what a prompt asks for, and give the
    numbers that it wants. `rig` names a rig of the shipped ones.
    """
    return run_simulated(lambda loop: _carried_out(loop, procedure, folder, seed, prepare, hands, rig))


async def _carried_out(  # noqa: PLR0917 - the arguments of the function above
    loop: SimulatedLoop,
    procedure: str,
    folder: Path,
    seed: int,
    prepare: Callable[[OneClockTwin, Run], None],
    hands: Hands,
    rig_name: str,
) -> tuple[str, dict[str, Any], float]:
    settings = load_settings()
    chosen = configure(settings, settings.choose(procedure=procedure, operator="J. Lin", rig=rig_name))
    plain = chosen.plain()
    item = {key: plain["measure"][key] for key in ("name", "make", "model", "serial")}
    twin = OneClockTwin(configuration(rig_name), seed, loop)
    twin.start()
    rig = Rig(twin.registers, clock=twin.clock(), link=twin.link())
    with Journal.create(folder, rig.clock) as journal:
        run = Run(
            rig,
            chosen.procedure,
            measure=chosen.measure,
            rules=chosen.rules,
            level=EvidentReader(twin, seed),
            journal=journal,
            settings={**plain, "run": folder.name, "operator": "J. Lin", "item": item, "versions": {}},
        )
        prepare(twin, run)
        technician = asyncio.create_task(_technician(twin, run, hands))
        try:
            outcome = await run.execute()
        finally:
            technician.cancel()
            await asyncio.gather(technician, return_exceptions=True)
            await rig.close()
            await twin.stop()
    result = result_of(load_record(folder))
    return outcome, result, twin.plant.truth.error_ml


async def _technician(twin: OneClockTwin, run: Run, hands: Hands) -> None:
    while True:
        await asyncio.sleep(1.0)
        status = run.status()
        if status["state"] == State.HELD:
            # Nobody comes: without an end the simulator's clock would run on for ever.
            run.command("stop")
        prompt = status["prompt"]
        if prompt is not None:
            values = await hands(twin, prompt["name"])
            run.answer(prompt["number"], "J. Lin", range(len(prompt["checks"])), values)

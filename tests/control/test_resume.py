"""control/resume.py and a run that comes back: what differs, and from where it goes on."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from rig_bench import Bench, PlantReader, RunBench, prepared_run, shipped, until

from control.errors import LinkError, RecordError
from control.journal import FILE, Journal, Record, read_record
from control.procedure import Procedure
from control.resume import Standing, content_intact, differences, standing_of
from control.rig import Rig
from control.sequence import Run
from control.snapshot import Snapshot
from control.states import State
from control.steps.plan import plan
from control.steps.step import Memory

STILL = {
    "dose_state": 2,
    "coarse_valve": 0.0,
    "fine_valve": 0.0,
    "drain_valve": 0.0,
    "latch": 1,
    "accepted_sequence": 7,
    "meter_volume": 20.0,
    "balance": 25000.0,
    "clock": 100.0,
    "balance_stable": True,
}


def snapshot(**changed: Any) -> Snapshot:
    """A rig at rest, but for what is changed."""
    return Snapshot(MappingProxyType({**STILL, **changed}), MappingProxyType({}), 0.0, 0.0)


def standing(**changed: Any) -> Standing:
    """A run that stood at rest after weighing."""
    whole = Standing(5, "weigh 0", 1, Memory(), 20.0, 25000.0, 90.0, 7, (), None)
    return replace(whole, **changed)


def told(stood: Standing, found: Snapshot) -> list[str]:
    return [difference.sentence for difference in differences(stood, found, found, 20.0)]


async def kill(run_bench: RunBench, task: "asyncio.Task[str]") -> None:
    """What SIGKILL leaves: no command, no line of the record, no heartbeat from this moment on."""

    def dead(kind: str, data: Any) -> None:
        raise RecordError("killed")

    run_bench.journal.append = dead  # type: ignore[method-assign]  # nothing is written any more
    run_bench.rig.recorder = dead

    async def mute(*_: Any) -> None:
        raise LinkError("killed")

    run_bench.rig._link.write_registers = mute  # type: ignore[method-assign]  # nor given
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await run_bench.rig.close()
    run_bench.journal.close()


@asynccontextmanager
async def resumed(bench: Bench, procedure: Procedure, folder: Path) -> AsyncIterator[RunBench]:
    """The run of that folder, come back on a new rig object."""
    rig = Rig(bench.registers)
    heard: list[tuple[str, dict[str, Any]]] = []

    def listener(kind: str, data: Any) -> None:
        heard.append((kind, dict(data)))

    journal, record, aside = Journal.resume(folder, rig.clock, listener)
    journal.append("resumed", {"torn": aside.name if aside else None})
    reader = PlantReader(bench)
    run = Run(
        rig,
        procedure,
        measure=shipped("measures", "demo-20l"),
        rules=shipped("rules", "tw-owner-standard-measure"),
        level=reader,
        journal=journal,
        listener=listener,
        resume=standing_of(record, plan(procedure)),
    )
    try:
        yield RunBench(run, reader, bench, rig, journal, folder, heard, None)  # type: ignore[arg-type]
    finally:
        await rig.close()
        journal.close()


async def interrupted(
    bench: Bench, procedure: Procedure, folder: Path, moment: Callable[[RunBench], bool]
) -> Record:
    """A run that was killed at that moment; returns its record."""
    async with prepared_run(bench, procedure, folder) as run_bench:
        task = asyncio.create_task(run_bench.run.execute())
        await until(lambda: moment(run_bench))
        await kill(run_bench, task)
    return read_record(folder, recover=True)


def in_step(step: str, repeat: int) -> Callable[[RunBench], bool]:
    """Whether the run is in that step."""
    return lambda b: (b.run.status()["step"], b.run.status()["repeat"]) == (step, repeat)


async def go_on(bench: Bench, procedure: Procedure, folder: Path) -> tuple[Record, str]:
    """Let the run come back, and go on to its end; returns the record and the reason of its Held."""
    async with resumed(bench, procedure, folder) as run_bench:
        task = asyncio.create_task(run_bench.run.execute())
        await run_bench.until_state(State.HELD)
        reason = run_bench.run.reason
        assert bench.closed
        opened = [c["opcode"] for c in run_bench.kinds("command")]
        await asyncio.sleep(0.1)
        assert opened == [c["opcode"] for c in run_bench.kinds("command")]
        run_bench.run.command("unhold")
        assert "complete" == await task
        return run_bench.record(), reason


def numbers_given_once(record: Record, bench: Bench) -> None:
    """No sequence stands twice in the record, and the device has done no more commands than it names."""
    numbers = [line.data["sequence"] for line in record.lines if line.kind == "command"]
    assert sorted(set(numbers)) == numbers
    assert bench.device.executed <= len(numbers)


async def test_a_run_killed_in_a_dose_begins_the_repeat_over(
    bench: Bench, procedure: Procedure, tmp_path: Path
) -> None:
    """The dose is not taken up: the technician reads why, the measure is emptied, the record is one chain."""
    before = await interrupted(
        bench,
        procedure,
        tmp_path / "run",
        lambda b: in_step("fill", 1)(b) and b.bench.plant.hydraulics.coarse.position == 1.0,
    )
    record, reason = await go_on(bench, procedure, tmp_path / "run")
    assert before.lines == record.lines[: len(before.lines)]
    assert "last checkpoint is after empty of repeat 1" in reason
    assert "repeat 1 begins over" in reason
    after = record.lines[len(before.lines) :]
    steps = [line.data["step"] for line in after if line.kind == "step"]
    assert ["make-ready", "empty", "fill", "settle", "read", "weigh", "drain", "weigh"] == steps
    assert [True] == [line.data["discards"] for line in after if line.kind == "compared"]
    numbers_given_once(record, bench)


async def test_a_run_killed_at_rest_goes_on_from_its_checkpoint(
    bench: Bench, procedure: Procedure, tmp_path: Path
) -> None:
    """Filled and not yet weighed: nothing has changed, so the level is settled and read, not filled again."""
    before = await interrupted(bench, procedure, tmp_path / "run", in_step("settle", 1))
    record, reason = await go_on(bench, procedure, tmp_path / "run")
    assert "the rig stands as the record says; unhold: goes on with settle 0" in reason
    after = record.lines[len(before.lines) :]
    steps = [line.data["step"] for line in after if line.kind == "step"]
    assert ["make-ready", "settle", "read", "weigh", "drain", "weigh"] == steps
    assert [] == [line for line in after if line.kind == "command" and line.data["opcode"].startswith("fill")]
    numbers_given_once(record, bench)


async def test_a_run_killed_twice_comes_back_twice(
    bench: Bench, procedure: Procedure, tmp_path: Path
) -> None:
    """Killed in the drain, and again while Held: the record is one chain, the later lines count."""
    folder = tmp_path / "run"
    draining = in_step("drain", 1)
    await interrupted(bench, procedure, folder, lambda b: draining(b) and b.bench.plant.vessel.stream)
    async with resumed(bench, procedure, folder) as run_bench:
        task = asyncio.create_task(run_bench.run.execute())
        await run_bench.until_state(State.HELD)
        await kill(run_bench, task)
    record, reason = await go_on(bench, procedure, folder)
    assert "repeat 1 begins over" in reason
    assert [0.0, 0.0, None] == [line.data["target"] for line in record.lines if line.kind == "weighing"]
    numbers_given_once(record, bench)


async def test_water_that_somebody_let_out_is_noticed(
    bench: Bench, procedure: Procedure, tmp_path: Path
) -> None:
    """Some water was taken out by hand while no program ran: balance and level say so."""
    before = await interrupted(bench, procedure, tmp_path / "run", in_step("settle", 1))
    bench.plant.vessel.bulk_g -= 300.0
    let_out_s = bench.plant.clock_s
    await until(lambda: bench.plant.clock_s > let_out_s + 30.0)  # level and balance have come to rest
    record, reason = await go_on(bench, procedure, tmp_path / "run")
    assert "the level stands at -3" in reason
    stood = [line.data for line in before.lines if line.kind == "checkpoint"][-1]
    assert ("the balance has changed by -" in reason) == (stood["balance_g"] is not None)
    assert "repeat 1 begins over" in reason
    steps = [line.data["step"] for line in record.lines[len(before.lines) :] if line.kind == "step"]
    assert ["make-ready", "empty", "fill"] == steps[:3]


async def test_a_rig_that_is_not_there_is_compared_when_it_is(
    bench: Bench, procedure: Procedure, tmp_path: Path
) -> None:
    """Held at once; the first unhold compares and is Held again with what differs; the second goes on."""
    await interrupted(bench, procedure, tmp_path / "run", in_step("settle", 1))
    await bench.server.stop()
    async with resumed(bench, procedure, tmp_path / "run") as run_bench:
        task = asyncio.create_task(run_bench.run.execute())
        await run_bench.until_state(State.HELD)
        assert "the rig cannot be compared with the record yet" in run_bench.run.reason
        await bench.server.start(bench.registers.link.port)
        run_bench.run.command("unhold")
        await until(lambda: "goes on with settle 0" in run_bench.run.reason)
        await run_bench.until_state(State.HELD)
        run_bench.run.command("unhold")
        assert "complete" == await task


async def test_a_torn_line_is_set_aside_and_the_chain_goes_on(
    bench: Bench, procedure: Procedure, tmp_path: Path
) -> None:
    """The bytes are kept in a file beside the record and named in it; every whole line stays."""
    folder = tmp_path / "run"
    before = await interrupted(bench, procedure, folder, in_step("settle", 1))
    with (folder / FILE).open("ab") as file:
        file.write(b'{"data":{"sequence":')
    record, _ = await go_on(bench, procedure, folder)
    assert before.lines == record.lines[: len(before.lines)]
    line = record.lines[len(before.lines)]
    assert ("resumed", before.lines[-1].n + 1) == (line.kind, line.n)
    assert b'{"data":{"sequence":' == (folder / line.data["torn"]).read_bytes()


async def test_a_run_that_has_ended_is_not_resumed(
    run_bench: RunBench, procedure: Procedure, bench: Bench
) -> None:
    """Its record stays as it is."""
    task = asyncio.create_task(run_bench.run.execute())
    await until(lambda: run_bench.run.state is State.EXECUTE)
    run_bench.run.command("stop")
    await task
    before = (run_bench.folder / FILE).read_bytes()
    with pytest.raises(RecordError, match="has come to its end; there is nothing to resume"):
        Journal.resume(run_bench.folder, run_bench.rig.clock)
    assert before == (run_bench.folder / FILE).read_bytes()


@pytest.mark.parametrize(
    ("stood", "found", "sentence"),
    [
        ({}, {"clock": 3.0}, "the device was restarted"),
        ({}, {"dose_state": 1}, "a dose was running, and was broken off"),
        ({}, {"drain_valve": 40.0}, "the drain valve was 40 % open, and was closed"),
        ({}, {"fine_valve": None}, "the fine valve was at an unknown place"),
        ({}, {"latch": 2}, "the device has latched: high-high level"),
        ({}, {"meter_volume": 20.25}, "+0.250 L have passed the meter"),
        ({}, {"meter_volume": None}, "the meter's total is unknown"),
        ({}, {"balance": 24000.0}, "the balance has changed by -1000.0 g"),
        ({}, {"balance": None}, "the balance's indication is unknown"),
        ({}, {"accepted_sequence": 9}, "somebody else has driven the rig"),
    ],
)
def test_what_differs_is_named_and_discards(
    stood: dict[str, Any], found: dict[str, Any], sentence: str
) -> None:
    """Each thing that may concern the water is told in its own words, and the repeat is not trusted."""
    now = snapshot(**found)
    said = differences(standing(**stood), now, now, 20.0)
    assert any(sentence in difference.sentence for difference in said), said
    assert not content_intact(standing(**stood), now, said)


def test_a_rig_as_the_record_says_differs_in_nothing() -> None:
    """A latch by the heartbeat is what every kill leaves; a gram has evaporated."""
    assert [] == told(standing(), snapshot(balance=24999.0))


def test_a_dose_that_never_reached_the_device_is_told_and_not_given_again() -> None:
    """Nothing was opened, so the checkpoint holds; had it arrived, it would not."""
    command = {"sequence": 8, "opcode": "fill-fine", "arguments": [0.1, 40.0]}
    stood = standing(sequence=8, opened=("fill-fine",), unanswered=command)
    now = snapshot()
    said = differences(stood, now, now, 20.0)
    assert ["fill-fine, number 8" in difference.sentence for difference in said] == [True]
    assert content_intact(stood, now, said)
    arrived = snapshot(accepted_sequence=8)
    assert not content_intact(stood, arrived, differences(stood, arrived, arrived, 20.0))

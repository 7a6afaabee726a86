"""The run of verify-measure, on the twin's plant and PLC over real Modbus."""

import asyncio
import datetime
import math
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from rig_bench import CONFIGS, Bench, RunBench, prepared_run, running_bench, shipped, until

from control.blocks import Deliveries
from control.errors import TransitionError
from control.journal import Line
from control.observers import Observation
from control.procedure import Procedure, load_procedure
from control.registers import RegisterMap, load_register_map
from control.states import State
from control.steps.check import faults_before_water
from control.steps.plan import first_of_repeat, plan
from control.steps.settle import slope_of
from control.steps.step import Vessel


async def start(run_bench: RunBench) -> "asyncio.Task[str]":
    """Execute in the background."""
    task = asyncio.create_task(run_bench.run.execute())
    await asyncio.sleep(0)
    return task


async def in_step(run_bench: RunBench, step: str, repeat: int = 0) -> None:
    """Wait until the run is in a step."""
    status = run_bench.run.status
    await until(lambda: (status()["step"], status()["repeat"]) == (step, repeat))


async def filling(run_bench: RunBench, repeat: int) -> None:
    """Wait until water runs in one repeat's fill."""
    await in_step(run_bench, "fill", repeat)
    await until(lambda: run_bench.bench.plant.hydraulics.coarse.position == 1.0)


@dataclass(frozen=True)
class Finished:
    """What is left of a run that completed: three levels of two repeats, after a prewet."""

    outcome: str
    state: State
    lines: tuple[Line, ...]
    heard: tuple[str, ...]
    executed: int
    closed: bool
    both_open: bool

    def kinds(self, kind: str) -> list[dict[str, Any]]:
        """The data of every line of one kind."""
        return [dict(line.data) for line in self.lines if line.kind == kind]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """One whole run for the tests that only look at its record."""
    procedure = load_procedure(CONFIGS / "procedures" / "verify-measure.toml")
    short = replace(
        procedure, blocks=(*procedure.blocks[:3], Deliveries(1, (0.0,)), Deliveries(1, (-240.0, 120.0)))
    )
    folder = tmp_path_factory.mktemp("finished") / "run"

    async def execute() -> Finished:
        async with running_bench() as bench, prepared_run(bench, short, folder) as prepared:
            outcome = await prepared.run.execute()
            return Finished(
                outcome,
                prepared.run.state,
                prepared.record().lines,
                tuple(kind for kind, _ in prepared.heard),
                bench.device.executed,
                bench.closed,
                bool(bench.most_open),
            )

    return asyncio.run(execute())


LEVELS = ((1, 0.0), (2, -240.0), (2, 120.0))


def test_a_run_completes_and_its_record_tells_all(finished: Finished) -> None:
    """Every line that the reference names is there, in its order, and the valves are closed."""
    assert ("complete", State.COMPLETE, True, False) == (
        finished.outcome,
        finished.state,
        finished.closed,
        finished.both_open,
    )
    assert ("settings", "end") == (finished.lines[0].kind, finished.lines[-1].kind)
    assert {"outcome": "complete", "reason": ""} == finished.lines[-1].data
    measured = [o for o in finished.kinds("observation") if o["purpose"] == "measure"]
    assert [*LEVELS] == [(o["repeat"], o["target"]) for o in measured]
    assert [5, 5, 5] == [len(o["frames"]) for o in measured]
    weighings = [(w["repeat"], w["target"], w["load"]) for w in finished.kinds("weighing")]
    assert [
        (1, 0.0, "full"),
        (1, None, "drained"),
        (2, -240.0, "full"),
        (2, 120.0, "full"),
        (2, None, "drained"),
    ] == weighings
    assert weighings == [(a["repeat"], a["target"], a["load"]) for a in finished.kinds("ambient")]
    assert {"repeat", "target", "load", "mean_g", "scatter_g", "count"} == finished.kinds("weighing")[
        0
    ].keys()


def test_the_drip_clock_runs_from_the_break_of_the_stream(finished: Finished) -> None:
    """Prewet and each repeat: at least the item's drip time, and hardly more, on the rig's own clock."""
    assert [0, 1, 2] == [drip["repeat"] for drip in finished.kinds("drip")]
    for drip in finished.kinds("drip"):
        assert ("stream-broke", 30.0) == (drip["started"], drip["required_s"])
        assert 30.0 <= drip["waited_s"] < 36.0


def test_the_level_is_approached_from_below_and_within_tolerance(finished: Finished) -> None:
    """No look on the way is above its target, the last lies within the tolerance, few doses are needed."""
    looks = [o for o in finished.kinds("observation") if o["purpose"] == "fill" and o["repeat"] > 0]
    levels = [(o["target"], o["value"]) for o in looks if o["value"] is not None]
    assert all(value <= target + 1.0 for target, value in levels)
    for _, goal in LEVELS:
        last = [value for target, value in levels if target == goal][-1]
        assert goal - 6.0 <= last <= goal + 1.0
        assert len([1 for target, _ in levels if target == goal]) <= 4


def test_steps_and_commands_are_recorded_before_they_act(finished: Finished) -> None:
    """Each command is followed by its acceptance; numbers rise by one; the device did each once."""
    lines = [line for line in finished.lines if line.kind in ("command", "accepted")]
    assert ["command", "accepted"] * finished.executed == [line.kind for line in lines]
    assert [*range(1, finished.executed + 1)] == [line.data["sequence"] for line in lines[::2]]
    assert [0] * finished.executed == [line.data["result"] for line in lines[1::2]]


def test_the_listener_hears_every_line_and_every_poll(finished: Finished) -> None:
    """What is heard beside the polls is the record, line by line."""
    assert [line.kind for line in finished.lines] == [kind for kind in finished.heard if kind != "poll"]
    assert "poll" in finished.heard


async def test_the_status_follows_the_run(run_bench: RunBench) -> None:
    """Step, target, level, progress and tags are those of the moment."""
    before = run_bench.run.status()
    assert ("Idle", {}, None) == (before["state"], before["tags"], before["level"])
    task = await start(run_bench)
    await in_step(run_bench, "settle", 1)
    status = run_bench.run.status()
    assert ("Execute", 0.0, "mL", "read 0", True) == (
        status["state"],
        status["target"],
        status["level_unit"],
        status["next_step"],
        status["connected"],
    )
    assert ["hold", "stop", "abort"] == sorted(status["commands"], key=["hold", "stop", "abort"].index)
    assert 0.0 < status["progress"] < 1.0
    assert status["tags"]["door_closed"] is True
    run_bench.run.command("abort")
    assert "aborted" == await task


async def test_a_standard_past_its_due_date_stops_the_run_before_water_flows(
    run_bench: RunBench, bench: Bench
) -> None:
    """The reason names standard and date; the rig was not even connected."""
    balance = {**bench.registers.standards["balance"], "due": datetime.date(2020, 1, 31)}
    run_bench.rig.map = replace(
        bench.registers, standards=MappingProxyType({**bench.registers.standards, "balance": balance})
    )
    assert "stopped" == await run_bench.run.execute()
    end = run_bench.record().lines[-1].data
    assert "balance (platform balance, serial SIM-B-0032) is past its due date 2020-01-31" in end["reason"]
    assert (0, 0) == (bench.device.executed, bench.device.accepted_sequence)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("drip_time_s", None, "drip_time_s is missing"),
        ("nominal_l", 0.0, "nominal_l must be positive"),
        ("serial", " ", "serial is missing"),
        ("material", {}, "material is missing"),
    ],
)
def test_an_incomplete_item_is_named(register_map: RegisterMap, key: str, value: Any, reason: str) -> None:
    """What is missing of the measure or the rules stops the run, and is named."""
    today = datetime.date(2026, 11, 24)
    measure, rules = shipped("measures", "demo-20l"), shipped("rules", "tw-owner-standard-measure")
    standards = register_map.standards
    assert () == faults_before_water(standards, measure, rules, today)
    faults = faults_before_water(standards, {**measure, key: value}, rules, today)
    assert any(reason in fault for fault in faults)
    assert ("the rule pack's decision is missing",) == faults_before_water(
        standards, measure, {**rules, "decision": None}, today
    )


async def test_a_dead_camera_holds_before_water_flows_and_unhold_goes_on(run_bench: RunBench) -> None:
    """Held says why, valves closed; once the camera answers, the run completes."""
    run_bench.reader.dead = True
    task = await start(run_bench)
    await run_bench.until_state(State.HELD)
    assert "camera neck does not answer" == run_bench.run.reason
    assert [] == [c for c in run_bench.kinds("command") if c["opcode"].startswith("fill")]
    assert "camera neck does not answer" in run_bench.kinds("state")[-1]["reason"]
    run_bench.reader.dead = False
    run_bench.run.command("unhold")
    assert "complete" == await task


async def test_a_refused_reading_is_tried_again_and_then_holds(run_bench: RunBench) -> None:
    """Two refusals are looked over with fresh frames, three hold with the reader's reason."""
    reader = run_bench.reader

    def refuse(look: int) -> None:
        if run_bench.run.status()["step"] == "settle" and not reader.refusing and not run_bench.run.reason:
            reader.refusing = 3

    reader.hook = refuse
    task = await start(run_bench)
    await run_bench.until_state(State.HELD)
    assert "neck: 3 pictures in a row refused (no-meniscus): no meniscus" in run_bench.run.reason
    assert run_bench.bench.closed
    refused = [o for o in run_bench.kinds("observation") if o["purpose"] == "settle"]
    assert [None] * 3 == [o["value"] for o in refused]
    reader.hook = None
    run_bench.run.command("unhold")
    assert "complete" == await task
    # The level stood: the step was taken up where it was, the measure was not emptied for it.
    assert 1 == len(run_bench.kinds("drip"))


async def test_a_reading_that_is_no_number_holds(run_bench: RunBench) -> None:
    """NaN never gets into the record."""

    async def nan(frames: int, *, keep: bool) -> Observation:
        return Observation("neck", "mL", math.nan, 0.1)

    run_bench.reader.read_level = nan  # type: ignore[method-assign]  # the reader under test is the bad one
    task = await start(run_bench)
    await run_bench.until_state(State.HELD)
    assert "the reader answers nan" in run_bench.run.reason
    run_bench.run.command("stop")
    assert "stopped" == await task


async def test_a_hold_in_a_dose_closes_and_the_repeat_begins_over(run_bench: RunBench) -> None:
    """The interrupted dose is not taken up: the measure is emptied, and the repeat completes from there."""
    task = await start(run_bench)
    await filling(run_bench, 1)
    run_bench.run.command("hold")
    await run_bench.until_state(State.HELD)
    assert "the operator's command" == run_bench.run.reason
    await asyncio.sleep(0.1)
    assert run_bench.bench.closed
    run_bench.run.command("unhold")
    assert "complete" == await task
    steps = [step["step"] for step in run_bench.kinds("step") if step["repeat"] == 1]
    assert ["empty", "fill", "empty", "fill", "settle"] == steps[:5]
    assert 2 == len(run_bench.kinds("drip"))
    assert [0.0, None] == [w["target"] for w in run_bench.kinds("weighing")]


async def test_a_hold_in_the_drain_discards_the_repeat(run_bench: RunBench) -> None:
    """A broken drip time can't be mended: full and drained are weighed again, the later lines count."""
    task = await start(run_bench)
    await in_step(run_bench, "drain", 1)
    await asyncio.sleep(0.1)
    run_bench.run.command("hold")
    await run_bench.until_state(State.HELD)
    run_bench.run.command("unhold")
    assert "complete" == await task
    assert [0.0, 0.0, None] == [w["target"] for w in run_bench.kinds("weighing")]


@pytest.mark.parametrize(("command", "outcome"), [("abort", "aborted"), ("stop", "stopped")])
async def test_stop_and_abort_in_a_dose_close_everything_and_end_the_record(
    run_bench: RunBench, command: str, outcome: str
) -> None:
    """The dose is broken off within moments; the record says how it ended and why."""
    task = await start(run_bench)
    await filling(run_bench, 1)
    run_bench.run.command(command)
    async with asyncio.timeout(1.0):
        assert outcome == await task
    await asyncio.sleep(0.1)
    assert run_bench.bench.closed
    assert {"outcome": outcome, "reason": "the operator's command"} == run_bench.record().lines[-1].data


async def test_what_ends_can_be_cleared_and_not_be_run_again(run_bench: RunBench) -> None:
    """Clear leads to Stopped; commands that mean nothing are named; a second execute is refused."""
    with pytest.raises(TransitionError, match="a run that is Idle does not hold"):
        run_bench.run.command("hold")
    with pytest.raises(TransitionError, match="no command 'explode'"):
        run_bench.run.command("explode")
    with pytest.raises(TransitionError, match="not an operator's command"):
        run_bench.run.command("advance")
    task = await start(run_bench)
    await in_step(run_bench, "fill", 1)
    run_bench.run.command("abort")
    await task
    with pytest.raises(TransitionError, match="a run is executed once; this one is Aborted"):
        await run_bench.run.execute()
    with pytest.raises(TransitionError, match="a run that is Aborted does not abort; it can clear"):
        run_bench.run.command("abort")
    run_bench.run.command("clear")
    assert State.STOPPED is run_bench.run.state


async def test_an_open_door_suspends_and_the_run_goes_on_by_itself(run_bench: RunBench, bench: Bench) -> None:
    """Valves closed, first-out alarm in the record; no command is needed once the door is closed."""
    task = await start(run_bench)
    await filling(run_bench, 1)
    bench.plant.door_closed = False
    await run_bench.until_state(State.SUSPENDED)
    assert bench.plant.hydraulics.inlets_closed
    assert "door" in run_bench.run.reason
    assert run_bench.kinds("alarm")[0]["name"] in ("door-open", "device-latched")
    await asyncio.sleep(0.3)
    assert (State.SUSPENDED, True) == (run_bench.run.state, bench.closed), run_bench.run.reason
    bench.plant.door_closed = True
    assert "complete" == await task
    moves = [(s["from"], s["to"], s["command"]) for s in run_bench.kinds("state")]
    assert ("Suspended", "Execute", "unsuspend") in moves
    # The dose was broken off: the repeat began over from an emptied measure.
    assert 2 == len(run_bench.kinds("drip"))


async def test_held_does_not_go_on_by_itself(run_bench: RunBench, bench: Bench) -> None:
    """An operator's hold in a suspension stays when its cause has gone, until unhold."""
    task = await start(run_bench)
    await filling(run_bench, 1)
    bench.plant.door_closed = False
    await run_bench.until_state(State.SUSPENDED)
    run_bench.run.command("hold")
    await run_bench.until_state(State.HELD)
    bench.plant.door_closed = True
    await asyncio.sleep(0.5)
    assert (State.HELD, True) == (run_bench.run.state, bench.closed)
    run_bench.run.command("unhold")
    assert "complete" == await task


async def test_the_emergency_stop_aborts(run_bench: RunBench, bench: Bench) -> None:
    """From the middle of a fill, at once, with its reason."""
    task = await start(run_bench)
    await filling(run_bench, 1)
    bench.plant.emergency_stop = True
    async with asyncio.timeout(2.0):
        assert "aborted" == await task
    assert bench.plant.hydraulics.inlets_closed
    assert "emergency stop" in run_bench.record().lines[-1].data["reason"]


async def test_no_rig_holds_and_says_so(run_bench: RunBench, bench: Bench) -> None:
    """A rig that is not there is a reason to hold, not a crash."""
    await bench.server.stop()
    task = await start(run_bench)
    await run_bench.until_state(State.HELD)
    assert "no rig answers at 127.0.0.1" in run_bench.run.reason
    run_bench.run.command("stop")
    assert "stopped" == await task
    assert "stopped" == run_bench.record().lines[-1].data["outcome"]


async def test_a_lost_line_holds_with_the_device_closing_itself(run_bench: RunBench, bench: Bench) -> None:
    """Contact breaks in a dose and stays away: Held with the reason, the device has closed itself."""
    task = await start(run_bench)
    await filling(run_bench, 1)
    await bench.server.stop()
    await run_bench.until_state(State.HELD)
    assert "closing is not confirmed" in run_bench.run.reason
    assert "link-lost" in [alarm["name"] for alarm in run_bench.kinds("alarm")]
    await asyncio.sleep(1.5)
    assert bench.plant.hydraulics.inlets_closed
    # The line comes back: the rig is watched again, the run waits for its operator.
    await bench.server.start(bench.registers.link.port)
    await until(lambda: run_bench.rig.connected)
    assert State.HELD is run_bench.run.state
    run_bench.run.command("unhold")
    assert "complete" == await task


async def test_a_run_that_is_cancelled_closes_and_ends_its_record(run_bench: RunBench) -> None:
    """The program that ran it is stopped: valves closed, end written, the cancellation goes on."""
    task = await start(run_bench)
    await filling(run_bench, 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.1)
    assert run_bench.bench.closed
    assert "aborted" == run_bench.record().lines[-1].data["outcome"]


async def test_a_fault_of_the_program_closes_before_it_is_raised(run_bench: RunBench) -> None:
    """Even a bug in a reader leaves closed valves and an ended record behind."""

    def bug(look: int) -> None:
        if look == 2:
            raise ZeroDivisionError("a bug in a reader")

    run_bench.reader.hook = bug
    with pytest.raises(ZeroDivisionError):
        await run_bench.run.execute()
    assert run_bench.bench.closed
    assert ("aborted", "a bug in a reader") == (
        run_bench.record().lines[-1].data["outcome"],
        run_bench.record().lines[-1].data["reason"],
    )


async def test_a_disk_that_fills_up_aborts_with_closed_valves(
    run_bench: RunBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be recorded is not done; closing is."""
    task = await start(run_bench)
    await filling(run_bench, 1)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("control.journal.os.fsync", full)
    with pytest.raises(Exception, match="No space left"):
        await task
    await asyncio.sleep(0.1)
    assert run_bench.bench.closed
    assert State.ABORTED is run_bench.run.state


async def test_temperatures_that_disagree_suspend_and_after_the_wait_hold(
    bench: Bench, procedure: Procedure, tmp_path: Path
) -> None:
    """The soak names what differs and by how much it may; it is waited for, but not for ever."""
    cold = procedure.having(replace(procedure.soak, air_range_c=(10.0, 11.0), wait_s=30.0))
    async with prepared_run(bench, cold, tmp_path / "cold") as run_bench:
        task = await start(run_bench)
        await run_bench.until_state(State.HELD)
        assert "soak: the air has" in run_bench.run.reason
        assert "10 to 11 °C expected, after 30 s" in run_bench.run.reason
        assert ["Starting", "Execute", "Suspended", "Held"] == [s["to"] for s in run_bench.kinds("state")]
        run_bench.run.command("abort")
        assert "aborted" == await task


async def test_a_soak_that_is_reached_goes_on_by_itself(
    bench: Bench, procedure: Procedure, tmp_path: Path
) -> None:
    """Suspended while vessel and water disagree; once they agree the run goes on without a command."""
    sensor = bench.plant.room.vessel

    class Cold:
        indication = 12.0

        def read(self, value: float) -> None:
            """Stay cold."""

    bench.plant.room.vessel = Cold()  # type: ignore[assignment]  # a sensor that has not warmed up yet
    async with prepared_run(bench, procedure, tmp_path / "soak") as run_bench:
        task = await start(run_bench)
        await run_bench.until_state(State.SUSPENDED)
        assert "soak: water" in run_bench.run.reason
        bench.plant.room.vessel = sensor
        await until(lambda: run_bench.run.state in (State.EXECUTE, State.HELD))
        assert State.EXECUTE is run_bench.run.state, run_bench.run.reason
        assert "complete" == await task


def test_the_plan_goes_up_the_neck_in_the_last_repeat(procedure: Procedure) -> None:
    """Nominal, nominal, then the neck from below; a discarded repeat begins with its emptying."""
    deliveries = (Deliveries(2, (0.0,)), Deliveries(1, (-240.0, 0.0, 240.0)))
    steps = plan(replace(procedure, blocks=deliveries))
    fills = [(step.repeat, step.target) for step in steps if step.name == "fill"]
    assert [(1, 0.0), (2, 0.0), (3, -240.0), (3, 0.0), (3, 240.0)] == fills
    last = max(index for index, step in enumerate(steps) if step.name == "drain")
    assert ("empty", 3) == (
        steps[first_of_repeat(steps, last)].name,
        steps[first_of_repeat(steps, last)].repeat,
    )


@pytest.mark.parametrize(
    ("unit", "expected"), [("mL", 1.0), ("L", 1000.0), ("%", 200.0), ("mm", math.pi / 4 * 100.0**2 / 1000.0)]
)
def test_scale_units_become_millilitres(unit: str, expected: float) -> None:
    """A neck of 100 mm has 7.854 mL in a millimetre; a per cent of 20 L is 200 mL."""
    assert expected == pytest.approx(Vessel(20.0, 30.0, 100.0).ml_per_unit(unit))


@pytest.mark.parametrize("make", [lambda: Vessel(20.0, 30.0, None).ml_per_unit("mm")])
def test_an_unknown_bore_is_not_guessed(make: Callable[[], float]) -> None:
    """Millimetres without a bore are no volume."""
    with pytest.raises(Exception, match="of which the volume is unknown"):
        make()


def test_the_slope_is_that_of_the_line_through_the_looks() -> None:
    """0.5 mL/s exactly, with the reading's own uncertainty where the points lie on a line."""
    slope, u = slope_of([0.0, 6.0, 12.0], [1.0, 4.0, 7.0], 0.6)
    assert (0.5, pytest.approx(0.6 / math.sqrt(72.0))) == (slope, u)


def test_a_meter_that_cannot_tell_a_volume_is_named_before_water_flows() -> None:
    """What a run by the master meter needs of rig and measure, a sentence each."""
    standards = load_register_map(CONFIGS / "rigs" / "twin.toml").standards
    measure = tomllib.loads((CONFIGS / "measures" / "demo-20l.toml").read_text(encoding="utf-8"))
    rules = dict.fromkeys(("name", "maximum_permissible_error", "decision", "source"), "known")
    today = datetime.date(2026, 1, 1)
    tags = {"meter_pulses", "meter_temperature", "line_pressure", "air_pressure"}

    def faults(tags: set[str], **changed: object) -> tuple[str, ...]:
        given = {**measure, **changed}
        return faults_before_water(standards, given, rules, today, (), "master-meter", tags)

    assert () == faults(tags)
    assert ("the rig's file has no tag 'meter_temperature'; a master-meter run needs it",) == faults(
        tags - {"meter_temperature"}
    )
    (contained,) = faults(tags, kind="contained")
    assert contained.startswith("the measure's kind is contained; ")

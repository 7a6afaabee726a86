"""A technician's hands: what a prompt asks, who answered, and what is not taken for an answer."""

import asyncio
import re
from pathlib import Path

import pytest
from rig_bench import CONFIGS, Bench, prepared_run, until

from control.blocks import Confirm, Once
from control.errors import AnswerError, ConfigurationError
from control.procedure import load_procedure
from control.prompts import Desk, Prompt, Question
from control.states import State

LEVEL = Prompt(
    "level-the-measure",
    {"en": "Level the measure.", "zh-TW": "調平量桶。"},
    ({"en": "The bubble is in its ring", "zh-TW": "氣泡在圈內"},),
    (Question("slope", {"en": "Slope", "zh-TW": "傾斜"}, "mm/m", -1.0, 1.0),),
)
SHIPPED = CONFIGS / "procedures" / "verify-measure.toml"


async def asked(desk: Desk) -> "asyncio.Task[object]":
    task: asyncio.Task[object] = asyncio.create_task(desk.ask(LEVEL))
    await asyncio.sleep(0)
    return task


async def test_an_answer_ends_the_waiting() -> None:
    """The answer has the person without blanks and the values; afterwards nothing waits."""
    desk = Desk()
    task = await asked(desk)
    assert (1, LEVEL) == desk.open
    desk.answer(1, " J. Lin ", [0], {"slope": 0.2})
    answer = await task
    assert ("J. Lin", {"slope": 0.2}) == (answer.person, answer.values)  # type: ignore[attr-defined]
    assert desk.open is None


@pytest.mark.parametrize(
    ("number", "person", "confirmed", "values", "expected"),
    [
        (2, "J. Lin", [0], {"slope": 0.0}, "does not wait"),
        (1, "  ", [0], {"slope": 0.0}, "needs the name"),
        (1, "J. Lin", [], {"slope": 0.0}, "not confirmed yet: The bubble is in its ring"),
        (1, "J. Lin", [0], {}, "Slope: expected a number from -1 to 1 mm/m, not nothing"),
        (1, "J. Lin", [0], {"slope": 1.5}, "not 1.5"),
        (1, "J. Lin", [0], {"slope": float("nan")}, "not nan"),
        (1, "J. Lin", [0], {"slope": 0.0, "mood": 1.0}, "does not ask for mood"),
    ],
)
async def test_what_is_no_answer_leaves_the_prompt_waiting(
    number: int, person: str, confirmed: list[int], values: dict[str, float], expected: str
) -> None:
    """Each is refused in one sentence that says what is expected."""
    desk = Desk()
    task = await asked(desk)
    with pytest.raises(AnswerError, match=re.escape(expected)):
        desk.answer(number, person, confirmed, values)
    assert desk.open is not None
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert desk.open is None


async def test_a_run_waits_for_hands_and_writes_down_who_they_were(bench: Bench, tmp_path: Path) -> None:
    """Closed while it waits; held and let go on it asks again; prompt and answer are in the record."""
    procedure = load_procedure(SHIPPED)
    blocks = (Once("empty"), Confirm(LEVEL))
    short = type(procedure)("by-hand", "gravimetric", blocks, procedure.tables, procedure.source)
    async with prepared_run(bench, short, tmp_path / "run") as prepared:
        run = prepared.run
        task = asyncio.create_task(run.execute())
        await until(lambda: run.status()["prompt"] is not None)
        assert bench.closed
        assert "level-the-measure" == run.status()["prompt"]["name"]
        run.command("hold")
        await until(lambda: run.state is State.HELD)
        assert run.status()["prompt"] is None
        run.command("unhold")
        await until(lambda: run.status()["prompt"] is not None)
        run.answer(run.status()["prompt"]["number"], "J. Lin", [0], {"slope": -0.1})
        assert "complete" == await task
        kinds = [line.kind for line in prepared.record().lines]
        assert 2 == kinds.count("prompt")
        (answer,) = [line.data for line in prepared.record().lines if line.kind == "answer"]
        assert {
            "prompt": "level-the-measure",
            "repeat": 0,
            "person": "J. Lin",
            "values": {"slope": -0.1},
        } == dict(answer)


def test_prompts_are_read_from_a_procedure(tmp_path: Path) -> None:
    """Text in both languages, checks and questions; a language that is missing is named."""
    block = """
[[steps]]
do = "confirm"
name = "level-the-measure"
text = { en = "Level the measure.", zh-TW = "調平量桶。" }
checks = [{ en = "The bubble is in its ring", zh-TW = "氣泡在圈內" }]
ask = [{ name = "slope", unit = "mm/m", range = [-1, 1], text = { en = "Slope", zh-TW = "傾斜" } }]
"""
    path = tmp_path / "verify-measure.toml"
    text = SHIPPED.read_text(encoding="utf-8")
    path.write_text(text.replace("\n[soak]", f"{block}\n[soak]"), encoding="utf-8")
    assert Confirm(LEVEL) == load_procedure(path).blocks[-1]
    path.write_text(path.read_text(encoding="utf-8").replace(', zh-TW = "氣泡在圈內"', ""), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"steps\[5\].checks\[0\].zh-TW: missing"):
        load_procedure(path)

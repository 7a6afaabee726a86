"""A neck weighed going up and coming down: its curve, its hysteresis, and which lines belong to which way."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from synthetic_run import Truth, record, settings

from calibration.errors import UnknownQuantityError
from calibration.evaluate import evaluate

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
TARGETS = [-240.0, -120.0, 0.0, 120.0, 240.0]
HELD_G = 2.0  # what the wall holds on the way down
Line = dict[str, Any]


def up_and_down(*, repeats: int = 2, held_g: float = HELD_G) -> list[Line]:
    """A run whose every level is weighed again on the way down, with the same reading and `held_g` more."""
    data = settings()
    data["procedure"]["steps"] = [{"do": "deliveries", "repeats": repeats, "targets": TARGETS}]
    lines = record(Truth(1), data)
    path = CONFIGS / "procedures" / "calibrate-neck.toml"
    data["procedure"] = tomllib.loads(path.read_text(encoding="utf-8"))
    found = [lines[0]]

    def step(name: str, repeat: int) -> None:
        found.append({"kind": "step", "data": {"step": name, "repeat": repeat, "target": None, "detail": ""}})

    for repeat in range(1, repeats + 1):
        of_repeat = [line for line in lines[1:-1] if line["data"]["repeat"] == repeat]
        levels = [line for line in of_repeat if line["data"].get("target") is not None]
        step("empty", repeat)
        step("fill", repeat)
        found += levels
        for target in reversed(TARGETS[:-1]):
            step("let-out", repeat)
            for line in levels:
                if line["data"]["target"] == target:
                    heavier = held_g if line["kind"] == "weighing" else 0.0
                    again = {**line["data"], "mean_g": line["data"].get("mean_g", 0.0) + heavier}
                    found.append({**line, "data": again})
        step("drain", repeat)
        found += [line for line in of_repeat if line["data"].get("target") is None]
    found.append(lines[-1])
    return [{**line, "n": n} for n, line in enumerate(found)]


def finding(result: Line, name: str) -> Line:
    """The finding of that quantity."""
    (one,) = [one for one in result["findings"] if one["quantity"].startswith(name)]
    return dict(one)


def test_what_a_fallen_level_holds_more_is_the_hysteresis() -> None:
    """Two grams more on the way down at the same readings: that volume, known as well as frames allow."""
    result = evaluate(up_and_down())
    hysteresis = finding(result, "hysteresis")
    assert hysteresis["value"] == pytest.approx(HELD_G * 1.0032, abs=2e-3)
    frames_and_weighings = (2 * 0.2**2 + 2 * (0.03**2 + 0.1**2 / 12.0)) / 8.0
    assert hysteresis["standard_uncertainty"] == pytest.approx(frames_and_weighings**0.5, rel=0.02)
    assert result["verdict"]["outcome"] == "none"


def test_the_curve_is_that_of_the_way_up() -> None:
    """Whatever the way down weighs, curve and volume at the mark stay the same, to the last digit."""
    plain, heavy = evaluate(up_and_down(held_g=0.0)), evaluate(up_and_down(held_g=50.0))
    assert plain["curve"] == heavy["curve"]
    assert finding(plain, "volume at the nominal mark") == finding(heavy, "volume at the nominal mark")
    truth = Truth(1)
    volume = finding(plain, "volume at the nominal mark")
    assert abs(1000.0 * volume["value"] - truth.volume_ml) <= 1.5 * 1000.0 * volume["expanded_uncertainty"]


def test_one_repeat_says_what_it_does_not_know() -> None:
    """The film's scatter takes repeats: with one a note says that the curve's uncertainty is without it."""
    told = "How the film scatters from repeat to repeat is not in the curve's uncertainty"
    once, twice = evaluate(up_and_down(repeats=1)), evaluate(up_and_down())
    assert [True, False] == [any(note.startswith(told) for note in one["notes"]) for one in (once, twice)]


def test_a_run_that_was_broken_off_early_has_no_result() -> None:
    """Without a drained weighing there is no level: one sentence."""
    lines = [line for line in up_and_down() if line["data"].get("load") != "drained"]
    with pytest.raises(UnknownQuantityError, match="0 levels going up have a reading and both weighings"):
        evaluate(lines)

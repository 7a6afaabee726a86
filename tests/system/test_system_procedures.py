"""The shipped procedures, each from its file to its result, on the simulator's clock."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the benchmarks are no package of the product

from procedures import carried_out

from control.sequence import Run
from control.simulator.hydraulics import STEP_S
from control.simulator.one_clock import OneClockTwin

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def test_a_tight_measure_passes_its_leak_test(tmp_path: Path) -> None:
    """Nothing is lost: the loss lies within its expanded uncertainty of zero, which is below the limit."""
    outcome, result, _ = carried_out("leak-test", tmp_path / "run")
    assert outcome == "complete"
    (loss,) = result["findings"]
    assert abs(loss["value"]) <= 1.5 * loss["expanded_uncertainty"]
    assert loss["expanded_uncertainty"] < loss["limit"]
    assert result["verdict"]["outcome"] == "pass"


@pytest.mark.parametrize("leak_ml_h", [25.0, 60.0])
def test_a_leaking_measure_fails_and_its_loss_is_measured(tmp_path: Path, leak_ml_h: float) -> None:
    """A drain that weeps: the loss is found within its expanded uncertainty, and the verdict is fail."""

    def weep(twin: OneClockTwin, _run: Run) -> None:
        twin.watchers.append(lambda: twin.plant.vessel.lose(leak_ml_h * STEP_S / 3600.0))

    outcome, result, _ = carried_out("leak-test", tmp_path / "run", prepare=weep)
    assert outcome == "complete"
    (loss,) = result["findings"]
    assert abs(loss["value"] - leak_ml_h) <= 1.5 * loss["expanded_uncertainty"]
    assert result["verdict"]["outcome"] == "fail"


def test_drain_and_dry_names_who_looked_into_the_measure(tmp_path: Path) -> None:
    """Nothing is measured: the steps and the technician's answer are the result."""
    outcome, result, _ = carried_out("drain-and-dry", tmp_path / "run")
    assert outcome == "complete"
    assert result["verdict"]["outcome"] == "none"
    assert [row[1] for row in result["tables"][0]["rows"]] == ["empty", "empty", "dry", "confirm"]
    assert [row[1:] for row in result["tables"][1]["rows"]] == [["look-into-the-measure", "J. Lin"]]
    record = [json.loads(line) for line in (tmp_path / "run" / "record.jsonl").read_bytes().splitlines()]
    dry = next(line["t_s"] for line in record if line["kind"] == "step" and line["data"]["step"] == "dry")
    asked = next(line["t_s"] for line in record if line["kind"] == "prompt")
    assert 1800.0 <= asked - dry <= 1850.0

"""The shipped procedures, each from its file to its result, on the simulator's clock."""

import asyncio
import json
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the benchmarks are no package of the product

from procedures import carried_out

from benchmarks.fills import DIVISION_ML
from control.sequence import Run
from control.simulator.densities import water_density_g_ml
from control.simulator.hydraulics import STEP_S
from control.simulator.one_clock import OneClockTwin

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
DIVISION_MM = 2.546479
STANDARD = tomllib.loads((CONFIGS / "rigs" / "twin.toml").read_text("utf-8"))["standards"]["standard_measure"]


class Pourer:
    """A technician with a standard measure whose true volume differs from its certificate, within its u."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.volume_l = STANDARD["volume_l"] + self.random.gauss(0.0, STANDARD["standard_uncertainty_l"])

    async def __call__(self, twin: OneClockTwin, _prompt: str) -> dict[str, float]:
        """Pour the standard, filled to somewhere near its mark, within a minute; tell what was read."""
        neck_ml, water_c = self.random.uniform(-20.0, 20.0), self.random.uniform(19.5, 21.5)
        grown = 1.0 + STANDARD["cubic_expansion_per_c"] * (water_c - STANDARD["reference_temperature_c"])
        mass_g = (1000.0 * self.volume_l + neck_ml) * grown * water_density_g_ml(water_c)
        parts = 600
        for _ in range(parts):
            twin.plant.vessel.step(STEP_S, mass_g / parts, water_c, 0.0)
            await asyncio.sleep(0.1)
        return {
            "standard_reading_ml": neck_ml
            + self.random.gauss(0.0, STANDARD["reading_standard_uncertainty_ml"]),
            "standard_temperature_c": water_c
            + self.random.gauss(0.0, STANDARD["thermometer_standard_uncertainty_c"]),
        }


@pytest.mark.parametrize("seed", range(1, 4))
def test_a_measure_is_verified_from_a_standard(tmp_path: Path, seed: int) -> None:
    """Poured by hand, read by camera: the error found agrees with the twin's true one within U."""
    outcome, result, true_error_ml = carried_out(
        "verify-from-standard", tmp_path / "run", seed=seed, hands=Pourer(seed)
    )
    assert outcome == "complete"
    assert abs(result["error_ml"] - true_error_ml) <= result["expanded_uncertainty_ml"]
    assert result["expanded_uncertainty_ml"] < 6.0  # three repeats: Student's t alone makes more than a third
    assert result["verdict"]["outcome"] in {"pass", "fail"}
    assert len(result["tables"][0]["rows"]) == 3


@pytest.mark.parametrize("seed", range(1, 4))
def test_a_measure_is_verified_by_the_master_meter(tmp_path: Path, seed: int) -> None:
    """What the meter let in, by its certificate: the error found agrees with the twin's true one within U."""
    outcome, result, true_error_ml = carried_out("verify-by-meter", tmp_path / "run", seed=seed)
    assert outcome == "complete"
    assert abs(result["error_ml"] - true_error_ml) <= result["expanded_uncertainty_ml"]
    assert result["expanded_uncertainty_ml"] < 8.0
    assert result["verdict"]["outcome"] in {"pass", "fail"}
    assert [5, 10] == [len(table["rows"]) for table in result["tables"]]


def test_a_meter_without_a_certificate_lets_no_water_in(tmp_path: Path) -> None:
    """One sentence, and no command that opens anything."""

    def take_away(_twin: OneClockTwin, run: Run) -> None:
        standards = {name: one for name, one in run.rig.map.standards.items() if name != "meter"}
        run.rig.map = replace(run.rig.map, standards=standards)

    outcome, _, _ = carried_out("verify-by-meter", tmp_path / "run", prepare=take_away)
    assert outcome == "stopped"
    record = [json.loads(line) for line in (tmp_path / "run" / "record.jsonl").read_bytes().splitlines()]
    assert (
        "the rig's file names no standard 'meter'; a master-meter run needs one"
        in record[-1]["data"]["reason"]
    )
    assert [] == [line for line in record if line["kind"] == "command"]


class LetsOut:
    """A technician who lets water out to near the levels that a procedure asks for, one after the other."""

    def __init__(self, seed: int, levels_ml: list[float]) -> None:
        self.random = Random(seed)
        self.levels_ml = iter(levels_ml)

    async def __call__(self, twin: OneClockTwin, _prompt: str) -> dict[str, float]:
        """Half a minute by the cock, to within a few millilitres."""
        vessel = twin.plant.vessel
        wanted_ml = next(self.levels_ml) + self.random.uniform(-4.0, 4.0)
        surplus_ml = vessel.seen_level_mm * DIVISION_ML / DIVISION_MM - wanted_ml
        for _ in range(300):
            vessel.lose(surplus_ml / 300.0)
            await asyncio.sleep(0.1)
        return {}


@pytest.mark.parametrize("seed", range(1, 4))
def test_a_neck_is_calibrated_up_and_down(tmp_path: Path, seed: int) -> None:
    """Its curve agrees with the twin's neck at every mark; what stays on the wall is the hysteresis."""
    levels = [120.0, 0.0, -120.0, -240.0]
    plants = []

    def remember(twin: OneClockTwin, _run: Run) -> None:
        plants.append(twin.plant)

    outcome, result, _ = carried_out(
        "calibrate-neck", tmp_path / "run", seed=seed, hands=LetsOut(seed, 2 * levels), prepare=remember
    )
    assert outcome == "complete"
    assert result["curve"]["suitable"]
    vessel, truth = plants[0].vessel, plants[0].truth
    neck, every = result["tables"]
    assert [row[0] for row in neck["rows"]] == [float(mark) for mark in range(-240, 241, 20)]
    for reading, volume_l, expanded_ml in neck["rows"]:
        level_mm = reading * DIVISION_MM / DIVISION_ML
        true_ml = truth.delivered_ml + vessel.neck_ml(level_mm) - vessel.neck_ml(0.0)
        assert abs(1000.0 * volume_l - true_ml) <= 1.5 * expanded_ml
        assert expanded_ml < 2.5
    assert [row[1] for row in every["rows"]] == 2 * (["up"] * 5 + ["down"] * 4)
    (hysteresis,) = [one for one in result["findings"] if one["quantity"].startswith("hysteresis")]
    # The twin's wall holds less than 0.1 mL where a level has fallen.
    assert abs(hysteresis["value"]) <= 1.5 * hysteresis["expanded_uncertainty"]
    assert hysteresis["expanded_uncertainty"] < 1.5


def test_a_tight_measure_passes_its_leak_test(tmp_path: Path) -> None:
    """Nothing is lost: the loss lies within its expanded uncertainty of zero, which is below the limit."""
    outcome, result, _ = carried_out("leak-test", tmp_path / "run")
    assert outcome == "complete"
    (loss,) = result["findings"]
    assert abs(loss["value"]) <= 1.5 * loss["expanded_uncertainty"]
    assert loss["expanded_uncertainty"] < loss["limit"]
    assert result["verdict"]["outcome"] == "pass"
    assert [1] * 7 == [len(one["frames"]) for one in result["evidence"]]


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

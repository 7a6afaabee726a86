"""From a record to its result, with synthetic runs whose truth is known."""

import copy
import json
import random
from collections.abc import Callable
from typing import Any

import pytest
import synthetic_run as synthetic

from calibration.deliveries import deliveries
from calibration.errors import CalibrationError, OutOfRangeError, UnknownQuantityError
from calibration.evaluate import evaluate
from calibration.volumes import VolumeKind

Lines = list[dict[str, Any]]

HEADINGS = {
    "method",
    "schema",
    "run",
    "item",
    "nominal_l",
    "kind",
    "reference_temperature_c",
    "reading_unit",
    "volume_l",
    "error_ml",
    "standard_uncertainty_ml",
    "expanded_uncertainty_ml",
    "coverage_factor",
    "coverage_probability",
    "degrees_of_freedom",
    "monte_carlo",
    "verdict",
    "repeats",
    "repeat_range_ml",
    "repeat_limit_ml",
    "repeatability",
    "budget",
    "curve",
    "water_temperature",
    "gauges",
    "notes",
}


def of(lines: Lines, kind: str, **wanted: Any) -> list[dict[str, Any]]:
    """The data of the lines of a kind that have the wanted values."""
    chosen = [line["data"] for line in lines if line["kind"] == kind]
    return [data for data in chosen if all(data[key] == value for key, value in wanted.items())]


def test_an_exact_run_gives_the_true_volume() -> None:
    """Without noise and biases the error is the true one, to rounding of masses and formulas (0.03 mL)."""
    truth = synthetic.Truth(3, scale=0.0)
    truth.saturation = 0.5
    result = evaluate(synthetic.record(truth))
    assert result["error_ml"] == pytest.approx(20000.0 - truth.volume_ml, abs=0.03)
    assert result["volume_l"] == pytest.approx(20.0 - result["error_ml"] / 1000.0, rel=1e-11)


def test_the_result_has_its_shape() -> None:
    """All keys of docs/reference/result.md, finite numbers only, and shares that add up to one."""
    result = evaluate(synthetic.record(synthetic.Truth(1)))
    assert set(result) == HEADINGS
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert sum(row["share"] for row in result["budget"]) == pytest.approx(1.0, rel=1e-9)
    root = sum(row["contribution_ml"] ** 2 for row in result["budget"]) ** 0.5
    assert root == pytest.approx(result["standard_uncertainty_ml"], rel=1e-9)
    assert result["verdict"]["outcome"] == "pass"
    assert [row["reading"] for row in result["curve"]["table"]] == [20.0 * i for i in range(-12, 13)]
    assert len(result["repeats"]) == len(result["curve"]["points"]) == 7


def test_same_record_same_bytes() -> None:
    """The result does not depend on the time, on the order of keys, or on how often it is asked for."""

    def shuffled(value: Any, rng: random.Random) -> Any:
        if isinstance(value, dict):
            keys = list(value)
            rng.shuffle(keys)
            return {key: shuffled(value[key], rng) for key in keys}
        return [shuffled(entry, rng) for entry in value] if isinstance(value, list) else value

    lines = synthetic.record(synthetic.Truth(2))
    once = json.dumps(evaluate(lines), sort_keys=True)
    again = json.dumps(evaluate(shuffled(copy.deepcopy(lines), random.Random(1))), sort_keys=True)
    assert once == again


def test_coverage_of_the_error_and_the_curve() -> None:
    """Over 300 runs 95 % intervals hold the truth in 93 to 98 % of them, for error and neck."""
    settings, runs = synthetic.settings(), 300
    inside = on_curve = suitable = 0
    expanded = []
    for seed in range(runs):
        truth = synthetic.Truth(seed)
        result = evaluate(synthetic.record(truth, settings))
        expanded.append(result["expanded_uncertainty_ml"])
        inside += abs(result["error_ml"] - (20000.0 - truth.volume_ml)) <= expanded[-1]
        if result["curve"]["suitable"]:
            suitable += 1
            row = next(r for r in result["curve"]["table"] if r["reading"] == 100.0)
            true_l = (truth.volume_ml + truth.slope * 100.0) / 1000.0
            on_curve += abs(row["volume_l"] - true_l) * 1000.0 <= 1.96 * row["standard_uncertainty_ml"]
    assert 0.93 <= inside / runs <= 0.98
    assert 0.93 <= on_curve / suitable <= 0.99
    assert suitable / runs >= 0.95
    assert max(expanded) < 4.0
    assert sum(expanded) / runs < 2.0


def test_common_errors_are_not_averaged_away() -> None:
    """Thirty repeats leave the balance's and the reader's own errors as large as three do."""
    settings = synthetic.settings()
    few = evaluate(synthetic.record(synthetic.Truth(4), settings))
    settings["procedure"]["steps"][3]["repeats"] = 29
    many = evaluate(synthetic.record(synthetic.Truth(4), settings))

    def contribution(result: dict[str, Any], symbol: str) -> float:
        return float(next(row["contribution_ml"] for row in result["budget"] if row["symbol"] == symbol))

    for symbol in ("m_full", "m_drained", "r", "t_w", "t_v", "k_w"):
        assert contribution(many, symbol) == pytest.approx(contribution(few, symbol), rel=5e-2)
    assert contribution(many, "repeatability") < contribution(few, "repeatability")
    assert many["standard_uncertainty_ml"] > 0.45


def test_the_reading_is_corrected_to_the_mark() -> None:
    """A level three millilitres above the mark, and three grams more water, leave the error as it was."""
    lines = synthetic.record(synthetic.Truth(5))
    before = evaluate(lines)
    for reading in of(lines, "observation", target=0.0, purpose="measure"):
        reading["value"] += 3.0
    for weighing in of(lines, "weighing", target=0.0):
        weighing["mean_g"] += 3.0 / 1.00308
    assert evaluate(lines)["error_ml"] == pytest.approx(before["error_ml"], abs=1e-3)


def test_range_of_repeats_beyond_the_limit() -> None:
    """Repeats that scatter too much have no verdict, and the result says so."""
    lines = synthetic.record(synthetic.Truth(6))
    of(lines, "weighing", repeat=1, load="full")[0]["mean_g"] += 6.0
    result = evaluate(lines)
    assert result["repeatability"] == "exceeded"
    assert result["verdict"]["outcome"] == "none"
    assert "exceeds the procedure's limit of 4.00 mL" in result["verdict"]["sentence"]


def test_a_repeat_that_was_made_again_counts_once() -> None:
    """After a restart the later set of a repeat replaces the earlier one, whole."""
    lines = synthetic.record(synthetic.Truth(7))
    expected = evaluate(lines)
    second = next(i for i, line in enumerate(lines) if line["data"].get("repeat") == 2)
    broken = copy.deepcopy([line for line in lines if line["data"].get("repeat") == 2])
    for line in broken:
        if "mean_g" in line["data"]:
            line["data"]["mean_g"] += 100.0
        if line["data"].get("purpose") == "measure":
            line["data"]["value"] += 50.0
    for cut in range(1, len(broken) + 1):
        assert evaluate([*lines[:second], *broken[:cut], *lines[second:]]) == expected


def test_only_readings_that_measure_count() -> None:
    """Looks while filling or settling, and refused readings, change nothing."""
    lines = synthetic.record(synthetic.Truth(8))
    expected = evaluate(lines)
    position = next(i for i, line in enumerate(lines) if line["kind"] == "observation")
    look = copy.deepcopy(lines[position])
    look["data"].update(purpose="settle", value=99.0)
    refused = copy.deepcopy(lines[position])
    refused["data"].update(value=None, standard_uncertainty=None, terms=None, reason="blurred")
    assert evaluate([*lines[:position], look, refused, *lines[position:]]) == expected


def test_an_incomplete_repeat_is_left_out() -> None:
    """A run that stopped in its last repeat gives the error of the others, without a verdict."""
    lines = synthetic.record(synthetic.Truth(9))
    cut = next(i for i, line in enumerate(lines) if line["data"].get("repeat") == 3)
    end = {**lines[-1], "data": {"outcome": "stopped", "reason": "operator"}}
    result = evaluate([*lines[: cut + 2], end])
    assert [entry["repeat"] for entry in result["repeats"]] == [1, 2]
    assert result["curve"] is None
    assert result["verdict"]["sentence"] == (
        "No verdict: the run was stopped; 2 of the procedure's 3 repeats are complete."
    )


def test_one_repeat_has_no_repeatability() -> None:
    """A procedure of one repeat gives an error, but nothing is known of its repeatability."""
    settings = synthetic.settings()
    del settings["procedure"]["steps"][3]
    result = evaluate(synthetic.record(synthetic.Truth(10), settings))
    assert (result["repeatability"], result["repeat_range_ml"]) == ("unknown", None)
    assert result["verdict"]["outcome"] == "none"
    assert "repeatability is not known" in result["verdict"]["sentence"]


def test_a_short_drip_time_has_no_verdict() -> None:
    """The delivered volume is defined by the drip time: shorter, or not recorded, there is no verdict."""
    lines = synthetic.record(synthetic.Truth(11))
    of(lines, "drip", repeat=2)[0]["waited_s"] = 12.0
    assert "repeat 2 dripped 12.0 s of the required 30.0 s" in evaluate(lines)["verdict"]["sentence"]
    without = [line for line in lines if line["kind"] != "drip"]
    assert "the drip time of repeat 1 was not recorded" in evaluate(without)["verdict"]["sentence"]


def test_too_coarse_a_scale_has_no_verdict() -> None:
    """A measure whose division is coarser than class 1 allows is not judged by it."""
    settings = synthetic.settings(rules="cn-class-1")
    sentence = evaluate(synthetic.record(synthetic.Truth(12), settings))["verdict"]["sentence"]
    assert "the scale's division of 20 mL is coarser than the 0.5 mL that cn-class-1 allows" in sentence


def test_a_scale_in_millimetres_needs_the_bore() -> None:
    """Readings in mm need the neck's bore with its uncertainty, which then stands in the budget."""
    lines = synthetic.record(synthetic.Truth(13))
    expected = evaluate(lines)
    per_mm = 3.141592653589793 / 4 * 100.0**2 / 1000.0
    for reading in of(lines, "observation", purpose="measure"):
        reading["value"] /= per_mm
        reading["standard_uncertainty"] /= per_mm
        reading["terms"] = {name: u / per_mm for name, u in reading["terms"].items()}
        reading["unit"] = "mm"
    with pytest.raises(UnknownQuantityError, match=r"measure\.neck_bore_standard_uncertainty_mm"):
        evaluate(lines)
    lines[0]["data"]["measure"]["neck_bore_standard_uncertainty_mm"] = 0.05
    result = evaluate(lines)
    assert result["error_ml"] == pytest.approx(expected["error_ml"], abs=1e-9)
    assert "d_neck" in [row["symbol"] for row in result["budget"]]


def test_contained_volumes_are_weighed_empty_first() -> None:
    """For a contained volume the empty weighing comes first, and no drip time is asked for."""
    settings = synthetic.settings(kind="contained")
    lines = [line for line in synthetic.record(synthetic.Truth(14), settings) if line["kind"] != "drip"]
    body = lines[1:-1]
    ordered: Lines = [lines[0]]
    for repeat in (1, 2, 3):
        of_repeat = [line for line in body if line["data"]["repeat"] == repeat]
        ordered += sorted(of_repeat, key=lambda line: line["data"].get("load") != "drained")
    result = evaluate([*ordered, lines[-1]])
    assert len(deliveries(ordered, VolumeKind.CONTAINED)) == 7
    assert result["verdict"]["outcome"] == "pass"


def test_a_crooked_neck_gets_no_table() -> None:
    """A neck that a line does not describe is refused with a sentence, and the error stands all the same."""
    lines = synthetic.record(synthetic.Truth(15))
    for weighing in of(lines, "weighing", repeat=3, load="full"):
        weighing["mean_g"] += (weighing["target"] / 100.0) ** 2
    result = evaluate(lines)
    assert (result["curve"]["suitable"], result["curve"]["table"]) == (False, [])
    assert any("a line does not describe the neck" in note for note in result["notes"])


def blank_pressure(lines: Lines) -> None:
    """Takes a pressure away."""
    of(lines, "ambient", repeat=1, load="full")[0]["pressure_hpa"] = None


def blank_balance(lines: Lines) -> None:
    """Takes the balance's uncertainty away."""
    del lines[0]["data"]["rig"]["standards"]["balance"]["standard_uncertainty_g"]


def blank_rules(lines: Lines) -> None:
    """Takes the rule pack away."""
    del lines[0]["data"]["rules"]


def drop_weighings(lines: Lines) -> None:
    """Takes all drained weighings away."""
    lines[:] = [line for line in lines if line["data"].get("load") != "drained"]


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (blank_pressure, r"record: line 3: pressure_hpa is missing: expected a number"),
        (blank_balance, r"settings: rig\.standards\.balance\.standard_uncertainty_g is missing"),
        (blank_rules, r"settings: rules is missing: expected the rule pack"),
        (drop_weighings, r"no repeat has a reading, a full weighing with its ambient values, and a drained"),
    ],
)
def test_what_is_unknown_stops_the_evaluation(spoil: Callable[[Lines], None], sentence: str) -> None:
    """A missing value is not zero: one sentence names it."""
    lines = synthetic.record(synthetic.Truth(16))
    spoil(lines)
    with pytest.raises(UnknownQuantityError, match=sentence):
        evaluate(lines)


def test_conditions_outside_a_formula_stop_the_evaluation() -> None:
    """Air at 29 °C is outside the range of CIPM-2007."""
    lines = synthetic.record(synthetic.Truth(17))
    of(lines, "ambient", repeat=1, load="full")[0]["air_c"] = 29.0
    with pytest.raises(OutOfRangeError, match="air temperature: 29 °C is outside 15 to 27 °C"):
        evaluate(lines)


def test_what_is_no_record_is_named() -> None:
    """A record without settings, with mixed units, or with text for a number is refused in one sentence."""
    with pytest.raises(CalibrationError, match="line 0 must be the settings"):
        evaluate([])
    lines = synthetic.record(synthetic.Truth(18))
    of(lines, "observation")[0]["unit"] = "L"
    with pytest.raises(CalibrationError, match="read in different units: L, mL"):
        evaluate(lines)
    of(lines, "observation")[0]["value"] = "3.2"
    with pytest.raises(CalibrationError, match=r"record: line 1: value must be a number, not '3.2'"):
        evaluate(lines)


def test_an_unverified_coefficient_decides_nothing() -> None:
    """A coefficient of expansion that is marked unverified gives an error and no verdict, and is named."""
    settings = synthetic.settings()
    assert evaluate(synthetic.record(synthetic.Truth(4), settings))["verdict"]["outcome"] == "pass"
    settings["measure"]["material"]["source"] = "from memory, unverified"
    result = evaluate(synthetic.record(synthetic.Truth(4), settings))
    assert result["verdict"]["outcome"] == "none"
    assert "coefficient of expansion is marked unverified" in result["verdict"]["sentence"]

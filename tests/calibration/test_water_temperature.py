"""The water's temperature from the rig's sensor and a thermometer read by camera, in a run's result."""

from math import sqrt
from typing import Any

import pytest
import synthetic_run as synthetic

from calibration.deliveries import deliveries
from calibration.errors import CalibrationError, UnknownQuantityError
from calibration.evaluate import evaluate
from calibration.volumes import VolumeKind

Lines = list[dict[str, Any]]
SENSOR_U_C = 0.02  # as the rig's file states it


def gauged(seed: int = 1, u_c: float = 0.03) -> Lines:
    """A run with a thermometer in the water."""
    data = synthetic.with_thermometer(synthetic.settings(), u_c)
    return synthetic.record(synthetic.Truth(seed), data)


def thermometer_lines(lines: Lines) -> Lines:
    """The data of the thermometer's observations."""
    return [line["data"] for line in lines if line["data"].get("purpose") == "gauge"]


def rows(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The budget by symbol."""
    return {row["symbol"]: row for row in result["budget"]}


def test_each_instrument_counts_by_its_uncertainty() -> None:
    """Weights are the inverse squares of certificate and reading together; the rows bear them."""
    result = evaluate(gauged())
    u_thermometer = sqrt(0.03**2 + synthetic.READING_U_C**2)
    weight = u_thermometer**-2 / (u_thermometer**-2 + SENSOR_U_C**-2)
    (thermometer,) = result["water_temperature"]["thermometers"]
    assert thermometer["weight"] == pytest.approx(weight, rel=1e-9)
    assert result["water_temperature"]["sensor_weight"] == pytest.approx(1.0 - weight, rel=1e-9)
    budget = rows(result)
    assert (SENSOR_U_C, 0.03, synthetic.READING_U_C) == tuple(
        budget[symbol]["standard_uncertainty"] for symbol in ("t_w", "t_1", "r_1")
    )
    assert budget["t_1"]["sensitivity"] == pytest.approx(budget["r_1"]["sensitivity"], rel=1e-6)
    ratio = budget["t_1"]["sensitivity"] / budget["t_w"]["sensitivity"]
    assert ratio == pytest.approx(weight / (1.0 - weight), rel=1e-6)


def test_two_thermometers_are_better_than_one() -> None:
    """The temperature's part of the uncertainty is that of a weighted mean, smaller than the sensor's."""
    with_it, without = (
        evaluate(synthetic.record(synthetic.Truth(1), settings))
        for settings in (
            synthetic.with_thermometer(synthetic.settings()),
            synthetic.settings(),
        )
    )
    both = sqrt(sum(rows(with_it)[symbol]["contribution_ml"] ** 2 for symbol in ("t_w", "t_1", "r_1")))
    alone = abs(rows(without)["t_w"]["contribution_ml"])
    mean_u_c = 1.0 / sqrt(SENSOR_U_C**-2 + 1.0 / (0.03**2 + synthetic.READING_U_C**2))
    assert both / alone == pytest.approx(mean_u_c / SENSOR_U_C, rel=1e-3)
    assert (1.0, []) == tuple(without["water_temperature"].values())
    assert [] == without["gauges"]


def test_the_used_temperature_lies_between_the_two() -> None:
    """Each delivery's mean of what sensor and thermometer said of it."""
    result = evaluate(gauged())
    weight = result["water_temperature"]["sensor_weight"]
    for repeat in result["repeats"]:
        shown = repeat["water_thermometers_c"][synthetic.THERMOMETER]
        mean = weight * repeat["water_c"] + (1.0 - weight) * shown
        assert repeat["water_used_c"] == pytest.approx(mean, abs=1e-9)


def test_a_warmer_thermometer_makes_the_volume_larger() -> None:
    """0.03 °C more on it is some 4.3 mL/°C, times its weight, of a 20 L measure at 21 °C."""
    lines = gauged()
    before = evaluate(lines)
    for data in thermometer_lines(lines):
        data["value"] += 0.03
    after = evaluate(lines)
    (thermometer,) = before["water_temperature"]["thermometers"]
    moved = 1000.0 * (after["volume_l"] - before["volume_l"])
    assert moved == pytest.approx(0.03 * 4.29 * thermometer["weight"], rel=0.03)


def test_coverage_with_a_thermometer() -> None:
    """Over 200 runs the 95 % interval holds the truth in 92 to 98.5 % of them."""
    data, inside = synthetic.with_thermometer(synthetic.settings()), 0
    for seed in range(200):
        truth = synthetic.Truth(1000 + seed)
        result = evaluate(synthetic.record(truth, data))
        error = result["error_ml"] - (20000.0 - truth.volume_ml)
        inside += abs(error) <= result["expanded_uncertainty_ml"]
    assert 0.92 <= inside / 200 <= 0.985


def test_instruments_that_contradict_each_other_give_no_verdict() -> None:
    """Half a degree apart: the error is given, a decision is not."""
    lines = gauged()
    for data in thermometer_lines(lines):
        data["value"] += 0.5
    result = evaluate(lines)
    assert "none" == result["verdict"]["outcome"]
    assert "water_thermometer differs from the rig's sensor by +0." in result["verdict"]["sentence"]


def test_a_thermometer_with_a_gap_is_left_out_and_named() -> None:
    """Refused once: the sensor alone makes the temperature of all deliveries, and a note says so."""
    lines = gauged()
    data = thermometer_lines(lines)[2]
    data.update(value=None, standard_uncertainty=None, reason="blurred")
    result = evaluate(lines)
    assert 1.0 == result["water_temperature"]["sensor_weight"]
    assert [True] == ["water_thermometer was not read" in n for n in result["notes"] if "thermometer" in n]
    assert (6, 1) == tuple(result["gauges"][0][key] for key in ("compared", "refused"))


def test_the_later_reading_of_a_filling_counts() -> None:
    """A weighing that was taken up again has its thermometer read again."""
    lines = gauged()
    at = next(n for n, line in enumerate(lines) if line["data"].get("purpose") == "gauge")
    first = {**lines[at], "data": {**lines[at]["data"], "value": 5.0}}
    found = deliveries([*lines[:at], first, *lines[at:]], VolumeKind.DELIVERED)
    assert deliveries(lines, VolumeKind.DELIVERED) == found


def test_gauges_are_compared_with_the_wire_in_its_unit() -> None:
    """Kilograms against grams, bar against kilopascal: mean and largest difference, and what was refused."""
    lines = gauged()
    at = {"repeat": 1, "target": 0.0, "purpose": "gauge", "standard_uncertainty": 0.0, "reason": ""}
    scales = {**at, "instrument": "scales", "shows": "balance", "unit": "kg", "wire_unit": "g", "at": "full"}
    dial = {
        **at,
        "instrument": "dial",
        "shows": "line_pressure",
        "unit": "bar",
        "wire_unit": "kPa",
        "at": "rest",
    }
    for data in (
        {**scales, "value": 28.0001, "wire": 28000.0},
        {**scales, "value": 28.0, "wire": 28000.3},
        {**scales, "value": None, "reason": "blurred", "wire": 28000.0},
        {**dial, "value": 0.07, "wire": 6.0},
    ):
        lines.insert(-1, {"n": 99, "kind": "observation", "data": data})
    _, scales_check, dial_check = evaluate(lines)["gauges"]
    assert ("g", 2, 1) == tuple(scales_check[key] for key in ("unit", "compared", "refused"))
    assert (-0.1, -0.3) == (
        pytest.approx(scales_check["mean_difference"], abs=1e-6),
        pytest.approx(scales_check["largest_difference"], abs=1e-6),
    )
    assert 1.0 == pytest.approx(dial_check["mean_difference"], abs=1e-9)


def test_a_gauge_without_a_certificate_is_named() -> None:
    """Unknown is not zero."""
    lines = gauged()
    del lines[0]["data"]["station"]["instruments"][synthetic.THERMOMETER]["standard"]
    with pytest.raises(UnknownQuantityError, match=r"water_thermometer\.standard is missing"):
        evaluate(lines)


def test_a_thermometer_in_another_unit_is_refused() -> None:
    """A reading in °F is not taken for one in °C."""
    lines = gauged()
    thermometer_lines(lines)[0]["unit"] = "degF"
    with pytest.raises(CalibrationError, match="must be degC for a thermometer"):
        evaluate(lines)

"""A measure verified by master meter: volumes, which lines count, and what stops the evaluation."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from synthetic_run import settings, tanaka

from calibration.errors import CalibrationError, OutOfRangeError, UnknownQuantityError
from calibration.evaluate import evaluate

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
Line = dict[str, Any]


def metered_settings(**measure: Any) -> Line:
    """The settings line's data of a run of verify-by-meter with a K-factor of 2000 and 2010 pulses/L."""
    data = settings(**measure)
    path = CONFIGS / "procedures" / "verify-by-meter.toml"
    data["procedure"] = tomllib.loads(path.read_text(encoding="utf-8"))
    data["rig"]["standards"]["meter"] |= {"flows_l_min": [1.0, 41.0], "k_factors_per_l": [2000.0, 2010.0]}
    return data


def record(data: Line, repeats: int = 5, *, waited_s: float = 30.1) -> list[Line]:
    """A run whose water is 22 °C at the meter and 24 °C in the measure; 19.5 L and 0.5 L by the meter."""
    lines: list[Line] = []

    def write(kind: str, content: Line) -> None:
        lines.append({"n": len(lines), "kind": kind, "t_s": 0.0, "data": content})

    write("settings", data)
    for repeat in range(1, repeats + 1):
        write("drip", {"repeat": repeat - 1, "required_s": 30.0, "waited_s": waited_s})
        write("step", {"step": "empty", "repeat": repeat, "target": None, "detail": ""})
        at = {"repeat": repeat, "target": 0.0}
        seen = {"instrument": "neck", "purpose": "measure", "value": 2.0, "unit": "mL", "frames": []}
        write("observation", {**at, **seen, "standard_uncertainty": 0.5, "terms": {"frames": 0.3}})
        doses = [
            {"opcode": "fill-coarse", "pulses": 39195.0, "flow_l_min": 41.0, "line_kpa": 80.0},
            {"opcode": "fill-fine", "pulses": 1001.25, "flow_l_min": 11.0, "line_kpa": 30.0},
        ]
        conditions = {"water_c": 24.0, "vessel_c": 24.0, "air_c": 24.0, "pressure_hpa": 1013.25}
        write(
            "metered",
            {
                **at,
                **conditions,
                "humidity_pct": 50.0,
                "pulses": 40196.25,
                "volume_l": 20.0,
                "doses": [{**dose, "meter_c": 22.0} for dose in doses],
            },
        )
    write("end", {"outcome": "complete", "reason": ""})
    return lines


def test_the_volume_is_what_passed_carried_to_the_measure() -> None:
    """K-factor at each dose's flow, compression in the line, warming on the way, the shell's expansion: by
    hand."""
    result = evaluate(record(metered_settings()))
    compressed = 1.0 + 4.56e-10 * 1000.0 * (80.0 * 19.5 + 30.0 * 0.5) / 20.0
    shell = 1.0 - 47.7e-6 * 4.0
    expected_l = 20.0 * compressed * tanaka(22.0) / tanaka(24.0) * shell
    first = result["repeats"][0]
    assert first["volume_l"] == pytest.approx(expected_l, abs=2e-6)
    assert first["error_ml"] == pytest.approx(20002.0 - 1000.0 * expected_l, abs=2e-3)
    assert result["error_ml"] == pytest.approx(first["error_ml"], abs=1e-9)
    assert sum(row["share"] for row in result["budget"]) == pytest.approx(1.0)
    meter = next(row for row in result["budget"] if row["symbol"] == "k_k")
    assert meter["contribution_ml"] == pytest.approx(1.5e-4 * 1000.0 * expected_l, rel=1e-6)


def test_repeats_that_agree_are_no_better_than_the_meter_repeats() -> None:
    """Five equal repeats: the scatter is what meter, pulses and frames alone make, and that is said."""
    row = next(
        row for row in evaluate(record(metered_settings()))["budget"] if row["symbol"] == "repeatability"
    )
    doses = (19500.0 * 5e-5) ** 2 + (500.0 * 5e-5) ** 2
    pulses = 2.0 * (1000.0 / 2005.0) ** 2 / 12.0
    assert row["standard_uncertainty"] == pytest.approx(((doses + pulses + 0.3**2) / 5.0) ** 0.5, rel=1e-3)
    assert "more than observed" in row["source"]


def test_a_repeat_that_was_begun_over_counts_as_it_was_done_last() -> None:
    """The same repeat twice: the later lines count, and the number of repeats stays."""
    lines = record(metered_settings())
    again = [dict(line, data=dict(line["data"])) for line in lines[-5:-1]]
    again[-2]["data"]["value"] = 3.0
    result = evaluate([*lines[:-1], *again, lines[-1]])
    assert [2.0, 2.0, 2.0, 2.0, 3.0] == [one["reading"] for one in result["repeats"]]


@pytest.mark.parametrize(
    ("repeats", "waited_s", "sentence"),
    [(4, 30.1, "4 of the procedure's 5 repeats are complete"), (5, 20.0, "repeat 1 dripped 20.0 s of the")],
)
def test_what_was_left_out_forbids_a_verdict(repeats: int, waited_s: float, sentence: str) -> None:
    """A repeat too few, or water let in before the measure had dripped: a result, but no verdict."""
    verdict = evaluate(record(metered_settings(), repeats, waited_s=waited_s))["verdict"]
    assert verdict["outcome"] == "none"
    assert sentence in verdict["sentence"]


def test_what_the_result_needs_and_is_missing_stops_the_evaluation() -> None:
    """A contained measure, a meter without certificate, a flow or pressure outside: one sentence each."""
    with pytest.raises(UnknownQuantityError, match="what it holds back is not known"):
        evaluate(record(metered_settings(kind="contained")))
    data = metered_settings()
    del data["rig"]["standards"]["meter"]
    with pytest.raises(UnknownQuantityError, match=r"rig\.standards\.meter is missing"):
        evaluate(record(data))
    data = metered_settings()
    data["rig"]["standards"]["meter"]["flows_l_min"] = [1.0, 40.0]
    with pytest.raises(OutOfRangeError, match="41 L/min is outside the meter's 1 to 40 L/min"):
        evaluate(record(data))
    lines = record(metered_settings())
    lines[4]["data"]["doses"][0]["line_kpa"] = 1500.0
    with pytest.raises(OutOfRangeError, match="pressure at the meter"):
        evaluate(lines)
    lines[4]["data"]["doses"][0]["line_kpa"] = None
    with pytest.raises(CalibrationError, match="line_kpa is missing"):
        evaluate(lines)

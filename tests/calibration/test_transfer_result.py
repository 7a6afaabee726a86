"""A measure verified from a standard: its error, and what keeps it from a verdict."""

import tomllib
from typing import Any

import pytest
import synthetic_run as synthetic

from calibration.evaluate import evaluate

NECK_ML = 3.0


def record(*, unit: str = "mL", drip: bool = True, waited_s: float = 30.2) -> list[dict[str, Any]]:
    """Three repeats at 20 °C, the standard a little over its mark, the measure read at its mark."""
    text = (synthetic.CONFIGS / "procedures" / "verify-from-standard.toml").read_text(encoding="utf-8")
    data = {**synthetic.settings(neck_bore_standard_uncertainty_mm=0.05), "procedure": tomllib.loads(text)}
    lines: list[dict[str, Any]] = []

    def write(kind: str, **content: Any) -> None:
        lines.append(
            {"n": len(lines), "t_s": 0.0, "t_utc": "", "previous": "", "kind": kind, "data": content}
        )

    write("settings", **data)
    for repeat in (1, 2, 3):
        write("step", step="empty", repeat=repeat, target=None, detail="")
        if drip:
            write("drip", repeat=repeat, required_s=30.0, waited_s=waited_s, started="stream-broke")
        values = {"standard_reading_ml": NECK_ML, "standard_temperature_c": 20.0}
        write("answer", prompt="pour-the-standard", repeat=repeat, person="J. Lin", values=values)
        level = {"value": 0.1 * (repeat - 2), "unit": unit, "standard_uncertainty": 0.3}
        seen = {"terms": {"frames": 0.1}, "reason": "", "frames": []}
        write("observation", instrument="neck", purpose="measure", repeat=repeat, target=0.0, **level, **seen)
        write("ambient", repeat=repeat, target=0.0, load="received", water_c=20.0, vessel_c=20.0)
    write("end", outcome="complete", reason="")
    return lines


def test_the_error_is_nominal_less_what_the_standard_delivered() -> None:
    """At the reference temperature no correction is left: 20 L + 0 - (20.0008 L + 3 mL)."""
    result = evaluate(record())
    assert result["error_ml"] == pytest.approx(-0.8 - NECK_ML, abs=1e-6)
    assert result["verdict"]["outcome"] == "pass"


def test_a_scale_in_millimetres_brings_the_bores_uncertainty() -> None:
    """The bore is a row of the budget where readings are lengths, and none where they are volumes."""
    rows = [{row["symbol"] for row in evaluate(record(unit=unit))["budget"]} for unit in ("mm", "mL")]
    assert [True, False] == ["d_neck" in symbols for symbols in rows]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (record(drip=False), "the drip time of repeat 1 was not recorded"),
        (record(waited_s=12.0), "repeat 1 dripped 12.0 s of the required 30.0 s"),
    ],
)
def test_a_measure_that_did_not_drip_its_time_has_no_verdict(
    lines: list[dict[str, Any]], expected: str
) -> None:
    """What it holds back is then not what its definition says."""
    verdict = evaluate(lines)["verdict"]
    assert verdict["outcome"] == "none"
    assert expected in verdict["sentence"]

"""api/numbers.py, api/charts.py and api/result_page.py"""

import json
import re
import shutil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from fastapi.testclient import TestClient
from sample_run import COMPLETE

from api.charts import curve_chart, error_chart, residual_chart, scale_chart, svg
from api.indexing import STATES
from api.numbers import brief, decimals, number, percent, signed
from api.result_page import result_page
from api.service import create_app
from api.settings import load_settings
from api.texts import catalogue


@pytest.fixture(scope="session")
def result(recorded: Path) -> dict[str, Any]:
    """The result of the complete run."""
    stored: dict[str, Any] = json.loads((recorded / COMPLETE / "result.json").read_bytes())
    return stored


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (number(-1.005, 1), "−1.0"),
        (number(-0.001, 2), "0.00"),
        (number(None), "—"),
        (signed(0.0), "0.00"),
        (signed(2.5, 1), "+2.5"),
        (signed(-2.5, 1), "−2.5"),
        (brief(47.7e-6, 3), "4.77·10⁻⁵"),
        (brief(20.0), "20"),
        (brief(-0.25), "−0.25"),
        (percent(0.5), "50.00 %"),
        (percent(0.999999), "> 99.99 %"),
        (percent(1e-9), "< 0.01 %"),
        (percent(None), "—"),
    ],
)
def test_numbers_as_people_read_them(said: str, expected: str) -> None:
    """A true minus sign, no negative zero, a dash for what is unknown."""
    assert expected == said


@pytest.mark.parametrize(("u", "expected"), [(0.85, 2), (8.5, 1), (85.0, 0), (850.0, 0), (0.00123, 4)])
def test_digits_follow_the_uncertainty(u: float, expected: int) -> None:
    """Two significant digits of the uncertainty decide."""
    assert expected == decimals(u)


def test_charts_are_svg_that_obeys_the_page(result: dict[str, Any]) -> None:
    """Well-formed, no style, no script, nothing foreign; colours are the page's own."""
    for make in (error_chart, curve_chart, scale_chart, residual_chart):
        spec = make(result)
        assert spec is not None
        drawn = svg(spec)
        ET.fromstring(drawn)
        assert "style=" not in drawn
        assert "<script" not in drawn
        colours = set(re.findall(r'(?:fill|stroke)="([^"]+)"', drawn)) - {"none", "transparent"}
        assert {colour for colour in colours if not colour.startswith("var(--")} == set()


def test_the_band_of_the_curve_is_its_expanded_uncertainty(result: dict[str, Any]) -> None:
    """At a mark of the table, the band's half width is k times the table's standard uncertainty."""
    spec = curve_chart(result)
    assert spec is not None
    band = spec["layer"][0]["data"]["values"]
    row = min(result["curve"]["table"], key=lambda row: abs(row["reading"]))
    near = min(band, key=lambda point: abs(point["reading"] - row["reading"]))
    assert (near["high"] - near["low"]) / 2 == pytest.approx(
        result["coverage_factor"] * row["standard_uncertainty_ml"], rel=0.02
    )


def test_without_limit_or_curve_there_is_no_chart_of_them(result: dict[str, Any]) -> None:
    """What the rules or the run do not have is not drawn."""
    bare = {**result, "curve": None, "verdict": {**result["verdict"], "limit_ml": None}}
    page = result_page(bare)
    assert page.error_chart is None
    assert page.charts == ()


@pytest.mark.parametrize("limit", [100.0, 5.0, 0.0])
def test_a_verdict_by_risk_has_no_acceptance_limit(
    recorded: Path, tmp_path: Path, result: dict[str, Any], limit: float
) -> None:
    """A rule pack that decides by specific risk has no acceptance limit: one zone is drawn, and its page is
    shown.
    """
    verdict = {**result["verdict"], "limit_ml": limit, "acceptance_limit_ml": None}
    by_risk = {**result, "verdict": verdict}
    spec = error_chart(by_risk)
    assert spec is not None
    zones = spec["layer"][0]["data"]["values"]
    assert [{"from": -limit, "to": limit, "zone": "limit"}] == zones
    ET.fromstring(svg(spec))
    folder = shutil.copytree(recorded / COMPLETE, tmp_path / "runs" / COMPLETE)
    (folder / "result.json").write_text(json.dumps(by_risk), encoding="utf-8")
    with TestClient(create_app(load_settings(), tmp_path / "runs"), base_url="http://127.0.0.1") as client:
        for language in ("en", "zh-TW"):
            answer = client.get(f"/runs/{COMPLETE}", params={"lang": language})
            assert 200 == answer.status_code
            assert "None" not in re.sub(r"<svg.*?</svg>", "", answer.text, flags=re.DOTALL)


def test_the_budget_is_sorted_by_share_and_whole(result: dict[str, Any]) -> None:
    """The largest share first; together they are everything."""
    shares = [line.percent for line in result_page(result).budget]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(100.0)


def test_every_text_of_the_pages_is_translated() -> None:
    """What the templates and scripts say has a Chinese text."""
    folder = Path(__file__).resolve().parents[2] / "api" / "pages"
    said: set[str] = set()
    for path in folder.glob("*.j2"):
        said |= set(re.findall(r'_\("([^"]+)"\)', path.read_text(encoding="utf-8")))
    for script in (folder / "static").glob("*.js"):
        said |= set(re.findall(r'say\("([^"]+)"\)', script.read_text(encoding="utf-8")))
    assert said - catalogue("zh-TW").keys() == set()
    assert set(STATES) - catalogue("zh-TW").keys() == set()


def test_gauges_are_shown_and_older_results_have_none(
    recorded: Path, tmp_path: Path, result: dict[str, Any]
) -> None:
    """A row a gauge with its difference from the wire; a result that says nothing of gauges is a page too."""
    assert () == result_page({key: value for key, value in result.items() if key != "gauges"}).gauges
    gauge = {
        "instrument": "line_gauge",
        "shows": "line_pressure",
        "unit": "kPa",
        "compared": 11,
        "refused": 2,
        "mean_difference": 0.0671,
        "largest_difference": -0.2842,
    }
    folder = shutil.copytree(recorded / COMPLETE, tmp_path / "runs" / COMPLETE)
    (folder / "result.json").write_text(json.dumps({**result, "gauges": [gauge]}), encoding="utf-8")
    with TestClient(create_app(load_settings(), tmp_path / "runs"), base_url="http://127.0.0.1") as client:
        page = client.get(f"/runs/{COMPLETE}", params={"lang": "zh-TW"}).text
    row = re.findall(r'<th scope="row">line_gauge</th>(.*?)</tr>', page, re.DOTALL)[0]
    assert ["管路壓力", "11", "2", "+0.067 kPa", "−0.284 kPa"] == re.findall(r"<td[^>]*>(.*?)</td>", row)

"""The program's own published numbers: all agree, and one that did not would be reported."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nist_strd import linear, nonlinear

from calibration.qualification.agreement import Agreement, CaseReport
from calibration.qualification.cases import CASES, reference
from calibration.qualification.nist_models import NIST_MODELS
from calibration.qualification.report import case_record, this_platform


@pytest.mark.parametrize("cases", CASES, ids=lambda f: f.__name__)
def test_every_published_number_agrees(cases: Callable[[], Any]) -> None:
    """Each case agrees, and names its source."""
    reports = list(cases())
    assert [(r.case, r.worst) for r in reports if not r.agrees] == []
    assert all(r.source and r.agreements for r in reports)


def test_a_number_that_differs_is_reported() -> None:
    """One unit of the last published digit is the limit; NIST's sets must have the digits asked for."""
    assert Agreement("g", "c", "q", "0.0539", 0.05385).agrees
    assert not Agreement("g", "c", "q", "0.0539", 0.0551).agrees
    assert not Agreement("g", "c", "q", "1.0000000001", 1.00001, required=6.0).agrees
    assert not Agreement("g", "c", "q", "1.0", float("nan")).agrees
    good, bad = Agreement("g", "c", "a", "1.5", 1.5), Agreement("g", "c", "b", "2.50", 2.6)
    report = CaseReport("g", "c", "s", (good, bad))
    assert (report.agrees, report.worst) == (False, bad)
    assert case_record(report)["quantities"][1]["agrees"] is False


@pytest.mark.parametrize(
    ("published", "computed", "digits"),
    [("2.50", 2.5, 3), ("2.500", 2.5025, 3), ("1.0E+02", 100.0, 2), ("4", 8.0, 0)],
)
def test_digits(published: str, computed: float, digits: float) -> None:
    """Agreeing digits are counted in significant digits, and never more than were published."""
    assert Agreement("g", "c", "q", published, computed).digits == pytest.approx(digits, abs=0.01)


def test_the_reference_data_are_those_of_nist(shared: Path) -> None:
    """The sets that the program carries are, number by number, those of the original files."""
    for name in NIST_MODELS:
        original, carried = nonlinear(shared / "oracles", name), reference("nist_nonlinear")["datasets"][name]
        assert np.array_equal(original.x, carried["x"])
        assert np.array_equal(original.y, carried["y"])
        assert np.array_equal(original.certified, np.array(carried["certified"], dtype=float))
        assert np.array_equal(original.starts, carried["starts"])
    for name, carried in reference("nist_linear")["datasets"].items():
        x, y, answers = linear(shared / "oracles", name)
        assert (x.tolist(), y.tolist(), answers["beta"]) == (carried["x"], carried["y"], carried["beta"])


def test_the_platform_is_named() -> None:
    """The report says which program, libraries and system computed it."""
    here = this_platform()
    assert all((here.program, here.python, here.numpy, here.scipy, here.system, here.machine))


def test_reference_files_name_their_source() -> None:
    """Every reference file starts with its source, and loads."""
    folder = Path(__file__).resolve().parents[2] / "calibration" / "reference"
    names = sorted(path.stem for path in folder.glob("*.json"))
    assert len(names) == 8
    for name in names:
        assert reference(name)["source"]
        assert json.loads((folder / f"{name}.json").read_text(encoding="utf-8")) == reference(name)

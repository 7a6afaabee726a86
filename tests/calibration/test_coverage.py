"""The coverage of the stated uncertainties, in short: `make accuracy` does it with 2000 calibrations."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
CALIBRATIONS = 300
# Of 300 intervals that hold the truth with 93 to 97 %, fewer than 264 or more than 299 hold it in less than
# one case of 1000 either way (binomial distribution).
FEWEST, MOST = 264, 299


@pytest.fixture(scope="module")
def coverage() -> ModuleType:
    """The benchmark, by its path: it is no package that is installed."""
    sys.path.insert(0, str(ROOT))
    try:
        spec = importlib.util.spec_from_file_location(
            "coverage_benchmark", ROOT / "benchmarks" / "coverage.py"
        )
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(ROOT))
    return module


@pytest.mark.parametrize(
    "method",
    [
        "gravimetric, delivered",
        "gravimetric, contained",
        "transfer from a standard",
        "incremental through a meter",
        "line, errors in both",
        "line, volume between two heights",
        "monotone spline",
    ],
)
def test_intervals_hold_the_truth(coverage: ModuleType, method: str) -> None:
    """95 % intervals of 300 calibrations hold the truth as often as 93 to 97 % allow."""
    assert FEWEST <= coverage.held(method, 10_000, CALIBRATIONS) <= MOST


def test_an_uncertainty_that_is_too_small_is_seen(
    coverage: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With intervals that are a third too narrow, the same count falls below its bound."""
    monkeypatch.setattr(coverage, "K", coverage.K * 2 / 3)
    assert coverage.held("line, errors in both", 10_000, CALIBRATIONS) < FEWEST

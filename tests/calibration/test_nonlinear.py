"""Nonlinear fits against NIST's reference sets and ISO/TS 28037, and with errors in both."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nist_strd import digits, nonlinear

from calibration.errors import CalibrationError, UnsuitableModelError
from calibration.least_squares import fit_line
from calibration.nonlinear import AnalyticRegression, fit_nonlinear
from calibration.qualification.nist_models import NIST_MODELS

LINE = AnalyticRegression(lambda x, b: b[0] + b[1] * x)
EXPONENTIAL = AnalyticRegression(lambda x, b: b[0] * np.exp(b[1] * x))


@pytest.mark.parametrize("start", [1, 2])
@pytest.mark.parametrize("name", sorted(NIST_MODELS))
def test_nist_strd_nonlinear(shared: Path, name: str, start: int) -> None:
    """Every set converges from both starts: parameters to 8 digits, deviations to 7 where rounding allows
    any.
    """
    data = nonlinear(shared / "oracles", name)
    fit = fit_nonlinear(
        AnalyticRegression(NIST_MODELS[name]),
        data.x,
        data.y,
        data.starts[start - 1],
        y_covariance=np.ones(data.y.size),
    )
    assert digits(fit.parameters, data.certified) >= 8
    if name != "Lanczos1":  # its residuals, 1e-13 of the data, are below what double precision can hold
        assert digits(np.sqrt(np.diag(fit.covariance)) * fit.posterior_scale, data.deviations) >= 7
        assert digits(fit.chi_squared, data.residual_sum_of_squares) >= 9


def test_all_seventeen_sets_are_there(shared: Path) -> None:
    """Each stored set has its model."""
    stored = {path.stem for path in (shared / "oracles" / "nist_strd_nonlinear").glob("*.dat")}
    assert stored == set(NIST_MODELS)
    assert len(stored) == 17


@pytest.mark.parametrize("name", ["7.4_GDR", "10_GGMR"])
def test_a_line_is_the_same_by_both_roads(oracle: Callable[[str], Any], name: str) -> None:
    """The general method gives ISO/TS 28037's line, with errors in both and full covariances."""
    case = next(c for c in oracle("iso_ts_28037.json")["cases"] if c["id"] == name)
    n = len(case["x"])
    errors = {
        "y_covariance": case.get("uy", np.eye(n) * 4 + 1),
        "x_covariance": case.get("Ux", case.get("ux")),
    }
    general = fit_nonlinear(LINE, case["x"], case["y"], [0.0, 1.0], **errors)
    line = fit_line(case["x"], case["y"], **errors)
    assert general.parameters == pytest.approx([line.intercept, line.slope], rel=1e-9)
    assert general.covariance == pytest.approx(line.covariance, rel=1e-9)
    assert general.chi_squared == pytest.approx(line.chi_squared, rel=1e-10)
    assert general.x_adjusted == pytest.approx(line.x_adjusted, rel=1e-9)


def test_errors_in_both_are_covered() -> None:
    """Over 200 exponentials with errors in both, the parameters' deviations and χ² are distributed as
    stated.
    """
    rng = np.random.default_rng(0)
    true_x = np.linspace(0, 4, 15)
    deviations, rejected = [], 0
    for _ in range(200):
        x = true_x + rng.normal(0, 0.03, 15)
        y = 2 * np.exp(0.5 * true_x) + rng.normal(0, 0.02, 15)
        fit = fit_nonlinear(
            EXPONENTIAL, x, y, [1.0, 0.3], y_covariance=np.full(15, 0.02), x_covariance=np.full(15, 0.03)
        )
        deviations.append((fit.parameters - [2.0, 0.5]) / np.sqrt(np.diag(fit.covariance)))
        assert fit.p_value is not None
        rejected += fit.p_value < 0.05
    assert np.std(deviations, axis=0) == pytest.approx([1.0, 1.0], abs=0.12)
    assert 2 <= rejected <= 20


def test_derivatives_by_complex_step() -> None:
    """The model's derivatives are those of calculus, to rounding."""
    x, b = np.array([0.5, 1.0]), np.array([2.0, 0.3])
    value = 2.0 * np.exp(0.3 * x)
    assert EXPONENTIAL.derivative(x, b) == pytest.approx(0.3 * value, rel=1e-14)
    assert EXPONENTIAL.gradient(x, b) == pytest.approx(np.column_stack([value / 2.0, x * value]), rel=1e-14)


def test_what_cannot_be_determined() -> None:
    """Fewer points than parameters, a parameter without effect, two that act alike: one sentence each."""
    with pytest.raises(UnsuitableModelError, match="2 parameters need as many points or more, not 1"):
        fit_nonlinear(LINE, [1.0], [1.0], [0.0, 1.0], y_covariance=[1.0])
    idle = AnalyticRegression(lambda x, b: b[0] * x + 0 * b[1])
    with pytest.raises(UnsuitableModelError, match="do not determine parameter 2"):
        fit_nonlinear(idle, [1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [1.0, 1.0], y_covariance=np.ones(3))
    alike = AnalyticRegression(lambda x, b: (b[0] + b[1]) * x)
    with pytest.raises(UnsuitableModelError, match="do not determine all parameters"):
        fit_nonlinear(alike, [1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [1.0, 1.0], y_covariance=np.ones(3))
    with pytest.raises(CalibrationError, match="y holds a number that is not finite"):
        fit_nonlinear(LINE, [1.0, 2.0], [1.0, float("inf")], [0.0, 1.0], y_covariance=np.ones(2))
    nowhere = AnalyticRegression(lambda x, b: np.sqrt(-1 - b[0] ** 2 + 0 * x))
    with np.errstate(all="ignore"), pytest.raises(UnsuitableModelError):
        fit_nonlinear(nowhere, [1.0, 2.0], [1.0, 1.0], [1.0], y_covariance=np.ones(2))

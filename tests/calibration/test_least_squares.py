"""The straight line against ISO/TS 28037's and Pearson's published results."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.curve import line_curve
from calibration.errors import CalibrationError, UnsuitableModelError
from calibration.least_squares import LineFit, fit_line

CASES = ["6.3_WLS_equal", "6.3_WLS_unequal", "7.4_GDR", "10_GGMR"]


def iso_case(oracle: Callable[[str], Any], name: str) -> tuple[dict[str, Any], LineFit]:
    """A case of ISO/TS 28037 and its fit."""
    case = next(c for c in oracle("iso_ts_28037.json")["cases"] if c["id"] == name)
    n = len(case["x"])
    y_covariance = np.eye(n) * 4.0 + 1.0 if "Uy" in case else np.asarray(case.get("uy", np.ones(n)))
    fit = fit_line(
        case["x"], case["y"], y_covariance=y_covariance, x_covariance=case.get("Ux", case.get("ux"))
    )
    return case, fit


def agrees(actual: float, published: float) -> bool:
    """Whether a number agrees with a published one in every digit that was published, to one in the last."""
    text = repr(published)
    digits = len(text.split(".")[1]) if "." in text and "e" not in text else 12
    return abs(actual - published) <= 1.01 * 10.0**-digits


@pytest.mark.parametrize("name", CASES)
def test_iso_ts_28037(oracle: Callable[[str], Any], name: str) -> None:
    """Parameters, uncertainties, covariance and χ² agree with every published digit."""
    case, fit = iso_case(oracle, name)
    expected = case.get("expected") or case["expected_memory"]
    u = np.sqrt(np.diag(fit.covariance))
    actual = {
        "a": fit.intercept,
        "b": fit.slope,
        "ua": u[0],
        "ub": u[1],
        "cov": fit.covariance[0, 1],
        "chi2": fit.chi_squared,
    }
    assert {key: agrees(actual[key], expected[key]) for key in actual} == dict.fromkeys(actual, True)
    for key, value in case.get("full_precision_computed", {}).items():
        assert actual[key] == pytest.approx(value, rel=1e-9)
    assert fit.suitable()


@pytest.mark.parametrize("name", ["6.3_WLS_equal", "6.3_WLS_unequal", "7.4_GDR"])
def test_iso_ts_28037_predictions(oracle: Callable[[str], Any], name: str) -> None:
    """Forward and inverse use of the line, clause 11, agree with every published digit."""
    case, fit = iso_case(oracle, name)
    curve = line_curve(fit, (0.0, 10.0))
    for p in case["predict"].get("forward", []):
        assert agrees(float(curve.volume(p["x"])), p["y"])
        assert agrees(float(curve.standard_uncertainty(p["x"], p["ux"])), p["uy"])
    for p in [case["predict"]["inverse"]] if "inverse" in case["predict"] else []:
        assert agrees(float(curve.reading(p["y0"])), p["x"])
        assert agrees(float(curve.reading_standard_uncertainty(p["y0"], p["u"])), p["ux"])


def test_iso_ts_28037_unknown_scale(oracle: Callable[[str], Any]) -> None:
    """Annex E: with unit weights χ² is 0.116, and the scale found afterwards 0.1707."""
    case, fit = iso_case(oracle, "annexE_WLS_unknown_scale")
    assert round(fit.intercept, 3) == case["expected"]["a"]
    assert round(fit.slope, 3) == case["expected"]["b"]
    assert round(fit.chi_squared, 3) == case["expected"]["chi2_unit_weights"]
    assert fit.posterior_scale == pytest.approx(0.170659, abs=5e-7)
    for p in case["predict"]["forward"]:
        assert round(fit.intercept + fit.slope * p["x"], 3) == pytest.approx(p["y"], abs=1.01e-3)


def test_pearson_york(oracle: Callable[[str], Any]) -> None:
    """Pearson's data with York's weights: the Gauss–Newton uncertainties, as ISO/TS 28037 has them."""
    case = oracle("line_fit_errors_in_both.json")["cases"][0]
    expected = case["gauss_newton_computed"]
    fit = fit_line(
        case["x"],
        case["y"],
        y_covariance=np.power(case["wy"], -0.5),
        x_covariance=np.power(case["wx"], -0.5),
    )
    assert fit.intercept == pytest.approx(expected["a"], rel=1e-9)
    assert fit.slope == pytest.approx(expected["b"], rel=1e-9)
    assert np.sqrt(np.diag(fit.covariance)) == pytest.approx([expected["ua"], expected["ub"]], rel=1e-8)
    assert fit.covariance[0, 1] == pytest.approx(expected["cov"], rel=1e-7)
    assert fit.chi_squared == pytest.approx(expected["chi2"], rel=1e-9)


def test_cross_covariance_agrees_with_brute_force() -> None:
    """With x and y correlated the line minimises the full 2n × 2n quadratic form."""
    rng = np.random.default_rng(7)
    n = 6
    root = rng.normal(size=(2 * n, 2 * n))
    joint = root @ root.T / (2 * n) + 0.2 * np.eye(2 * n)
    true_x = np.linspace(0, 10, n)
    error = np.linalg.cholesky(joint) @ rng.normal(size=2 * n)
    x, y = true_x + error[:n], 1.0 + 2.0 * true_x + error[n:]
    fit = fit_line(x, y, x_covariance=joint[:n, :n], y_covariance=joint[n:, n:], xy_covariance=joint[:n, n:])
    inverse = np.linalg.inv(joint)

    def quadratic(a: float, b: float, xi: np.ndarray) -> float:
        d = np.concatenate([x - xi, y - a - b * xi])
        return float(d @ inverse @ d)

    best = quadratic(fit.intercept, fit.slope, fit.x_adjusted)
    assert best == pytest.approx(fit.chi_squared, rel=1e-9)
    for _ in range(50):
        da, db = rng.normal(size=2) * [1e-3, 1e-4]
        dxi = 1e-3 * rng.normal(size=n)
        assert quadratic(fit.intercept + da, fit.slope + db, fit.x_adjusted + dxi) >= best


def test_crooked_data_are_rejected() -> None:
    """A parabola through points with small uncertainties is no line: χ² says so."""
    x = np.linspace(0, 10, 8)
    fit = fit_line(x, x + 0.1 * x**2, y_covariance=np.full(8, 0.1))
    assert not fit.suitable()
    assert fit.p_value is not None
    assert fit.p_value < 1e-6


def test_two_points_are_not_tested() -> None:
    """Two points give a line that no test can judge; asking for the test is an error."""
    fit = fit_line([0, 1], [0, 2], y_covariance=[0.1, 0.1])
    assert fit.p_value is None
    with pytest.raises(UnsuitableModelError, match="three or more are needed"):
        fit.suitable()


def test_bad_data_are_named() -> None:
    """What cannot be fitted is named: a number that is none, one x only, a covariance that is none."""
    with pytest.raises(CalibrationError, match=r"y\[1\] is not a finite number"):
        fit_line([0, 1, 2], [0, float("nan"), 2], y_covariance=[1, 1, 1])
    with pytest.raises(UnsuitableModelError, match="two different x or more, not 1"):
        fit_line([3, 3, 3], [0, 1, 2], y_covariance=[1, 1, 1])
    with pytest.raises(
        CalibrationError, match=r"y_covariance must have shape \(3,\) or \(3, 3\), not \(2,\)"
    ):
        fit_line([0, 1, 2], [0, 1, 2], y_covariance=[1, 1])
    with pytest.raises(CalibrationError, match="x_covariance is not symmetric"):
        fit_line([0, 1], [0, 1], y_covariance=[1, 1], x_covariance=[[1, 0.5], [0.1, 1]])
    with pytest.raises(CalibrationError, match="not positive definite"):
        fit_line([0, 1, 2], [0, 1, 2], y_covariance=[1, 0, 1])


@given(
    a=st.floats(-1e3, 1e3),
    b=st.floats(1e-3, 1e3),
    u_x=st.floats(0, 0.3),
    u_y=st.floats(0.01, 0.3),
    seed=st.integers(0, 10_000),
)
def test_random_lines_settle(a: float, b: float, u_x: float, u_y: float, seed: int) -> None:
    """Lines with errors in both always settle, and fit no worse than the true line."""
    rng = np.random.default_rng(seed)
    true_x = np.arange(7.0)
    x, y = true_x + rng.normal(0, u_x, 7), a + b * true_x + rng.normal(0, u_y * b, 7)
    fit = fit_line(x, y, y_covariance=np.full(7, u_y * b), x_covariance=np.full(7, u_x))
    truth = (y - a - b * x) ** 2 / ((u_y * b) ** 2 + (b * u_x) ** 2)
    assert np.all(np.isfinite(fit.covariance))
    assert fit.chi_squared <= truth.sum() * (1 + 1e-9)


def test_gum_h3_thermometer(oracle: Callable[[str], Any]) -> None:
    """GUM H.3: correction line of a thermometer, its uncertainties from the scatter, and the value at 30
    °C.
    """
    case = oracle("gum_examples.json")["H3_thermometer"]
    expected, published = case["full_precision_computed"], case["expected"]
    x = np.array(case["t"]) - case["t0"]
    fit = fit_line(x, case["b"], y_covariance=np.ones(x.size))
    s = fit.posterior_scale
    curve = line_curve(replace(fit, covariance=fit.covariance * s**2), (0.0, 12.0))
    u = np.sqrt(np.diag(curve.covariance))
    actual = {
        "y1": fit.intercept,
        "y2": fit.slope,
        "u1": u[0],
        "u2": u[1],
        "r": curve.covariance[0, 1] / (u[0] * u[1]),
        "s": s,
        "b30": float(curve.volume(10.0)),
        "u_b30": float(curve.standard_uncertainty(10.0)),
    }
    assert actual == pytest.approx(expected, rel=1e-7)
    assert {key: agrees(actual[key], published[key]) for key in actual} == dict.fromkeys(actual, True)

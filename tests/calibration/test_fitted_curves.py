"""Splines, polynomials and tanks as curves: fit, band, inverse, and their stored form."""

import json
from dataclasses import replace
from math import inf
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.curve import Curve
from calibration.curve_json import StoredCurve, curve_from_json, curve_to_json
from calibration.curve_models import Line, Polynomial
from calibration.errors import CalibrationError, OutOfRangeError, UnsuitableModelError
from calibration.fitted import Points
from calibration.monotone_spline import MonotoneSpline, fit_monotone_spline
from calibration.polynomial import fit_polynomial
from calibration.tank_curve import TankShape, fit_tank
from calibration.tank_ends import End, Head
from calibration.tanks import Orientation, Tank

STORED = Path(__file__).parent / "curves"
TANK = Tank(
    Orientation.LYING,
    1.25,
    6.0,
    End(Head.ELLIPSOIDAL, 0.4),
    End(Head.ELLIPSOIDAL, 0.4),
    tilt=0.02,
    gauge=1.0,
)
FREE = ("radius", "length", "tilt", "offset")


def tank_points(seed: int = 1, n: int = 40) -> Points:
    """Readings and volumes of a lying tank, with errors in both."""
    rng = np.random.default_rng(seed)
    x = np.linspace(0.05, 2.4, n)
    v = TANK.volume(x) + rng.normal(0, 0.005, n)
    return Points(x + rng.normal(0, 0.0005, n), v, np.eye(n) * 0.005**2, np.eye(n) * 0.0005**2)


def curves() -> dict[str, Curve]:
    """One curve of every model."""
    points = tank_points()
    cubic = fit_polynomial([0, 1, 2, 3, 4, 5], [0, 1.1, 2.5, 4.2, 6.3, 8.9], 3, y_covariance=np.full(6, 0.01))
    start = TankShape(replace(TANK, radius=1.2, length=5.0, tilt=0.01), FREE)
    return {
        "line": Curve(
            Line(), np.array([2.0, 1.001]), np.array([[0.04, 1e-5], [1e-5, 1e-6]]), (-240.0, 240.0)
        ),
        "polynomial": Curve(Polynomial(cubic.basis), cubic.coefficients, cubic.covariance, (0.0, 5.0)),
        "spline": fit_monotone_spline(points, 8).curve,
        "tank": fit_tank(points, start).curve,
    }


CURVES = curves()


@pytest.mark.parametrize("name", sorted(CURVES))
def test_round_trip_reading_volume(name: str) -> None:
    """Reading → volume → reading comes back to 1e-9 of the span, for a thousand readings of each model."""
    curve = CURVES[name]
    x = np.linspace(*curve.domain, 1001)
    assert np.abs(curve.reading(curve.volume(x)) - x).max() <= 1e-9 * (x[-1] - x[0])


@pytest.mark.parametrize("name", sorted(CURVES))
def test_derivative_and_band(name: str) -> None:
    """dV/dx is the slope of V, and the band is the quadratic form of the gradient, for each model."""
    curve = CURVES[name]
    low, high = curve.domain
    x = np.linspace(low + 1e-3 * (high - low), high - 1e-3 * (high - low), 101)
    step = 1e-6 * (high - low)
    slope = (curve.volume(x + step) - curve.volume(x - step)) / (2 * step)
    assert curve.derivative(x) == pytest.approx(slope, rel=1e-5)
    gradient = curve.model.gradient(x, curve.parameters)
    expected = np.sqrt(np.einsum("ij,jk,ik->i", gradient, curve.covariance, gradient))
    assert curve.standard_uncertainty(x) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", sorted(CURVES))
def test_json_round_trip(name: str) -> None:
    """A curve that was stored and loaded gives the same digits."""
    text = curve_to_json(StoredCurve(CURVES[name], "m", "m3"))
    loaded = curve_from_json(text, "x.json")
    x = np.linspace(*CURVES[name].domain, 50)
    assert (loaded.reading_unit, loaded.volume_unit) == ("m", "m3")
    assert loaded.curve.volume(x).tolist() == CURVES[name].volume(x).tolist()
    assert loaded.curve.standard_uncertainty(x).tolist() == CURVES[name].standard_uncertainty(x).tolist()
    assert curve_to_json(loaded) == text


@pytest.mark.parametrize("path", sorted(STORED.glob("*.json")), ids=lambda p: p.stem)
def test_stored_files_still_load(path: Path) -> None:
    """Files that were written by earlier versions load, and give the volume that is written beside them."""
    expected = json.loads((STORED / "volumes" / path.name).read_text(encoding="utf-8"))
    curve = curve_from_json(path.read_text(encoding="utf-8"), path.name).curve
    assert curve.volume(expected["readings"]) == pytest.approx(expected["volumes"], rel=1e-12)
    assert curve.standard_uncertainty(expected["readings"]) == pytest.approx(expected["u"], rel=1e-9)


def test_there_are_stored_files_of_every_model() -> None:
    """Each model has a stored file of version 1."""
    assert {path.stem for path in STORED.glob("*.json")} == {f"v1-{name}" for name in CURVES}


def test_spoilt_json_is_named() -> None:
    """What is wrong in a stored curve is named: no JSON, another format, a newer version, a key."""
    text = curve_to_json(StoredCurve(CURVES["line"], "mL", "mL"))
    with pytest.raises(CalibrationError, match=r"x\.json: is not JSON"):
        curve_from_json("{", "x.json")
    with pytest.raises(CalibrationError, match="this is no curve"):
        curve_from_json(text.replace("tankcal-curve", "recipe"), "x.json")
    with pytest.raises(CalibrationError, match="must be at most 1, not 2: it was written by a newer program"):
        curve_from_json(text.replace('"version": 1', '"version": 2'), "x.json")
    with pytest.raises(CalibrationError, match=r"x\.json: parameters\.slope is missing"):
        curve_from_json(text.replace('"slope"', '"slop"'), "x.json")
    with pytest.raises(UnsuitableModelError, match="does not increase"):
        curve_from_json(text.replace("1.001", "-1.001"), "x.json")


def test_tank_dimensions_are_recovered() -> None:
    """Over 20 simulated tanks the fitted dimensions lie within their stated uncertainties, and χ² with
    its.
    """
    deviations, chi_squared = [], []
    start = TankShape(replace(TANK, radius=1.2, length=5.0, tilt=0.01), FREE)
    for seed in range(20):
        fit = fit_tank(tank_points(seed, 25), start)
        u = np.sqrt(np.diag(fit.curve.covariance))
        deviations.append((fit.curve.parameters - [1.25, 6.0, 0.02, 0.0]) / u)
        chi_squared.append(fit.chi_squared)
    assert np.abs(deviations).max() < 4.0
    assert np.std(deviations) == pytest.approx(1.0, abs=0.35)
    assert np.mean(chi_squared) == pytest.approx(21.0, abs=5.0)


def test_spline_is_honest_about_tanks() -> None:
    """With enough knots χ² accepts the spline, with none it rejects; its band covers the true tank."""
    points = tank_points(3)
    fit, stiff = fit_monotone_spline(points, 14), fit_monotone_spline(points, 0)
    assert fit.p_value is not None
    assert stiff.p_value is not None
    assert fit.p_value > 0.05 > stiff.p_value
    x = np.linspace(0.1, 2.35, 50)
    deviation = np.abs(fit.curve.volume(x) - TANK.volume(x)) / fit.curve.standard_uncertainty(x)
    assert np.mean(deviation < 2.0) > 0.85


@settings(max_examples=60)
@given(data=st.lists(st.floats(0, 100), min_size=8, max_size=25, unique=True), seed=st.integers(0, 999))
def test_splines_never_fall(data: list[float], seed: int) -> None:
    """Through random data that do not increase at all the spline increases all the same, without a NaN."""
    x = np.sort(np.array(data))
    if np.min(np.diff(x)) < 1e-3:
        return
    v = np.random.default_rng(seed).normal(0, 10, x.size)
    curve = fit_monotone_spline(Points(x, v, np.eye(x.size)), 2).curve
    grid = np.linspace(*curve.domain, 400)
    assert np.all(np.isfinite(curve.volume(grid)))
    assert np.diff(curve.volume(grid)).min() >= -1e-12 * np.abs(v).max()
    assert np.all(np.isfinite(curve.standard_uncertainty(grid)))


def test_polynomials_that_fall_are_refused() -> None:
    """A polynomial with a dip between the points is no curve, however well it fits them."""
    fit = fit_polynomial([0, 1, 2, 3], [0, 2, 1.9, 4], 3, y_covariance=np.full(4, 0.01))
    with pytest.raises(UnsuitableModelError, match="polynomial-3 does not increase from 0 to 3"):
        Curve(Polynomial(fit.basis), fit.coefficients, fit.covariance, (0.0, 3.0))


def test_readings_beyond_the_tank_are_refused() -> None:
    """A tank that is fixed too low for its readings is refused, and one that ends within them is not read
    beyond.
    """
    points = tank_points()
    low = TankShape(Tank(Orientation.LYING, 1.0, 6.0), ("length",))
    with pytest.raises(UnsuitableModelError, match="readings reach"):
        fit_tank(points, low)
    with pytest.raises(OutOfRangeError):
        CURVES["tank"].volume(9.0)
    with pytest.raises(CalibrationError, match="a tank's free quantities are some of"):
        TankShape(TANK, ("colour",))
    with pytest.raises(UnsuitableModelError, match="2 inner knots needs 6 different readings, not 3"):
        fit_monotone_spline(Points(np.arange(3.0), np.arange(3.0), np.eye(3)), 2)
    assert MonotoneSpline((0.0,) * 4 + (1.0,) * 4).increases(-inf, inf, np.array([0.0, 1.0, 2.0, 3.0]))

"""A curve and its inverse, its band, its table, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.curve import Curve, line_curve
from calibration.curve_models import Line
from calibration.errors import CalibrationError, OutOfRangeError, UnsuitableModelError
from calibration.least_squares import fit_line


def neck() -> Curve:
    """A neck of slope 1 from five levels."""
    x = np.array([-240.0, -120.0, 0.0, 120.0, 240.0])
    return line_curve(fit_line(x, 2.0 + 1.001 * x, y_covariance=np.full(5, 0.3)), (-240.0, 240.0))


@given(st.floats(-240, 240))
def test_inverse_gives_the_reading_back(x: float) -> None:
    """Reading → volume → reading returns the reading to 1e-9."""
    curve = neck()
    assert float(curve.reading(curve.volume(x))) == pytest.approx(x, rel=1e-9, abs=1e-9)


def test_band_is_narrowest_in_the_middle() -> None:
    """u(V) is 0.3/√5 at the centre of five equal points and grows outwards, the same on both sides."""
    curve = neck()
    u = curve.standard_uncertainty([-240.0, 0.0, 240.0])
    assert u[1] == pytest.approx(0.3 / np.sqrt(5), rel=1e-12)
    assert u[0] == pytest.approx(u[2], rel=1e-12)
    assert u[0] > u[1]


def test_difference_cancels_what_is_common() -> None:
    """The volume between two readings does not carry the offset's uncertainty."""
    curve = neck()
    volume, u = curve.difference(120.0, -120.0)
    covariance = curve.covariance_between([120.0, -120.0], [120.0, -120.0])
    assert volume == pytest.approx(240.24, rel=1e-12)
    assert u == pytest.approx(np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]), rel=1e-9)
    assert u == pytest.approx(240.0 * np.sqrt(curve.covariance[1, 1]), rel=1e-12)


def test_table_stands_on_whole_steps() -> None:
    """A table has the multiples of its step within the domain, with volume and uncertainty of each."""
    curve = Curve(Line(), np.array([2.0, 1.0]), np.diag([0.04, 0.0]), (-25.0, 41.0))
    rows = curve.table(20.0)
    assert [row.reading for row in rows] == [-20.0, 0.0, 20.0, 40.0]
    assert [row.volume for row in rows] == [-18.0, 2.0, 22.0, 42.0]
    assert [row.u for row in rows] == pytest.approx([0.2] * 4)
    with pytest.raises(CalibrationError, match="must be a positive number, not 0"):
        curve.table(0.0)


def test_no_extrapolation_of_a_curve() -> None:
    """Readings and volumes outside the measured domain are errors that name it."""
    with pytest.raises(OutOfRangeError, match="reading 241 is outside the curve's domain -240 to 240"):
        neck().volume([0.0, 241.0])
    with pytest.raises(OutOfRangeError, match="volume 500 is outside the curve's"):
        neck().reading(500.0)


def test_a_curve_must_increase() -> None:
    """A falling line is no volume curve."""
    with pytest.raises(UnsuitableModelError, match="line does not increase from 0 to 1"):
        Curve(Line(), np.array([0.0, -1.0]), np.eye(2), (0.0, 1.0))


def test_shapes_are_checked() -> None:
    """Parameters and covariance of the wrong size, and an empty domain, are errors."""
    with pytest.raises(CalibrationError, match="a line has 2 parameters"):
        Curve(Line(), np.array([0.0]), np.eye(1), (0.0, 1.0))
    with pytest.raises(CalibrationError, match="the domain of a curve is an interval"):
        Curve(Line(), np.array([0.0, 1.0]), np.eye(2), (1.0, 1.0))

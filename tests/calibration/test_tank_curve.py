"""Fitted tanks: a tilt that the points cannot tell from zero has an uncertainty nevertheless."""

import numpy as np
import pytest

from calibration.curve import Curve
from calibration.fitted import Points
from calibration.tank_curve import TankShape, fit_tank
from calibration.tank_ends import End, Head
from calibration.tanks import Orientation, Tank

FREE = ("radius", "length", "offset", "tilt")
HEIGHTS = np.linspace(150.0, 1850.0, 12)
U_VOLUME_L = 2.0


def fitted(tilt: float, seed: int, u_height_mm: float = 0.0) -> tuple[Tank, Curve]:
    """A lying tank of 16 000 L in mm, and the curve of twelve readings of it with errors."""
    rng = np.random.default_rng(seed)
    tank = Tank(Orientation.LYING, 1000.0, 5000.0, tilt=tilt)
    volumes = 1e-6 * tank.volume(HEIGHTS) + rng.normal(0, U_VOLUME_L, HEIGHTS.size)
    points = Points(
        HEIGHTS + rng.normal(0, u_height_mm, HEIGHTS.size) if u_height_mm else HEIGHTS,
        volumes,
        U_VOLUME_L**2 * np.eye(HEIGHTS.size),
        u_height_mm**2 * np.eye(HEIGHTS.size) if u_height_mm else None,
    )
    drawn = Tank(Orientation.LYING, 1000.0, 5000.0, tilt=0.005)
    return tank, fit_tank(points, TankShape(drawn, FREE, 1e-6)).curve


@pytest.mark.parametrize("u_height_mm", [0.0, 0.2])
@pytest.mark.parametrize("seed", range(4))
def test_a_level_tank_with_a_free_tilt_has_uncertainties(seed: int, u_height_mm: float) -> None:
    """At a tilt of zero the first derivative is lost; the curve's uncertainty stays that of its points."""
    tank, curve = fitted(0.0, seed, u_height_mm)
    grid = np.linspace(*curve.domain, 40)
    u = curve.standard_uncertainty(grid)
    assert U_VOLUME_L / 3 < u.min() <= u.max() < 2 * U_VOLUME_L
    assert np.linalg.eigvalsh(curve.covariance).min() > 0
    assert np.all(np.abs(curve.volume(grid) - 1e-6 * tank.volume(grid)) < 4 * u)


def test_a_tilt_that_cannot_be_told_from_zero_says_so() -> None:
    """The stated uncertainty of such a tilt is far larger than the tilt."""
    _, curve = fitted(0.0, 0)
    place = FREE.index("tilt")
    assert np.sqrt(curve.covariance[place, place]) > 2 * abs(curve.parameters[place])


def test_a_tilt_at_a_known_offset_is_left_as_it_is() -> None:
    """Where the offset is known the tilt moves the level at first order: zero is as good as any."""
    volumes = 1e-6 * Tank(Orientation.LYING, 1000.0, 5000.0).volume(HEIGHTS)
    points = Points(HEIGHTS, volumes, U_VOLUME_L**2 * np.eye(HEIGHTS.size))
    drawn = TankShape(Tank(Orientation.LYING, 1001.0, 5000.0, tilt=0.001), ("radius", "length", "tilt"), 1e-6)
    curve = fit_tank(points, drawn).curve
    assert np.allclose([1000.0, 5000.0, 0.0], curve.parameters, atol=1e-4)
    assert np.sqrt(curve.covariance[2, 2]) < 1e-3


def test_a_drawing_without_tilt_is_a_start() -> None:
    """From a level drawing the fit finds the tilt, of different heads the right sign of it."""
    dished, flat = End(Head.TORISPHERICAL), End()
    tank = Tank(Orientation.LYING, 1000.0, 5000.0, flat, dished, tilt=-0.03)
    volumes = 1e-6 * tank.volume(HEIGHTS)
    points = Points(HEIGHTS, volumes, 0.01 * np.eye(HEIGHTS.size))
    drawn = Tank(Orientation.LYING, 1002.0, 4990.0, flat, dished)
    curve = fit_tank(points, TankShape(drawn, FREE, 1e-6)).curve
    assert np.allclose([1000.0, 5000.0, 0.0, -0.03], curve.parameters, rtol=1e-6, atol=1e-4)


def test_a_tilt_that_matters_is_the_fit_s() -> None:
    """A tank that lies 30 mrad askew: its tilt is found within its uncertainty."""
    _, curve = fitted(0.03, 5)
    place = FREE.index("tilt")
    u = float(np.sqrt(curve.covariance[place, place]))
    assert u < 0.005
    assert abs(abs(curve.parameters[place]) - 0.03) < 4 * u

"""The lens straightens points as OpenCV's model says, and leaves them alone where it is not known."""

import cv2
import numpy as np
import pytest

from vision.camera_model import Lens
from vision.station import CameraGeometry

MATRIX = ((2048.0, 0.0, 480.0), (0.0, 2048.0, 640.0), (0.0, 0.0, 1.0))
POINTS = np.array([[10.0, 20.0], [480.0, 640.0], [900.0, 1200.0], [700.0, 100.0]])


def test_an_unknown_lens_changes_nothing() -> None:
    """Without matrix or distortion the points come back as they are."""
    lens = Lens.of(CameraGeometry(matrix=MATRIX))

    assert not lens.known
    assert np.array_equal(lens.ideal(POINTS), POINTS)
    assert np.array_equal(lens.real(POINTS), POINTS)


@pytest.mark.parametrize("distortion", [(0.03, 0.0, 0.0, 0.0, 0.0), (-0.2, 0.05, 0.001, -0.002)])
def test_ideal_and_real_are_inverse(distortion: tuple[float, ...]) -> None:
    """A point bent by the lens and straightened again is where it was, to a thousandth of a pixel."""
    lens = Lens.of(CameraGeometry(matrix=MATRIX, distortion=distortion))

    assert lens.ideal(lens.real(POINTS)) == pytest.approx(POINTS, abs=1e-3)


def test_real_points_are_those_of_the_radial_model() -> None:
    """x' = x·(1 + k₁r²) in units of the focal length (OpenCV, camera calibration, distortion model)."""
    lens = Lens.of(CameraGeometry(matrix=MATRIX, distortion=(0.03, 0.0, 0.0, 0.0, 0.0)))
    centred = (POINTS - [480.0, 640.0]) / 2048.0
    bent = centred * (1 + 0.03 * (centred**2).sum(axis=1, keepdims=True))

    assert lens.real(POINTS) == pytest.approx(bent * 2048.0 + [480.0, 640.0], abs=1e-6)


def test_straightening_is_that_of_opencv() -> None:
    """`ideal` gives what `cv2.undistortPoints` gives for the same lens."""
    lens = Lens.of(CameraGeometry(matrix=MATRIX, distortion=(-0.1, 0.02, 0.0, 0.0, 0.0)))
    matrix = np.array(MATRIX)
    expected = cv2.undistortPoints(
        POINTS.reshape(-1, 1, 2), matrix, np.array([-0.1, 0.02, 0.0, 0.0, 0.0]), P=matrix
    )

    assert lens.ideal(POINTS) == pytest.approx(expected.reshape(-1, 2))

"""A strip beside the plate is cut along the scale, and its points lead back to the picture."""

import numpy as np
import pytest

from vision.strip import Strip


@pytest.mark.parametrize("away", [1.0, -1.0])
@pytest.mark.parametrize("tilt", [0.0, 0.04, -0.03])
def test_points_go_there_and_back(away: float, tilt: float) -> None:
    """`locate` is the inverse of `picture`, on both sides and turned either way."""
    strip = Strip(np.zeros((100, 40), np.uint8), 300.0, tilt, away)
    u, v = np.meshgrid([0.0, 7.5, 39.0], [0.0, 51.25, 99.0])

    back_u, back_v = strip.locate(strip.picture(u, v))

    assert back_u == pytest.approx(u.ravel())
    assert back_v == pytest.approx(v.ravel())


@pytest.mark.parametrize("away", [1.0, -1.0])
def test_the_strip_shows_the_pixels_that_it_names(away: float) -> None:
    """The gray of a strip's pixel is that of the place in the picture that `picture` gives for it."""
    y, x = np.mgrid[:200, :300]
    gray = (x * 0.5 + y * 0.4).astype(np.uint8)
    strip = Strip.cut(gray, 150.0, 0.05, away, 60)

    place = strip.picture(20.0, 90.0)[0]

    assert float(strip.image[90, 20]) == pytest.approx(place[0] * 0.5 + place[1] * 0.4, abs=1.0)


def test_columns_outside_the_picture_are_known() -> None:
    """`inside` tells which columns lie in the picture from top to bottom."""
    gray = np.zeros((100, 100), np.uint8)
    strip = Strip.cut(gray, 80.0, 0.0, 1.0, 40)

    inside = strip.inside(gray.shape)

    assert bool(inside[5])
    assert not bool(inside[30])

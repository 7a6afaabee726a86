"""Pictures that cannot be read are told apart by their fault."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vision.doubts import of_picture, sharpness
from vision.reading import Reason


def pattern() -> NDArray[np.uint8]:
    """Sharp rectangles on a gray ground."""
    picture = np.full((640, 480), 160, np.uint8)
    random = np.random.default_rng(5)
    for _ in range(40):
        x, y = int(random.integers(0, 440)), int(random.integers(0, 600))
        picture[y : y + 30, x : x + 25] = int(random.integers(20, 240))
    return picture


def blurred(sigma: float) -> NDArray[np.uint8]:
    """The same out of focus."""
    return np.asarray(cv2.GaussianBlur(pattern(), (0, 0), sigma), np.uint8)


def test_sharpness_falls_with_defocus() -> None:
    """About 1 for steps, and less the wider the blur."""
    values = [sharpness(pattern()), *(sharpness(blurred(sigma)) for sigma in (2.0, 5.0, 12.0))]

    assert values[0] > 0.7
    assert values == sorted(values, reverse=True)
    assert values[-1] < 0.2


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (np.full((640, 480), 8, np.uint8), Reason.DARK),
        (np.full((640, 480), 255, np.uint8), Reason.OVEREXPOSED),
        (blurred(12.0), Reason.BLURRED),
        (pattern(), Reason.NO_SCALE),
    ],
)
def test_each_fault_has_its_word(picture: NDArray[np.uint8], reason: Reason) -> None:
    """Dark, burnt out, out of focus, or simply no scale in it."""
    found, detail = of_picture(picture)

    assert found is reason
    assert detail

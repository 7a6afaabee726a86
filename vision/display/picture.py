"""The part of a frame in which a display is sought: small for the search, whole only where it is needed."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.frame import Frame
from vision.instrument import Region

Image = NDArray[np.uint8]

SEARCHED_PX = 480  # width (or height) to which a picture is reduced for the search
GLANCED_PX = 240  # and for a first one, which finds displays that fill much of the picture


@dataclass(frozen=True)
class Reduced:
    """A part of a frame made smaller: `image`, of which each pixel is `factor` (≥ 1) of the frame's."""

    image: Image
    factor: float


@dataclass(frozen=True)
class Picture:
    """A frame, or the `region` (x, y, width, height in pixels) of it that is looked at."""

    frame: Frame
    region: Region | None

    @cached_property
    def whole(self) -> Image:
        """The pixels of the part, blue-green-red. Raises `FrameError` where the frame is no image."""
        image = self.frame.image
        if self.region is None:
            return image
        x, y, width, height = self.region
        left, top = self.corner
        part = image[top : max(top, y + height), left : max(left, x + width)]
        return part if part.size else image

    @property
    def corner(self) -> tuple[int, int]:
        """Where the part begins in the frame."""
        return (0, 0) if self.region is None else (max(0, self.region[0]), max(0, self.region[1]))

    @cached_property
    def small(self) -> Image:
        """The part, its larger side at most SEARCHED_PX pixels. Raises `FrameError`."""
        return self._reduced[0]

    @property
    def factor(self) -> float:
        """How many pixels of the frame a pixel of `small` is, at least 1."""
        return self._reduced[1]

    @cached_property
    def searched(self) -> Reduced:
        """`small` with its factor. Raises `FrameError`."""
        return Reduced(*self._reduced)

    @cached_property
    def glanced(self) -> Reduced:
        """The part, its larger side at most GLANCED_PX pixels. Raises `FrameError`."""
        image, factor = reduced(self.small, GLANCED_PX)
        return Reduced(image, factor * self.factor)

    @cached_property
    def _reduced(self) -> tuple[Image, float]:
        half = None
        if self.region is None and "image" not in vars(self.frame):
            # a JPEG decodes to half its size in half the time
            encoded = np.frombuffer(self.frame.data, np.uint8)
            half = cv2.imdecode(encoded, cv2.IMREAD_REDUCED_COLOR_2) if self.frame.data else None
        if half is not None and max(half.shape[:2]) >= SEARCHED_PX:
            small, factor = reduced(np.asarray(half, np.uint8), SEARCHED_PX)
            return small, 2 * factor
        return reduced(self.whole, SEARCHED_PX)


def reduced(image: Image, most: int) -> tuple[Image, float]:
    """`image` made smaller, its larger side at most `most` pixels, and the factor it was reduced by (≥ 1)."""
    factor = max(1.0, max(image.shape[:2]) / most)
    if factor == 1.0:
        return image, 1.0
    size = (max(1, round(image.shape[1] / factor)), max(1, round(image.shape[0] / factor)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8), factor

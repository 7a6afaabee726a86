"""A strip of the picture beside the plate's edge, turned so that its columns run along the scale."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Strip:
    """Row v of `image` (height, width) is at right angles to the line x = `inner_x` + `tilt`·y at y = v.

    Column u lies `u` pixels from that line, to the right where `away` is 1, to the left where it is −1.
    """

    image: NDArray[np.uint8]
    inner_x: float
    tilt: float
    away: float

    @classmethod
    def cut(cls, gray: NDArray[np.uint8], inner_x: float, tilt: float, away: float, width: int) -> "Strip":
        """Cuts `width` columns out of `gray`; pixels outside repeat the border."""
        source = np.array([[away, tilt, inner_x], [-away * tilt, 1.0, 0.0]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        size = (width, gray.shape[0])
        image = cv2.warpAffine(gray, source, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return cls(np.asarray(image, np.uint8), inner_x, tilt, away)

    def picture(self, u: NDArray[np.float64] | float, v: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Pixels (n, 2) of the picture that strip points (u, v) come from."""
        columns, rows = np.broadcast_arrays(np.asarray(u, np.float64), np.asarray(v, np.float64))
        x = self.inner_x + self.away * columns + self.tilt * rows
        return np.column_stack((x.ravel(), (rows - self.away * self.tilt * columns).ravel()))

    def locate(self, points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The inverse of `picture`: strip columns and rows (u, v), each (n,), of pixels (n, 2)."""
        beside = points[:, 0] - self.inner_x - self.tilt * points[:, 1]
        u = self.away * beside / (1 + self.tilt**2)
        return u, points[:, 1] + self.away * self.tilt * u

    def inside(self, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        """Which columns (width,) lie in a picture of `shape` along their whole length."""
        u, v = np.arange(self.image.shape[1]), self.image.shape[0]
        ends = [self.inner_x + self.away * u + self.tilt * row for row in (0, v)]
        return np.asarray((np.minimum(*ends) >= 1) & (np.maximum(*ends) <= shape[1] - 2), np.bool_)

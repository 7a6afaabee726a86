"""A straight ribbon cut out of a colour picture at any slant, with its way back to the picture's pixels."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

WORTH_SPLITTING = 0.3  # share of the window that a ribbon takes


@dataclass(frozen=True)
class Ribbon:
    """Rows run along an instrument, columns across it.

    `image` (rows, columns, 3), blue-green-red as float32. The place `u` across and `v` along, in pixels of
    the picture, is `start` + (v − `before`)·`along` + (u − `left`)·`across`, with unit vectors; it has the
    column u/`step` and the row v/`step` of `image` (of which `cut` may skip some).
    """

    image: NDArray[np.float32]
    start: Points
    along: Points
    across: Points
    left: float
    before: float
    step: int = 1

    @classmethod
    def cut(
        cls,
        picture: NDArray[np.uint8],
        ends: tuple[Points, Points],
        sides: tuple[float, float],
        beyond: float = 0.0,
        *,
        step: int = 1,
        skip: int = 1,
    ) -> "Ribbon":
        """Cuts along the line between two `ends` (2,), and `beyond` them, so many pixels to its two `sides`.

        The first side is the left one as seen looking from the second end to the first. Pixels outside the
        picture repeat its border. `step` pixels are averaged to one, across and along; of the rows only each
        `skip`-th is taken, as it is.
        """
        start, end = np.asarray(ends[0], np.float64), np.asarray(ends[1], np.float64)
        length = max(1.0, float(np.hypot(*(end - start))))
        along = (end - start) / length
        across = np.array([along[1], -along[0]])
        wide, tall = max(2, round(sides[0] + sides[1]) + 1), max(2, round(length + 2 * beyond) + 1)
        origin = start - beyond * along - sides[0] * across
        # a window of the picture is cut, for the rest need not be touched
        corners = origin + np.array([[0.0, 0], [wide, 0], [0, tall], [wide, tall]]) @ np.stack(
            (across, along)
        )
        most = np.array(picture.shape[1::-1])
        low = np.clip(np.floor(corners.min(axis=0)) - 2, 0, most - 2).astype(int)
        high = np.clip(np.ceil(corners.max(axis=0)) + 3, low + 2, most).astype(int)
        window = picture[low[1] : high[1], low[0] : high[0]]
        origin = origin - low
        if step > 1:
            size = max(1, window.shape[1] // step), max(1, window.shape[0] // step)
            window = np.asarray(cv2.resize(window, size, interpolation=cv2.INTER_AREA), np.uint8)
            # pixel centres: x of the picture lies at (x + 1/2)/step − 1/2 of the reduced one
            origin = (origin + 0.5) / step - 0.5
        place = np.column_stack((across, along, origin))
        place[:, 1] *= skip
        image = _warped(window, place, (max(2, wide // step), max(2, tall // (step * skip))))
        return cls(image, start, along, across, float(sides[0]), float(beyond), step)

    def along_rows(self, weights: NDArray[np.float64]) -> Points:
        """Each row's mean colour times the `weights` (3,) of blue, green and red; (rows,)."""
        rows, columns = self.image.shape[:2]
        # one product with the rows as they lie in memory: sums over columns of three take far longer
        each = np.tile(weights / columns, columns).astype(np.float32)
        return np.asarray(self.image.reshape(rows, -1) @ each, np.float64)

    def picture(self, u: Points | float, v: Points | float) -> Points:
        """Pixels (n, 2) of the picture that lie `u` across and `v` along."""
        columns, rows = np.broadcast_arrays(np.asarray(u, np.float64), np.asarray(v, np.float64))
        along = (rows.ravel() - self.before)[:, None] * self.along
        return np.asarray(self.start + along + (columns.ravel() - self.left)[:, None] * self.across)

    def locate(self, points: Points) -> tuple[Points, Points]:
        """The inverse of `picture`: how far across and along, each (n,), pixels (n, 2) lie."""
        away = points - self.start
        return away @ self.across + self.left, away @ self.along + self.before


def _warped(
    window: NDArray[np.uint8], place: NDArray[np.float64], size: tuple[int, int]
) -> NDArray[np.float32]:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    if size[0] * size[1] < WORTH_SPLITTING * window.shape[0] * window.shape[1]:
        image = cv2.warpAffine(window, place, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    else:  # plane by plane is several times faster, once they are apart
        planes = [
            cv2.warpAffine(plane, place, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
            for plane in cv2.split(window)
        ]
        image = cv2.merge(planes)
    return np.asarray(image, np.float32)

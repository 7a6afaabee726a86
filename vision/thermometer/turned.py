"""A picture turned so that a tilted instrument stands upright, and the way back to its own pixels."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.camera_model import Lens

Gray = NDArray[np.uint8]
Points = NDArray[np.float64]

REDUCTION = 4  # for the directions of edges
STEP_DEGREES = 0.5
FAINT, CLEAR = 1.5, 4.0  # of the mean strength of edges: what has no say, and from where on all count alike
UPRIGHT_DEGREES = 1.5  # what leans by less is searched as it is: rows of marks may be slanted by more
WIDTH_STEP = 4  # pixels: the search for marks averages so many columns, fastest where none is left over
LARGEST_PX = 1600  # longer sides are reduced: marks do not become surer by more pixels


@dataclass(frozen=True)
class Turn:
    """A turn (and reduction) from pixels of the picture to upright ones: p ↦ `matrix`·(p, 1), shape (2, 3).

    `size` (width, height) of the upright picture.
    """

    matrix: NDArray[np.float64]
    size: tuple[int, int]

    @classmethod
    def by(cls, degrees: float, shape: tuple[int, ...]) -> "Turn":
        """The turn that sets upright what leans clockwise by `degrees` in a picture of `shape`.

        What all but stands upright is left alone.
        """
        height, width = shape[:2]
        scale = min(1.0, LARGEST_PX / max(width, height))
        angle = np.deg2rad(degrees) if abs(degrees) > UPRIGHT_DEGREES else 0.0
        turn = scale * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float64) @ turn.T
        low, high = corners.min(axis=0), corners.max(axis=0)
        wide, tall = (max(8, round(float(extent))) for extent in high - low)
        if angle:
            wide += -wide % WIDTH_STEP
        return cls(np.column_stack((turn, -low)), (wide, tall))

    @cached_property
    def back(self) -> NDArray[np.float64]:
        """The inverse of `matrix`, shape (2, 3)."""
        linear = np.linalg.inv(self.matrix[:, :2])
        return np.column_stack((linear, -linear @ self.matrix[:, 2]))

    @property
    def identical(self) -> bool:
        """Whether the upright picture is the picture."""
        return bool(np.array_equal(self.matrix, np.array([[1.0, 0, 0], [0, 1.0, 0]])))

    def applied(self, gray: Gray) -> Gray:
        """The upright picture; what lies outside the picture repeats its border."""
        if self.identical and gray.shape[1::-1] == self.size:
            return gray
        if self.scale < 0.75:
            factor = self.scale
            gray = np.asarray(
                cv2.resize(gray, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8
            )
            # pixel centres: x of the picture lies at (x + 1/2)·factor − 1/2 of the reduced one
            linear = self.matrix[:, :2] / factor
            matrix = np.column_stack((linear, self.matrix[:, 2] - linear @ np.full(2, 0.5 * (factor - 1))))
        else:
            matrix = self.matrix
        upright = cv2.warpAffine(gray, matrix, self.size, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(upright, np.uint8)

    @property
    def scale(self) -> float:
        """Upright pixels per pixel of the picture."""
        return float(np.hypot(*self.matrix[:, 0]))

    def upright(self, points: Points) -> Points:
        """Upright pixels (n, 2) of the picture's `points` (n, 2)."""
        return np.asarray(points @ self.matrix[:, :2].T + self.matrix[:, 2], np.float64)

    def picture(self, points: Points) -> Points:
        """The picture's pixels (n, 2) of upright `points` (n, 2)."""
        return np.asarray(points @ self.back[:, :2].T + self.back[:, 2], np.float64)

    def rows_inside(self, x: Points, shape: tuple[int, ...]) -> tuple[int, int]:
        """The first and last upright row whose place at `x` (n,), one value a row, lies in the picture."""
        places = self.picture(np.column_stack((x, np.arange(len(x), dtype=np.float64))))
        inside = np.flatnonzero(((places >= 1) & (places <= np.array(shape[1::-1]) - 2)).all(axis=1))
        return (int(inside[0]), int(inside[-1])) if len(inside) else (0, 0)


@dataclass(frozen=True)
class TurnedLens(Lens):
    """A lens whose points, ideal and real, are upright pixels of `turn`."""

    turn: Turn

    @classmethod
    def behind(cls, lens: Lens, turn: Turn) -> "TurnedLens":
        """The `lens` of a picture, for points of the upright one."""
        return cls(lens.matrix, lens.distortion, turn)

    def ideal(self, points: Points) -> Points:
        """Where a pinhole would image upright `points` (n, 2), in upright pixels."""
        if not self.known:
            return np.asarray(points, np.float64)
        return self.turn.upright(super().ideal(self.turn.picture(points)))

    def real(self, points: Points) -> Points:
        """The inverse of `ideal`."""
        if not self.known:
            return np.asarray(points, np.float64)
        return self.turn.upright(super().real(self.turn.picture(points)))


def lean(gray: Gray) -> float:
    """By how many degrees (−45 to 45, clockwise) the picture's straight edges lean, all taken together.

    Long straight edges and the marks at right angles to them count as one direction; 0 for a picture with
    no edges.
    """
    size = max(8, gray.shape[1] // REDUCTION), max(8, gray.shape[0] // REDUCTION)
    small = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(
        small, (7, 7), 1.4
    )  # bare steps between pixels would lean to the pixels' own directions
    across, down = cv2.Scharr(small, cv2.CV_32F, 1, 0), cv2.Scharr(small, cv2.CV_32F, 0, 1)
    strength, angle = cv2.cartToPolar(across, down, angleInDegrees=True)
    strength = strength[1:-1, 1:-1].ravel()
    bins = round(90 / STEP_DEGREES)
    place = (angle[1:-1, 1:-1].ravel() / STEP_DEGREES).astype(np.intp) % bins
    # grain and slow shades, which have directions of their own through whole gray values, have no say, and
    # no edge counts more than a clear one: else the strongest alone, glare or a frame, would decide
    typical = float(strength.mean()) + 1e-6
    weights = np.clip(strength - FAINT * typical, 0, CLEAR * typical)
    votes = np.bincount(place, weights=weights, minlength=bins)
    votes = votes - votes.min()
    around = np.concatenate((votes[-4:], votes, votes[:4]))
    smooth = np.convolve(around, cv2.getGaussianKernel(9, 2.0).ravel(), mode="valid")
    top = int(np.argmax(smooth))
    near = np.arange(-3, 4)
    weight = votes[(top + near) % bins]
    centre = (top + 0.5 + float((near * weight).sum() / max(1e-9, weight.sum()))) * STEP_DEGREES
    return centre - 90 if centre > 45 else centre

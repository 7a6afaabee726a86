"""Finds where the graduation of a dial converges, and the ticks around that point.

Every tick of a dial points at the middle of its face, and a pinhole keeps straight lines straight: however
oblique the view, the ticks of a picture meet in one point, the image of the face's middle. That point is
found by voting; around it the picture is unwrapped, and ticks stand upright in the unwrapped picture, where
numerals, rings and rims do not.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Gray = NDArray[np.uint8]
Values = NDArray[np.float64]

VOTING_SIZE = 480  # pixels of the longer side of the picture that votes
DIRECTIONS = 90  # of lines, one every two degrees
STROKE_PX = 9  # strokes of the reduced picture are narrower
MOST_VOTES = 12_000
MOST_CENTRES, MOST_RIM_CENTRES = 4, 2
GRID_PX = 8.0  # steps of the search
EDGE = 0.16  # of the picture's width or height: a whole dial's middle is further inside
STRONG_SHARE = 0.2  # of the strongest edges: what votes at least
LONG_LINE = 6.0  # votes of one line that count: a table's edge is not worth a hundred ticks
COLUMNS = 1440  # of the unwrapped picture: a quarter of a degree each
ROW_PX = 2.0  # radius from row to row
WIDEST_TICK = 13  # columns
MOST_STROKES = 400
NARROWEST = 0.045  # of the picture's size: a radius that no graduation falls below


@dataclass(frozen=True)
class Ticks:
    """Upright dark (or bright) strokes around `centre` (x, y); arrays of shape (n,).

    `angle` in radians, clockwise in the picture from the right; `inner` and `outer` in pixels from the
    centre; `width` in radians; `strength` in grey levels.
    """

    centre: tuple[float, float]
    dark: bool
    angle: Values
    inner: Values
    outer: Values
    width: Values
    strength: Values

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.angle)


@dataclass(frozen=True)
class Centre:
    """A point of the picture that many thin strokes aim at, dark ones or bright ones.

    `prominence` is how far its votes stand out from those of other points, in standard deviations.
    """

    x: float
    y: float
    dark: bool
    prominence: float


def find_centres(gray: Gray, dark: bool, most: int = MOST_CENTRES) -> Iterator[Centre]:
    """Points at which many thin dark (or bright) strokes of `gray` (height, width) aim, best first."""
    scale = min(1.0, VOTING_SIZE / max(gray.shape))
    small = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else gray
    how = cv2.MORPH_BLACKHAT if dark else cv2.MORPH_TOPHAT
    strokes = np.asarray(cv2.morphologyEx(small, how, np.ones((STROKE_PX, STROKE_PX), np.uint8)), np.uint8)
    gx, gy = cv2.Sobel(strokes, cv2.CV_16S, 1, 0), cv2.Sobel(strokes, cv2.CV_16S, 0, 1)
    for x, y, prominence in _meeting(gx, gy, most):
        yield Centre((x + 0.5) / scale - 0.5, (y + 0.5) / scale - 0.5, dark, prominence)


def find_rim_centres(gray: Gray, dark: bool, most: int = MOST_RIM_CENTRES) -> Iterator[Centre]:
    """Points that the edges of `gray` (height, width) go round: the middles of rims and arcs, best first.

    Where ticks have but few pixels or hang on an arc they do not aim at a point; the rim is still there. From
    the side its normals pass the middle of a dial a little, near enough to find its ticks.
    """
    scale = min(1.0, VOTING_SIZE / max(gray.shape))
    small = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else gray
    gx, gy = cv2.Sobel(small, cv2.CV_16S, 1, 0), cv2.Sobel(small, cv2.CV_16S, 0, 1)
    for x, y, prominence in _meeting(-gy, gx, most):
        yield Centre((x + 0.5) / scale - 0.5, (y + 0.5) / scale - 0.5, dark, prominence)


def _meeting(gx: NDArray[Any], gy: NDArray[Any], most: int) -> Iterator[tuple[float, float, float]]:
    """Where most lines through pixels, at right angles to (`gx`, `gy`) there, meet: x, y and prominence."""
    size = cv2.convertScaleAbs(gx, alpha=0.25) // 2 + cv2.convertScaleAbs(gy, alpha=0.25) // 2
    usual, strong = np.percentile(size[::3, ::3], (88, 99.5))
    least = max(4, int(usual), int(STRONG_SHARE * strong))
    y, x = np.nonzero(size > least)
    if len(x) < 60:
        return
    if len(x) > MOST_VOTES:
        kept = np.linspace(0, len(x) - 1, MOST_VOTES).astype(np.intp)
        y, x = y[kept], x[kept]
    height, width = gx.shape
    across = gx[y, x].astype(np.float32), gy[y, x].astype(np.float32)
    votes, diagonal = _line_votes(x, y, *across, gx.shape)
    normal = (np.arange(DIRECTIONS, dtype=np.float32) + 0.5) * np.float32(np.pi / DIRECTIONS)
    cos, sin = np.cos(normal), np.sin(normal)
    lane = (np.arange(DIRECTIONS, dtype=np.int32) * votes.shape[1])[None, :]
    flat = votes.ravel()

    def score(cx: Values, cy: Values) -> Values:
        at = (
            cx.astype(np.float32)[:, None] * cos + cy.astype(np.float32)[:, None] * sin + (diagonal + 0.5)
        ).astype(np.int32)
        return np.asarray(flat.take(at + lane).sum(axis=1), np.float64)

    grid_x, grid_y = np.meshgrid(
        np.arange(EDGE * width, (1 - EDGE) * width, GRID_PX),
        np.arange(EDGE * height, (1 - EDGE) * height, GRID_PX),
    )
    field = score(grid_x.ravel(), grid_y.ravel()).reshape(grid_x.shape)
    usual, spread = float(np.median(field)), float(field.std()) + 1e-6
    offset = np.arange(-6.0, 6.5, 1.5)
    for _ in range(most):
        j, i = np.unravel_index(int(np.argmax(field)), field.shape)
        near_x, near_y = np.meshgrid(grid_x[j, i] + offset, grid_y[j, i] + offset)
        best = int(np.argmax(score(near_x.ravel(), near_y.ravel())))
        at = _converged(x, y, *across, (near_x.ravel()[best], near_y.ravel()[best]))
        prominence = (float(field[j, i]) - usual) / spread
        yield at[0], at[1], prominence
        reach = 3
        field[max(0, j - reach) : j + reach + 1, max(0, i - reach) : i + reach + 1] = -np.inf


def _converged(
    x: NDArray[np.intp],
    y: NDArray[np.intp],
    gx: NDArray[np.float32],
    gy: NDArray[np.float32],
    start: tuple[float, float],
) -> tuple[float, float]:
    """The point near `start` that the lines along the edges at (x, y) pass nearest to, by least squares."""
    x, y = x.astype(np.float32), y.astype(np.float32)
    size = np.hypot(gx, gy)
    nx, ny = gx / size, gy / size
    cx, cy = start
    for near in (9.0, 6.0, 4.0, 3.0):
        beside = nx * (x - cx) + ny * (y - cy)
        far = np.hypot(x - cx, y - cy)
        weight = np.where((np.abs(beside) < near) & (far > 8 * near), 1.0, 0.0) / np.maximum(far, 1.0)
        a, b, c = (weight * nx * nx).sum(), (weight * nx * ny).sum(), (weight * ny * ny).sum()
        determinant = a * c - b * b
        if not determinant > 1e-3 * (a + c) ** 2:
            break
        right_x, right_y = (weight * nx * beside).sum(), (weight * ny * beside).sum()
        cx += float((c * right_x - b * right_y) / determinant)
        cy += float((a * right_y - b * right_x) / determinant)
        if np.hypot(cx - start[0], cy - start[1]) > 12:
            return start
    return cx, cy


def _line_votes(
    x: NDArray[np.intp],
    y: NDArray[np.intp],
    gx: NDArray[np.float32],
    gy: NDArray[np.float32],
    shape: tuple[int, ...],
) -> tuple[NDArray[np.float32], int]:
    """How many edge points lie on each line (direction of its normal, distance from the corner), smoothed.

    Returns the votes (DIRECTIONS, 2·d) and d, the column of the distance zero. What a few pixels to the side
    has as well is taken off: only lines that meet in a point stand out.
    """
    diagonal = int(np.hypot(shape[0], shape[1])) + 2
    direction = np.arctan2(gy, gx)
    lane = np.floor(direction * (DIRECTIONS / np.pi)).astype(np.intp) % DIRECTIONS
    normal = (lane + 0.5) * (np.pi / DIRECTIONS)
    folded = np.where(np.cos(direction - normal) > 0, direction, direction + np.pi)
    place = np.rint(x * np.cos(folded) + y * np.sin(folded)).astype(np.intp) + diagonal
    lines = np.bincount(lane * (2 * diagonal) + place, minlength=DIRECTIONS * 2 * diagonal)
    votes = np.minimum(lines.reshape(DIRECTIONS, 2 * diagonal).astype(np.float32), LONG_LINE)
    votes = cv2.GaussianBlur(votes, (15, 5), 3.0, sigmaY=0.9, borderType=cv2.BORDER_REPLICATE)
    return votes - cv2.blur(votes, (81, 1), borderType=cv2.BORDER_REPLICATE), diagonal


def find_ticks(gray: Gray, centre: Centre) -> Ticks:
    """The upright strokes around `centre`, dark ones on a bright face or bright ones on a dark face."""
    height, width = gray.shape
    x, y = centre.x, centre.y
    reach = min(max(x, width - x), max(y, height - y))
    rows = int(reach / ROW_PX)
    turn = np.arange(COLUMNS, dtype=np.float32) * np.float32(2 * np.pi / COLUMNS)
    radius_px = np.arange(rows, dtype=np.float32)[:, None] * np.float32(ROW_PX)
    map_x, map_y = radius_px * np.cos(turn) + np.float32(x), radius_px * np.sin(turn) + np.float32(y)
    polar = cv2.remap(gray, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    around = np.ascontiguousarray(np.hstack((polar[:, -40:], polar, polar[:, :40])))
    how = cv2.MORPH_BLACKHAT if centre.dark else cv2.MORPH_TOPHAT
    strength = cv2.morphologyEx(around, how, np.ones((1, WIDEST_TICK), np.uint8))
    first = max(4, int(NARROWEST * max(gray.shape) / ROW_PX))
    inked = strength[first:]
    least = max(9.0, 0.3 * float(np.percentile(inked[::2, ::3], 98.5)))
    mask = (strength > least).astype(np.uint8)
    mask[:first] = 0
    _, _, stats, middles = cv2.connectedComponentsWithStats(mask, connectivity=4)
    _, top, wide, tall, area = (stats[1:, i].astype(np.float64) for i in range(5))
    column = middles[1:, 0] - 40
    radius = (top + 0.5 * tall) * ROW_PX
    across = wide * (2 * np.pi / COLUMNS) * radius  # pixels
    good = (wide <= WIDEST_TICK) & (tall >= 3) & (tall * ROW_PX >= 1.3 * across) & (area > 0.35 * wide * tall)
    good &= (column >= 0) & (column < COLUMNS)
    chosen = np.flatnonzero(good)
    if len(chosen) > MOST_STROKES:
        chosen = chosen[np.argsort(tall[chosen], kind="stable")[-MOST_STROKES:]]
    return Ticks(
        centre=(x, y),
        dark=centre.dark,
        angle=np.asarray(column[chosen] * (2 * np.pi / COLUMNS), np.float64),
        inner=(top[chosen] - 0.5) * ROW_PX,
        outer=(top[chosen] + tall[chosen] - 0.5) * ROW_PX,
        width=area[chosen] / tall[chosen] * (2 * np.pi / COLUMNS),
        strength=np.full(len(chosen), least),
    )

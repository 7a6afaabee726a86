"""What stands beside the digits of a row: a minus, a panel's marks and words, or a digit that was missed."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.display.cells import Lattice
from vision.display.panel import DIGIT_PX, Patch, Straightened

Floats = NDArray[np.float64]

INKED, FAINT = (
    0.5,
    0.25,
)  # of the digits' level: what counts as ink beside them, and what it hangs together by
AROUND_PX = 5  # rows above and below the digits: what reaches further is a frame's edge
BEFORE, AFTER = 1.7, 1.2  # pitches that are looked at before the first and after the last digit, at least
TALL = 0.75  # of a digit: what is as tall could be one
SHORTEST, LONGEST = 0.15, 0.8  # of a digit: a minus
THICKEST = 1.8  # strokes
OFF_MIDDLE = 0.13  # of a digit: how far a minus may stand off half height
LARGER = 1.4  # strokes: than a point
BAR, SPOT = 1.35, 1.15  # times as wide as tall: from where it is a minus, below which it is none
SOLID = 0.6  # of its box that a minus fills


@dataclass(frozen=True)
class Beside:
    """What was found, `minus` as (left, right, row) of the patch.

    `unclear`: something before the digits may be a minus. `spot`: something at half height is none. `after`:
    something larger than a point follows. `tall`: something is as tall as a digit and no part of a frame.
    """

    minus: tuple[float, float, float] | None = None
    unclear: bool = False
    spot: bool = False
    after: bool = False
    tall: bool = False


def beside(row: Straightened, lattice: Lattice, model: Patch, level: float) -> Beside:
    """What stands beside the digits that `lattice` holds and `model` draws; `level` of their ink."""
    reach = 0.5 * lattice.stroke
    first, last = lattice.start - reach, float(lattice.cells[-1]) + lattice.width + reach
    low = max(0, int(min(first - BEFORE * lattice.pitch, row.left)))
    high = min(row.ink.shape[1], int(max(last + AFTER * lattice.pitch, row.right)) + 1)
    top = max(0, round(lattice.top - reach) - AROUND_PX)
    bottom = min(row.ink.shape[0], round(lattice.bottom + reach) + AROUND_PX + 1)
    middle = lattice.middle - top
    digit = lattice.bottom - lattice.top + lattice.stroke
    found, tall, after = Beside(), False, False
    for is_left, (start, end) in ((True, (low, int(first))), (False, (int(last) + 1, high))):
        if end - start < 2:
            continue
        window = (slice(top, bottom), slice(start, end))
        rest = (row.ink[window] - model[window]) / level
        if not (rest > INKED).any():
            continue
        own, boxes, areas = _own(rest)
        tall = tall or _tallest(own) > TALL * digit
        if is_left:
            found = _minus(boxes, areas, (start, top), middle, lattice.stroke)
        else:
            after = _follows(rest, lattice)
    return replace(found, tall=tall, after=after)


def _own(rest: Patch) -> tuple[NDArray[np.uint8], NDArray[np.int32], NDArray[np.int32]]:
    """Ink without what runs on above or below, the boxes (left, top, width, height) of its parts, areas."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats((rest > FAINT).astype(np.uint8), connectivity=8)
    top, height = stats[:, cv2.CC_STAT_TOP], stats[:, cv2.CC_STAT_HEIGHT]
    kept = (top > 0) & (top + height < rest.shape[0])
    kept[0] = False
    own = (kept[labels] & (rest > INKED)).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(own, connectivity=8)
    return own, np.asarray(stats[1:, :4], np.int32), np.asarray(stats[1:, cv2.CC_STAT_AREA], np.int32)


def _follows(rest: Patch, lattice: Lattice) -> bool:
    """Whether something larger than a point, and no line, stands right after the last digit."""
    _, _, stats, _ = cv2.connectedComponentsWithStats((rest > INKED).astype(np.uint8), connectivity=8)
    left, wide, tall = (
        stats[1:, column] for column in (cv2.CC_STAT_LEFT, cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT)
    )
    near = left < lattice.pitch - lattice.width
    larger = np.maximum(wide, tall) > LARGER * lattice.stroke + 2
    return bool((near & larger & (tall < rest.shape[0])).any())


def _tallest(rest: NDArray[np.uint8]) -> float:
    """The greatest height that parts above one another have together: a 1 may be two of them."""
    runs = np.flatnonzero(np.diff(np.concatenate([[0], rest.any(axis=0).astype(np.int8), [0]])))
    heights = [0.0]
    for start, end in zip(runs[::2], runs[1::2], strict=True):
        rows = np.flatnonzero(rest[:, start:end].any(axis=1))
        heights.append(float(rows[-1] - rows[0] + 1))
    return max(heights)


def _minus(
    boxes: NDArray[np.int32],
    areas: NDArray[np.int32],
    corner: tuple[int, int],
    middle: float,
    stroke: float,
) -> Beside:
    """The minus among parts, the last one before the digits."""
    found = Beside()
    for (left, top, wide, tall), area in zip(boxes.tolist(), areas.tolist(), strict=True):
        row = top + 0.5 * (tall - 1)
        if abs(row - middle) > OFF_MIDDLE * DIGIT_PX or wide < min(SHORTEST * DIGIT_PX, 0.8 * stroke):
            continue
        solid = area > SOLID * wide * tall
        if wide < SPOT * tall and (tall > LARGER * stroke or not solid):
            found = replace(found, spot=True)
        elif wide > BAR * tall and solid and tall < THICKEST * stroke and wide > SHORTEST * DIGIT_PX:
            box = (float(corner[0] + left), float(corner[0] + left + wide - 1), corner[1] + row)
            found = replace(found, minus=box)
        elif wide < LONGEST * DIGIT_PX:
            found = replace(found, unclear=True)
    return found

"""How well digits of a lattice explain a row's ink, and what is left over: decimal points."""

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.display.cells import Lattice
from vision.display.fit import LEVELS, UPRIGHTS, Lit
from vision.display.panel import DIGIT_PX, Patch, Straightened

Floats = NDArray[np.float64]

AROUND_PX = 5  # rows above and below the digits that must be empty
MARGIN = 0.06  # of a digit, beside them likewise
ONE_AND_A_HALF = 1.35  # strokes: less is one
SPLIT = 0.85  # of an upright's level: what is left of it at half height where it is two segments


def drawn(lattice: Lattice, lit: Lit, level: Floats, shape: tuple[int, int]) -> Patch:
    """What the patch would look like with the segments `lit` of `lattice`: `level` (cells, 7) on strokes."""
    patch = np.zeros(shape, np.float32)
    half, end = 0.5 * lattice.stroke, 0.25 * lattice.stroke
    rows = (lattice.top, lattice.middle, lattice.bottom)
    for cell, start in enumerate(lattice.cells.tolist()):
        for segment, right, lower in UPRIGHTS:
            if lit[cell, segment]:
                x = start + right * lattice.width
                ends = (rows[lower] + end, rows[lower + 1] - end)
                _fill(patch, (x - half, x + half), ends, level[cell, segment])
        for segment, place in LEVELS:
            if lit[cell, segment]:
                ends = (start + end, start + lattice.width - end)
                _fill(patch, ends, (rows[place] - half, rows[place] + half), level[cell, segment])
    return np.asarray(cv2.GaussianBlur(patch, (0, 0), 1.4), np.float32)


def _fill(patch: Patch, x: tuple[float, float], y: tuple[float, float], level: float) -> None:
    rows = slice(max(0, round(y[0])), max(0, round(y[1])) + 1)
    patch[rows, max(0, round(x[0])) : max(0, round(x[1])) + 1] = level


def likeness(row: Straightened, lattice: Lattice, model: Patch) -> float:
    """The correlation of the ink with the `model` of what is lit, from the first to the last of `lattice`.

    1 is the drawing itself; scripts, scales and textures stay well below what a display reaches. A margin
    around the digits counts with them: it must be empty.
    """
    margin = 0.5 * lattice.stroke + MARGIN * DIGIT_PX
    first = max(0, int(lattice.start - margin))
    last = min(row.ink.shape[1], int(lattice.cells[-1] + lattice.width + margin) + 1)
    # no further up and down than needed: a panel's edge may be near
    upper = max(0, round(lattice.top - 0.5 * lattice.stroke) - AROUND_PX)
    lower = round(lattice.bottom + 0.5 * lattice.stroke) + AROUND_PX + 1
    window = (slice(upper, lower), slice(first, last))
    if row.ink[window].size < DIGIT_PX:
        return 0.0
    seen, expected = row.ink[window], model[window]
    (seen_mean, seen_scatter), (mean, scatter) = (cv2.meanStdDev(part) for part in (seen, expected))
    together = float(np.vdot(seen, expected)) / seen.size - float(seen_mean[0, 0] * mean[0, 0])
    apart = float(seen_scatter[0, 0] * scatter[0, 0])
    return together / apart if apart > 0 else 0.0


def point_shares(row: Straightened, lattice: Lattice, model: Patch, level: Floats) -> Floats:
    """How much ink lies where a decimal point after each cell would be, in shares of the lit `level`.

    What the lit segments themselves (`model`) leave there is taken off; `level` has the shape (cells, 7).
    Shape (cells,): about 1 for a point.
    """
    side = max(2, round(0.7 * lattice.stroke))
    low = max(0, round(lattice.bottom - 0.5 * lattice.stroke) - side)
    high = round(lattice.bottom + 0.9 * lattice.stroke) + 1 + side
    gap = lattice.pitch - lattice.width
    # where there is room, a stroke that is longer or stands a little off is not a point
    spare = 2 * int(np.clip(0.22 * gap - 1, 0, 3)) + 1
    strokes = cv2.dilate(model[low:high], np.ones((1, spare), np.uint8))
    rest = cv2.blur(np.maximum(row.ink[low:high] - strokes, 0.0), (side, side))
    rest = rest[side : max(side + 1, len(rest) - side)]
    # a line that comes down from above is a frame's edge, and no point
    higher = slice(
        round(lattice.middle), max(round(lattice.middle) + 1, round(lattice.bottom - 1.5 * lattice.stroke))
    )
    rest = rest - np.maximum(row.ink[higher] - model[higher], 0.0).mean(axis=0)
    half = max(0.5 * gap - 0.45 * lattice.stroke, 1.0)
    found = np.zeros(lattice.count)
    for cell, start in enumerate(lattice.cells.tolist()):
        middle = start + lattice.width + 0.5 * gap
        part = rest[:, max(0, round(middle - half)) : max(0, round(middle + half)) + 1]
        if part.size:
            found[cell] = float(part.max()) / float(level[cell].mean())
    return found


def shares_strokes(row: Straightened, lattice: Lattice, lit: Lit, level: Floats) -> bool:
    """Whether two neighbouring cells are read from one and the same stroke between them.

    Then there is the ink of one stroke where there should be that of two; `level` (cells, 7) of lit ones.
    """
    stroke, gap = lattice.stroke, lattice.pitch - lattice.width
    if gap > 1.7 * stroke:
        return False
    quarter = 0.2 * (lattice.bottom - lattice.top)
    for right, left, middle in (
        (1, 5, 0.5 * (lattice.top + lattice.middle)),
        (2, 4, 0.5 * (lattice.middle + lattice.bottom)),
    ):
        profile = row.ink[round(middle - 0.5 * quarter) : round(middle + 0.5 * quarter) + 1].mean(axis=0)
        for cell in np.flatnonzero(lit[:-1, right] & lit[1:, left]):
            x = lattice.start + cell * lattice.pitch + lattice.width
            first, last = max(0, round(x - 0.9 * stroke)), round(x + gap + 0.9 * stroke) + 1
            held = float(np.maximum(profile[first:last], 0.0).sum())
            if held < ONE_AND_A_HALF * stroke * min(level[cell, right], level[cell + 1, left]):
                return True
    return False


def uprights_are_split(row: Straightened, lattice: Lattice, lit: Lit) -> bool:
    """Whether lit uprights dip at half height where no level stroke meets them: two, not one line."""
    dips = []
    half = max(1, round(0.2 * lattice.stroke))
    quarter = 0.25 * (lattice.bottom - lattice.top)
    middle = round(lattice.middle)
    beside = [round(lattice.middle + sign * quarter) for sign in (-1, 1)]
    for cell, start in enumerate(lattice.cells):
        for upper, lower, right in ((1, 2, 1), (5, 4, 0)):
            if not (lit[cell, upper] and lit[cell, lower]) or lit[cell, 6]:
                continue
            x = round(start + right * lattice.width)
            column = row.ink[:, max(0, x - half) : max(0, x) + half + 1].mean(axis=1)
            level = float(np.mean([column[y - 1 : y + 2].mean() for y in beside]))
            if level > 0:
                dips.append(float(column[middle - 2 : middle + 3].min()) / level)
    return bool(dips) and float(np.median(dips)) < SPLIT

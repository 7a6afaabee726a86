"""Where a column ends, to sub-pixels: its end is sought again near where it was found, or last seen."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.edges import smoothed, steps_up
from vision.thermometer.ribbon import Points, Ribbon
from vision.thermometer.stripe import LEAST_CONTRAST, NARROWEST_PX, Stripe

AXIS_LANES, ARC_LANES = 0.4, 0.85  # of the half width: where the end is read, where its shape is seen
SIDE_SHARE = 1.8  # of the half width as found at first, to both sides of the axis, in which lanes are sought
LANE_SHARE = 0.2  # of the contrast in the middle that a lane of the column has at least
WINDOW_SIGMA = 0.8
SETTLED_PX = 6.0  # from a known end of a column, in which it is sought again
INK_ROWS, INKLESS_SHARE = 0.45, 0.3  # part of the view that shows no column; share of a colour that ink lacks
OPENED_SHARE = 0.25  # of a mark's thickness: standard uncertainty where it may hide the end
FOLLOWED_SHARE = 0.7  # of the full change of colour, on average over a column that is followed


@dataclass(frozen=True)
class ColumnEnd:
    """Where a column ends. `point` (2,) on the axis and `curve` (n, 2) across it, pixels of the picture.

    `ahead` (2,) is the unit vector along the axis into the column.

    `u_px` is the standard uncertainty along the axis, `blur_px` the width of the step, `half_width_px` half
    the column's width, `arc_px` by how much the middle of the end is farther out than its rim (negative
    where it is hollow), `mark_px` how thick marks are that pass behind it.
    """

    point: Points
    ahead: Points
    curve: Points
    u_px: float
    blur_px: float
    half_width_px: float
    arc_px: float
    mark_px: float = 0.0


def measure_end(
    picture: NDArray[np.uint8], stripe: Stripe, reach: float, mark_px: float = 0.0
) -> ColumnEnd | None:
    """Where the column ends, sought within `reach` pixels of where it was found; None where it has no end.

    `mark_px` is the thickness of marks that pass behind the column, 0 where none do.
    """
    sign = 1.0 if stripe.filled_after else -1.0
    here = stripe.axis_at(stripe.end)
    ahead = stripe.axis_at(stripe.end + sign * 100) - here
    ahead = ahead / np.hypot(*ahead)
    found = end_near(picture, here, ahead, max(NARROWEST_PX, stripe.half_width), reach, mark_px=mark_px)
    if found is None:
        return None
    # once more with the width and place that it proved to have
    again = end_near(picture, found.point, ahead, found.half_width_px, SETTLED_PX, mark_px=mark_px)
    if again is None or abs(float((again.point - here) @ ahead)) > reach:
        return None
    return again


def find_step(ribbon: Ribbon, empty: NDArray[np.float64], filled: NDArray[np.float64]) -> float | None:
    """The row of a ribbon along a column where the colour turns from `empty` to `filled` (3,), once for all.

    The filled part is at the ribbon's end. None where most of the ribbon is neither.
    """
    change = filled - empty
    weights = change / float(change @ change)
    share = np.minimum(np.maximum(ribbon.along_rows(weights) - float(empty @ weights), 0.0), 1.0) - 0.5
    # what fits a step at row k: the sum of all shares after it, less those before it
    fit = share.sum() - 2 * np.concatenate(([0.0], np.cumsum(share)))
    row = int(np.argmax(fit))
    if fit[row] < 0.5 * FOLLOWED_SHARE * len(share):
        return None
    return row - 0.5


def middle_of(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The (upper) median along the first axis; of so few values a sort is much faster than `np.median`."""
    return np.asarray(np.sort(values, axis=0)[len(values) // 2], np.float64)


def end_near(
    picture: NDArray[np.uint8],
    here: Points,
    ahead: Points,
    half_width: float,
    reach: float,
    *,
    mark_px: float = 0.0,
) -> ColumnEnd | None:
    """The end of a column whose axis passes `here` (2,) into the column in the direction `ahead` (2,).

    It is sought within `reach` pixels of `here`. The lanes that belong to the column are those, side by side,
    that end together: a shadow beside it ends elsewhere. What is thinner than `mark_px` and a half along the
    axis is no column.
    """
    span, sides = reach + 14, SIDE_SHARE * half_width + 3
    ribbon = Ribbon.cut(picture, (here - span * ahead, here + span * ahead), (sides, sides))
    image = np.asarray(smoothed(np.asarray(ribbon.image, np.float64), WINDOW_SIGMA), np.float64)
    rows, count = image.shape[:2]
    empty = middle_of(image[: max(3, rows // 4)])
    filled = middle_of(image[-max(3, rows // 4) :])
    change = filled - empty
    size = (change**2).sum(axis=1)
    u = np.arange(count) - ribbon.left
    core = np.abs(u) <= max(1.0, 0.5 * half_width)
    least = max(LEAST_CONTRAST**2, LANE_SHARE**2 * float(middle_of(size[core])))
    share, opened = _shares(image, empty, change, mark_px, core)
    share = smoothed(share.T, 0.6).T if half_width > 3 else share
    first, last = np.full(count, 2, np.intp), np.full(count, rows - 3, np.intp)
    steps = steps_up(np.ascontiguousarray(share), first, last, 0.35)
    good = np.isfinite(steps.position) & (size >= least)
    if (good & core).sum() < max(1, core.sum() // 2):
        return None
    middle = float(middle_of(steps.position[good & core]))
    together = good & (np.abs(steps.position - middle) <= 0.35 * half_width + 1.5)
    seed = int(np.argmin(np.abs(u) + np.where(together, 0.0, 1e9)))
    low, high = _neighbours(steps.position, together, seed, 0.06 * half_width + 0.45)
    if high - low < 0.8 * half_width:
        return None
    place = np.asarray(steps.position[low : high + 1], np.float64)
    axis, half = 0.5 * (low + high), 0.5 * (high - low + 1)
    at, u_px, arc = _end_at_axis(place, np.arange(low, high + 1, dtype=np.float64) - axis, half)
    return ColumnEnd(
        point=np.asarray(ribbon.picture(axis, at)[0], np.float64),
        ahead=ahead,
        curve=ribbon.picture(np.arange(low, high + 1, dtype=np.float64), place),
        u_px=float(np.hypot(u_px, OPENED_SHARE * mark_px)) if opened else u_px,
        blur_px=float(middle_of(steps.width[low : high + 1])),
        half_width_px=half,
        arc_px=arc,
        mark_px=mark_px,
    )


def _shares(
    image: NDArray[np.float64],
    empty: NDArray[np.float64],
    change: NDArray[np.float64],
    mark_px: float,
    core: NDArray[np.bool_],
) -> tuple[NDArray[np.float64], bool]:
    """How much of the column each place of `image` (rows, lanes, 3) shows: 0 none, 1 all; (rows, lanes).

    Also tells whether a mark that touches the end could be taken for a part of it. Marks behind the column
    look like a part of it. Where their ink has another colour, only that counts in which column and ink
    differ; else whatever is as thin as a mark is taken off.
    """
    size = (change**2).sum(axis=1)
    # the colours apart: sums over an axis of three take several times as long
    offset = (empty * change).sum(axis=1)
    share = (_weighted(image, change) - offset) / np.maximum(size, 1.0)
    if mark_px <= 0:
        return np.asarray(share, np.float64), False
    before = slice(0, max(3, int(INK_ROWS * len(image))))
    away = (image[before, core] - empty[core]).mean(axis=1)
    depth = np.sqrt((away**2).sum(axis=1))
    if depth.max() < 0.3 * np.sqrt(float(middle_of(size[core]))):
        return np.asarray(share, np.float64), False  # no mark in sight
    ink = away[depth > 0.5 * depth.max()].mean(axis=0)
    ink = ink / np.sqrt(ink @ ink)
    only = change - (change @ ink)[:, None] * ink
    rest = (only**2).sum(axis=1)
    if float(middle_of(rest[core])) > INKLESS_SHARE**2 * float(middle_of(size[core])):
        share = (_weighted(image, only) - (empty * only).sum(axis=1)) / np.maximum(rest, 1.0)
        return np.asarray(share, np.float64), False
    kernel = np.ones((2 * round(0.8 * mark_px + 1) + 1, 1), np.uint8)
    opened = cv2.morphologyEx(np.ascontiguousarray(share, np.float32), cv2.MORPH_OPEN, kernel)
    return np.asarray(opened, np.float64), True


def _weighted(image: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum of each place's colours of `image` (rows, lanes, 3) times its lane's `weights` (lanes, 3)."""
    blue, green, red = (image[:, :, i] * weights[:, i] for i in range(3))
    return np.asarray(blue + green + red, np.float64)


def _neighbours(
    place: NDArray[np.float64], together: NDArray[np.bool_], seed: int, most: float
) -> tuple[int, int]:
    """The first and last of the lanes around `seed` whose ends follow one another by `most` pixels a lane."""
    low = high = seed
    while low > 0 and together[low - 1] and abs(place[low - 1] - place[low]) <= most:
        low -= 1
    while high < len(place) - 1 and together[high + 1] and abs(place[high + 1] - place[high]) <= most:
        high += 1
    return low, high


def _end_at_axis(
    place: NDArray[np.float64], lane: NDArray[np.float64], half: float
) -> tuple[float, float, float]:
    """(row at the axis, its standard uncertainty, how far the middle stands out before the rim)."""
    if len(place) < 4:
        return float(place.mean()), max(0.3, float(place.std())), 0.0
    x = lane / half
    kept = np.abs(x) <= ARC_LANES
    place, x = place[kept], x[kept]
    one = np.ones_like(x)
    design = np.stack((one, x, np.sqrt(np.maximum(1 - x * x, 0)))).T
    weights = one
    terms = np.zeros(3)
    for _ in range(3):
        weighted = design.T * weights
        terms = np.linalg.solve(weighted @ design + 1e-9 * np.eye(3), weighted @ place)
        residual = place - design @ terms
        scale = max(0.05, 1.4826 * float(middle_of(np.abs(residual))))
        weights = np.maximum(1 - (residual / (4 * scale)) ** 2, 0) ** 2 + 1e-6
    inner = np.abs(x) <= AXIS_LANES
    if inner.sum() < 2:
        inner = np.abs(x) <= ARC_LANES
    slope = terms[1] * x
    at = float((place - slope)[inner] @ weights[inner] / weights[inner].sum())
    scatter = float(np.sqrt(residual**2 @ weights / weights.sum()))
    # neighbouring lanes were smoothed together: their errors are not independent
    u_px = float(np.hypot(scatter / np.sqrt(max(1.0, inner.sum() / 3)), 0.05))
    return at, u_px, -float(terms[2])

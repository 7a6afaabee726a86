"""Finds the liquid column of a thermometer beside or before its scale, and where it ends, to sub-pixels."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.edges import smoothed, steps_up
from vision.thermometer.ribbon import Points, Ribbon

LEAST_CONTRAST = 9.0  # root of the sum of squares over the three colours, gray values
WIDEST, NARROWEST_PX = 1.6, 1.5  # widths of the marks; pixels
SAME = 0.5  # share of the contrast that belongs to the same stripe
MOST_SEEDS = 8
ALSO, MOST_ALSO = 0.35, 4.0  # share of the contrast, widths of the stripe: what else may change where it ends
LEAST_EXPLAINED = 0.55  # share of the changes along the stripe that one step explains
LEAST_AGREEING = 0.75  # share of the stripe on both sides of its end that looks as it should
LEAST_SIDED = 0.3  # share of its contrast by which a stripe differs from each of its sides
AXIS_LANES, ARC_LANES = 0.4, 0.85  # of the half width: where the end is read, where its shape is seen
SIDE_SHARE = 1.8  # of the half width as found at first, to both sides of the axis, in which lanes are sought
LANE_SHARE = 0.2  # of the contrast in the middle that a lane of the column has at least
WINDOW_SIGMA = 0.8
SETTLED_PX = 6.0  # from a known end of a column, in which it is sought again
INK_ROWS, INKLESS_SHARE = 0.45, 0.3  # part of the view that shows no column; share of a colour that ink lacks
OPENED_SHARE = 0.25  # of a mark's thickness: standard uncertainty where it may hide the end
FOLLOWED_SHARE = 0.7  # of the full change of colour, on average over a column that is followed


@dataclass(frozen=True)
class Stripe:
    """A column as it is found at first. Lengths in pixels of the picture, counted as `ribbon` does.

    `end` the row of its end, `filled_after` whether the column lies at larger rows. The axis lies at
    column `axis`[0] + `axis`[1]·row; `half_width` to both sides. `contrast` is the distance of the colours
    `filled` and `empty` (3,), those of the column and of the tube without it.
    """

    ribbon: Ribbon
    end: float
    filled_after: bool
    axis: tuple[float, float]
    half_width: float
    contrast: float
    filled: NDArray[np.float64]
    empty: NDArray[np.float64]

    def axis_at(self, row: float) -> Points:
        """The axis' pixel (2,) of the picture at a row of the ribbon."""
        return np.asarray(self.ribbon.picture(self.axis[0] + self.axis[1] * row, row)[0], np.float64)


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


def find_stripe(ribbon: Ribbon, spacing: float, mark_width: float) -> Stripe | None:
    """The column in a ribbon along the scale, or None where there is no narrow stripe that ends within it.

    `spacing` of the marks and their `mark_width` in pixels. The column is looked for by what it is: a narrow
    stripe of one colour that begins at one place and goes on to the ribbon's end on one side only.
    """
    step = max(1, round(spacing / 2 / ribbon.step))
    window = 2 * step  # a whole division: marks that run across or beside the column even out
    averaged = cv2.blur(ribbon.image, (1, window), borderType=cv2.BORDER_REPLICATE)[step // 2 :: step]
    slabs = np.asarray(averaged, np.float32)
    widths = NARROWEST_PX / ribbon.step, WIDEST * mark_width / ribbon.step
    # what all columns share along the scale, as glare across it, would hide the step of one
    found = _strongest(ribbon, slabs, step, widths)
    return found or _strongest(ribbon, slabs - np.median(slabs, axis=1, keepdims=True), step, widths)


def _strongest(
    ribbon: Ribbon, slabs: NDArray[np.float32], step: int, widths: tuple[float, float]
) -> Stripe | None:
    """The stripe of most contrast with a width between `widths`, in columns."""
    split, contrast, explained = _splits(slabs)
    score = contrast * explained
    clear = (contrast >= LEAST_CONTRAST) & (explained >= LEAST_EXPLAINED)
    free = clear.copy()
    best: Stripe | None = None
    for _ in range(MOST_SEEDS):
        seed = int(np.argmax(np.where(free, score, -1)))
        if not free[seed]:
            break
        beside = np.abs(split - split[seed]) <= 2
        alike = beside & (contrast >= SAME * contrast[seed])
        low = seed - int(np.argmin(alike[seed::-1])) + 1 if not alike[: seed + 1].all() else 0
        high = seed + int(np.argmin(alike[seed:])) - 1 if not alike[seed:].all() else len(alike) - 1
        free[max(0, low - 1) : high + 2] = False
        width = high - low + 1
        if low == 0 or high == len(alike) - 1 or not widths[0] <= width <= widths[1]:
            continue
        if int((beside & clear & (contrast >= ALSO * contrast[seed])).sum()) > MOST_ALSO * width + 2:
            continue  # the level in a wide glass, or a shade over all, not the end of one stripe
        found = _traced(ribbon, slabs, step, (low, high), int(split[seed]))
        if found is not None and (best is None or found.contrast > best.contrast):
            best = found
    return best


def _splits(
    slabs: NDArray[np.float32],
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
    """For each column of `slabs` (s, u, 3) the row before which its colour changes most, and how much.

    Returns the number of slabs before the change, the distance of the colours on both sides, and the share
    of all changes along the column that this one explains; each (u,).
    """
    count = slabs.shape[0]
    centred = slabs - slabs.mean(axis=0)
    before = np.cumsum(centred, axis=0)[:-1]
    n = np.arange(1, count, dtype=np.float64)
    weight = count / (n * (count - n))
    between = np.einsum("sui,sui->su", before, before) * weight[:, None]  # the mean is zero
    split = np.argmax(between, axis=0)
    best = between[split, np.arange(slabs.shape[1])].astype(np.float64)
    total = np.einsum("sui,sui->u", centred, centred)
    return split + 1, np.sqrt(best * weight[split]), best / np.maximum(total, 1e-9)


def _traced(
    ribbon: Ribbon, slabs: NDArray[np.float32], step: int, lanes: tuple[int, int], split: int
) -> Stripe | None:
    """The stripe around columns `lanes` that ends after `split` slabs: which side is filled, axis, width."""
    low, high = lanes
    margin = max(4, round(0.8 * (high - low + 1)))
    left, right = max(0, low - margin), min(slabs.shape[1], high + margin + 1)
    around = slabs[:, left:right].astype(np.float64)
    if low - left < 2 or right - high < 3:
        return None
    beside = np.concatenate((around[:, : low - left - 1], around[:, high - left + 2 :]), axis=1)
    difference = around[:, low - left : high - left + 1].mean(axis=1) - beside.mean(axis=1)
    first, second = slice(0, max(1, split - 1)), slice(min(split + 1, len(slabs) - 1), len(slabs))
    colours = _median(difference[first]), _median(difference[second])
    filled_after = bool(np.sum(colours[1] ** 2) > np.sum(colours[0] ** 2))
    change = colours[1] - colours[0]
    size = float(np.sqrt(change @ change))
    if size < LEAST_CONTRAST:
        return None
    share = (difference - colours[0]) @ change / size**2
    if min(float((share[first] < 0.5).mean()), float((share[second] > 0.5).mean())) < LEAST_AGREEING:
        return None
    # a stripe stands out from both its sides; the edge of a plate that crosses the columns does not
    inside_now = around[second if filled_after else first, low - left : high - left + 1].mean(axis=1)
    for side in (around[:, : low - left - 1], around[:, high - left + 2 :]):
        apart = inside_now - side[second if filled_after else first].mean(axis=1)
        if float(np.sum(_median(apart) ** 2)) < (LEAST_SIDED * size) ** 2:
            return None
    # the axis: where the stripe's colour differs from that of the empty tube, slab by slab
    inside, outside = (second, first) if filled_after else (first, second)
    empty, filled = _median(around[outside]), around[inside]
    slab = np.arange(len(slabs), dtype=np.float64)[inside]
    rows = ribbon.step * (slab + 0.5) * step
    axis = _axis(np.sqrt(((filled - empty) ** 2).sum(axis=2)), rows, ribbon.step, left)
    if axis is None:
        return None
    core = slice(low - left, high - left + 1)
    return Stripe(
        ribbon=ribbon,
        end=ribbon.step * (split + 0.5) * step,
        filled_after=filled_after,
        axis=axis[0],
        half_width=axis[1],
        contrast=size,
        filled=_median(filled[:, core].mean(axis=1)),
        empty=empty[core].mean(axis=0),
    )


def _axis(
    distance: NDArray[np.float64], rows: NDArray[np.float64], step: int, left: int
) -> tuple[tuple[float, float], float] | None:
    """The line (across = a + b·along) through the middles between the stripe's flanks, and half its width.

    `distance` (n, u) is how much the colour differs from the empty tube's at `rows` (n,). None where the
    flanks are not seen.
    """
    wide = distance.shape[1]
    middle, lane = wide // 2, np.arange(len(distance))
    height = 0.5 * np.sort(distance, axis=1)[:, -max(1, wide // 10)]
    under = distance <= height[:, None]
    before, after = under[:, : middle + 1][:, ::-1], under[:, middle:]
    seen = before.any(axis=1) & after.any(axis=1) & ~under[:, middle]
    if seen.sum() < max(1, len(distance) // 3):
        return None
    lane, height, rows = lane[seen], height[seen], rows[seen]
    out_a = middle - np.argmax(before[seen], axis=1)  # the nearest columns on both sides that are under it
    out_b = middle + np.argmax(after[seen], axis=1)
    flank_a, flank_b = distance[lane, out_a + 1], distance[lane, out_b - 1]
    start = out_a + (height - distance[lane, out_a]) / np.maximum(1e-9, flank_a - distance[lane, out_a])
    stop = out_b - (height - distance[lane, out_b]) / np.maximum(1e-9, flank_b - distance[lane, out_b])
    centre = step * (0.5 * (start + stop) + left)
    half_width = 0.5 * step * float(_median(stop - start))
    if len(centre) < 4 or np.ptp(rows) < 40:
        return (float(_median(centre)), 0.0), half_width
    slope, offset = _line(rows, centre)
    residual = np.abs(centre - offset - slope * rows)
    good = residual <= 3 * float(_median(residual)) + 0.2
    slope, offset = _line(rows[good], centre[good])
    return (offset, slope), half_width


def _median(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The median along the first axis, as `np.median` has it, which takes longer for so few."""
    ordered = np.sort(values, axis=0)
    count = len(ordered)
    return np.asarray(0.5 * (ordered[(count - 1) // 2] + ordered[count // 2]), np.float64)


def _line(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    """Slope and offset of the least squares line y = offset + slope·x."""
    middle = x.mean()
    away = x - middle
    slope = float(away @ y) / max(1e-9, float(away @ away))
    return slope, float(y.mean() - slope * middle)


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

"""Finds the liquid column of a thermometer beside or before its scale: a narrow stripe that ends once."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.thermometer.ribbon import Points, Ribbon

LEAST_CONTRAST = 9.0  # root of the sum of squares over the three colours, gray values
WIDEST, NARROWEST_PX = 1.6, 1.5  # widths of the marks; pixels
SAME = 0.5  # share of the contrast that belongs to the same stripe
MOST_SEEDS = 8
ALSO, MOST_ALSO = 0.35, 4.0  # share of the contrast, widths of the stripe: what else may change where it ends
LEAST_EXPLAINED = 0.55  # share of the changes along the stripe that one step explains
LEAST_AGREEING = 0.75  # share of the stripe on both sides of its end that looks as it should
LEAST_SIDED = 0.3  # share of its contrast by which a stripe differs from each of its sides


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

"""Finds the marks of a scale plate in a picture: short parallel bars whose inner ends lie on one line."""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.edges import centroids, line_strengths, peaks, smoothed
from vision.station import Side
from vision.strip import Strip

Gray = NDArray[np.uint8]

REDUCTION = 4  # columns averaged for the search; marks are longer than this
MOST_TILT = 0.09  # rise over run of the line of inner ends that is looked for (5°)
LEAST_MARKS = 6


@dataclass(frozen=True)
class MarkColumn:
    """The marks of one plate. All positions in pixels of the picture.

    `side`: of the tube on which the plate is. `dark`: marks darker than the plate. The inner ends lie at
    x = `inner_x` + `tilt`·y. `near` and `far` (n, 2) are the centres of the halves of the part that all marks
    have, nearer to and farther from the tube; `length` (n,) how long each mark is; `contrast` (n,) in gray
    values; `index` (n,) consecutive numbers of the marks along the plate, counted downwards in the picture.
    """

    side: Side
    dark: bool
    inner_x: float
    tilt: float
    near: NDArray[np.float64]
    far: NDArray[np.float64]
    length: NDArray[np.float64]
    contrast: NDArray[np.float64]
    index: NDArray[np.intp]
    period: float
    width: float

    @property
    def count(self) -> int:
        """How many marks were found."""
        return len(self.index)


def find_marks(gray: Gray, side: Side | None, dark: bool | None = None) -> MarkColumn | None:
    """The plate's marks, or None when there is no row of bars that could be a scale.

    `gray` (height, width). `side` limits the search to plates on that side of the tube, `dark` to marks that
    are darker (or brighter) than the plate; None tries both.
    """
    height = gray.shape[0]
    reduced = cv2.resize(gray, (max(8, gray.shape[1] // REDUCTION), height), interpolation=cv2.INTER_AREA)
    best: MarkColumn | None = None
    for darker in (True, False) if dark is None else (dark,):
        for row in _bar_rows(np.asarray(reduced, np.uint8), darker, side):
            column = _measured(gray, darker, row)
            best = standing_out(best, column)
    return best


def standing_out(first: MarkColumn | None, second: MarkColumn | None) -> MarkColumn | None:
    """Which of two rows of marks is likelier a scale, by number, contrast and length; the first of equals."""
    if first is None or second is None:
        return first or second
    return second if _worth(second) > _worth(first) else first


def _worth(column: MarkColumn) -> float:
    return float(column.count * np.median(column.contrast) * column.width)


def _bar_rows(reduced: Gray, dark: bool, side: Side | None) -> list[tuple[Side, float, float, float]]:
    """Candidates (side, inner_x, tilt, width of the common part), in pixels of the full picture."""
    height = reduced.shape[0]
    kernel = np.ones((max(9, height // 64) | 1, 1), np.uint8)
    operation = cv2.MORPH_BLACKHAT if dark else cv2.MORPH_TOPHAT
    strength = cv2.morphologyEx(reduced, operation, kernel)
    histogram = cv2.calcHist([strength], [0], None, [256], [0, 256]).ravel()
    bright = int(np.searchsorted(np.cumsum(histogram), 0.992 * histogram.sum()))
    threshold = max(5.0, 0.4 * bright)
    _, mask = cv2.threshold(strength, threshold, 255, cv2.THRESH_BINARY)
    count, _, stats, centres = cv2.connectedComponentsWithStats(mask, connectivity=4)
    if count < LEAST_MARKS or count > 20000:
        return []
    wide, high = stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]
    bars = (wide >= 4) & (high <= len(kernel)) & (wide * REDUCTION > 2.2 * high)
    bars &= (stats[:, cv2.CC_STAT_AREA] > 0.4 * wide * high) & (wide < 0.25 * reduced.shape[1])
    bars[0] = False
    if bars.sum() < LEAST_MARKS:
        return []
    stats, rows_y = stats[bars], centres[bars][:, 1].astype(np.float64)
    left = stats[:, cv2.CC_STAT_LEFT].astype(np.float64)
    width = stats[:, cv2.CC_STAT_WIDTH].astype(np.float64)
    rows, most = [], 0
    for wanted in (Side.RIGHT, Side.LEFT) if side is None else (side,):
        inner = left if wanted is Side.RIGHT else left + width
        found = _aligned(inner, rows_y, width)
        # marks of several lengths are flush on the side of the tube only: there more of them are in line
        if found is not None and found[2].sum() > most:
            start, tilt, members = found
            most = int(members.sum())
            common = float(np.quantile(width[members], 0.25))
            rows = [(wanted, start * REDUCTION, tilt * REDUCTION, common * REDUCTION)]
    return rows


def _aligned(
    inner: NDArray[np.float64], y: NDArray[np.float64], width: NDArray[np.float64]
) -> tuple[float, float, NDArray[np.bool_]] | None:
    """The line x = start + tilt·y (reduced columns) that most bars' inner ends lie on, by voting."""
    tilts = np.linspace(-MOST_TILT, MOST_TILT, 49) / REDUCTION
    bins = np.floor(inner - tilts[:, None] * y).astype(np.intp)
    low = int(bins.min())
    wide = int(bins.max()) - low + 2  # the last is empty: it has no neighbour in the next tilt
    places = bins - low + wide * np.arange(len(tilts))[:, None]
    weights = np.broadcast_to(np.minimum(width, 12.0), bins.shape)
    votes = np.bincount(places.ravel(), weights.ravel(), len(tilts) * wide).reshape(len(tilts), wide)
    tilted, top = np.unravel_index(int(np.argmax(votes[:, :-1] + votes[:, 1:])), (len(tilts), wide - 1))
    best = float(low + int(top) + 1), float(tilts[tilted])
    members = np.abs(inner - best[0] - best[1] * y) <= 1.5
    if members.sum() < LEAST_MARKS:
        return None
    tilt, start = np.polyfit(y[members], inner[members], 1)
    members = np.abs(inner - start - tilt * y) <= 1.5
    return float(start), float(tilt), members


def _measured(gray: Gray, dark: bool, row: tuple[Side, float, float, float]) -> MarkColumn | None:
    """Measures the marks along a candidate row of `_bar_rows`, to sub-pixels."""
    side, inner_x, tilt, common = row
    wide = int(np.clip(4 * common, 32, 0.3 * gray.shape[1]))
    away = 1.0 if side is Side.RIGHT else -1.0
    beside = Strip.cut(gray, inner_x, tilt, away, wide)
    strip = np.asarray(beside.image, np.float32)
    if not dark:
        strip = 255.0 - strip
    first, last = 2, max(8, int(common) - 4)
    half = (first + last) // 2
    middle = strip[:, first:last].mean(axis=1).astype(np.float64)
    strength = line_strengths(middle, max(9, gray.shape[0] // 64))
    strong = float(np.quantile(strength, 0.97))
    if strong < 3:
        return None
    at = peaks(smoothed(strength, 0.7), 0.35 * strong, 3)
    index, at, period = _numbered(at)
    if len(index) < LEAST_MARKS:
        return None
    bare = np.median(strip[:, round(1.15 * common) : round(1.6 * common)])
    ink, gap = np.median(middle[at]), np.median(middle[(at[1:] + at[:-1]) // 2])
    if ink - bare > -0.5 * (gap - ink):
        return None  # these are the gaps between marks: the bare plate beyond the marks has their shade
    thickness = float(np.median(_areas(strength, at, period) / strength[at]))
    reach = int(np.clip(round(0.8 * thickness + 1), 2, 0.5 * period))
    halves = np.column_stack((strip[:, first:half].mean(axis=1), strip[:, half:last].mean(axis=1)))
    tops = line_strengths(halves.astype(np.float64), max(9, gray.shape[0] // 64))
    near_v, far_v = centroids(tops[:, 0], at, reach), centroids(tops[:, 1], at, reach)
    good = np.isfinite(near_v) & np.isfinite(far_v) & (np.abs(near_v - far_v) < 0.3 * period)
    if good.sum() < LEAST_MARKS:
        return None
    lengths, contrast = _lengths(strip, at, period, first, last)
    return MarkColumn(
        side=side,
        dark=dark,
        inner_x=inner_x,
        tilt=tilt,
        near=beside.picture((first + half - 1) / 2, near_v[good]),
        far=beside.picture((half + last - 1) / 2, far_v[good]),
        length=lengths[good],
        contrast=contrast[good],
        index=index[good],
        period=period,
        width=common,
    )


def _areas(strength: NDArray[np.float64], at: NDArray[np.intp], period: float) -> NDArray[np.float64]:
    reach = max(1, int(0.45 * period))
    sums = np.concatenate(([0.0], np.cumsum(strength)))
    return sums[np.minimum(at + reach + 1, len(strength))] - sums[np.maximum(at - reach, 0)]


def _numbered(at: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp], float]:
    """Consecutive numbers for peaks that stand at regular steps; (numbers, their peaks, the step)."""
    none = np.empty(0, np.intp)
    if len(at) < LEAST_MARKS:
        return none, none, 0.0
    gaps = np.diff(at)
    period = float(np.median(gaps))
    near = np.abs(gaps - period) <= max(1.0, 0.12 * period)
    if near.sum() < LEAST_MARKS - 1:
        return none, none, 0.0
    period = float(gaps[near].mean())
    # the longest unbroken run is the seed; from it the row is followed in both directions
    edges = np.flatnonzero(np.diff(np.concatenate(([0], near.astype(np.int8), [0]))))
    runs = edges.reshape(-1, 2)
    start, stop = max(runs, key=lambda run: run[1] - run[0])
    kept = {int(at[i]): int(i - start) for i in range(start, stop + 1)}
    for order, (edge, number) in ((1, (int(at[stop]), int(stop - start))), (-1, (int(at[start]), 0))):
        rest = at[stop + 1 :] if order > 0 else at[:start][::-1]
        here, n, step = float(edge), number, period
        for position in rest:
            away = (position - here) * order / step
            whole = round(away)
            if whole >= 1 and abs(away - whole) <= 0.2 + 0.02 * whole:
                n += order * whole
                step = 0.9 * step + 0.1 * abs(position - here) / whole
                here = float(position)
                kept[int(position)] = n
    ordered = sorted(kept.items(), key=lambda item: item[1])
    unique = [ordered[0]] + [b for a, b in pairwise(ordered) if b[1] != a[1]]
    numbers = np.asarray([n for _, n in unique], np.intp)
    return numbers - numbers[0], np.asarray([p for p, _ in unique], np.intp), period


def _lengths(
    strip: NDArray[np.float32], at: NDArray[np.intp], period: float, first: int, last: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far each mark reaches from the inner end, in pixels, and its contrast in gray values."""
    height = strip.shape[0]
    beside = max(2, round(0.5 * period)) if period < 20 else 10
    rows = np.clip(at[:, None] + np.arange(-1, 2)[None, :], 0, height - 1)
    ink = strip[rows].mean(axis=1)
    above, below = np.clip(at - beside, 0, height - 1), np.clip(at + beside, 0, height - 1)
    darkness = 0.5 * (strip[above] + strip[below]) - ink
    contrast = darkness[:, first:last].mean(axis=1)
    smooth = cv2.blur(darkness, (5, 1))
    inked = smooth > 0.45 * contrast[:, None]
    inked[:, :last] = True
    lengths = np.where(inked.all(axis=1), inked.shape[1], np.argmin(inked, axis=1))
    return lengths.astype(np.float64), contrast.astype(np.float64)

"""The numbered divisions of an upright tape: the lines that cross it, and the lattice that they lie on.

A line that crosses the whole tape stands at every numbered division. Between them are numerals and, along the
edges, ticks: neither reaches across, which is how a row of the strip is told to be a line.
"""

from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.edges import centroids, smoothed
from vision.tape.strip import ENLARGEMENT, TapeStrip

Floats = NDArray[np.float64]

ACROSS = (0.20, 0.80)  # the part of the width that a crossing line fills and edge ticks do not
COLUMNS = 36  # columns that this part is pooled to
LINE_WIDTH_PX = 4.0  # a blurred line is narrower than this, a gap between numeral and line is not
LEAST_LINES = 3
LEAST_CLARITY = 0.06  # of the comb
LEAST_RESPONSE = 0.03  # of a line, as a share of the print's contrast
FULL_RESPONSE = 0.2  # from here on a line counts fully in the fit
STEP_WEIGHT = 0.3  # a line that merges with the darker ground shows one of its edges
STEP_SHARE = 0.45  # of the print's contrast; more is a change of the tape's ground
NUMERAL_WEIGHT = 0.3  # a line's response is a third to a half of the contrast
LEAST_PERIOD_PX = 9.0  # numerals of a smaller period are under five pixels high
SLOPES = np.linspace(-0.12, 0.12, 13)  # v per unit of v across the width: the lines against the edges
STRETCHES = np.linspace(-0.012, 0.012, 5)  # relative growth of a division per division: perspective


@dataclass(frozen=True)
class TapeLattice:
    """Where the numbered divisions lie on a strip.

    Line k crosses the strip's middle at v = polynomial(k), `coefficients` highest power first; off the middle
    it lies at v + slope·(u − ½)·width. `residual_divisions` is the scatter of the lines about the lattice,
    `lines` the k and v of those that were found. `first`, `last`: the outermost k in the picture.
    """

    coefficients: Floats
    slope: float
    width_px: float
    residual_divisions: float
    lines: tuple[tuple[int, float], ...]
    first: int
    last: int
    clarity: float

    def position(self, k: Floats) -> Floats:
        """v in pixels of divisions k, at the strip's middle."""
        return np.asarray(np.polyval(self.coefficients, k), np.float64)

    def division_px(self, k: float) -> float:
        """Length of one numbered division at k, in pixels."""
        return float(np.polyval(np.polyder(self.coefficients), k))

    def number(self, u: float, v: float) -> float:
        """The (fractional) k that the strip point (u, v) is level with."""
        target = v - self.slope * (u - 0.5) * self.width_px
        k = float((target - np.polyval(self.coefficients, 0.0)) / self.division_px(0.0))
        for _ in range(8):
            k -= float((np.polyval(self.coefficients, k) - target) / self.division_px(k))
        return k

    def uncertainty_divisions(self, k: float) -> float:
        """Standard uncertainty of the lattice at k, in numbered divisions, from the scatter of its lines."""
        at = np.array([line[0] for line in self.lines], np.float64)
        powers = len(self.coefficients)
        design = np.vander(at, powers)
        here = np.vander(np.array([k]), powers)
        covariance = np.linalg.pinv(design.T @ design)
        # A lattice of few lines fits itself: its residuals then say less than the resolution does.
        floor = 0.08 / abs(self.division_px(k))
        sigma = max(self.residual_divisions, floor)
        return float(sigma * np.sqrt((here @ covariance @ here.T).item()))


@dataclass(frozen=True)
class _Rows:
    """Per row of the strip: `response` to lines, median brightness (`profile`), `contrast` of the print."""

    response: Floats
    profile: Floats
    contrast: Floats


def find_lattice(strip: TapeStrip) -> TapeLattice | None:
    """The lattice of crossing lines on `strip`; None where there are not at least three of them."""
    columns, offsets = _pooled(strip)
    if columns.shape[1] < COLUMNS // 2:
        return None
    contrast = _local_contrast(columns)
    responses = [
        (_line_strength(_levelled(columns, slope * offsets)) / contrast, float(slope)) for slope in SLOPES
    ]
    # A line is sharpest along its own direction: the slope with the largest peaks. Lines are printed square
    # to the edges, so that only perspective tilts them: a slope must earn itself.
    response, slope = max(
        responses, key=lambda item: float(np.square(item[0]).sum()) * (1.0 - 4.0 * item[1] * item[1])
    )
    level = _levelled(columns, slope * offsets)
    found = _comb(response - NUMERAL_WEIGHT * _numeral_response(level))
    if found is None:
        return None
    return _refined(_Rows(response, np.median(level, axis=1), contrast), found, slope, strip.width_px)


def _pooled(strip: TapeStrip) -> tuple[Floats, Floats]:
    """Brightness of the strip's middle in columns (rows, m), and their distance from the middle in pixels."""
    u = strip.u
    grey = cv2.cvtColor(strip.pixels, cv2.COLOR_BGR2GRAY).astype(np.float64)
    pooled, offsets = [], []
    for low, high in pairwise(np.linspace(*ACROSS, COLUMNS + 1)):
        here = (u >= low) & (u < high)
        if not here.any() or strip.inside[:, here].mean() < 0.9:
            continue
        pooled.append(grey[:, here].mean(axis=1))
        offsets.append((0.5 * (low + high) - 0.5) * strip.width_px)
    if not pooled:
        return np.empty((len(grey), 0)), np.empty(0)
    return np.column_stack(pooled), np.array(offsets)


def _levelled(columns: Floats, shifts_px: Floats) -> Floats:
    """Columns moved up by `shifts_px`, so that lines of that slope lie level."""
    rows = np.arange(len(columns), dtype=np.float64)
    moved = [
        np.interp(rows + shift * ENLARGEMENT, rows, column)
        for shift, column in zip(shifts_px, columns.T, strict=True)
    ]
    return np.column_stack(moved)


def _line_strength(columns: Floats) -> Floats:
    """How much each row is a line across the tape, dark or light, in grey levels; shape (rows,)."""
    size = round(LINE_WIDTH_PX * ENLARGEMENT) | 1
    kernel = np.ones((size, 1), np.uint8)
    grey = smoothed(columns, 0.35 * ENLARGEMENT).astype(np.float32)
    dark = cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, kernel, borderType=cv2.BORDER_REPLICATE)
    light = cv2.morphologyEx(grey, cv2.MORPH_TOPHAT, kernel, borderType=cv2.BORDER_REPLICATE)
    return np.maximum(_lower_mean(np.asarray(dark)), _lower_mean(np.asarray(light)))


def _numeral_response(columns: Floats) -> Floats:
    """How much each row is crossed by upright strokes, as a share of the most around it; shape (rows,).

    Numerals stand between the lines: where there are strokes there is no line.
    """
    strokes = smoothed(np.abs(np.diff(columns, axis=1)).mean(axis=1), 0.8 * ENLARGEMENT)
    around = np.ones((2 * round(14 * ENLARGEMENT) + 1, 1), np.uint8)
    highest = cv2.dilate(strokes.reshape(-1, 1), around, borderType=cv2.BORDER_REPLICATE).ravel()
    lowest = cv2.erode(strokes.reshape(-1, 1), around, borderType=cv2.BORDER_REPLICATE).ravel()
    return np.asarray((strokes - lowest) / np.maximum(highest - lowest, 1.0), np.float64)


def _local_contrast(columns: Floats) -> Floats:
    """How far print stands out around each row, in grey levels; shape (rows,).

    The spread over the columns of one row, the largest in the neighbourhood: a change of the tape's ground
    colour from row to row does not enter.
    """
    spread = np.quantile(columns, 0.95, axis=1) - np.quantile(columns, 0.05, axis=1)
    around = np.ones((2 * round(10 * ENLARGEMENT) + 1, 1), np.uint8)
    highest = cv2.dilate(spread.reshape(-1, 1), around, borderType=cv2.BORDER_REPLICATE).ravel()
    return np.maximum(smoothed(np.asarray(highest, np.float64), 3.0 * ENLARGEMENT), 8.0)


def _lower_mean(values: NDArray[Any]) -> Floats:
    """Mean of the lower half of each row: numerals fill less than half of the width, lines all of it."""
    ordered = np.sort(values, axis=1)
    return np.asarray(ordered[:, : max(1, values.shape[1] // 2)].mean(axis=1), np.float64)


@dataclass(frozen=True)
class _Comb:
    """Lines at `start` + `period`·(k + ½·`stretch`·k²), in pixels."""

    start: float
    period: float
    stretch: float
    score: float

    def places(self, k: NDArray[np.int_]) -> Floats:
        """v of lines k."""
        return _places(self.start, self.period, self.stretch, k)


def _places(start: Floats | float, period: float, stretch: float, k: NDArray[Any]) -> Floats:
    return np.asarray(start + period * (k + 0.5 * stretch * k * k), np.float64)


def _numbers(height: float, period: float) -> NDArray[np.int_]:
    """The k of all lines that can be in the picture, 0 being near its middle."""
    reach = int(np.ceil(0.5 * height / period)) + 1
    return np.arange(-reach, reach + 1)


def _comb(response: Floats) -> _Comb | None:
    """Period and phase (pixels) whose lines meet the most response, and whose gaps the least."""
    height = len(response) / ENLARGEMENT
    wide = smoothed(response, 0.8 * ENLARGEMENT)
    best: _Comb | None = None
    period = LEAST_PERIOD_PX
    while period <= height / (LEAST_LINES - 0.4):
        starts = 0.5 * height + np.arange(0.0, period, 0.4)
        k = _numbers(height, period)[None, :]
        for stretch in STRETCHES:
            on, lines = _mean_at(wide, _places(starts[:, None], period, stretch, k), height)
            off, _ = _mean_at(wide, _places(starts[:, None], period, stretch, k + 0.5), height)
            # Few lines find peaks by chance: the mean of n of them scatters with 1/√n.
            score = np.where(lines >= LEAST_LINES, (on - off) * np.sqrt(lines), -1.0) - 2.0 * abs(stretch)
            i = int(np.argmax(score))
            if best is None or score[i] > best.score:
                best = _Comb(float(starts[i]), period, float(stretch), float(score[i]))
        period *= 1.012
    return None if best is None or best.score < LEAST_CLARITY else best


def _mean_at(response: Floats, v: Floats, height: float) -> tuple[Floats, Floats]:
    """Mean response at positions v (phases, lines) inside the picture, and how many they are."""
    inside = (v > 0.5) & (v < height - 1.5)
    values = np.interp(v * ENLARGEMENT, np.arange(len(response)), response)
    count = inside.sum(axis=1)
    return np.where(inside, values, 0.0).sum(axis=1) / np.maximum(count, 1), count


def _refined(rows: _Rows, comb: _Comb, slope: float, width_px: float) -> TapeLattice | None:
    """A robust polynomial through the centres of the lines near the comb."""
    found = _lines(rows, comb)
    if len(found) < LEAST_LINES:
        return None
    at, v_at, weight = (np.array(column) for column in zip(*found, strict=True))
    keep = _agreeing(at, v_at, weight, comb.period)
    if np.count_nonzero(keep) < LEAST_LINES:
        return None
    for _ in range(4):
        power = 2 if np.count_nonzero(keep) >= 5 else 1
        coefficients = np.polyfit(at[keep], v_at[keep], power, w=weight[keep])
        off = np.abs(v_at - np.polyval(coefficients, at))
        limit = max(3.0 * 1.4826 * float(np.median(off[keep])), 0.05 * comb.period)
        if np.count_nonzero(off <= limit) < LEAST_LINES:
            return None
        keep = off <= limit
    freedom = max(1, np.count_nonzero(keep) - power - 1)
    height = len(rows.response) / ENLARGEMENT
    inside = [int(k) for k in _numbers(height, comb.period) if 0 <= np.polyval(coefficients, k) <= height - 1]
    if not inside:
        return None
    return TapeLattice(
        coefficients=np.asarray(coefficients, np.float64),
        slope=slope,
        width_px=width_px,
        residual_divisions=float(np.sqrt(np.square(off[keep]).sum() / freedom)) / comb.period,
        lines=tuple((int(k), float(v)) for k, v in zip(at[keep], v_at[keep], strict=True)),
        first=inside[0],
        last=inside[-1],
        clarity=comb.score,
    )


def _agreeing(at: Floats, v_at: Floats, weight: Floats, period: float) -> NDArray[np.bool_]:
    """Which lines lie near the straight lattice through two of them that most of the weight agrees with."""
    near = 0.06 * period
    best, keep = np.inf, np.zeros(len(at), bool)
    for i, j in combinations(range(len(at)), 2):
        off = v_at - v_at[i] - (at - at[i]) * (v_at[j] - v_at[i]) / (at[j] - at[i])
        cost = float((weight * np.minimum(np.square(off / near), 1.0)).sum())
        if cost < best:
            # Perspective bends the lattice a little away from the straight one.
            best, keep = cost, np.abs(off) <= 1.5 * near
    return keep


def _lines(rows: _Rows, comb: _Comb) -> list[tuple[int, float, float]]:
    """(k, v in pixels, weight) of each line that is found near its place in the comb.

    Where the tape's ground changes colour at a line, there is a step in its place.
    """
    response, steps = rows.response, _steps(rows.profile, comb.period)
    height = len(response) / ENLARGEMENT
    found = []
    numbers = _numbers(height, comb.period)
    for k, v in zip(numbers.tolist(), comb.places(numbers).tolist(), strict=True):
        if not 0.5 < v < height - 1.5:
            continue
        low = max(0, round((v - 0.16 * comb.period) * ENLARGEMENT))
        high = min(len(response) - 1, round((v + 0.16 * comb.period) * ENLARGEMENT))
        step = low + int(np.argmax(np.abs(steps[low : high + 1])))
        if abs(steps[step]) > STEP_SHARE * rows.contrast[step]:
            found.append((k, _steepest(rows.profile, step) / ENLARGEMENT, STEP_WEIGHT))
            continue
        peak = low + int(np.argmax(response[low : high + 1]))
        if response[peak] < LEAST_RESPONSE or peak in (low, high):
            continue
        centre = float(centroids(response, np.array([peak]), round(1.5 * ENLARGEMENT))[0])
        found.append((k, centre / ENLARGEMENT, min(1.0, float(response[peak]) / FULL_RESPONSE)))
    return found


def _steps(profile: Floats, period_px: float) -> Floats:
    """Change of brightness across each row, between bands that leave out a line's width; shape (rows,)."""
    gap, band = round(1.5 * ENLARGEMENT), round(0.3 * period_px * ENLARGEMENT)
    total = np.concatenate(([0.0], np.cumsum(profile)))
    rows = np.arange(len(profile))
    last = len(profile)

    def mean(low: NDArray[np.intp], high: NDArray[np.intp]) -> Floats:
        low, high = np.clip(low, 0, last - 1), np.clip(high, 1, last)
        high = np.maximum(high, low + 1)
        return np.asarray((total[high] - total[low]) / (high - low), np.float64)

    change = mean(rows + gap, rows + gap + band) - mean(rows - gap - band, rows - gap)
    full = (rows >= gap + band // 2) & (rows < last - gap - band // 2)
    return np.where(full, change, 0.0)


def _steepest(profile: Floats, near: int) -> float:
    """Row of the steepest change around `near`: the centre of gravity of the squared slope."""
    reach = round(2.5 * ENLARGEMENT)
    slopes = np.square(np.gradient(smoothed(profile, 0.35 * ENLARGEMENT)))
    low, high = max(0, near - reach), min(len(profile), near + reach + 1)
    peak = low + int(np.argmax(slopes[low:high]))
    return float(centroids(slopes, np.array([peak]), round(1.2 * ENLARGEMENT))[0])

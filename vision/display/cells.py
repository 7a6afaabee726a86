"""Finds the cells of a straightened row of digits, and measures how dark each of their segments is."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.display.panel import ABOVE, DIGIT_PX, Patch, Straightened
from vision.display.segments import PATTERNS

Floats = NDArray[np.float64]
Guess = tuple[float, float, float, float]  # worth, width, pitch, start

WIDTHS = np.arange(0.32, 0.76, 0.04) * DIGIT_PX  # between the upright strokes' centre lines
PITCHES = np.arange(round(0.46 * DIGIT_PX), round(1.2 * DIGIT_PX))
USUAL_WIDTH, USUAL_PITCH = 0.46, 0.72
GUESSES, MOST_GUESSES = 5, 120
GHOST = 0.2  # of the lit level: what unlit segments may show
INKED = 0.25  # worth of a cell that holds ink of its own
PLAY = 2  # pixels by which a cell may stand off an even spacing while it is sought
BEYOND_PX = 7  # rows above and below the digits where it is seen what goes on
LEVEL_PLAY = 2.5  # and rows by which its level strokes may


@dataclass(frozen=True)
class Lattice:
    """Where the cells of a row are, in the patch's pixels.

    Cell k's left upright stands at `start + k·pitch`, its right one `width` further; `top`, `middle` and
    `bottom` are the rows of the level strokes; `stroke` is the strokes' thickness.
    """

    start: float
    pitch: float
    count: int
    width: float
    top: float
    middle: float
    bottom: float
    stroke: float

    def part(self, cells: slice) -> "Lattice":
        """The lattice of some of the cells, which are counted from this one's first."""
        return replace(self, start=self.start + self.pitch * cells.start, count=cells.stop - cells.start)

    @property
    def is_apart(self) -> bool:
        """Whether neighbouring cells' uprights are different strokes."""
        return self.pitch - self.width > 0.8 * self.stroke

    @property
    def cells(self) -> Floats:
        """Where the left uprights stand, shape (count,)."""
        return np.asarray(self.start + self.pitch * np.arange(self.count), np.float64)


@dataclass(frozen=True)
class _Profiles:
    """Means over the rows' bands of the patch, cumulated from left to right: a mean is two look-ups."""

    a: Floats
    g: Floats
    d: Floats
    upper: Floats
    lower: Floats

    @property
    def count(self) -> int:
        return len(self.a) - 1


def find_lattices(row: Straightened) -> Iterator[Lattice]:
    """Evenly spaced cells that hold much of the ink of a row, the fullest first; none where no digit fits."""
    inside = row.ink[ABOVE : ABOVE + DIGIT_PX, max(0, int(row.left)) : int(row.right) + 1]
    lit = float(np.percentile(inside, 96))
    if lit <= 0:
        return
    ink = np.clip(row.ink / lit, -0.2, 1.0)
    stroke = min(max(row.thickness, 3.0), 0.24 * DIGIT_PX)
    top, bottom = ABOVE + 0.5 * stroke, ABOVE + DIGIT_PX - 0.5 * stroke - 1
    rows = (top, 0.5 * (top + bottom), bottom)
    profiles = _profiles(ink, rows, stroke)
    # what lies outside the group (a frame's edge) does not make a lattice
    low = max(0, int(row.left - 0.9 * DIGIT_PX))
    high = min(profiles.count, int(row.right + 0.5 * DIGIT_PX))
    worth = _worth(profiles, WIDTHS, stroke)
    columns = np.arange(low, high)
    eased = np.where(columns[None, :] < high - WIDTHS[:, None], _eased(worth)[:, low:high], 0.0)
    found = _guesses(np.maximum(eased, -1.0), low, stroke)
    kept: list[Guess] = []
    for guess in found:
        if guess[0] < max(1.0, 0.5 * found[0][0]) or len(kept) == GUESSES:
            break
        if all(_differs(guess, other) for other in kept):
            kept.append(guess)
    by_width = dict(zip(WIDTHS.tolist(), worth, strict=True))
    for guess in kept:
        lattice = _settled(by_width[guess[1]], guess, (low, high), rows, stroke)
        if lattice.is_apart:
            yield lattice


def _guesses(eased: Floats, low: int, stroke: float) -> list[Guess]:
    """The best start for each width and pitch, the best first; `eased` (widths, columns) from `low` on."""
    columns = eased.shape[1]
    liking = 0.5 * np.abs(WIDTHS / DIGIT_PX - USUAL_WIDTH)
    scores = np.full((len(PITCHES), len(WIDTHS)), -np.inf)
    starts = np.zeros(scores.shape, np.intp)
    padded = np.zeros((len(WIDTHS), columns + int(PITCHES[-1])), np.float32)
    padded[:, :columns] = eased
    narrower = np.searchsorted(WIDTHS, PITCHES - 0.8 * stroke, side="right")
    for place, (step, fits) in enumerate(zip(PITCHES.tolist(), narrower.tolist(), strict=True)):
        if fits:
            cells = -(-columns // step)
            sums = np.add.reduce(padded[:fits, : cells * step].reshape(fits, cells, step), axis=1)
            at = sums.argmax(axis=1)
            starts[place, :fits] = at + low
            scores[place, :fits] = sums[np.arange(fits), at] - liking[:fits]
    scores -= 0.3 * np.abs(PITCHES / DIGIT_PX - USUAL_PITCH)[:, None]
    order = np.argsort(-scores, axis=None, kind="stable")[:MOST_GUESSES]
    found = zip(*np.unravel_index(order, scores.shape), strict=True)
    return [(float(scores[p, w]), float(WIDTHS[w]), float(PITCHES[p]), float(starts[p, w])) for p, w in found]


def _differs(guess: Guess, other: Guess) -> bool:
    """Whether two guesses would settle in different places."""
    _, width, pitch, start = guess
    shift = abs((start - other[3] + 0.5 * pitch) % pitch - 0.5 * pitch)
    return abs(width - other[1]) > 3.0 or abs(pitch - other[2]) > 2.5 or shift > 3.0


def _profiles(ink: Patch, rows: tuple[float, float, float], stroke: float) -> _Profiles:
    def band(low: float, high: float) -> Patch:
        first = max(0, round(low))
        return np.asarray(ink[first : max(first + 1, round(high) + 1)].mean(axis=0), np.float32)

    def sums(means: Patch) -> Floats:
        return np.concatenate([[0.0], np.cumsum(means, dtype=np.float64)])

    def level(row: float) -> Floats:
        # a row that is not quite level yet runs a little above or below
        half = 0.3 * stroke
        shifts = (-LEVEL_PLAY, 0.0, LEVEL_PLAY)
        return sums(np.max([band(row + shift - half, row + shift + half) for shift in shifts], axis=0))

    top, middle, bottom = rows
    return _Profiles(
        a=level(top),
        g=level(middle),
        d=level(bottom),
        upper=sums(band(top + 0.3 * (middle - top), middle - 0.3 * (middle - top))),
        lower=sums(band(middle + 0.3 * (bottom - middle), bottom - 0.3 * (bottom - middle))),
    )


def _worth(profiles: _Profiles, widths: Floats, stroke: float) -> Floats:
    """The ink that the best sign explains minus what it does not, for each width and start: (widths, n)."""
    count = profiles.count
    at = np.arange(count)[None, :]
    width, half = widths[:, None], np.full((1, 1), 0.25 * stroke)

    def between(low: Floats, high: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        first = np.clip(at + np.rint(low).astype(np.intp), 0, count - 1)
        last = np.clip(at + np.rint(high).astype(np.intp) + 1, first + 1, count)
        return first, last

    def mean(sums: Floats, ends: tuple[NDArray[np.intp], NDArray[np.intp]]) -> Floats:
        first, last = ends
        return np.asarray((sums[last] - sums[first]) / (last - first), np.float64)

    level, hole = between(0.25 * width, 0.75 * width), between(0.4 * width, 0.6 * width)
    right, left = between(width - half, width + half), between(-half, half)
    uprights = (
        np.broadcast_to(mean(profiles.lower, left), (len(widths), count)),
        np.broadcast_to(mean(profiles.upper, left), (len(widths), count)),
    )
    segments = np.stack(
        [
            mean(profiles.a, level),
            mean(profiles.upper, right),
            mean(profiles.lower, right),
            mean(profiles.d, level),
            *uprights,
            mean(profiles.g, level),
        ]
    ).reshape(7, -1)
    holes = np.maximum(mean(profiles.upper, hole), 0) + np.maximum(mean(profiles.lower, hole), 0)
    # ghosts are no ink, and a segment that is half there is none
    segments = np.clip((segments - GHOST) / (0.85 - GHOST), 0.0, 1.0)
    signed = np.where(PATTERNS, 1.0, -1.0)
    weighed = signed @ segments - 0.45 * PATTERNS.sum(axis=1, keepdims=True)
    return np.asarray(weighed.max(axis=0).reshape(holes.shape) - 1.5 * holes, np.float64)


def _eased(worth: Floats) -> Floats:
    """`worth` (widths, n), and the largest within PLAY columns: a cell may stand a little off its place."""
    kernel = np.ones((1, 2 * PLAY + 1), np.uint8)
    return np.asarray(0.6 * cv2.dilate(worth, kernel) + 0.4 * worth, np.float64)


def _settled(
    worth: Floats, guess: Guess, limits: tuple[int, int], rows: tuple[float, float, float], stroke: float
) -> Lattice:
    """The lattice moved onto the strokes, from its best cell outwards; `worth` (n,) for its width."""
    _, width, pitch, start = guess
    cells = np.arange(start, max(start + 1, limits[1] - width), pitch)
    index = np.arange(len(cells))
    at, gain = cells.copy(), np.full(len(cells), -np.inf)
    best = int(np.argmax(worth[np.clip(np.rint(cells).astype(np.intp), 0, len(worth) - 1)]))
    at[best], gain[best] = _nearby(worth, float(cells[best]))
    for side in (range(best + 1, len(cells)), range(best - 1, -1, -1)):
        shift = float(at[best] - cells[best])
        for k in side:
            at[k], gain[k] = _nearby(worth, float(cells[k]) + shift)
            if gain[k] > INKED:
                shift = float(at[k] - cells[k])
    inked = gain > INKED
    if inked.sum() >= 2:
        pitch, start = (float(v) for v in np.polyfit(index[inked], at[inked], 1, w=np.sqrt(gain[inked])))
    elif inked.any():
        start = float(at[inked][0] - pitch * index[inked][0])
    used = np.flatnonzero(inked)
    count = int(used[-1]) + 1 if len(used) else len(cells)
    return Lattice(start, pitch, count, width, *rows, stroke)


def _nearby(worth: Floats, cell: float) -> tuple[float, float]:
    """The best place for a cell near `cell`, the middle of those that are as good, and its worth."""
    near = np.clip(np.arange(round(cell) - PLAY - 1, round(cell) + PLAY + 2), 0, len(worth) - 1)
    level = worth[near]
    best = float(level.max())
    return float(near[level > best - 0.1].mean()), best


@dataclass(frozen=True)
class Samples:
    """What was measured of a row's segments, arrays of shape (cells, 7).

    `ink` of each segment against its cell's own background, `ground` the background under it, `beyond`
    (cells, 2) how much ink runs on above and below the cell, where digits have ended.
    """

    ink: Floats
    ground: Floats
    beyond: Floats


def sampled(row: Straightened, lattice: Lattice) -> Samples:
    """The segments of a row whose cells stand as `lattice` says."""
    x, w, t = lattice.cells, lattice.width, 0.22 * lattice.stroke
    top, middle, bottom = lattice.top, lattice.middle, lattice.bottom
    upper = (top + 0.3 * (middle - top), middle - 0.3 * (middle - top))
    lower = (middle + 0.3 * (bottom - middle), bottom - 0.3 * (bottom - middle))
    level, left, right, hole = (0.27 * w, 0.73 * w), (-t, t), (w - t, w + t), (0.42 * w, 0.58 * w)
    places = np.array(
        [
            (*level, top - t, top + t),
            (*right, *upper),
            (*right, *lower),
            (*level, bottom - t, bottom + t),
            (*left, *lower),
            (*left, *upper),
            (*level, middle - t, middle + t),
            (*hole, *upper),
            (*hole, *lower),
        ]
    )
    ink, ground = _boxed(row.ink, row.ground, x, places)
    above = max(1, round(top - 0.5 * lattice.stroke) - 3)
    below = round(bottom + 0.5 * lattice.stroke) + 4
    outside = (row.ink[max(0, above - BEYOND_PX) : above], row.ink[below : below + BEYOND_PX])
    beyond = np.stack([_beside(part, x - 0.15 * DIGIT_PX, w + 0.3 * DIGIT_PX) for part in outside], axis=1)
    empty = ink[:, 7:].mean(axis=1, keepdims=True)
    return Samples(ink[:, :7] - empty, ground[:, :7], beyond)


def _boxed(ink: Patch, ground: Patch, x: Floats, places: Floats) -> tuple[Floats, Floats]:
    """Means of both over boxes: `places` (m, 4) as left, right, up, down from each of `x`: (n, m) each."""
    height, width = ink.shape
    sums = cv2.integral(cv2.merge([ink, ground]))
    left = np.clip(np.rint(x[:, None] + places[:, 0]).astype(np.intp), 0, width - 1)
    right = np.clip(np.rint(x[:, None] + places[:, 1]).astype(np.intp) + 1, left + 1, width)
    up = np.clip(np.rint(places[:, 2]).astype(np.intp), 0, height - 1)
    down = np.clip(np.rint(places[:, 3]).astype(np.intp) + 1, up + 1, height)
    total = sums[down, right] - sums[up, right] - sums[down, left] + sums[up, left]
    means = total / ((right - left) * (down - up))[..., None]
    return means[..., 0], means[..., 1]


def _beside(part: Patch, first: Floats, width: float) -> Floats:
    """The most ink of a column of `part`'s rows in the `width` columns from each of `first` on, (cells,)."""
    if not len(part):
        return np.zeros(len(first))
    columns = part.mean(axis=0, dtype=np.float64)
    at = np.rint(first).astype(np.intp)[:, None] + np.arange(round(width) + 1)
    return np.asarray(np.maximum(columns[np.clip(at, 0, len(columns) - 1)].max(axis=1), 0.0), np.float64)

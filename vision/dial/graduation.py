"""Numbers the ticks of a ring: a lattice of equal angles that fits what the station says.

The ticks of a ring are taken as a lattice in the angle on the face. Where centre and slant were found a
little wrong, the lattice swings once and twice a turn; both are fitted with it and put right in the map.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vision.dial.face import Ticks
from vision.dial.ring import FaceMap, Ring, refitted

Values = NDArray[np.float64]
_Lattice = tuple[NDArray[np.intp], NDArray[np.bool_], float, float, Values]

LEAST_SWEEP, MOST_SWEEP = np.radians(150.0), np.radians(352.0)
IN_PLACE = 0.22  # of a pitch: how far a tick may lie beside its place in the lattice
IN_STEP = 0.2  # likewise while ticks are counted one from the other
LEAST_TICKS = 9
HELD_BACK = 0.3
STILL = 0.003  # of the radius: a middle that moves by less has been found
GOOD_STEPS = 0.97  # ticks in place: no other way of counting is tried
LEAST_SEEN = 0.55  # of the station's ticks that must be seen
MOST_STRAY = 0.25  # of them: ticks of the same ring where the station has none


@dataclass(frozen=True)
class Graduation:
    """The station's ticks on a face: tick k lies at `first` + k·`pitch` (radians), k from 0 to `count` − 1.

    `inner` and `outer` are the radii between which the minor ticks run, `major_inner` and `major_outer` those
    of the major ones, all in radii of the ring. `seen` is the share of the ticks that was found, `majors`
    how well the long ticks lie where the station has them (a correlation), `regular` the share of the ring's
    ticks that lie in the lattice.
    """

    face: FaceMap
    dark: bool
    first: float
    pitch: float
    count: int
    inner: float
    outer: float
    major_inner: float
    major_outer: float
    seen: float
    majors: float
    regular: float

    @property
    def score(self) -> float:
        """How well the ring is that of the station; to be compared between rings."""
        return self.seen + 0.5 * self.majors + self.regular

    @property
    def measured_between(self) -> tuple[float, float]:
        """The radii between which the angles of the ticks are measured: without their blurred ends."""
        length = self.outer - self.inner
        return self.inner + 0.15 * length, self.outer - 0.2 * length

    @property
    def measured_at(self) -> float:
        """The radius at which the angles of the ticks hold."""
        return 0.5 * sum(self.measured_between)


def number_ring(ticks: Ticks, ring: Ring, count: int, every: int) -> Graduation | None:
    """The graduation of `count` ticks, each `every`-th of them long, that `ring` carries; None if none."""
    found: Graduation | None = None
    for _ in range(3):
        better = _numbered_once(ticks, ring, count, every)
        if better is None:
            return found
        moved = np.hypot(*(np.array(better.face.centre) - np.array(ticks.centre)))
        found = better
        if moved < STILL * found.face.radius_px:
            return found
        ticks, ring = refitted(ticks, replace(ring, face=found.face))
    return found


@dataclass(frozen=True)
class _Strokes:
    """The strokes of one ring on its face, in the order of their `angle`; arrays of shape (n,)."""

    dark: bool
    face: FaceMap
    angle: Values
    inner: Values
    outer: Values


def _numbered_once(ticks: Ticks, ring: Ring, count: int, every: int) -> Graduation | None:
    strokes = _strokes(ticks, ring)
    best = _numbered(strokes, _lattice(strokes.angle, *_steps(strokes.angle)), count, every)
    if best is not None and min(best.regular, best.seen) > GOOD_STEPS:
        return best
    for pitch in _pitches(strokes.angle, count):
        result = _numbered(strokes, _lattice(strokes.angle, *_phases(strokes.angle, pitch)), count, every)
        if result is not None and (best is None or result.score > best.score):
            best = result
    return best


def _strokes(ticks: Ticks, ring: Ring) -> _Strokes:
    """The ring's strokes on its face, from one side of the widest gap round to the other."""
    member = ring.member
    direction = np.column_stack((np.cos(ticks.angle[member]), np.sin(ticks.angle[member])))
    middle = np.array(ticks.centre)
    inner, outer, between = (
        ring.face.face(middle + direction * radius[member, None])
        for radius in (ticks.inner, ticks.outer, 0.5 * (ticks.inner + ticks.outer))
    )
    angle = np.arctan2(between[:, 1], between[:, 0])
    order = np.argsort(angle)
    gaps = np.diff(np.append(angle[order], angle[order[0]] + 2 * np.pi))
    order = np.roll(order, -int(np.argmax(gaps)) - 1)
    return _Strokes(
        dark=ticks.dark,
        face=ring.face,
        angle=np.asarray(np.unwrap(angle[order]), np.float64),
        inner=np.hypot(inner[order, 0], inner[order, 1]),
        outer=np.hypot(outer[order, 0], outer[order, 1]),
    )


def _numbered(strokes: _Strokes, fitted: _Lattice | None, count: int, every: int) -> Graduation | None:
    """The graduation that a lattice of strokes is, or None."""
    if fitted is None:
        return None
    index, good, first, pitch, swing = fitted
    if not LEAST_SWEEP < pitch * (count - 1) < MOST_SWEEP:
        return None
    inner, outer = strokes.inner, strokes.outer
    found = _place(index[good], (outer - inner)[good], count, every)
    if found is None:
        return None
    offset, seen, majors = found
    long = ((index - offset) % every == 0) & good if every > 1 else good
    short = good & ~long if every > 1 and (good & ~long).any() else good
    if not long.any():
        long = short
    return Graduation(
        face=corrected(strokes.face, swing, float(np.median(0.5 * (inner + outer)))),
        dark=strokes.dark,
        first=first + offset * pitch,
        pitch=pitch,
        count=count,
        inner=float(np.median(inner[short])),
        outer=float(np.median(outer[short])),
        major_inner=float(np.median(inner[long])),
        major_outer=float(np.median(outer[long])),
        seen=seen,
        majors=majors,
        regular=float(good.mean()),
    )


def corrected(face: FaceMap, swing: Values, radius: float) -> FaceMap:
    """`face` with the swings of the angle taken out: cos, sin, cos 2, sin 2 parts in radians at `radius`.

    A face that lies wrong by (x, y) turns the ray to θ by (y cos θ − x sin θ)/radius; one that is stretched
    by p along x and 45° askew by q turns it by q cos 2θ − p sin 2θ.
    """
    x, y, p, q = -swing[1] * radius, swing[0] * radius, -swing[3], swing[2]
    shift = np.array([[1 + p, q, x], [q, 1 - p, y], [0, 0, 1.0]])
    matrix = face.matrix @ shift
    return FaceMap(matrix / matrix[2, 2])


def swings(angle: Values) -> Values:
    """The slow errors of the angle that a wrong centre and slant make, as columns (n, 4)."""
    return np.column_stack((np.cos(angle), np.sin(angle), np.cos(2 * angle), np.sin(2 * angle)))


def _pitches(angle: Values, count: int) -> list[float]:
    """The pitches (radians) that `count` ticks may have with which ticks at `angle` (n,) repeat best."""
    low, high = (count - 1) / MOST_SWEEP, (count - 1) / LEAST_SWEEP
    frequency = np.arange(low, high, 0.12 / (angle[-1] - angle[0] + 1e-9))
    if len(frequency) < 3:
        return []
    power = np.abs(np.exp(2j * np.pi * frequency[:, None] * angle[None, :]).sum(axis=1))
    inner = power[1:-1]
    at = np.flatnonzero((inner >= power[:-2]) & (inner > power[2:])) + 1
    best = at[np.argsort(power[at])[::-1][:2]]
    return [1 / float(frequency[i]) for i in best if power[i] > 0.3 * len(angle)]


def _phases(angle: Values, pitch: float) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Indices of ticks at `angle` (n,) by the phase of a lattice of `pitch`, and which are near to it."""
    first = float(np.angle(np.exp(2j * np.pi * angle / pitch).sum())) / (2 * np.pi) * pitch
    index = np.rint((angle - first) / pitch).astype(np.intp)
    return index, np.abs(angle - first - index * pitch) < 0.4 * pitch


def _steps(angle: Values) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Indices of ticks at rising `angle` (n,), counted from tick to tick, and which fall in the step.

    The step may change slowly round the dial: each tick is counted from the last good one by the median step
    of its neighbourhood, and one that falls between two steps is left out.
    """
    step = np.diff(angle)
    reach = 6
    padded = np.concatenate((step[:reach][::-1], step, step[-reach:][::-1]))
    local = np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1), axis=1)
    index = np.zeros(len(angle), np.intp)
    good = np.zeros(len(angle), np.bool_)
    middle = len(angle) // 2
    good[middle] = True
    for direction in (1, -1):
        last = middle
        at = middle + direction
        while 0 <= at < len(angle):
            pitch = local[min(at, last)] if direction > 0 else local[at]
            steps = (angle[at] - angle[last]) / pitch
            index[at] = index[last] + round(steps)
            if abs(steps - round(steps)) < IN_STEP * max(1.0, abs(steps) ** 0.5) and round(steps) != 0:
                good[at] = True
                last = at
            at += direction
    return index, good


def _lattice(angle: Values, index: NDArray[np.intp], good: NDArray[np.bool_]) -> _Lattice | None:
    """Indices, which ticks are in place, the first angle, the pitch and the swings of a lattice."""
    first, pitch, swing = 0.0, 1.0, np.zeros(4)
    for _ in range(4):
        if good.sum() < LEAST_TICKS:
            return None
        # the swings are small: held back a little, so that few ticks over half a turn cannot invent them
        columns = np.column_stack((np.ones(good.sum()), index[good], swings(angle[good])))
        held = np.vstack((columns, np.hstack((np.zeros((4, 2)), HELD_BACK * np.eye(4)))))
        solution, *_ = np.linalg.lstsq(held, np.append(angle[good], np.zeros(4)), rcond=None)
        first, pitch, swing = float(solution[0]), float(solution[1]), solution[2:]
        if pitch <= 0:
            return None
        beside = angle - first - swings(angle) @ swing
        index = np.rint(beside / pitch).astype(np.intp)
        good = np.abs(beside - index * pitch) < IN_PLACE * pitch
    return index, good, first, pitch, swing


def _place(
    index: NDArray[np.intp], length: Values, count: int, every: int
) -> tuple[int, float, float] | None:
    """Which index is the minimum's: its offset, the share of ticks seen, and how the long ones agree."""
    low, high = int(index.min()), int(index.max())
    span = high - low + 1
    taken = np.zeros(span, np.bool_)
    taken[index - low] = True
    lengths = np.full(span, np.nan)
    # one needle among the ticks is far longer than they
    lengths[index - low] = np.minimum(length, 2.5 * float(np.median(length)))
    best: tuple[float, int, float, float] | None = None
    for offset in range(low - count // 3, high - count + 1 + count // 3 + 1):
        start, stop = max(0, offset - low), min(span, offset - low + count)
        if stop - start < LEAST_SEEN * count:
            continue
        inside = int(taken[start:stop].sum())
        stray = int(taken.sum()) - inside
        if inside < LEAST_SEEN * count or stray > MOST_STRAY * count:
            continue
        majors = 0.0
        if every > 1:
            long = (np.arange(start, stop) + low - offset) % every == 0
            majors = _agreement(lengths[start:stop], long)
        score = inside - stray + 0.8 * count * majors
        if best is None or score > best[0]:
            best = score, offset, inside / count, majors
    return None if best is None else best[1:]


def _agreement(length: Values, long: NDArray[np.bool_]) -> float:
    """The correlation of the lengths (NaN where a tick is missing) with where long ticks should be."""
    known = np.isfinite(length)
    x, y = length[known], long[known]
    count, marked = len(x), int(np.count_nonzero(y))
    if not 0 < marked < count:
        return 0.0
    total = float(x.sum())
    variance = float(x @ x) * count - total * total
    if variance < 1e-9:
        return 0.0
    return (float(x[y].sum()) * count - total * marked) / float(np.sqrt(variance * marked * (count - marked)))

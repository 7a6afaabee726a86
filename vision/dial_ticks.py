"""Measures every tick of a numbered ring to a part of a pixel, and looks whether its numbering is right.

The ring is unrolled into one profile of the whole turn. Where a station's ticks end, the profile is empty:
that and the long ticks say which tick is the minimum's.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.dial_face import Gray
from vision.dial_graduation import Graduation, corrected, swings
from vision.dial_ring import FaceMap
from vision.edges import centroids, line_strengths

Values = NDArray[np.float64]

RADII = 5  # circles that a profile is the mean of
SAMPLE_PX = 0.8
FAINT = 0.3  # of the usual strength: what still counts as a tick
NEIGHBOURS = 1.5  # ticks: how far the neighbours' own errors reach into a reading
STILL_PX, STILL_SHARE = 0.3, 0.8  # ticks that have moved by less have not moved
LONG_BAND = 0.04  # of the radius: how much longer a long tick is at least, for all that is known
COVERED, BESIDE_END = 0.7, 2.5  # divisions from an end: the needle hides its tick, or depends on it
LEAST_TICKS = 9
PASSES = 3  # of measuring and putting right
NO_SWING_PX = 0.05  # slow errors below this have been put right
LOST_SHARE = 0.03  # of the ticks that may be missing at an end: a scale does not end elsewhere than stated
STRAY_SHARE = 0.15  # of the ticks: what else may lie on the ring, such as print in the gap
BESIDE_PLACES, MOST_STRAY = 4, 2  # places beyond each end, and how many may be inked: a needle may lie there
LEAST_LONG = 0.2  # by how much the ink of long ticks exceeds that of short ones, at least
NEARER, FURTHER = (0.25, 0.8), (0.72, 0.92)  # parts of the length by which long ticks are longer
HALF_LONG = 0.85  # of a long tick: halving ticks are shorter
MOST_SHORT, MOST_LONG = 0.3, 0.16  # shares of long ticks that look short, and of short ones that look long
LEAST_CONTRAST = 5.0  # grey levels


@dataclass(frozen=True)
class TickRing:
    """A graduation as measured. `index` (n,) counts ticks from the minimum, `angle` (n,) is where they are.

    `residual` (n,) is how far each lies beside the lattice, `scatter` their standard deviation, in radians;
    `contrast` in grey levels; `margin` is how much better the numbering is than the next best, in ticks.
    `fault` says what contradicts the station, empty where nothing does.
    """

    graduation: Graduation
    index: NDArray[np.intp]
    angle: Values
    residual: Values
    scatter: float
    contrast: float
    score: float
    margin: float
    fault: str

    def lacks_end(self, index: float) -> bool:
        """Whether a needle at `index` stands beside an end of the scale whose tick is not there."""
        for end in (0, self.graduation.count - 1):
            away = abs(index - end)
            if COVERED < away < BESIDE_END and not bool((self.index == end).any()):
                return True
        return False

    def moved(self, x: float, y: float) -> "TickRing":
        """The same ring where the picture's corner lies at (−x, −y)."""
        shift = np.array([[1, 0, x], [0, 1, y], [0, 0, 1.0]])
        matrix = shift @ self.graduation.face.matrix
        face = FaceMap(matrix / matrix[2, 2])
        return replace(self, graduation=replace(self.graduation, face=face))

    def index_at(self, angle: float) -> tuple[float, float]:
        """The index, with its fraction, that the ray to `angle` (radians) shows; its standard uncertainty.

        The lattice is corrected by how far the ticks in the neighbourhood lie beside it.
        """
        pitch = self.graduation.pitch
        lattice = (angle - self.graduation.first) / pitch
        around = np.exp(-0.5 * ((self.index - lattice) / NEIGHBOURS) ** 2)
        total = float(around.sum())
        if total < 0.3:  # beyond the ends
            return lattice, 2 * self.scatter / pitch
        local = float((around * self.residual).sum()) / total
        spread = self.scatter * float(np.sqrt((around**2).sum())) / total
        return lattice - local / pitch, spread / pitch


def measure_ticks(gray: Gray, graduation: Graduation, every: int) -> TickRing | None:
    """The ticks of `graduation` as the picture `gray` has them; None where they are not there.

    `every` is the number of ticks from one long tick to the next.
    """
    ring = _measured(gray, graduation, every, number=True)
    for _ in range(PASSES):
        better = _refined(ring) if ring is not None else None
        if ring is None or (better is None and not ring.fault):
            break
        # where something contradicts the station the numbering is tried again with the better face
        again = _measured(gray, better or ring.graduation, every, number=bool(ring.fault))
        if again is not None and not ring.fault:
            again = replace(again, score=ring.score, margin=ring.margin)
        ring = again
    return ring


def followed_ticks(gray: Gray, before: TickRing) -> TickRing | None:
    """`before`, if its ticks stand in the next frame `gray` where they stood; else None."""
    ring = _measured(gray, before.graduation, 1, number=False)
    if ring is None or len(ring.index) < STILL_SHARE * len(before.index):
        return None
    if ring.contrast < 0.5 * before.contrast:
        return None
    _, here, there = np.intersect1d(ring.index, before.index, assume_unique=True, return_indices=True)
    if len(here) < STILL_SHARE * len(before.index):
        return None
    moved = (ring.residual[here] - before.residual[there]) * before.graduation.face.radius_px
    if float(np.median(np.abs(moved))) > STILL_PX:
        return None
    return before


@dataclass(frozen=True)
class _Unrolled:
    """One turn of a ring as a profile, `per_pitch` samples from tick to tick.

    `place` (n,) are the lattice's places as indices from the minimum's tick, `window` (n, m) the samples
    around each, `angle` (s,) the face angle of each sample.
    """

    gray: Gray
    graduation: Graduation
    per_pitch: int
    angle: Values
    place: NDArray[np.intp]
    window: NDArray[np.intp]

    @classmethod
    def of(cls, gray: Gray, graduation: Graduation) -> "_Unrolled":
        """The places all round the face, as many on either side of the scale."""
        pitch, count = graduation.pitch, graduation.count
        per_pitch = int(np.clip(pitch * graduation.face.radius_px / SAMPLE_PX, 12, 36))
        places = max(count, int(2 * np.pi / pitch))
        before = (places - count) // 2
        samples = np.arange((places + 1) * per_pitch)
        middle = np.rint((np.arange(places) + 0.5) * per_pitch).astype(np.intp)
        reach = per_pitch // 4
        return cls(
            gray=gray,
            graduation=graduation,
            per_pitch=per_pitch,
            angle=graduation.first + (samples / per_pitch - before - 0.5) * pitch,
            place=np.arange(-before, places - before),
            window=middle[:, None] + np.arange(-reach, reach + 1)[None, :],
        )

    def strength(self, low: float, high: float) -> Values:
        """How much ink (s,) there is on the circles between the radii `low` and `high`, in grey levels."""
        return self.ink(self.grey(low, high))

    def ink(self, profile: Values) -> Values:
        """How much darker than its surroundings each sample (s,) of a profile is."""
        return line_strengths(profile, int(0.7 * self.per_pitch))

    def grey(self, low: float, high: float) -> Values:
        """The mean grey (s,) on the circles between the radii `low` and `high`; ink is dark in it."""
        x, y = self.graduation.face.circles(self.angle, np.linspace(low, high, RADII))
        grey = cv2.remap(self.gray, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        mean: Values = grey.mean(axis=0, dtype=np.float64)
        return mean if self.graduation.dark else 255.0 - mean

    def angles(self, sample: Values) -> Values:
        """The face angles (n,) of samples (n,)."""
        return np.asarray(self.angle[0] + sample * (self.graduation.pitch / self.per_pitch), np.float64)


def _measured(gray: Gray, graduation: Graduation, every: int, number: bool) -> TickRing | None:
    """One pass: numbered anew where `number` is set."""
    unrolled = _Unrolled.of(gray, graduation)
    count, pitch, place = graduation.count, graduation.pitch, unrolled.place
    length = graduation.outer - graduation.inner
    profile = unrolled.grey(graduation.inner + 0.15 * length, graduation.outer - 0.2 * length)
    strength = unrolled.ink(profile)
    peak = unrolled.window[np.arange(len(place)), np.argmax(strength[unrolled.window], axis=1)]
    between = strength[np.arange(1, len(place)) * unrolled.per_pitch]
    floor = float(np.median(between))
    usual = float(np.percentile(strength[peak], 100 * (1 - 0.5 * count / len(place)))) - floor
    if usual < LEAST_CONTRAST:
        return None
    inked = np.clip((strength[peak] - floor) / usual, 0.0, 1.0)
    offset, score, margin, fault = 0, 0.0, 0.0, ""
    if number:
        if not _ink_on_face(unrolled, profile, peak):
            return None
        area = np.maximum(strength[unrolled.window] - floor, 0).sum(axis=1)
        long = _long(unrolled, usual, area)
        offset, score, margin = _placed(place, inked, long, count, every)
        fault = contradiction(place - offset, inked, long, count, every)
    angle = unrolled.angles(centroids(strength, peak, max(2, int(0.3 * unrolled.per_pitch))))
    index = place - offset
    graduation = replace(graduation, first=graduation.first + offset * pitch)
    residual = angle - graduation.first - index * pitch
    within = (index >= 0) & (index < count)
    good = within & (inked > FAINT) & np.isfinite(residual)
    good[good] &= np.abs(residual[good]) < 0.3 * pitch
    if good.sum() < LEAST_TICKS:
        return None
    middling = float(np.median(residual[good]))
    spread = 1.4826 * float(np.median(np.abs(residual[good] - middling))) + 1e-6
    good[good] &= np.abs(residual[good] - middling) < max(5 * spread, 0.02 * pitch)
    return TickRing(
        graduation=replace(graduation, seen=float((inked[within] > FAINT).mean())),
        index=index[good],
        angle=angle[good],
        residual=residual[good],
        scatter=float(np.sqrt(np.mean(np.minimum(residual[good] ** 2, (4 * spread) ** 2)))),
        contrast=usual,
        score=score,
        margin=margin,
        fault=fault,
    )


def _ink_on_face(unrolled: _Unrolled, profile: Values, peak: NDArray[np.intp]) -> bool:
    """Whether it is the ticks that differ from the face, not the gaps between them.

    The face is the usual grey on the circle inside the long ticks.
    """
    graduation = unrolled.graduation
    inner = min(graduation.inner, graduation.major_inner)
    face = float(np.median(unrolled.grey(inner - 0.08, inner - 0.03)))
    within = (unrolled.place >= 0) & (unrolled.place < graduation.count)
    half = unrolled.per_pitch // 2
    ticks, gaps = profile[peak[within]], profile[np.minimum(peak[within] + half, len(profile) - 1)]
    return abs(float(np.median(gaps)) - face) < abs(float(np.median(ticks)) - face)


def _long(unrolled: _Unrolled, usual: float, area: Values) -> Values:
    """What may tell long ticks from short ones at each place, shape (5, n), 1 where it is plain.

    Ink further in than the short ticks reach, ink further out, and broader ticks (by the `area` (n,) of their
    ink), so that designs of each kind are understood; then, further in and out still, where only the long
    ticks reach and not those that halve a step.
    """
    graduation = unrolled.graduation
    inside = _extra(graduation.inner - graduation.major_inner)
    outside = _extra(graduation.major_outer - graduation.outer)
    bands = [
        (graduation.inner - high * inside, graduation.inner - low * inside) for low, high in (NEARER, FURTHER)
    ] + [
        (graduation.outer + low * outside, graduation.outer + high * outside)
        for low, high in (NEARER, FURTHER)
    ]
    told = [
        np.clip(unrolled.strength(low, high)[unrolled.window].max(axis=1) / usual, 0.0, 1.2)
        for low, high in bands
    ]
    # where long ticks are only broader, nothing is known of those that halve a step
    told = [told[0], told[2], told[1], told[3]]
    told.insert(2, np.clip(area / max(float(np.median(area)), 1e-6) - 1, -0.5, 1.2))
    return np.array(told)


def _extra(length: float) -> float:
    """By how much long ticks are longer, from what was seen; a usual length where nothing was seen."""
    return min(length, 3 * LONG_BAND) if length > 0.3 * LONG_BAND else LONG_BAND


def _placed(
    place: NDArray[np.intp], inked: Values, long: Values, count: int, every: int
) -> tuple[int, float, float]:
    """The place of the minimum's tick, how well it fits (at most about 2), by how many ticks it is best."""
    offsets = np.arange(place[0], place[-1] - count + 2)
    scores = np.array([_score(place - offset, inked, long, count, every) for offset in offsets])
    best = int(np.argmax(scores))
    others = np.delete(scores, best)
    margin = (float(scores[best]) - float(others.max())) * count if len(others) else float(count)
    return int(offsets[best]), float(scores[best]), margin


def _score(index: NDArray[np.intp], inked: Values, long: Values, count: int, every: int) -> float:
    """How well the ink at the places with these indices is that of `count` ticks."""
    within = (index >= 0) & (index < count)
    score = float(inked[within].sum() - inked[~within].sum()) / count
    if every <= 1:
        return score
    major = within & (index % every == 0)
    minor = within & ~major
    return score + float((long[:3, major].mean(axis=1) - long[:3, minor].mean(axis=1)).max())


def contradiction(index: NDArray[np.intp], inked: Values, long: Values, count: int, every: int) -> str:
    """What speaks against these places being `count` ticks, each `every`-th long; empty where nothing does.

    `index` (n,) rises by one from place to place, with the minimum's tick at 0; `inked` (n,) and `long`
    (5, n) are 1 where there is a tick, and a long one.
    """
    seen = inked > FAINT
    within = (index >= 0) & (index < count)
    ticks = seen[within]
    if not ticks.any():
        return "no tick is seen"
    lost = max(int(np.argmax(ticks)), int(np.argmax(ticks[::-1])))
    if lost > max(1, LOST_SHARE * count):
        return f"{lost} ticks are missing at an end of the scale"
    before = int((seen & (index < 0) & (index >= -BESIDE_PLACES)).sum())
    after = int((seen & (index >= count) & (index < count + BESIDE_PLACES)).sum())
    stray = int((seen & ~within).sum())
    if before + after > MOST_STRAY or stray > MOST_STRAY + STRAY_SHARE * count:
        return f"there are ticks beyond the ends of a scale of {count}"
    return "" if every == 1 else _long_contradiction(index, within & seen, long, every)


def _long_contradiction(index: NDArray[np.intp], ticks: NDArray[np.bool_], long: Values, every: int) -> str:
    """What speaks against each `every`-th of the places that are `ticks` (n,) being long."""
    major, minor = ticks & (index % every == 0), ticks & (index % every != 0)
    if not major.any() or not minor.any():
        return "there are no long and short ticks"
    middle = np.median(long[:, major], axis=1), np.median(long[:, minor], axis=1)
    told = int(np.argmax((middle[0] - middle[1])[:3]))
    if middle[0][told] - middle[1][told] < LEAST_LONG:
        return f"each {every}th tick should be long, and is not"
    limit = 0.5 * (middle[0][told] + middle[1][told])
    half = minor & (index % every == every // 2) if every % 2 == 0 else np.zeros_like(minor)
    # ticks of a middle length halve the major steps of many scales
    if half.any() and told < 2 and float(np.median(long[told + 3, half])) > HALF_LONG * middle[0][told + 3]:
        return f"each {every // 2}th tick is as long as each {every}th"
    short_majors = float((long[told, major] < limit).mean())
    long_minors = float((long[told, minor & ~half] > limit).sum()) / max(1, int((minor & ~half).sum()))
    if short_majors > MOST_SHORT or long_minors > MOST_LONG:
        return f"the long ticks are not each {every}th"
    return ""


def _refined(ring: TickRing) -> Graduation | None:
    """The graduation with the slow errors of the measured ticks put right; None where there are none."""
    graduation = ring.graduation
    columns = np.column_stack((np.ones(len(ring.index)), ring.index, swings(ring.angle)))
    held = np.vstack((columns, np.hstack((np.zeros((4, 2)), 0.05 * np.eye(4)))))
    wanted = np.append(ring.residual, np.zeros(4))
    solution, *_ = np.linalg.lstsq(held, wanted, rcond=None)
    left = ring.residual - columns @ solution
    spread = 1.4826 * float(np.median(np.abs(left))) + 1e-6
    good = np.append(np.abs(left) < 4 * spread, np.ones(4, np.bool_))
    solution, *_ = np.linalg.lstsq(held[good], wanted[good], rcond=None)
    middle = 0.5 * (graduation.inner + graduation.outer)
    if float(np.abs(solution[2:]).max()) * graduation.face.radius_px < NO_SWING_PX:
        return None
    return replace(
        graduation,
        face=corrected(graduation.face, solution[2:], middle),
        first=graduation.first + float(solution[0]),
        pitch=graduation.pitch + float(solution[1]),
    )

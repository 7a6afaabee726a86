"""Measures every tick of a numbered ring to a part of a pixel, and looks whether its numbering is right.

The ring is unrolled into one profile of the whole turn. Where a station's ticks end, the profile is empty:
that and the long ticks say which tick is the minimum's.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.dial.face import Gray
from vision.dial.graduation import Graduation
from vision.dial.numbering import FAINT, Places, contradiction, halved, placed
from vision.dial.refinement import by_angles, by_ends
from vision.dial.ring import FaceMap
from vision.edges import centroids, line_strengths

Values = NDArray[np.float64]

RADII = 5  # circles that a profile is the mean of
SAMPLE_PX = 0.8
NEIGHBOURS = 1.5  # ticks: how far the neighbours' own errors reach into a reading
STILL_PX, STILL_SHARE = 0.3, 0.8  # ticks that have moved by less have not moved
LONG_BAND = 0.04  # of the radius: how much longer a long tick is at least, for all that is known
COVERED, BESIDE_END = 0.7, 2.5  # divisions from an end: a thin needle hides its tick, or depends on it
LEAST_TICKS = 9
PASSES = 3  # of measuring and putting right
FACE_BESIDE = (0.02, 0.05)  # of the radius: from the ticks' inner ends to the face that is looked at
NEEDLE_FROM, NEEDLE_CIRCLES = 0.3, 8  # of the radius inwards of the ticks: where a needle over them is inked
NEEDLE_WIDE = 0.16  # radians: a needle is narrower there
LEAST_CONTRAST = 5.0  # grey levels
LIGHT = (0.4, 1.6)  # of the usual: how much weaker or stronger light may be at a part of a face
LIT_PLACES = 3  # to either side, over which light is alike


@dataclass(frozen=True)
class TickRing:
    """A graduation as measured. `index` (n,) counts ticks from the minimum, `angle` (n,) is where they are.

    `residual` (n,) is how far each lies beside the lattice, `scatter` their standard deviation, in radians;
    `contrast` in grey levels; `margin` is how much better the numbering is than the next best, in ticks.
    `fault` says what contradicts the station, empty where nothing does; `halved` whether ticks as long as the
    major ones stand half-way between them, and `margin_by_numerals` is the margin where numerals tell the two
    apart.
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
    halved: bool = False
    margin_by_numerals: float = 0.0

    def lacks_end(self, index: float, half_breadth: float) -> bool:
        """Whether a needle at `index` stands beside an end of the scale whose tick is not there.

        What a needle covers, `half_breadth` (in divisions) to either side of its axis, may be there.
        """
        for end in (0, self.graduation.count - 1):
            away = abs(index - end)
            if COVERED + half_breadth < away < BESIDE_END and not bool((self.index == end).any()):
                return True
        return False

    def placed(self, x: float, y: float, scale: float) -> "TickRing":
        """The same ring in a picture of which this one was a part, from (x, y) on, enlarged by `scale`."""
        # pixels count from their middles: the corner of the first is at −½
        half = 0.5 / scale - 0.5
        place = np.array([[1 / scale, 0, x + half], [0, 1 / scale, y + half], [0, 0, 1.0]])
        matrix = place @ self.graduation.face.matrix
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
        if ring is None:
            return None
        seen = ring.graduation, ring.index, ring.angle, ring.residual
        # where something contradicts the station the ring may have been found by a part of its ticks: the
        # numbering is tried again on the face that all of them show
        better = by_ends(gray, *seen) if ring.fault else by_angles(*seen)
        if better is None:
            break
        again = _measured(gray, better, every, number=bool(ring.fault))
        if again is not None and not ring.fault:
            again = replace(
                again,
                score=ring.score,
                margin=ring.margin,
                halved=ring.halved,
                margin_by_numerals=ring.margin_by_numerals,
            )
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
    profile = unrolled.grey(*graduation.measured_between)
    strength = unrolled.ink(profile)
    peak = unrolled.window[np.arange(len(place)), np.argmax(strength[unrolled.window], axis=1)]
    between = strength[np.arange(1, len(place)) * unrolled.per_pitch]
    floor = float(np.median(between))
    usual = float(np.percentile(strength[peak], 100 * (1 - 0.5 * count / len(place)))) - floor
    if usual < LEAST_CONTRAST:
        return None
    lit = _light(unrolled)
    inked = np.clip((strength[peak] - floor) / (usual * lit), 0.0, 1.0)
    offset, score, margin, fault, halves, by_numerals = 0, 0.0, 0.0, "", False, 0.0
    hidden = np.zeros(len(place), np.bool_)
    if number:
        if not _ink_on_face(unrolled, profile, peak):
            return None
        area = np.maximum(strength[unrolled.window] - floor, 0).sum(axis=1)
        long = _long(unrolled, usual * lit, area / lit)
        hidden = _hidden(unrolled, usual * lit)
        places = Places(place, inked, long, hidden)
        offset, score, margin, by_numerals = placed(places, count, every)
        numbered = places.counted_from(offset)
        fault, halves = contradiction(numbered, count, every), halved(numbered, count, every)
    angle = unrolled.angles(centroids(strength, peak, max(2, int(0.3 * unrolled.per_pitch))))
    index = place - offset
    graduation = replace(graduation, first=graduation.first + offset * pitch)
    residual = angle - graduation.first - index * pitch
    within = (index >= 0) & (index < count)
    good = within & (inked > FAINT) & np.isfinite(residual)
    good[good] &= np.abs(residual[good]) < 0.3 * pitch
    if good.sum() < LEAST_TICKS:
        return None
    away = residual[good] - _slow(residual[good])
    spread = 1.4826 * float(np.median(np.abs(away))) + 1e-6
    good[good] &= np.abs(away) < max(5 * spread, 0.03 * pitch)
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
        halved=halves,
        margin_by_numerals=by_numerals,
    )


def _slow(residual: Values) -> Values:
    """The median of each residual's neighbourhood (n,): where a face is a little wrong they drift."""
    reach = 4
    padded = np.concatenate((residual[:reach][::-1], residual, residual[-reach:][::-1]))
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1), axis=1)


def _ink_on_face(unrolled: _Unrolled, profile: Values, peak: NDArray[np.intp]) -> bool:
    """Whether it is the ticks that differ from the face, not the gaps between them.

    The face is what lies inwards of each gap, so that shadows and rings of another colour do not matter.
    """
    graduation = unrolled.graduation
    within = (unrolled.place >= 0) & (unrolled.place < graduation.count)
    half = unrolled.per_pitch // 2
    between = np.minimum(peak[within] + half, len(profile) - 1)
    face = unrolled.grey(graduation.inner - FACE_BESIDE[1], graduation.inner - FACE_BESIDE[0])[between]
    ticks, gaps = profile[peak[within]], profile[between]
    return float(np.median(np.abs(ticks - face) - np.abs(gaps - face))) > 0


def _hidden(unrolled: _Unrolled, usual: Values) -> NDArray[np.bool_]:
    """Which places (n,) lie under one needle: the ink over the longest way inwards of the ticks.

    A needle is inked on every circle from well inside to the ticks, where numerals and print are not.
    """
    graduation = unrolled.graduation
    inner = min(graduation.inner, graduation.major_inner)
    radius = np.linspace(inner - NEEDLE_FROM, inner - FACE_BESIDE[0], NEEDLE_CIRCLES)
    x, y = graduation.face.circles(unrolled.angle, radius)
    grey = cv2.remap(unrolled.gray, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    grey = grey if graduation.dark else 255 - grey
    wide = int(2 * NEEDLE_WIDE / graduation.pitch * unrolled.per_pitch) | 1
    depth = cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, np.ones((1, wide), np.uint8))
    # the fainter circles tell: a needle is on all of them
    least = np.sort(depth, axis=0)[NEEDLE_CIRCLES // 4]
    under = least[unrolled.window[:, unrolled.window.shape[1] // 2]] > 0.5 * usual
    beside = least[unrolled.window].max(axis=1) > 0.5 * usual
    return np.asarray(under | beside, np.bool_)


def _light(unrolled: _Unrolled) -> Values:
    """How bright each place (n,) lies, 1 where it is as usual: a shadow weakens ink and face alike.

    The face inwards of the ticks tells it, over a few places to either side, so that strokes do not matter.
    """
    inner = unrolled.graduation.inner
    face = unrolled.grey(inner - FACE_BESIDE[1], inner - FACE_BESIDE[0])
    face = face if unrolled.graduation.dark else 255.0 - face
    at = face[unrolled.window].mean(axis=1)
    around = np.concatenate((at[-LIT_PLACES:], at, at[:LIT_PLACES]))
    near = np.median(np.lib.stride_tricks.sliding_window_view(around, 2 * LIT_PLACES + 1), axis=1)
    return np.asarray(np.clip(near / max(float(np.median(near)), 1.0), *LIGHT), np.float64)


def _long(unrolled: _Unrolled, usual: Values, area: Values) -> Values:
    """What may tell long ticks from short ones at each place, shape (3, n), 1 where it is plain.

    Ink further in than the short ticks reach, ink further out, and broader ticks (by the `area` (n,) of their
    ink), so that designs of each kind are understood.
    """
    graduation = unrolled.graduation
    inside = _extra(graduation.inner - graduation.major_inner)
    outside = _extra(graduation.major_outer - graduation.outer)
    bands = (
        (graduation.inner - 0.8 * inside, graduation.inner - 0.25 * inside),
        (graduation.outer + 0.25 * outside, graduation.outer + 0.8 * outside),
    )
    told = [
        np.clip(unrolled.strength(low, high)[unrolled.window].max(axis=1) / usual, 0.0, 1.2)
        for low, high in bands
    ]
    told.append(np.clip(area / max(float(np.median(area)), 1e-6) - 1, -0.5, 1.2))
    return np.array(told)


def _extra(length: float) -> float:
    """By how much long ticks are longer, from what was seen; a usual length where nothing was seen."""
    return min(length, 3 * LONG_BAND) if length > 0.3 * LONG_BAND else LONG_BAND

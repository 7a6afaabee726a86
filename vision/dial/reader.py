"""The reader for a dial: a needle over a ring of ticks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import asin, hypot, pi, sqrt
from typing import Any

import numpy as np

from vision.dial.middle import Middle, middle_of
from vision.dial.needle import Needle, NeedleFault, find_needle, follow_needle
from vision.dial.search import NoDial, find_dial
from vision.dial.ticks import TickRing, followed_ticks
from vision.dial.view import view_of
from vision.fields import Fields
from vision.frame import Frame
from vision.instrument import Region
from vision.reading import Answer, Drawing, Reading, Reason, Refusal
from vision.several_frames import combined
from vision.station import CameraGeometry

KIND = "dial"
MOST_TICKS, LEAST_TICKS = 721, 11
RING_SHARE, RING_SHARE_U = 0.86, 0.06  # radius of the ring over that of the dial, on usual faces
USUAL_HEIGHT, USUAL_HEIGHT_U = 0.05, 0.03  # of a needle above its face over the ring's radius, not stated
USUAL_PIVOT_U = 0.0025  # of the ring's radius: how far a pivot may stand beside the middle of its scale
UNKNOWN_PIVOT_U = (
    0.003  # the same where nothing of the dial's make is known: as of the dials of benchmarks/dials
)
AXIS_FLOOR_PX = 0.06  # shades and blur pull the edges of a needle's tip by as much
BEYOND = 0.08  # of the span: a needle further outside the scale is not read


@dataclass(frozen=True)
class Dial:
    """A dial gauge. The scale runs clockwise from `minimum` to `maximum` in `unit`.

    Each `major_step` has a long tick and is divided into `minor_per_major`. `radius_mm` is that of the dial,
    `needle_height_mm` how far the needle stands before its face; None where it is not known.
    """

    unit: str
    minimum: float
    maximum: float
    major_step: float
    minor_per_major: int
    radius_mm: float | None = None
    needle_height_mm: float | None = None
    kind: str = KIND

    @property
    def division(self) -> float:
        """The value from tick to tick."""
        return self.major_step / self.minor_per_major

    @property
    def ticks(self) -> int:
        """How many ticks there are from the minimum to the maximum."""
        return int((self.maximum - self.minimum) / self.division + 1e-6) + 1


@dataclass(frozen=True)
class DialTrack:
    """What a frame taught about the next: the ticks and the needle."""

    ring: TickRing
    middle: Middle
    needle: Needle


def dial_from(mapping: Mapping[str, Any], where: str) -> Dial:
    """The dial that a manifest's or station file's `instrument` object describes.

    Raises `StationError` for an unknown key, a wrong type, or values that contradict each other.
    """
    keys = ("kind", "unit", "minimum", "maximum", "major_step", "minor_per_major")
    table = Fields(mapping, where, (*keys, "dial_radius_mm", "needle_height_mm"))
    unit = table.raw("unit")
    if not isinstance(unit, str) or not unit.strip():
        raise table.wrong("unit", "the unit of the scale, such as bar")
    minimum, maximum = table.number("minimum"), table.number("maximum")
    if minimum is None:
        raise table.wrong("minimum", "the value of the first tick")
    if maximum is None or maximum <= minimum:
        raise table.wrong("maximum", f"the value of the last tick, above minimum ({minimum:g})")
    step = table.number("major_step", "the value between long ticks, above 0", positive=True)
    if step is None:
        raise table.wrong("major_step", "the value between long ticks, above 0")
    if step > maximum - minimum:
        raise table.wrong("major_step", f"at most the span of the scale ({maximum - minimum:g})")
    minors = table.count("minor_per_major")
    if minors is None:
        raise table.wrong("minor_per_major", "how many divisions a major step has, at least 1")
    height = table.number("needle_height_mm", "a length of 0 or more")
    if height is not None and height < 0:
        raise table.wrong("needle_height_mm", "a length of 0 or more")
    dial = Dial(
        unit=unit,
        minimum=minimum,
        maximum=maximum,
        major_step=step,
        minor_per_major=minors,
        radius_mm=table.number("dial_radius_mm", "a length above 0", positive=True),
        needle_height_mm=height,
    )
    if not LEAST_TICKS <= dial.ticks <= MOST_TICKS:
        said = (
            f"a number that gives {LEAST_TICKS} to {MOST_TICKS} ticks with the other values, not {dial.ticks}"
        )
        raise table.wrong("minor_per_major", said)
    return dial


class DialReader:
    """Reads where the needle points, in the unit of the scale."""

    def __init__(self, instrument: Dial, camera: CameraGeometry, region: Region | None = None) -> None:
        """A reader for `instrument` as `camera` sees it; `region` (x, y, width, height) limits the search."""
        self._dial = instrument
        self._camera = camera
        self._region = region

    def read(self, frame: Frame) -> Answer:
        """The reading of one frame, or why it is refused. Raises `FrameError` for bytes that are no image."""
        return self._searched(frame)[0]

    def read_many(self, frames: Sequence[Frame]) -> Answer:
        """The mean of several frames of a value that stands still; their scatter is the term `frames`."""
        return combined(KIND, [self.read(frame) for frame in frames])

    def track(self, frame: Frame, before: DialTrack | None) -> tuple[Answer, DialTrack | None]:
        """The reading of a live frame, and what to hand to the next call.

        With `before` from the last frame the ticks are only confirmed where they were, and the needle is
        sought near its place first; where that fails the whole search follows.
        """
        if before is not None:
            ring = followed_ticks(frame.gray, before.ring)
            needle = follow_needle(frame.gray, ring, before.needle) if ring is not None else None
            if ring is not None and needle is not None:
                answer = self._answer(frame, ring, before.middle, needle)
                if isinstance(answer, Reading):
                    return answer, DialTrack(ring, before.middle, needle)
        return self._searched(frame)

    def _searched(self, frame: Frame) -> tuple[Answer, DialTrack | None]:
        ring = find_dial(frame.gray, self._dial.ticks, self._dial.minor_per_major, self._region)
        if isinstance(ring, NoDial):
            return Refusal(KIND, ring.reason, ring.detail), None
        needle = find_needle(frame.gray, ring)
        if isinstance(needle, NeedleFault):
            return Refusal(KIND, needle.reason, needle.detail, self._drawing(ring, None)), None
        middle = middle_of(frame.gray, ring)
        answer = self._answer(frame, ring, middle, needle)
        return answer, DialTrack(ring, middle, needle) if isinstance(answer, Reading) else None

    def _answer(self, frame: Frame, ring: TickRing, middle: Middle, needle: Needle) -> Answer:
        dial, graduation = self._dial, ring.graduation
        notes: list[str] = []
        if ring.halved:
            notes.append(
                f"each {dial.minor_per_major // 2}th tick is as long as those of the major step: by length it"
                " cannot be told that the step is the station's"
            )
        beside, beside_u = self._pivot(frame, middle, needle, notes)
        reach = graduation.measured_at
        angle = needle.direction - asin(max(-1.0, min(1.0, beside / reach)))
        half_way = graduation.first + 0.5 * (graduation.count - 1) * graduation.pitch
        angle = (angle - half_way + pi) % (2 * pi) - pi + half_way
        index, index_u = ring.index_at(angle)
        value = dial.minimum + index * dial.division
        per_radian = dial.division / graduation.pitch
        floor = AXIS_FLOOR_PX / (0.5 * graduation.face.radius_px)
        terms = {
            "ticks": hypot(index_u, 0.01) * dial.division,
            "needle": hypot(2 * needle.direction_u, floor) * per_radian,
            "parallax": beside_u / reach * per_radian,
        }
        drawing = self._drawing(ring, needle)
        span = dial.maximum - dial.minimum
        if not dial.minimum - BEYOND * span <= value <= dial.maximum + BEYOND * span:
            said = f"the needle stands outside the scale ({dial.minimum:g} to {dial.maximum:g} {dial.unit})"
            return Refusal(KIND, Reason.OUT_OF_SCALE, said, drawing)
        if ring.lacks_end(index, 0.5 * needle.breadth_at(reach) / reach / graduation.pitch):
            said = "the needle stands at an end of the scale, and the last tick there is not to be seen"
            return Refusal(KIND, Reason.AMBIGUOUS, said, drawing)
        if not dial.minimum <= value <= dial.maximum:
            notes.append("the needle stands beyond the end of the scale: the last divisions are carried on")
        return Reading(
            kind=KIND,
            value=value,
            unit=dial.unit,
            standard_uncertainty=sqrt(sum(u * u for u in terms.values())),
            terms=terms,
            notes=tuple(notes),
            drawing=drawing,
        )

    def _pivot(self, frame: Frame, middle: Middle, needle: Needle, notes: list[str]) -> tuple[float, float]:
        """How far the needle's axis passes the middle of the scale, in radii, and its standard uncertainty.

        The axis as seen is moved by the parallax of its height, which does not turn it. What is left when the
        expected parallax is taken off is a pivot beside the middle, or a middle that was found wrong (both
        move the tip against the ticks), or an error of the view, which does not: it is shared between them by
        how large each may be.
        """
        dial = self._dial
        view = view_of(middle.face, frame.gray.shape[:2], self._camera.matrix, middle.slant_u)
        if dial.needle_height_mm is None or dial.radius_mm is None:
            what = "needle_height_mm" if dial.needle_height_mm is None else "dial_radius_mm"
            notes.append(f"{what} is not stated: the needle is taken to turn about the middle of its scale")
            height, height_u, pivot_u = USUAL_HEIGHT, USUAL_HEIGHT_U, UNKNOWN_PIVOT_U
        else:
            height = dial.needle_height_mm / (dial.radius_mm * RING_SHARE)
            height_u, pivot_u = height * RING_SHARE_U / RING_SHARE, USUAL_PIVOT_U
        across = np.array([np.sin(needle.direction), -np.cos(needle.direction)])
        shift = float(across @ np.array(view.shift))
        known = float(across @ np.array((middle.x, middle.y)))
        left = needle.offset - shift * height - known
        left_u = hypot(shift * height_u, view.shift_u * height, 1 / middle.face.radius_px * 0.2)
        moved = pivot_u**2 + middle.u**2
        share = moved / (moved + left_u**2)
        return known + left * share, left_u * sqrt(share)

    def _drawing(self, ring: TickRing, needle: Needle | None) -> Drawing:
        """Ticks with the values of the long ones, the ring, and the needle's axis."""
        graduation, dial = ring.graduation, self._dial
        face = graduation.face
        index = np.arange(graduation.count)
        long = index % dial.minor_per_major == 0
        angle = np.asarray(graduation.first + index * graduation.pitch, np.float64)
        inner = face.polar(angle, np.where(long, graduation.major_inner, graduation.inner))
        outer = face.polar(angle, np.where(long, graduation.major_outer, graduation.outer))
        ends = np.hstack((inner, outer)).tolist()
        labels = [f"{dial.minimum + k * dial.division:.6g}" if long[k] else "" for k in index]
        marks = tuple((*line, label) for line, label in zip(ends, labels, strict=True))
        turn = np.linspace(angle[0], angle[-1], 90)
        curves = (("ring", face.polar(turn, np.ones_like(turn))),)
        if needle is None:
            return Drawing(marks, curves)
        x0, y0, x1, y1 = needle.ends(face)
        return Drawing(marks, curves, (x0, y0, x1, y1))

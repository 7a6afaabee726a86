"""Finds the needle of a dial and measures its axis.

On the rectified face every half line out of the hub is tried; the needle is the one that is inked from the
hub to near the ticks. A counterweight is inked near the hub only, a shadow less deeply, a numeral only far
out.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.dial.face import Gray
from vision.dial.ring import FaceMap
from vision.dial.ticks import TickRing
from vision.reading import Reason

Values = NDArray[np.float64]

FACE_PX = 170.0  # radius of the ring in the rectified picture that is searched
WIDEST = 0.16  # of the ring's radius: needles are narrower
DIRECTIONS = 480
OFFSETS = np.linspace(-0.08, 0.08, 11)  # of the ring's radius: how far a needle may pass the middle
HUB = 0.2  # where half lines begin
CROSS = 0.11  # half length of a section across the needle
SECTIONS = 48
FIRST_REACH = (
    0.6,
    0.8,
)  # radii to which the axis is sought first: within the numerals, then within the ticks
EDGE_REACH, CORE_REACH = 0.06, 0.03  # from the axis to an edge; how far the axis may be wrong at first
LEAST_SECTIONS = 10
LEAST_INK = 0.3  # of the ticks' contrast, in the mean from the hub to the ticks
RIVAL = 0.85  # of the best half line's ink: what may be a second needle, if its edges are straight
STRAIGHT_U = float(np.radians(0.2))  # of an axis that a needle has; that of print is less certain by far
OTHER = float(np.radians(8.0))  # from the needle: what is nearer is the needle itself
SAME = 0.75  # of the sections and of the depth of a needle that is followed
MOST_FOLLOWED = 0.12  # radians: a needle that has moved by more is sought anew
FLOOR = 2e-4  # of the radius: sections do not lie nearer to a line, whatever their scatter says


@dataclass(frozen=True)
class Needle:
    """The axis of a needle on the face, as seen, not yet corrected for the needle's height.

    It passes the middle at the distance `offset` (to the left of its direction, in radii of the ring) and
    runs to `direction` (radians, clockwise; `direction_u` is its standard uncertainty). `ink` is how dark the
    needle is, 1 as the ticks are, and `rival` how dark the next best half line. `sections` is how many
    sections agree on the axis, `depth` how steep their edges are (grey levels a sample), `taper`
    how broad it is along its length.
    """

    direction: float
    offset: float
    direction_u: float
    ink: float
    rival: float
    sections: int
    depth: float
    taper: "_Line | None" = None

    def breadth_at(self, radius: float) -> float:
        """How broad it is at `radius`, as its edges narrow; both in radii of the ring."""
        return 0.0 if self.taper is None else max(0.0, self.taper.start + self.taper.slope * radius)

    def ends(self, face: FaceMap) -> tuple[float, float, float, float]:
        """The axis in the picture (x0, y0, x1, y1), from the hub to the ring."""
        cos, sin = np.cos(self.direction), np.sin(self.direction)
        along = np.array([0.0, 1.0])
        points = np.column_stack((along * cos + self.offset * sin, along * sin - self.offset * cos))
        (x0, y0), (x1, y1) = face.picture(points).tolist()
        return x0, y0, x1, y1


@dataclass(frozen=True)
class NeedleFault:
    """Why there is no needle to read."""

    reason: Reason
    detail: str


def find_needle(gray: Gray, ring: TickRing) -> Needle | NeedleFault:
    """The needle over the face of `ring` in the picture `gray`, or why there is none to read."""
    face, inner = ring.graduation.face, min(ring.graduation.inner, ring.graduation.major_inner)
    ink = _ink(gray, face, ring.graduation.dark, ring.contrast)
    score = _half_lines(ink, np.linspace(HUB, inner - 0.03, 28))
    best = int(np.argmax(score))
    turn, at = divmod(best, len(OFFSETS))
    away = np.abs((np.arange(DIRECTIONS) - turn + DIRECTIONS // 2) % DIRECTIONS - DIRECTIONS // 2)
    top = float(score.ravel()[best])
    others = np.where((away > DIRECTIONS // 25)[:, None], score, 0.0)
    turn_2, at_2 = divmod(int(np.argmax(others)), len(OFFSETS))
    rival = float(others.max())
    if top < LEAST_INK:
        return NeedleFault(Reason.NO_NEEDLE, "no needle is seen: nothing runs from the hub to the ticks")
    rough = Needle(turn * 2 * np.pi / DIRECTIONS, float(OFFSETS[at]), 0.0, top, rival, 0, 0.0)
    needle = _measured(gray, ring, rough)
    if rival > RIVAL * top:
        rough = replace(rough, direction=turn_2 * 2 * np.pi / DIRECTIONS, offset=float(OFFSETS[at_2]))
        other = _measured(gray, ring, replace(rough, ink=rival, rival=top))
        if needle is not None and other is not None and _straight(other) and _apart(needle, other):
            if needle.direction_u < 2 * STRAIGHT_U:
                said = "two needles are seen, and none is the more distinct one"
                return NeedleFault(Reason.AMBIGUOUS, said)
            needle = other
        elif needle is None:
            needle = other
    if needle is None:
        return NeedleFault(Reason.NO_NEEDLE, "what runs from the hub to the ticks has no straight axis")
    return needle


def _straight(needle: Needle) -> bool:
    """Whether its edges run straight from the hub to the ticks, as those of print over a half line do not."""
    return needle.direction_u < STRAIGHT_U


def _apart(one: Needle, other: Needle) -> bool:
    """Whether two axes are not those of the same needle, found from either of its edges."""
    return abs((one.direction - other.direction + np.pi) % (2 * np.pi) - np.pi) > OTHER


def follow_needle(gray: Gray, ring: TickRing, before: Needle) -> Needle | None:
    """The needle in the next frame, if it stands near to where it stood `before`; else None."""
    needle = _measured(gray, ring, before)
    if needle is None or needle.sections < SAME * before.sections or needle.depth < SAME * before.depth:
        return None
    return needle if abs(needle.direction - before.direction) < MOST_FOLLOWED else None


def _ink(gray: Gray, face: FaceMap, dark: bool, contrast: float) -> NDArray[np.float32]:
    """The rectified face: how much each pixel differs from its surroundings as ink does, 1 as the ticks."""
    size = int(2.1 * FACE_PX)
    middle = (size - 1) / 2
    place = np.array([[1 / FACE_PX, 0, -middle / FACE_PX], [0, 1 / FACE_PX, -middle / FACE_PX], [0, 0, 1.0]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    flat = cv2.warpPerspective(
        gray, face.matrix @ place, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    width = int(WIDEST * FACE_PX) | 1
    how = cv2.MORPH_BLACKHAT if dark else cv2.MORPH_TOPHAT
    depth = cv2.morphologyEx(flat, how, np.ones((width, width), np.uint8))
    return np.asarray(np.minimum(cv2.blur(depth, (2, 2)) / np.float32(contrast), 1.0), np.float32)


def _half_lines(ink: NDArray[np.float32], radius: Values) -> Values:
    """The mean ink (DIRECTIONS, OFFSETS) along half lines over `radius`."""
    middle = (ink.shape[0] - 1) / 2
    turn = np.arange(DIRECTIONS, dtype=np.float32) * np.float32(2 * np.pi / DIRECTIONS)
    cos, sin = np.cos(turn)[:, None, None], np.sin(turn)[:, None, None]
    along = np.asarray(radius * FACE_PX, np.float32)[None, None, :]
    beside = np.asarray(OFFSETS * FACE_PX, np.float32)[None, :, None]
    x = np.rint(middle + along * cos + beside * sin).astype(np.int32)
    y = np.rint(middle + along * sin - beside * cos).astype(np.int32)
    return np.asarray(ink.ravel().take(y * ink.shape[1] + x).mean(axis=2), np.float64)


def _measured(gray: Gray, ring: TickRing, rough: Needle) -> Needle | None:
    """The axis by the middles of many sections across the needle, from a rough one."""
    needle, taper = rough, rough.taper
    reaches = (*FIRST_REACH, ring.graduation.outer) if taper is None else (ring.graduation.outer,)
    for last in reaches:
        radius = np.linspace(0.9 * HUB, last, SECTIONS)
        width = None if taper is None else np.maximum(taper.at(radius), 2 / ring.graduation.face.radius_px)
        section = _Sections.cut(gray, ring.graduation.face, ring.graduation.dark, needle, radius)
        left, right, depth = section.edges(width)
        good = depth > 0.25 * np.percentile(depth, 75)
        if good.sum() < LEAST_SECTIONS:
            return None
        line = _line(radius[good], 0.5 * (left + right)[good])
        if line.used.sum() < LEAST_SECTIONS:
            return None
        taper = _line(radius[good][line.used], (right - left)[good][line.used])
        needle = replace(
            needle,
            direction=needle.direction - line.slope,
            offset=needle.offset + line.start,
            direction_u=line.slope_u,
            sections=int(line.used.sum()),
            depth=float(np.median(depth[good][line.used])),
            taper=taper,
        )
    return needle


@dataclass(frozen=True)
class _Sections:
    """Grey along sections across a needle: `grey` (n, m), `across` (m,) from the axis, in radii."""

    grey: NDArray[np.float32]
    across: Values
    step: float

    @classmethod
    def cut(cls, gray: Gray, face: FaceMap, dark: bool, needle: Needle, radius: Values) -> "_Sections":
        """Sections at each `radius` (n,); the needle is dark in them, whatever its colour."""
        step = 0.5 / face.radius_px
        across = np.arange(-CROSS, CROSS + step, step)
        cos, sin = np.cos(needle.direction), np.sin(needle.direction)
        beside = (needle.offset + across)[None, :]
        x = radius[:, None] * cos + beside * sin
        y = radius[:, None] * sin - beside * cos
        points = face.picture(np.column_stack((x.ravel(), y.ravel()))).astype(np.float32)
        at = points[:, 0].reshape(x.shape), points[:, 1].reshape(x.shape)
        grey = cv2.remap(gray, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
        grey = grey if dark else np.float32(255) - grey
        smooth = cv2.GaussianBlur(grey, (0, 0), sigmaX=1.6, sigmaY=0.6)
        return cls(np.asarray(smooth, np.float32), across, step)

    def edges(self, width: Values | None) -> tuple[Values, Values, Values]:
        """The needle's left and right edge in each section (n,), and how steep the fainter one is.

        `width` (n,) is how broad the needle is about; None where that is not known yet.
        """
        climb = np.diff(self.grey, axis=1)
        lane = self.across[:-1] + 0.5 * self.step
        if width is None:
            reach = int(CORE_REACH / self.step)
            middle = self.grey.shape[1] // 2
            part = self.grey[:, middle - reach : middle + reach + 1]
            core = (np.argmin(part, axis=1) - reach) * self.step
            far = np.full(len(core), EDGE_REACH)
            near = np.zeros(len(core))
        else:
            core = np.zeros(len(width))
            slack = 2.5 * self.step + 0.2 * width
            far, near = 0.5 * width + slack, np.maximum(0.5 * width - slack, 0.0)
        beside = lane[None, :] - core[:, None]
        right = (beside >= near[:, None]) & (beside <= far[:, None])
        left = (beside <= -near[:, None]) & (beside >= -far[:, None])
        at_left, fall = _steepest(np.where(left, -climb, 0.0))
        at_right, rise = _steepest(np.where(right, climb, 0.0))
        return lane[0] + at_left * self.step, lane[0] + at_right * self.step, np.minimum(fall, rise)


def _steepest(climb: Values) -> tuple[Values, Values]:
    """Column (n,) of the steepest climb of each row, to a part of a column, and how steep it is."""
    at = np.argmax(climb, axis=1)
    rows = np.arange(len(at))
    window = np.clip(at[:, None] + np.arange(-4, 5)[None, :], 0, climb.shape[1] - 1)
    part = climb[rows[:, None], window]
    part = np.maximum(part - 0.4 * part.max(axis=1, keepdims=True), 0)
    total = part.sum(axis=1)
    exact = np.divide((part * window).sum(axis=1), total, out=at.astype(np.float64), where=total > 0)
    return exact, climb[rows, at].astype(np.float64)


@dataclass(frozen=True)
class _Line:
    """A straight line through points: `start` at zero, `slope` (`slope_u` its standard uncertainty)."""

    start: float
    slope: float
    slope_u: float
    used: NDArray[np.bool_]

    def at(self, x: Values) -> Values:
        """The line at `x`."""
        return np.asarray(self.start + self.slope * x, np.float64)


def _line(x: Values, y: Values) -> _Line:
    """The line through the points (x, y) that most of them lie on; a third may be wrong.

    It begins with the median slope between points far apart (after Theil and Sen) and goes on with Tukey's
    biweight.
    """
    i, j = np.triu_indices(len(x), k=max(3, len(x) // 4))
    slope = float(np.median((y[j] - y[i]) / (x[j] - x[i])))
    start = float(np.median(y - slope * x))
    columns = np.column_stack((np.ones_like(x), x))
    used = np.ones(len(x), np.bool_)
    slope_u = 0.0
    for _ in range(4):
        beside = y - start - slope * x
        spread = max(1.4826 * float(np.median(np.abs(beside))), FLOOR)
        weight = np.maximum(0.0, 1 - (beside / (4 * spread)) ** 2) ** 2
        used = weight > 0
        weighted = columns * weight[:, None]
        (n, sx), (_, sxx) = (weighted.T @ columns).tolist()
        sy, sxy = (weighted.T @ y).tolist()
        determinant = n * sxx - sx * sx + 1e-12
        start, slope = (sxx * sy - sx * sxy) / determinant, (n * sxy - sx * sy) / determinant
        slope_u = spread * float(np.sqrt(n / determinant))
    return _Line(start, slope, slope_u, used)

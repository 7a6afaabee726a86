"""Moves a lattice onto the strokes that are lit, by one least-squares fit of all of them."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.display.cells import Lattice
from vision.display.panel import ABOVE, BELOW, DIGIT_PX, Straightened

Floats = NDArray[np.float64]
Lit = NDArray[np.bool_]

UPRIGHTS = ((1, 1, 0), (2, 1, 1), (4, 0, 1), (5, 0, 0))  # segment, right side, upper (0) or lower half (1)
LEVELS = ((0, 0), (6, 1), (3, 2))  # segment, row
# the unknowns: where the lattice stands, and how the patch is still turned against it
START, PITCH, WIDTH, TOP, MIDDLE, BOTTOM, SHEAR, TILT, KEY_X, KEY_Y = range(10)
# how much each is held where it was, against one stroke (weights per pixel, of the turns at a digit's height)
HELD = np.array([0.02, 0.3, 0.3, 0.05, 0.05, 0.05, 0.05, 0.05, 0.25, 0.6])
END, ENDS = 0.15, 0.35  # strokes by which an upright ends before a row, and the weight of its end
FAINT = 0.05  # of the ink of a stroke: less is none
FEW = 2  # strokes; fewer say nothing about a lattice


@dataclass(frozen=True)
class _Seen:
    """Centres of strokes as equations: `terms` (n, 10) of the unknowns, and where each was seen (n,)."""

    terms: Floats
    at: Floats


def fitted(row: Straightened, lattice: Lattice, lit: Lit) -> tuple[Straightened, Lattice, float]:
    """The row cut anew, its lattice as the lit strokes ask for, and how far it moved at most, in pixels.

    `lit` (cells, 7) says which segments are taken for lit. Unknown are start, pitch, width, the three rows,
    and the first-order terms of a homography (shear, tilt, two keystones): what a wrong first guess of the
    panel's corners left is taken out.
    """
    sums = np.asarray(cv2.integral(np.maximum(row.ink, 0.0)), np.float64)
    origin = lattice.start + 0.5 * (lattice.pitch * (lattice.count - 1) + lattice.width)
    about = (origin, 0.5 * (lattice.top + lattice.bottom))
    parts = [
        _uprights(sums, lattice, lit, about),
        _levels(sums, lattice, lit, about),
        _ends(sums, lattice, lit, about),
        _level_ends(sums, lattice, lit, about),
    ]
    terms = np.concatenate([part.terms for part in parts])
    at = np.concatenate([part.at for part in parts])
    if len(at) < FEW:
        return row, lattice, 0.0
    now = np.zeros(10)
    now[:6] = (lattice.start, lattice.pitch, lattice.width, lattice.top, lattice.middle, lattice.bottom)
    halfway = np.zeros((1, 10))  # the middle stroke is near the middle: holds where it is not lit
    halfway[0, TOP : BOTTOM + 1] = (-0.15, 0.3, -0.15)
    equations = np.concatenate([terms, np.diag(HELD), halfway])
    solved, *_ = np.linalg.lstsq(equations, np.concatenate([at, HELD * now, [0.0]]), rcond=None)
    after = replace(
        lattice,
        start=float(solved[START]),
        pitch=float(solved[PITCH]),
        width=float(solved[WIDTH]),
        top=float(solved[TOP]),
        middle=float(solved[MIDDLE]),
        bottom=float(solved[BOTTOM]),
        stroke=_thickness(sums, lattice, lit),
    )
    if not _plausible(after):
        return row, lattice, 0.0
    moved = float(np.abs(terms @ (solved - now)).max())
    unit = 1 / DIGIT_PX
    normal = np.array([[unit, 0, -about[0] * unit], [0, unit, -about[1] * unit], [0, 0, 1]])
    shear, tilt, key_x, key_y = (float(v) * unit for v in solved[SHEAR:])
    turn = np.array([[1, shear, 0], [tilt, 1, 0], [-key_x, -key_y, 1]])
    return row.turned(np.linalg.inv(normal) @ turn @ normal), after, moved


def _plausible(lattice: Lattice) -> bool:
    height = lattice.bottom - lattice.top
    return bool(
        0.6 * DIGIT_PX < height < 1.2 * DIGIT_PX
        and 0 < lattice.top < lattice.bottom < ABOVE + DIGIT_PX + BELOW
        and 0.22 * height < lattice.width < 1.1 * height
        and lattice.is_apart
        and lattice.top + 0.3 * height < lattice.middle < lattice.bottom - 0.3 * height
    )


def _across(sums: Floats, first: Floats, last: Floats) -> Floats:
    """Down the patch, the means of the columns from each of `first` to each of `last`: (n, rows).

    `sums` is the integral of the ink; the nearest column stands for those that lie outside the patch.
    """
    low = np.clip(np.rint(first).astype(np.intp), 0, sums.shape[1] - 2)
    high = np.clip(np.rint(last).astype(np.intp), low, sums.shape[1] - 2) + 1
    return np.asarray((np.diff(sums[:, high] - sums[:, low], axis=0) / (high - low)).T, np.float64)


def _along(sums: Floats, first: float, last: float) -> Floats:
    """Along the patch, the mean of the rows from `first` to `last`: (columns,)."""
    low = min(max(0, round(first)), sums.shape[0] - 2)
    high = min(max(low, round(last)), sums.shape[0] - 2) + 1
    return np.asarray(np.diff(sums[high] - sums[low]) / (high - low), np.float64)


def _uprights(sums: Floats, lattice: Lattice, lit: Lit, about: tuple[float, float]) -> _Seen:
    room = 0.5 * max(lattice.pitch - lattice.width, lattice.stroke)
    reach = max(1.5, min(0.6 * lattice.stroke + 2.0, room))  # the next cell's stroke must not pull
    profiles, heights = [], []
    for first, last in ((lattice.top, lattice.middle), (lattice.middle, lattice.bottom)):
        inner = 0.28 * (last - first)
        profiles.append(_along(sums, first + inner, last - inner))
        heights.append((0.5 * (first + last) - about[1]) / DIGIT_PX)
    segments, rights, halves = np.array(UPRIGHTS).T
    of, cell = np.nonzero(lit[:, segments].T)
    if not len(cell):
        return _Seen(np.zeros((0, 10)), np.zeros(0))
    right, half = rights[of], halves[of]
    expected = lattice.start + cell * lattice.pitch + right * lattice.width
    found = _centres(np.array(profiles)[half], expected, reach)
    x, y = (expected - about[0]) / DIGIT_PX, np.array(heights)[half]
    none = np.zeros(len(cell))
    terms = np.stack([none + 1, cell, right, none, none, none, y, none, x * x, x * y], axis=1)
    good = np.isfinite(found)
    return _Seen(terms[good], found[good])


def _levels(sums: Floats, lattice: Lattice, lit: Lit, about: tuple[float, float]) -> _Seen:
    rows = np.array([lattice.top, lattice.middle, lattice.bottom])
    cell, level = np.nonzero(lit[:, [segment for segment, _ in LEVELS]])
    if not len(cell):
        return _Seen(np.zeros((0, 10)), np.zeros(0))
    profiles = _across(sums, lattice.cells + 0.27 * lattice.width, lattice.cells + 0.73 * lattice.width)
    found = _centres(profiles[cell], rows[level], 0.6 * lattice.stroke + 3.0)
    middle = lattice.start + cell * lattice.pitch + 0.5 * lattice.width
    terms = _row_terms(level, (middle - about[0]) / DIGIT_PX, (rows[level] - about[1]) / DIGIT_PX)
    good = np.isfinite(found)
    return _Seen(terms[good], found[good])


def _thickness(sums: Floats, lattice: Lattice, lit: Lit) -> float:
    """The strokes' thickness: that of the level ones at half of their ink: they have no neighbours."""
    cell, level = np.nonzero(lit[:, [segment for segment, _ in LEVELS]])
    if len(cell) < FEW:
        return lattice.stroke
    profiles = _across(sums, lattice.cells + 0.35 * lattice.width, lattice.cells + 0.65 * lattice.width)
    reach = round(0.7 * lattice.stroke + 4)
    rows = np.rint([lattice.top, lattice.middle, lattice.bottom]).astype(np.intp)
    at = np.clip(rows[level][:, None] + np.arange(-reach, reach + 1), 0, profiles.shape[1] - 1)
    near = profiles[cell[:, None], at]
    most = near.max(axis=1)
    near, most = near[most > FAINT], most[most > FAINT]
    if len(near) < FEW:
        return lattice.stroke
    widths = np.clip(near / (0.5 * most[:, None]) - 0.5, 0.0, 1.0).sum(axis=1)
    return float(np.clip(np.median(widths), 2.5, 0.3 * DIGIT_PX))


def _row_terms(level: NDArray[np.intp], x: Floats, y: Floats) -> Floats:
    terms = np.zeros((len(level), 10))
    terms[np.arange(len(level)), TOP + level] = 1.0
    terms[:, TILT], terms[:, KEY_X], terms[:, KEY_Y] = x, x * y, y * y
    return terms


def _ends(sums: Floats, lattice: Lattice, lit: Lit, about: tuple[float, float]) -> _Seen:
    """Where no level stroke shows the upper or lower row, the uprights' ends do, less well."""
    half = max(1, round(0.2 * lattice.stroke))
    which, found = [], []
    for level, across, sides in ((0, 0, ((1, 1), (5, 0))), (2, 3, ((2, 1), (4, 0)))):
        row, away = (lattice.top, -1) if level == 0 else (lattice.bottom, 1)
        for segment, right in sides:
            cells = np.flatnonzero(lit[:, segment] & ~lit[:, across])
            if not len(cells):
                continue
            at = np.asarray(lattice.cells[cells] + right * lattice.width, np.float64)
            for x, profile in zip(at.tolist(), _across(sums, at - half, at + half), strict=True):
                end = _end(profile, 0.5 * (row + lattice.middle), row, lattice.stroke)
                if end is not None:
                    found.append(end + away * END * lattice.stroke)
                    which.append((level, (x - about[0]) / DIGIT_PX, (row - about[1]) / DIGIT_PX))
    if not which:
        return _Seen(np.zeros((0, 10)), np.zeros(0))
    of, u, v = np.array(which).T
    return _Seen(ENDS * _row_terms(of.astype(np.intp), u, v), ENDS * np.array(found))


def _level_ends(sums: Floats, lattice: Lattice, lit: Lit, about: tuple[float, float]) -> _Seen:
    """Where no upright shows a cell's left or right side, the level strokes' ends do, less well."""
    half = max(1, round(0.2 * lattice.stroke))
    terms, found = [], []
    for level, row, corners in (
        (0, lattice.top, ((5,), (1,))),
        (6, lattice.middle, ((4, 5), (1, 2))),
        (3, lattice.bottom, ((4,), (2,))),
    ):
        profile = _along(sums, row - half, row + half)
        y = (row - about[1]) / DIGIT_PX
        for right, corner in enumerate(corners):
            for cell in np.flatnonzero(lit[:, level] & ~lit[:, list(corner)].any(axis=1)):
                start = lattice.start + cell * lattice.pitch
                side = start + right * lattice.width
                end = _end(profile, start + 0.5 * lattice.width, side, lattice.stroke)
                if end is not None:
                    x = (side - about[0]) / DIGIT_PX
                    terms.append([1.0, cell, right, 0.0, 0.0, 0.0, y, 0.0, x * x, x * y])
                    found.append(end + (1 if right else -1) * END * lattice.stroke)
    if not terms:
        return _Seen(np.zeros((0, 10)), np.zeros(0))
    return _Seen(ENDS * np.array(terms), ENDS * np.array(found))


def _end(profile: Floats, inside: float, expected: float, stroke: float) -> float | None:
    """Where a stroke's `profile` falls to half, from `inside` towards `expected`; None if far from it."""
    start, away = round(inside), 1 if expected > inside else -1
    if not 2 <= start < len(profile) - 2:
        return None
    usual = float(profile[start - 2 : start + 3].mean())
    ended = np.flatnonzero(profile[start::away] < 0.5 * usual)
    if usual < FAINT or not len(ended) or abs(ended[0] - abs(expected - start)) > stroke + 5:
        return None
    return start + away * (float(ended[0]) - 0.5)


def _centres(profiles: Floats, expected: Floats, reach: float) -> Floats:
    """The centre of gravity of each of `profiles` (n, m) near `expected` (n,); NaN where there is none.

    Twice: the second window lies around the first result.
    """
    width = int(np.ceil(reach))
    offsets = np.arange(-width, width + 1)
    lane = np.arange(len(expected))[:, None]
    centre = expected
    for _ in range(2):
        at = np.rint(centre).astype(np.intp)[:, None] + offsets
        weight = profiles[lane, np.clip(at, 0, profiles.shape[1] - 1)].astype(np.float64)
        weight[(np.abs(at - centre[:, None]) > reach) | (at < 0) | (at >= profiles.shape[1])] = 0.0
        weight = np.maximum(weight - 0.3 * weight.max(axis=1, keepdims=True), 0.0)
        total = weight.sum(axis=1)
        safe = np.where(total > 0, total, 1.0)
        centre = np.where(total > 0, (weight * at).sum(axis=1) / safe, expected)
    return np.where((total > 0) & (np.abs(centre - expected) <= reach), centre, np.nan)

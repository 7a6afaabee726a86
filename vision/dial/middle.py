"""Where the ticks themselves say that the middle of their face is, whether their scale is even or not.

A ring is numbered as a lattice of equal angles, and its middle is put where the lattice is most even. A scale
that is printed unevenly moves that middle, which does not harm the numbering (the needle is compared with
the ticks about the same middle) but the view and the pivot of the needle. Each tick points at the middle of
the face however they are spaced: how a tick leans tells the middle without its neighbours.
"""

from dataclasses import dataclass, replace
from math import exp, hypot, sqrt

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.dial.face import Gray
from vision.dial.refinement import slow_errors_u, tick_ends
from vision.dial.ring import FaceMap
from vision.dial.ticks import TickRing

Values = NDArray[np.float64]

ASIDE = 0.36  # of a pitch: how far to either side of a tick its ink is looked for
SAMPLES, RADII = 25, 4  # across a tick, and along each part of it
LEAST_TICKS = 9
LEAST_BAND = 0.03  # of the radius: shorter parts of long ticks say nothing
EVEN, UNEVEN = 0.001, 0.02  # of the radius: how far even and uneven scales move a middle found by evenness
MOST_MOVED = 0.12  # of the radius
NO_DOUBT = 0.02  # a probability below which a scale is even
SYSTEMATIC_U = 0.0015  # of the radius: what blur and print do to all ticks alike
UNKNOWN = 0.004  # of the radius: the uncertainty of the middle where ticks are too short to lean


@dataclass(frozen=True)
class Middle:
    """The middle of a face by the leaning of its ticks: (`x`, `y`) on the face as numbered, in radii.

    `u` is the standard uncertainty of each, `slant_u` that of the slant in `face`; `face` is the map put
    right by it. Where the leaning agrees with the face as numbered, both are as they were.
    """

    face: FaceMap
    x: float = 0.0
    y: float = 0.0
    u: float = UNKNOWN
    slant_u: float = 0.0


def middle_of(gray: Gray, ring: TickRing) -> Middle:
    """The middle of the face of `ring` in the picture `gray`; with the usual uncertainty where ticks lean
    too little to tell.
    """
    face = ring.graduation.face
    noise_u, lattice_u, slant_u = slow_errors_u(ring.index, ring.angle, ring.residual, ring.graduation.count)
    unknown = Middle(face, u=hypot(UNKNOWN, lattice_u), slant_u=slant_u)
    found = _by_leaning(gray, ring)
    if found is None:
        return unknown
    x, y, u = found
    away = float(np.hypot(x, y))
    if away > MOST_MOVED:
        return unknown
    even_u = hypot(EVEN, noise_u)
    uneven = _chance_uneven(away, u, even_u)
    spread = sqrt(
        uneven * (u**2 + SYSTEMATIC_U**2) + uneven * (1 - uneven) * away**2 / 2 + (1 - uneven) * even_u**2
    )
    if uneven < NO_DOUBT:
        return Middle(face, u=spread, slant_u=slant_u)
    seen = _put_right(gray, ring, uneven * x, uneven * y)
    if uneven > 1 - NO_DOUBT:
        # far from the middle neither the radii of the ticks nor small angles are what they were taken to be
        moved = _about(ring, seen)
        again = _by_leaning(gray, moved)
        if again is not None:
            seen = _put_right(gray, moved, again[0], again[1])
    x, y = face.face(np.array([seen.centre]))[0].tolist()
    return Middle(seen, x, y, spread, slant_u)


def _about(ring: TickRing, face: FaceMap) -> TickRing:
    """The same ticks on another map of their face: where they are and between which radii they run."""
    graduation = ring.graduation

    def through(radius: float) -> tuple[Values, float]:
        there = face.face(graduation.face.polar(ring.angle, np.full(len(ring.angle), radius)))
        return np.arctan2(there[:, 1], there[:, 0]), float(np.median(np.hypot(there[:, 0], there[:, 1])))

    angle, _ = through(0.5 * (graduation.inner + graduation.outer))
    ends = [
        through(radius)[1]
        for radius in (graduation.inner, graduation.outer, graduation.major_inner, graduation.major_outer)
    ]
    inner, outer, major_inner, major_outer = ends
    put = replace(
        graduation, face=face, inner=inner, outer=outer, major_inner=major_inner, major_outer=major_outer
    )
    return replace(ring, graduation=put, angle=angle)


def _chance_uneven(away: float, u: float, even_u: float) -> float:
    """How probable an uneven scale is when the ticks' middle lies `away` from that of the lattice.

    `u` is the uncertainty of the former, `even_u` that of the latter if the scale is even.

    Before they were looked at, both were as likely (Bayes' rule with two normal distributions in the plane).
    """
    even = u**2 + even_u**2
    uneven = even + UNEVEN**2
    odds = uneven / even * exp(-0.5 * away**2 * (1 / even - 1 / uneven))
    return 1 / (1 + odds)


def _by_leaning(gray: Gray, ring: TickRing) -> tuple[float, float, float] | None:
    """The middle and its standard uncertainty by how far the two ends of each tick differ in their angle."""
    graduation, every = ring.graduation, ring.angle
    length = graduation.outer - graduation.inner
    half = graduation.inner + 0.5 * length
    parts = [(graduation.inner + 0.12 * length, half), (half, graduation.outer - 0.12 * length)]
    long = graduation.inner - graduation.major_inner
    if long > LEAST_BAND:
        parts.append((graduation.major_inner + 0.15 * long, graduation.inner - 0.1 * long))
    (first, first_r), (last, last_r), *inner = [_seen_at(gray, ring, *part) for part in parts]
    pairs = [(first, first_r)]
    pairs.extend(inner)
    angle, difference, lever = [], [], []
    for at, radius in pairs:
        known = np.isfinite(at) & np.isfinite(last)
        angle.append(every[known])
        difference.append((at - last)[known])
        lever.append(np.full(int(known.sum()), 1 / radius - 1 / last_r))
    turn, wanted, arm = np.concatenate(angle), np.concatenate(difference), np.concatenate(lever)
    if len(turn) < LEAST_TICKS:
        return None
    columns = np.column_stack((-np.sin(turn) * arm, np.cos(turn) * arm))
    good = np.ones(len(turn), np.bool_)
    solution, spread = np.zeros(2), 0.0
    for _ in range(4):
        if good.sum() < LEAST_TICKS:
            return None
        solution, *_ = np.linalg.lstsq(columns[good], wanted[good], rcond=None)
        left = np.abs(wanted - columns @ solution)
        spread = 1.4826 * float(np.median(left)) + 1e-6
        good = left < 3 * spread
    normal = columns[good].T @ columns[good]
    if np.linalg.cond(normal) > 50:
        return None
    u = spread * float(np.sqrt(np.linalg.inv(normal).trace() / 2))
    return float(solution[0]), float(solution[1]), u


def _seen_at(gray: Gray, ring: TickRing, low: float, high: float) -> tuple[Values, float]:
    """Angles (n,) at which the ink of the ticks lies between two radii, NaN without ink; the radius."""
    graduation = ring.graduation
    aside = np.linspace(-ASIDE, ASIDE, SAMPLES) * graduation.pitch
    angle = (ring.angle[:, None] + aside[None, :]).ravel()
    x, y = graduation.face.circles(angle, np.linspace(low, high, RADII))
    grey = cv2.remap(gray, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    mean = grey.mean(axis=0, dtype=np.float64).reshape(len(ring.angle), SAMPLES)
    ink = mean if not graduation.dark else -mean
    ink = ink - 0.5 * (ink[:, :3].mean(axis=1) + ink[:, -3:].mean(axis=1))[:, None]
    top = ink.max(axis=1)
    ink = np.maximum(ink - 0.3 * top[:, None], 0)
    total = ink.sum(axis=1)
    known = top > 0.4 * ring.contrast
    middle = np.divide((ink * aside).sum(axis=1), total, out=np.zeros_like(total), where=total > 0)
    return np.where(known, ring.angle + middle, np.nan), 0.5 * (low + high)


def _put_right(gray: Gray, ring: TickRing, x: float, y: float) -> FaceMap:
    """The face whose middle is (`x`, `y`) and on which the ticks end on a circle."""
    graduation = ring.graduation
    moved = graduation.face.matrix @ np.array([[1, 0, x], [0, 1, y], [0, 0, 1.0]])
    inner, outer = tick_ends(gray, graduation, ring.angle)
    known = np.isfinite(inner) & np.isfinite(outer)
    if known.sum() < LEAST_TICKS:
        return FaceMap(moved / moved[2, 2])
    turn = ring.angle[known]
    ends = min((inner[known], outer[known]), key=lambda one: float(np.median(np.abs(np.diff(one)))))
    at = np.column_stack((ends * np.cos(turn) - x, ends * np.sin(turn) - y))
    turn, ends = np.arctan2(at[:, 1], at[:, 0]), np.hypot(at[:, 0], at[:, 1])
    radius = float(np.median(ends))
    columns = np.column_stack(
        (
            radius * np.cos(2 * turn),
            radius * np.sin(2 * turn),
            np.full(len(turn), radius),
            -(radius**2) * np.cos(turn),
            -(radius**2) * np.sin(turn),
        )
    )
    good = np.ones(len(turn), np.bool_)
    solution = np.zeros(5)
    for _ in range(3):
        solution, *_ = np.linalg.lstsq(columns[good], ends[good] - radius, rcond=None)
        left = np.abs(ends - radius - columns @ solution)
        good = left < 4 * (1.4826 * float(np.median(left)) + 1e-6)
    p, q, size, gx, gy = solution.tolist()
    change = np.array([[1 + size + p, q, 0], [q, 1 + size - p, 0], [gx, gy, 1.0]])
    matrix = moved @ change
    return FaceMap(matrix / matrix[2, 2])

"""Puts a face right by the ticks that were measured on it: by their angles, and by where they end.

The angles of the ticks say where the middle of the face is and how it slants; where the ticks end says how
large the ring is and how near the camera. Each correction is small, so that all are fitted at once, linearly.
"""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.dial.face import Gray
from vision.dial.graduation import Graduation, corrected, swings
from vision.dial.ring import FaceMap

Values = NDArray[np.float64]

HELD = 0.05  # how much the slow errors of the angle are held back: few ticks cannot invent them
NO_SWING_PX = 0.05  # slow errors below this have been put right
ENDS_REACH = 0.12  # of the radius: how far beyond its place an end is sought
END_WEIGHT = 0.2  # of an end against an angle: print ends are less exact
MOST_CHANGE = 0.25  # of the radius: a correction beyond this is none
UNEVEN_PRINT = 0.0015  # of the sweep: how far usual scales are printed beside equal angles, assumed


def by_angles(
    graduation: Graduation, index: NDArray[np.intp], angle: Values, residual: Values
) -> Graduation | None:
    """The graduation with the slow errors of the ticks' angles put right; None where there are none.

    `index` (n,) are the ticks, `angle` where they were seen, `residual` how far beside the lattice (radians).
    """
    columns = np.column_stack((np.ones(len(index)), index, swings(angle)))
    held = np.asarray(np.vstack((columns, np.hstack((np.zeros((4, 2)), HELD * np.eye(4))))), np.float64)
    wanted = np.append(residual, np.zeros(4))
    solution = _robust(held, wanted, len(index))
    if float(np.abs(solution[2:]).max()) * graduation.face.radius_px < NO_SWING_PX:
        return None
    return replace(
        graduation,
        face=corrected(graduation.face, solution[2:], 0.5 * (graduation.inner + graduation.outer)),
        first=graduation.first + float(solution[0]),
        pitch=graduation.pitch + float(solution[1]),
    )


def slow_errors_u(
    index: NDArray[np.intp], angle: Values, residual: Values, count: int
) -> tuple[float, float, float]:
    """How far wrong ticks leave the face: of its middle by their scatter alone, of its middle in all (each
    coordinate, in radii), of its slant (p and q as in `graduation.corrected`, without unit).

    Over half a turn a middle beside its place and a slant look almost like another pitch, and a scale printed
    a little unevenly looks like both: as standard uncertainties of the least squares (GUM, 5.1) with the
    ticks' scatter, and with scales that are right at their ends and uneven once or twice between.
    """
    columns = np.column_stack((np.ones(len(index)), index, swings(angle)))
    held = np.vstack((columns, np.hstack((np.zeros((4, 2)), HELD * np.eye(4)))))
    inverse = np.linalg.pinv(held)
    scatter = float(np.sqrt(np.mean(residual**2)))
    noise = (scatter * inverse) ** 2
    share = index / (count - 1)
    sweep = abs(float(np.polyfit(index, angle, 1)[0])) * (count - 1)
    modes = np.column_stack([np.sin(turns * np.pi * share) for turns in (1, 2)]) * UNEVEN_PRINT * sweep
    uneven = (inverse[:, : len(index)] @ modes) ** 2
    by_noise, by_print = noise[2:].sum(axis=1), uneven[2:].sum(axis=1)
    # the middle moves by the first two, the slant by the last two
    middle_noise = float(np.sqrt(by_noise[:2].mean()))
    middle = float(np.sqrt((by_noise + by_print)[:2].mean()))
    return middle_noise, middle, float(np.sqrt((by_noise + by_print)[2:].mean()))


def by_ends(
    gray: Gray, graduation: Graduation, index: NDArray[np.intp], angle: Values, residual: Values
) -> Graduation | None:
    """The same by the angles and by where the ticks end along their rays; None where the ends do not say."""
    inner, outer = tick_ends(gray, graduation, angle)
    known = np.isfinite(inner) & np.isfinite(outer)
    if known.sum() < 9:
        return None
    ends = min((inner[known], outer[known]), key=_scatter)
    radius = float(np.median(ends))
    turn, middle = angle, 0.5 * (graduation.inner + graduation.outer)
    zeros = np.zeros(len(turn))
    # unknowns: first angle, pitch, middle (x, y), slant (along x, askew), size, perspective (x, y)
    tangential = np.column_stack(
        (
            np.ones(len(turn)),
            index,
            -np.sin(turn) / middle,
            np.cos(turn) / middle,
            -np.sin(2 * turn),
            np.cos(2 * turn),
            zeros,
            zeros,
            zeros,
        )
    )
    at = turn[known]
    none = np.zeros(len(at))
    radial = np.column_stack(
        (
            none,
            none,
            np.cos(at),
            np.sin(at),
            radius * np.cos(2 * at),
            radius * np.sin(2 * at),
            np.full(len(at), radius),
            -(radius**2) * np.cos(at),
            -(radius**2) * np.sin(at),
        )
    )
    held = HELD * np.eye(9)[2:]
    columns = np.vstack((tangential, END_WEIGHT * radial, held))
    wanted = np.concatenate((residual, END_WEIGHT * (ends - radius), np.zeros(7)))
    first, pitch, x, y, p, q, size, gx, gy = _robust(columns, wanted, len(turn) + len(at)).tolist()
    if max(abs(x), abs(y), abs(p), abs(q), abs(size), abs(gx), abs(gy)) > MOST_CHANGE:
        return None
    change = np.array([[1 + size + p, q, x], [q, 1 + size - p, y], [gx, gy, 1.0]])
    matrix = graduation.face.matrix @ change
    outer_lies, inner_lies = float(np.median(outer[known])), float(np.median(inner[known]))
    shift_in, shift_out = inner_lies - graduation.inner, outer_lies - graduation.outer
    return replace(
        graduation,
        face=FaceMap(matrix / matrix[2, 2]),
        first=graduation.first + first,
        pitch=graduation.pitch + pitch,
        inner=inner_lies,
        outer=outer_lies,
        major_inner=graduation.major_inner + shift_in,
        major_outer=graduation.major_outer + shift_out,
    )


def _robust(columns: Values, wanted: Values, measured: int) -> Values:
    """Least squares, once more without the rows of the first `measured` that lie far off."""
    solution, *_ = np.linalg.lstsq(columns, wanted, rcond=None)
    left = np.abs(wanted - columns @ solution)
    spread = 1.4826 * float(np.median(left[:measured])) + 1e-6
    good = left < 4 * spread
    good[measured:] = True
    solution, *_ = np.linalg.lstsq(columns[good], wanted[good], rcond=None)
    return np.asarray(solution, np.float64)


def tick_ends(gray: Gray, graduation: Graduation, angle: Values) -> tuple[Values, Values]:
    """The radii (n,) between which there is ink along the rays to `angle` (n,); NaN where there is no end."""
    half = 0.5 * graduation.pitch
    radius = np.linspace(graduation.inner - ENDS_REACH, graduation.outer + ENDS_REACH, 61)
    greys = []
    for beside in (-half, -0.15 * half, 0.15 * half, half):
        x, y = graduation.face.circles(angle + beside, radius)
        greys.append(
            cv2.remap(gray, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.float64)
        )
    ink = 0.5 * (greys[0] + greys[3]) - 0.5 * (greys[1] + greys[2])
    ink = ink if graduation.dark else -ink
    middle = 0.5 * (graduation.inner + graduation.outer)
    core = np.abs(radius - middle) < 0.3 * (graduation.outer - graduation.inner)
    level = 0.5 * np.median(ink[core], axis=0)
    below = ink < level[None, :]
    start = int(np.argmin(np.abs(radius - middle)))
    step = float(radius[1] - radius[0])
    inner, outer = np.full(len(angle), np.nan), np.full(len(angle), np.nan)
    down, up = below[: start + 1][::-1], below[start:]
    found = (level > 1) & down.any(axis=0) & up.any(axis=0) & ~below[start]
    inner[found] = radius[start] - (np.argmax(down, axis=0)[found] - 0.5) * step
    outer[found] = radius[start] + (np.argmax(up, axis=0)[found] - 0.5) * step
    return inner, outer


def _scatter(ends: Values) -> float:
    """How far ends lie beside a smooth ring: the median change from one to the next."""
    return float(np.median(np.abs(np.diff(ends))))

"""The surface of a liquid in a clear tube that stands beside a tape: where the tube's look changes in a step.

Through water the tube magnifies other things than through air, and its walls mirror others: above and below
the surface the tube has another brightness or colour over its whole bore. Walls, drops and the ground behind
the tube change along its width, or gradually, or only for a millimetre.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.edges import smoothed
from vision.tape.lattice import TapeLattice
from vision.tape.strip import ENLARGEMENT, TapeStrip

Floats = NDArray[np.float64]

SAMPLES = 3  # per pixel, along and across
NEAREST, FARTHEST = 0.02, 1.25  # of the tape's width from its edge: where a tube that belongs to it can be
WALL_PARTS = 8  # of the picture's height, which have to agree
LEAST_WALLS = (0.85, 1.1)  # colour difference (CIE 1976) of a wall, against 1 and its own unsteadiness
WALL_GAP = 0.35  # of the tape's width: a clear bore between its walls
TAPE_EDGE = 0.1  # of the tape's width: so near to it an upright edge may be the tape's own
BEYOND_WALL = 0.03  # of the tape's width: an edge is blurred
SAME_SURFACE_PX = 1.5
WINDOWS = (0.14, 0.2, 0.28, 0.4, 0.55)  # of the tape's width: part of a bore to a whole one


@dataclass(frozen=True)
class LiquidLine:
    """The surface at `v` (strip pixels at the tape's middle) between `u_low` and `u_high`.

    `tube_px` is how far the tube's outer wall is from the tape, about the tube's diameter. `scatter_px` is
    the standard deviation of the step over parts of the bore; `clarity` its size against that of other steps
    along the tube; `rival` the clarity of the next best place elsewhere.
    """

    v: float
    u_low: float
    u_high: float
    tube_px: float
    scatter_px: float
    clarity: float
    rival: float


@dataclass(frozen=True)
class _Look:
    """Colours (rows, columns, 3) beside the tape, level with its lines.

    `u` and `distance` from the tape's edge (tape widths) of each column; `walls`: strength of upright edges.
    """

    colours: Floats
    u: Floats
    distance: Floats
    walls: float


@dataclass(frozen=True)
class _Candidate:
    clarity: float
    row: int
    low: int
    high: int
    side: int


def find_liquid_line(
    strip: TapeStrip, lattice: TapeLattice, sides: tuple[int, ...] = (-1, 1)
) -> LiquidLine | None:
    """The clearest step across a tube beside the tape; None where there is no tube to look at.

    `sides`: where to look, −1 left and 1 right of the tape.
    """
    beside = {side: look for side in sides if (look := _side(strip, lattice, side)) is not None}
    division_px = abs(lattice.division_px(0.0))
    results = [_search(beside, least_wall, strip.width_px, division_px) for least_wall in LEAST_WALLS]
    found = [result for result in results if result is not None]
    if not found:
        return None
    first, last = found[0], found[-1]
    if abs(first.v - last.v) > SAME_SURFACE_PX:
        # Where the tube ends is a matter of judgement, and the surface depends on it.
        return replace(first, rival=first.clarity)
    return max(found, key=lambda line: line.rival / line.clarity)


def _search(
    beside: dict[int, "_Look"], least_wall: float, width_px: float, division_px: float
) -> LiquidLine | None:
    """The clearest step inside tubes whose walls are at least so strong."""
    looks: dict[int, _Look] = {}
    for side, whole in beside.items():
        tube = _inside_walls(whole, least_wall)
        if tube is not None:
            looks[side] = tube
    strongest = max((look.walls for look in looks.values()), default=0.0)
    found: list[_Candidate] = []
    for side, look in looks.items():
        # The side with the stronger walls is the tube's; the other has to show a clearer step.
        weight = look.walls / strongest
        found.extend(_candidates(look.colours, width_px, division_px, side, weight))
    if not found:
        return None
    top = max(found, key=lambda c: c.clarity)
    apart = SAME_SURFACE_PX * SAMPLES
    rivals = [c.clarity for c in found if c.side != top.side or abs(c.row - top.row) > apart]
    return _measured(looks[top.side], top, max(rivals, default=0.0), width_px)


def _side(strip: TapeStrip, lattice: TapeLattice, side: int) -> "_Look | None":
    """What is beside the tape on one side; None where there is no room for a tube."""
    edge = 0.0 if side < 0 else 1.0
    step = 1.0 / (strip.width_px * SAMPLES)
    distance = np.arange(NEAREST, FARTHEST, step)
    u = edge + side * distance
    order = np.argsort(u)
    u = u[order]
    columns = (u - strip.u_first) / strip.u_step
    rows = strip.pixels.shape[0] // (ENLARGEMENT // SAMPLES)
    v = np.arange(rows) / SAMPLES
    at_v = v[:, None] + lattice.slope * (u[None, :] - 0.5) * strip.width_px
    lab = cv2.cvtColor(strip.pixels.astype(np.float32) / 255.0, cv2.COLOR_BGR2Lab)
    map_x = np.broadcast_to(columns[None, :], at_v.shape).astype(np.float32)
    map_y = (at_v * ENLARGEMENT).astype(np.float32)
    levelled = cv2.remap(lab, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    seen = cv2.remap(
        strip.inside.astype(np.uint8), map_x, map_y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT
    )
    whole = np.flatnonzero(seen.mean(axis=0) > 0.8)
    if len(whole) < 5 * SAMPLES:
        return None
    colours, u = np.asarray(levelled[:, whole], np.float64), u[whole]
    return _Look(colours, u, np.abs(u - edge), 0.0)


def _inside_walls(look: "_Look", least_wall: float) -> "_Look | None":
    """As much of `look` as lies between the tape and a tube's outer wall; None where there is no wall.

    A wall is an edge of the same sign all along the tube; what stands behind it has edges here and there.
    """
    change = np.zeros_like(look.colours)
    change[:, 2:-2] = look.colours[:, 4:] - look.colours[:, :-4]
    change = np.asarray(cv2.blur(change, (3, 1)), np.float64)
    parts = np.array([part.mean(axis=0) for part in np.array_split(change, WALL_PARTS)])
    # Walls look one way through air and another through the liquid: most of the height will do.
    strength = np.max([_steadiness(parts), _steadiness(parts[:-3]), _steadiness(parts[3:])], axis=0)
    outer = 0.0
    for i in np.argsort(look.distance):
        if look.distance[i] - outer > WALL_GAP:
            break
        if strength[i] >= least_wall:
            outer = float(look.distance[i])
    outer += BEYOND_WALL
    within = look.distance <= outer
    beyond_tape = (look.distance > TAPE_EDGE) & (look.distance <= outer + WALL_GAP)
    walls = float(np.clip(strength[beyond_tape], 0.0, 2.0).sum())
    if np.count_nonzero(within) < 5 * SAMPLES or walls <= 0.0:
        return None
    return _Look(look.colours[:, within], look.u[within], look.distance[within], walls)


def _steadiness(parts: Floats) -> Floats:
    """Mean of the changes in several parts of the height against how they differ; shape (columns,)."""
    mean, spread = parts.mean(axis=0), parts.std(axis=0)
    return np.asarray(np.linalg.norm(mean, axis=1) / (1.0 + np.linalg.norm(spread, axis=1)), np.float64)


def _step(colours: Floats, gap: int, band: int) -> Floats:
    """Colour below less colour above each row, means over `band` rows at `gap` rows' distance; same shape."""
    rows = len(colours)
    total = np.concatenate((np.zeros((1, *colours.shape[1:])), np.cumsum(colours, axis=0)))
    result = np.zeros_like(colours)
    first, last = gap + band, rows - gap - band
    if last <= first:
        return result
    at = np.arange(first, last)
    below = (total[at + gap + band] - total[at + gap]) / band
    above = (total[at - gap] - total[at - gap - band]) / band
    result[first:last] = below - above
    return result


def _candidates(
    colours: Floats, width_px: float, division_px: float, side: int, weight: float
) -> list[_Candidate]:
    """The clearest steps of each window of columns."""
    band = max(3 * SAMPLES, round(0.3 * division_px * SAMPLES))
    steps = _step(colours, round(0.8 * SAMPLES), band)
    sharp = _step(colours, round(0.5 * SAMPLES), round(1.5 * SAMPLES))
    found: list[_Candidate] = []
    for share in WINDOWS:
        width = max(4 * SAMPLES, round(share * width_px * SAMPLES))
        for low in range(0, colours.shape[1] - width + 1, SAMPLES):
            clear = weight * _clear(steps[:, low : low + width], sharp[:, low : low + width])
            found.extend(
                _Candidate(float(clear[row]), row, low, low + width, side)
                for row in _tops(clear, 2 * SAMPLES)
            )
    return found


def _clear(steps: Floats, sharp: Floats) -> Floats:
    """Size of each row's step in one window of columns, against what else changes along it; shape (rows,)."""
    long, short = steps.mean(axis=1), sharp.mean(axis=1)
    size = np.linalg.norm(long, axis=1)
    # A surface is a lasting change that happens at once: the smaller of the two, where they go one way.
    along = (long * short).sum(axis=1) / np.maximum(size, 1e-6)
    score = np.minimum(size, 1.5 * np.clip(along, 0.0, None))
    uneven = np.linalg.norm(steps.std(axis=1), axis=1)
    noise = 0.8 + 0.5 * uneven + float(np.median(score))
    width = steps.shape[1]
    return np.asarray(score / noise * np.sqrt(width / (width + 8.0 * SAMPLES)), np.float64)


def _tops(values: Floats, apart: int, count: int = 3) -> list[int]:
    left = values.copy()
    rows = []
    for _ in range(count):
        row = int(np.argmax(left))
        if left[row] <= 0:
            break
        rows.append(row)
        left[max(0, row - apart) : row + apart + 1] = 0
    return rows


def _measured(look: _Look, top: _Candidate, rival: float, width_px: float) -> LiquidLine:
    """The step's place to a part of a pixel, for the whole window and for parts of it."""
    colours, u = look.colours, look.u
    window = colours[:, top.low : top.high]
    reach = 4 * SAMPLES
    rows = np.arange(max(0, top.row - reach), min(len(window), top.row + reach + 1))
    profile = window.mean(axis=1)
    direction = profile[rows[-3:]].mean(axis=0) - profile[rows[:3]].mean(axis=0)
    places = []
    thirds = np.array_split(np.arange(window.shape[1]), 3)
    for part in (np.arange(window.shape[1]), *thirds):
        along = window[rows][:, part].mean(axis=1) @ direction
        slope = np.clip(np.gradient(smoothed(along, 0.5 * SAMPLES)), 0.0, None)
        # Squared: the steepest place counts, not the long tails on either side.
        weight = np.square(slope)
        peak = float(rows[int(np.argmax(weight))])
        near = np.abs(rows - peak) <= 1.6 * SAMPLES
        weight = weight * near
        places.append(float((weight * rows).sum() / max(weight.sum(), 1e-12)) / SAMPLES)
    return LiquidLine(
        v=places[0],
        u_low=float(u[top.low]),
        u_high=float(u[top.high - 1]),
        tube_px=float(look.distance.max()) * width_px,
        scatter_px=float(np.std(places[1:])),
        clarity=top.clarity,
        rival=rival,
    )

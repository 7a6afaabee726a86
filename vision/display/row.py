"""Reads the signs of one straightened row: fits the cells, judges each, finds the decimal points."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vision.display.beside import Beside, beside
from vision.display.cells import Lattice, Samples, find_lattices, sampled
from vision.display.fit import Lit, fitted
from vision.display.likeness import (
    drawn,
    likeness,
    point_shares,
    shares_strokes,
    uprights_are_split,
)
from vision.display.panel import DIGIT_PX, Straightened
from vision.display.segments import MINUS, SEGMENTS, Cell, Levels, cells_of, levels_of

Floats = NDArray[np.float64]

ROUNDS = 5
SETTLED_PX = 0.35  # a fit that moves less than this needs no other round
GOOD = 0.88  # worth from which no other way to set the cells is tried
UNLIKE = 0.86  # likeness below which the row is tried again without what stands out of it
MOST_WIDER = 4  # times that a row is cut wider, by two cells
HOPELESS, UNLIKELY = 0.6, 0.4  # likeness below which two guesses are enough, and below which one is
STRAY = 0.55  # of the row's level: what stands outside the row's own strokes and is weaker is no digit
RUNS_ON = 0.3  # of its level: what goes on above and below the digits is the edge of a frame
FRAME = 0.35  # of the row's level: a background that differs by more is another surface
POINT, POINT_SCATTER, NO_POINT, NO_POINT_SCATTER = 0.82, 0.14, 0.04, 0.1
MOST_ODDS = 14.0
LEVELS, UPPER, LOWER = ([SEGMENTS.index(name) for name in names] for names in ("adg", "abf", "cde"))
SEGMENT_LIKE = 0.8  # likeness of half a cell from which its strokes are segments, not letters


@dataclass(frozen=True)
class RowReading:
    """What a row shows, cell by cell, from the first to the last one that is lit.

    `cells` are digits, or what stands between digits: no sign, and no blanks around. `points` (cells,) are
    the odds, in nats, that a decimal point follows each. `likeness` is the correlation of the ink with the
    signs as displays draw them, `beside` what stands beside them, `shared` whether a stroke counts twice.
    """

    row: Straightened
    lattice: Lattice
    cells: tuple[Cell, ...]
    lit: Lit
    levels: Levels
    points: Floats
    likeness: float
    beside: Beside
    shared: bool

    @property
    def digits(self) -> str:
        """The signs of the cells, `?` for what is none."""
        return "".join(cell.sign if cell.sign is not None else "?" for cell in self.cells)

    @property
    def text(self) -> str:
        """The sign and the digits."""
        return (MINUS if self.beside.minus else "") + self.digits

    @property
    def worth(self) -> float:
        """What it is compared by: likeness, less where a sign is none, ink is left over or counts twice."""
        none = any(cell.sign is None for cell in self.cells)
        return self.likeness - 0.3 * (none or self.shared or self.beside.tall)

    @property
    def is_split(self) -> bool:
        """Whether lit uprights are seen to be two segments, one above the other."""
        return uprights_are_split(self.row, self.lattice, self.lit)

    @property
    def is_whole(self) -> bool:
        """Whether sign and digits reach from the first to the last of the strokes that were found."""
        lattice, spare = self.lattice, 0.4 * self.lattice.pitch
        start = lattice.start if self.beside.minus is None else min(lattice.start, self.beside.minus[0])
        end = float(lattice.cells[-1]) + lattice.width
        return start - spare < self.row.left and self.row.right < end + spare

    @property
    def digit_height_px(self) -> float:
        """The height of a digit in pixels of the picture."""
        lattice = self.lattice
        x = np.full(2, lattice.start + 0.5 * lattice.width)
        ends = self.row.in_picture(x, np.array([lattice.top, lattice.bottom]))
        return float(np.hypot(*(ends[1] - ends[0]))) * DIGIT_PX / max(1.0, lattice.bottom - lattice.top)

    def box(self) -> tuple[float, float, float, float]:
        """The digits' left, top, right and bottom in pixels of the picture, with a margin of a third."""
        lattice = self.lattice
        end = lattice.cells[-1] + lattice.width
        x = np.array([lattice.start, end, end, lattice.start])
        y = np.array([lattice.top, lattice.top, lattice.bottom, lattice.bottom])
        corners = self.row.in_picture(x, y)
        margin = self.digit_height_px / 3
        left, top = corners.min(axis=0) - margin
        right, bottom = corners.max(axis=0) + margin
        return float(left), float(top), float(right), float(bottom)


def read_row(row: Straightened, thorough: bool = True) -> RowReading | None:
    """The best way to set digits' cells on the strokes of `row`, or None where there is none.

    Not `thorough`: the first way only.
    """
    best = _best_cells(row, thorough)
    if thorough and (best is None or UNLIKELY <= best.likeness < UNLIKE):
        trimmed = row.trimmed()
        again = _best_cells(trimmed) if trimmed is not None else None
        if again is not None and (best is None or again.worth > best.worth):
            best = again
    return _with_room(best) if best is not None and best.likeness > HOPELESS else best


def _with_room(reading: RowReading) -> RowReading:
    """`reading`, with room for another cell before the first and after the last one: none may be missed."""
    for _ in range(MOST_WIDER):
        lattice, row = reading.lattice, reading.row
        before = lattice.start < lattice.pitch + 1
        after = lattice.start + lattice.pitch * lattice.count + lattice.width > row.ink.shape[1] - 2
        if not (before or after):
            break
        extra = round(2 * lattice.pitch)
        wider = row.widened(extra if before else 0, extra if after else 0)
        moved = replace(lattice, start=lattice.start + extra) if before else lattice
        again = read_cells(wider, moved)
        if again is None:
            break
        reading = again
    return reading


def _best_cells(row: Straightened, thorough: bool = True) -> RowReading | None:
    best: RowReading | None = None
    for tried, guess in enumerate(find_lattices(row)):
        straight, lattice = row, guess
        for _ in range(ROUNDS):
            samples = sampled(straight, lattice)
            lit = levels_of(samples.ink, samples.ground).odds(samples.ink) > 0
            whole = lit[:, UPPER].any(axis=1) & lit[:, LOWER].any(axis=1)
            if whole.any():
                # units and symbols say nothing about the cells
                lit[~(whole | (lit.sum(axis=1) == 1))] = False
            straight, lattice, moved = fitted(straight, lattice, lit)
            if moved < SETTLED_PX:
                break
        reading = read_cells(straight, lattice)
        if reading is not None and (best is None or reading.worth > best.worth):
            best = reading
        if not thorough or (best is not None and best.worth > GOOD):
            break
        if best is None or best.likeness < (HOPELESS if tried > 0 else UNLIKELY):
            break
    return best


def read_cells(row: Straightened, lattice: Lattice) -> RowReading | None:
    """The digits of a row whose cells are known; None where none is lit."""
    lattice = _with_neighbours(row, lattice)
    samples = sampled(row, lattice)
    levels = levels_of(samples.ink, samples.ground)
    odds = levels.odds(samples.ink)
    cells = cells_of(odds)
    lit = (odds > 0) & ~_strays(row, lattice, samples, odds > 0, cells)[:, None]
    shown = _digits(row, lattice, cells, lit, levels)
    if shown is None:
        return None
    minus = any(cell.sign == MINUS and lit[k].any() for k, cell in enumerate(cells[: shown.start]))
    lattice = lattice.part(shown)
    lit, levels = lit[shown], replace(levels, lit=levels.lit[shown])
    model = drawn(lattice, lit, levels.lit, row.ink.shape)
    around = beside(row, lattice, model, float(np.median(levels.lit)))
    if minus and around.minus is None and not around.spot:
        around = replace(around, unclear=True)
    points = _point_odds(point_shares(row, lattice, model, levels.lit))
    if around.after:
        points[-1] = -MOST_ODDS  # a unit's foot is no point
    return RowReading(
        row=row,
        lattice=lattice,
        cells=cells[shown],
        lit=lit,
        levels=levels,
        points=points,
        likeness=likeness(row, lattice, model),
        beside=around,
        shared=shares_strokes(row, lattice, lit, levels.lit),
    )


def _digits(
    row: Straightened, lattice: Lattice, cells: tuple[Cell, ...], lit: Lit, levels: Levels
) -> slice | None:
    """From the first cell to the last that is a digit, or could be one; None without any.

    A unit or a symbol beside the digits reaches into half a cell, and its strokes lie elsewhere than a
    segment's; half a digit that something covers does not pass for that.
    """
    able = lit.any(axis=1) & np.array([cell.sign != MINUS for cell in cells])
    partial = able & ~(lit[:, UPPER].any(axis=1) & lit[:, LOWER].any(axis=1))
    if partial.any():
        model = drawn(lattice, lit, levels.lit, row.ink.shape)
        for k in np.flatnonzero(partial):
            able[k] = likeness(row, lattice.part(slice(int(k), int(k) + 1)), model) > SEGMENT_LIKE
    used = np.flatnonzero(able)
    return slice(int(used[0]), int(used[-1]) + 1) if len(used) else None


def _with_neighbours(row: Straightened, lattice: Lattice) -> Lattice:
    """`lattice` with one more cell on each side, where there is room: a digit there must not be missed."""
    before = int(lattice.start - lattice.pitch >= 0)
    after = int(lattice.start + lattice.pitch * lattice.count + lattice.width < row.ink.shape[1])
    return replace(
        lattice, start=lattice.start - before * lattice.pitch, count=lattice.count + before + after
    )


def _strays(
    row: Straightened, lattice: Lattice, samples: Samples, lit: Lit, cells: tuple[Cell, ...]
) -> NDArray[np.bool_]:
    """Cells whose lit segments are not the row's.

    Outside the strokes that the row was found by: edges and corners of frames, which are weak, run on or have
    another background, and what is not beside a digit. At the row's own ends: what is no sign, or stands
    alone, and runs on.
    """
    any_lit = lit.any(axis=1)
    x = lattice.cells[:, None]
    middle, right = x + 0.5 * lattice.width, x + lattice.width
    at = np.concatenate([middle, right, right, middle, x, x, middle], axis=1)
    outer = (at < row.left - 0.8 * lattice.stroke) | (at > row.right + 0.8 * lattice.stroke)
    outside = any_lit & (outer | ~lit).all(axis=1)
    inside = any_lit & ~outside
    if not inside.any():
        return np.zeros(len(lit), np.bool_)
    usual = float(np.median(samples.ink[inside][lit[inside]]))
    level = np.where(lit, samples.ink, 0.0).max(axis=1)
    runs = samples.beyond - np.median(samples.beyond[inside], axis=0) > RUNS_ON * level[:, None]
    through = runs.all(axis=1)
    ground = samples.ground.mean(axis=1)
    on_frame = np.abs(ground - float(np.median(ground[inside]))) > FRAME * usual
    # an edge looks like a 1, and a corner like a 7; a minus, or a digit behind a reflection, does not
    edge = (level < STRAY * usual) | on_frame | through
    upright = ~lit[:, LEVELS].any(axis=1)
    none = np.array([cell.sign is None for cell in cells])
    shown = np.flatnonzero(any_lit)
    lonely = np.zeros(len(lit), np.bool_)
    if len(shown) > 1:
        lonely[shown[0]], lonely[shown[-1]] = shown[1] > shown[0] + 1, shown[-2] < shown[-1] - 1
    minus = np.array([cell.sign == MINUS for cell in cells])
    lonely &= ~minus
    strays = outside & (through | (edge & upright) | (on_frame & runs.any(axis=1)) | (none & edge) | lonely)
    ends = np.zeros(len(lit), np.bool_)
    ends[[shown[0], shown[-1]]] = True
    strays |= ends & none & (through | on_frame | lonely)
    return np.asarray(strays | (lonely & through), np.bool_)


def _point_odds(shares: Floats) -> Floats:
    on = np.minimum((shares - POINT) / POINT_SCATTER, 0.0)
    off = np.maximum((shares - NO_POINT) / NO_POINT_SCATTER, 0.0)
    return np.asarray(np.clip(0.5 * (off**2 - on**2), -MOST_ODDS, MOST_ODDS), np.float64)

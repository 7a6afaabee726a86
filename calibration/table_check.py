"""Checking a tank table that someone else made: does it increase, are its steps plausible, does a row stand
out.

A shape is fitted robustly, so that a bad row does not bend it. Real tanks differ from every shape by more
than a table is rounded; so a row is judged against its neighbours: its distance from the shape must follow
theirs.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from calibration.data_table import DataTable
from calibration.errors import UnsuitableModelError
from calibration.table_outliers import from_neighbours, outliers, roughness, rounding_unit
from calibration.table_shape import ClosestShape, closest_shape

Array = NDArray[np.float64]

ROWS_MIN = 8
STEP_RATIO = 2.5  # of a step's dV/dh and both its neighbours'
STEP_DIGITS_MIN = 6.0  # a step that is off by less than this many last digits is rounding
STEP_THRESHOLDS_MIN = 1.5  # and by less than so many times what a single row may stand out: noise
FLAT_DIGITS = 3.0  # where three steps together rise by less, two rows may be printed alike
SYMMETRY_LIMIT = 0.01  # of the capacity
SYMMETRY_SCATTER_MAX = (
    5e-4  # of the capacity: only a table that follows the level, lying shape must be symmetric
)
COVERED_MIN = 0.97  # of the fitted height: only then is there a second half to compare with
_REACH = 4  # rows on either side that the size of a row which falls is taken from
_MAD_TO_SIGMA = 1.4826


class Kind(StrEnum):
    """What is wrong with a row, or with the table. The words do not change."""

    NOT_INCREASING = "not-increasing"
    NEGATIVE = "negative"
    OUTLIER = "outlier"
    STEP = "step"
    ASYMMETRIC = "asymmetric"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: at this reading, by this volume (in the table's units), and a sentence.

    The size of a row is by how much its volume lies above what the rest of the table says.
    """

    kind: Kind
    reading: float
    size: float
    sentence: str


@dataclass(frozen=True)
class TableReport:
    """What the check found. `shape` is the fitted shape's name, `dimensions` its parameters in the reading's
    unit.

    `scatter`: robust standard deviation of the rows about the shape; `threshold`: by how much a row must
    stand out from its neighbours to be named. `notes`: what could not be checked.
    """

    findings: tuple[Finding, ...]
    shape: str
    dimensions: dict[str, float]
    scatter: float
    threshold: float
    rows: int
    notes: tuple[str, ...]

    @property
    def plausible(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


def check_table(table: DataTable, *, full: bool = False) -> TableReport:
    """The findings for a table. `full`: its last row is the full tank, lying and level (its halves must be
    equal).

    Raises `UnsuitableModelError` for fewer than eight rows.
    """
    x, v = table.reading, table.volume
    if x.size < ROWS_MIN:
        raise UnsuitableModelError(f"a table is checked from {ROWS_MIN} rows on, not {x.size}")
    rounding = rounding_unit(v)
    impossible = _negative(table) + _falling(table, rounding)
    if impossible:
        return TableReport(
            tuple(sorted(impossible, key=lambda f: f.reading)),
            "none",
            {},
            0.0,
            0.0,
            x.size,
            ("Rows that do not increase or are negative: no more was checked.",),
        )
    shape = closest_shape(table, rounding)
    deviations = v - shape.values
    everywhere = np.arange(x.size)
    least = STEP_DIGITS_MIN * rounding
    spoilt = _spoilt_ends(x, _steps(table, everywhere, least))
    threshold, named = outliers(x, v, deviations, np.setdiff1d(everywhere, spoilt), rounding)
    kept = np.setdiff1d(everywhere, list(named))
    findings = _steps(table, kept, max(least, STEP_THRESHOLDS_MIN * threshold))
    findings += [_outlier_finding(float(x[i]), size, table) for i, size in sorted(named.items())]
    settled = deviations[np.setdiff1d(kept, spoilt)]
    scatter = _MAD_TO_SIGMA * float(np.median(np.abs(settled - np.median(settled))))
    halves, notes = _symmetry(table, shape, scatter, full=full)
    findings += halves
    return TableReport(
        tuple(findings), shape.name, shape.dimensions, scatter, threshold, x.size, tuple(notes)
    )


def _spoilt_ends(x: Array, steps: list[Finding]) -> NDArray[np.int_]:
    """The first or last row where the step beside it is impossible: it says nothing of its neighbours."""
    return np.array(
        [x.size - 1 if f.reading == x[-1] else 0 for f in steps if f.reading in (x[1], x[-1])], dtype=int
    )


def _negative(table: DataTable) -> list[Finding]:
    """Volumes below zero in a table of heights (a neck's readings may be on both sides of its nominal)."""
    if table.cubic_factor is None:
        return []
    found = []
    for i in np.flatnonzero(table.volume < 0):
        reading, volume = float(table.reading[i]), float(table.volume[i])
        kept = np.flatnonzero((table.volume >= 0) | (np.arange(table.volume.size) == i))
        size = _size(table, kept, int(i))
        sentence = (
            f"at {reading:g} {table.reading_unit} the volume is negative: {volume:.10g} {table.volume_unit}"
        )
        found.append(Finding(Kind.NEGATIVE, reading, size if np.isfinite(size) else volume, sentence))
    return found


def _falling(table: DataTable, rounding: float) -> list[Finding]:
    """The rows without which the rest increases. Of two that contradict each other the one is named without
    which the table is smoother; where too many would go, every row that does not rise.
    """
    x, v = table.reading, table.volume
    rows = np.flatnonzero(v >= 0) if table.cubic_factor is not None else np.arange(x.size)
    if rows.size < ROWS_MIN:
        rows = np.arange(x.size)
    kept = rows
    named: list[tuple[int, int]] = []
    while (falls := _falls(x[kept], v[kept], rounding)).size:
        if len(named) >= rows.size // 4 or kept.size <= ROWS_MIN - 2:
            return [_fall_finding(table, int(i), int(i) - 1, rows) for i in _falls(x, v, rounding)]
        # Rows that are alike may be so for a bad row beside them: what truly falls comes first.
        below = falls[(v[kept[falls]] < v[kept[falls - 1]]) | (x[kept[falls]] <= x[kept[falls - 1]])]
        at = int((below if below.size else falls)[0])
        worse = min((at - 1, at), key=lambda row: _left_without(x[kept], v[kept], row, rounding))
        named.append((int(kept[worse]), int(kept[2 * at - 1 - worse])))
        kept = np.delete(kept, worse)
    return [_fall_finding(table, row, other, np.union1d(kept, [row])) for row, other in named]


def _falls(x: Array, v: Array, rounding: float) -> NDArray[np.int_]:
    """Rows that do not lie above the one before them; where the table is as flat as its rounding, rows may be
    alike.
    """
    n = x.size
    around = v[np.minimum(np.arange(1, n) + 1, n - 1)] - v[np.maximum(np.arange(1, n) - 2, 0)]
    alike = (v[1:] == v[:-1]) & (around <= FLAT_DIGITS * rounding * (1 + 1e-9))
    return np.asarray(np.flatnonzero((x[1:] <= x[:-1]) | ((v[1:] <= v[:-1]) & ~alike)) + 1)


def _left_without(x: Array, v: Array, row: int, rounding: float) -> tuple[int, float]:
    """How many rows still fall when one is left out, and how rough the table is there."""
    falls = _falls(np.delete(x, row), np.delete(v, row), rounding)
    return falls.size, roughness(x, v, row)


def _size(table: DataTable, kept: NDArray[np.int_], row: int) -> float:
    """By how much a row's volume lies above what the kept rows, itself among them, say there."""
    place = int(np.searchsorted(kept, row))
    near = np.arange(max(0, place - _REACH), min(kept.size, place + _REACH + 1))
    x, v = table.reading[kept[near]], table.volume[kept[near]]
    with np.errstate(all="ignore"):
        return float(table.volume[row]) - from_neighbours(x, v, place - int(near[0]))


def _fall_finding(table: DataTable, row: int, other: int, kept: NDArray[np.int_]) -> Finding:
    x, v = table.reading, table.volume
    size = _size(table, kept, row)
    first, second = (other, row) if other < row else (row, other)
    if not np.isfinite(size):
        size = float(v[second] - v[first])
    side = "above" if row > other else "below"
    beside = "before" if row > other else "after"
    if x[second] <= x[first]:
        sentence = f"the reading {x[row]:g} {table.reading_unit} does not lie {side} {x[other]:g} {beside} it"
    else:
        sentence = (
            f"at {x[row]:g} {table.reading_unit} the volume {v[row]:.10g} {table.volume_unit} does not lie "
            f"{side} {v[other]:.10g} {beside} it: it is {abs(size):.4g} {table.volume_unit} "
            f"{'more' if size > 0 else 'less'} than the rows around it say"
        )
    return Finding(Kind.NOT_INCREASING, float(x[row]), size, sentence)


def _outlier_finding(reading: float, size: float, table: DataTable) -> Finding:
    direction = "more" if size > 0 else "less"
    return Finding(
        Kind.OUTLIER,
        float(reading),
        size,
        f"at {reading:g} {table.reading_unit} the volume is {abs(size):.4g} {table.volume_unit} {direction} "
        "than the rows around it and the shape say",
    )


def _steps(table: DataTable, kept: NDArray[np.int_], least: float) -> list[Finding]:
    """Steps between the kept rows whose dV/dh lies far above, or far below, both its neighbours'
    (by more than `least`).

    At the bottom a shell may widen, at the top narrow, as fast as it likes; the reverse is implausible too.
    """
    x, v = table.reading[kept], table.volume[kept]
    slopes = np.diff(v) / np.diff(x)
    found = []
    for i, slope in enumerate(slopes):
        beside = [slopes[j] for j in (i - 1, i + 1) if 0 <= j < slopes.size]
        at_end = len(beside) == 1
        high = slope > STEP_RATIO * max(beside)
        low = slope * STEP_RATIO < min(beside) and not at_end
        size = float((slope - np.median(beside)) * (x[i + 1] - x[i]))
        if (high or low) and abs(size) > least:
            units = f"{table.volume_unit} per {table.reading_unit}"
            found.append(
                Finding(
                    Kind.STEP,
                    float(x[i + 1]),
                    size,
                    f"from {x[i]:g} to {x[i + 1]:g} {table.reading_unit} the table rises by {slope:.4g} "
                    f"{units}, beside it by {float(np.median(beside)):.4g}",
                )
            )
    return found


def _symmetry(
    table: DataTable, shape: ClosestShape, scatter: float, *, full: bool
) -> tuple[list[Finding], list[str]]:
    """Whether the halves of a level, lying tank are equal: V(h) + V(H - h) = V(H)."""
    x, v = table.reading, table.volume
    if full:
        height, zero = float(x[-1]), 0.0
    elif shape.name != "lying":
        return [], ["Symmetry was not checked: the shape is not a level, lying tank."]
    elif scatter > SYMMETRY_SCATTER_MAX * float(v[-1]):
        return [], [
            f"Symmetry was not checked: the table follows a plain cylinder to {scatter:.3g} "
            f"{table.volume_unit} only."
        ]
    elif shape.height is None or x[-1] < COVERED_MIN * shape.height - shape.dimensions["offset"]:
        return [], [
            f"Symmetry was not checked: the table ends at {x[-1]:g} {table.reading_unit} "
            f"of a fitted height of {shape.height or 0.0:.4g} {table.reading_unit}."
        ]
    else:
        height, zero = shape.height, -shape.dimensions["offset"]
    # What the last row lacks of a full tank lies as far above the bottom as the row lies below the top.
    mirrored = 2 * zero + height - float(x[-1])
    capacity = float(v[-1]) + (float(np.interp(mirrored, x, v)) if mirrored >= x[0] else 0.0)
    middle = zero + height / 2
    half = float(np.interp(middle, x, v))
    miss = half - capacity / 2
    if abs(miss) <= SYMMETRY_LIMIT * capacity:
        return [], []
    sentence = (
        f"at half the height, {middle:.4g} {table.reading_unit}, a level, lying tank of {capacity:.6g} "
        f"{table.volume_unit} holds {capacity / 2:.6g} {table.volume_unit}; the table has {half:.6g} "
        f"{table.volume_unit}"
    )
    return [Finding(Kind.ASYMMETRIC, middle, miss, sentence)], []

"""Checking a tank table that someone else made: does it increase, are its steps plausible, does a row stand
out.

A shape is fitted robustly, so that a bad row does not bend it. Real tanks differ from every shape by more
than a table is rounded; so a row is judged against its neighbours: its distance from the shape must follow
theirs.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from calibration.data_table import DataTable
from calibration.errors import CalibrationError, UnsuitableModelError
from calibration.tank_curve import TankShape
from calibration.tanks import Orientation, Tank

Array = NDArray[np.float64]

ROWS_MIN = 8
OUTLIER_DEVIATIONS = 8.0  # robust standard deviations from what the neighbours say
RESOLUTIONS_MIN = 3.0  # a row that stands out by less than this many last digits is rounding
STEP_SHARE_MIN = 0.05  # of the step from row to row: less may be a seam of the shell
STEP_SHARE_NEAR_ENDS = (
    0.25  # within five rows of an end, where the shell curves most and a tilt has its seams
)
STEP_RATIO = 2.5  # of a step's dV/dh and both its neighbours'
SYMMETRY_LIMIT = 0.01  # of the capacity
SYMMETRY_SCATTER_MAX = (
    5e-4  # of the capacity: only a table that follows the level, lying shape must be symmetric
)
COVERED_MIN = 0.97  # of the fitted height: only then is there a second half to compare with
_NEAR_END = 5
_CANDIDATES = 6
_NEIGHBOURS = 2
_AROUND = 8
_MAD_TO_SIGMA = 1.4826


class Kind(StrEnum):
    """What is wrong with a row, or with the table. The words do not change."""

    NOT_INCREASING = "not-increasing"
    OUTLIER = "outlier"
    STEP = "step"
    ASYMMETRIC = "asymmetric"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: at this reading, by this volume (in the table's units), and a sentence."""

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


@dataclass(frozen=True)
class _Shape:
    name: str
    dimensions: dict[str, float]
    values: Array
    height: float | None


def check_table(table: DataTable, *, full: bool = False) -> TableReport:
    """The findings for a table. `full`: its last row is the full tank, lying and level (its halves must be
    equal).

    Raises `UnsuitableModelError` for fewer than eight rows.
    """
    x, v = table.reading, table.volume
    if x.size < ROWS_MIN:
        raise UnsuitableModelError(f"a table is checked from {ROWS_MIN} rows on, not {x.size}")
    falling = _falling(x, v, table)
    if falling:
        return TableReport(
            tuple(falling), "none", {}, 0.0, 0.0, x.size, ("Rows that do not increase: no more was checked.",)
        )
    shape = _best_shape(table)
    deviations = v - shape.values
    steps = _steps(table)
    whole = np.array(
        [x.size - 1 if f.reading == x[-1] else 0 for f in steps if f.reading in (x[1], x[-1])], dtype=int
    )
    threshold, named = _outliers(x, v, deviations, np.setdiff1d(np.arange(x.size), whole))
    findings = [*steps, *(_outlier_finding(x[i], size, table) for i, size in sorted(named.items()))]
    kept = np.array([i not in named and i not in whole for i in range(x.size)])
    centre = float(np.median(deviations[kept]))
    scatter = _MAD_TO_SIGMA * float(np.median(np.abs(deviations[kept] - centre)))
    halves, notes = _symmetry(table, shape, scatter, full=full)
    findings += halves
    return TableReport(
        tuple(findings), shape.name, shape.dimensions, scatter, threshold, x.size, tuple(notes)
    )


def _falling(x: Array, v: Array, table: DataTable) -> list[Finding]:
    found = []
    for i in range(1, x.size):
        if x[i] <= x[i - 1]:
            sentence = f"the reading {x[i]:g} {table.reading_unit} does not lie above {x[i - 1]:g} before it"
            found.append(Finding(Kind.NOT_INCREASING, float(x[i]), float(v[i] - v[i - 1]), sentence))
        elif v[i] <= v[i - 1]:
            place = f"at {x[i]:g} {table.reading_unit}"
            sentence = f"{place} the volume {v[i]:g} does not lie above {v[i - 1]:g} before it"
            found.append(Finding(Kind.NOT_INCREASING, float(x[i]), float(v[i] - v[i - 1]), sentence))
    return found


def _outliers(
    x: Array, v: Array, deviations: Array, kept: NDArray[np.int_]
) -> tuple[float, dict[int, float]]:
    """The threshold that holds for most of the `kept` rows, and those of them that stand out, with their
    size.

    The first and the last row have neighbours on one side only, and are judged by their step alone.
    """
    named: dict[int, float] = {}
    while True:
        local, limits = _limited(x[kept], v[kept], deviations[kept])
        over = np.abs(local) / limits
        candidates = [int(i) for i in np.argsort(over)[::-1][:_CANDIDATES] if over[i] > 1]
        if not candidates or len(named) >= x.size // 4 or kept.size <= ROWS_MIN - 2:
            return float(np.median(limits[1:-1])), named
        # A bad row makes its neighbours look bad: the one to name is that without which the others look best.
        worst = min(candidates, key=lambda i: _worst_without(x[kept], v[kept], deviations[kept], i))
        named[int(kept[worst])] = float(local[worst])
        kept = np.delete(kept, worst)


def _limited(x: Array, v: Array, deviations: Array) -> tuple[Array, Array]:
    """By how much each row stands out from its neighbours, and how much it may."""
    local, noise = _local(x, deviations)
    standard = np.abs(local / noise)
    scale = _MAD_TO_SIGMA * float(np.median(standard))
    limits = np.maximum(OUTLIER_DEVIATIONS * np.maximum(scale, _around(standard)) * noise, _share_of_step(v))
    limits = np.maximum(limits, RESOLUTIONS_MIN * _resolution(v))
    limits[0] = limits[-1] = np.inf
    return local, limits


def _worst_without(x: Array, v: Array, deviations: Array, row: int) -> float:
    """The largest excess among the rows near `row` when it is left out."""
    near = slice(max(0, row - 2 * _AROUND), row + 2 * _AROUND)
    there = np.delete(np.arange(x.size)[near], row - near.start)
    local, limits = _limited(x[there], v[there], deviations[there])
    return float(np.max(np.abs(local) / limits))


def _around(standard: Array) -> Array:
    """Robust scale of the rows a little further off: a bad row spoils its nearest neighbours' values too."""
    n = standard.size
    scales = np.zeros(n)
    for i in range(n):
        near = [j for j in range(i - _AROUND, i + _AROUND + 1) if 0 <= j < n and abs(j - i) > _NEIGHBOURS]
        scales[i] = _MAD_TO_SIGMA * float(np.median(standard[near])) if near else 0.0
    return scales


def _share_of_step(v: Array) -> Array:
    """The smallest size of an outlier at each row, from the step between the rows beside it."""
    steps = np.empty(v.size)
    steps[1:-1] = (v[2:] - v[:-2]) / 2
    steps[0], steps[-1] = v[2] - v[1], v[-2] - v[-3]
    shares = np.full(v.size, STEP_SHARE_MIN)
    shares[:_NEAR_END] = shares[-_NEAR_END:] = STEP_SHARE_NEAR_ENDS
    # What is small beside the table's mean step is of no consequence, however small the steps are there.
    return np.asarray(np.maximum(shares * np.abs(steps), STEP_SHARE_MIN * float(np.ptp(v)) / (v.size - 1)))


def _local(x: Array, deviations: Array) -> tuple[Array, Array]:
    """Each row's deviation less what its neighbours' deviations predict there, and the noise of that
    difference.

    The prediction is the polynomial through two neighbours on either side (at the ends, the straight line
    through the nearest two); the noise is that of independent rows of standard deviation one.
    """
    n = x.size
    local, noise = np.empty(n), np.empty(n)
    for i in range(n):
        left = list(range(max(0, i - _NEIGHBOURS), i))
        right = list(range(i + 1, min(n, i + 1 + _NEIGHBOURS)))
        near = (left + right) if left and right else (right[:2] or left[-2:])
        weights = _lagrange(x[near], x[i])
        local[i] = deviations[i] - float(weights @ deviations[near])
        noise[i] = np.sqrt(1 + float(weights @ weights))
    return local, noise


def _lagrange(nodes: Array, x: float) -> Array:
    """Weights of the values at the nodes in the polynomial through them, at x."""
    return np.array(
        [np.prod([(x - b) / (a - b) for j, b in enumerate(nodes) if j != i]) for i, a in enumerate(nodes)]
    )


def _resolution(volumes: Array) -> float:
    """The unit of the last digit that the volumes are written with."""
    digits = max(len(f"{v:.6f}".rstrip("0").partition(".")[2]) for v in volumes.tolist())
    return float(10.0**-digits)


def _outlier_finding(reading: float, size: float, table: DataTable) -> Finding:
    direction = "more" if size > 0 else "less"
    return Finding(
        Kind.OUTLIER,
        float(reading),
        size,
        f"at {reading:g} {table.reading_unit} the volume is {abs(size):.4g} {table.volume_unit} {direction} "
        "than the rows around it and the shape say",
    )


def _steps(table: DataTable) -> list[Finding]:
    """Steps whose dV/dh lies far above, or far below, both its neighbours'.

    At the bottom a shell may widen, at the top narrow, as fast as it likes; the reverse is implausible too.
    """
    x, v = table.reading, table.volume
    slopes = np.diff(v) / np.diff(x)
    found = []
    for i, slope in enumerate(slopes):
        beside = [slopes[j] for j in (i - 1, i + 1) if 0 <= j < slopes.size]
        at_end = len(beside) == 1
        high = slope > STEP_RATIO * max(beside)
        low = slope * STEP_RATIO < min(beside) and not at_end
        rounding = 2 * RESOLUTIONS_MIN * _resolution(v)
        size = float((slope - np.median(beside)) * (x[i + 1] - x[i]))
        if (high or low) and abs(size) > rounding:
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
    table: DataTable, shape: _Shape, scatter: float, *, full: bool
) -> tuple[list[Finding], list[str]]:
    """Whether the halves of a level, lying tank are equal: V(h) + V(H - h) = V(H)."""
    x, v = table.reading, table.volume
    if full:
        height = float(x[-1])
    elif shape.name != "lying":
        return [], ["Symmetry was not checked: the shape is not a level, lying tank."]
    elif scatter > SYMMETRY_SCATTER_MAX * float(v[-1]):
        return [], [f"Symmetry was not checked: the table follows a plain cylinder to {scatter:.3g} only."]
    elif shape.height is None or x[-1] < COVERED_MIN * shape.height:
        return [], [
            f"Symmetry was not checked: the table ends at {x[-1]:g} "
            f"of a fitted height of {shape.height or 0.0:.4g}."
        ]
    else:
        height = shape.height
    capacity = float(v[-1])
    half = float(np.interp(height / 2, x, v))
    miss = half - capacity / 2
    if abs(miss) <= SYMMETRY_LIMIT * capacity:
        return [], []
    sentence = (
        f"at half the height, {height / 2:.4g} {table.reading_unit}, a level, lying tank of {capacity:.6g} "
        f"{table.volume_unit} holds {capacity / 2:.6g}; the table has {half:.6g}"
    )
    return [Finding(Kind.ASYMMETRIC, height / 2, miss, sentence)], []


def _best_shape(table: DataTable) -> _Shape:
    """The shape with the smallest robust scatter; a tilt must halve it, or the tank counts as level."""
    x, v = table.reading, table.volume
    slope, intercept = np.polyfit(x, v, 1)
    spread = _spread(v)

    def residuals(b: Array) -> Array:
        return np.asarray((b[0] + b[1] * x - v) / spread)

    robust = least_squares(residuals, [intercept, slope], loss="soft_l1", f_scale=1e-3, x_scale="jac")
    line = _Shape("standing", {"slope": float(robust.x[1])}, np.asarray(robust.x[0] + robust.x[1] * x), None)
    level = _level(table)
    if level is None or _scatter(v - level.values) >= _scatter(v - line.values):
        return line
    if _scatter(v - level.values) <= RESOLUTIONS_MIN * _resolution(v):
        return level
    tilted = _tilted(table, level)
    better = tilted is not None and _scatter(v - tilted.values) < _scatter(v - level.values) / 2
    return tilted if better and tilted is not None else level


def _level(table: DataTable) -> _Shape | None:
    """A level, lying cylinder, fitted robustly from several radii; None where there is none."""
    x, v = table.reading, table.volume
    factor = table.cubic_factor or 1.0
    best: _Shape | None = None
    for filled in (1.0, 0.85, 0.6, 0.35):
        tank = Tank(Orientation.LYING, float(x[-1]) / 2 / filled, 1.0)
        areas = factor * tank.volume(np.clip(x, 0.0, tank.height))
        length = float(np.median(v[1:] / np.maximum(areas[1:], 1e-12 * areas.max())))
        start = {"radius": tank.radius, "length": length, "offset": 0.0}
        found = _robust("lying", TankShape(replace(tank, length=length), tuple(start), factor), x, v, start)
        if found is not None and (best is None or _scatter(v - found.values) < _scatter(v - best.values)):
            best = found
    return best


def _tilted(table: DataTable, level: _Shape) -> _Shape | None:
    """A tilted, lying cylinder, fitted robustly from the level one."""
    start = {**level.dimensions, "tilt": 0.01}
    tank = Tank(Orientation.LYING, start["radius"], start["length"])
    shape = TankShape(tank, tuple(start), table.cubic_factor or 1.0)
    return _robust("lying-tilted", shape, table.reading, table.volume, start)


def _robust(name: str, shape: TankShape, x: Array, v: Array, start: dict[str, float]) -> _Shape | None:
    """The shape whose free quantities fit the rows, outliers counting little; None where it ends nowhere."""
    first = np.array(list(start.values()))
    spread = _spread(v)

    def residuals(b: Array) -> Array:
        try:
            return np.asarray((shape.value(x, b) - v) / spread)
        except CalibrationError:
            return np.full(x.size, 1e3)

    def jacobian(b: Array) -> Array:
        try:
            return np.asarray(shape.gradient(x, b) / spread)
        except CalibrationError:
            return np.zeros((x.size, b.size))

    found = least_squares(
        residuals,
        first,
        jac=jacobian,
        loss="soft_l1",
        f_scale=1e-3,
        x_scale=np.maximum(np.abs(first), 1e-2 * np.abs(first[0])),
        max_nfev=200,
    )
    parameters = np.asarray(found.x, dtype=np.float64)
    dimensions = dict(zip(start, parameters.tolist(), strict=True))
    try:
        return _Shape(name, dimensions, shape.value(x, parameters), 2 * dimensions["radius"])
    except CalibrationError:
        return None


def _spread(v: Array) -> float:
    return float(np.ptp(v))


def _scatter(deviations: Array) -> float:
    return float(np.median(np.abs(deviations - np.median(deviations))))

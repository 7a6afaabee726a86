"""The shape that lies closest to a tank table, fitted robustly so that a bad row does not bend it."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from calibration.data_table import DataTable
from calibration.errors import CalibrationError
from calibration.tank_curve import TankShape
from calibration.tanks import Orientation, Tank

Array = NDArray[np.float64]

_DIGITS = 3.0  # of the table: a scatter below is rounding, and no tilt is looked for


@dataclass(frozen=True)
class ClosestShape:
    """A shape's name, its `dimensions`, its volumes at the table's readings, and its height (None: unknown).

    The dimensions are in the reading's unit.
    """

    name: str
    dimensions: dict[str, float]
    values: Array
    height: float | None


def closest_shape(table: DataTable, rounding: float) -> ClosestShape:
    """The shape with the smallest robust scatter; a tilt must halve it, or the tank counts as level."""
    x, v = table.reading, table.volume
    slope, intercept = np.polyfit(x, v, 1)
    spread = _spread(v)

    def residuals(b: Array) -> Array:
        return np.asarray((b[0] + b[1] * x - v) / spread)

    robust = least_squares(residuals, [intercept, slope], loss="soft_l1", f_scale=1e-3, x_scale="jac")
    line = ClosestShape(
        "standing", {"slope": float(robust.x[1])}, np.asarray(robust.x[0] + robust.x[1] * x), None
    )
    level = _level(table)
    if level is None or _scatter(v - level.values) >= _scatter(v - line.values):
        return line
    if _scatter(v - level.values) <= _DIGITS * rounding:
        return level
    tilted = _tilted(table, level)
    better = tilted is not None and _scatter(v - tilted.values) < _scatter(v - level.values) / 2
    return tilted if better and tilted is not None else level


def _level(table: DataTable) -> ClosestShape | None:
    """A level, lying cylinder, fitted robustly from several radii; None where there is none."""
    x, v = table.reading, table.volume
    factor = table.cubic_factor or 1.0
    best: ClosestShape | None = None
    for filled in (1.0, 0.85, 0.6, 0.35):
        tank = Tank(Orientation.LYING, float(x[-1]) / 2 / filled, 1.0)
        areas = factor * tank.volume(np.clip(x, 0.0, tank.height))
        length = float(np.median(v[1:] / np.maximum(areas[1:], 1e-12 * areas.max())))
        start = {"radius": tank.radius, "length": length, "offset": 0.0}
        found = _robust("lying", TankShape(replace(tank, length=length), tuple(start), factor), x, v, start)
        if found is not None and (best is None or _scatter(v - found.values) < _scatter(v - best.values)):
            best = found
    return best


def _tilted(table: DataTable, level: ClosestShape) -> ClosestShape | None:
    """A tilted, lying cylinder, fitted robustly from the level one."""
    start = {**level.dimensions, "tilt": 0.01}
    tank = Tank(Orientation.LYING, start["radius"], start["length"])
    shape = TankShape(tank, tuple(start), table.cubic_factor or 1.0)
    return _robust("lying-tilted", shape, table.reading, table.volume, start)


def _robust(name: str, shape: TankShape, x: Array, v: Array, start: dict[str, float]) -> ClosestShape | None:
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
        return ClosestShape(name, dimensions, shape.value(x, parameters), 2 * dimensions["radius"])
    except CalibrationError:
        return None


def _spread(v: Array) -> float:
    return float(np.ptp(v))


def _scatter(deviations: Array) -> float:
    return float(np.median(np.abs(deviations - np.median(deviations))))

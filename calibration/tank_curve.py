"""The curve of a tank of physical shape, with some of its dimensions fitted."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.curve import Curve
from calibration.curve_models import invert, quadratic_form
from calibration.errors import CalibrationError, UnsuitableModelError
from calibration.fitted import FittedCurve, Points
from calibration.nonlinear import NonlinearFit, Regression, fit_nonlinear, judged_at
from calibration.tanks import Orientation, Tank

Array = NDArray[np.float64]

DIMENSIONS = ("radius", "length", "tilt", "gauge")
OFFSET, DEAD_VOLUME = "offset", "dead_volume"

TILT = "tilt"

_BEYOND_MAX = 0.02  # of the height: readings that may lie outside of the fitted tank
_TILT_PROBE = 1e-3  # rad; where the uncertainty of the tilt's square is asked for
_SHARE_OF_SQUARE = 0.01  # of the uncertainty of the tilt's square: what the smallest tilt may add to it
_SQUARE_GROWTH = 3.0  # of the tilt's uncertainty towards zero; where it does not grow, there is no square


@dataclass(frozen=True)
class TankShape:
    """V = factor · volume(x + offset) + dead_volume of a tank, of which the `free` quantities are the
    parameters.

    `factor` turns cubed units of length into units of volume (1e-6 for mm and L). The others keep the values
    of
    `tank`, `offset` and `dead_volume`. Raises `CalibrationError` for a free quantity that there is not.
    """

    tank: Tank
    free: tuple[str, ...]
    factor: float = 1.0
    offset: float = 0.0
    dead_volume: float = 0.0

    def __post_init__(self) -> None:
        known = (*DIMENSIONS, OFFSET, DEAD_VOLUME)
        unknown = [name for name in self.free if name not in known]
        if unknown or len(set(self.free)) != len(self.free):
            raise CalibrationError(
                f"a tank's free quantities are some of {', '.join(known)}, not {self.free}"
            )

    @property
    def name(self) -> str:
        """`tank-lying` or `tank-standing`."""
        return f"tank-{self.tank.orientation}"

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """The free quantities."""
        return self.free

    def shaped(self, parameters: Array) -> tuple[Tank, float, float]:
        """The tank, its offset and dead volume with these parameters."""
        given: dict[str, Any] = dict(zip(self.free, (float(p) for p in parameters), strict=True))
        offset, dead = given.pop(OFFSET, self.offset), given.pop(DEAD_VOLUME, self.dead_volume)
        return replace(self.tank, **given), offset, dead

    def value(self, x: Array, parameters: Array) -> Array:
        """V, shape (n,); beyond the tank's height it stays full, below it empty."""
        tank, offset, dead = self.shaped(parameters)
        return np.asarray(self.factor * tank.volume(_within(tank, x + offset)) + dead)

    def derivative(self, x: Array, parameters: Array) -> Array:
        """dV/dx, shape (n,)."""
        tank, offset, _ = self.shaped(parameters)
        return np.asarray(self.factor * tank.surface(_within(tank, x + offset)))

    def gradient(self, x: Array, parameters: Array) -> Array:
        """∂V/∂β, shape (n, p)."""
        tank, offset, _ = self.shaped(parameters)
        heights = _within(tank, x + offset)
        named = [name for name in self.free if name in DIMENSIONS]
        dimensions = tank.sensitivity(heights, named) if named else np.empty((heights.size, 0))
        columns = dict(zip(named, self.factor * dimensions.T, strict=True))
        if OFFSET in self.free:
            columns[OFFSET] = self.factor * tank.surface(heights)
        columns[DEAD_VOLUME] = np.ones_like(heights)
        return np.stack([columns[name] for name in self.free], axis=-1)

    def variance(self, x: Array, parameters: Array, covariance: Array) -> Array:
        """Variance of V, shape (n,)."""
        return quadratic_form(self.gradient(x, parameters), covariance)

    def inverse(self, v: Array, parameters: Array, domain: tuple[float, float]) -> Array:
        """x within the domain with V(x) = v, shape (n,)."""
        return invert(
            lambda x: self.value(x, parameters), lambda x: self.derivative(x, parameters), v, domain
        )

    def increases(self, low: float, high: float, parameters: Array) -> bool:
        """Whether the readings lie within the tank: a solid's volume increases there."""
        tank, offset, _ = self.shaped(parameters)
        slack = 1e-9 * tank.height
        return low + offset >= -slack and high + offset <= tank.height + slack


def fit_tank(points: Points, shape: TankShape) -> FittedCurve:
    """The tank whose free quantities fit the points, from the start that `shape` gives.

    Raises as `fit_nonlinear`, and `UnsuitableModelError` where readings lie outside the fitted tank.
    """
    fit = _with_tilt_that_counts(points, shape, _leaning_the_right_way(points, shape, _fitted(points, shape)))
    domain = _readings_within(shape, fit.parameters, points.x)
    return FittedCurve(
        Curve(shape, fit.parameters, fit.covariance, domain),
        fit.chi_squared,
        fit.dof,
        np.asarray(points.v - shape.value(points.x, fit.parameters)),
        fit.normalised_residuals,
    )


def _fitted(points: Points, shape: TankShape) -> NonlinearFit:
    start = np.array(
        [
            {OFFSET: shape.offset, DEAD_VOLUME: shape.dead_volume}.get(name, getattr(shape.tank, name, 0.0))
            for name in shape.free
        ],
        dtype=np.float64,
    )
    about_middle = _AboutMiddle(shape)
    if not about_middle.differs:
        return _fit(points, _Guarded(shape), start)
    inner = about_middle.inner(start)
    place = shape.free.index(TILT)
    if abs(inner[place]) < _TILT_PROBE:  # at zero nothing says which way to go
        inner[place] = np.copysign(_TILT_PROBE, inner[place])
    fit = _fit(points, about_middle, inner)
    return _judged(points, shape, about_middle.outer(fit.parameters), fit.x_adjusted)


def _fit(points: Points, model: Regression, start: Array) -> NonlinearFit:
    return fit_nonlinear(
        model,
        points.x,
        points.v,
        start,
        y_covariance=points.v_covariance,
        x_covariance=points.x_covariance,
    )


def _leaning_the_right_way(points: Points, shape: TankShape, fit: NonlinearFit) -> NonlinearFit:
    """The better of the fit and the one that starts from the opposite tilt.

    With equal heads both are the same tank turned around; with different ones each is a minimum of its own.
    """
    tank = shape.tank
    if tank.orientation is not Orientation.LYING or TILT not in shape.free or tank.first == tank.second:
        return fit
    tilt = float(fit.parameters[shape.free.index(TILT)])
    turned, offset, dead = shape.shaped(_tilted_about_middle(shape, fit.parameters, -tilt))
    try:
        other = _fitted(points, TankShape(turned, shape.free, shape.factor, offset, dead))
    except CalibrationError:
        return fit
    return other if other.chi_squared < fit.chi_squared else fit


def _with_tilt_that_counts(points: Points, shape: TankShape, fit: NonlinearFit) -> NonlinearFit:
    """The fit; where its tilt came out as good as zero, with a small one whose uncertainty can be stated.

    A tilt about the middle of a lying tank changes its volumes by the tilt's square only; what is left of
    its first derivative is that of the offset. So at a tilt of zero first order knows no uncertainty of it
    (and its covariance is singular), however large a tilt the points allow. There the smallest tilt is put
    whose square is a hundredth of that square's own uncertainty, and the other quantities fitted to it.
    """
    if shape.tank.orientation is not Orientation.LYING or TILT not in shape.free:
        return fit
    place = shape.free.index(TILT)
    tilt = float(fit.parameters[place])

    def u_at(other: float) -> float:
        moved = _tilted_about_middle(shape, fit.parameters, other)
        return float(np.sqrt(_judged(points, shape, moved, fit.x_adjusted).covariance[place, place]))

    least = float(np.sqrt(_SHARE_OF_SQUARE * 2 * _TILT_PROBE * u_at(_TILT_PROBE)))
    if abs(tilt) >= least or u_at(least) < _SQUARE_GROWTH * u_at(10 * least):
        return fit
    tank, offset, dead = shape.shaped(_tilted_about_middle(shape, fit.parameters, least))
    rest = tuple(name for name in shape.free if name != TILT)
    others = _fitted(points, TankShape(tank, rest, shape.factor, offset, dead))
    return _judged(points, shape, np.insert(others.parameters, place, least), others.x_adjusted)


def _tilted_about_middle(shape: TankShape, parameters: Array, tilt: float) -> Array:
    """The parameters with another tilt; a free offset keeps the liquid's level at the middle of the tank."""
    tank, offset, _ = shape.shaped(parameters)
    given = dict(zip(shape.free, parameters.tolist(), strict=True))
    if OFFSET in given:
        given[OFFSET] = offset + (tank.gauge - tank.length / 2) * float(np.tan(tank.tilt) - np.tan(tilt))
    given[TILT] = tilt
    return np.array(list(given.values()))


def _judged(points: Points, shape: TankShape, parameters: Array, x_adjusted: Array) -> NonlinearFit:
    return judged_at(
        _Guarded(shape),
        points.x,
        points.v,
        parameters,
        y_covariance=points.v_covariance,
        x_covariance=points.x_covariance,
        x_adjusted=x_adjusted,
    )


def _readings_within(shape: TankShape, parameters: Array, x: Array) -> tuple[float, float]:
    """The span of the readings within the tank: its fitted offset may leave a little of them above or
    below.
    """
    tank, offset, _ = shape.shaped(parameters)
    low, high = max(float(x.min()), -offset), min(float(x.max()), tank.height - offset)
    beyond = max(low - float(x.min()), float(x.max()) - high)
    if beyond > _BEYOND_MAX * tank.height:
        raise UnsuitableModelError(
            f"the fitted tank is {tank.height:.6g} high and read from {-offset:.6g}: "
            f"readings reach {beyond:.3g} beyond it"
        )
    return low, high


@dataclass(frozen=True)
class _AboutMiddle:
    """A tilted shape whose offset is taken at the middle of its length, where the tilt does not move the
    level.

    Offset and tilt at the gauge all but cancel, which makes the way to the fit long; there they do not.
    """

    shape: TankShape

    @property
    def differs(self) -> bool:
        """Whether the shape lies, and both its tilt and its offset are free."""
        lying = self.shape.tank.orientation is Orientation.LYING
        return lying and TILT in self.shape.free and OFFSET in self.shape.free

    def inner(self, parameters: Array) -> Array:
        """The parameters with the offset at the middle, from those with it at the gauge."""
        return self._moved(parameters, 1.0)

    def outer(self, parameters: Array) -> Array:
        """The parameters with the offset at the gauge, from those with it at the middle."""
        return self._moved(parameters, -1.0)

    def value(self, x: Array, parameters: Array) -> Array:
        return _Guarded(self.shape).value(x, self.outer(parameters))

    def derivative(self, x: Array, parameters: Array) -> Array:
        return _Guarded(self.shape).derivative(x, self.outer(parameters))

    def gradient(self, x: Array, parameters: Array) -> Array:
        given = dict(zip(self.shape.free, parameters.tolist(), strict=True))
        gauge, length = (given.get(name, getattr(self.shape.tank, name)) for name in ("gauge", "length"))
        slope = np.tan(given[TILT])
        # ∂offset at the gauge / ∂ what it is computed from.
        rates = {"length": slope / 2, "gauge": -slope, TILT: (length / 2 - gauge) * (1 + slope**2)}
        outer = _Guarded(self.shape).gradient(x, self.outer(parameters))
        of_offset = outer[:, self.shape.free.index(OFFSET)]
        return np.asarray(outer + np.outer(of_offset, [rates.get(name, 0.0) for name in self.shape.free]))

    def _moved(self, parameters: Array, sign: float) -> Array:
        given = dict(zip(self.shape.free, parameters.tolist(), strict=True))
        gauge, length = (given.get(name, getattr(self.shape.tank, name)) for name in ("gauge", "length"))
        given[OFFSET] += sign * (gauge - length / 2) * float(np.tan(given[TILT]))
        return np.array(list(given.values()))


@dataclass(frozen=True)
class _Guarded:
    """A shape whose impossible dimensions, in a trial step, give no numbers instead of an error."""

    shape: TankShape

    def value(self, x: Array, parameters: Array) -> Array:
        try:
            return self.shape.value(x, parameters)
        except CalibrationError:
            return np.full(x.size, np.nan)

    def derivative(self, x: Array, parameters: Array) -> Array:
        return self.shape.derivative(x, parameters)

    def gradient(self, x: Array, parameters: Array) -> Array:
        try:
            return self.shape.gradient(x, parameters)
        except CalibrationError:
            return np.full((x.size, parameters.size), np.nan)


def _within(tank: Tank, heights: Array) -> Array:
    return np.asarray(np.clip(heights, 0.0, tank.height))

"""The calibration curve of a neck or tank: volume as a function of a reading, with the uncertainty of both.

A curve is a model (its functions), its parameters and their covariance, and the domain in which it was
measured. Other monotone models than the line join by the same protocol.
"""

from dataclasses import dataclass
from math import isfinite, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.curve_models import CurveModel, Line
from calibration.errors import CalibrationError, OutOfRangeError, UnsuitableModelError
from calibration.least_squares import LineFit

Array = NDArray[np.float64]


@dataclass(frozen=True)
class TableRow:
    """One row of a table: a reading, the volume there and its standard uncertainty, in the curve's units."""

    reading: float
    volume: float
    u: float


@dataclass(frozen=True)
class Curve:
    """V(x) over the closed `domain` of x, with the covariance of its parameters, shape (p, p).

    Raises `UnsuitableModelError` for parameters with which V does not increase throughout the domain, and
    `CalibrationError` for shapes and numbers that cannot be.
    """

    model: CurveModel
    parameters: Array
    covariance: Array
    domain: tuple[float, float]

    def __post_init__(self) -> None:
        p = len(self.model.parameter_names)
        if self.parameters.shape != (p,) or self.covariance.shape != (p, p):
            raise CalibrationError(
                f"a {self.model.name} has {p} parameters and a covariance of shape ({p}, {p}), "
                f"not {self.parameters.shape} and {self.covariance.shape}"
            )
        low, high = self.domain
        if not (isfinite(low) and isfinite(high) and low < high):
            raise CalibrationError(f"the domain of a curve is an interval, not {self.domain}")
        if not (np.all(np.isfinite(self.parameters)) and np.all(np.isfinite(self.covariance))):
            raise CalibrationError("a curve's parameters and their covariance must be finite")
        if not self.model.increases(low, high, self.parameters):
            raise UnsuitableModelError(
                f"the fitted {self.model.name} does not increase from {low:g} to {high:g}: "
                "a volume must grow with its reading"
            )

    def volume(self, x: ArrayLike) -> Array:
        """V at the readings x, shape of x. Raises `OutOfRangeError` outside the domain."""
        xs = self._inside(x)
        return self.model.value(xs.ravel(), self.parameters).reshape(xs.shape)

    def derivative(self, x: ArrayLike) -> Array:
        """dV/dx at the readings x (the neck's area in the curve's units), shape of x.

        Raises `OutOfRangeError` outside the domain.
        """
        xs = self._inside(x)
        return self.model.derivative(xs.ravel(), self.parameters).reshape(xs.shape)

    def standard_uncertainty(self, x: ArrayLike, u_x: ArrayLike = 0.0) -> Array:
        """u(V) at the readings x, shape of x: from the curve, and from the standard uncertainty `u_x` of a
        new reading that is independent of the curve's points (ISO/TS 28037, 11.2.1). Raises
        `OutOfRangeError`.
        """
        xs = self._inside(x)
        variance = self.model.variance(xs.ravel(), self.parameters, self.covariance).reshape(xs.shape)
        if np.any(np.asarray(u_x) != 0):
            variance = variance + (self.derivative(xs) * np.asarray(u_x)) ** 2
        return np.asarray(np.sqrt(np.maximum(variance, 0.0)))

    def covariance_between(self, x: ArrayLike, z: ArrayLike) -> Array:
        """cov(V(x_i), V(z_j)) from the curve, shape (len(x), len(z)). Raises `OutOfRangeError`."""
        left = self.model.gradient(self._inside(x).ravel(), self.parameters)
        right = self.model.gradient(self._inside(z).ravel(), self.parameters)
        return np.asarray(left @ self.covariance @ right.T)

    def difference(self, x: float, z: float) -> tuple[float, float]:
        """V(x) - V(z) and its standard uncertainty, the curve's common errors cancelled. Raises
        `OutOfRangeError`.
        """
        volumes = self.volume([x, z])
        step = (
            self.model.gradient(np.array([x]), self.parameters)[0]
            - self.model.gradient(np.array([z]), self.parameters)[0]
        )
        return float(volumes[0] - volumes[1]), sqrt(max(float(step @ self.covariance @ step), 0.0))

    def reading(self, volume: ArrayLike) -> Array:
        """x with V(x) = volume, shape of `volume`. Raises `OutOfRangeError` for volumes outside the curve."""
        v = np.asarray(volume, dtype=np.float64)
        low, high = (float(e) for e in self.model.value(np.array(self.domain), self.parameters))
        slack = 1e-12 * max(abs(low), abs(high))
        outside = ~((v >= low - slack) & (v <= high + slack))
        if np.any(outside):
            raise OutOfRangeError(
                f"volume {float(v[outside].flat[0]):.6g} is outside the curve's {low:.6g} to {high:.6g}"
            )
        return self.model.inverse(np.clip(v.ravel(), low, high), self.parameters, self.domain).reshape(
            v.shape
        )

    def reading_standard_uncertainty(self, volume: ArrayLike, u_volume: ArrayLike = 0.0) -> Array:
        """u(x) of the reading that belongs to a volume (ISO/TS 28037, 11.2.2), shape of `volume`.

        `u_volume` is the standard uncertainty of that volume. Raises `OutOfRangeError`.
        """
        x = self.reading(volume)
        u_v = np.sqrt(self.standard_uncertainty(x) ** 2 + np.asarray(u_volume) ** 2)
        return np.asarray(u_v / self.derivative(x))

    def table(self, step: float) -> tuple[TableRow, ...]:
        """Rows at the whole multiples of `step` within the domain, ascending.

        Raises `CalibrationError` for a step that is not positive.
        """
        if not (isfinite(step) and step > 0):
            raise CalibrationError(f"the step of a table must be a positive number, not {step}")
        low, high = self.domain
        first, last = int(np.ceil(low / step - 1e-9)), int(np.floor(high / step + 1e-9))
        readings = [min(max(i * step, low), high) for i in range(first, last + 1)]
        volumes, u = self.volume(readings), self.standard_uncertainty(readings)
        return tuple(TableRow(r, float(v), float(s)) for r, v, s in zip(readings, volumes, u, strict=True))

    def _inside(self, x: ArrayLike) -> Array:
        xs = np.asarray(x, dtype=np.float64)
        low, high = self.domain
        outside = ~((xs >= low) & (xs <= high))
        if np.any(outside):
            raise OutOfRangeError(
                f"reading {float(xs[outside].flat[0]):.6g} is outside the curve's "
                f"domain {low:.6g} to {high:.6g}"
            )
        return xs


def line_curve(fit: LineFit, domain: tuple[float, float]) -> Curve:
    """The curve of a fitted line. Raises as `Curve`."""
    return Curve(Line(), np.array([fit.intercept, fit.slope]), fit.covariance, domain)

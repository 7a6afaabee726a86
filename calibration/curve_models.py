"""The functions of a calibration curve, V(x; β): what a model must be able to do, and the simplest ones."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from calibration.errors import CalibrationError
from calibration.polynomial import PolynomialBasis

Array = NDArray[np.float64]

_INVERSE_START = 129
_INVERSE_STEPS = 60


class CurveModel(Protocol):
    """The functions of a model V(x; β) of p parameters; all take x of shape (n,)."""

    @property
    def name(self) -> str:
        """Stable word for the model."""
        ...

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of β, in their order."""
        ...

    def value(self, x: Array, parameters: Array) -> Array:
        """V, shape (n,)."""
        ...

    def derivative(self, x: Array, parameters: Array) -> Array:
        """dV/dx, shape (n,)."""
        ...

    def gradient(self, x: Array, parameters: Array) -> Array:
        """∂V/∂β, shape (n, p)."""
        ...

    def variance(self, x: Array, parameters: Array, covariance: Array) -> Array:
        """Variance of V for a covariance of β, shape (n,)."""
        ...

    def inverse(self, v: Array, parameters: Array, domain: tuple[float, float]) -> Array:
        """x within the domain with V(x) = v, shape (n,); V increases there."""
        ...

    def increases(self, low: float, high: float, parameters: Array) -> bool:
        """Whether V increases everywhere in [low, high]."""
        ...


@dataclass(frozen=True)
class Line:
    """V = intercept + slope · x."""

    name: str = "line"
    parameter_names: tuple[str, ...] = ("intercept", "slope")

    def value(self, x: Array, parameters: Array) -> Array:
        """V, shape (n,)."""
        return np.asarray(parameters[0] + parameters[1] * x)

    def derivative(self, x: Array, parameters: Array) -> Array:
        """dV/dx, shape (n,)."""
        return np.full_like(x, parameters[1])

    def gradient(self, x: Array, parameters: Array) -> Array:
        """∂V/∂β, shape (n, 2)."""
        del parameters
        return np.column_stack([np.ones_like(x), x])

    def variance(self, x: Array, parameters: Array, covariance: Array) -> Array:
        """Variance of V, shape (n,)."""
        del parameters
        return np.asarray(covariance[0, 0] + x * (2 * covariance[0, 1] + x * covariance[1, 1]))

    def inverse(self, v: Array, parameters: Array, domain: tuple[float, float]) -> Array:
        """x with V(x) = v, shape (n,)."""
        del domain
        return np.asarray((v - parameters[0]) / parameters[1])

    def increases(self, low: float, high: float, parameters: Array) -> bool:
        """Whether the slope is positive."""
        del low, high
        return bool(parameters[1] > 0)


@dataclass(frozen=True)
class Polynomial:
    """V = Σ c_k p_k(x) in an orthogonal basis."""

    basis: PolynomialBasis

    @property
    def name(self) -> str:
        """`polynomial-3` for a cubic."""
        return f"polynomial-{self.basis.degree}"

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """c0, c1 …: coefficients of the basis."""
        return tuple(f"c{k}" for k in range(self.basis.degree + 1))

    def value(self, x: Array, parameters: Array) -> Array:
        """V, shape (n,)."""
        return np.asarray(self.basis.values(x) @ parameters)

    def derivative(self, x: Array, parameters: Array) -> Array:
        """dV/dx, shape (n,)."""
        return np.asarray(self.basis.derivatives(x) @ parameters)

    def gradient(self, x: Array, parameters: Array) -> Array:
        """∂V/∂β: the basis at x, shape (n, d + 1)."""
        del parameters
        return self.basis.values(x)

    def variance(self, x: Array, parameters: Array, covariance: Array) -> Array:
        """Variance of V, shape (n,)."""
        return quadratic_form(self.gradient(x, parameters), covariance)

    def inverse(self, v: Array, parameters: Array, domain: tuple[float, float]) -> Array:
        """x within the domain with V(x) = v, shape (n,)."""
        return invert(
            lambda x: self.value(x, parameters), lambda x: self.derivative(x, parameters), v, domain
        )

    def increases(self, low: float, high: float, parameters: Array) -> bool:
        """Whether dV/dx > 0 at both ends and at every stationary point of dV/dx between them."""
        slope = np.polynomial.Chebyshev.interpolate(
            lambda x: self.derivative(np.asarray(x), parameters), max(self.basis.degree - 1, 0), [low, high]
        )
        stationary = slope.deriv().roots() if slope.degree() > 1 else np.array([])
        real = np.real(stationary[np.abs(np.imag(stationary)) < 1e-6 * (high - low)])
        places = np.concatenate([[low, high], np.clip(real, low, high)])
        return bool(np.all(self.derivative(places, parameters) > 0))


def quadratic_form(gradient: Array, covariance: Array) -> Array:
    """Variance g C gᵀ of each row g of a gradient, shape (n,)."""
    return np.asarray(np.einsum("ij,ij->i", gradient @ covariance, gradient))


def invert(
    value: Callable[[Array], Array],
    derivative: Callable[[Array], Array],
    v: Array,
    domain: tuple[float, float],
) -> Array:
    """x within the domain with value(x) = v for an increasing function, shape (n,), to rounding.

    Newton's method from a table, kept within brackets that only shrink.
    Raises `CalibrationError` where it does not settle (a function that does not increase).
    """
    low, high = domain
    grid = np.linspace(low, high, _INVERSE_START)
    values = value(grid)
    index = np.clip(np.searchsorted(values, v) - 1, 0, _INVERSE_START - 2)
    left, right = grid[index], grid[index + 1]
    x = np.clip(np.interp(v, values, grid), left, right)
    eps = float(np.finfo(float).eps)
    x_rounding = 4 * eps * max(abs(low), abs(high), high - low)
    v_rounding = 16 * eps * float(np.max(np.abs(values)))
    for _ in range(_INVERSE_STEPS):
        miss = value(x) - v
        left, right = np.where(miss <= 0, x, left), np.where(miss >= 0, x, right)
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = derivative(x)
            following = x - miss / slope
            # Where the curve is flat, the rounding of v is what limits x.
            tolerance = x_rounding + np.where(slope > 0, v_rounding / slope, high - low)
        outside = ~((following >= left) & (following <= right))
        following = np.where(outside, (left + right) / 2, following)
        if np.all(np.abs(following - x) <= tolerance):
            return following
        x = following
    raise CalibrationError("the inverse of the curve did not settle: the curve does not increase")

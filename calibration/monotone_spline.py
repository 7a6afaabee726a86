"""Monotone cubic splines: B-splines whose coefficients never fall, so that the curve cannot.

A B-spline with increasing coefficients increases (de Boor, A Practical Guide to Splines, XI: the derivative's
coefficients are their differences). Fitted by bounded least squares over these differences.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline
from scipy.linalg import LinAlgError, cholesky, solve_triangular
from scipy.optimize import lsq_linear

from calibration.curve import Curve
from calibration.curve_models import invert
from calibration.errors import CalibrationError, UnsuitableModelError
from calibration.fitted import FittedCurve, Points

Array = NDArray[np.float64]

DEGREE = 3
_CHUNK = 65_536
_ADJUSTMENTS_MAX = 100
_ADJUSTED = 1e-8
_RISE_MIN = 1e-9  # smallest rise from coefficient to coefficient, of the mean rise: the curve must increase


@dataclass(frozen=True)
class MonotoneSpline:
    """V = Σ θ_k B_k(x) with cubic B-splines on `knots` (the ends four times each)."""

    knots: tuple[float, ...]

    @property
    def name(self) -> str:
        """`spline-4` for four inner knots."""
        return f"spline-{len(self.knots) - 2 * (DEGREE + 1)}"

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """θ0, θ1 …: coefficients of the B-splines."""
        return tuple(f"theta{k}" for k in range(self._size))

    @cached_property
    def _t(self) -> Array:
        return np.array(self.knots)

    @property
    def _size(self) -> int:
        return len(self.knots) - DEGREE - 1

    def value(self, x: Array, parameters: Array) -> Array:
        """V, shape (n,)."""
        return np.asarray(BSpline(self._t, parameters, DEGREE)(x))

    def derivative(self, x: Array, parameters: Array) -> Array:
        """dV/dx, shape (n,)."""
        return np.asarray(BSpline(self._t, parameters, DEGREE).derivative()(x))

    def gradient(self, x: Array, parameters: Array) -> Array:
        """∂V/∂θ: the B-splines at x, shape (n, p)."""
        del parameters
        return np.asarray(BSpline.design_matrix(x, self._t, DEGREE).toarray())

    def variance(self, x: Array, parameters: Array, covariance: Array) -> Array:
        """Variance of V, shape (n,): only the four B-splines that are not zero at x count."""
        del parameters
        found = np.empty(x.size)
        for start in range(0, x.size, _CHUNK):
            part = BSpline.design_matrix(x[start : start + _CHUNK], self._t, DEGREE)
            weights = part.data.reshape(-1, DEGREE + 1)
            first = part.indices.reshape(-1, DEGREE + 1)[:, 0]
            total = np.zeros(first.size)
            for a in range(DEGREE + 1):
                total += weights[:, a] ** 2 * covariance[first + a, first + a]
                for b in range(a):
                    total += 2 * weights[:, a] * weights[:, b] * covariance[first + a, first + b]
            found[start : start + _CHUNK] = total
        return found

    def inverse(self, v: Array, parameters: Array, domain: tuple[float, float]) -> Array:
        """x within the domain with V(x) = v, shape (n,)."""
        spline = BSpline(self._t, parameters, DEGREE)
        return invert(spline, spline.derivative(), v, domain)

    def increases(self, low: float, high: float, parameters: Array) -> bool:
        """Whether the coefficients increase: then so does V, everywhere."""
        del low, high
        return bool(np.all(np.diff(parameters) > 0))


def fit_monotone_spline(points: Points, inner_knots: int) -> FittedCurve:
    """The increasing cubic spline with `inner_knots` knots at quantiles of the points' readings.

    Errors in x as in generalised Gauss–Markov regression (ISO/TS 28037:2010, clause 10, with the spline's
    tangents). Where a coefficient is held by the bound, its rise counts as known.
    Raises `UnsuitableModelError` for too few points, or a fit that does not settle.
    """
    x, v = points.x, points.v
    different = np.unique(x)
    size = inner_knots + DEGREE + 1
    if different.size < size:
        raise UnsuitableModelError(
            f"a spline with {inner_knots} inner knots needs {size} different readings, not {different.size}"
        )
    low, high = float(different[0]), float(different[-1])
    inner = np.quantile(different, np.linspace(0, 1, inner_knots + 2)[1:-1])
    model = MonotoneSpline((*[low] * (DEGREE + 1), *inner.tolist(), *[high] * (DEGREE + 1)))
    rise = _RISE_MIN * max(float(np.ptp(v)), 1e-300) / size
    xi, slope = x.copy(), np.full(x.size, float(np.polyfit(x, v, 1)[0]))
    for _ in range(_ADJUSTMENTS_MAX):
        combined = points.combined(slope)
        theta, covariance, free = _bounded_fit(model, xi, v - slope * (x - xi), combined, rise)
        residuals = v - slope * (x - xi) - model.value(xi, theta)
        moved = xi
        if points.x_covariance is not None:
            moved = np.clip(
                x + points.x_covariance @ (slope * np.linalg.solve(combined, residuals)), low, high
            )
        settled = bool(np.all(np.abs(moved - xi) <= _ADJUSTED * (high - low)))
        xi = moved
        if settled:
            root = cholesky(combined, lower=True)
            rho = solve_triangular(root, residuals, lower=True)
            return FittedCurve(
                Curve(model, theta, covariance, (low, high)),
                float(rho @ rho),
                x.size - free,
                np.asarray(v - model.value(x, theta)),
                np.asarray(residuals / np.sqrt(np.diag(combined))),
            )
        slope = model.derivative(xi, theta)
    raise UnsuitableModelError(
        f"the spline through {x.size} points did not settle in {_ADJUSTMENTS_MAX} adjustments"
    )


def _bounded_fit(
    model: MonotoneSpline, xi: Array, target: Array, combined: Array, rise: float
) -> tuple[Array, Array, int]:
    """Coefficients, their covariance, and how many were free of the bound."""
    try:
        root = cholesky(combined, lower=True)
    except LinAlgError:
        raise CalibrationError("the covariance of the points is not positive definite") from None
    basis = model.gradient(xi, np.array([]))
    size = basis.shape[1]
    from_rises = np.tril(np.ones((size, size)))  # θ_k = θ_0 + the sum of the rises up to k
    design = solve_triangular(root, basis @ from_rises, lower=True)
    bounds = np.full(size, rise)
    bounds[0] = -np.inf
    scale = np.linalg.norm(design, axis=0)
    scale[scale == 0] = 1.0
    found = lsq_linear(
        design / scale,
        solve_triangular(root, target, lower=True),
        bounds=(bounds * scale, np.full(size, np.inf)),
        method="bvls",
        tol=1e-14,
    )
    rises = np.maximum(found.x / scale, bounds)
    free = np.asarray(found.active_mask) == 0
    r = np.linalg.qr(design[:, free], mode="r")
    if np.linalg.cond(r) > 1e12:
        raise UnsuitableModelError("the points do not determine the spline: fewer knots are needed")
    inverse = from_rises[:, free] @ np.linalg.inv(r)
    return from_rises @ rises, np.asarray(inverse @ inverse.T), int(free.sum())

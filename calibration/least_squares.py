"""Straight line through points whose x and y are both uncertain and correlated in any way.

ISO/TS 28037:2010, Determination and use of straight-line calibration functions: weighted (clause 6), errors
in both (clause 7), correlated in any way (clauses 8 to 10, generalised Gauss–Markov regression, GGMR),
unknown scale (annex E). One algorithm serves them all; the adjusted x values are eliminated, so that
matrices of the size of the data, not twice the size, are factored.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import LinAlgError, cholesky, solve_triangular
from scipy.special import chdtri

from calibration.chi_squared import JudgedByChiSquared
from calibration.errors import CalibrationError, UnsuitableModelError

Array = NDArray[np.float64]

_ITERATIONS_MAX = 100
_TOLERANCE = 1e-13
_STALLED = 1e-9


@dataclass(frozen=True)
class LineFit(JudgedByChiSquared):
    """y = intercept + slope · x, with `covariance` of (intercept, slope), shape (2, 2).

    `x_adjusted`, `y_adjusted`: the points' adjusted values on the line, shape (n,). `residuals`: y -
    intercept - slope · x at the measured points; `normalised_residuals`: divided by their standard deviation
    before the fit.
    `chi_squared` is the observed value, `dof` = n - 2, `p_value` the probability of a larger one when line
    and uncertainties are right (None without degrees of freedom).
    """

    through_all: ClassVar[str] = "a line through two points says nothing about the scale of its uncertainties"

    intercept: float
    slope: float
    covariance: Array
    chi_squared: float
    dof: int
    x_adjusted: Array
    y_adjusted: Array
    residuals: Array
    normalised_residuals: Array

    def suitable(self, level: float = 0.05) -> bool:
        """Whether χ² is within its 1 - `level` quantile (ISO/TS 28037, 6.3.1 step 7). Two points are never
        tested.

        Raises `UnsuitableModelError` without degrees of freedom.
        """
        if not self.dof:
            raise UnsuitableModelError("a line through two points cannot be tested: three or more are needed")
        return self.chi_squared <= float(chdtri(self.dof, level))


def fit_line(
    x: ArrayLike,
    y: ArrayLike,
    *,
    y_covariance: ArrayLike,
    x_covariance: ArrayLike | None = None,
    xy_covariance: ArrayLike | None = None,
) -> LineFit:
    """Line through n points; x, y of shape (n,).

    `y_covariance`, `x_covariance`: standard uncertainties, shape (n,), or a covariance matrix, shape (n, n);
    `xy_covariance`: cov(x_i, y_j), shape (n, n). Without `x_covariance`, x is exact.
    ISO/TS 28037:2010, 10.3 (the Gauss–Newton covariance of the parameters, 10.3.1 step 8).
    Raises `CalibrationError` for data that cannot be fitted (shapes, numbers that are not finite,
    covariances that are not positive definite), `UnsuitableModelError` for fewer than two different x or a
    fit that does not settle.
    """
    xs, ys = _points(x, y)
    n = xs.size
    errors = _Errors(
        y=_covariance("y_covariance", y_covariance, n),
        x=None if x_covariance is None else _covariance("x_covariance", x_covariance, n),
        xy=None if xy_covariance is None else _cross_covariance(xy_covariance, n),
    )
    intercept, slope = _start(xs, ys)
    before = np.inf
    for _ in range(_ITERATIONS_MAX):
        step, scale = _step(xs, ys, errors, intercept, slope)
        intercept, slope = intercept + float(step[0]), slope + float(step[1])
        if not (np.isfinite(intercept) and np.isfinite(slope)):
            break
        magnitude = np.abs([intercept, slope]) + scale
        # Of its own uncertainty; steps that are as small as that and shrink no more are rounding.
        size = float(np.max(np.abs(step) / scale))
        rounding = size <= _STALLED and size >= before / 2
        before = size
        if errors.x_exact or rounding or np.all(np.abs(step) <= _TOLERANCE * magnitude):
            return _finished(xs, ys, errors, intercept, slope)
    raise UnsuitableModelError(f"the line through {n} points did not settle in {_ITERATIONS_MAX} iterations")


@dataclass(frozen=True)
class _Errors:
    """Covariance matrices of y, of x and of (x, y), shape (n, n); None where x is exact or independent of
    y.
    """

    y: Array
    x: Array | None
    xy: Array | None

    @property
    def x_exact(self) -> bool:
        return self.x is None and self.xy is None

    def combined(self, slope: float) -> Array:
        """Covariance matrix of y - slope · x."""
        combined = self.y if self.x is None else self.y + slope**2 * self.x
        return combined if self.xy is None else combined - slope * (self.xy + self.xy.T)

    def of_x(self, slope: float, weighted: Array) -> Array:
        """Estimated errors of x: cov(x, y - slope · x) · `weighted`, the residuals times the inverse
        covariance.
        """
        error = np.zeros_like(weighted)
        if self.x is not None:
            error = error - slope * (self.x @ weighted)
        if self.xy is not None:
            error = error + self.xy @ weighted
        return error


def _step(xs: Array, ys: Array, errors: _Errors, intercept: float, slope: float) -> tuple[Array, Array]:
    """A Gauss–Newton step of (intercept, slope), and their standard uncertainties; the adjusted x are
    eliminated.
    """
    factor = _cholesky(errors.combined(slope))
    rho = _solved(factor, ys - intercept - slope * xs)
    xi = xs - errors.of_x(slope, _solved(factor, rho, transposed=True))
    q, r = np.linalg.qr(_solved(factor, np.column_stack([np.ones_like(xs), xi])))
    inverse = np.linalg.inv(r)
    return np.asarray(inverse @ (q.T @ rho)), np.asarray(np.sqrt(np.sum(inverse**2, axis=1)))


def _finished(xs: Array, ys: Array, errors: _Errors, intercept: float, slope: float) -> LineFit:
    """Everything that is evaluated at the solution."""
    combined = errors.combined(slope)
    factor = _cholesky(combined)
    residuals = ys - intercept - slope * xs
    rho = _solved(factor, residuals)
    xi = xs - errors.of_x(slope, _solved(factor, rho, transposed=True))
    inverse = np.linalg.inv(np.linalg.qr(_solved(factor, np.column_stack([np.ones_like(xs), xi])), mode="r"))
    return LineFit(
        intercept=intercept,
        slope=slope,
        covariance=np.asarray(inverse @ inverse.T),
        chi_squared=float(rho @ rho),
        dof=xs.size - 2,
        x_adjusted=xi,
        y_adjusted=np.asarray(intercept + slope * xi),
        residuals=residuals,
        normalised_residuals=np.asarray(residuals / np.sqrt(np.diag(combined))),
    )


def _solved(factor: Array, values: Array, *, transposed: bool = False) -> Array:
    return np.asarray(
        solve_triangular(factor, values, lower=True, trans=1 if transposed else 0, check_finite=False)
    )


def _points(x: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    xs, ys = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if xs.ndim != 1 or xs.shape != ys.shape:
        raise CalibrationError(
            f"x and y must be rows of equal length, not of shapes {xs.shape} and {ys.shape}"
        )
    for name, values in (("x", xs), ("y", ys)):
        bad = np.flatnonzero(~np.isfinite(values))
        if bad.size:
            raise CalibrationError(f"{name}[{bad[0]}] is not a finite number")
    if np.unique(xs).size < 2:
        raise UnsuitableModelError(
            f"a line needs points at two different x or more, not {np.unique(xs).size}"
        )
    return xs, ys


def _covariance(name: str, given: ArrayLike, n: int) -> Array:
    """The covariance matrix (n, n) from standard uncertainties (n,) or a matrix."""
    matrix = np.asarray(given, dtype=np.float64)
    if matrix.shape == (n,):
        matrix = np.diag(matrix**2)
    if matrix.shape != (n, n):
        raise CalibrationError(f"{name} must have shape ({n},) or ({n}, {n}), not {matrix.shape}")
    if not np.all(np.isfinite(matrix)):
        at = np.argwhere(~np.isfinite(matrix))[0].tolist()
        raise CalibrationError(f"{name} holds a number that is not finite at {at}")
    if np.any(np.diag(matrix) < 0):
        at = int(np.argmin(np.diag(matrix)))
        raise CalibrationError(f"{name} holds a negative variance: {matrix[at, at]:g} at [{at}, {at}]")
    if not np.allclose(matrix, matrix.T, rtol=1e-10, atol=1e-12 * float(np.max(np.abs(matrix), initial=0.0))):
        raise CalibrationError(f"{name} is not symmetric")
    return matrix


def _cross_covariance(given: ArrayLike, n: int) -> Array:
    matrix = np.asarray(given, dtype=np.float64)
    if matrix.shape != (n, n) or not np.all(np.isfinite(matrix)):
        raise CalibrationError(f"xy_covariance must be finite and of shape ({n}, {n}), not {matrix.shape}")
    return matrix


def _cholesky(matrix: Array) -> Array:
    try:
        factor = cholesky(matrix, lower=True, check_finite=False)
    except LinAlgError:
        raise CalibrationError(
            "the covariance of y - slope · x is not positive definite: "
            "some points have no uncertainty, or the correlations contradict each other"
        ) from None
    return np.asarray(factor)


def _start(xs: Array, ys: Array) -> tuple[float, float]:
    """The unweighted line."""
    dx = xs - xs.mean()
    slope = float(dx @ (ys - ys.mean()) / (dx @ dx))
    return float(ys.mean() - slope * xs.mean()), slope

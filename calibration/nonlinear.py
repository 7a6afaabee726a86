"""Generalised least squares for any model: errors in y or in both, with full covariance matrices.

The criterion and the covariance of the parameters are those of ISO/TS 28037:2010, clause 10, with the
model's tangent in place of the line (generalised Gauss–Markov regression). Minimised by SciPy's trust-region
and Levenberg–Marquardt methods with the model's own derivatives, from the same start under several scalings;
the lowest minimum counts and is polished by Gauss–Newton steps. (`scipy.odr`, which did this for independent
errors, is deprecated.)
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import LinAlgError, cholesky, solve_triangular
from scipy.optimize import least_squares

from calibration.chi_squared import JudgedByChiSquared
from calibration.errors import CalibrationError, UnsuitableModelError

Array = NDArray[np.float64]

_COMPLEX_STEP = 1e-30
_HUGE = 1e150  # stands for what a trial step makes infinite, so that the method turns back
_EVALUATIONS_MAX = 3000
_POLISH_MAX = 20
_ADJUSTMENTS_MAX = 200
_ADJUSTED = 1e-10
_SETTLED = 1e-12
_SAME_MINIMUM = 1e-8
_CONDITION_MAX = 1e13


class Regression(Protocol):
    """A model to be fitted: all take x of n points and parameters β, shape (p,)."""

    def value(self, x: Array, parameters: Array) -> Array:
        """f, shape (n,)."""
        ...

    def derivative(self, x: Array, parameters: Array) -> Array:
        """∂f/∂x, shape (n,)."""
        ...

    def gradient(self, x: Array, parameters: Array) -> Array:
        """∂f/∂β, shape (n, p)."""
        ...


@dataclass(frozen=True)
class AnalyticRegression:
    """A model from one analytic function f(x, β); its derivatives are taken by a complex step, exact to
    rounding.
    """

    function: Callable[[Any, Any], Any]

    def value(self, x: Array, parameters: Array) -> Array:
        """f, shape (n,)."""
        return np.asarray(self.function(x, parameters), dtype=np.float64)

    def derivative(self, x: Array, parameters: Array) -> Array:
        """∂f/∂x, shape (n,)."""
        return np.asarray(np.imag(self.function(x + 1j * _COMPLEX_STEP, parameters)) / _COMPLEX_STEP)

    def gradient(self, x: Array, parameters: Array) -> Array:
        """∂f/∂β, shape (n, p)."""
        columns = []
        for k in range(parameters.size):
            stepped = parameters.astype(np.complex128)
            stepped[k] += 1j * _COMPLEX_STEP
            columns.append(np.broadcast_to(np.imag(self.function(x, stepped)) / _COMPLEX_STEP, x.shape[:1]))
        return np.stack(columns, axis=-1)


@dataclass(frozen=True)
class NonlinearFit(JudgedByChiSquared):
    """Parameters, shape (p,), with their covariance, shape (p, p), from n points.

    `x_adjusted`: estimated true x (x itself where it is exact). `residuals`: y - f at the adjusted points,
    less the part that x's errors explain; `normalised_residuals`: divided by their standard deviation before
    the fit.
    """

    through_all: ClassVar[str] = "as many parameters as points: nothing is left to judge the fit by"

    parameters: Array
    covariance: Array
    chi_squared: float
    dof: int
    x_adjusted: Array
    residuals: Array
    normalised_residuals: Array


def fit_nonlinear(
    model: Regression,
    x: ArrayLike,
    y: ArrayLike,
    start: ArrayLike,
    *,
    y_covariance: ArrayLike,
    x_covariance: ArrayLike | None = None,
) -> NonlinearFit:
    """The model's parameters for n points, from a start of shape (p,).

    `y_covariance`, `x_covariance`: standard uncertainties, shape (n,), or covariance matrices, shape (n, n);
    without
    `x_covariance`, x is exact.
    Raises `CalibrationError` for data or covariances that cannot be, `UnsuitableModelError` for fewer points
    than parameters, points that do not determine the parameters, or a fit that does not settle.
    """
    xs, ys = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    beta = np.asarray(start, dtype=np.float64)
    _demand_points(xs, ys, beta)
    uy = _covariance("y_covariance", y_covariance, ys.size)
    if x_covariance is None:
        problem = _Problem(model, xs, xs, ys, np.zeros_like(ys), _factor(uy))
        return _finished(problem, uy, _minimum(problem, beta))
    if xs.ndim != 1:
        raise CalibrationError("errors in x are for models of one x: give x as a row of numbers")
    ux = _covariance("x_covariance", x_covariance, ys.size)
    return _fit_both(model, xs, ys, beta, uy=uy, ux=ux)


def judged_at(
    model: Regression,
    x: ArrayLike,
    y: ArrayLike,
    parameters: ArrayLike,
    *,
    y_covariance: ArrayLike,
    x_covariance: ArrayLike | None = None,
    x_adjusted: ArrayLike | None = None,
) -> NonlinearFit:
    """What a fit says at parameters, shape (p,), that were found otherwise: covariance, χ², residuals.

    `x_adjusted`: the adjusted x that belong to them, shape (n,); the others and what is raised as
    `fit_nonlinear`.
    """
    xs, ys = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    beta = np.asarray(parameters, dtype=np.float64)
    _demand_points(xs, ys, beta)
    combined = _covariance("y_covariance", y_covariance, ys.size)
    if x_covariance is None or x_adjusted is None:
        return _finished(_Problem(model, xs, xs, ys, np.zeros_like(ys), _factor(combined)), combined, beta)
    xi = np.asarray(x_adjusted, dtype=np.float64)
    slope = model.derivative(xi, beta)
    ux = _covariance("x_covariance", x_covariance, ys.size)
    combined = combined + slope[:, np.newaxis] * ux * slope
    return _finished(_Problem(model, xi, xs, ys, slope, _factor(combined)), combined, beta)


def _fit_both(model: Regression, xs: Array, ys: Array, beta: Array, *, uy: Array, ux: Array) -> NonlinearFit:
    """Errors in both: fits with the tangents at the adjusted x, which are adjusted again until they stay."""
    xi = xs.copy()
    u_x = np.sqrt(np.diag(ux))
    u_x[u_x == 0] = 1.0
    for adjustment in range(_ADJUSTMENTS_MAX):
        slope = model.derivative(xi, beta)
        combined = uy + slope[:, np.newaxis] * ux * slope
        problem = _Problem(model, xi, xs, ys, slope, _factor(combined))
        found = _polished(problem, beta) if adjustment else _minimum(problem, beta)
        residuals = ys - model.value(xi, found) - slope * (xs - xi)
        adjusted = xs + ux @ (slope * np.linalg.solve(combined, residuals))
        moved = float(np.max(np.abs(adjusted - xi) / u_x))
        changed = float(np.max(np.abs(found - beta) / np.maximum(np.abs(found), 1e-300)))
        beta, xi = found, adjusted
        if moved <= _ADJUSTED and changed <= _ADJUSTED:
            slope = model.derivative(xi, beta)
            combined = uy + slope[:, np.newaxis] * ux * slope
            return _finished(_Problem(model, xi, xs, ys, slope, _factor(combined)), combined, beta)
    raise UnsuitableModelError(
        f"the fit to {ys.size} points did not settle in {_ADJUSTMENTS_MAX} adjustments of x"
    )


@dataclass(frozen=True)
class _Problem:
    """The whitened residuals of y - f(ξ, β) - slope · (x - ξ) and their Jacobian."""

    model: Regression
    xi: Array
    xs: Array
    ys: Array
    slope: Array
    factor: Array

    def raw(self, beta: Array) -> Array:
        shift = self.slope * (self.xs - self.xi) if self.xs.ndim == 1 else 0.0
        return np.asarray(self.ys - self.model.value(self.xi, beta) - shift)

    def residuals(self, beta: Array) -> Array:
        bounded = np.nan_to_num(self.raw(beta), nan=_HUGE, posinf=_HUGE, neginf=-_HUGE)
        return np.asarray(solve_triangular(self.factor, bounded, lower=True))

    def jacobian(self, beta: Array) -> Array:
        raw = np.nan_to_num(self.model.gradient(self.xi, beta), nan=0.0, posinf=_HUGE, neginf=-_HUGE)
        return np.asarray(-solve_triangular(self.factor, raw, lower=True))

    def cost(self, beta: Array) -> float:
        """χ², infinite where the model gives no finite numbers."""
        with np.errstate(all="ignore"):
            r = self.residuals(beta)
            return float(r @ r) if np.all(np.isfinite(self.raw(beta))) else np.inf


def _minimum(problem: _Problem, start: Array) -> Array:
    """The lowest minimum that is found from the start, polished; two scalings that find the same one are
    enough.
    """
    best: Array | None = None
    lowest = float(np.finfo(float).max)
    scalings: tuple[tuple[Literal["lm", "trf"], Any], ...] = (
        ("trf", np.maximum(np.abs(start), 1e-8)),
        ("trf", "jac"),
        ("lm", "jac"),
        ("lm", 1.0),
    )
    for method, scaling in scalings:
        try:
            with np.errstate(all="ignore"):
                found = least_squares(
                    problem.residuals,
                    start,
                    jac=problem.jacobian,
                    method=method,
                    x_scale=scaling,
                    ftol=1e-15,
                    xtol=1e-15,
                    gtol=1e-15,
                    max_nfev=_EVALUATIONS_MAX,
                )
        except (ValueError, LinAlgError):  # a trial step left the numbers that can be computed with
            continue
        candidate = _polished(problem, np.asarray(found.x, dtype=np.float64))
        cost = problem.cost(candidate)
        if np.isfinite(cost) and abs(cost - lowest) <= _SAME_MINIMUM * lowest:
            return candidate if cost < lowest or best is None else best
        if np.isfinite(cost) and cost < lowest:
            best, lowest = candidate, cost
    if best is None:
        raise UnsuitableModelError(
            "the fit did not settle from its start: the model gives no finite numbers near it"
        )
    return best


def _polished(problem: _Problem, beta: Array) -> Array:
    """Gauss–Newton steps as long as they do not raise the criterion."""
    cost = problem.cost(beta)
    for _ in range(_POLISH_MAX):
        with np.errstate(all="ignore"):
            jacobian = problem.jacobian(beta)
            if not np.all(np.isfinite(jacobian)):
                return beta
            scale = np.linalg.norm(jacobian, axis=0)
            scale[scale == 0] = 1.0
            step = np.linalg.lstsq(jacobian / scale, -problem.residuals(beta), rcond=None)[0] / scale
        following = beta + step
        cost_following = problem.cost(following)
        if not cost_following <= cost * (1 + 1e-14):
            return beta
        settled = bool(np.all(np.abs(step) <= _SETTLED * np.abs(following)))
        beta, cost = following, cost_following
        if settled:
            return beta
    return beta


def _finished(problem: _Problem, combined: Array, beta: Array) -> NonlinearFit:
    residuals = problem.raw(beta)
    jacobian = problem.jacobian(beta)
    scale = np.linalg.norm(jacobian, axis=0)
    if not np.all(scale > 0):
        raise UnsuitableModelError(
            f"the points do not determine parameter {int(np.argmin(scale)) + 1} of the model"
        )
    r = np.linalg.qr(jacobian / scale, mode="r")
    if np.linalg.cond(r) > _CONDITION_MAX:
        raise UnsuitableModelError("the points do not determine all parameters of the model")
    inverse = np.linalg.inv(r) / scale[:, np.newaxis]
    rho = problem.residuals(beta)
    return NonlinearFit(
        parameters=beta,
        covariance=np.asarray(inverse @ inverse.T),
        chi_squared=float(rho @ rho),
        dof=residuals.size - beta.size,
        x_adjusted=problem.xi,
        residuals=residuals,
        normalised_residuals=np.asarray(residuals / np.sqrt(np.diag(combined))),
    )


def _demand_points(xs: Array, ys: Array, beta: Array) -> None:
    if ys.ndim != 1 or xs.shape[:1] != ys.shape:
        raise CalibrationError(f"x and y must have one row a point, not shapes {xs.shape} and {ys.shape}")
    for name, values in (("x", xs), ("y", ys), ("start", beta)):
        if not np.all(np.isfinite(values)):
            at = np.argwhere(~np.isfinite(values))[0].tolist()
            raise CalibrationError(f"{name} holds a number that is not finite at {at}")
    if ys.size < beta.size:
        raise UnsuitableModelError(f"{beta.size} parameters need as many points or more, not {ys.size}")


def _covariance(name: str, given: ArrayLike, n: int) -> Array:
    matrix = np.asarray(given, dtype=np.float64)
    if matrix.shape == (n,):
        matrix = np.diag(matrix**2)
    if matrix.shape != (n, n) or not np.all(np.isfinite(matrix)):
        raise CalibrationError(f"{name} must be finite and of shape ({n},) or ({n}, {n}), not {matrix.shape}")
    return matrix


def _factor(matrix: Array) -> Array:
    try:
        return np.asarray(cholesky(matrix, lower=True))
    except LinAlgError:
        raise CalibrationError(
            "the covariance of y is not positive definite: some points have no uncertainty, "
            "or the correlations contradict each other"
        ) from None

"""Fitting a curve by a named model, or by the one that the data speak for.

K. P. Burnham, D. R. Anderson, Model selection and multimodel inference (2002): AICc and BIC of least squares
fits. Among the models that the χ² test accepts the lowest AICc wins; cross-validation is shown beside it.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import inf, log, pi, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError

from calibration.curve import Curve, line_curve
from calibration.curve_models import Polynomial
from calibration.errors import CalibrationError, UnsuitableModelError
from calibration.fitted import FittedCurve, Points
from calibration.least_squares import fit_line
from calibration.monotone_spline import fit_monotone_spline
from calibration.nonlinear import fit_nonlinear
from calibration.polynomial import fit_polynomial, orthogonal_basis
from calibration.tank_curve import DEAD_VOLUME, TankShape, fit_tank
from calibration.tanks import Orientation, Tank

Array = NDArray[np.float64]

SUITABILITY_LEVEL = 0.05
DEGREE_AUTO_MAX = 5
KNOTS_AUTO = (1, 2, 3, 4, 6, 8, 12, 16)
FOLDS = 5

_PATTERN = re.compile(r"(line|tank-lying|tank-lying-tilted|tank-standing|polynomial-(\d+)|spline-(\d+))\Z")
MODELS_IN_WORDS = "auto, line, polynomial-N, spline-N, tank-lying, tank-lying-tilted, tank-standing"


@dataclass(frozen=True)
class Candidate:
    """A model that was tried: its fit, or in words why there is none.

    `aicc`, `bic` are infinite without a fit (and AICc with too few points). `suitable` is the χ² test at 5
    %, None where the uncertainties' scale is unknown. `cross_validated` is the root mean square of what
    points that were left out deviate from the curve, in units of volume (None where it was not computed).
    """

    name: str
    fitted: FittedCurve | None
    reason: str
    aicc: float
    bic: float
    suitable: bool | None
    cross_validated: float | None = None


@dataclass(frozen=True)
class Choice:
    """The chosen curve, all candidates, and one sentence that explains."""

    chosen: Candidate
    candidates: tuple[Candidate, ...]
    sentence: str


def fit_model(points: Points, name: str, cubic_factor: float | None = None) -> FittedCurve:
    """The curve of a named model: line, polynomial-N, spline-N, tank-lying, tank-lying-tilted, tank-standing.

    `cubic_factor`: volume units in a cubed reading unit; only tanks need it. Where the uncertainties' scale
    is unknown the parameters' covariance is scaled by the residuals (ISO/TS 28037:2010, annex E).
    Raises `UnsuitableModelError` where the model cannot be fitted or does not increase, `CalibrationError`
    for a name that is none.
    """
    found = _PATTERN.match(name)
    if not found:
        raise CalibrationError(f"a model is one of {MODELS_IN_WORDS}, not {name!r}")
    if not found.group(2) and not found.group(3) and name != "line" and cubic_factor is None:
        raise CalibrationError(f"{name} needs readings that are lengths: mm, cm, m or in")
    return _computed(points, name, lambda: _named(points, name, found, cubic_factor or 1.0))


def fit_shape(points: Points, shape: TankShape) -> FittedCurve:
    """The tank that starts as `shape`, its free quantities fitted; the rest as `fit_model`."""
    return _computed(points, shape.name, lambda: fit_tank(points, shape))


def _computed(points: Points, name: str, fit: Callable[[], FittedCurve]) -> FittedCurve:
    try:
        fitted = fit()
        return fitted if points.scale_known else _scaled(fitted)
    except (LinAlgError, ValueError, FloatingPointError) as error:
        # The arithmetic gave up: numbers of too different sizes for the model's matrices.
        raise UnsuitableModelError(
            f"{name} cannot be computed for {points.x.size} points from {points.x.min():.4g} to "
            f"{points.x.max():.4g} with volumes from {points.v.min():.4g} to {points.v.max():.4g}: "
            f"{error}"
        ) from error


def _named(points: Points, name: str, found: re.Match[str], cubic_factor: float) -> FittedCurve:
    if name == "line":
        fitted = _line(points)
    elif found.group(2):
        fitted = _polynomial(points, int(found.group(2)))
    elif found.group(3):
        fitted = fit_monotone_spline(points, int(found.group(3)))
    elif name == "tank-standing":
        fitted = _standing_tank(points, cubic_factor)
    else:
        fitted = _lying_tank(points, cubic_factor, tilted=name.endswith("tilted"))
    return fitted


def choose_model(points: Points, cubic_factor: float | None = None) -> Choice:
    """The model with the lowest AICc among those that χ² accepts (or among all, where it cannot test).

    Raises `UnsuitableModelError` where none is suitable: it names each and why.
    """
    names = ["line", *(f"polynomial-{d}" for d in range(2, DEGREE_AUTO_MAX + 1))]
    names += [f"spline-{k}" for k in KNOTS_AUTO if k + 4 < points.x.size]
    if cubic_factor is not None:
        names += ["tank-lying", "tank-lying-tilted"]
    candidates = [_candidate(points, name, cubic_factor) for name in names]
    fit_for = [c for c in candidates if c.fitted is not None and c.suitable is not False and c.aicc < inf]
    if not fit_for:
        reasons = "; ".join(f"{c.name}: {c.reason or _rejected(c)}" for c in candidates)
        raise UnsuitableModelError(f"no model describes the {points.x.size} points: {reasons}")
    best = sorted(fit_for, key=lambda c: c.aicc)[:3]
    validated = {
        c.name: replace(c, cross_validated=_cross_validated(points, c.name, cubic_factor)) for c in best
    }
    candidates = [validated.get(c.name, c) for c in candidates]
    chosen = validated[best[0].name]
    return Choice(chosen, tuple(candidates), _sentence(chosen, best, candidates))


def score(points: Points, name: str, fitted: FittedCurve) -> Candidate:
    """A fit with its criteria. With a known scale -2 log L is χ²; otherwise n log(χ²/n), one more
    parameter.
    """
    n, k = points.x.size, fitted.parameters
    if points.scale_known:
        deviance = fitted.chi_squared
    else:
        deviance = n * log(max(fitted.chi_squared, 1e-300) / n)
        k += 1
    aicc = deviance + 2 * k + 2 * k * (k + 1) / (n - k - 1) if n - k - 1 > 0 else inf
    p = fitted.p_value
    suitable = None if not points.scale_known or p is None else p >= SUITABILITY_LEVEL
    return Candidate(name, fitted, "", aicc, deviance + k * log(n), suitable)


def _candidate(points: Points, name: str, cubic_factor: float | None) -> Candidate:
    try:
        return score(points, name, fit_model(points, name, cubic_factor))
    except CalibrationError as error:
        return Candidate(name, None, str(error), inf, inf, suitable=False)


def _line(points: Points) -> FittedCurve:
    fit = fit_line(points.x, points.v, y_covariance=points.v_covariance, x_covariance=points.x_covariance)
    domain = (float(points.x.min()), float(points.x.max()))
    return FittedCurve(
        line_curve(fit, domain), fit.chi_squared, fit.dof, fit.residuals, fit.normalised_residuals
    )


def _polynomial(points: Points, degree: int) -> FittedCurve:
    domain = (float(points.x.min()), float(points.x.max()))
    diagonal = np.diag(points.v_covariance)
    independent = np.count_nonzero(points.v_covariance) == np.count_nonzero(diagonal)
    start = fit_polynomial(
        points.x, points.v, degree, y_covariance=np.sqrt(diagonal) if independent else points.v_covariance
    )
    if points.x_covariance is None:
        curve = Curve(Polynomial(start.basis), start.coefficients, start.covariance, domain)
        normalised = start.residuals / np.sqrt(diagonal)
        return FittedCurve(curve, start.chi_squared, start.dof, start.residuals, np.asarray(normalised))
    model = Polynomial(orthogonal_basis(points.x, degree, 1 / diagonal))
    fit = fit_nonlinear(
        model,
        points.x,
        points.v,
        start.coefficients,
        y_covariance=points.v_covariance,
        x_covariance=points.x_covariance,
    )
    residuals = np.asarray(points.v - model.value(points.x, fit.parameters))
    curve = Curve(model, fit.parameters, fit.covariance, domain)
    return FittedCurve(curve, fit.chi_squared, fit.dof, residuals, fit.normalised_residuals)


def _lying_tank(points: Points, factor: float, *, tilted: bool) -> FittedCurve:
    """A lying cylinder from starts whose radius is scanned; the length follows from the volumes."""
    span = float(points.x.max())
    best: FittedCurve | None = None
    trouble = UnsuitableModelError("no lying tank fits the readings")
    for filled in (1.0, 0.85, 0.6, 0.35):
        radius = span / 2 / filled
        unit = Tank(Orientation.LYING, radius, 1.0)
        areas = factor * unit.volume(np.clip(points.x, 0.0, unit.height))
        length = float(areas @ points.v / (areas @ areas))
        if not length > 0:
            continue
        tank = Tank(Orientation.LYING, radius, length)
        free: tuple[str, ...] = ("radius", "length", "offset")
        if tilted:
            # The place of the gauge acts as an offset of the height does, and is left at the first end.
            tank, free = replace(tank, tilt=0.005), (*free, "tilt")
        try:
            fitted = fit_tank(points, TankShape(tank, free, factor))
        except CalibrationError as error:
            trouble = UnsuitableModelError(str(error))
            continue
        if best is None or fitted.chi_squared < best.chi_squared * (1 - 1e-9):
            best = fitted
        elif fitted.chi_squared <= best.chi_squared * (1 + 1e-6):
            break
    if best is None:
        raise trouble
    return best


def _standing_tank(points: Points, factor: float) -> FittedCurve:
    """A standing cylinder: its radius, and the dead volume under the zero of the readings."""
    low, high = float(points.x.min()), float(points.x.max())
    slope, dead = (float(p) for p in np.polyfit(points.x, points.v, 1))
    if not slope > 0:
        raise UnsuitableModelError("the volumes do not increase: no standing tank fits the readings")
    tank = Tank(Orientation.STANDING, sqrt(slope / factor / pi), high - min(low, 0.0))
    offset = -min(low, 0.0)
    return fit_tank(points, TankShape(tank, ("radius", DEAD_VOLUME), factor, offset, dead))


def _scaled(fitted: FittedCurve) -> FittedCurve:
    """The fit with its covariance scaled so that χ² is its degrees of freedom."""
    if fitted.dof <= 0:
        raise UnsuitableModelError("without stated uncertainties a fit needs more points than parameters")
    s = fitted.chi_squared / fitted.dof
    curve = fitted.curve
    return replace(
        fitted,
        curve=Curve(curve.model, curve.parameters, curve.covariance * s, curve.domain),
        normalised_residuals=fitted.normalised_residuals / sqrt(s) if s > 0 else fitted.normalised_residuals,
    )


def _cross_validated(points: Points, name: str, cubic_factor: float | None) -> float | None:
    """Root mean square deviation of points left out, fold by fold; the outermost points are never
    predicted.
    """
    deviations: list[float] = []
    for fold in range(FOLDS):
        left_out = np.arange(points.x.size) % FOLDS == fold
        left_out[[int(np.argmin(points.x)), int(np.argmax(points.x))]] = False
        if not left_out.any():
            continue
        try:
            curve = fit_model(points.subset(~left_out), name, cubic_factor).curve
            deviations.extend((points.v[left_out] - curve.volume(points.x[left_out])).tolist())
        except CalibrationError:
            return None
    return sqrt(float(np.mean(np.square(deviations)))) if deviations else None


def _sentence(chosen: Candidate, best: Sequence[Candidate], candidates: Sequence[Candidate]) -> str:
    rejected = [c.name for c in candidates if c.fitted is not None and c.suitable is False]
    impossible = [c.name for c in candidates if c.fitted is None]
    parts = [f"{chosen.name} has the lowest AICc ({chosen.aicc:.1f})"]
    if len(best) > 1:
        parts.append(f"before {best[1].name} ({best[1].aicc:.1f})")
    if rejected:
        parts.append(f"χ² rejects {', '.join(rejected)}")
    if impossible:
        parts.append(f"no curve came of {', '.join(impossible)}")
    if chosen.suitable is None:
        parts.append("without stated uncertainties χ² cannot test")
    return "; ".join(parts) + "."


def _rejected(candidate: Candidate) -> str:
    fitted = candidate.fitted
    if fitted is None or fitted.p_value is None:
        return "too few points"
    return f"χ² = {fitted.chi_squared:.4g} with {fitted.dof} degrees of freedom (p = {fitted.p_value:.2g})"

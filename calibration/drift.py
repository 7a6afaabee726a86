"""Drift of an item over its calibrations: a line through them, tested, and carried to the due date.

ISO/TS 28037:2010 for the line (clause 10: what all calibrations share is in the covariance); JCGM 100:2008,
5.2 for that covariance. A constant is tested first: only where it does not do is there a drift to speak of.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np
from scipy.special import chdtrc

from calibration.errors import CalibrationError, UnsuitableModelError
from calibration.least_squares import fit_line
from calibration.propagation import coverage_factor

CONSTANT_LEVEL = 0.05  # probability below which a constant value is rejected
PROBABILITY = 0.95


@dataclass(frozen=True)
class PastCalibration:
    """A calibration of the item: when, in years (any origin), its value and standard uncertainty."""

    year: float
    value: float
    u: float


@dataclass(frozen=True)
class Drift:
    """Change per year with its standard uncertainty, and what it says of the item.

    `constant_p`: probability of a larger scatter around a constant, were the item constant. `step`,
    `step_u`: the last less the one before. `p_value`: that of the line, None for two calibrations.
    """

    per_year: float
    per_year_u: float
    constant_p: float
    p_value: float | None
    step: float
    step_u: float
    drifts: bool
    stable: bool
    sentence: str


def drift(history: Sequence[PastCalibration], *, unit: str, shared_u: float = 0.0) -> Drift:
    """The drift of an item from two calibrations or more, in any order.

    `shared_u`: standard uncertainty that all of them share (one standard): it cannot make them differ.
    `drifts`: the slope differs from zero at 95 %. `stable`: neither a slope nor a scatter beyond the
    uncertainties.
    Raises `UnsuitableModelError` for fewer than two dates, `CalibrationError` for numbers that cannot be.
    """
    ordered = sorted(history, key=lambda c: c.year)
    _demand_usable(ordered, unit, shared_u)
    years, values = (np.array([getattr(c, name) for c in ordered]) for name in ("year", "value"))
    own = np.array([c.u**2 - shared_u**2 for c in ordered])
    fit = fit_line(years - years.mean(), values, y_covariance=np.sqrt(own))
    slope, slope_u = fit.slope, float(np.sqrt(fit.covariance[1, 1]))
    mean = float(np.sum(values / own) / np.sum(1 / own))
    constant_p = float(chdtrc(values.size - 1, float(np.sum((values - mean) ** 2 / own))))
    drifts = abs(slope) > coverage_factor(PROBABILITY) * slope_u
    stable = not drifts and constant_p >= CONSTANT_LEVEL
    return Drift(
        per_year=slope,
        per_year_u=slope_u,
        constant_p=constant_p,
        p_value=fit.p_value,
        step=float(values[-1] - values[-2]),
        step_u=float(np.sqrt(own[-1] + own[-2])),
        drifts=drifts,
        stable=stable,
        sentence=_sentence(slope, slope_u, constant_p, fit.p_value, drifts=drifts, n=values.size, unit=unit),
    )


def _sentence(
    slope: float, slope_u: float, constant_p: float, line_p: float | None, *, drifts: bool, n: int, unit: str
) -> str:
    change = f"{slope:+.3g} {unit} a year with a standard uncertainty of {slope_u:.2g} {unit}"
    if drifts and line_p is not None and line_p < CONSTANT_LEVEL:
        return (
            f"The item changes, and not evenly: {change} over {n} calibrations, "
            "which a line does not describe."
        )
    if drifts:
        return f"The item drifts by {change}, over {n} calibrations."
    if constant_p < CONSTANT_LEVEL:
        return (
            f"The item is not stable: {n} calibrations scatter beyond their uncertainties "
            f"(probability {constant_p:.2g}), without a direction ({change})."
        )
    return f"No drift is seen in {n} calibrations: {change}."


def _demand_usable(ordered: Sequence[PastCalibration], unit: str, shared_u: float) -> None:
    if len({c.year for c in ordered}) < 2:
        raise UnsuitableModelError(
            f"a drift in {unit} needs calibrations at two dates or more, not {len({c.year for c in ordered})}"
        )
    if not (isfinite(shared_u) and shared_u >= 0):
        raise CalibrationError(
            f"the shared standard uncertainty in {unit} must be finite and ≥ 0, not {shared_u}"
        )
    for c in ordered:
        if not (isfinite(c.year) and isfinite(c.value) and isfinite(c.u)):
            raise CalibrationError(
                f"calibration of {c.year}: {c.value} ± {c.u} {unit} must be finite numbers"
            )
        if not c.u > shared_u:
            raise CalibrationError(
                f"calibration of {c.year:g}: its standard uncertainty of {c.u:g} {unit} must exceed the part "
                f"that all share, {shared_u:g} {unit}"
            )

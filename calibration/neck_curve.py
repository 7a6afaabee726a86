"""The neck's curve from the deliveries of a run: V(reading) - nominal, fitted with everything that
correlates them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from calibration.curve import Curve, TableRow, line_curve
from calibration.deliveries import Delivery
from calibration.errors import UnsuitableModelError
from calibration.gravimetric_run import GravimetricRun
from calibration.least_squares import LineFit, fit_line
from calibration.propagation import propagate_jointly

Array = NDArray[np.float64]

# How much of a reader's systematic error two levels have in common is not known (a displaced plate moves both
# alike, the optics of the meniscus do not). For the fit and its test half of the variance is taken as
# common, so that the other half is not mistaken for a crooked neck; the line's offset then gets the rest of
# it added, so that its uncertainty is also enough where all of it was common.
COMMON_SHARE_BETWEEN_LEVELS = 0.5

SUITABILITY_LEVEL = 0.05


@dataclass(frozen=True)
class NeckCurve:
    """The fitted curve of volume minus nominal in mL against the reading, and how well it fits.

    `curve` is None, with the `reason` in words, where the line does not describe the neck. `suitable` is the
    χ² test at 5 %. `volumes_ml` and `volume_u_ml` are the fitted points' volumes minus nominal.
    """

    fit: LineFit
    covariance: Array
    curve: Curve | None
    suitable: bool
    reason: str
    volumes_ml: Array
    volume_u_ml: Array
    table: tuple[TableRow, ...]


def neck_curve(run: GravimetricRun, excess_u_ml: float, division: float | None) -> NeckCurve:
    """The line through all deliveries of the run, in readings of their scale's unit.

    `excess_u_ml`: standard deviation of what the repeats scatter beyond their readings and weighings (film
    left in the measure), shared by the deliveries of one repeat. `division`: the scale's division in its
    unit, the step of the table (None: no table).
    Raises `UnsuitableModelError` where there are fewer than three deliveries or fewer than two targets.
    """
    ds = run.deliveries
    if len(ds) < 3 or len({d.target for d in ds}) < 2:
        raise UnsuitableModelError(
            f"a curve needs three deliveries at two targets or more, "
            f"not {len(ds)} at {len({d.target for d in ds})}"
        )
    readings = np.array([d.level.value for d in ds])
    volumes, shared = propagate_jointly(run.volumes_model())
    volumes = volumes - 1000.0 * run.item.nominal_l
    y_covariance = shared + _scatter_covariance(run, excess_u_ml)
    fit = fit_line(readings, volumes, y_covariance=y_covariance, x_covariance=_reading_covariance(ds))
    unshared = (1 - COMMON_SHARE_BETWEEN_LEVELS) * float(np.mean([d.level.u_common**2 for d in ds]))
    covariance = fit.covariance + np.array([[fit.slope**2 * unshared, 0.0], [0.0, 0.0]])
    reason = ""
    curve: Curve | None = None
    table: tuple[TableRow, ...] = ()
    suitable = fit.suitable(SUITABILITY_LEVEL)
    if not suitable:
        reason = (
            f"a line does not describe the neck within its uncertainties: χ² = {fit.chi_squared:.2f} "
            f"with {fit.dof} degrees of freedom has a probability of {fit.p_value:.4f}"
        )
    else:
        try:
            curve = line_curve(replace(fit, covariance=covariance), _domain(readings, division))
            table = () if division is None else curve.table(division)
        except UnsuitableModelError as error:
            suitable, reason = False, str(error)
    return NeckCurve(fit, covariance, curve, suitable, reason, volumes, np.sqrt(np.diag(y_covariance)), table)


def _reading_covariance(ds: Sequence[Delivery]) -> Array:
    """Covariance of the readings: their common errors whole at one target, by half between targets."""
    common = np.array([d.level.u_common for d in ds])
    targets = np.array([d.target for d in ds])
    share = np.where(targets[:, np.newaxis] == targets, 1.0, COMMON_SHARE_BETWEEN_LEVELS)
    return np.asarray(np.diag([d.level.u_random**2 for d in ds]) + share * np.outer(common, common))


def _scatter_covariance(run: GravimetricRun, excess_u_ml: float) -> Array:
    """Covariance in mL² of what the deliveries do not all share: weighings and film, alike within a
    repeat.
    """
    full, drained = run.independent_u_ml()
    repeats = np.array([d.repeat for d in run.deliveries])
    same_repeat = repeats[:, np.newaxis] == repeats
    return np.asarray(np.diag(full**2) + same_repeat * (np.outer(drained, drained) + excess_u_ml**2))


def _domain(readings: Array, division: float | None) -> tuple[float, float]:
    """The span of the readings, to the marks that lie within half a division outside of it."""
    low, high = float(readings.min()), float(readings.max())
    if division is not None:
        below, above = floor(low / division) * division, ceil(high / division) * division
        low = below if low - below <= division / 2 else low
        high = above if above - high <= division / 2 else high
    return low, high

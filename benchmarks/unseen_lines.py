"""Straight lines that are right, and lines that χ² must reject, in every weighting of ISO/TS 28037."""

from dataclasses import dataclass

import numpy as np

from calibration.least_squares import LineFit, fit_line

WEIGHTINGS = ("weighted", "errors in both", "full covariance")
FAULTS = ("understated", "curved", "gross point")
UNDERSTATED = 3.0  # factor by which the stated uncertainties are too small
GROSS_MIN = 8.0  # standard deviations


@dataclass(frozen=True)
class LineData:
    """Points, and the covariances that are stated for them."""

    x: np.ndarray
    y: np.ndarray
    y_covariance: np.ndarray
    x_covariance: np.ndarray | None
    xy_covariance: np.ndarray | None

    def fit(self) -> LineFit:
        """Their line."""
        return fit_line(
            self.x,
            self.y,
            y_covariance=self.y_covariance,
            x_covariance=self.x_covariance,
            xy_covariance=self.xy_covariance,
        )


def _correlated(rng: np.random.Generator, n: int) -> np.ndarray:
    """A covariance of 2n quantities of unit size: some of their own, some shared by all or by a few."""
    shared = rng.normal(0, 1, (2 * n, 3)) * rng.uniform(0.1, 0.6, 3)
    return np.asarray(np.diag(rng.uniform(0.3, 1.5, 2 * n)) + shared @ shared.T)


def line(rng: np.random.Generator, weighting: str, fault: str | None = None) -> LineData:
    """A line with errors as they are stated, unless a fault is asked for."""
    n = int(rng.integers(8, 40))
    scale = 10.0 ** rng.uniform(-3, 3)
    x_true = np.sort(rng.uniform(-1, 1, n)) * 10.0 ** rng.uniform(-2, 3)
    slope, intercept = scale * rng.choice([-1, 1]) * rng.uniform(0.3, 3), scale * rng.normal(0, 5)
    # Errors of a size that leaves the line a line: a hundredth of its span or less.
    u_y = abs(slope) * np.ptp(x_true) * 10.0 ** rng.uniform(-5, -2)
    u_x = u_y / abs(slope) * rng.uniform(0.2, 2.0)
    if weighting == "full covariance":
        whole = _correlated(rng, n)
    else:
        whole = np.diag(rng.uniform(0.3, 1.5, 2 * n) ** 2)
    if weighting == "weighted":
        whole[:n, :n] = 0.0
    sizes = np.concatenate([np.full(n, u_x), np.full(n, u_y)])
    whole = whole * np.outer(sizes, sizes)
    factor = (
        np.linalg.cholesky(whole + 1e-30 * np.eye(2 * n) * whole.max()) if weighting != "weighted" else None
    )
    if factor is None:
        errors = np.concatenate([np.zeros(n), rng.normal(0, np.sqrt(np.diag(whole)[n:]))])
    else:
        errors = factor @ rng.normal(0, 1, 2 * n)
    if fault == "understated":
        errors = errors * UNDERSTATED
    x, y = x_true + errors[:n], intercept + slope * x_true + errors[n:]
    of_line = np.sqrt(np.diag(whole)[n:] + slope**2 * np.diag(whole)[:n])
    if fault == "curved":
        middle = (x_true - x_true.mean()) / np.ptp(x_true)
        y = y + rng.choice([-1, 1]) * rng.uniform(40, 80) * float(of_line.max()) * middle**2
    elif fault == "gross point":
        at = int(rng.integers(n))
        y[at] += rng.choice([-1, 1]) * (GROSS_MIN + rng.uniform(0, 8)) * float(of_line[at])
    full = weighting == "full covariance"
    return LineData(
        x,
        y,
        whole[n:, n:],
        None if weighting == "weighted" else whole[:n, :n],
        whole[:n, n:] if full else None,
    )

"""A fitted calibration curve together with what says how well it fits."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from calibration.curve import Curve
from calibration.errors import CalibrationError, UnsuitableModelError

Array = NDArray[np.float64]

_SPREAD_MIN = 1e-12  # of the largest reading: what can still be told apart
_LARGEST = 1e30  # beyond it squares and their sums leave the numbers that can be computed with


@dataclass(frozen=True)
class Points:
    """Readings x and volumes v with their covariance matrices; x is exact where its covariance is None.

    `scale_known` says whether the uncertainties were stated; without, every volume has 1 and only ratios
    count.
    Raises `CalibrationError` for shapes and numbers that cannot be.
    """

    x: Array
    v: Array
    v_covariance: Array
    x_covariance: Array | None = None
    scale_known: bool = True

    def __post_init__(self) -> None:
        n = self.x.size
        if self.x.shape != (n,) or self.v.shape != (n,):
            raise CalibrationError(
                f"x and v must be rows of equal length, not {self.x.shape} and {self.v.shape}"
            )
        for name, matrix in (("v_covariance", self.v_covariance), ("x_covariance", self.x_covariance)):
            if matrix is not None and (matrix.shape != (n, n) or not np.all(np.isfinite(matrix))):
                raise CalibrationError(f"{name} must be finite and of shape ({n}, {n}), not {matrix.shape}")
        if not (np.all(np.isfinite(self.x)) and np.all(np.isfinite(self.v))):
            at = int(np.argmax(~(np.isfinite(self.x) & np.isfinite(self.v))))
            raise CalibrationError(
                f"point {at + 1} holds a number that is not finite: {self.x[at]:g}, {self.v[at]:g}"
            )
        self._demand_magnitudes(n)

    def _demand_magnitudes(self, n: int) -> None:
        """Readings that differ, and numbers whose squares can be computed with."""
        if n < 2 or not np.ptp(self.x) > _SPREAD_MIN * float(np.max(np.abs(self.x))):
            raise UnsuitableModelError(
                f"a curve needs two different readings or more, and these {n} points have "
                f"{np.unique(self.x).size} that can be told apart"
            )
        matrices = [m for m in (self.v_covariance, self.x_covariance) if m is not None]
        roots = [np.sqrt(np.abs(np.diag(m))) for m in matrices]
        largest = max(float(np.max(np.abs(a))) for a in (self.x, self.v, *roots))
        smallest = min(float(np.ptp(self.x)), float(roots[0].min()))
        if largest > _LARGEST or 0 < smallest < 1 / _LARGEST:
            raise CalibrationError(
                f"the {n} points hold numbers or uncertainties beyond {_LARGEST:g} or closer to zero than "
                f"{1 / _LARGEST:g} (from {smallest:.3g} to {largest:.3g}): use another unit"
            )

    def combined(self, slope: Array) -> Array:
        """Covariance of v - slope · x, shape (n, n)."""
        if self.x_covariance is None:
            return self.v_covariance
        return np.asarray(self.v_covariance + slope[:, np.newaxis] * self.x_covariance * slope)

    def subset(self, kept: NDArray[np.bool_]) -> "Points":
        """The points for which `kept`, shape (n,), is true."""
        both = np.ix_(kept, kept)
        ux = None if self.x_covariance is None else self.x_covariance[both]
        return Points(self.x[kept], self.v[kept], self.v_covariance[both], ux, self.scale_known)


@dataclass(frozen=True)
class FittedCurve:
    """A curve, χ² with its degrees of freedom, and the residuals of its points (v less the curve), shape
    (n,).
    """

    curve: Curve
    chi_squared: float
    dof: int
    residuals: Array
    normalised_residuals: Array

    @property
    def parameters(self) -> int:
        """Number of parameters that were fitted."""
        return self.residuals.size - self.dof

    @property
    def p_value(self) -> float | None:
        """Probability of a larger χ² when curve and uncertainties are right; None without degrees of
        freedom.
        """
        return float(chdtrc(self.dof, self.chi_squared)) if self.dof > 0 else None

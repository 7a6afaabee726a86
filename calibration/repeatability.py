"""What the repeats at the nominal mark say of repeatability, and what all of them have in common."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from calibration.deliveries import Level
from calibration.errors import CalibrationError
from calibration.propagation import Distribution, Input


@dataclass(frozen=True)
class Scatter:
    """The errors of the repeats in mL, and the standard deviation `expected` of what is random in each by
    itself: frames, weighings, readings.
    """

    errors: NDArray[np.float64]
    expected: float

    @property
    def observed(self) -> float | None:
        """Their standard deviation, None for a single one."""
        return float(self.errors.std(ddof=1)) if self.errors.size > 1 else None

    @property
    def excess(self) -> float:
        """What of the observed lies beyond the expected."""
        observed = self.observed
        return 0.0 if observed is None else sqrt(max(observed**2 - self.expected**2, 0.0))

    @property
    def range(self) -> float | None:
        """Largest minus smallest error, None for a single one."""
        return float(self.errors.max() - self.errors.min()) if self.errors.size > 1 else None


def repeatability_input(scatter: Scatter, random: str, besides: str) -> Input:
    """The input for the scatter of the mean: observed, but never less than what is random in each makes it.

    `random` names what `expected` is made of, `besides` what only repeats can tell. With few repeats the
    observed standard deviation may be small by chance; its degrees of freedom (n - 1) carry into the coverage
    factor through Welch–Satterthwaite.
    """
    n = scatter.errors.size
    observed = scatter.observed
    if observed is None:
        return Input(
            "repeatability",
            0.0,
            scatter.expected,
            "mL",
            quantity="repeatability",
            source=f"one delivery: scatter of {random} only, the film's is not known",
        )
    larger = "observed" if observed >= scatter.expected else f"expected from {random}, more than observed"
    return Input(
        "repeatability",
        0.0,
        max(observed, scatter.expected) / sqrt(n),
        "mL",
        Distribution.STUDENT,
        dof=n - 1,
        quantity="repeatability of the mean",
        source=f"standard deviation of {n} deliveries ({larger}): {besides}",
    )


def common_reading_input(levels: Sequence[Level]) -> Input:
    """The input for what all readings have in common: its uncertainty does not shrink with repeats."""
    return Input(
        "r",
        0.0,
        float(np.mean([level.u_common for level in levels])),
        unit_of(levels),
        quantity="reading of the meniscus, common to the repeats",
        source="the reader's terms other than frames and edges",
    )


def unit_of(levels: Sequence[Level]) -> str:
    """The unit of all readings. Raises `CalibrationError` where they differ."""
    units = sorted({level.unit for level in levels})
    if len(units) > 1:
        raise CalibrationError(f"record: the level was read in different units: {', '.join(units)}")
    return units[0]

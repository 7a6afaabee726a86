"""Control charts of check standards: is the process still what it was when its limits were set.

Shewhart charts of individual values (ISO 7870-2:2013, limits ± 3σ, σ from the mean moving range) and charts
of the exponentially weighted moving average (ISO 7870-6:2016), which see a small shift sooner.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, pi, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.errors import CalibrationError, UnsuitableModelError

Array = NDArray[np.float64]

SIGMAS = 3.0
EWMA_WEIGHT = 0.2
EWMA_SIGMAS = (
    2.86  # with a weight of 0.2 an in-control run length of about 370, as of ± 3σ; checked by a test
)
BASE_MIN = 8
_RANGE_TO_SIGMA = sqrt(pi) / 2  # mean range of two normal values is 2/√π σ: d2 = 1.128


@dataclass(frozen=True)
class ControlLimits:
    """Centre and standard deviation of a process in control, in `unit`, from `count` values."""

    centre: float
    sigma: float
    count: int
    unit: str


@dataclass(frozen=True)
class Chart:
    """What is drawn: values (or their moving average) with limits, shape (n,), and who lies outside."""

    plotted: Array
    low: Array
    high: Array
    outside: tuple[int, ...]
    sentence: str

    @property
    def in_control(self) -> bool:
        """No value lies outside of the limits."""
        return not self.outside


def control_limits(base: ArrayLike, *, unit: str) -> ControlLimits:
    """Limits from the values of a base period, in order of time; shape (n,), eight or more.

    σ is the mean moving range over 1.128: a slow drift within the base does not widen the limits.
    Raises `UnsuitableModelError` for too few values, or values that are all alike; `CalibrationError` for
    values that are not numbers.
    """
    values = _values(base, unit)
    if values.size < BASE_MIN:
        raise UnsuitableModelError(
            f"control limits in {unit} need {BASE_MIN} values of the check standard or more, "
            f"not {values.size}"
        )
    sigma = float(np.mean(np.abs(np.diff(values)))) * _RANGE_TO_SIGMA
    if not sigma > 0:
        raise UnsuitableModelError(
            f"{values.size} values of {values[0]:g} {unit} are all alike: they give no limits"
        )
    return ControlLimits(float(values.mean()), sigma, values.size, unit)


def shewhart_chart(values: ArrayLike, limits: ControlLimits, *, sigmas: float = SIGMAS) -> Chart:
    """Each value against centre ± `sigmas`·σ. ISO 7870-2:2013. Raises `CalibrationError`."""
    plotted = _values(values, limits.unit)
    if not (isfinite(sigmas) and sigmas > 0):
        raise CalibrationError(f"the width of control limits must be a positive number of σ, not {sigmas}")
    half = np.full(plotted.size, sigmas * limits.sigma)
    return _chart("value", plotted, limits, half)


def ewma_chart(
    values: ArrayLike, limits: ControlLimits, *, weight: float = EWMA_WEIGHT, sigmas: float = EWMA_SIGMAS
) -> Chart:
    """The moving average z_i = λ x_i + (1 - λ) z_{i-1} from the centre, against its own limits.

    Half-width of the limits: L σ √(λ/(2 - λ) · (1 - (1 - λ)^2i)), ISO 7870-6:2016.
    Raises `CalibrationError` for a weight outside (0, 1], or values that are not numbers.
    """
    xs = _values(values, limits.unit)
    if not 0 < weight <= 1:
        raise CalibrationError(f"the weight of a moving average lies in (0, 1], not {weight}")
    if not (isfinite(sigmas) and sigmas > 0):
        raise CalibrationError(f"the width of control limits must be a positive number of σ, not {sigmas}")
    plotted, last = np.empty(xs.size), limits.centre
    for i, x in enumerate(xs.tolist()):
        last = weight * x + (1 - weight) * last
        plotted[i] = last
    grown = 1 - (1 - weight) ** (2 * np.arange(1, xs.size + 1))
    half = sigmas * limits.sigma * np.sqrt(weight / (2 - weight) * grown)
    return _chart("moving average", plotted, limits, half)


def _chart(what: str, plotted: Array, limits: ControlLimits, half: Array) -> Chart:
    outside = tuple(int(i) for i in np.flatnonzero(np.abs(plotted - limits.centre) > half))
    return Chart(
        plotted,
        limits.centre - half,
        limits.centre + half,
        outside,
        _sentence(what, plotted, limits, half, outside),
    )


def _sentence(what: str, plotted: Array, limits: ControlLimits, half: Array, outside: Sequence[int]) -> str:
    if not outside:
        return f"In control: no {what} of {plotted.size} lies outside of its limits."
    i = outside[0]
    return (
        f"Out of control: {len(outside)} of {plotted.size}, first {what} {i + 1} of {plotted[i]:.5g} "
        f"{limits.unit}, {plotted[i] - limits.centre:+.3g} {limits.unit} from the centre "
        f"where ±{half[i]:.3g} is allowed."
    )


def _values(given: ArrayLike, unit: str) -> Array:
    values = np.asarray(given, dtype=np.float64)
    if values.ndim != 1 or not values.size:
        raise CalibrationError(f"a control chart in {unit} takes a row of values, not shape {values.shape}")
    if not np.all(np.isfinite(values)):
        bad = int(np.flatnonzero(~np.isfinite(values))[0])
        raise CalibrationError(f"a control chart in {unit}: value {bad + 1} is not a finite number")
    return values

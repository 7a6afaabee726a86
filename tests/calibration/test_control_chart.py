"""Control charts of check standards."""

import numpy as np
import pytest

from calibration.control_chart import control_limits, ewma_chart, shewhart_chart
from calibration.errors import CalibrationError, UnsuitableModelError

BASE = [10.0, 10.2, 9.9, 10.1, 10.0, 9.8, 10.1, 10.0, 9.9, 10.0]


def test_limits_from_the_moving_range() -> None:
    """σ is the mean moving range over 1.128 (2/√π)."""
    limits = control_limits(BASE, unit="mL")
    ranges = np.abs(np.diff(BASE))
    assert limits.centre == pytest.approx(10.0)
    assert limits.sigma == pytest.approx(ranges.mean() / 1.1283792)


def test_a_value_outside_is_named() -> None:
    """The first value beyond ± 3σ is named with its size and its limit."""
    limits = control_limits(BASE, unit="mL")
    chart = shewhart_chart([10.0, 11.0, 10.1], limits)
    assert chart.outside == (1,)
    assert chart.sentence.startswith("Out of control: 1 of 3, first value 2 of 11 mL, +1 mL from the centre")
    assert shewhart_chart(BASE, limits).in_control


def test_the_moving_average_sees_a_small_shift_sooner() -> None:
    """A shift of one σ leaves single values inside, and the average crosses its limit."""
    limits = control_limits(BASE, unit="mL")
    shifted = np.full(30, limits.centre + limits.sigma)
    assert shewhart_chart(shifted, limits).in_control
    chart = ewma_chart(shifted, limits)
    assert not chart.in_control
    assert chart.plotted[0] == pytest.approx(limits.centre + 0.2 * limits.sigma)
    assert (chart.high[0] - limits.centre) == pytest.approx(2.86 * limits.sigma * 0.2)


def test_false_alarms_are_rare() -> None:
    """In control both charts run for about 370 values until a first alarm: between 230 and 600 here."""
    rng = np.random.default_rng(4)
    limits = control_limits(np.tile([-1.1283792 / 2, 1.1283792 / 2], 20), unit="mL")
    assert limits.sigma == pytest.approx(1.0)
    for chart in (shewhart_chart, ewma_chart):
        lengths = []
        for _ in range(300):
            outside = chart(rng.normal(0, 1, 3000), limits).outside
            lengths.append(outside[0] + 1 if outside else 3000)
        assert 230 < np.mean(lengths) < 600


def test_what_gives_no_chart() -> None:
    """Too few values, values all alike, and numbers that are none."""
    with pytest.raises(UnsuitableModelError, match="need 8 values"):
        control_limits(BASE[:7], unit="mL")
    with pytest.raises(UnsuitableModelError, match="all alike"):
        control_limits([1.0] * 9, unit="mL")
    with pytest.raises(CalibrationError, match="value 2 is not a finite number"):
        control_limits([1.0, float("inf"), *BASE], unit="mL")
    with pytest.raises(CalibrationError, match="weight of a moving average"):
        ewma_chart(BASE, control_limits(BASE, unit="mL"), weight=0.0)

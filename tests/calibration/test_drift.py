"""Drift of an item over its calibrations."""

import numpy as np
import pytest

from calibration.drift import PastCalibration, drift
from calibration.errors import CalibrationError, UnsuitableModelError


def history(values: list[float], u: float = 1.0) -> list[PastCalibration]:
    """One calibration a year."""
    return [PastCalibration(2020.0 + i, v, u) for i, v in enumerate(values)]


def test_a_steady_drift_is_seen() -> None:
    """Two millilitres a year in five years, each known to 1 mL: slope u is 1/√10."""
    found = drift(history([0.0, 2.0, 4.0, 6.0, 8.0]), unit="mL")
    assert (found.drifts, found.stable) == (True, False)
    assert (found.per_year, found.per_year_u) == (pytest.approx(2.0), pytest.approx(0.1**0.5))
    assert (found.step, found.step_u) == (2.0, pytest.approx(2**0.5))
    assert found.sentence == (
        "The item drifts by +2 mL a year with a standard uncertainty of 0.32 mL, over 5 calibrations."
    )


def test_order_does_not_matter_and_no_drift_is_said() -> None:
    """Values within their uncertainties are stable, in whatever order they are given."""
    past = history([0.3, -0.4, 0.1, 0.5])
    assert drift(past, unit="mL") == drift(past[::-1], unit="mL")
    assert drift(past, unit="mL").stable
    assert drift(past, unit="mL").sentence.startswith("No drift is seen in 4 calibrations")


def test_a_jump_is_no_drift_but_not_stable() -> None:
    """A scatter beyond the uncertainties without a direction is named as that."""
    found = drift(history([0.0, 9.0, -9.0, 0.0]), unit="mL")
    assert not found.stable
    assert "The item" in found.sentence
    uneven = drift(history([0.0, 0.0, 0.0, 0.0, 20.0]), unit="mL")
    assert "not evenly" in uneven.sentence


def test_what_is_shared_makes_a_drift_surer() -> None:
    """The part of the uncertainty that all calibrations share cannot hide a drift."""
    past = history([0.0, 1.0, 2.0], u=1.0)
    assert not drift(past, unit="mL").drifts
    assert drift(past, unit="mL", shared_u=0.99).drifts


def test_false_alarms_are_as_many_as_stated() -> None:
    """Of 2000 constant items 5 % are said to drift, within four standard errors (2 %)."""
    rng = np.random.default_rng(2)
    alarms = [drift(history(rng.normal(0, 1, 6).tolist()), unit="mL").drifts for _ in range(2000)]
    assert np.mean(alarms) == pytest.approx(0.05, abs=0.02)


def test_what_gives_no_drift() -> None:
    """One date, no uncertainty and numbers that are none are named with their unit."""
    with pytest.raises(UnsuitableModelError, match="a drift in mL needs calibrations at two dates"):
        drift(history([1.0]), unit="mL")
    with pytest.raises(CalibrationError, match="its standard uncertainty of 0 mL must exceed"):
        drift(history([1.0, 2.0], u=0.0), unit="mL")
    with pytest.raises(CalibrationError, match="must be finite"):
        drift(history([1.0, float("nan")]), unit="mL")

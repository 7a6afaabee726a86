"""Edges and lines of known position are found to a small part of a pixel."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import erf

from vision.edges import centroids, line_strengths, peaks, smoothed, steps_up

ROWS = np.arange(80.0)


def step(at: float, sigma: float, dark: float = 40.0, bright: float = 200.0) -> NDArray[np.float64]:
    """A step from dark to bright at `at`, blurred by the lens and averaged over each pixel."""
    fine = (np.arange(80 * 16) + 0.5) / 16 - 0.5
    profile = dark + (bright - dark) * 0.5 * (1 + erf((fine - at) / (np.sqrt(2) * sigma)))
    return np.asarray(profile.reshape(80, 16).mean(axis=1), np.float64)


def line(at: float, width: float, depth: float = 120.0) -> NDArray[np.float64]:
    """A dark line of some width, blurred a little."""
    return step(at - width / 2, 0.7, 220.0, 220.0 - depth) + step(at + width / 2, 0.7, 0.0, depth)


def found(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """The positions of the steps in columns whose band is dark above row 20."""
    lanes = columns.shape[1]
    return steps_up(columns, np.full(lanes, 12), np.full(lanes, 70), 4.0).position


@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.0])
def test_a_blurred_step_is_found_to_a_thirtieth_of_a_pixel(sigma: float) -> None:
    """Blur, which is symmetric, does not move a step, wherever it falls between pixels."""
    truth = 35.0 + np.arange(10) / 10
    columns = np.column_stack([step(at, sigma) for at in truth])

    assert np.abs(found(columns) - truth).max() < 0.034


def test_shades_further_off_do_not_pull_a_step() -> None:
    """A still darker stripe above and a slope of the background below leave the step where it is."""
    columns = step(40.3, 0.9)[:, None].copy()
    columns[:30] -= 15
    columns[55:, 0] -= 2.0 * np.arange(25)

    assert found(columns)[0] == pytest.approx(40.3, abs=0.05)


def test_noise_is_averaged_not_followed() -> None:
    """With noise of a fortieth of the contrast the positions scatter by less than a tenth of a pixel."""
    random = np.random.default_rng(7)
    columns = np.column_stack([step(33.7, 1.0) + random.normal(0, 4.0, 80) for _ in range(200)])

    positions = found(columns)

    assert np.std(positions) < 0.1
    assert np.mean(positions) == pytest.approx(33.7, abs=0.02)


def test_a_column_without_a_step_gives_none() -> None:
    """A flat column is NaN, and does not disturb its neighbour."""
    columns = np.column_stack((np.full(80, 90.0), step(41.0, 1.0)))

    positions = found(columns)

    assert np.isnan(positions[0])
    assert positions[1] == pytest.approx(41.0, abs=0.02)


def test_the_levels_are_those_beside_the_step() -> None:
    """Foot and head are reported in gray values."""
    steps = steps_up(step(40.0, 1.0)[:, None], np.array([10]), np.array([70]), 4.0)

    assert steps.dark[0] == pytest.approx(40.0, abs=4.0)
    assert steps.bright[0] == pytest.approx(200.0, abs=4.0)


def test_lines_are_centred_by_their_weight() -> None:
    """Dark lines at fractions of a pixel are found by centre of gravity to a fiftieth of a pixel."""
    truth = np.array([20.25, 40.6, 60.9])
    profile = 220.0 - sum(220.0 - line(at, 3.0) for at in truth)
    strength = line_strengths(np.asarray(profile), 11)

    at = peaks(strength, 30.0, 5)

    assert len(at) == 3
    assert np.abs(centroids(strength, at, 5) - truth).max() < 0.02


def test_a_step_is_no_line() -> None:
    """Line strength answers to lines narrower than its width, not to edges."""
    strength = line_strengths(step(40.0, 0.8), 11)

    assert strength.max() < 1.0


def test_peaks_keep_their_distance() -> None:
    """Of two maxima that are too near only the higher stays."""
    profile = np.zeros(40)
    profile[[10, 13, 30]] = [5.0, 7.0, 6.0]

    assert peaks(profile, 1.0, 5).tolist() == [13, 30]


def test_smoothing_keeps_the_sum() -> None:
    """A Gaussian moves no weight; a width of nothing changes nothing."""
    profile = np.zeros(41)
    profile[20] = 1.0

    assert smoothed(profile, 2.0).sum() == pytest.approx(1.0)
    assert smoothed(profile, 0.0) is profile

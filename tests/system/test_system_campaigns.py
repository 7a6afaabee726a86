"""Short forms of the long campaigns: the service killed in runs, and fills of random plants."""

import sys
from pathlib import Path
from statistics import median

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the benchmarks are no package of the product

from benchmarks import fills, kills, soak


@pytest.mark.slow
def test_killed_runs_come_back_and_end_with_a_valid_result() -> None:
    """Two kills at random moments: nothing lost, nothing twice, no water where it must not be."""
    done = kills.campaign(seed=21, runs=2)
    assert [[]] * 2 == [killed.faults for killed in done]
    assert [True] * 2 == [killed.valid for killed in done], [killed.reasons for killed in done]


def test_fills_end_within_a_fifth_of_a_division_from_below() -> None:
    """Two plants, two targets each: within ±0.2 division, never above the switch, in few fine doses."""
    done = fills.campaign(plants=2, per_plant=2, first=301)
    assert [""] * 4 == [fill.problem for fill in done]
    off = [fill.off_ml for fill in done]
    assert all(value is not None and abs(value) <= fills.LIMIT * fills.DIVISION_ML for value in off), off
    assert not any(fill.high_high or fill.overflow_ml for fill in done)
    assert median(fill.fine_doses for fill in done) <= 3


def test_runs_in_a_row_waste_no_time_and_leave_nothing_open() -> None:
    """Three measures on one rig: complete, at most 5 % longer than prescribed, no file more than before."""
    done = soak.soak(runs=3)
    assert ["complete"] * 3 == [measured.outcome for measured in done]
    assert all(0.0 <= measured.overhead <= soak.MOST_OVERHEAD for measured in done), done
    assert done[0].files == done[-1].files

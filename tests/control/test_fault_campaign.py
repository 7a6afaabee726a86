"""The fault campaign in its short form: a few faults of the twin and of the wire, in their worst steps."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # the campaign stands in benchmarks/, beside the packages

from benchmarks.faults import STEPS, TWIN_FAULTS, ZEROS, Case, WireFault, campaign, cases, count  # noqa: E402

WORST = (
    ("meter-dropout", "fill, coarse"),
    ("valve-stuck-open coarse", "fill, coarse"),
    ("plc-restart", "settle"),
    ("register-garbage", "fill, fine"),
    ("wire: half-open", "fill, coarse"),
    ("wire: duplicate", "drain"),
)


def test_the_campaign_pairs_every_fault_with_every_step() -> None:
    """At least 400 runs, each of them another one."""
    every = cases()
    assert len(every) == (1 + len(TWIN_FAULTS) + len(WireFault)) * len(STEPS)
    assert len(every) >= 400
    assert len(every) == len({(case.label, case.step) for case in every})


@pytest.mark.slow
def test_the_worst_faults_flood_lose_and_falsify_nothing() -> None:
    """Every run comes to its fault and to a defined end, and nothing of what must not happen does."""
    chosen: list[Case] = [case for case in cases() if (case.label, case.step) in WORST]
    assert len(WORST) == len(chosen)
    told = campaign(chosen, 3, lambda one: None)
    assert dict.fromkeys(ZEROS, 0) == count(told), [(one.case.label, one.wrong, one.reasons) for one in told]
    assert [True] * len(told) == [one.began for one in told]
    assert {"complete", "stopped", "aborted"} >= {one.outcome for one in told}

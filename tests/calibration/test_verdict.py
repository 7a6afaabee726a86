"""Decisions by simple acceptance and guard band, and what keeps a verdict from being given."""

import tomllib
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calibration.errors import CalibrationError
from calibration.rules import RulePack, load_rule_pack, parse_rule_pack
from calibration.verdict import Outcome, Verdict, acceptance_at_risk, decide, probability_within

RULES = Path(__file__).resolve().parents[2] / "configs" / "rules"


def pack(rule: str = "guard-band", **limit: Any) -> RulePack:
    """A pack with a limit of 20 mL, or another one, and the given decision rule."""
    content = tomllib.loads((RULES / "tw-owner-standard-measure.toml").read_text(encoding="utf-8"))
    content["decision"]["rule"] = rule
    if rule == "specific-risk":
        content["decision"]["false_accept_max"] = 0.05
    if limit:
        content["maximum_permissible_error"] = {"source": "s", **limit}
    return parse_rule_pack(content, "x.toml")


def verdict(
    rules: RulePack, error_ml: float, expanded_ml: float = 2.0, obstacles: tuple[str, ...] = ()
) -> Verdict:
    """The verdict on a 20 L measure with k = 2 and infinite degrees of freedom."""
    return decide(
        rules,
        error_ml=error_ml,
        u_ml=expanded_ml / 2,
        expanded_ml=expanded_ml,
        dof=inf,
        nominal_l=20.0,
        division_ml=20.0,
        obstacles=obstacles,
    )


@pytest.mark.parametrize(
    ("rule", "error_ml", "expected"),
    [
        ("simple", 20.0, Outcome.PASS),
        ("simple", -20.01, Outcome.FAIL),
        ("guard-band", -18.0, Outcome.PASS),
        ("guard-band", 18.01, Outcome.FAIL),
        ("guard-band", 25.0, Outcome.FAIL),
    ],
)
def test_outcomes_at_the_limits(rule: str, error_ml: float, expected: Outcome) -> None:
    """Simple acceptance decides at the limit, the guard band at the limit less U; both include the edge."""
    assert verdict(pack(rule), error_ml).outcome is expected


def test_the_sentence_explains() -> None:
    """The sentence has error, limit and uncertainty in it."""
    assert verdict(pack(), -18.5).sentence == (
        "The error of -18.50 mL lies outside ±18.00 mL, the limit of ±20.00 mL "
        "narrowed by the expanded uncertainty of 2.00 mL."
    )
    assert verdict(pack("simple"), 3.0).sentence == (
        "The error of +3.00 mL lies within the limit of ±20.00 mL (simple acceptance)."
    )


def test_probability_of_conformity() -> None:
    """Half at the limit, all but nothing far inside; Student's tails are heavier than the normal's."""
    assert probability_within(20.0, 20.0, 1.0) == pytest.approx(0.5)
    assert probability_within(20.0, 18.0, 1.0) == pytest.approx(0.97725, abs=1e-5)
    assert probability_within(20.0, 18.0, 1.0, dof=2) == pytest.approx(0.90790, abs=1e-5)
    with pytest.raises(CalibrationError, match="positive standard uncertainty"):
        probability_within(20.0, 18.0, 0.0)


def test_no_verdict_with_too_large_an_uncertainty() -> None:
    """When U is not below the limit nothing could pass: there is no verdict, rather than a failure."""
    answer = verdict(pack(relative=5e-5), 0.2, expanded_ml=1.2)
    assert answer.outcome is Outcome.NONE
    assert "the expanded uncertainty of 1.2 mL is not below the limit of 1 mL" in answer.sentence


def test_no_verdict_by_unverified_or_revoked_rules() -> None:
    """An unverified limit and a revoked pack decide nothing, and the sentence names them."""
    unverified = verdict(pack(relative=5e-4, unverified=True), 0.0)
    assert unverified.outcome is Outcome.NONE
    assert "maximum_permissible_error of tw-owner-standard-measure is unverified" in unverified.sentence
    revoked = verdict(load_rule_pack(RULES / "uk-si-1987-51.toml"), 0.0)
    assert revoked.outcome is Outcome.NONE
    assert "are revoked (1991, by SI 1990/2626)" in revoked.sentence


def test_no_verdict_without_a_limit_for_the_size() -> None:
    """A size that the rules do not know has neither limit nor probability."""
    answer = verdict(pack(rows=[{"from_l": 1.0, "to_l": 10.0, "limit_ml": 1.0}]), 0.0)
    assert (answer.outcome, answer.limit_ml, answer.probability_of_conformity) == (Outcome.NONE, None, None)
    assert answer.sentence == "No verdict: the rules tw-owner-standard-measure have no limit for 20 L."


def test_obstacles_of_the_run_count() -> None:
    """A reason that the run gives keeps the verdict away, however small the error."""
    answer = verdict(pack(), 0.0, obstacles=("the run was aborted",))
    assert (answer.outcome, answer.sentence) == (Outcome.NONE, "No verdict: the run was aborted.")


def test_specific_risk_decides_by_the_probability() -> None:
    """One-sided 5 % of a normal distribution is 1.645 u: accepted up to the limit less that, u = 1 mL."""
    at = verdict(pack("specific-risk"), 20.0 - 1.6448)
    beyond = verdict(pack("specific-risk"), 20.0 - 1.6449)
    assert acceptance_at_risk(20.0, 1.0, inf, 0.05) == pytest.approx(20.0 - 1.644854, abs=1e-6)
    assert at.acceptance_limit_ml == pytest.approx(18.355146, abs=1e-6)
    assert (beyond.outcome, at.outcome) == (Outcome.PASS, Outcome.FAIL)
    assert beyond.probability_of_false_accept == pytest.approx(0.05, abs=1e-4)
    assert beyond.probability_of_false_reject is None
    assert at.probability_of_false_reject == pytest.approx(0.95, abs=1e-4)
    assert at.probability_of_false_accept is None


def test_specific_risk_counts_both_sides() -> None:
    """With u = 10 mL and a limit of 20 mL, zero error is false with 4.55 %: 5 % is allowed, just above it."""
    assert acceptance_at_risk(20.0, 10.0, inf, 0.0455) is None
    allowed = acceptance_at_risk(20.0, 10.0, inf, 0.05)
    assert allowed is not None
    assert probability_within(20.0, allowed, 10.0) == pytest.approx(0.95, abs=1e-9)
    answer = verdict(pack("specific-risk"), 0.0, expanded_ml=24.0)
    assert (answer.outcome, answer.acceptance_limit_ml) == (Outcome.NONE, None)
    assert "even an error of zero would be falsely accepted" in answer.sentence


def test_risks_of_simple_acceptance_are_told() -> None:
    """An item accepted at the very limit does not conform with a probability of one half."""
    answer = verdict(pack("simple"), 20.0)
    assert (answer.outcome, answer.probability_of_false_accept) == (Outcome.PASS, pytest.approx(0.5))


def test_specific_risk_holds_by_trial() -> None:
    """Of 40 000 items found at the acceptance limit, 5 % do not conform (± 4 standard errors)."""
    limit = acceptance_at_risk(20.0, 6.0, inf, 0.05)
    assert limit is not None
    true = np.random.default_rng(1).normal(limit, 6.0, 40_000)
    assert np.mean(np.abs(true) > 20.0) == pytest.approx(0.05, abs=4 * (0.05 * 0.95 / 40_000) ** 0.5)


def test_no_limit_at_all_is_said() -> None:
    """Rules that state no limit of error give no verdict, and say that this is what is missing."""
    answer = verdict(load_rule_pack(RULES / "ca-measurement-canada.toml"), 0.0)
    assert answer.sentence == "No verdict: the rules ca-measurement-canada have no limit of error at all."


@pytest.mark.parametrize("bad", [float("nan"), inf])
def test_numbers_that_are_none_decide_nothing(bad: float) -> None:
    """An error that is not a number is refused, with its unit."""
    with pytest.raises(CalibrationError, match="in mL that are numbers"):
        verdict(pack(), bad)

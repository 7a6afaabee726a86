"""The decision whether an item conforms: simple acceptance or guard band.

JCGM 106:2012, 7 (probability of conformity), 8.2 (simple acceptance), 8.3 (guard band).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf, isinf

from scipy.special import ndtr, stdtr

from calibration.errors import CalibrationError
from calibration.rules import DecisionRule, RulePack


class Outcome(StrEnum):
    """The answer."""

    PASS = "pass"  # noqa: S105  (an outcome, not a password)
    FAIL = "fail"
    NONE = "none"


@dataclass(frozen=True)
class Verdict:
    """The answer, its limits in mL, and one sentence that explains it.

    `limit_ml` is None where the rules have no limit for the item; `acceptance_limit_ml` is the limit after
    the guard band (negative when the guard band is wider than the limit).
    """

    outcome: Outcome
    rule: DecisionRule
    limit_ml: float | None
    acceptance_limit_ml: float | None
    probability_of_conformity: float | None
    sentence: str
    rules: str
    source: str


def probability_within(limit: float, value: float, u: float, dof: float = inf) -> float:
    """Probability that the true value lies within ± `limit`, given a result with standard uncertainty u > 0.

    The result's distribution is normal, or Student's t for finite degrees of freedom. JCGM 106:2012, 7.4.
    Raises `CalibrationError` for an uncertainty that is not positive.
    """
    if not u > 0:
        raise CalibrationError(f"a probability of conformity needs a positive standard uncertainty, not {u}")
    upper, lower = (limit - value) / u, (-limit - value) / u
    if isinf(dof):
        return float(ndtr(upper) - ndtr(lower))
    return float(stdtr(dof, upper) - stdtr(dof, lower))


def decide(
    pack: RulePack,
    *,
    error_ml: float,
    u_ml: float,
    expanded_ml: float,
    dof: float,
    nominal_l: float,
    division_ml: float | None,
    obstacles: Sequence[str] = (),
) -> Verdict:
    """The verdict for an error in mL with standard uncertainty `u_ml` and expanded uncertainty `expanded_ml`.

    `expanded_ml` is at the pack's coverage probability. `obstacles` are the run's own reasons why there can
    be no verdict; the pack's are added. Raises `UnknownQuantityError` where the limit is in divisions and
    `division_ml` is None.
    """
    limit = pack.limit.limit_ml(nominal_l, division_ml)
    guard = expanded_ml if pack.decision.rule is DecisionRule.GUARD_BAND else 0.0
    acceptance = None if limit is None else limit - guard
    probability = None if limit is None else probability_within(limit, error_ml, u_ml, dof)
    reasons = [*obstacles, *pack.obstacles()]
    if limit is None:
        reasons.append(f"the rules {pack.name} have no limit for {nominal_l:g} L")
    elif acceptance is not None and acceptance <= 0:
        reasons.append(
            f"the expanded uncertainty of {expanded_ml:.3g} mL is not below the limit of {limit:.4g} mL"
        )
    if reasons or acceptance is None or limit is None:
        outcome, sentence = Outcome.NONE, f"No verdict: {'; '.join(reasons)}."
    else:
        outcome = Outcome.PASS if abs(error_ml) <= acceptance else Outcome.FAIL
        sentence = _sentence(outcome, pack.decision.rule, error_ml, limit, expanded_ml)
    return Verdict(
        outcome=outcome,
        rule=pack.decision.rule,
        limit_ml=limit,
        acceptance_limit_ml=acceptance,
        probability_of_conformity=probability,
        sentence=sentence,
        rules=pack.name,
        source=f"{pack.limit.source}; {pack.decision.source}",
    )


def _sentence(outcome: Outcome, rule: DecisionRule, error_ml: float, limit: float, expanded_ml: float) -> str:
    place = "within" if outcome is Outcome.PASS else "outside"
    start = f"The error of {error_ml:+.2f} mL lies {place}"
    if rule is DecisionRule.GUARD_BAND:
        return (
            f"{start} ±{limit - expanded_ml:.2f} mL, the limit of ±{limit:.2f} mL "
            f"narrowed by the expanded uncertainty of {expanded_ml:.2f} mL."
        )
    return f"{start} the limit of ±{limit:.2f} mL (simple acceptance)."

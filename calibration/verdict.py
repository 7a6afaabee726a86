"""The decision whether an item conforms: simple acceptance, guard band, or a limit to the specific risk.

JCGM 106:2012, 7 (probability of conformity), 8.2 (simple acceptance), 8.3 (guard band), 9 (risks).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf, isfinite, isinf

from scipy.optimize import brentq
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
    the guard band (negative when the guard band is wider than the limit), or the largest error at which the
    specific risk is still allowed (None where it is at no error).
    `probability_of_false_accept`: of an accepted item, that its true error exceeds the limit;
    `probability_of_false_reject`: of a rejected one, that it does not (JCGM 106:2012, 9.3: specific risks);
    the other one, and both without a verdict, are None.
    """

    outcome: Outcome
    rule: DecisionRule
    limit_ml: float | None
    acceptance_limit_ml: float | None
    probability_of_conformity: float | None
    sentence: str
    rules: str
    source: str

    @property
    def probability_of_false_accept(self) -> float | None:
        """Specific consumer's risk of an accepted item."""
        accepted = self.outcome is Outcome.PASS and self.probability_of_conformity is not None
        return 1 - (self.probability_of_conformity or 0.0) if accepted else None

    @property
    def probability_of_false_reject(self) -> float | None:
        """Specific producer's risk of a rejected item."""
        return self.probability_of_conformity if self.outcome is Outcome.FAIL else None


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


def acceptance_at_risk(limit: float, u: float, dof: float, false_accept_max: float) -> float | None:
    """The largest |value| whose probability to lie beyond ± `limit` in truth is at most `false_accept_max`.

    In the limit's unit; None where even a value of zero carries more risk than that. JCGM 106:2012, 7.4, 9.3.
    Raises `CalibrationError` for an uncertainty that is not positive, or a risk outside (0, 0.5].
    """
    if not 0 < false_accept_max <= 0.5:
        raise CalibrationError(f"a probability of false accept lies in (0, 0.5], not {false_accept_max}")

    def margin(value: float) -> float:
        return probability_within(limit, value, u, dof) - (1 - false_accept_max)

    if margin(0.0) < 0:
        return None
    # At the limit itself at most half of the distribution lies within, and the risk is at most a half.
    if margin(limit) >= 0:
        return limit
    return float(brentq(margin, 0.0, limit, xtol=1e-14 * limit, rtol=1e-14))


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
    `division_ml` is None, `CalibrationError` for numbers in mL that cannot be.
    """
    if not (isfinite(error_ml) and isfinite(u_ml) and isfinite(expanded_ml) and expanded_ml >= 0):
        raise CalibrationError(
            f"a verdict needs an error and uncertainties in mL that are numbers, "
            f"not {error_ml}, {u_ml} and {expanded_ml}"
        )
    limit = pack.limit.limit_ml(nominal_l, division_ml)
    reasons = [*obstacles, *pack.obstacles()]
    acceptance = probability = None
    if limit is None:
        missing = "no limit of error at all" if not pack.limit.stated else f"no limit for {nominal_l:g} L"
        reasons.append(f"the rules {pack.name} have {missing}")
    else:
        probability = probability_within(limit, error_ml, u_ml, dof)
        acceptance = _acceptance(pack, limit, u_ml, expanded_ml, dof)
        if acceptance is None or acceptance <= 0:
            reasons.append(_too_uncertain(pack, limit, u_ml, expanded_ml))
    if reasons or acceptance is None or limit is None or probability is None:
        outcome, sentence = Outcome.NONE, f"No verdict: {'; '.join(reasons)}."
    else:
        outcome = Outcome.PASS if abs(error_ml) <= acceptance else Outcome.FAIL
        sentence = _sentence(outcome, pack, error_ml, limit, expanded_ml, probability)
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


def _acceptance(pack: RulePack, limit: float, u_ml: float, expanded_ml: float, dof: float) -> float | None:
    """The largest error that is accepted, in mL."""
    match pack.decision.rule:
        case DecisionRule.SIMPLE:
            return limit
        case DecisionRule.GUARD_BAND:
            return limit - expanded_ml
        case DecisionRule.SPECIFIC_RISK:
            risk = pack.decision.false_accept_max
            assert risk is not None  # the pack's reader demands it with this rule
            return acceptance_at_risk(limit, u_ml, dof, risk)


def _too_uncertain(pack: RulePack, limit: float, u_ml: float, expanded_ml: float) -> str:
    if pack.decision.rule is DecisionRule.SPECIFIC_RISK:
        return (
            f"with a standard uncertainty of {u_ml:.3g} mL even an error of zero would be falsely accepted "
            f"with a probability above the {pack.decision.false_accept_max:g} that is allowed"
        )
    return f"the expanded uncertainty of {expanded_ml:.3g} mL is not below the limit of {limit:.4g} mL"


def _sentence(  # noqa: PLR0917  (what the sentence speaks of, each once)
    outcome: Outcome, pack: RulePack, error_ml: float, limit: float, expanded_ml: float, probability: float
) -> str:
    place = "within" if outcome is Outcome.PASS else "outside"
    start = f"The error of {error_ml:+.2f} mL lies {place}"
    if pack.decision.rule is DecisionRule.GUARD_BAND:
        return (
            f"{start} ±{limit - expanded_ml:.2f} mL, the limit of ±{limit:.2f} mL "
            f"narrowed by the expanded uncertainty of {expanded_ml:.2f} mL."
        )
    if pack.decision.rule is DecisionRule.SPECIFIC_RISK:
        relation = "at most" if outcome is Outcome.PASS else "more than"
        return (
            f"The true error exceeds the limit of ±{limit:.2f} mL with a probability of "
            f"{1 - probability:.2g}, {relation} the {pack.decision.false_accept_max:g} that is allowed; "
            f"the error found is {error_ml:+.2f} mL."
        )
    return f"{start} the limit of ±{limit:.2f} mL (simple acceptance)."

"""A measure's error held against the rules: what all methods that find one state and decide alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from calibration.propagation import Model, propagate
from calibration.result_words import budget_row, outcome, simulation_words, verdict_words
from calibration.run_settings import RunSettings
from calibration.stated import Stated, stated
from calibration.verdict import Verdict, decide


@dataclass(frozen=True)
class Verified:
    """The error in mL with its interval, and the verdict."""

    settings: RunSettings
    error: Stated
    verdict: Verdict

    def words(self) -> dict[str, Any]:
        """Volume, error and uncertainties, simulation, verdict and budget, as docs/reference/result.md has
        them.
        """
        return {
            **outcome(self.settings, self.error),
            "monte_carlo": simulation_words(self.error),
            "verdict": verdict_words(self.verdict),
            "budget": [budget_row(row) for row in self.error.first_order.budget],
        }

    def finding(self) -> dict[str, Any]:
        """The error as a finding, for results that are shown by findings."""
        return {
            "quantity": "error",
            "value": self.error.first_order.value,
            "unit": "mL",
            "standard_uncertainty": self.error.first_order.u,
            "expanded_uncertainty": self.error.expanded,
            "limit": self.verdict.limit_ml,
        }


def verified(model: Model, settings: RunSettings, seed: int, obstacles: Sequence[str]) -> Verified:
    """The error that `model` gives, at the rules' coverage probability, and the verdict on it.

    `obstacles` are the run's own reasons why there can be none. Raises as `stated` and `decide` do.
    """
    error = stated(model, propagate(model, settings.pack.decision.coverage_probability), seed)
    verdict = decide(
        settings.pack,
        error_ml=error.first_order.value,
        u_ml=error.u_of_interval,
        expanded_ml=error.expanded,
        dof=error.first_order.dof,
        nominal_l=settings.item.nominal_l,
        division_ml=settings.item.division_ml,
        obstacles=obstacles,
    )
    return Verified(settings, error, verdict)

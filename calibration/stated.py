"""The interval that a result states: first order's, or Monte Carlo's where the two disagree.

JCGM 101:2008, clause 8: both intervals are compared to one significant digit of the standard uncertainty;
where an end differs by more, first order is not validated and the simulated interval counts.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from calibration.deliveries import Delivery
from calibration.monte_carlo import Comparison, Simulated, compare, simulate
from calibration.portable_draws import PortableDraws
from calibration.propagation import Model, Propagated

# The ends of a 95 % interval are then known to 0.007 u: a fifth of the smallest tolerance of one digit is
# 0.01 u (JCGM 101:2008, 8.2).
TRIALS = 200_000
DIGITS = 1
# Simulated numbers are cut far above the rounding that differs between processors, and far below what the
# number of trials can tell.
_SIGNIFICANT_DIGITS = 6


class Method(StrEnum):
    """Whose interval counts."""

    FIRST_ORDER = "first-order"
    MONTE_CARLO = "monte-carlo"


@dataclass(frozen=True)
class Stated:
    """Both results, and the interval that counts: `low` … `high` around the first-order value.

    `expanded` is the larger distance of its ends from the value; `coverage_factor` that over the first-order
    standard uncertainty (over the simulated one where first order knows none: a square at zero).
    """

    first_order: Propagated
    simulated: Simulated
    comparison: Comparison

    @property
    def method(self) -> Method:
        """First order's where clause 8 validates it."""
        return Method.FIRST_ORDER if self.comparison.validated else Method.MONTE_CARLO

    @property
    def low(self) -> float:
        """Lower end."""
        return self.comparison.low

    @property
    def high(self) -> float:
        """Upper end."""
        return self.comparison.high

    @property
    def expanded(self) -> float:
        """Expanded uncertainty in the result's unit."""
        if self.comparison.validated:
            return self.first_order.expanded
        return max(self.first_order.value - self.low, self.high - self.first_order.value)

    @property
    def coverage_factor(self) -> float:
        """Expanded over standard uncertainty."""
        return self.expanded / (self.first_order.u or self.simulated.u)

    @property
    def u_of_interval(self) -> float:
        """Standard uncertainty of the distribution (Student's t) whose interval is as wide as the stated
        one.
        """
        return self.expanded / self.first_order.coverage_factor


def stated(model: Model, first_order: Propagated, seed: int) -> Stated:
    """The simulation of a model beside its first-order result, at the same probability.

    Raises as `simulate`.
    """
    raw = simulate(model, first_order.probability, trials=TRIALS, draws=PortableDraws(seed))
    simulated = Simulated(
        _cut(raw.value),
        _cut(raw.u),
        raw.probability,
        _cut(raw.low),
        _cut(raw.high),
        (_cut(raw.shortest[0]), _cut(raw.shortest[1])),
        raw.trials,
    )
    return Stated(first_order, simulated, compare(first_order, simulated, DIGITS))


def seed_of(run: str, ds: Sequence[Delivery]) -> int:
    """A seed from what the record says of its deliveries, as it stands there: the same for the same record.

    Not from anything computed, whose last bits may differ between processors.
    """
    return seed_from(
        [run, [[d.repeat, d.target, d.level.value, d.full.mean_g, d.drained.mean_g] for d in ds]]
    )


def seed_from(said: object) -> int:
    """A seed from plain values of a record."""
    digest = hashlib.sha256(json.dumps(said, ensure_ascii=False).encode()).digest()
    return int.from_bytes(digest[:8], "big")


def _cut(value: float) -> float:
    return float(f"{value:.{_SIGNIFICANT_DIGITS}g}")

"""A set's readings against a person's: bias, scatter and normalised errors, instrument by instrument."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from api.readings.jobs import Outcome

COVERAGE = 2.0  # of the expanded uncertainties in E_n
BEYOND_SHARE = 0.05  # of the readings that may have |E_n| > 1: that is what k = 2 means


@dataclass(frozen=True)
class Compared:
    """One kind of picture (an instrument) against a person. Differences are reader less person, in `unit`.

    `scatter` is the standard deviation of the differences (None for one alone); `largest_e_n` and `beyond`
    (readings with |E_n| > 1) rest on the stated uncertainties of both sides; `refused` pictures a person
    could read, `read_unreadable` are those that a person could not, and that were read all the same.
    """

    instrument: str
    kind: str
    unit: str
    compared: int
    refused: int
    read_unreadable: int
    bias: float | None
    scatter: float | None
    largest: float | None
    largest_e_n: float | None
    beyond: int

    @property
    def agrees(self) -> bool:
        """Whether something was compared, no more |E_n| > 1 than one in twenty (or one), and nothing was read
        that a person could not read.
        """
        allowed = max(1, math.floor(BEYOND_SHARE * self.compared)) if self.compared > 1 else 0
        return self.compared > 0 and self.beyond <= allowed and self.read_unreadable == 0

    def record(self) -> dict[str, Any]:
        """The line that `--json` prints."""
        return {
            "instrument": self.instrument,
            "kind": self.kind,
            "unit": self.unit,
            "compared": self.compared,
            "refused": self.refused,
            "read_unreadable": self.read_unreadable,
            "bias": self.bias,
            "scatter": self.scatter,
            "largest": self.largest,
            "largest_e_n": self.largest_e_n,
            "beyond": self.beyond,
            "agrees": self.agrees,
        }


def compare(outcomes: Iterable[Outcome]) -> list[Compared]:
    """The outcomes that a person has said something of, grouped by family, kind and unit, in their order."""
    groups: dict[tuple[str, str, str], list[Outcome]] = {}
    for outcome in outcomes:
        job = outcome.job
        if job.truth.value is not None or not job.truth.expect_reading:
            groups.setdefault((job.truth.family, job.kind, job.unit), []).append(outcome)
    return [_compared(family, kind, unit, group) for (family, kind, unit), group in groups.items()]


def normalised_error(outcome: Outcome) -> float | None:
    """E_n = (reader − person) / √(U_reader² + U_person²), k = 2; None where a side has no value.

    ISO 13528:2022, 9.7. A person's reading known to ± a is taken as rectangular: u = a/√3 (JCGM 100:2008,
    4.3.7); without a half-width only the reader's uncertainty counts.
    """
    truth = outcome.job.truth
    if outcome.value is None or outcome.standard_uncertainty is None or truth.value is None:
        return None
    person = (truth.half_width or 0.0) / math.sqrt(3.0)
    expanded = COVERAGE * math.hypot(outcome.standard_uncertainty, person)
    difference = outcome.value - truth.value
    if expanded == 0.0:
        return math.copysign(math.inf, difference) if difference else 0.0
    return difference / expanded


def _compared(family: str, kind: str, unit: str, group: Sequence[Outcome]) -> Compared:
    differences = [
        outcome.value - outcome.job.truth.value
        for outcome in group
        if outcome.value is not None and outcome.job.truth.value is not None
    ]
    errors = [abs(e_n) for e_n in map(normalised_error, group) if e_n is not None]
    finite = max(errors, default=None)
    return Compared(
        instrument=family,
        kind=kind,
        unit=unit,
        compared=len(differences),
        refused=sum(not outcome.is_read for outcome in group if outcome.job.truth.value is not None),
        read_unreadable=sum(outcome.is_read for outcome in group if not outcome.job.truth.expect_reading),
        bias=fmean(differences) if differences else None,
        scatter=stdev(differences) if len(differences) > 1 else None,
        largest=max(differences, key=abs, default=None),
        largest_e_n=finite if finite is None or math.isfinite(finite) else None,
        beyond=sum(e_n > 1.0 for e_n in errors),
    )

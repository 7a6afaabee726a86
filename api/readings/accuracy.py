"""How good readings are where the truth is known: errors, refusals and stated against actual uncertainty."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from api.readings.jobs import Outcome


@dataclass(frozen=True)
class Score:
    """One outcome against its truth. `error` = value − truth and `u` are in `error_unit`.

    Both are None without a value, `error` also without a truth.
    """

    outcome: Outcome
    error: float | None
    u: float | None
    error_unit: str

    @property
    def normalised(self) -> float | None:
        """Error over stated standard uncertainty; None where one is not known, infinite where u is 0."""
        if self.error is None or self.u is None:
            return None
        if self.u == 0:
            return math.copysign(math.inf, self.error) if self.error else 0.0
        return self.error / self.u


@dataclass(frozen=True)
class Family:
    """The figures of one family of pictures of one kind of instrument; None where there is nothing to count.

    `read` and `refused` add up to `count`, `right` are those read or refused as expected. Errors in
    `error_unit`, `median_error` is that of their sizes; `within_2u` is the share of the errors of at most
    twice the stated standard uncertainty.
    """

    kind: str
    name: str
    error_unit: str
    count: int
    read: int
    right: int
    expected_readings: int
    compared: int
    rms: float | None
    median_error: float | None
    largest: float | None
    bias: float | None
    within_2u: float | None
    median_u: float | None
    median_ms: float

    @property
    def refused(self) -> int:
        """The number of refusals."""
        return self.count - self.read


def score(outcome: Outcome) -> Score:
    """The outcome against its truth, in the unit in which errors of its kind of instrument are compared."""
    factor, unit = error_scale(outcome.job.instrument, outcome.job.unit)
    truth = outcome.job.truth.value
    u = outcome.standard_uncertainty
    error = None
    if outcome.value is not None and truth is not None:
        error = (outcome.value - truth) * factor
    return Score(outcome, error, None if u is None else u * factor, unit)


def error_scale(instrument: Mapping[str, Any], unit: str) -> tuple[float, str]:
    """What an error in the instrument's unit is multiplied with, and the unit that it then has.

    Sight glass: millimetres at the tube; dial: per cent of span; thermometer: divisions; else its own unit.
    """
    scale = instrument.get("scale")
    if isinstance(scale, Mapping) and scale.get("division_mm") and scale.get("division"):
        return float(scale["division_mm"]) / float(scale["division"]), "mm"
    kind = instrument.get("kind")
    if kind == "dial":
        low, high = _number(instrument.get("minimum")), _number(instrument.get("maximum"))
        if low is not None and high is not None and high > low:
            return 100.0 / (high - low), "% of span"
    if kind == "thermometer":
        division = _number(instrument.get("division"))
        if division is not None and division > 0:
            return 1.0 / division, "divisions"
    return 1.0, unit


def by_family(scores: Iterable[Score]) -> list[Family]:
    """The figures by kind of instrument, family and unit, in the order in which they first occur."""
    groups: dict[tuple[str, str, str], list[Score]] = {}
    for one in scores:
        key = (one.outcome.job.kind, one.outcome.job.truth.family, one.error_unit)
        groups.setdefault(key, []).append(one)
    return [_family(*key, group) for key, group in groups.items()]


def total(scores: Sequence[Score]) -> Family | None:
    """The figures of all readings together; None unless they share kind and unit."""
    if len({(one.outcome.job.kind, one.error_unit) for one in scores}) != 1:
        return None
    return _family(scores[0].outcome.job.kind, "all", scores[0].error_unit, scores)


def is_judged(scores: Iterable[Score]) -> bool:
    """Whether there is anything to compare with: a truth, or a picture that must be refused."""
    return any(
        one.outcome.job.truth.value is not None or not one.outcome.job.truth.expect_reading for one in scores
    )


def _family(kind: str, name: str, unit: str, scores: Sequence[Score]) -> Family:
    errors = [one.error for one in scores if one.error is not None]
    normalised = [one.normalised for one in scores if one.normalised is not None]
    uncertainties = [one.u for one in scores if one.u is not None]
    return Family(
        kind=kind,
        name=name,
        error_unit=unit,
        count=len(scores),
        read=sum(one.outcome.is_read for one in scores),
        right=sum(one.outcome.is_right for one in scores),
        expected_readings=sum(one.outcome.job.truth.expect_reading for one in scores),
        compared=len(errors),
        rms=math.sqrt(math.fsum(e * e for e in errors) / len(errors)) if errors else None,
        median_error=median(map(abs, errors)) if errors else None,
        largest=max(map(abs, errors)) if errors else None,
        bias=math.fsum(errors) / len(errors) if errors else None,
        within_2u=sum(abs(z) <= 2.0 for z in normalised) / len(normalised) if normalised else None,
        median_u=median(uncertainties) if uncertainties else None,
        median_ms=median(one.outcome.elapsed_ms for one in scores),
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

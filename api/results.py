"""The result of a record as it is stored: what `calibration` says, or why it can say nothing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.records import Record
from calibration.errors import CalibrationError
from calibration.evaluate import evaluate

SCHEMA = 1


def result_of(record: Record, lines: Sequence[Mapping[str, Any]] | None = None) -> dict[str, Any]:
    """The content of `result.json`: a pure function of the record.

    `lines` take the place of the record's own (a replay puts in what it read). Where there can be no result,
    `problem` says why and the numbers are left out.
    """
    try:
        result = evaluate(record.lines if lines is None else lines)
    except CalibrationError as problem:
        result = {"schema": SCHEMA, "run": record.run, "problem": str(problem)}
    return {**result, "record_head": record.head}


@dataclass(frozen=True)
class Summary:
    """The few numbers of a result that lists show; None where there is no result."""

    verdict: str | None = None
    error_ml: float | None = None
    standard_uncertainty_ml: float | None = None
    expanded_uncertainty_ml: float | None = None
    problem: str = ""


def summary_of(result: Mapping[str, Any] | None) -> Summary:
    """The summary of a stored result."""
    if result is None:
        return Summary()
    if "problem" in result:
        return Summary(problem=str(result["problem"]))
    return Summary(
        verdict=result["verdict"]["outcome"],
        error_ml=result.get("error_ml"),  # only what is verified against a nominal volume has one
        standard_uncertainty_ml=result.get("standard_uncertainty_ml"),
        expanded_uncertainty_ml=result.get("expanded_uncertainty_ml"),
    )


@dataclass(frozen=True)
class Difference:
    """One value of a result that is not the same in another: where it stands, and both values."""

    where: str
    stored: Any
    again: Any

    def __str__(self) -> str:
        """For people."""
        return f"{self.where}: stored {self.stored!r}, now {self.again!r}"


def differences(stored: Any, again: Any, where: str = "") -> Iterator[Difference]:
    """Every value that differs between two results, in the order of the keys."""
    if isinstance(stored, Mapping) and isinstance(again, Mapping):
        for key in sorted(stored.keys() | again.keys()):
            yield from differences(stored.get(key), again.get(key), f"{where}.{key}" if where else key)
    elif isinstance(stored, list) and isinstance(again, list) and len(stored) == len(again):
        for index, (left, right) in enumerate(zip(stored, again, strict=True)):
            yield from differences(left, right, f"{where}[{index}]")
    elif stored != again or type(stored) is not type(again):
        yield Difference(where, stored, again)

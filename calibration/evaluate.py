"""A run's result from the lines of its record: a pure function, described in docs/reference/result.md."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from calibration.errors import CalibrationError
from calibration.gravimetric_result import gravimetric_result
from calibration.leak_result import leak_result
from calibration.metered_result import metered_result
from calibration.neck_result import neck_result
from calibration.result_words import settled
from calibration.section import settings_section
from calibration.transfer_result import transfer_result
from calibration.unmeasured_result import unmeasured_result

Lines = Sequence[Mapping[str, Any]]

METHODS: Final[Mapping[str, Callable[[Lines], dict[str, Any]]]] = MappingProxyType(
    {
        "gravimetric": gravimetric_result,
        "gravimetric-neck": neck_result,
        "leak-test": leak_result,
        "master-meter": metered_result,
        "transfer": transfer_result,
        "unmeasured": unmeasured_result,
    }
)
"""How the record of a procedure is evaluated, by the procedure's `method`."""


def evaluate(lines: Lines) -> dict[str, Any]:
    """The result of a run, as docs/reference/result.md describes it, from the parsed lines of its
    record.jsonl.

    Numbers carry twelve significant digits.
    Raises `CalibrationError` for a record that is not one or of an unknown method, and what the method's own
    function raises.
    """
    if not lines or lines[0].get("kind") != "settings":
        raise CalibrationError("record: line 0 must be the settings of the run")
    settings = settings_section(lines[0].get("data", {}))
    method = settings.section("procedure").text("method", among=tuple(METHODS))
    result: dict[str, Any] = settled({"method": method, **METHODS[method](lines)})
    return result

"""What must be in order before water flows: standards in date, item and rules complete."""

import datetime
from collections.abc import Container, Mapping, Sequence
from typing import Any

from control.errors import HeldError
from control.gauges import Gauge
from control.steps.step import Vessel

MEASURE_TEXTS = ("name", "make", "model", "serial", "kind")
MEASURE_NUMBERS = ("nominal_l", "drip_time_s", "reference_temperature_c", "scale_division_ml")
STANDARD_OF: Mapping[str, str] = {
    "gravimetric": "balance",
    "gravimetric-neck": "balance",
    "transfer": "standard_measure",
    "master-meter": "meter",
}
METER_TAGS = ("meter_pulses", "meter_temperature", "line_pressure", "air_pressure")
RULE_KEYS = ("name", "maximum_permissible_error", "decision", "source")


def faults_before_water(  # noqa: PLR0917 - what is checked, each once
    standards: Mapping[str, Mapping[str, Any]],
    measure: Mapping[str, Any],
    rules: Mapping[str, Any],
    today: datetime.date,
    gauges: Sequence[Gauge] = (),
    method: str = "gravimetric",
    tags: Container[str] = (),
) -> tuple[str, ...]:
    """What stops the run before it begins, a sentence each; empty where all is in order.

    `tags` are those of the rig's map.
    """
    faults = [
        f"the {name} ({values['name']}, serial {values['serial']}) is past its due date {values['due']}"
        for name, values in standards.items()
        if values["due"] < today
    ]
    faults += [
        f"the {gauge.name} ({gauge.certificate.name}, serial {gauge.certificate.serial}) is past "
        f"its due date {gauge.certificate.due}"
        for gauge in gauges
        if gauge.certificate.due < today
    ]
    needed = STANDARD_OF.get(method)
    if needed is not None and needed not in standards:
        faults.append(f"the rig's file names no standard {needed!r}; a {method} run needs one")
    if needed == "meter":
        faults += _meter_faults(standards, measure, tags, method)
    faults += [
        f"the measure's {key} is missing"
        for key in MEASURE_TEXTS
        if not isinstance(measure.get(key), str) or not str(measure[key]).strip()
    ]
    faults += [
        f"the measure's {key} is missing or not a number"
        for key in MEASURE_NUMBERS
        if _number(measure, key) is None
    ]
    faults += [
        f"the measure's {key} must be positive"
        for key in ("nominal_l", "scale_division_ml")
        if (number := _number(measure, key)) is not None and number <= 0.0
    ]
    if (_number(measure, "drip_time_s") or 0.0) < 0.0:
        faults.append("the measure's drip_time_s must not be negative")
    if not measure.get("material"):
        faults.append("the measure's material is missing")
    faults += [f"the rule pack's {key} is missing" for key in RULE_KEYS if not rules.get(key)]
    return tuple(faults)


def _meter_faults(
    standards: Mapping[str, Mapping[str, Any]], measure: Mapping[str, Any], tags: Container[str], method: str
) -> list[str]:
    """What keeps the rig's meter from telling a volume."""
    faults = [
        f"the rig's file has no tag {tag!r}; a {method} run needs it" for tag in METER_TAGS if tag not in tags
    ]
    if "standard_uncertainty_kpa" not in standards.get("line_pressure", {}):
        faults.append(
            "the rig's file states no standard_uncertainty_kpa of a standard 'line_pressure'; "
            f"a {method} run needs it"
        )
    if measure.get("kind") not in (None, "delivered"):
        faults.append(
            f"the measure's kind is {measure['kind']}; what a meter lets into a wetted measure is what it "
            "delivers"
        )
    return faults


def vessel_of(measure: Mapping[str, Any]) -> Vessel:
    """The measure's figures that control needs. Raises `HeldError` where one is missing."""
    nominal, drip = _number(measure, "nominal_l"), _number(measure, "drip_time_s")
    if nominal is None or drip is None:
        raise HeldError("the measure's nominal_l or drip_time_s is missing")
    return Vessel(nominal, drip, _number(measure, "neck_bore_mm"))


def _number(values: Mapping[str, Any], key: str) -> float | None:
    value = values.get(key)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

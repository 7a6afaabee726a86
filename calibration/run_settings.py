"""What the `settings` line of a record says about the item, the standards and the procedure, checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from calibration.errors import UnknownQuantityError
from calibration.gauges import GaugeStandard, gauge_standards
from calibration.quantity import Measured
from calibration.rules import RulePack, parse_rule_pack
from calibration.section import Section, settings_section
from calibration.volumes import VolumeKind


@dataclass(frozen=True)
class Item:
    """The measure under test: its names, nominal volume and the properties of its vessel.

    `division_ml`, `neck_bore_mm` and `drip_time_s` are None where the description does not have them.
    """

    name: str
    make: str
    model: str
    serial: str
    nominal_l: float
    kind: VolumeKind
    reference_temperature_c: float
    cubic_expansion_per_c: Measured
    expansion_source: str
    division_ml: float | None
    neck_bore_mm: float | None
    neck_bore_standard_uncertainty_mm: float | None
    drip_time_s: float | None = None


@dataclass(frozen=True)
class Standards:
    """Standard uncertainties of the instruments, from their certificates, and where they stand."""

    balance_u_g: float
    balance_resolution_g: float
    weights_density_kg_m3: Measured
    balance_source: str
    water_u_c: float
    vessel_u_c: float
    air_u_c: float
    thermometers_source: str
    pressure_u_hpa: float
    humidity_u_pct: float
    barometer_source: str


@dataclass(frozen=True)
class Plan:
    """What the procedure asked for: repeats at the nominal mark, and the largest range of their errors in mL
    (None: no limit).
    """

    repeats: int
    repeat_range_ml: float | None


@dataclass(frozen=True)
class RunSettings:
    """The checked settings of a run. `divisions` holds each instrument's scale division in its own unit,
    `gauges` the certificates of the instruments that cameras read beside the wire.
    """

    run: str
    item: Item
    standards: Standards
    plan: Plan
    pack: RulePack
    divisions: Mapping[str, float]
    gauges: tuple[GaugeStandard, ...] = ()


def run_settings(data: Mapping[str, Any]) -> RunSettings:
    """The settings from the data of a record's first line.

    Raises `UnknownQuantityError` for what is missing, `RuleError` for a rule pack that cannot be used,
    `CalibrationError` for what is wrong; each names the key and what is expected.
    """
    top = settings_section(data)
    rules = data.get("rules")
    if not isinstance(rules, Mapping):
        raise UnknownQuantityError(
            "record: settings: rules is missing: expected the rule pack that the run used"
        )
    return RunSettings(
        run=top.text("run"),
        item=_item(top),
        standards=_standards(top.section("rig").section("standards")),
        plan=_plan(top.section("procedure")),
        pack=parse_rule_pack(rules, "record: settings.rules"),
        divisions=_divisions(top.optional_section("station")),
        gauges=gauge_standards(top.optional_section("station")),
    )


def _item(top: Section) -> Item:
    measure, item = top.section("measure"), top.optional_section("item")
    names = {
        key: (item.optional_text(key) if item is not None else "") or measure.optional_text(key)
        for key in ("name", "make", "model", "serial")
    }
    material = measure.section("material")
    return Item(
        **names,
        nominal_l=measure.number("nominal_l", above=0),
        kind=VolumeKind(measure.text("kind", among=[kind.value for kind in VolumeKind])),
        reference_temperature_c=measure.number("reference_temperature_c"),
        cubic_expansion_per_c=Measured(
            material.number("cubic_expansion_per_c"),
            material.number("cubic_expansion_standard_uncertainty_per_c", at_least=0),
        ),
        expansion_source=material.text("source"),
        division_ml=measure.optional_number("scale_division_ml", above=0),
        neck_bore_mm=measure.optional_number("neck_bore_mm", above=0),
        neck_bore_standard_uncertainty_mm=measure.optional_number(
            "neck_bore_standard_uncertainty_mm", at_least=0
        ),
        drip_time_s=measure.optional_number("drip_time_s", at_least=0),
    )


def _standards(section: Section) -> Standards:
    balance, barometer = section.section("balance"), section.section("barometer")
    thermometers = section.section("thermometers")
    # The density of a balance's adjustment weights is conventional: exact, unless its certificate says
    # otherwise.
    weights_u = balance.optional_number("reference_density_standard_uncertainty_kg_m3", at_least=0)
    return Standards(
        balance_u_g=balance.number("standard_uncertainty_g", at_least=0),
        balance_resolution_g=balance.number("resolution_g", at_least=0),
        weights_density_kg_m3=Measured(balance.number("reference_density_kg_m3", above=0), weights_u or 0.0),
        balance_source=_certificate(balance),
        water_u_c=thermometers.number("water_standard_uncertainty_c", at_least=0),
        vessel_u_c=thermometers.number("vessel_standard_uncertainty_c", at_least=0),
        air_u_c=thermometers.number("air_standard_uncertainty_c", at_least=0),
        thermometers_source=_certificate(thermometers),
        pressure_u_hpa=barometer.number("pressure_standard_uncertainty_hpa", at_least=0),
        humidity_u_pct=barometer.number("humidity_standard_uncertainty_pct", at_least=0),
        barometer_source=_certificate(barometer),
    )


def _certificate(section: Section) -> str:
    """Name, serial and certificate number, as far as they are known."""
    parts = [section.optional_text("name"), section.optional_text("serial")]
    number = section.optional_text("certificate")
    return ", ".join(part for part in (*parts, f"certificate {number}" if number else "") if part)


def _plan(section: Section) -> Plan:
    limits = section.optional_section("limits")
    return Plan(
        repeats=_repeats_at_mark(section),
        repeat_range_ml=None if limits is None else limits.optional_number("repeat_range_ml", above=0),
    )


def _repeats_at_mark(section: Section) -> int:
    """How many deliveries of the procedure come to the nominal mark."""
    found = 0
    for block in section.sections("steps"):
        do = block.text("do")
        if do == "receive" or (do in {"deliveries", "metered"} and 0.0 in block.numbers("targets")):
            found += block.integer("repeats", at_least=1)
    return found


def _divisions(station: Section | None) -> dict[str, float]:
    """Scale division of each instrument that has a scale, in the scale's unit."""
    instruments = None if station is None else station.optional_section("instruments")
    if instruments is None:
        return {}
    divisions = {}
    for name in instruments.keys():  # noqa: SIM118  (a Section is no mapping)
        scale = instruments.section(name).optional_section("scale")
        division = None if scale is None else scale.optional_number("division", above=0)
        if division is not None:
            divisions[name] = division
    return divisions

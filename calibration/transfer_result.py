"""The result of a measure verified against a standard: what the standard delivered, and the level read.

The measure is emptied and drips for its time before it receives, so what it receives is what it delivers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

from calibration.deliveries import Level, level_of
from calibration.errors import CalibrationError, UnknownQuantityError
from calibration.gravimetric_run import ReadingScale, reading_scale
from calibration.obstacles import drip_obstacles, item_obstacles, run_obstacles
from calibration.propagation import Input, Model, Quantities
from calibration.quantity import Measured
from calibration.repeatability import Scatter, common_reading_input, repeatability_input, unit_of
from calibration.result_words import (
    evidence_words,
    heading,
    repeatability_words,
    simulation_notes,
)
from calibration.run_settings import RunSettings, run_settings
from calibration.section import line_section, settings_section
from calibration.stated import seed_from
from calibration.transfer import (
    DENSITY_RATIO_SOURCE,
    DENSITY_RATIO_U,
    StandardMeasure,
    measured_input,
    transferred_volume_l,
)
from calibration.verified import verified

READING, TEMPERATURE = "standard_reading_ml", "standard_temperature_c"


@dataclass(frozen=True)
class Standard:
    """The standard measure; standard uncertainties of a person's reading of its neck in mL, and of the
    thermometer in it in °C.
    """

    measure: StandardMeasure
    u_reading_ml: float
    u_temperature_c: float


@dataclass(frozen=True)
class Received:
    """One repeat: the standard's neck readings in mL and its water's temperatures in °C, one each a delivery;
    the level read then, and the temperatures of water and vessel. `drip_*_s` is the measure's own drip before
    it received.
    """

    repeat: int
    readings_ml: tuple[float, ...]
    temperatures_c: tuple[float, ...]
    level: Level
    water_c: float
    vessel_c: float
    drip_required_s: float | None
    drip_waited_s: float | None


def transfer_result(lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Error at the nominal mark, budget and verdict.

    Raises `UnknownQuantityError` that names what was not measured or has no uncertainty, `RuleError` for a
    rule pack that cannot be used, `CalibrationError` for a record that is not one.
    """
    settings = run_settings(lines[0].get("data", {}))
    standard, count = _standard(lines[0]["data"]), _deliveries(lines[0]["data"])
    found = received(lines, count)
    if not found:
        raise UnknownQuantityError(
            f"record: no repeat has {count} answers of the technician, a reading and temperatures"
        )
    scale = reading_scale(settings.item, unit_of([one.level for one in found]))
    volumes_ml = _volumes_ml(standard, settings, found)
    levels_ml = scale.ml_per_unit * np.array([one.level.value for one in found])
    errors_ml = 1000.0 * settings.item.nominal_l + levels_ml - volumes_ml
    scatter = Scatter(errors_ml, _expected_ml(standard, found, scale))
    model = _error_model(standard, settings, found, scale, scatter)
    checked = verified(
        model,
        settings,
        seed_from([settings.run, [[one.repeat, one.level.value, one.readings_ml] for one in found]]),
        [
            *run_obstacles(lines, len(found), settings, scatter),
            *drip_obstacles(found, settings),
            *item_obstacles(settings),
        ],
    )
    return {
        **heading(settings),
        "reading_unit": found[0].level.unit,
        **checked.words(),
        **repeatability_words(settings, scatter.range),
        "findings": [checked.finding()],
        "tables": [
            {
                "title": "Repeats",
                "head": [
                    "repeat",
                    f"reading / {found[0].level.unit}",
                    "received / mL",
                    "error / mL",
                    "water / °C",
                ],
                "rows": [
                    [one.repeat, one.level.value, float(v), float(e), one.water_c]
                    for one, v, e in zip(found, volumes_ml, errors_ml, strict=True)
                ],
            },
            {
                "title": "Deliveries of the standard",
                "head": ["repeat", "neck of the standard / mL", "water in the standard / °C"],
                "rows": [
                    [one.repeat, reading, temperature]
                    for one in found
                    for reading, temperature in zip(one.readings_ml, one.temperatures_c, strict=True)
                ],
            },
        ],
        "evidence": evidence_words([one.level for one in found]),
        "notes": [
            "The measure was emptied and dripped for its time before it received: "
            "what it receives is what it delivers.",
            "The water is the same in both: what is dissolved in it cancels.",
            *simulation_notes(checked.error),
        ],
    }


def received(lines: Sequence[Mapping[str, Any]], deliveries: int) -> tuple[Received, ...]:
    """The complete repeats of a record; one that was begun over counts as it was done last."""
    answers: dict[int, list[tuple[float, float]]] = {}
    levels: dict[int, Level] = {}
    found: dict[int, Received] = {}
    drip: tuple[float | None, float | None] = (None, None)
    for line in lines:
        data = line_section(line)
        kind = line.get("kind")
        repeat = line["data"].get("repeat", 0)
        if kind == "step" and data.text("step") == "empty":
            answers[repeat] = []
            levels.pop(repeat, None)
        elif kind == "drip":
            drip = (data.number("required_s", at_least=0), data.number("waited_s", at_least=0))
        elif kind == "answer" and data.section("values").has(READING):
            values = data.section("values")
            answers.setdefault(repeat, []).append((values.number(READING), values.number(TEMPERATURE)))
        elif kind == "observation" and data.text("purpose") == "measure" and data.has("value"):
            levels[repeat] = level_of(data)
        elif kind == "ambient" and data.text("load") == "received" and repeat in levels:
            given = answers.get(repeat, [])[-deliveries:]
            if len(given) == deliveries:
                found[repeat] = Received(
                    repeat,
                    tuple(reading for reading, _ in given),
                    tuple(temperature for _, temperature in given),
                    levels[repeat],
                    data.number("water_c"),
                    data.number("vessel_c"),
                    *drip,
                )
    return tuple(found[repeat] for repeat in sorted(found))


def _volumes_ml(standard: Standard, settings: RunSettings, found: Sequence[Received]) -> Any:
    item, measure = settings.item, standard.measure
    return 1000.0 * transferred_volume_l(
        measure.volume_l.value + np.array([one.readings_ml for one in found]) / 1000.0,
        np.array([one.temperatures_c for one in found]),
        np.array([one.water_c for one in found]),
        standard_expansion_per_c=measure.expansion_per_c.value,
        standard_reference_c=measure.reference_c,
        expansion_per_c=item.cubic_expansion_per_c.value,
        reference_c=item.reference_temperature_c,
    )


def _expected_ml(standard: Standard, found: Sequence[Received], scale: ReadingScale) -> float:
    """What is random in each repeat by itself: the standard's neck readings, and the frames."""
    frames = np.array([scale.ml_per_unit * one.level.u_random for one in found])
    necks = np.array([len(one.readings_ml) * standard.u_reading_ml**2 for one in found])
    return sqrt(float(np.mean(frames**2 + necks)))


def _error_model(
    standard: Standard,
    settings: RunSettings,
    found: Sequence[Received],
    scale: ReadingScale,
    scatter: Scatter,
) -> Model:
    """The mean error in mL. What instruments have in common in all repeats is one input each."""
    item, measure = settings.item, standard.measure
    readings_l = np.array([one.readings_ml for one in found]) / 1000.0
    standard_c = np.array([one.temperatures_c for one in found])
    water_c = np.array([one.water_c for one in found])
    level = float(np.mean([one.level.value for one in found]))
    repeatability = repeatability_input(
        scatter, "frames and neck readings", "film, drip, frames, neck readings"
    )
    common = common_reading_input([one.level for one in found])

    def error_ml(q: Quantities) -> Any:
        def of(symbol: str, axes: int) -> Any:
            return np.asarray(q[symbol])[(..., *(np.newaxis,) * axes)]

        volumes = transferred_volume_l(
            of("v_s", 2) + readings_l,
            standard_c + of("dt_s", 2),
            water_c + of("dt_x", 1),
            standard_expansion_per_c=of("gamma_s", 2),
            standard_reference_c=measure.reference_c,
            expansion_per_c=of("gamma_x", 1),
            reference_c=item.reference_temperature_c,
        ) * (1 + of("k_w", 1))
        indicated = 1000.0 * item.nominal_l + scale.per_unit(q) * (level + q[common.symbol])
        return indicated - 1000.0 * volumes.mean(axis=-1) + q[repeatability.symbol]

    standards = settings.standards
    inputs = [
        repeatability,
        common,
        *scale.inputs,
        measured_input("v_s", measure.volume_l, "L", "volume of the standard", measure.source),
        measured_input(
            "gamma_s", measure.expansion_per_c, "1/°C", "cubical expansion of the standard", measure.source
        ),
        measured_input(
            "gamma_x",
            item.cubic_expansion_per_c,
            "1/°C",
            "cubical expansion of the measure",
            item.expansion_source,
        ),
        Input(
            "dt_s",
            0.0,
            standard.u_temperature_c,
            "°C",
            quantity="thermometer in the standard",
            source=measure.source,
        ),
        Input(
            "dt_x",
            0.0,
            standards.water_u_c,
            "°C",
            quantity="thermometer in the measure",
            source=standards.thermometers_source,
        ),
        Input(
            "k_w",
            0.0,
            DENSITY_RATIO_U,
            "1",
            quantity="ratio of the water's densities",
            source=DENSITY_RATIO_SOURCE,
        ),
    ]
    return Model(error_ml, tuple(inputs))


def _deliveries(settings: Mapping[str, Any]) -> int:
    """How many deliveries of the standard fill the measure."""
    procedure = settings_section(settings).section("procedure")
    counts = {
        block.integer("deliveries", at_least=1)
        for block in procedure.sections("steps")
        if block.text("do") == "receive"
    }
    if len(counts) != 1:
        raise CalibrationError(
            "record: settings: the procedure must have steps 'receive' that ask for the same deliveries"
        )
    return counts.pop()


def _standard(settings: Mapping[str, Any]) -> Standard:
    rig = settings_section(settings).section("rig")
    section = rig.section("standards").section("standard_measure")
    parts = [
        section.optional_text("name"),
        section.optional_text("serial"),
        section.optional_text("certificate"),
    ]
    return Standard(
        StandardMeasure(
            Measured(
                section.number("volume_l", above=0), section.number("standard_uncertainty_l", at_least=0)
            ),
            Measured(
                section.number("cubic_expansion_per_c"),
                section.number("cubic_expansion_standard_uncertainty_per_c", at_least=0),
            ),
            section.number("reference_temperature_c"),
            ", ".join(part for part in parts if part),
        ),
        section.number("reading_standard_uncertainty_ml", at_least=0),
        section.number("thermometer_standard_uncertainty_c", at_least=0),
    )

"""The result of a measure verified through a master meter: what passed the meter, and the level read."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from calibration.errors import UnknownQuantityError
from calibration.gauges import gauge_checks
from calibration.gravimetric_run import reading_scale
from calibration.metered_fills import MeteredFill, metered_fills
from calibration.metered_run import MeteredRun, expected_ml, meter_standard
from calibration.obstacles import drip_obstacles, item_obstacles, run_obstacles
from calibration.repeatability import Scatter, common_reading_input, repeatability_input, unit_of
from calibration.result_words import (
    evidence_words,
    heading,
    repeatability_words,
    simulation_notes,
    water_words,
)
from calibration.run_settings import run_settings
from calibration.stated import seed_from
from calibration.verified import verified
from calibration.volumes import VolumeKind
from calibration.water_temperature import WaterTemperature, disagreements, unread, water_temperature

NOMINAL_MARK = 0.0


def metered_result(lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Error at the nominal mark, budget and verdict.

    Raises `UnknownQuantityError` that names what was not measured or has no uncertainty, `OutOfRangeError`
    for a flow outside the meter's certificate, `RuleError` for a rule pack that cannot be used,
    `CalibrationError` for a record that is not one.
    """
    data = lines[0].get("data", {})
    settings, standard = run_settings(data), meter_standard(data)
    if settings.item.kind is not VolumeKind.DELIVERED:
        raise UnknownQuantityError(
            f"the measure's kind is {settings.item.kind}: what a meter lets into a wetted measure is what it "
            "delivers, what it holds back is not known"
        )
    fills = metered_fills(lines)
    at_mark = [fill for fill in fills if fill.target == NOMINAL_MARK]
    if not at_mark:
        raise UnknownQuantityError(
            "record: no repeat has a reading and what the meter counted at the nominal mark"
        )
    unit = unit_of([fill.level for fill in fills])
    water = water_temperature(fills, settings.standards, settings.gauges)
    scale = reading_scale(settings.item, unit)
    run = MeteredRun(fills, settings.item, settings.standards, standard, scale, water)
    volumes_ml = run.volumes_model().value()
    errors_ml = 1000.0 * settings.item.nominal_l - volumes_ml
    errors_ml = errors_ml + scale.ml_per_unit * np.array([fill.level.value for fill in fills])
    chosen = np.array([fill.target == NOMINAL_MARK for fill in fills])
    scatter = Scatter(errors_ml[chosen], expected_ml(run, at_mark))
    model = replace(run, fills=tuple(at_mark)).error_model(
        repeatability_input(scatter, "frames and the meter", "film, drip, frames, meter"),
        common_reading_input([fill.level for fill in at_mark]),
    )
    checked = verified(
        model,
        settings,
        _seed(settings.run, fills),
        [
            *run_obstacles(lines, len(at_mark), settings, scatter),
            *drip_obstacles(fills, settings),
            *item_obstacles(settings),
            *disagreements(water, fills, settings.standards),
        ],
    )
    return {
        **heading(settings),
        "reading_unit": unit,
        **checked.words(),
        "repeats": [
            _repeat(fill, water, float(v), float(e))
            for fill, v, e in zip(fills, volumes_ml, errors_ml, strict=True)
        ],
        **repeatability_words(settings, scatter.range),
        "findings": [checked.finding()],
        "evidence": evidence_words([fill.level for fill in fills]),
        "tables": _tables(run, volumes_ml, errors_ml),
        "water_temperature": water_words(water),
        "gauges": gauge_checks(lines),
        "notes": [
            "The measure was emptied and dripped for its time before it was filled: what the meter let in is "
            "what it delivers. What it contains is more, by the film that stayed on its wall.",
            "The pipe between meter and measure is taken as full alike before and after.",
            "The thermometers at the meter and in the measure are taken as independent: a common part of "
            "their errors would cancel.",
            *(
                f"The {name} was not read in every filling: the water's temperature is made without it."
                for name in unread(water, settings.gauges)
            ),
            *simulation_notes(checked.error),
        ],
    }


def _seed(run: str, fills: Sequence[MeteredFill]) -> int:
    """From what the record says, as it stands there."""
    said = [
        [fill.repeat, fill.target, fill.level.value, [dose.pulses for dose in fill.doses]] for fill in fills
    ]
    return seed_from([run, said])


def _repeat(fill: MeteredFill, water: WaterTemperature, volume_ml: float, error_ml: float) -> dict[str, Any]:
    return {
        "repeat": fill.repeat,
        "target": fill.target,
        "reading": fill.level.value,
        "standard_uncertainty_reading": fill.level.u,
        "volume_l": volume_ml / 1000.0,
        "error_ml": error_ml,
        "water_c": fill.water_c,
        "water_thermometers_c": {name: seen.value for name, seen in fill.thermometers.items()},
        "water_used_c": water.of(fill),
        "vessel_c": fill.vessel_c,
        "pressure_hpa": fill.pressure_hpa,
        "drip_s": fill.drip_waited_s,
        "frames": list(fill.level.frames),
    }


def _tables(run: MeteredRun, volumes_ml: Any, errors_ml: Any) -> list[dict[str, Any]]:
    unit = run.fills[0].level.unit
    meter = run.standard.meter
    return [
        {
            "title": "Repeats",
            "head": [
                "repeat",
                f"reading / {unit}",
                "let in / mL",
                "error / mL",
                "water / °C",
                "vessel / °C",
            ],
            "rows": [
                [fill.repeat, fill.level.value, float(v), float(e), run.water.of(fill), fill.vessel_c]
                for fill, v, e in zip(run.fills, volumes_ml, errors_ml, strict=True)
            ],
        },
        {
            "title": "Doses",
            "head": [
                "repeat",
                "dose",
                "pulses",
                "flow / (L/min)",
                "K-factor / (1/L)",
                "at the meter / °C",
                "line pressure / kPa",
            ],
            "rows": [
                [
                    fill.repeat,
                    dose.opcode,
                    dose.pulses,
                    dose.flow_l_min,
                    meter.k_factor(dose.flow_l_min),
                    dose.meter_c,
                    dose.line_kpa,
                ]
                for fill in run.fills
                for dose in fill.doses
            ],
        },
    ]

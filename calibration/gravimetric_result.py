"""The result of a gravimetric run: error at the nominal mark, neck curve, budget, verdict."""

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.deliveries import Delivery, deliveries
from calibration.errors import UnknownQuantityError, UnsuitableModelError
from calibration.gauges import gauge_checks
from calibration.gravimetric_run import GravimetricRun, reading_scale
from calibration.neck_curve import NeckCurve, neck_curve
from calibration.obstacles import drip_obstacles, item_obstacles, run_obstacles
from calibration.properties.water import AIR_SATURATION_RANGE_C
from calibration.repeatability import Scatter, common_reading_input, repeatability_input, unit_of
from calibration.result_words import (
    curve_words,
    heading,
    repeat_words,
    repeatability_words,
    simulation_notes,
    water_words,
)
from calibration.run_settings import RunSettings, run_settings
from calibration.stated import seed_of
from calibration.verified import verified
from calibration.volumes import VolumeKind
from calibration.water_temperature import WaterTemperature, disagreements, unread, water_temperature

NOMINAL_MARK = 0.0


def gravimetric_result(lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The result of weighed deliveries of a measure with a neck.

    Raises `UnknownQuantityError` that names what was not measured or has no uncertainty, `OutOfRangeError`
    for a condition outside a formula's range, `RuleError` for a rule pack that cannot be used,
    `CalibrationError` for a record that is not one.
    """
    settings = run_settings(lines[0].get("data", {}))
    ds = deliveries(lines, settings.item.kind)
    at_mark = [d for d in ds if d.target == NOMINAL_MARK]
    if not at_mark:
        raise UnknownQuantityError(
            "record: no repeat has a reading, a full weighing with its ambient values, "
            "and a drained weighing at the nominal mark"
        )
    unit = unit_of([d.level for d in ds])
    water = water_temperature(ds, settings.standards, settings.gauges)
    run = GravimetricRun(ds, settings.item, settings.standards, reading_scale(settings.item, unit), water)
    volumes_ml = run.volumes_model().value()
    errors_ml = 1000.0 * settings.item.nominal_l - volumes_ml
    errors_ml = errors_ml + run.scale.ml_per_unit * np.array([d.level.value for d in ds])
    scatter = scatter_at_mark(run, errors_ml)
    model = run.error_model(
        at_mark,
        repeatability_input(scatter, "frames and weighings", "film, drip, frames, weighings"),
        common_reading_input([d.level for d in at_mark]),
    )
    checked = verified(
        model,
        settings,
        seed_of(settings.run, ds),
        [
            *_obstacles(lines, ds, at_mark, settings, scatter),
            *disagreements(water, ds, settings.standards),
        ],
    )
    notes = [*_notes(ds, settings, water), *simulation_notes(checked.error)]
    curve = curve_of(run, settings, scatter, notes)
    return {
        **heading(settings),
        "reading_unit": unit,
        **checked.words(),
        "repeats": [
            repeat_words(d, water, float(v), float(e))
            for d, v, e in zip(ds, volumes_ml, errors_ml, strict=True)
        ],
        **repeatability_words(settings, scatter.range),
        "curve": None if curve is None else curve_words(curve, ds, unit, settings.item.nominal_l),
        "water_temperature": water_words(water),
        "gauges": gauge_checks(lines),
        "notes": notes,
    }


def scatter_at_mark(run: GravimetricRun, errors_ml: NDArray[np.float64]) -> Scatter:
    """The scatter of the errors at the mark, and what readings and weighings explain of it."""
    full, drained = run.independent_u_ml()
    readings = run.scale.ml_per_unit * np.array([d.level.u_random for d in run.deliveries])
    chosen = np.array([d.target == NOMINAL_MARK for d in run.deliveries])
    expected = sqrt(float(np.mean((full**2 + drained**2 + readings**2)[chosen])))
    return Scatter(errors_ml[chosen], expected)


def curve_of(
    run: GravimetricRun, settings: RunSettings, scatter: Scatter, notes: list[str]
) -> NeckCurve | None:
    instruments = sorted({d.level.instrument for d in run.deliveries})
    division = settings.divisions.get(instruments[0]) if len(instruments) == 1 else None
    try:
        curve = neck_curve(run, scatter.excess, division)
    except UnsuitableModelError as error:
        notes.append(f"No curve of the neck: {error}.")
        return None
    if curve.reason:
        notes.append(f"No table of the neck: {curve.reason}.")
    elif division is None:
        notes.append("No table of the neck: the station does not say the scale's division.")
    return curve


def _obstacles(
    lines: Sequence[Mapping[str, Any]],
    ds: Sequence[Delivery],
    at_mark: Sequence[Delivery],
    settings: RunSettings,
    scatter: Scatter,
) -> list[str]:
    """Why this run can have no verdict, in words; empty when it can."""
    drips = settings.item.kind is VolumeKind.DELIVERED
    return [
        *run_obstacles(lines, len(at_mark), settings, scatter),
        *(drip_obstacles(ds, settings) if drips else ()),
        *item_obstacles(settings),
    ]


def _notes(ds: Sequence[Delivery], settings: RunSettings, water: WaterTemperature) -> list[str]:
    notes = [
        "The water is taken as pure; its quality is not in the record.",
        "Film and drip have no term of their own: the delivered volume is defined by the drip time, "
        "and how well that repeats is in the repeatability.",
        "The balance's errors at the full and at the drained load are taken as independent.",
    ]
    notes += [
        f"The {name} was not read in every delivery: the water's temperature is made without it."
        for name in unread(water, settings.gauges)
    ]
    if any(d.ambient.water_c > AIR_SATURATION_RANGE_C[1] for d in ds):
        notes.append(
            "Above 25 °C there is no formula for the air dissolved in the water: "
            "the value at 25 °C bounds its effect."
        )
    return notes

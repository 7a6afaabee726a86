"""The result of a neck that was weighed at levels going up, and at the same levels going down again.

The curve is that of the levels going up: so a measure is used. The way down tells the hysteresis: what stays
on the neck's wall above a level that has fallen is weighed, but not seen.
"""

from collections.abc import Mapping, Sequence
from math import inf, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.deliveries import Delivery, deliveries
from calibration.errors import UnknownQuantityError
from calibration.gauges import gauge_checks
from calibration.gravimetric_result import NOMINAL_MARK, curve_of, scatter_at_mark
from calibration.gravimetric_run import GravimetricRun, reading_scale
from calibration.neck_curve import NeckCurve
from calibration.propagation import coverage_factor
from calibration.repeatability import Scatter, unit_of
from calibration.result_words import curve_words, evidence_words, heading, water_words
from calibration.run_settings import RunSettings, run_settings
from calibration.water_temperature import disagreements, water_temperature

Array = NDArray[np.float64]
DOWN, OVER = "let-out", "drain"


def neck_result(lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The neck's curve, its volume at the nominal mark, and the hysteresis: the mean of down less up.

    Raises `UnknownQuantityError` that names what was not measured or has no uncertainty, `OutOfRangeError`
    for a condition outside a formula's range, `CalibrationError` for a record that is not one.
    """
    settings = run_settings(lines[0].get("data", {}))
    kind = settings.item.kind
    up, down = (deliveries(part, kind) for part in ways(lines))
    if len(up) < 3:
        raise UnknownQuantityError(
            f"record: {len(up)} levels going up have a reading and both weighings: expected 3 or more"
        )
    unit = unit_of([d.level for d in (*up, *down)])
    water = water_temperature((*up, *down), settings.standards, settings.gauges)
    scale = reading_scale(settings.item, unit)
    run_up, run_down = (
        GravimetricRun(ds, settings.item, settings.standards, scale, water) for ds in (up, down)
    )
    notes = [
        "The curve is that of levels going up; the hysteresis is what a level that has fallen holds more.",
        "The water is taken as pure; its quality is not in the record.",
        *(f"In doubt: {sentence}." for sentence in disagreements(water, (*up, *down), settings.standards)),
    ]
    scatter = Scatter(np.array([]), 0.0)
    if any(d.target == NOMINAL_MARK for d in up):
        scatter = scatter_at_mark(run_up, _errors_ml(run_up))
    if scatter.observed is None:
        notes.append(
            "How the film scatters from repeat to repeat is not in the curve's uncertainty: that takes two "
            "repeats or more at the nominal mark."
        )
    curve = curve_of(run_up, settings, scatter, notes)
    findings = []
    if curve is not None and curve.suitable:
        findings += _at_mark(curve, settings)
    pairs = _pairs(up, down)
    if curve is not None and pairs:
        findings.append(_hysteresis(run_up, run_down, curve, pairs, settings))
    else:
        notes.append("No hysteresis: no level was weighed going up and going down.")
    return {
        **heading(settings),
        "reading_unit": unit,
        "verdict": {
            "outcome": "none",
            "sentence": "No verdict: a calibration of the neck gives its curve, and no decision.",
        },
        "findings": findings,
        "evidence": evidence_words([d.level for d in (*up, *down)]),
        "tables": [
            *([] if curve is None else _tables(curve, settings, unit)),
            _levels(up, down, run_up, run_down, unit),
        ],
        "curve": None if curve is None else curve_words(curve, up, unit, settings.item.nominal_l),
        "water_temperature": water_words(water),
        "gauges": gauge_checks(lines),
        "notes": notes,
    }


def ways(lines: Sequence[Mapping[str, Any]]) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """The record without what was done on the way down, and without what was done on the way up.

    The way down begins where a technician is first asked to let water out, and ends with the draining; what
    is weighed then belongs to both.
    """
    up: list[Mapping[str, Any]] = []
    down: list[Mapping[str, Any]] = []
    to: tuple[list[Mapping[str, Any]], ...] = (up,)
    for line in lines:
        if line.get("kind") == "step":
            step = line.get("data", {}).get("step")
            if step == DOWN:
                to = (down,)
            elif step == "fill":
                to = (up,)
            elif step in {OVER, "empty"}:
                to = (up, down)
        for part in to:
            part.append(line)
    return up, down


def _errors_ml(run: GravimetricRun) -> Array:
    readings = run.scale.ml_per_unit * np.array([d.level.value for d in run.deliveries])
    return 1000.0 * run.item.nominal_l + readings - run.volumes_model().value()


def _at_mark(curve: NeckCurve, settings: RunSettings) -> list[dict[str, Any]]:
    """The volume at the nominal mark, where the curve reaches it."""
    row = next((row for row in curve.table if abs(row.reading) < 1e-9), None)
    if row is None:
        return []
    factor = coverage_factor(settings.pack.decision.coverage_probability)
    return [
        {
            "quantity": "volume at the nominal mark",
            "value": settings.item.nominal_l + row.volume / 1000.0,
            "unit": "L",
            "standard_uncertainty": row.u / 1000.0,
            "expanded_uncertainty": factor * row.u / 1000.0,
            "limit": None,
        }
    ]


def _pairs(up: Sequence[Delivery], down: Sequence[Delivery]) -> list[tuple[int, int]]:
    """Places in `up` and `down` of the same level of the same repeat."""
    places = {(d.repeat, d.target): at for at, d in enumerate(up)}
    return [(places[d.repeat, d.target], at) for at, d in enumerate(down) if (d.repeat, d.target) in places]


def _hysteresis(
    run_up: GravimetricRun,
    run_down: GravimetricRun,
    curve: NeckCurve,
    pairs: Sequence[tuple[int, int]],
    settings: RunSettings,
) -> dict[str, Any]:
    """The mean difference of volume, down less up, at equal readings, in mL.

    What instruments and readings have in common cancels in each difference, and so does the drained weighing;
    its standard uncertainty is the scatter of the differences, never less than weighings and frames make it.
    """
    slope = curve.fit.slope
    first, second = np.array(pairs).T
    volumes_up, volumes_down = run_up.volumes_model().value()[first], run_down.volumes_model().value()[second]
    levels_up = np.array([d.level.value for d in run_up.deliveries])[first]
    levels_down = np.array([d.level.value for d in run_down.deliveries])[second]
    differences = (volumes_down - slope * levels_down) - (volumes_up - slope * levels_up)
    frames = slope**2 * np.array(
        [
            run_up.deliveries[a].level.u_random ** 2 + run_down.deliveries[b].level.u_random ** 2
            for a, b in pairs
        ]
    )
    weighings = run_up.independent_u_ml()[0][first] ** 2 + run_down.independent_u_ml()[0][second] ** 2
    expected = sqrt(float(np.mean(frames + weighings)))
    n = len(pairs)
    observed = float(differences.std(ddof=1)) if n > 1 else 0.0
    u = max(observed, expected) / sqrt(n)
    # The expected scatter comes from many frames and indications; the observed one from n differences.
    dof = float(n - 1) if observed > expected else inf
    factor = coverage_factor(settings.pack.decision.coverage_probability, dof)
    return {
        "quantity": "hysteresis, down less up",
        "value": float(differences.mean()),
        "unit": "mL",
        "standard_uncertainty": u,
        "expanded_uncertainty": factor * u,
        "limit": None,
    }


def _tables(curve: NeckCurve, settings: RunSettings, unit: str) -> list[dict[str, Any]]:
    if not curve.table:
        return []
    factor = coverage_factor(settings.pack.decision.coverage_probability)
    return [
        {
            "title": "Neck",
            "head": [f"reading / {unit}", "volume / L", "U / mL"],
            "rows": [
                [row.reading, settings.item.nominal_l + row.volume / 1000.0, factor * row.u]
                for row in curve.table
            ],
        }
    ]


def _levels(
    up: Sequence[Delivery],
    down: Sequence[Delivery],
    run_up: GravimetricRun,
    run_down: GravimetricRun,
    unit: str,
) -> dict[str, Any]:
    """Every level, in the order in which it came."""
    rows = [
        [d.repeat, way, d.level.value, float(volume) / 1000.0, d.full.mean_g, d.drained.mean_g]
        for way, ds, run in (("up", up, run_up), ("down", down, run_down))
        for d, volume in zip(ds, run.volumes_model().value() if ds else (), strict=True)
    ]
    return {
        "title": "Levels",
        "head": ["repeat", "way", f"reading / {unit}", "volume / L", "full / g", "drained / g"],
        "rows": sorted(rows, key=lambda row: int(str(row[0]))),
    }

"""A result in the plain values and keys of docs/reference/result.md."""

from collections.abc import Mapping, Sequence
from math import isinf
from typing import Any

from calibration.deliveries import Delivery, Level
from calibration.neck_curve import NeckCurve
from calibration.propagation import BudgetRow
from calibration.run_settings import RunSettings
from calibration.stated import Stated
from calibration.verdict import Verdict
from calibration.water_temperature import WaterTemperature

SCHEMA = 1

# Sums and special functions may differ in the last bits between processors; results are cut well above that,
# so that the same record gives the same bytes everywhere.
_SIGNIFICANT_DIGITS = 12


def heading(settings: RunSettings) -> dict[str, Any]:
    """What the result is of."""
    item = settings.item
    return {
        "schema": SCHEMA,
        "run": settings.run,
        "item": {"name": item.name, "make": item.make, "model": item.model, "serial": item.serial},
        "nominal_l": item.nominal_l,
        "kind": item.kind.value,
        "reference_temperature_c": item.reference_temperature_c,
    }


def outcome(settings: RunSettings, error: Stated) -> dict[str, Any]:
    """Volume and error at the nominal mark, with their uncertainty."""
    first = error.first_order
    return {
        "volume_l": settings.item.nominal_l - first.value / 1000.0,
        "error_ml": first.value,
        "standard_uncertainty_ml": first.u,
        "expanded_uncertainty_ml": error.expanded,
        "coverage_factor": error.coverage_factor,
        "coverage_probability": first.probability,
        "degrees_of_freedom": _finite(first.dof),
    }


def simulation_words(error: Stated) -> dict[str, Any]:
    """The Monte Carlo simulation beside first order, and whose interval counts."""
    simulated, comparison = error.simulated, error.comparison
    return {
        "trials": simulated.trials,
        "error_ml": simulated.value,
        "interval_ml": [simulated.low, simulated.high],
        "first_order_interval_ml": [
            error.first_order.value - error.first_order.expanded,
            error.first_order.value + error.first_order.expanded,
        ],
        "tolerance_ml": comparison.tolerance,
        "agrees": comparison.validated,
        "interval_from": error.method.value,
    }


def simulation_notes(error: Stated) -> list[str]:
    """What is to be said where first order is not validated."""
    if error.comparison.validated:
        return []
    c, simulated = error.comparison, error.simulated
    return [
        f"First order and Monte Carlo disagree by {max(c.low_distance, c.high_distance):.2g} mL at an end of "
        f"the interval, where {c.tolerance:g} mL is allowed (JCGM 101:2008, 8.1): the simulated interval, "
        f"{simulated.low:.2f} to {simulated.high:.2f} mL, counts."
    ]


def verdict_words(verdict: Verdict) -> dict[str, Any]:
    """The decision."""
    return {
        "outcome": verdict.outcome.value,
        "rule": verdict.rule.value,
        "limit_ml": verdict.limit_ml,
        "acceptance_limit_ml": verdict.acceptance_limit_ml,
        "probability_of_conformity": verdict.probability_of_conformity,
        "probability_of_false_accept": verdict.probability_of_false_accept,
        "probability_of_false_reject": verdict.probability_of_false_reject,
        "sentence": verdict.sentence,
        "rules": verdict.rules,
        "source": verdict.source,
    }


def repeat_words(d: Delivery, water: WaterTemperature, volume_ml: float, error_ml: float) -> dict[str, Any]:
    """One delivery."""
    return {
        "repeat": d.repeat,
        "target": d.target,
        "reading": d.level.value,
        "standard_uncertainty_reading": d.level.u,
        "volume_l": volume_ml / 1000.0,
        "error_ml": error_ml,
        "water_c": d.ambient.water_c,
        "water_thermometers_c": {name: seen.value for name, seen in d.thermometers.items()},
        "water_used_c": water.of(d),
        "vessel_c": d.ambient.vessel_c,
        "air_c": d.ambient.air_c,
        "pressure_hpa": d.ambient.pressure_hpa,
        "humidity_pct": d.ambient.humidity_pct,
        "full_g": d.full.mean_g,
        "drained_g": d.drained.mean_g,
        "drip_s": d.drip_waited_s,
        "frames": list(d.level.frames),
    }


def evidence_words(levels: Sequence[Level]) -> list[dict[str, Any]]:
    """The readings that a result rests on, with the names of their frames."""
    return [
        {
            "reading": level.value,
            "unit": level.unit,
            "standard_uncertainty": level.u,
            "frames": list(level.frames),
        }
        for level in levels
    ]


def repeatability_words(settings: RunSettings, spread_ml: float | None) -> dict[str, Any]:
    """How far the repeats lie apart, and what the procedure says of it."""
    limit = settings.plan.repeat_range_ml
    if spread_ml is None:
        word = "unknown"
    elif limit is None:
        word = "no-limit"
    else:
        word = "exceeded" if spread_ml > limit else "kept"
    return {"repeat_range_ml": spread_ml, "repeat_limit_ml": limit, "repeatability": word}


def water_words(water: WaterTemperature) -> dict[str, Any]:
    """How the water's temperature was made: weights of the rig's sensor and of the thermometers."""
    return {
        "sensor_weight": water.sensor_weight,
        "thermometers": [
            {
                "instrument": one.instrument,
                "weight": one.weight,
                "certificate_standard_uncertainty_c": one.certificate_u_c,
                "reading_standard_uncertainty_c": one.reading_u_c,
            }
            for one in water.thermometers
        ],
    }


def budget_row(row: BudgetRow) -> dict[str, Any]:
    """One row of the budget."""
    return {
        "quantity": row.quantity,
        "symbol": row.symbol,
        "value": row.value,
        "unit": row.unit,
        "standard_uncertainty": row.standard_uncertainty,
        "distribution": row.distribution.value,
        "sensitivity": row.sensitivity,
        "contribution_ml": row.contribution,
        "share": row.share,
        "degrees_of_freedom": _finite(row.dof),
        "source": row.source,
    }


def curve_words(curve: NeckCurve, ds: Sequence[Delivery], unit: str, nominal_l: float) -> dict[str, Any]:
    """The neck's curve, with one entry a delivery."""
    fit = curve.fit
    return {
        "model": "line",
        "unit": unit,
        "points": [
            {
                "repeat": d.repeat,
                "reading": d.level.value,
                "volume_ml": float(volume),
                "standard_uncertainty_reading": d.level.u,
                "standard_uncertainty_volume_ml": float(u),
                "residual_ml": float(residual),
                "normalised_residual": float(normalised),
            }
            for d, volume, u, residual, normalised in zip(
                ds, curve.volumes_ml, curve.volume_u_ml, fit.residuals, fit.normalised_residuals, strict=True
            )
        ],
        "parameters": {"intercept": fit.intercept, "slope": fit.slope},
        "covariance": [[float(c) for c in row] for row in curve.covariance],
        "chi_squared": fit.chi_squared,
        "degrees_of_freedom": fit.dof,
        "p_value": fit.p_value,
        "suitable": curve.suitable,
        "table": [
            {
                "reading": row.reading,
                "volume_l": nominal_l + row.volume / 1000.0,
                "standard_uncertainty_ml": row.u,
            }
            for row in curve.table
        ],
    }


def _finite(dof: float) -> float | None:
    """Degrees of freedom as JSON has them: null for infinite."""
    return None if isinf(dof) else dof


def settled(value: Any) -> Any:
    """The value with every float cut to the digits that are the same on every machine."""
    if isinstance(value, float):
        return float(f"{value:.{_SIGNIFICANT_DIGITS}g}") + 0.0
    if isinstance(value, Mapping):
        return {key: settled(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [settled(entry) for entry in value]
    return value

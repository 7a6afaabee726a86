"""The result of a leak test: how fast a closed measure loses water, told from its level over time.

The level at each look becomes the mass of the water by its density and the measure's expansion, so that a
room that warms or cools is no leak. A straight line through the masses over time (ISO/TS 28037:2010,
clause 6) has the loss as its slope.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from scipy.special import ndtri

from calibration.deliveries import Level, level_of
from calibration.errors import UnknownQuantityError
from calibration.gravimetric_run import reading_scale
from calibration.least_squares import LineFit, fit_line
from calibration.properties.water import water_density
from calibration.result_words import evidence_words, heading
from calibration.run_settings import RunSettings, run_settings
from calibration.section import line_section, settings_section

LOOKS_MIN = 3
HOUR_S = 3600.0


@dataclass(frozen=True)
class Look:
    """The level at a time of the rig's clock in s, and the temperatures then in °C."""

    t_s: float
    level: Level
    water_c: float
    vessel_c: float


def leak_result(lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The loss in mL/h with its expanded uncertainty, held against the procedure's limit.

    Raises `UnknownQuantityError` where fewer than three looks were taken or a temperature is missing.
    """
    settings = run_settings(lines[0].get("data", {}))
    limit = _limit(lines[0]["data"])
    looks = watched(lines)
    if len(looks) < LOOKS_MIN:
        raise UnknownQuantityError(
            f"record: the level was looked at {len(looks)} times in the last leak test: "
            f"expected {LOOKS_MIN} or more"
        )
    fit, volumes_ml = _line(looks, settings)
    loss = -HOUR_S * fit.slope
    u = HOUR_S * sqrt(float(fit.covariance[1, 1]))
    expanded = float(ndtri(0.5 + settings.pack.decision.coverage_probability / 2)) * u
    outcome, sentence = _verdict(lines, fit, loss, expanded, limit)
    return {
        **heading(settings),
        "reading_unit": looks[0].level.unit,
        "verdict": {"outcome": outcome, "sentence": sentence},
        "findings": [
            {
                "quantity": "loss",
                "value": loss,
                "unit": "mL/h",
                "standard_uncertainty": u,
                "expanded_uncertainty": expanded,
                "limit": limit,
            }
        ],
        "tables": [
            {
                "title": "Level over time",
                "head": [
                    "t / s",
                    f"level / {looks[0].level.unit}",
                    "water / °C",
                    "vessel / °C",
                    "change / mL",
                ],
                "rows": [
                    [look.t_s - looks[0].t_s, look.level.value, look.water_c, look.vessel_c, float(v)]
                    for look, v in zip(looks, volumes_ml - volumes_ml[0], strict=True)
                ],
            }
        ],
        "evidence": evidence_words([look.level for look in looks]),
        "chi_squared": fit.chi_squared,
        "degrees_of_freedom": fit.dof,
        "notes": [
            "Evaporation from the neck is not told from a leak.",
            "The thermometers' errors are taken as independent from look to look: their stability during the "
            "test is not known.",
        ],
    }


def watched(lines: Sequence[Mapping[str, Any]]) -> tuple[Look, ...]:
    """The looks of the last leak test in the record: one that was interrupted begins anew."""
    looks: list[Look] = []
    level: tuple[float, Level] | None = None
    for line in lines:
        kind = line.get("kind")
        data = line_section(line)
        if kind == "step" and data.text("step") == "watch":
            looks, level = [], None
        elif kind == "observation" and data.text("purpose") == "watch" and data.has("value"):
            level = (float(line["t_s"]), level_of(data))
        elif kind == "ambient" and data.text("load") == "watch" and level is not None:
            looks.append(Look(*level, data.number("water_c"), data.number("vessel_c")))
            level = None
    return tuple(looks)


def _line(looks: Sequence[Look], settings: RunSettings) -> tuple[LineFit, Any]:
    """The line through the volumes of water in mL, as they were at the first look's temperature."""
    item, standards = settings.item, settings.standards
    scale = reading_scale(item, looks[0].level.unit)
    water, vessel = (np.array([getattr(look, name) for look in looks]) for name in ("water_c", "vessel_c"))
    contents = 1000.0 * item.nominal_l + scale.ml_per_unit * np.array([look.level.value for look in looks])
    expansion = item.cubic_expansion_per_c.value
    masses = contents * (1 + expansion * (vessel - item.reference_temperature_c)) * water_density(water)
    volumes = masses / masses[0] * contents[0]
    # How the volume goes with the water's temperature, for the thermometer's part.
    step_c = 0.01
    per_c = contents * (1 - water_density(water + step_c) / water_density(water)) / step_c
    u = np.sqrt(
        (scale.ml_per_unit * np.array([look.level.u_random for look in looks])) ** 2
        + (per_c * standards.water_u_c) ** 2
        + (contents * expansion * standards.vessel_u_c) ** 2
    )
    times = np.array([look.t_s - looks[0].t_s for look in looks])
    return fit_line(times, volumes, y_covariance=np.diag(u**2)), volumes


def _verdict(
    lines: Sequence[Mapping[str, Any]], fit: LineFit, loss: float, expanded: float, limit: float
) -> tuple[str, str]:
    end = next((line["data"] for line in reversed(lines) if line.get("kind") == "end"), None)
    if end is None or end.get("outcome") != "complete":
        return "none", "No verdict: the run did not come to its end."
    if not fit.suitable():
        return "none", (
            f"No verdict: the level does not change evenly (χ² = {fit.chi_squared:.3g} with "
            f"{fit.dof} degrees of freedom)."
        )
    told = f"The change of {loss:+.3g} mL/h ± {expanded:.2g} mL/h"
    if abs(loss) + expanded <= limit:
        return "pass", f"{told} lies within the limit of {limit:g} mL/h."
    if abs(loss) - expanded > limit:
        return "fail", f"{told} lies beyond the limit of {limit:g} mL/h."
    return "none", f"No verdict: {told[0].lower()}{told[1:]} cannot be told from the limit of {limit:g} mL/h."


def _limit(settings: Mapping[str, Any]) -> float:
    procedure = settings_section(settings).section("procedure")
    return procedure.section("limits").number("leak_ml_per_h", above=0)

"""A curve as versioned JSON, and back.

Version 1: `format`, `version`, `model` (its kind and constants), `parameters` (by name), `covariance`,
`domain`,
`reading_unit`, `volume_unit`. Files of an old version stay loadable: their reader stays here.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from calibration.curve import Curve
from calibration.curve_models import CurveModel, Line, Polynomial
from calibration.errors import CalibrationError
from calibration.monotone_spline import MonotoneSpline
from calibration.polynomial import PolynomialBasis
from calibration.section import Section
from calibration.tank_curve import TankShape
from calibration.tank_ends import End, Head
from calibration.tanks import Orientation, Tank

FORMAT = "tankcal-curve"
VERSION = 1


@dataclass(frozen=True)
class StoredCurve:
    """A curve with the units of its readings and volumes."""

    curve: Curve
    reading_unit: str
    volume_unit: str


def curve_to_json(stored: StoredCurve) -> str:
    """The curve as JSON text: keys sorted, all digits. Raises `CalibrationError` for a model that has no
    form here.
    """
    curve = stored.curve
    content = {
        "format": FORMAT,
        "version": VERSION,
        "model": _model_to_mapping(curve.model),
        "parameters": dict(zip(curve.model.parameter_names, curve.parameters.tolist(), strict=True)),
        "covariance": curve.covariance.tolist(),
        "domain": list(curve.domain),
        "reading_unit": stored.reading_unit,
        "volume_unit": stored.volume_unit,
    }
    return json.dumps(content, sort_keys=True, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def curve_from_json(text: str, where: str) -> StoredCurve:
    """The curve of a JSON text; `where` names it in messages.

    Raises `CalibrationError` that names the key and what is expected, or the version that is not known;
    `UnsuitableModelError` for a curve that does not increase.
    """
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise CalibrationError(f"{where}: is not JSON: {error}") from error
    top = Section(content, where)
    if top.text("format") != FORMAT:
        raise top.fail("format", f"must be {FORMAT}: this is no curve")
    version = top.integer("version", at_least=1)
    if version != VERSION:
        raise top.fail(
            "version", f"must be at most {VERSION}, not {version}: it was written by a newer program"
        )
    return _version_1(top)


def _version_1(top: Section) -> StoredCurve:
    model = _model_from_section(top.section("model"))
    parameters = top.section("parameters")
    values = np.array([parameters.number(name) for name in model.parameter_names])
    parameters.finish()
    rows = top.rows("covariance")
    if [len(row) for row in rows] != [values.size] * values.size:
        raise top.fail("covariance", f"must have {values.size} rows of {values.size} numbers")
    domain = top.numbers("domain")
    if len(domain) != 2:
        raise top.fail("domain", f"must be two numbers, not {len(domain)}")
    curve = Curve(model, values, np.array(rows), (domain[0], domain[1]))
    stored = StoredCurve(curve, top.text("reading_unit"), top.text("volume_unit"))
    top.finish()
    return stored


def _model_to_mapping(model: CurveModel) -> dict[str, Any]:
    if isinstance(model, Line):
        return {"kind": "line"}
    if isinstance(model, Polynomial):
        basis = model.basis
        return {
            "kind": "polynomial",
            "centre": basis.centre,
            "half_width": basis.half_width,
            "shifts": list(basis.shifts),
            "norms": list(basis.norms),
        }
    if isinstance(model, MonotoneSpline):
        return {"kind": "spline", "knots": list(model.knots)}
    if isinstance(model, TankShape):
        tank = model.tank
        return {
            "kind": "tank",
            "orientation": tank.orientation.value,
            "radius": tank.radius,
            "length": tank.length,
            "tilt": tank.tilt,
            "gauge": tank.gauge,
            "first": _end_to_mapping(tank.first),
            "second": _end_to_mapping(tank.second),
            "free": list(model.free),
            "factor": model.factor,
            "offset": model.offset,
            "dead_volume": model.dead_volume,
        }
    raise CalibrationError(f"a {model.name} has no form as JSON")


def _model_from_section(section: Section) -> CurveModel:
    model: CurveModel
    match section.text("kind", among=("line", "polynomial", "spline", "tank")):
        case "line":
            model = Line()
        case "polynomial":
            model = Polynomial(
                PolynomialBasis(
                    section.number("centre"),
                    section.number("half_width", above=0),
                    section.numbers("shifts"),
                    section.numbers("norms"),
                )
            )
            if len(model.basis.norms) != len(model.basis.shifts) + 1:
                raise section.fail("norms", "must be one more than the shifts")
        case "spline":
            model = MonotoneSpline(section.numbers("knots"))
        case _:
            model = TankShape(
                _tank(section),
                section.texts("free"),
                section.number("factor", above=0),
                section.number("offset"),
                section.number("dead_volume"),
            )
    section.finish()
    return model


def _tank(section: Section) -> Tank:
    return Tank(
        Orientation(section.text("orientation", among=[o.value for o in Orientation])),
        section.number("radius"),
        section.number("length"),
        _end_from_section(section.section("first")),
        _end_from_section(section.section("second")),
        section.number("tilt"),
        section.number("gauge"),
    )


def _end_to_mapping(end: End) -> Mapping[str, Any]:
    return {"head": end.head.value, "depth": end.depth, "dish": end.dish, "knuckle": end.knuckle}


def _end_from_section(section: Section) -> End:
    end = End(
        Head(section.text("head", among=[head.value for head in Head])),
        section.number("depth"),
        section.number("dish"),
        section.number("knuckle"),
    )
    section.finish()
    return end

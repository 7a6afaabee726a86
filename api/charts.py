"""The charts of a result, as Vega-Lite specifications and as SVG that takes its colours from the page."""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import sqrt
from typing import Any

import vl_convert

Spec = dict[str, Any]

GRID_POINTS = 61
WIDTH, HEIGHT = 340, 210  # near the size on the page, so that letters keep theirs
WIDE = 900


def error_chart(result: Mapping[str, Any]) -> Spec | None:
    """The error with its expanded uncertainty against the limits, or None where there is no limit."""
    verdict = result["verdict"]
    limit = verdict["limit_ml"]
    if limit is None:
        return None
    error, expanded = result["error_ml"], result["expanded_uncertainty_ml"]
    acceptance = verdict["acceptance_limit_ml"]
    zones = [{"from": -limit, "to": limit, "zone": "limit"}]
    if acceptance is not None and 0 < acceptance < limit:
        zones.append({"from": -acceptance, "to": acceptance, "zone": "acceptance"})
    edges = sorted({edge for zone in zones for edge in (zone["from"], zone["to"])})
    reach = 1.15 * max(limit, abs(error) + expanded)
    x = {"type": "quantitative", "title": "error / mL", "scale": {"domain": [-reach, reach], "nice": False}}
    return {
        "width": WIDE,
        "height": 84,
        "layer": [
            {
                "data": {"values": zones},
                "mark": {"type": "rect", "color": "var(--good)", "opacity": 0.16},
                "encoding": {"x": {"field": "from", **x}, "x2": {"field": "to"}},
            },
            {
                "data": {"values": [{"edge": edge} for edge in edges]},
                "mark": {"type": "rule", "color": "var(--good)", "strokeDash": [4, 3]},
                "encoding": {"x": {"field": "edge", **x}},
            },
            {
                "data": {"values": [{"from": error - expanded, "to": error + expanded}]},
                "mark": {"type": "rule", "color": "var(--ink)", "strokeWidth": 3},
                "encoding": {"x": {"field": "from", **x}, "x2": {"field": "to"}},
            },
            {
                "data": {"values": [{"error": error}]},
                "mark": {"type": "point", "filled": True, "color": "var(--ink)", "size": 150, "opacity": 1},
                "encoding": {"x": {"field": "error", **x}},
            },
        ],
    }


def curve_chart(result: Mapping[str, Any]) -> Spec | None:
    """Volume minus nominal against the reading: the points, the fitted line and its band of ± U."""
    curve = result["curve"]
    if curve is None:
        return None
    return _xy(
        curve,
        band=_band(curve, result["coverage_factor"], of_scale=False),
        points=[{"reading": p["reading"], "y": p["volume_ml"]} for p in curve["points"]],
        title="volume − nominal / mL",
    )


def scale_chart(result: Mapping[str, Any]) -> Spec | None:
    """The error of the scale along the neck with its band of ± U, where the scale reads millilitres."""
    curve = result["curve"]
    if curve is None or curve["unit"] != "mL":
        return None
    return _xy(
        curve,
        band=_band(curve, result["coverage_factor"], of_scale=True),
        points=[{"reading": p["reading"], "y": p["reading"] - p["volume_ml"]} for p in curve["points"]],
        title="error of the scale / mL",
    )


def residual_chart(result: Mapping[str, Any]) -> Spec | None:
    """The residuals of the fit with their standard uncertainties."""
    curve = result["curve"]
    if curve is None:
        return None
    points = []
    for point in curve["points"]:
        residual, normalised = point["residual_ml"], point["normalised_residual"]
        u = abs(residual / normalised) if normalised else 0.0
        points.append({"reading": point["reading"], "y": residual, "from": residual - u, "to": residual + u})
    spec = _xy(curve, band=[], points=points, title="residual / mL")
    spec["layer"] = [
        {
            "data": {"values": [{"zero": 0}]},
            "mark": {"type": "rule", "color": "var(--line-strong)"},
            "encoding": {"y": {"field": "zero", "type": "quantitative"}},
        },
        {
            "data": {"values": points},
            "mark": {"type": "rule", "color": "var(--accent)", "strokeWidth": 1.5},
            "encoding": {
                "x": {"field": "reading", "type": "quantitative"},
                "y": {"field": "from", "type": "quantitative"},
                "y2": {"field": "to"},
            },
        },
        *spec["layer"],
    ]
    return spec


def svg(spec: Spec) -> str:
    """The chart as an SVG element for a page. Colours are custom properties of the page's stylesheet."""
    return _svg(json.dumps(spec, sort_keys=True))


@lru_cache(maxsize=256)
def _svg(spec: str) -> str:
    themed = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "background": "transparent",
        "padding": 4,
        **json.loads(spec),
        "config": {
            "font": "inherit",
            "view": {"stroke": None},
            "axis": {
                "labelColor": "var(--muted)",
                "titleColor": "var(--ink)",
                "gridColor": "var(--line)",
                "domainColor": "var(--line-strong)",
                "tickColor": "var(--line-strong)",
                "labelFontSize": 12,
                "titleFontSize": 12,
                "titleFontWeight": 600,
                "titlePadding": 10,
            },
        },
    }
    return str(vl_convert.vegalite_to_svg(themed, vl_version="5.21"))


def _band(curve: Mapping[str, Any], coverage_factor: float, *, of_scale: bool) -> list[dict[str, float]]:
    readings = [point["reading"] for point in curve["points"]]
    low, high = min(readings), max(readings)
    intercept, slope = curve["parameters"]["intercept"], curve["parameters"]["slope"]
    (c00, c01), (_, c11) = curve["covariance"]
    band = []
    for index in range(GRID_POINTS):
        reading = low + (high - low) * index / (GRID_POINTS - 1)
        volume = intercept + slope * reading
        u = sqrt(max(c00 + 2 * reading * c01 + reading * reading * c11, 0.0))
        y = reading - volume if of_scale else volume
        band.append(
            {"reading": reading, "y": y, "low": y - coverage_factor * u, "high": y + coverage_factor * u}
        )
    return band


def _xy(
    curve: Mapping[str, Any],
    *,
    band: Sequence[Mapping[str, float]],
    points: Sequence[Mapping[str, float]],
    title: str,
) -> Spec:
    x = {"field": "reading", "type": "quantitative", "title": f"reading / {curve['unit']}"}
    y = {"type": "quantitative", "title": title, "scale": {"zero": False}}
    layers: list[dict[str, Any]] = []
    if band:
        layers += [
            {
                "data": {"values": list(band)},
                "mark": {"type": "area", "color": "var(--accent)", "opacity": 0.2},
                "encoding": {"x": x, "y": {"field": "low", **y}, "y2": {"field": "high"}},
            },
            {
                "data": {"values": list(band)},
                "mark": {"type": "line", "color": "var(--accent)", "strokeWidth": 2},
                "encoding": {"x": x, "y": {"field": "y", **y}},
            },
        ]
    layers.append(
        {
            "data": {"values": list(points)},
            "mark": {"type": "point", "filled": True, "color": "var(--ink)", "size": 60, "opacity": 1},
            "encoding": {"x": x, "y": {"field": "y", **y}},
        }
    )
    return {"width": WIDTH, "height": HEIGHT, "layer": layers}

"""The chart of a fitted curve: the curve with its band and points, and the residuals below."""

from typing import Any

import numpy as np
import vl_convert

from calibration.data_table import DataTable
from calibration.fitted import FittedCurve

_GRID_POINTS = 201
_WIDTH, _HEIGHT = 560, 280


def fit_svg(table: DataTable, fitted: FittedCurve) -> str:
    """The chart as SVG text; the band is ± 2 standard uncertainties of the curve."""
    curve = fitted.curve
    x = np.linspace(*curve.domain, _GRID_POINTS)
    volume, u = curve.volume(x), curve.standard_uncertainty(x)
    line = [
        {"x": a, "v": b, "low": b - 2 * c, "high": b + 2 * c, "d_low": -2 * c, "d_high": 2 * c}
        for a, b, c in zip(x.tolist(), volume.tolist(), u.tolist(), strict=True)
    ]
    points = [
        {"x": a, "v": b, "residual": c}
        for a, b, c in zip(
            table.reading.tolist(), table.volume.tolist(), fitted.residuals.tolist(), strict=True
        )
    ]
    reading = _axis("x", f"{table.quantity} / {table.reading_unit}")
    spec = {
        "vconcat": [
            _layers(
                line, points, reading, ("low", "high", "v", "v"), f"volume / {table.volume_unit}", _HEIGHT
            ),
            _layers(
                line,
                points,
                reading,
                ("d_low", "d_high", None, "residual"),
                f"residual / {table.volume_unit}",
                _HEIGHT // 2,
            ),
        ]
    }
    return str(vl_convert.vegalite_to_svg(spec))


def _axis(field: str, title: str) -> dict[str, Any]:
    return {"field": field, "type": "quantitative", "title": title, "scale": {"zero": False}}


def _layers(  # noqa: PLR0917  (one panel of the chart)
    line: list[dict[str, float]],
    points: list[dict[str, float]],
    reading: dict[str, Any],
    fields: tuple[str, str, str | None, str],
    title: str,
    height: int,
) -> dict[str, Any]:
    low, high, middle, value = fields
    layers: list[dict[str, Any]] = [
        {
            "data": {"values": line},
            "mark": {"type": "area", "opacity": 0.25},
            "encoding": {"x": reading, "y": _axis(low, title), "y2": {"field": high}},
        }
    ]
    if middle:
        layers.append(
            {"data": {"values": line}, "mark": "line", "encoding": {"x": reading, "y": _axis(middle, title)}}
        )
    layers.append(
        {
            "data": {"values": points},
            "mark": {"type": "point", "filled": True, "color": "black"},
            "encoding": {"x": reading, "y": _axis(value, title)},
        }
    )
    return {"width": _WIDTH, "height": height, "layer": layers}

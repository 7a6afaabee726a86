"""The gauges of a station that the twin draws: which camera sees them where, and what is on their faces."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from control.toml_table import TomlTable

DISTANCE_MM = 420.0  # of a camera, where the station does not say it
TO_KPA = {"kPa": 1.0, "bar": 100.0, "mbar": 0.1, "MPa": 1000.0}
TO_G = {"g": 1.0, "kg": 1000.0}
SIZES = {"dial": (960, 960), "seven-segment": (960, 600), "thermometer": (640, 1280)}

Region = tuple[int, int, int, int]


@dataclass(frozen=True)
class DialFigures:
    """A dial's face, as the station's file has it. Radius and height of the needle in mm."""

    unit: str
    minimum: float
    maximum: float
    major_step: float
    minor_per_major: int
    dial_radius_mm: float
    needle_height_mm: float


@dataclass(frozen=True)
class DisplayFigures:
    """A seven-segment display's format."""

    unit: str
    digits: int
    decimals: int


@dataclass(frozen=True)
class ThermometerFigures:
    """A liquid-in-glass thermometer's scale; `column_offset_mm` is how far its column stands before it,
    `division_mm` the length of a division (None: as fits the picture)."""

    unit: str
    minimum: float
    maximum: float
    division: float
    label_every: float
    column_offset_mm: float
    division_mm: float | None


FaceFigures = DialFigures | DisplayFigures | ThermometerFigures


@dataclass(frozen=True)
class GaugeFigures:
    """One gauge: the quantity of the rig that it `shows`, its stated standard uncertainty in its own unit,
    and the part of its camera's picture in which it stands."""

    name: str
    shows: str
    standard_uncertainty: float
    region: Region
    face: FaceFigures


@dataclass(frozen=True)
class GaugeCameraFigures:
    """A camera that sees gauges; `path` is the one of its address, sizes in pixels.

    `focal_px` is its focal length as its matrix has it, None where the station does not state one.
    """

    name: str
    path: str
    width: int
    height: int
    focal_px: float | None
    distance_mm: float
    gauges: tuple[GaugeFigures, ...]


def gauge_cameras(root: TomlTable) -> tuple[GaugeCameraFigures, ...]:
    """The cameras of a station that see a gauge of the rig. Raises `ConfigurationError`, naming the key.

    An instrument that shows none of the rig's quantities is not the twin's to draw.
    """
    cameras, instruments = root.take_table("cameras"), root.take_table("instruments")
    seen: dict[str, list[GaugeFigures]] = {}
    for name in instruments.names():
        table = instruments.take_table(name)
        if "shows" in table:
            seen.setdefault(table.take_text("camera"), []).append(_gauge(name, table))
    found = []
    for camera, gauges in seen.items():
        table = cameras.take_table(camera)
        address = urlsplit(table.take_text("address"))
        found.append(
            GaugeCameraFigures(
                name=camera,
                path=address.path or f"/cameras/{camera}.jpg",
                width=max(x + width for x, _, width, _ in (gauge.region for gauge in gauges)),
                height=max(y + height for _, y, _, height in (gauge.region for gauge in gauges)),
                focal_px=_focal_px(table),
                distance_mm=table.take_number("distance_mm", least=50.0, default=DISTANCE_MM),
                gauges=tuple(gauges),
            )
        )
    return tuple(found)


def _focal_px(table: TomlTable) -> float | None:
    if "matrix" not in table:
        return None
    try:
        focal = float(table.peek("matrix")[0][0])
    except (TypeError, ValueError, IndexError):
        focal = 0.0
    if not 100.0 <= focal <= 1e5:
        raise table.error("matrix", "expected [[f, 0, cx], [0, f, cy], [0, 0, 1]] in pixels")
    return focal


def _gauge(name: str, table: TomlTable) -> GaugeFigures:
    kind = table.take_text("kind", choices=tuple(SIZES))
    shows = table.take_text("shows", choices=tuple(_SHOWN))
    expected, face_of = _SHOWN[shows]
    if kind != expected:
        raise table.error("kind", f"the twin shows its {shows} on a {expected}, not on a {kind}")
    return GaugeFigures(
        name=name,
        shows=shows,
        standard_uncertainty=table.take_table("standard").take_number("standard_uncertainty", least=0.0),
        region=_region(table, SIZES[kind]),
        face=face_of(table),
    )


def _region(table: TomlTable, size: tuple[int, int]) -> Region:
    if "region" not in table:
        return (0, 0, *size)
    value: Any = table.peek("region")
    if not (isinstance(value, list) and len(value) == 4 and all(type(number) is int for number in value)):
        raise table.error("region", "expected [x, y, width, height] in whole pixels")
    x, y, width, height = value
    if min(x, y) < 0 or not (80 <= width <= 4000 and 80 <= height <= 4000) or max(x, y) > 4000:
        raise table.error("region", "expected a part of a picture of at most 8000 pixels, 80 or more a side")
    return x, y, width, height


def _dial(table: TomlTable) -> DialFigures:
    minimum = table.take_number("minimum")
    return DialFigures(
        unit=table.take_text("unit", choices=tuple(TO_KPA)),
        minimum=minimum,
        maximum=table.take_number("maximum", above=minimum),
        major_step=table.take_number("major_step", above=0.0),
        minor_per_major=table.take_int("minor_per_major", 1, 50),
        dial_radius_mm=table.take_number("dial_radius_mm", above=5.0, most=500.0),
        needle_height_mm=table.take_number("needle_height_mm", least=0.0, most=20.0),
    )


def _display(table: TomlTable) -> DisplayFigures:
    digits = table.take_int("digits", 1, 12)
    return DisplayFigures(
        unit=table.take_text("unit", choices=tuple(TO_G)),
        digits=digits,
        decimals=table.take_int("decimals", 0, digits - 1),
    )


def _thermometer(table: TomlTable) -> ThermometerFigures:
    minimum = table.take_number("minimum")
    return ThermometerFigures(
        unit=table.take_text("unit", choices=("degC",)),
        minimum=minimum,
        maximum=table.take_number("maximum", above=minimum),
        division=table.take_number("division", above=0.0),
        label_every=table.take_number("label_every", above=0.0),
        column_offset_mm=table.take_number("column_offset_mm", least=0.0, most=20.0),
        division_mm=table.take_number("division_mm", above=0.0) if "division_mm" in table else None,
    )


_SHOWN: dict[str, tuple[str, Callable[[TomlTable], FaceFigures]]] = {
    "line_pressure": ("dial", _dial),
    "balance": ("seven-segment", _display),
    "water_temperature": ("thermometer", _thermometer),
}

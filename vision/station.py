"""What a camera looks at: instruments and the camera's geometry, as a manifest or a station file states them.

A field that is not stated is unknown (None), never zero: the readers do without it and say what that costs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from vision.fields import Fields, is_list, is_number

UNITS = ("mL", "cL", "dL", "L", "cm³", "cm3", "dm³", "dm3", "m³", "m3", "mm", "cm", "m", "%")
DISTORTION_LENGTHS = (4, 5, 8, 12, 14)  # the lens models of OpenCV


class Direction(StrEnum):
    """Where the numbers of a scale grow."""

    UP = "up"
    DOWN = "down"


class Side(StrEnum):
    """On which side of the tube the plate is, in the picture."""

    LEFT = "left"
    RIGHT = "right"


class Lighting(StrEnum):
    """What stands behind the tube: a panel with a black card, a plain panel, or the room."""

    CARD = "card"
    PANEL = "panel"
    ROOM = "room"


class Liquid(StrEnum):
    """What is in the tube."""

    WATER = "water"
    FUEL = "fuel"


@dataclass(frozen=True)
class Scale:
    """A scale plate. `division` is the value between neighbouring marks in `unit`, `division_mm` its length.

    The marks run from `first` to `last`; every `major_every`-th is long, every `label_every`-th is numbered
    (both counted from zero). `offset_mm` is how far the face of the plate lies behind (+) the tube axis.
    """

    unit: str
    division: float
    division_mm: float | None = None
    first: float | None = None
    last: float | None = None
    major_every: int | None = None
    label_every: int | None = None
    increases: Direction | None = None
    side: Side | None = None
    offset_mm: float | None = None


@dataclass(frozen=True)
class Tube:
    """The glass tube's diameters in millimetres."""

    outer_diameter_mm: float
    inner_diameter_mm: float


@dataclass(frozen=True)
class SightGlass:
    """A graduated neck: a tube with a scale plate beside it."""

    scale: Scale
    tube: Tube | None = None
    lighting: Lighting | None = None
    liquid: Liquid | None = None

    @property
    def kind(self) -> str:
        """The word for this instrument in manifests and station files."""
        return "sight-glass"

    @property
    def unit(self) -> str:
        """The unit of its readings."""
        return self.scale.unit


@dataclass(frozen=True)
class CameraGeometry:
    """A camera: `matrix` (3×3) and `distortion` as OpenCV has them, its place relative to the tube.

    `distance_mm` is from the lens to the tube axis, `height_mm` of the lens above the scale's zero mark.
    """

    matrix: tuple[tuple[float, float, float], ...] | None = None
    distortion: tuple[float, ...] | None = None
    distance_mm: float | None = None
    height_mm: float | None = None


def sight_glass_from(mapping: Mapping[str, Any], where: str) -> SightGlass:
    """The sight glass that a manifest's or station file's `instrument` object describes.

    Raises `StationError` for an unknown key, a wrong type, or values that contradict each other.
    """
    table = Fields(mapping, where, ("kind", "scale", "tube", "lighting", "liquid"))
    if table.raw("scale") is None:
        raise table.wrong("scale", "a table with at least unit and division")
    tube = table.raw("tube")
    lighting = table.word("lighting", [*Lighting])
    liquid = table.word("liquid", [*Liquid])
    return SightGlass(
        scale=_scale_from(table.raw("scale"), f"{where}: scale"),
        tube=None if tube is None else _tube_from(tube, f"{where}: tube"),
        lighting=None if lighting is None else Lighting(lighting),
        liquid=None if liquid is None else Liquid(liquid),
    )


def camera_from(mapping: Mapping[str, Any] | None, where: str) -> CameraGeometry:
    """The geometry that a manifest's `camera` object describes; all unknown where there is none.

    Raises `StationError` for an unknown key, a matrix that is not one of a camera, a lens model that OpenCV
    does not have, or a distance that is not positive.
    """
    if mapping is None:
        return CameraGeometry()
    table = Fields(mapping, where, ("matrix", "distortion", "distance_mm", "height_mm"))
    return CameraGeometry(
        matrix=_matrix_from(table),
        distortion=_distortion_from(table),
        distance_mm=table.number("distance_mm", "a length above 0", positive=True),
        height_mm=table.number("height_mm"),
    )


def _scale_from(value: object, where: str) -> Scale:
    table = Fields(
        value,
        where,
        (
            "unit",
            "division",
            "division_mm",
            "first",
            "last",
            "major_every",
            "label_every",
            "increases",
            "side",
            "offset_mm",
        ),
    )
    unit = table.word("unit", UNITS)
    if unit is None:
        raise table.wrong("unit", "one of " + ", ".join(UNITS))
    division = table.number("division", "a value above 0", positive=True)
    if division is None:
        raise table.wrong("division", "the value of one division, above 0")
    first, last = table.number("first"), table.number("last")
    if first is not None and last is not None and last <= first:
        raise table.wrong("last", f"a value above first ({first:g}); increases says where the numbers grow")
    for key, end in (("first", first), ("last", last)):
        if end is not None and abs(end / division - round(end / division)) > 1e-6:
            raise table.wrong(key, f"a multiple of division ({division:g})")
    increases, side = table.word("increases", [*Direction]), table.word("side", [*Side])
    return Scale(
        unit=unit,
        division=division,
        division_mm=table.number("division_mm", "a length above 0", positive=True),
        first=first,
        last=last,
        major_every=table.count("major_every"),
        label_every=table.count("label_every"),
        increases=None if increases is None else Direction(increases),
        side=None if side is None else Side(side),
        offset_mm=table.number("offset_mm"),
    )


def _tube_from(value: object, where: str) -> Tube:
    table = Fields(value, where, ("outer_diameter_mm", "inner_diameter_mm"))
    outer = table.number("outer_diameter_mm", "a length above 0", positive=True)
    inner = table.number("inner_diameter_mm", "a length above 0", positive=True)
    if outer is None:
        raise table.wrong("outer_diameter_mm", "a length above 0")
    if inner is None or inner >= outer:
        raise table.wrong("inner_diameter_mm", f"a length above 0 and below the outer diameter ({outer:g})")
    return Tube(outer_diameter_mm=outer, inner_diameter_mm=inner)


def _matrix_from(table: Fields) -> tuple[tuple[float, float, float], ...] | None:
    value = table.raw("matrix")
    if value is None:
        return None
    expected = "[[fx, 0, cx], [0, fy, cy], [0, 0, 1]] in pixels"
    if not is_list(value) or len(value) != 3:
        raise table.wrong("matrix", expected)
    rows = []
    for row in value:
        if not is_list(row) or len(row) != 3 or not all(is_number(number) for number in row):
            raise table.wrong("matrix", expected)
        rows.append((float(row[0]), float(row[1]), float(row[2])))
    if rows[0][0] <= 0 or rows[1][1] <= 0 or rows[1][0] != 0 or rows[2] != (0.0, 0.0, 1.0):
        raise table.wrong("matrix", expected)
    return tuple(rows)


def _distortion_from(table: Fields) -> tuple[float, ...] | None:
    value = table.raw("distortion")
    if value is None:
        return None
    if not is_list(value) or len(value) not in DISTORTION_LENGTHS or not all(is_number(n) for n in value):
        raise table.wrong("distortion", "4, 5, 8, 12 or 14 numbers as OpenCV has them")
    return tuple(float(number) for number in value)

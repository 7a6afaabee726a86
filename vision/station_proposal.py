"""A station file proposed from one picture: what the picture shows is measured, the rest is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.camera_model import Lens
from vision.errors import StationError
from vision.frame import Frame
from vision.graduation import Lattice, fit_lattice
from vision.marks import MarkColumn, find_marks
from vision.reading import Answer
from vision.sight_glass.tube import TubeWalls, find_band, find_walls
from vision.station import CameraGeometry, Side, camera_from
from vision.station_file import Station, station_from
from vision.strip import Strip

LENGTH_UNITS_MM = {"mm": 1.0, "cm": 10.0, "m": 1000.0}
WIDEST_TUBE_MM = 45.0
LONG_SHARE = 0.9  # of the longest marks' length
REGULAR_SHARE = 0.7  # of the steps between long marks that must be equal


@dataclass(frozen=True)
class Stated:
    """What a person states, since no picture shows it.

    `division` is the value between neighbouring marks in `unit`, `division_mm` its length (known for a
    scale in units of length), `first` and `last` the smallest and largest value on the plate.
    `wall_mm` is the thickness of the glass. `camera` is the `camera` object of a manifest as far as it is
    known.
    """

    unit: str
    division: float
    division_mm: float | None = None
    first: float | None = None
    last: float | None = None
    increases: str = "up"
    wall_mm: float | None = None
    lighting: str | None = None
    liquid: str | None = None
    camera: Mapping[str, Any] = field(default_factory=dict)

    @property
    def length_mm(self) -> float | None:
        """The length of a division, where it is stated or follows from the unit."""
        if self.division_mm is not None:
            return self.division_mm
        per_unit = LENGTH_UNITS_MM.get(self.unit)
        return None if per_unit is None else per_unit * self.division


@dataclass(frozen=True)
class Proposal:
    """A station to check by eye: `mapping` as a station file holds it, `notes` on what is missing.

    `answer` is what the reader makes of the very picture with it, to be drawn; `is_complete` says that a
    reader can number the marks.
    """

    mapping: dict[str, Any]
    notes: tuple[str, ...]
    answer: Answer
    is_complete: bool

    @property
    def station(self) -> Station:
        """The proposal as a station."""
        return station_from(self.mapping, "proposal")


def propose(frame: Frame, stated: Stated, name: str, camera_settings: Mapping[str, Any]) -> Proposal:
    """The station that a picture of a sight glass suggests. `camera_settings`: driver, address, timeout_s.

    Raises `StationError` where no scale is found or what is stated contradicts the picture, and
    `FrameError` for no picture.
    """
    gray = np.asarray(cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY), np.uint8)
    geometry = camera_from(stated.camera or None, "camera")
    lens = Lens.of(geometry)
    plate = _plate(gray, lens)
    if plate is None:
        raise StationError(
            f"{frame.source}: shows no row of marks; expected a sharp picture of a graduated neck"
        )
    column, lattice = plate
    count = int(column.index[-1] - column.index[0]) + 1
    notes = [f"{count} marks are seen, {'dark on light' if column.dark else 'light on dark'}"]
    scale: dict[str, Any] = {"unit": stated.unit, "division": stated.division}
    if stated.length_mm is not None:
        scale["division_mm"] = stated.length_mm
    scale |= _ends(stated, count, notes)
    every = _long_every(column)
    if every is None:
        notes.append("major_every is to be filled in: no long marks stand at even steps")
    else:
        scale |= {"major_every": every, "label_every": every}
        notes.append(f"every {every}th mark is long; that these are the numbered ones is assumed")
    scale |= {"increases": stated.increases, "side": column.side.value}
    spacing_px = lattice.pixels_per_mark(_middle(column))
    instrument: dict[str, Any] = {"camera": "neck", "kind": "sight-glass", "scale": scale}
    instrument |= {
        key: value for key in ("lighting", "liquid") if (value := getattr(stated, key)) is not None
    }
    if "lighting" not in instrument:
        notes.append("lighting is to be filled in: card, panel or room")
    instrument |= _tube(gray, column, stated, spacing_px, notes)
    camera = {**camera_settings, **stated.camera} | _place(stated, geometry, column, lattice, notes)
    mapping = {"name": name, "cameras": {"neck": camera}, "instruments": {"neck": instrument}}
    station = station_from(mapping, "proposal")
    answer = station.reader("neck").read(frame)
    return Proposal(mapping, tuple(notes), answer, is_complete="first" in scale and "last" in scale)


def toml_of(mapping: Mapping[str, Any], notes: tuple[str, ...] = ()) -> str:
    """A station's mapping as TOML, the notes as comments at its top."""
    lines = [f"# {note}" for note in notes] + [""] * bool(notes)
    return "\n".join([*lines, *_table(mapping, ())]).strip() + "\n"


def _ends(stated: Stated, count: int, notes: list[str]) -> dict[str, float]:
    """`first` and `last`, one from the other by the number of marks where only one is stated."""
    first, last = stated.first, stated.last
    span = (count - 1) * stated.division
    if first is None and last is None:
        notes.append("first and last are to be filled in: the values of the plate's lowest and highest mark")
        return {}
    if last is None:
        last = (first or 0.0) + span
        notes.append(f"last = {last:g} follows from the {count} marks seen")
    if first is None:
        first = last - span
        notes.append(f"first = {first:g} follows from the {count} marks seen")
    marks = round((last - first) / stated.division) + 1
    if marks < count:
        raise StationError(
            f"{count} marks are seen, a scale from {first:g} to {last:g} by {stated.division:g} has "
            f"{marks}; expected "
            "first, last and division as they are on the plate"
        )
    if marks > count:
        notes.append(f"the scale from {first:g} to {last:g} has {marks} marks: {marks - count} are not seen")
    return {"first": first, "last": last}


def _plate(gray: NDArray[np.uint8], lens: Lens) -> tuple[MarkColumn, Lattice] | None:
    """The plate's marks, from the side on which they look right.

    Seen from the tube all marks begin on one line and the long ones reach further; from the other side the
    marks of one length may line up as well, but then the long ones do not stand at even steps.
    """
    found: list[tuple[bool, int, MarkColumn, Lattice]] = []
    for side in Side:
        column = find_marks(gray, side)
        lattice = None if column is None else fit_lattice(column, lens)
        if column is not None and lattice is not None:
            found.append((_long_every(column) is not None, column.count, column, lattice))
    if not found:
        return None
    _, _, column, lattice = max(found, key=lambda candidate: candidate[:2])
    return column, lattice


def _long_every(column: MarkColumn) -> int | None:
    """The distance between the longest marks in divisions; None where they do not stand at even steps."""
    long = column.index[column.length >= LONG_SHARE * np.quantile(column.length, 0.97)]
    steps = np.diff(long)
    if len(steps) < 2:
        return None
    values, counts = np.unique(steps, return_counts=True)
    every = int(values[np.argmax(counts)])
    return every if every >= 2 and counts.max() >= REGULAR_SHARE * len(steps) else None


def _tube(
    gray: NDArray[np.uint8], column: MarkColumn, stated: Stated, spacing_px: float, notes: list[str]
) -> dict[str, Any]:
    """The `tube` table, as far as the picture and the stated wall allow."""
    if stated.length_mm is None:
        notes.append("the tube is not measured: division_mm is not stated")
        return {}
    walls = _walls(gray, column, spacing_px / stated.length_mm)
    if walls is None:
        notes.append("the tube is not measured: its walls are not found (is there liquid in it?)")
        return {}
    outer_mm = walls.width / spacing_px * stated.length_mm
    measured = f"the tube is {outer_mm:.1f} mm wide, to about 5 %"
    if stated.wall_mm is None:
        notes.append(f"{measured}; its table is to be filled in (the thickness of the wall is not seen)")
        return {}
    inner_mm = outer_mm - 2 * stated.wall_mm
    if inner_mm <= 0:
        raise StationError(
            f"the wall is {stated.wall_mm:g} mm, the tube {outer_mm:.1f} mm wide; expected less than half"
        )
    notes.append(f"{measured}: replace it by a caliper's reading")
    return {"tube": {"outer_diameter_mm": round(outer_mm, 2), "inner_diameter_mm": round(inner_mm, 2)}}


def _walls(gray: NDArray[np.uint8], column: MarkColumn, pixels_per_mm: float) -> TubeWalls | None:
    away = -1.0 if column.side is Side.RIGHT else 1.0
    reach = int(min(WIDEST_TUBE_MM * pixels_per_mm, 0.55 * gray.shape[1]))
    strip = Strip.cut(gray, column.inner_x, column.tilt, away, reach)
    band = find_band(strip, pixels_per_mm, None)
    return None if band is None else find_walls(strip, band, pixels_per_mm, None)


def _place(
    stated: Stated, geometry: CameraGeometry, column: MarkColumn, lattice: Lattice, notes: list[str]
) -> dict[str, float]:
    """`distance_mm` and `height_mm` of the lens where they are not stated, by its focal length."""
    if geometry.matrix is None or stated.length_mm is None:
        notes.append("the lens and its place are unknown: see tankcal station calibrate")
        return {}
    focal_px, middle_px = geometry.matrix[1][1], geometry.matrix[1][2]
    found: dict[str, float] = {}
    distance_mm = geometry.distance_mm
    if distance_mm is None:
        distance_mm = focal_px * stated.length_mm / lattice.pixels_per_mark(_middle(column))
        found["distance_mm"] = round(distance_mm, 1)
        notes.append(f"distance_mm = {distance_mm:.0f} is to the plate: check it against a tape")
    if geometry.height_mm is None and stated.first is not None:
        x = np.array([_middle(column)[0]])
        marks = stated.first / stated.division  # from the zero mark to the first
        zero = column.index[-1] + marks if stated.increases == "up" else column.index[0] - marks
        y = float(lattice.y_at(np.array([float(zero)]), x)[0])
        found["height_mm"] = round((y - middle_px) / focal_px * distance_mm, 1)
        notes.append(
            f"height_mm = {found['height_mm']:.1f} holds if the camera looks level and all marks are seen"
        )
    return found


def _middle(column: MarkColumn) -> tuple[float, float]:
    return float(np.mean(column.near[:, 0])), float(np.mean(column.near[:, 1]))


def _table(mapping: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    plain = {key: value for key, value in mapping.items() if not isinstance(value, Mapping)}
    lines = [f"[{'.'.join(path)}]"] if path and plain else []
    lines += [f"{key} = {_value(value)}" for key, value in plain.items()]
    lines += [""] * bool(lines)
    for key, value in mapping.items():
        if isinstance(value, Mapping):
            lines += _table(value, (*path, key))
    return lines


def _value(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            escaped = value.replace("\\", "\\\\").replace('"', '\\"')
            return f'"{escaped}"'
        case list() | tuple():
            return f"[{', '.join(map(_value, value))}]"
        case _:
            return repr(value)

"""Finds in one picture what a sight glass is read from: the numbered plate, the tube, the band's edges."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vision import doubts
from vision.camera_model import Lens
from vision.edges import centroids, line_strengths
from vision.graduation import Graduation, NumberingFault, fit_lattice, number_marks
from vision.instrument import Region
from vision.labels import measure_labels
from vision.marks import MarkColumn, find_marks
from vision.reading import Drawing, Reason, Refusal
from vision.sight_glass.meniscus import BandEdges, measure_band
from vision.sight_glass.tube import Band, TubeWalls, find_band, find_walls
from vision.station import Side, SightGlass
from vision.strip import Strip

KIND = "sight-glass"
MILLIMETRES = {"mm": 1.0, "cm": 10.0, "m": 1000.0}
USUAL_TUBE_MM = 18.0  # outer diameter, where nothing in the picture has a known length
USUAL_WIDTH_MM = 110.0  # of the scene, to begin a search with where nothing is known
STILL_PX = 0.15  # marks that have moved by less than this have not moved
STILL_SHARE = 0.8
FOLLOWED_MM = 15.0  # how far a meniscus may have moved between two frames that are tracked

Gray = NDArray[np.uint8]


@dataclass(frozen=True)
class _Found:
    graduation: Graduation
    strip: Strip
    band: Band
    walls: TubeWalls
    pixels_per_mm: float
    division_mm: float


@dataclass(frozen=True)
class Scene(_Found):
    """What was found. `strip` is the part of the picture with the tube; rows and columns count in it.

    `pixels_per_mm` on the plate; `division_mm` as stated or as it follows from the tube's width.
    """

    edges: BandEdges

    def on_plate_mm(self, lens: Lens, row: float) -> float:
        """The height on the plate, in millimetres from its zero, that the tube axis shows in strip `row`."""
        point = lens.ideal(self.strip.picture(self.walls.axis, row))
        return float(self.graduation.division_at(point)[0]) * self.division_mm

    def axis_point(self, lens: Lens) -> tuple[float, float]:
        """The ideal pixel of the band's lower edge on the axis."""
        point = lens.ideal(self.strip.picture(self.walls.axis, self.edges.lower))
        return float(point[0, 0]), float(point[0, 1])

    def drawing(self, drop_mm: float) -> Drawing:
        """Marks, walls and edges, and the level `drop_mm` above the band's lower edge (negative: below)."""
        strip, walls, edges = self.strip, self.walls, self.edges
        around = np.clip(
            np.array([self.band.top - 120.0, self.band.bottom + 120.0]), 0, strip.image.shape[0] - 1
        )
        curves = [
            ("left wall", strip.picture(walls.axis - walls.width / 2, around)),
            ("right wall", strip.picture(walls.axis + walls.width / 2, around)),
        ]
        for name, rows in (("lower edge", edges.curve_lower), ("upper edge", edges.curve_upper)):
            good = np.isfinite(rows)
            curves.append((name, strip.picture(edges.curve_u[good], rows[good])))
        row = edges.lower - drop_mm * self.pixels_per_mm
        ends = strip.picture(np.array([0.0, walls.axis + 0.6 * walls.width]), np.array([row, row]))
        level = (float(ends[0, 0]), float(ends[0, 1]), float(ends[1, 0]), float(ends[1, 1]))
        return Drawing(mark_lines(self.graduation.column, self.graduation.labels), tuple(curves), level)


def division_mm_of(glass: SightGlass) -> float | None:
    """The length of a division where it is stated, or where the scale is one of length."""
    scale = glass.scale
    if scale.division_mm is not None:
        return scale.division_mm
    if scale.unit in MILLIMETRES:
        return scale.division * MILLIMETRES[scale.unit]
    return None


def find_scene(gray: Gray, glass: SightGlass, lens: Lens, region: Region | None) -> Scene | Refusal:
    """Plate, tube and band of a picture `gray` (height, width), or why it is refused."""
    top, bottom = 0, gray.shape[0]
    if region is not None:
        x, top, width, height = region
        bottom = top + height
        blank = np.full_like(gray, int(gray.mean()))
        blank[top:bottom, x : x + width] = gray[top:bottom, x : x + width]
        gray = blank
    column = find_marks(gray, glass.scale.side)
    lattice = fit_lattice(column, lens) if column is not None else None
    if column is None or lattice is None:
        return Refusal(KIND, *doubts.of_picture(gray))
    marks = Drawing(marks=mark_lines(column, ()))
    every = glass.scale.label_every or glass.scale.major_every
    labels = measure_labels(gray, column, every) if every is not None else None
    numbered = number_marks(column, lattice, glass.scale, (top, bottom), labels)
    if isinstance(numbered, NumberingFault):
        if doubts.of_missing_marks(gray, column, _missing(glass, column)):
            detail = f"something seems to cover a part of the plate: {numbered.detail}"
            return Refusal(KIND, Reason.OCCLUDED, detail, marks)
        return Refusal(KIND, numbered.reason, numbered.detail, marks)
    found = _find_tube(gray, glass, numbered)
    return replace(found, drawing=marks) if isinstance(found, Refusal) else _judged(found)


def _missing(glass: SightGlass, column: MarkColumn) -> int:
    """How many of the station's marks are not seen."""
    scale = glass.scale
    if scale.first is None or scale.last is None:
        return 0
    return round((scale.last - scale.first) / scale.division) + 1 - column.count


def _find_tube(gray: Gray, glass: SightGlass, graduation: Graduation) -> _Found | Refusal:
    """The tube beside the plate, and the band in it."""
    column, tube = graduation.column, glass.tube
    middle = column.near.mean(axis=0)
    spacing = graduation.lattice.pixels_per_mark((float(middle[0]), float(middle[1])))
    division_mm = division_mm_of(glass)
    ppm = spacing / division_mm if division_mm is not None else None
    width = ppm * tube.outer_diameter_mm if ppm is not None and tube is not None else None
    guess = ppm or gray.shape[1] / USUAL_WIDTH_MM
    reach = width + 7 * guess if width is not None else min(45 * guess, 0.55 * gray.shape[1])
    away = -1.0 if column.side is Side.RIGHT else 1.0
    strip = Strip.cut(gray, column.inner_x, column.tilt, away, int(reach))
    band = find_band(strip, guess, width)
    if band is None:
        return Refusal(KIND, *doubts.of_no_band(strip, guess, width or USUAL_TUBE_MM * guess))
    walls = find_walls(strip, band, guess, width)
    if walls is None:
        return Refusal(KIND, Reason.NO_TUBE, "the walls of the tube are not found")
    if ppm is None:
        ppm = walls.width / (tube.outer_diameter_mm if tube is not None else USUAL_TUBE_MM)
    return _Found(graduation, strip, band, walls, ppm, division_mm or spacing / ppm)


def _judged(found: _Found) -> Scene | Refusal:
    """The scene with its band measured, unless that is not to be believed."""
    edges = measure_band(found.strip, found.band, found.walls, found.pixels_per_mm)
    if edges is None:
        doubt: doubts.Doubt | None = (Reason.NO_MENISCUS, "the dark band in the tube has no clear edge")
    else:
        doubt = doubts.of_band(found.strip, found.band, found.walls, edges, found.pixels_per_mm)
    if edges is None or doubt is not None:
        assert doubt is not None
        drawing = Drawing(marks=mark_lines(found.graduation.column, found.graduation.labels))
        return Refusal(KIND, *doubt, drawing)
    return Scene(**vars(found), edges=edges)


def follow_scene(gray: Gray, before: Scene) -> Scene | None:
    """The scene of the next frame, if plate and tube stand where they stood and the band is near its place.

    None where that cannot be confirmed: then the whole search is due.
    """
    column = before.graduation.column
    if gray.shape[0] != before.strip.image.shape[0] or not _stands_still(gray, column):
        return None
    strip = Strip.cut(
        gray, before.strip.inner_x, before.strip.tilt, before.strip.away, before.strip.image.shape[1]
    )
    reach = round(FOLLOWED_MM * before.pixels_per_mm)
    low, high = max(0, before.band.top - reach), min(strip.image.shape[0], before.band.bottom + reach)
    near = replace(strip, image=np.ascontiguousarray(strip.image[low:high]))
    band = find_band(near, before.pixels_per_mm, before.walls.width)
    if band is None:
        return None
    if band.top < 3 or band.bottom > high - low - 4:
        return None  # cut off by the window: it has moved too far
    band = replace(band, top=band.top + low, bottom=band.bottom + low)
    shift = 0.5 * (band.left + band.right - before.band.left - before.band.right)
    if abs(shift) > 0.1 * before.walls.width:
        return None
    found = _judged(
        _Found(before.graduation, strip, band, before.walls, before.pixels_per_mm, before.division_mm)
    )
    return found if isinstance(found, Scene) else None


def _stands_still(gray: Gray, column: MarkColumn) -> bool:
    """Whether the marks are where `column` has them, by the halves nearer to the tube."""
    away = 1.0 if column.side is Side.RIGHT else -1.0
    width = max(6, int(column.width / 2) - 4)
    start = float(np.median(np.abs(column.near[:, 0] - column.inner_x - column.tilt * column.near[:, 1])))
    strip = Strip.cut(gray, column.inner_x + away * (start - width / 2), column.tilt, away, width)
    _, rows = strip.locate(column.near)
    profile = strip.image.mean(axis=1)
    strength = line_strengths(profile if column.dark else 255.0 - profile, max(9, gray.shape[0] // 64))
    at = np.clip(np.rint(rows), 0, len(strength) - 1).astype(np.intp)
    inked = strength[at] > 0.4 * column.contrast
    moved = centroids(strength, at, max(2, int(0.35 * column.period)))
    still = inked & (np.abs(moved - rows) < 3 * STILL_PX)
    if still.mean() < STILL_SHARE:
        return False
    return abs(float(np.median((moved - rows)[still]))) < STILL_PX


def mark_lines(
    column: MarkColumn, labels: tuple[str, ...]
) -> tuple[tuple[float, float, float, float, str], ...]:
    """The marks as lines in the picture, with their labels, empty where `labels` has none."""
    away = 1.0 if column.side is Side.RIGHT else -1.0
    middle = 0.5 * (column.near + column.far)
    along = column.far - column.near
    along = along / np.maximum(1e-9, np.hypot(along[:, 0], along[:, 1]))[:, None]
    back = away * (middle[:, 0] - column.inner_x - column.tilt * middle[:, 1])
    inner = middle - along * back[:, None]
    outer = inner + along * column.length[:, None]
    said = labels or ("",) * column.count
    ends = np.hstack((inner, outer)).tolist()
    return tuple((x0, y0, x1, y1, label) for (x0, y0, x1, y1), label in zip(ends, said, strict=True))

"""The reader for a sight glass: a graduated neck's plate and the meniscus in the tube beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import mean, stdev

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.camera_model import Lens
from vision.frame import Frame
from vision.graduation import Graduation, NumberingFault, fit_lattice, number_marks
from vision.level import Level, Sighting, level_of
from vision.marks import MarkColumn, find_marks
from vision.meniscus import BandEdges, measure_band
from vision.reading import Answer, Drawing, Reading, Reason, Refusal
from vision.station import CameraGeometry, Lighting, Side, SightGlass
from vision.strip import Strip
from vision.tube import Band, TubeWalls, find_band, find_walls

KIND = "sight-glass"
MILLIMETRES = {"mm": 1.0, "cm": 10.0, "m": 1000.0}
USUAL_TUBE_MM = 18.0  # outer diameter, where nothing in the picture has a known length
FLOOR_EDGE_MM = 0.008  # edges are not better than this, whatever their scatter says

Gray = NDArray[np.uint8]


@dataclass(frozen=True)
class _Scene:
    """What was found in one picture."""

    graduation: Graduation
    strip: Strip
    band: Band
    walls: TubeWalls
    edges: BandEdges
    pixels_per_mm: float
    mm_known: bool


class SightGlassReader:
    """Reads the level of the lowest point of the meniscus, in the unit of the scale."""

    def __init__(
        self,
        instrument: SightGlass,
        camera: CameraGeometry,
        region: tuple[int, int, int, int] | None = None,
    ) -> None:
        """A reader for `instrument` as `camera` sees it; `region` (x, y, width, height) limits the search."""
        self._glass = instrument
        self._camera = camera
        self._region = region
        self._lens = Lens.of(camera)

    def read(self, frame: Frame) -> Answer:
        """The reading of one frame, or why it is refused. Raises `FrameError` for bytes that are no image."""
        gray = cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY)
        found = self._find(np.asarray(gray, np.uint8))
        if isinstance(found, Refusal):
            return found
        return self._reading(found)

    def read_many(self, frames: Sequence[Frame]) -> Answer:
        """The mean of several frames of a level that stands still.

        Scatter between frames is the term `frames`, divided by √n; what all frames share is not. Refused
        frames are left out and named; when fewer than half can be read the commonest refusal is returned.
        """
        answers = [self.read(frame) for frame in frames]
        good = [answer for answer in answers if isinstance(answer, Reading)]
        bad = [answer for answer in answers if isinstance(answer, Refusal)]
        if not good or len(good) < len(answers) / 2:
            if not bad:
                return Refusal(KIND, Reason.NO_MENISCUS, "there is no frame to read")
            reasons = [refusal.reason for refusal in bad]
            reason = max(reasons, key=reasons.count)
            first = next(refusal for refusal in bad if refusal.reason is reason)
            said = f"{len(bad)} of {len(answers)} frames cannot be read, most because: {first.detail}"
            return Refusal(KIND, reason, said, first.drawing)
        values = [reading.value for reading in good]
        terms = {
            name: sqrt(mean(reading.terms.get(name, 0.0) ** 2 for reading in good)) for name in good[0].terms
        }
        notes = list(good[0].notes)
        if len(good) > 1:
            terms["frames"] = stdev(values) / sqrt(len(good))
            terms["edges"] = terms.get("edges", 0.0) / sqrt(len(good))
        if bad:
            notes.append(
                f"{len(bad)} of {len(answers)} frames were refused ({bad[0].reason}: {bad[0].detail})"
            )
        middle = min(good, key=lambda reading: abs(reading.value - mean(values)))
        return Reading(
            kind=KIND,
            value=mean(values),
            unit=self._glass.unit,
            standard_uncertainty=sqrt(sum(u * u for u in terms.values())),
            terms=terms,
            notes=tuple(notes),
            drawing=middle.drawing,
        )

    def _find(self, gray: Gray) -> _Scene | Refusal:
        """Plate, tube and band of a picture, or the refusal."""
        if self._region is not None:
            x, y, width, height = self._region
            blank = np.full_like(gray, int(gray.mean()))
            blank[y : y + height, x : x + width] = gray[y : y + height, x : x + width]
            gray = blank
        column = find_marks(gray, self._glass.scale.side)
        if column is None:
            return _no_marks(gray)
        lattice = fit_lattice(column, self._lens)
        if lattice is None:
            return Refusal(KIND, Reason.NO_SCALE, "the marks of the plate do not stand at even steps")
        numbered = number_marks(column, lattice, self._glass.scale, gray.shape[0])
        marks = _mark_lines(column, ())
        middle = (float(np.mean(column.near[:, 0])), float(np.mean(column.near[:, 1])))
        per_division = lattice.pixels_per_mark(middle)
        division_mm = self._division_mm
        tube = self._glass.tube
        away = -1.0 if column.side is Side.RIGHT else 1.0
        mm_known = division_mm is not None
        ppm = per_division / division_mm if division_mm is not None else None
        width = None
        if ppm is not None and tube is not None:
            width = ppm * tube.outer_diameter_mm
        search = ppm or gray.shape[1] / 110  # a tenth of a metre across the picture
        reach = width + 7 * search if width is not None else min(45 * search, 0.55 * gray.shape[1])
        strip = Strip.cut(gray, column.inner_x, column.tilt, away, int(reach))
        band = find_band(strip, search, width)
        if band is None:
            if isinstance(numbered, NumberingFault):
                return Refusal(KIND, numbered.reason, numbered.detail, Drawing(marks=marks))
            return Refusal(
                KIND,
                Reason.NO_MENISCUS,
                "there is no dark band across the tube: it is empty, or full beyond what is seen",
                Drawing(marks=marks),
            )
        walls = find_walls(strip, band, search, width)
        if walls is None:
            return Refusal(KIND, Reason.NO_TUBE, "the walls of the tube are not found", Drawing(marks=marks))
        if ppm is None:
            ppm = walls.width / (tube.outer_diameter_mm if tube is not None else USUAL_TUBE_MM)
        if isinstance(numbered, NumberingFault):
            return Refusal(KIND, numbered.reason, numbered.detail, Drawing(marks=marks))
        edges = measure_band(strip, band, walls, ppm)
        if edges is None:
            return Refusal(
                KIND, Reason.NO_MENISCUS, "the dark band in the tube has no clear edge", Drawing(marks=marks)
            )
        scene = _Scene(numbered, strip, band, walls, edges, ppm, mm_known)
        fault = _doubts(scene)
        return fault if fault is not None else scene

    @property
    def _division_mm(self) -> float | None:
        scale = self._glass.scale
        if scale.division_mm is not None:
            return scale.division_mm
        if scale.unit in MILLIMETRES:
            return scale.division * MILLIMETRES[scale.unit]
        return None

    def _sighting(self, scene: _Scene, division_mm: float) -> Sighting:
        """The band's heights on the plate in millimetres."""
        edges, ppm = scene.edges, scene.pixels_per_mm

        def height(row: float) -> float:
            point = self._lens.ideal(scene.strip.picture(scene.walls.axis, row))
            return float(scene.graduation.division_at(point)[0]) * division_mm

        # where the band's top is sharp it is the contact line; else that is where the view clears up
        top = None
        if np.isfinite(edges.contact):
            sharp = np.isfinite(edges.upper) and edges.upper - edges.contact < 0.35 * ppm
            top = height(edges.upper if sharp else edges.contact + 0.13 * ppm)
        return Sighting(
            lower_mm=height(edges.lower),
            top_mm=top,
            card_mm=height(edges.card) if np.isfinite(edges.card) else None,
            outer_mm=scene.walls.width / ppm,
            edge_u_mm=sqrt((2 * edges.lower_u / ppm) ** 2 + FLOOR_EDGE_MM**2),
        )

    def _reading(self, scene: _Scene) -> Answer:
        scale = self._glass.scale
        graduation = scene.graduation
        notes = list(graduation.notes)
        division_mm = self._division_mm
        if division_mm is None:
            axis = self._lens.ideal(scene.strip.picture(scene.walls.axis, scene.edges.lower))
            spacing = graduation.lattice.pixels_per_mark((float(axis[0, 0]), float(axis[0, 1])))
            division_mm = spacing / scene.pixels_per_mm
            notes.append(f"division_mm is not stated: {division_mm:.2f} mm, from the tube's width")
        sighting = self._sighting(scene, division_mm)
        seen = Lighting.CARD if sighting.card_mm is not None else Lighting.PANEL
        lighting = self._glass.lighting or seen
        if self._glass.lighting is None:
            notes.append(f"the lighting is not stated: it looks like {lighting}")
        elif self._glass.lighting is Lighting.CARD and sighting.card_mm is None:
            notes.append("the card's edge is not seen under the meniscus")
            lighting = Lighting.ROOM
        level = level_of(sighting, self._glass, self._camera, lighting)
        notes.extend(level.notes)
        if not self._lens.known:
            notes.append("the lens is not stated: its distortion is not corrected")
        value = level.level_mm / division_mm * scale.division
        point = self._lens.ideal(scene.strip.picture(scene.walls.axis, scene.edges.lower))
        terms = {name: u / division_mm * scale.division for name, u in level.terms_mm.items()}
        lattice_u = graduation.lattice.number_u((float(point[0, 0]), float(point[0, 1]))) * scale.division
        terms["lattice"] = sqrt(
            lattice_u**2 + (self._lens_u_mm(division_mm) / division_mm * scale.division) ** 2
        )
        if self._division_mm is None:
            share = 0.03 if self._glass.tube is not None else 0.15
            terms["geometry"] = sqrt(
                terms["geometry"] ** 2 + (share * level.offset_of_edge_mm / division_mm * scale.division) ** 2
            )
        drawing = self._drawing(scene, level, division_mm)
        low, high = scale.first, scale.last
        if low is not None and high is not None and not low <= value <= high:
            return Refusal(
                KIND,
                Reason.OUT_OF_SCALE,
                f"the meniscus stands at {value:.4g} {scale.unit}, outside the scale ({low:g} to {high:g})",
                drawing,
            )
        return Reading(
            kind=KIND,
            value=value,
            unit=scale.unit,
            standard_uncertainty=sqrt(sum(u * u for u in terms.values())),
            terms=terms,
            notes=tuple(notes),
            drawing=drawing,
        )

    def _lens_u_mm(self, division_mm: float) -> float:
        """What an unknown lens may bend between plate and axis: the lattice takes up the rest."""
        return 0.0 if self._lens.known else 0.01

    def _drawing(self, scene: _Scene, level: Level, division_mm: float) -> Drawing:
        graduation, strip, edges = scene.graduation, scene.strip, scene.edges
        walls = scene.walls
        curves: list[tuple[str, NDArray[np.float64]]] = []
        rows = np.array(
            [max(0.0, scene.band.top - 120.0), min(strip.image.shape[0] - 1.0, scene.band.bottom + 120.0)]
        )
        for name, u in (
            ("left wall", walls.axis - walls.width / 2),
            ("right wall", walls.axis + walls.width / 2),
        ):
            curves.append((name, strip.picture(u, rows)))
        for name, v in (("lower edge", edges.curve_lower), ("upper edge", edges.curve_upper)):
            good = np.isfinite(v)
            curves.append((name, strip.picture(edges.curve_u[good], v[good])))
        # the level, drawn where it would be seen on the axis
        drop = level.offset_of_edge_mm * scene.pixels_per_mm
        ends = strip.picture(
            np.array([0.0, walls.axis + 0.6 * walls.width]),
            np.array([edges.lower + drop, edges.lower + drop]),
        )
        line = (float(ends[0, 0]), float(ends[0, 1]), float(ends[1, 0]), float(ends[1, 1]))
        return Drawing(
            marks=_mark_lines(graduation.column, graduation.labels), curves=tuple(curves), level=line
        )


def _mark_lines(
    column: MarkColumn, labels: Sequence[str]
) -> tuple[tuple[float, float, float, float, str], ...]:
    """The marks as lines in the picture."""
    away = 1.0 if column.side is Side.RIGHT else -1.0
    lines = []
    for k in range(column.count):
        middle = 0.5 * (column.near[k] + column.far[k])
        direction = column.far[k] - column.near[k]
        direction = direction / max(1e-9, float(np.hypot(*direction)))
        inner = middle - direction * away * (middle[0] - column.inner_x - column.tilt * middle[1])
        outer = inner + direction * column.length[k]
        label = labels[k] if k < len(labels) else ""
        lines.append((float(inner[0]), float(inner[1]), float(outer[0]), float(outer[1]), label))
    return tuple(lines)


def _no_marks(gray: Gray) -> Refusal:
    """Why no scale was found: too dark, too bright, out of focus, or not there."""
    dark, bright = (float(np.percentile(gray[::4, ::4], q)) for q in (5, 95))
    if bright < 45:
        return Refusal(KIND, Reason.DARK, f"the picture is dark (95 % of it below gray {bright:.0f} of 255)")
    burnt = float((gray[::4, ::4] >= 252).mean())
    if burnt > 0.6:
        return Refusal(KIND, Reason.OVEREXPOSED, f"{100 * burnt:.0f} % of the picture is burnt out")
    small = cv2.resize(gray, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    slope = float(np.quantile(np.abs(cv2.Sobel(small, cv2.CV_32F, 0, 1, ksize=3)), 0.999)) / 4
    if slope < 0.12 * (bright - dark):
        return Refusal(KIND, Reason.BLURRED, "the picture is out of focus: no marks can be told apart")
    return Refusal(KIND, Reason.NO_SCALE, "there is no row of marks that could be a scale")


def _doubts(scene: _Scene) -> Refusal | None:
    """A reason not to believe the band that was found."""
    band, edges, ppm = scene.band, scene.edges, scene.pixels_per_mm
    drawing = Drawing(marks=_mark_lines(scene.graduation.column, scene.graduation.labels))
    if band.rival > 0.5:
        return Refusal(KIND, Reason.AMBIGUOUS, "there is more than one dark band across the tube", drawing)
    if edges.agreeing < 0.5 or edges.lower_u > 0.12 * ppm:
        return Refusal(
            KIND, Reason.FOAM, "the lower edge of the band is ragged: foam, or drops in the way", drawing
        )
    return None

"""The liquid-in-glass thermometer: its description, and the reader of where its column ends.

The reading is taken on the column's axis: there lies the summit of mercury, which stands up, and the lowest
point of a wetting liquid, which hangs hollow.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import hypot, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.camera_model import Lens
from vision.fields import Fields
from vision.frame import Frame
from vision.instrument import Region
from vision.reading import Answer, Drawing, Reading, Reason, Refusal
from vision.several_frames import combined
from vision.station import CameraGeometry, Scale
from vision.thermometer.column_end import ColumnEnd
from vision.thermometer.parallax import Pinhole, Sight, sight_by_perspective, sight_by_place
from vision.thermometer.printed_numbers import NumberCheck
from vision.thermometer.scene import KIND, Scene, find_scene, follow_scene

KEYS = ("kind", "unit", "minimum", "maximum", "division", "label_every", "column_offset_mm", "division_mm")
UNITS = ("degC", "°C", "degF", "°F", "K")
OVER_END = 0.5  # divisions past an end mark that are read still: by eye they would be, too

# What is assumed where the station is silent, and its standard uncertainty.
USUAL_LENGTH_MM, USUAL_LENGTH_SHARE = 120.0, 0.3  # of a scale from its first to its last mark
USUAL_OFFSET_MM = 1.0, 0.8  # of the column before its scale
OFFSET_MM = 0.1  # how well a stated offset is taken to hold
BLUR_SHARE = 0.03  # of the width of a step: how far unlike surroundings may pull it
FLOOR_PX = 0.08  # no edge of a column is placed better
UNKNOWN_LENS_PX = 0.15  # what an uncorrected lens may bend between the marks and the column beside them
END_PX, OBLIQUE_SHARE = 0.4, 0.35  # how well a dome is measured, and foretold for a flat end
END_SHARE = 0.5  # of the correction of an end seen obliquely


@dataclass(frozen=True)
class Thermometer:
    """A thermometer's scale. `division` is the value between neighbouring marks in `unit`.

    Marks run from `minimum` to `maximum`; there are numbers every `label_every` (in `unit`). The column lies
    `column_offset_mm` before the scale; a division is `division_mm` long.
    """

    unit: str
    division: float
    minimum: float
    maximum: float
    label_every: float | None = None
    column_offset_mm: float | None = None
    division_mm: float | None = None

    @property
    def kind(self) -> str:
        """The word for this instrument in manifests and station files."""
        return KIND

    @property
    def scale(self) -> Scale:
        """The scale as the finders of marks take it; every numbered mark is a long one."""
        every = None if self.label_every is None else round(self.label_every / self.division)
        return Scale(
            unit=self.unit,
            division=self.division,
            division_mm=self.division_mm,
            first=self.minimum,
            last=self.maximum,
            major_every=every,
            label_every=every,
        )


def thermometer_from(mapping: Mapping[str, Any], where: str) -> Thermometer:
    """The thermometer that a manifest's or station file's `instrument` object describes.

    Raises `StationError` for an unknown key, a wrong type, or values that contradict each other.
    """
    table = Fields(mapping, where, KEYS)
    unit = table.word("unit", UNITS)
    if unit is None:
        raise table.wrong("unit", "one of " + ", ".join(UNITS))
    division = table.number("division", "a value above 0", positive=True)
    if division is None:
        raise table.wrong("division", "the value of one division, above 0")
    ends = []
    for key in ("minimum", "maximum"):
        end = table.number(key)
        if end is None:
            raise table.wrong(key, "the value of the scale's mark at that end")
        if not _multiple(end, division):
            raise table.wrong(key, f"a multiple of division ({division:g})")
        ends.append(end)
    minimum, maximum = ends
    if maximum - minimum < 5.5 * division:
        raise table.wrong("maximum", f"a value at least 6 divisions above minimum ({minimum:g})")
    every = table.number("label_every", "a value above 0", positive=True)
    if every is not None and not _multiple(every, division):
        raise table.wrong("label_every", f"a multiple of division ({division:g}), in the unit of the scale")
    offset = table.number("column_offset_mm", "a length of at least 0")
    if offset is not None and offset < 0:
        raise table.wrong("column_offset_mm", "a length of at least 0: the column lies before its scale")
    return Thermometer(
        unit=unit,
        division=division,
        minimum=minimum,
        maximum=maximum,
        label_every=every,
        column_offset_mm=offset,
        division_mm=table.number("division_mm", "a length above 0", positive=True),
    )


def _multiple(value: float, step: float) -> bool:
    return abs(value / step - round(value / step)) < 1e-6


@dataclass(frozen=True)
class Track:
    """What a frame taught about the next."""

    scene: Scene
    shape: tuple[int, ...]


class ThermometerReader:
    """Reads where the column of a liquid-in-glass thermometer ends, in the unit of its scale."""

    def __init__(self, instrument: Thermometer, camera: CameraGeometry, region: Region | None = None) -> None:
        """A reader for `instrument` as `camera` sees it; `region` (x, y, width, height) limits the search."""
        self._thermometer = instrument
        self._camera = camera
        self._region = region
        self._check = NumberCheck()

    def read(self, frame: Frame) -> Answer:
        """The reading of one frame, or why it is refused. Raises `FrameError` for bytes that are no image."""
        return self.track(frame, None)[0]

    def track(self, frame: Frame, before: Track | None) -> tuple[Answer, Track | None]:
        """The reading of a live frame, and what to hand to the next call.

        With `before` from the last frame the scale is only confirmed, not searched; where that fails the
        whole search follows.
        """
        picture = _View(frame.image, self._camera, self._region)
        if before is not None and before.shape == picture.image.shape:
            followed = follow_scene(picture.image, before.scene)
            if followed is not None:
                return self._answer(followed, picture), Track(followed, before.shape)
        scene = find_scene(picture.image, self._thermometer.scale, picture.lens, self._check)
        if isinstance(scene, Refusal):
            return replace(scene, drawing=picture.placed(scene.drawing)), None
        return self._answer(scene, picture), Track(scene, picture.image.shape)

    def read_many(self, frames: Sequence[Frame]) -> Answer:
        """The mean of several frames of a temperature that stands still.

        Scatter between frames is the term `frames`, divided by √n; what all frames share is not. Refused
        frames are left out and named; when fewer than half can be read the commonest refusal is returned.
        """
        return combined(KIND, [self.read(frame) for frame in frames])

    def _answer(self, scene: Scene, picture: "_View") -> Answer:
        """The value on the scale behind the column's end, with what each assumption costs."""
        given, end, scale = self._thermometer, scene.end, scene.scale
        notes = list(scale.graduation.notes)
        place = scale.at(end.point)
        division_mm, length_share = self._division_mm(place.spacing_px, picture.pinhole, notes)
        sight = None
        if given.division_mm is not None:
            sight = sight_by_place(self._camera, place.divisions * division_mm, scale.grows_up)
        if sight is None:
            sight = sight_by_perspective(scale.graduation.lattice, scene.axis(), scale.turn, picture.pinhole)
            if self._camera.matrix is None:
                notes.append("the lens is not stated: a usual focal length is assumed for the line of sight")
        shift, shift_u = self._parallax(sight, division_mm, length_share, notes)
        stands_out = _obliqueness(end, sight) / place.spacing_px
        sense = -1.0 if scale.grows_up else 1.0  # of lattice numbers
        value = (place.divisions - sense * shift - stands_out) * given.division
        edge_px = hypot(end.u_px, BLUR_SHARE * end.blur_px, FLOOR_PX)
        lens_px = 0.0 if picture.lens.known else UNKNOWN_LENS_PX
        divisions = {
            "edges": edge_px / place.spacing_px,
            "lens": lens_px / place.spacing_px,
            "lattice": place.u,
            "parallax": shift_u,
            "end": END_SHARE * stands_out,
        }
        terms = {name: u * given.division for name, u in divisions.items()}
        return self._judged(value, terms, notes, picture.placed(scene.drawing()))

    def _division_mm(self, spacing_px: float, pinhole: Pinhole, notes: list[str]) -> tuple[float, float]:
        """The length of a division, and its relative standard uncertainty."""
        given, camera = self._thermometer, self._camera
        if given.division_mm is not None:
            return given.division_mm, 0.005
        if camera.distance_mm is not None and camera.matrix is not None:
            return spacing_px * camera.distance_mm / pinhole.focal_px, 0.05
        if given.column_offset_mm != 0:
            notes.append(
                f"division_mm is not stated: a scale {USUAL_LENGTH_MM:g} mm long is assumed for the parallax"
            )
        count = (given.maximum - given.minimum) / given.division
        return USUAL_LENGTH_MM / count, USUAL_LENGTH_SHARE

    def _parallax(
        self, sight: Sight, division_mm: float, length_share: float, notes: list[str]
    ) -> tuple[float, float]:
        """By how many lattice numbers the end is seen too far along the scale, and how sure that is."""
        offset, offset_u = self._thermometer.column_offset_mm, OFFSET_MM
        if offset is None:
            offset, offset_u = USUAL_OFFSET_MM
            notes.append("column_offset_mm is not stated: a usual distance from the scale is assumed")
        elif offset == 0:
            offset_u = 0.0  # marks on the column itself
        shift = offset * sight.slope / division_mm
        parts = (
            offset * sight.slope_u / division_mm,
            offset_u * hypot(sight.slope, sight.slope_u) / division_mm,
            shift * length_share,
        )
        return shift, sqrt(sum(part**2 for part in parts))

    def _judged(self, value: float, terms: Mapping[str, float], notes: list[str], drawing: Drawing) -> Answer:
        """The reading, or the refusal of one that lies outside the scale."""
        given = self._thermometer
        over = OVER_END * given.division
        if not given.minimum - over <= value <= given.maximum + over:
            said = f"the column ends at {value:.4g} {given.unit}, outside the scale"
            detail = f"{said} ({given.minimum:g} to {given.maximum:g})"
            return Refusal(KIND, Reason.OUT_OF_SCALE, detail, drawing)
        if not given.minimum <= value <= given.maximum:
            notes.append("the column ends a little outside the marks: read by the spacing of the last ones")
        return Reading(
            kind=KIND,
            value=value,
            unit=given.unit,
            standard_uncertainty=sqrt(sum(u * u for u in terms.values())),
            terms=dict(terms),
            notes=tuple(notes),
            drawing=drawing,
        )


def _obliqueness(end: ColumnEnd, sight: Sight) -> float:
    """By how many pixels a flat end of a column that is seen obliquely stands out before its axis.

    Its far or near rim does, by the column's half width times the sine of the view. The end then looks domed
    by as much; one that looks domed by more, or hollow, is a meniscus, of which the axis is seen as it is.
    """
    expected = end.half_width_px * abs(sight.slope) / hypot(1.0, sight.slope)
    unlike = (end.arc_px - expected) / (END_PX + OBLIQUE_SHARE * expected)
    return expected * float(np.exp(-0.5 * unlike**2))


class _View:
    """The region of a frame that is looked at, with lens and pinhole in its pixels."""

    def __init__(self, image: NDArray[np.uint8], camera: CameraGeometry, region: Region | None) -> None:
        self.pinhole = Pinhole.of(camera, image.shape, region)
        lens = Lens.of(camera)
        self.corner = (0, 0)
        self.image = image
        if region is not None:
            x, y, width, height = region
            x, y = max(0, x), max(0, y)
            self.corner = (x, y)
            self.image = image[y : y + height, x : x + width]
            if lens.matrix is not None:
                shifted = lens.matrix.copy()
                shifted[:2, 2] -= x, y
                lens = Lens(shifted, lens.distortion)
        self.lens = lens

    def placed(self, drawing: Drawing) -> Drawing:
        """A drawing of the region in pixels of the whole frame."""
        x, y = self.corner
        if (x, y) == (0, 0):
            return drawing
        marks = tuple((a + x, b + y, c + x, d + y, label) for a, b, c, d, label in drawing.marks)
        curves = tuple((name, points + np.array([x, y])) for name, points in drawing.curves)
        level = drawing.level
        if level is not None:
            level = (level[0] + x, level[1] + y, level[2] + x, level[3] + y)
        return Drawing(marks, curves, level)

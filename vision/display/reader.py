"""The reader for a seven-segment display: LED or LCD, of a balance, a dispenser, an indicator."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import Any

import cv2
import numpy as np

from vision.display.number import Doubt, Format, Number, number_of
from vision.display.panel import OUTERMOST, OUTSIDE, row_frame, straightened
from vision.display.picture import Picture, Reduced
from vision.display.row import UNLIKELY, RowReading, read_cells, read_row
from vision.display.segments import MINUS, SEGMENTS
from vision.display.series import agreed
from vision.display.strokes import StrokeGroup, stroke_groups
from vision.fields import Fields
from vision.frame import Frame
from vision.instrument import Region
from vision.reading import Answer, Drawing, Reading, Reason, Refusal
from vision.station import CameraGeometry

KIND = "seven-segment"
KEYS = ("kind", "unit", "digits", "decimals", "signed")

CONTRASTS = (0.22, 0.11)  # of strokes: what is searched first, and what where nothing was found
LIKE, VERY_LIKE = 0.86, 0.92  # likeness with drawn segments of a row that is a display, or a clear one
CLEAR = 0.88  # likeness of a row that needs no closer look
FAINT = 0.28  # contrast below which a row of nothing but eights may be a display that is off
FOLLOWED = 0.05  # by how much the likeness may fall from frame to frame while a display is followed
RIVAL_HEIGHT = 0.6  # digits of a second row as high as this share of the first's are as good
# between which corners (row, side) the segments a to g run
ENDS = (
    ((0, 0), (0, 1)),
    ((0, 1), (1, 1)),
    ((1, 1), (2, 1)),
    ((2, 0), (2, 1)),
    ((1, 0), (2, 0)),
    ((0, 0), (1, 0)),
    ((1, 0), (1, 1)),
)
SMALLEST_SHARE, SMALLEST_PX = 0.03, 16.0  # height of a digit, of the part that is searched: print is smaller
GLANCED_DIGIT_PX = 22.0  # of a digit in the smallest picture, from which a glance is enough
DARK, BURNT_SHARE = 40.0, 0.6


@dataclass(frozen=True)
class SevenSegmentDisplay:
    """A display of digits. `format` is what the station knows of it: a check, never the source of a digit."""

    unit: str = ""
    format: Format = field(default_factory=Format)

    @property
    def kind(self) -> str:
        """The word for this instrument in manifests and station files."""
        return KIND


def display_from(mapping: Mapping[str, Any], where: str) -> SevenSegmentDisplay:
    """The display that a manifest's or station file's `instrument` object describes.

    Raises `StationError` for an unknown key, a wrong type, or more decimals than digits allow.
    """
    fields = Fields(mapping, where, KEYS)
    unit = fields.raw("unit")
    if unit is not None and not isinstance(unit, str):
        raise fields.wrong("unit", "text")
    signed = fields.raw("signed")
    if signed is not None and not isinstance(signed, bool):
        raise fields.wrong("signed", "true or false")
    digits = fields.count("digits")
    decimals = fields.number("decimals", "a whole number of at least 0")
    if decimals is not None and (decimals < 0 or decimals != int(decimals)):
        raise fields.wrong("decimals", "a whole number of at least 0")
    if digits is not None and decimals is not None and decimals > digits - 1:
        raise fields.wrong("decimals", f"at most {digits - 1}, for a display of {digits} digits")
    return SevenSegmentDisplay(
        unit or "", Format(digits, None if decimals is None else int(decimals), signed)
    )


@dataclass(frozen=True)
class Track:
    """What a frame taught about the next: where the row and its cells are."""

    seen: RowReading
    text: str


class DisplayReader:
    """Reads the number on a display, in the display's unit."""

    def __init__(
        self, instrument: SevenSegmentDisplay, camera: CameraGeometry, region: Region | None = None
    ) -> None:
        """A reader for `instrument`; `region` (x, y, width, height) limits the search. No camera needed."""
        self._display = instrument
        self._region = region

    def read(self, frame: Frame) -> Answer:
        """The reading of one frame, or why it is refused. Raises `FrameError` for bytes that are no image."""
        return self._searched(frame)[0]

    def track(self, frame: Frame, before: Track | None) -> tuple[Answer, Track | None]:
        """The reading of a live frame, and what to hand to the next call.

        With `before` from the last frame the row is looked for where it was; where digits do not stand there
        as before, or another number of them, the whole search follows.
        """
        if before is not None:
            answer = self._followed(frame, before)
            if answer is not None:
                return answer
        return self._searched(frame)

    def read_many(self, frames: Sequence[Frame]) -> Answer:
        """The number that several frames agree on, or their mean where the last digits are in motion.

        A frame that disagrees with all others is left out and named. Where the number stands still, most
        frames show it, or neighbours of it, and the answer is their mean with the term `frames`; where fewer
        than half can be read, or they scatter without a majority, they are refused. With times on the frames
        the rate of change is said.
        """
        answers = [self.read(frame) for frame in frames]
        good = [answer for answer in answers if isinstance(answer, Reading)]
        bad = [answer for answer in answers if isinstance(answer, Refusal)]
        if not answers:
            return Refusal(KIND, Reason.NO_DISPLAY, "there is no frame to read")
        if 2 * len(good) < len(answers):
            reason = Counter(refusal.reason for refusal in bad).most_common(1)[0][0]
            first = next(refusal for refusal in bad if refusal.reason is reason)
            said = f"{len(bad)} of {len(answers)} frames cannot be read, most because: {first.detail}"
            return Refusal(KIND, reason, said, first.drawing)
        times = [
            frame.taken_utc
            for frame, answer in zip(frames, answers, strict=True)
            if isinstance(answer, Reading)
        ]
        return agreed(good, bad, times)

    def _searched(self, frame: Frame) -> tuple[Answer, Track | None]:
        picture = Picture(frame, self._region)
        rows = self._rows(picture)
        numbers = [(seen, number_of(seen, self._display.format)) for seen in rows]
        numbers = [(seen, said) for seen, said in numbers if not any(_is_part(seen, other) for other in rows)]
        if not numbers:
            return _nothing(picture), None
        tallest = max(seen.digit_height_px for seen, _ in numbers)
        numbers = [each for each in numbers if each[0].digit_height_px >= RIVAL_HEIGHT * tallest]
        read = [(seen, number) for seen, number in numbers if isinstance(number, Number)]
        values = sorted({number.value for _, number in read})
        if len(values) > 1:
            said = " and ".join(f"{value:g}" for value in values)
            detail = f"{frame.source}: there are several displays ({said}); a region would say which is meant"
            return Refusal(KIND, Reason.AMBIGUOUS, detail, _drawing(read[0][0], picture.corner)), None
        for seen, doubt in numbers:
            if isinstance(doubt, Doubt) and (not read or len(seen.cells) > 1):
                detail = f"{frame.source}: {doubt.said}"
                return Refusal(KIND, Reason.AMBIGUOUS, detail, _drawing(seen, picture.corner)), None
        seen, number = read[0]
        return self._reading(seen, number, picture.corner), Track(seen, seen.text)

    def _rows(self, picture: Picture) -> list[RowReading]:
        """The rows that look like lit segments, whatever they say, in strong contrast or else in any.

        At a glance first: where that shows large numbers and nothing in doubt, it would not show more to look
        closer.
        """
        glanced = picture.glanced
        if glanced.factor > picture.factor:
            rows = self._rows_in(picture, glanced, CONTRASTS[0], [])
            if rows and all(self._is_plain(seen, glanced.factor) for seen in rows):
                return rows
        refused: list[StrokeGroup] = []
        for contrast in CONTRASTS:
            rows = self._rows_in(picture, picture.searched, contrast, refused)
            if rows:
                return rows
        return []

    def _is_plain(self, seen: RowReading, factor: float) -> bool:
        """Whether a row is a clear number, so large that others as good would have been seen too."""
        clear = seen.likeness >= CLEAR and seen.is_whole
        large = seen.digit_height_px >= GLANCED_DIGIT_PX * factor
        return clear and large and isinstance(number_of(seen, self._display.format), Number)

    def _rows_in(
        self, picture: Picture, searched: Reduced, contrast: float, refused: list[StrokeGroup]
    ) -> list[RowReading]:
        """The rows that are found in a reduced picture, by strokes of at least `contrast`.

        Groups that are no rows are added to `refused`; those that are there already are not tried again.
        """
        thorough = searched is picture.searched
        factor = searched.factor
        rows: list[RowReading] = []
        taken: list[tuple[float, float, float, float]] = []
        smallest = max(SMALLEST_PX, SMALLEST_SHARE * factor * max(searched.image.shape[:2]))
        least = smallest  # height of a group that could still be as good a display
        for group in stroke_groups(searched.image, contrast):
            if any(group.overlaps(box) for box in taken) or len(group.mask) * factor < least:
                continue
            if any(group.is_same(other) for other in refused):
                continue
            seen = _row_of(picture, searched, group, thorough)
            if seen is None or seen.digit_height_px < smallest or not self._is_display(seen, group.contrast):
                refused.append(group)
                continue
            rows.append(seen)
            if isinstance(number_of(seen, self._display.format), Number):
                least = max(least, RIVAL_HEIGHT * seen.digit_height_px)
                left, top, right, bottom = seen.box()
                taken.append((left / factor, top / factor, right / factor, bottom / factor))
        return rows

    def _is_display(self, seen: RowReading, contrast: float) -> bool:
        """Whether a row looks like lit segments at all, whatever they say."""
        if seen.likeness < LIKE:
            return False
        digits = seen.digits
        if set(digits) <= {"0", "1"} and not seen.is_split:
            # posts, scale marks, boxes: only a point says that these are segments
            return "0" in digits and float(seen.points.max()) > 0 and seen.likeness > VERY_LIKE
        return not (set(digits) == {"8"} and contrast < FAINT)

    def _followed(self, frame: Frame, before: Track) -> tuple[Answer, Track | None] | None:
        """The reading where the last frame's row was, None where it is not there any more."""
        picture = Picture(frame, self._region)
        row = before.seen.row.seen_in(picture)
        seen = read_cells(row, before.seen.lattice) if row is not None else None
        if seen is None or len(seen.text) != len(before.text):
            return None
        if seen.likeness < max(LIKE, before.seen.likeness - FOLLOWED):
            return None
        number = number_of(seen, self._display.format)
        if not isinstance(number, Number):
            return None
        return self._reading(seen, number, picture.corner), Track(seen, seen.text)

    def _reading(self, seen: RowReading, number: Number, corner: tuple[int, int]) -> Reading:
        resolution = 10.0**-number.decimals
        likely = f"{number.misread:.1g}" if number.misread >= 1e-4 else "less than 0.0001"
        notes = [*number.notes, f"{number.text} is misread with a probability of {likely}"]
        if not self._display.unit:
            notes.append("the unit is not stated")
        uncertainty = resolution / sqrt(12)
        return Reading(
            kind=KIND,
            value=number.value,
            unit=self._display.unit,
            standard_uncertainty=uncertainty,
            terms={"resolution": uncertainty},
            notes=tuple(notes),
            drawing=_drawing(seen, corner),
        )


def _row_of(picture: Picture, searched: Reduced, group: StrokeGroup, thorough: bool) -> RowReading | None:
    """What a group of strokes shows; where that is no display, between its outermost strokes."""
    best: RowReading | None = None
    height = 0.0
    for strict in (OUTSIDE, OUTERMOST):
        outline = row_frame(group, strict)
        if outline is None or outline.height < 1.08 * height:
            continue
        height = outline.height
        seen = read_row(straightened(picture, searched, group, outline), thorough)
        if seen is not None and (best is None or seen.worth > best.worth):
            best = seen
        if not thorough or (best is not None and not UNLIKELY <= best.likeness < LIKE):
            break
    return best


def _is_part(seen: RowReading, other: RowReading) -> bool:
    """Whether a row lies in another, longer one, or around one that is read as well as it is."""
    if seen is other:
        return False
    left, top, right, bottom = seen.box()
    x, y = 0.5 * (left + right), 0.5 * (top + bottom)
    x0, y0, x1, y1 = other.box()
    inside = x0 < x < x1 and y0 < y < y1
    around = left < 0.5 * (x0 + x1) < right and top < 0.5 * (y0 + y1) < bottom
    if not (inside or around):
        return False
    return (seen.worth, len(seen.cells)) < (other.worth, len(other.cells))


def _nothing(picture: Picture) -> Refusal:
    """Why no display was found."""
    frame, small = picture.frame, picture.small
    blue, green, red = cv2.split(small)  # apart: numpy takes several times as long over an axis of three
    bright = float(np.percentile(cv2.max(cv2.max(blue, green), red), 99))
    if bright < DARK:
        said = f"the picture is dark: 99 % of it is below {bright:.0f} of 255"
        return Refusal(KIND, Reason.DARK, f"{frame.source}: {said}")
    burnt = float((cv2.min(cv2.min(blue, green), red) >= 252).mean())
    if burnt > BURNT_SHARE:
        return Refusal(KIND, Reason.OVEREXPOSED, f"{frame.source}: {burnt:.0%} of the picture is burnt out")
    said = "there is no row of lit segments that could be a display"
    return Refusal(KIND, Reason.NO_DISPLAY, f"{frame.source}: {said}")


def _drawing(seen: RowReading, corner: tuple[int, int]) -> Drawing:
    """The lit segments as curves, and a labelled line under each sign."""
    lattice = seen.lattice
    left = lattice.cells
    right = left + lattice.width
    rows = (lattice.top, lattice.middle, lattice.bottom, lattice.bottom + 1.2 * lattice.stroke)
    x = np.concatenate([side for _ in rows for side in (left, right)])
    y = np.concatenate([np.full(lattice.count, row) for row in rows for _ in range(2)])
    # by row (the last lies under the digits), side and cell
    points = (seen.row.in_picture(x, y) + corner).reshape(4, 2, lattice.count, 2)
    marks, curves = [], []
    if seen.beside.minus is not None:
        start, end, row = seen.beside.minus
        below = lattice.bottom + 1.2 * lattice.stroke
        x, y = np.array([start, end, start, end]), np.array([row, row, below, below])
        line = seen.row.in_picture(x, y) + corner
        marks.append((*line[2].tolist(), *line[3].tolist(), MINUS))
        curves.append(("minus", line[:2]))
    for index, cell in enumerate(seen.cells):
        (x0, y0), (x1, y1) = points[3, :, index].tolist()
        marks.append((x0, y0, x1, y1, cell.sign or "?"))
        for name, (first, second), lit in zip(SEGMENTS, ENDS, seen.lit[index], strict=True):
            if lit:
                line = np.array([points[first][index], points[second][index]])
                curves.append((f"lit segment {name}", line))
    return Drawing(tuple(marks), tuple(curves))

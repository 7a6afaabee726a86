"""Reader for a clear tube beside a measuring tape: a sight glass whose station does not number the scale.

The tape's lines give the length of a division, its numerals the numbering, the tube the place of the surface.
Each of the three can refuse; none of them guesses.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.frame import Frame
from vision.instrument import Region
from vision.numerals import EXTRA, numeral_reader
from vision.reading import Answer, Drawing, Reading, Reason, Refusal
from vision.station import CameraGeometry, Side, SightGlass
from vision.tape.lattice import TapeLattice, find_lattice
from vision.tape.liquid_line import LiquidLine, find_liquid_line
from vision.tape.numbering import Numbering, Unnumbered, number_lines
from vision.tape.strip import ENLARGEMENT, TapeStrip, find_tape

KIND = "sight-glass"

WIDEST_TAPE_PX = 72.0  # pictures are reduced to this: more pixels a millimetre than the printing is good for
LARGEST_SIDE_PX = 480  # for the first look
DARK = 40.0  # grey level of the brightest twentieth
BRIGHT, BRIGHT_SHARE = 250.0, 0.5
LEAST_STEEPNESS = 0.25  # of the contrast a pixel: an edge that takes four pixels hides the millimetres
LEAST_CLARITY = 1.2  # of the surface's step against what else changes along the tube
LARGEST_RIVAL = 0.95  # of that clarity, anywhere else beside the tape
LARGEST_SCATTER_DIVISIONS = 0.04  # of the lines about the lattice, in numbered divisions
SURFACE_PX = 0.3  # what the place of an edge in a compressed picture is good for
MENISCUS_MM = 0.3  # estimate (unverified): where a surface of unknown bore and light may show its step
SIGHT_DEG = 3.0  # estimate (unverified): how far off level a camera looks that nobody has levelled
MILLIMETRES = {"mm": 1.0, "cm": 10.0, "m": 1000.0}


@dataclass(frozen=True)
class TapeReader:
    """Reads the liquid level against a tape whose numerals say where on it the picture is."""

    instrument: SightGlass
    camera: CameraGeometry
    region: Region | None = None

    def read(self, frame: Frame) -> Answer:
        """The reading of one frame, or why it is refused. Raises `FrameError` for bytes that are no image."""
        return _Picture(self, frame).answer()

    def read_many(self, frames: Sequence[Frame]) -> Answer:
        """Several frames of a level that stands still: their median; refused when under half are readable.

        The uncertainty is that of one frame, since what limits it (lattice, meniscus) is the same in all of
        them, with the scatter of the mean added.
        """
        answers = [self.read(frame) for frame in frames]
        readings = [answer for answer in answers if isinstance(answer, Reading)]
        refusals = [answer for answer in answers if isinstance(answer, Refusal)]
        if not answers:
            return Refusal(KIND, Reason.NO_SCALE, "no frame to read")
        if 2 * len(readings) < len(answers):
            first = refusals[0]
            return Refusal(
                KIND,
                first.reason,
                f"{len(refusals)} of {len(answers)} frames refused; {first.detail}",
                first.drawing,
            )
        values = np.array([reading.value for reading in readings])
        middle = readings[int(np.argsort(values)[len(values) // 2])]
        if len(readings) == 1:
            return middle
        terms = dict(middle.terms)
        terms["frames"] = float(values.std(ddof=1) / np.sqrt(len(values)))
        notes = middle.notes
        if refusals:
            notes = (*notes, f"{len(refusals)} of {len(answers)} frames were refused and left out.")
        return Reading(
            kind=KIND,
            value=float(np.median(values)),
            unit=middle.unit,
            standard_uncertainty=_root_sum_of_squares(terms),
            terms=terms,
            notes=notes,
            drawing=middle.drawing,
        )


def _root_sum_of_squares(terms: dict[str, float]) -> float:
    return float(np.sqrt(sum(term * term for term in terms.values())))


class _Picture:
    """One frame on its way to an answer."""

    def __init__(self, reader: TapeReader, frame: Frame) -> None:
        self.scale = reader.instrument.scale
        self.source = frame.source
        self.camera = reader.camera
        image, self.corner = _cut(frame.image, reader.region)
        self.image, self.reduced = image, 1.0

    def refuse(self, reason: Reason, why: str, drawing: Drawing | None = None) -> Refusal:
        return Refusal(KIND, reason, f"{self.source}: {why}", drawing or Drawing())

    def answer(self) -> Answer:
        per_numeral = self._per_numeral()
        if isinstance(per_numeral, Refusal):
            return per_numeral
        strip = self._strip()
        if isinstance(strip, Refusal):
            return strip
        lattice = self._lattice(strip)
        if isinstance(lattice, Refusal):
            return lattice
        return self._numbered(strip, lattice, per_numeral)

    def _per_numeral(self) -> int | Refusal:
        """What numerals of neighbouring lines differ by; refused where they cannot be read at all."""
        every = self.scale.label_every
        step = self.scale.division * (every or 0)
        if every is None or abs(step - round(step)) > 1e-9 or round(step) < 1:
            return self.refuse(
                Reason.UNSUPPORTED,
                "a scale without first and last is read by its numerals: label_every must be stated, and"
                f" division × label_every a whole number (here {self.scale.division:g} × {every})",
            )
        if numeral_reader() is None:
            return self.refuse(
                Reason.UNSUPPORTED,
                "the numerals of this scale have to be read, and the text recogniser is not installed"
                f" (pip install {EXTRA})",
            )
        return round(step)

    def _lattice(self, strip: TapeStrip) -> TapeLattice | Refusal:
        steepest = _steepest(strip)
        if steepest < LEAST_STEEPNESS:
            return self.refuse(
                Reason.BLURRED,
                f"the tape is out of focus: an edge takes {1.0 / max(steepest, 1e-3):.0f} pixels (at most"
                f" {1.0 / LEAST_STEEPNESS:.0f})",
            )
        lattice = find_lattice(strip)
        if lattice is None:
            return self.refuse(Reason.NO_SCALE, "fewer than three numbered lines can be made out on the tape")
        if lattice.residual_divisions > LARGEST_SCATTER_DIVISIONS:
            return self.refuse(
                Reason.NO_SCALE,
                f"the lines found on the tape are not evenly spaced ({lattice.residual_divisions:.3f} of a"
                f" division; at most {LARGEST_SCATTER_DIVISIONS:g})",
                self._drawing(strip, lattice, None, None, 1),
            )
        return lattice

    def _numbered(self, strip: TapeStrip, lattice: TapeLattice, per_numeral: int) -> Answer:
        recogniser = numeral_reader()
        assert recogniser is not None  # `_per_numeral` has refused
        numbering = number_lines(strip, lattice, recogniser, per_numeral, self.scale.increases)
        if isinstance(numbering, Unnumbered):
            drawing = self._drawing(strip, lattice, None, None, per_numeral)
            return self.refuse(numbering.reason, numbering.detail, drawing)
        line = find_liquid_line(strip, lattice, self._sides())
        drawing = self._drawing(strip, lattice, numbering, line, per_numeral)
        if line is None:
            return self.refuse(Reason.NO_TUBE, "there is no tube beside the tape", drawing)
        if line.clarity < LEAST_CLARITY:
            return self.refuse(
                Reason.NO_MENISCUS,
                f"no surface stands out in the tube (clarity {line.clarity:.2f}, at least {LEAST_CLARITY:g})",
                drawing,
            )
        if line.rival > LARGEST_RIVAL * line.clarity:
            return self.refuse(
                Reason.AMBIGUOUS, "two places in the tube look like a surface about as much", drawing
            )
        return self._reading(lattice, numbering, line, per_numeral, drawing)

    def _strip(self) -> TapeStrip | Refusal:
        """The tape laid upright, from a picture reduced to what the later steps are made for."""
        grey = cv2.cvtColor(self.image, cv2.COLOR_BGR2GRAY)
        if float(np.quantile(grey, 0.95)) < DARK:
            return self.refuse(Reason.DARK, "the picture is dark")
        if float(np.mean(grey >= BRIGHT)) > BRIGHT_SHARE:
            return self.refuse(Reason.OVEREXPOSED, "most of the picture is overexposed")
        self._reduce(LARGEST_SIDE_PX / max(self.image.shape[:2]))
        strip = find_tape(self.image)
        if strip is not None and strip.width_px > WIDEST_TAPE_PX:
            self._reduce(WIDEST_TAPE_PX / strip.width_px)
            strip = find_tape(self.image)
        return strip or self.refuse(Reason.NO_SCALE, "no coloured tape with two straight edges was found")

    def _reduce(self, factor: float) -> None:
        if factor < 1.0:
            self.image = np.asarray(
                cv2.resize(self.image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8
            )
            self.reduced *= factor

    def _sides(self) -> tuple[int, ...]:
        """Where to look for the tube, from the tape; `side` says where the plate is, from the tube."""
        if self.scale.side is None:
            return (-1, 1)
        return (1,) if self.scale.side is Side.LEFT else (-1,)

    def _reading(
        self,
        lattice: TapeLattice,
        numbering: Numbering,
        line: LiquidLine,
        per_numeral: int,
        drawing: Drawing,
    ) -> Reading:
        k = lattice.number(0.5, line.v)
        per_pixel = per_numeral / abs(lattice.division_px(k))
        millimetres = MILLIMETRES.get(self.scale.unit)
        # On a scale that is not one of length a third of a division, what an eye reads.
        meniscus = self.scale.division / 3.0 if millimetres is None else MENISCUS_MM / millimetres
        terms = {
            "surface": per_pixel * float(np.hypot(SURFACE_PX, line.scatter_px / np.sqrt(3.0))),
            "lattice": per_numeral * lattice.uncertainty_divisions(k),
            "meniscus": meniscus,
            "line of sight": self._offset(line, per_pixel) * float(np.tan(np.radians(SIGHT_DEG))),
        }
        return Reading(
            kind=KIND,
            value=float(numbering.value(k) * per_numeral),
            unit=self.scale.unit,
            standard_uncertainty=_root_sum_of_squares(terms),
            terms=terms,
            notes=self._notes(numbering, per_numeral),
            drawing=drawing,
        )

    def _offset(self, line: LiquidLine, per_pixel: float) -> float:
        """How far the tube's axis lies before the tape, in the scale's unit.

        Where the station does not say: half the tube's diameter, as for a tape and a tube on one wall.
        """
        millimetres = MILLIMETRES.get(self.scale.unit)
        if self.scale.offset_mm is not None and millimetres is not None:
            return abs(self.scale.offset_mm) / millimetres
        return 0.5 * line.tube_px * per_pixel

    def _notes(self, numbering: Numbering, per_numeral: int) -> tuple[str, ...]:
        notes = [
            f"Numbered by {numbering.numerals_read} of {numbering.numerals_seen} numerals in the picture."
        ]
        if numbering.named_at == 0.5:
            wrong = "high" if numbering.step > 0 else "low"
            notes.append(
                "The numerals are taken to name the half mark that they are nearest to; if they name the line"
                f" below them, the value is {0.5 * per_numeral:g} {self.scale.unit} too {wrong}."
            )
        notes.append(
            "Not corrected for parallax between tape and tube: the line of sight is taken to be within"
            f" {SIGHT_DEG:g}° of level."
        )
        return tuple(notes)

    def _drawing(
        self,
        strip: TapeStrip,
        lattice: TapeLattice,
        numbering: Numbering | None,
        line: LiquidLine | None,
        per_numeral: int,
    ) -> Drawing:
        """Everything found, in pixels of the frame."""

        def across(k: float, low: float, high: float) -> NDArray[np.float64]:
            u = np.array([low, high])
            v = float(lattice.position(np.array(k))) + lattice.slope * (u - 0.5) * strip.width_px
            return self._in_frame(strip.points(u, v))

        marks: list[tuple[float, float, float, float, str]] = []
        shift = 0.0 if numbering is None else numbering.named_at - 1.0
        for k in range(lattice.first, lattice.last + 2):
            ends = across(k + shift, 0.0, 1.0)
            label = "" if numbering is None else f"{numbering.numeral(k) * per_numeral:g}"
            marks.append((float(ends[0, 0]), float(ends[0, 1]), float(ends[1, 0]), float(ends[1, 1]), label))
        length = np.array([0.0, (strip.pixels.shape[0] - 1.0)])
        edges = tuple(
            (name, self._in_frame(strip.points(np.full(2, u), length / ENLARGEMENT)))
            for name, u in (("left edge of the tape", 0.0), ("right edge of the tape", 1.0))
        )
        level = None
        if line is not None:
            ends = across(lattice.number(0.5, line.v), line.u_low, line.u_high)
            level = (float(ends[0, 0]), float(ends[0, 1]), float(ends[1, 0]), float(ends[1, 1]))
        return Drawing(marks=tuple(marks), curves=edges, level=level)

    def _in_frame(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points of the reduced picture in pixels of the frame; pixel centres stay pixel centres."""
        return np.asarray((points + 0.5) / self.reduced - 0.5 + np.array(self.corner), np.float64)


def _steepest(strip: TapeStrip) -> float:
    """Steepest change of brightness on the tape, in parts of its contrast a pixel."""
    u = strip.u
    grey = cv2.cvtColor(strip.pixels, cv2.COLOR_BGR2GRAY)[:, (u > 0.1) & (u < 0.9)].astype(np.float64)
    contrast = float(np.quantile(grey, 0.98) - np.quantile(grey, 0.02))
    change = np.abs(np.gradient(grey, axis=0)) * ENLARGEMENT
    return float(np.quantile(change, 0.99)) / max(contrast, 1.0)


def _cut(image: NDArray[np.uint8], region: Region | None) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """The part of `image` inside `region` (x, y, width, height), and its upper left corner."""
    if region is None:
        return image, (0, 0)
    x, y, width, height = region
    x, y = max(0, x), max(0, y)
    part = image[y : y + height, x : x + width]
    return (part, (x, y)) if part.size else (image, (0, 0))

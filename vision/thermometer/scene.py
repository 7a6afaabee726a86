"""Finds in one picture what a thermometer is read from: its numbered scale and the end of the column."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from vision import doubts
from vision.camera_model import Lens
from vision.edges import centroids, line_strengths, peaks
from vision.graduation import Graduation, Lattice, NumberingFault, fit_lattice, number_marks
from vision.labels import Labels, measure_labels
from vision.marks import LEAST_MARKS, MarkColumn, find_marks, standing_out
from vision.reading import Drawing, Reason, Refusal
from vision.station import Direction, Scale, Side
from vision.thermometer.column_end import (
    SETTLED_PX,
    ColumnEnd,
    end_near,
    find_step,
    measure_end,
    middle_of,
)
from vision.thermometer.local_scale import LocalScale, marks_in_picture
from vision.thermometer.printed_numbers import NumberCheck
from vision.thermometer.ribbon import Points, Ribbon
from vision.thermometer.stripe import Stripe, find_stripe
from vision.thermometer.turned import Turn, TurnedLens, lean

KIND = "thermometer"
TUBE_SIDE, MARK_SIDE = 5.0, 2.0  # widths of the marks, to both sides of their inner ends
LEAST_REACH_PX = 60.0
LEAST_SIZE_PX = 64
CUTS = 4  # long edges beside which marks are sought where the picture as a whole shows too few
LEAST_PRESENT = 0.6  # of the marks between the outermost: glare or a hand may hide the others
BEYOND = 1.5  # divisions past the end marks in which a column may end and still be seen
MOST_HANGING = 0.6  # sine above the horizontal at which a column is still one that lies
STILL_PX, STILL_SHARE = 0.3, 0.8  # marks moved by less have not moved; this share of them must be seen
FOLLOWED_SKIP = 3  # rows: of a followed column each so manieth, for its end is measured afterwards
GRAY_WEIGHTS = np.array([0.114, 0.587, 0.299])  # of blue, green and red in brightness (ITU-R BT.601)

Image = NDArray[np.uint8]
Gray = NDArray[np.uint8]


@dataclass(frozen=True)
class Scene:
    """What was found. Points in pixels of the picture.

    `way` are the two ends (2,) of the column's axis beside the scale, the empty one first; `filled` and
    `empty` (3,) are the colours of the column and of the tube without it.
    """

    scale: LocalScale
    end: ColumnEnd
    way: tuple[Points, Points]
    filled: NDArray[np.float64]
    empty: NDArray[np.float64]

    @cached_property
    def still_at(self) -> Points:
        """Places (n, 2) on the marks by which the next frame is found to show the same scale."""
        return self.scale.turn.picture(self.scale.graduation.column.near)

    def axis(self) -> tuple[Points, Points]:
        """Two ideal upright points (2,) of the column, its end first."""
        ideal = self.scale.ideal(np.stack((self.end.point, self.end.point + 100.0 * self.end.ahead)))
        return ideal[0], ideal[1]

    def drawing(self) -> Drawing:
        """Marks with their numbers, the column's axis and end, and a line at the reading."""
        end = self.end
        across = np.array([end.ahead[1], -end.ahead[0]]) * (4.0 * end.half_width_px + 20.0)
        first, second = (end.point - across).tolist(), (end.point + across).tolist()
        curves = (("column", np.stack((end.point, self.way[1]))), ("end of the column", end.curve))
        return Drawing(self.scale.marks, curves, (first[0], first[1], second[0], second[1]))


def find_scene(image: Image, scale: Scale, lens: Lens, check: NumberCheck) -> Scene | Refusal:
    """Scale and column of a picture `image` (height, width, 3), or why it is refused.

    `check` compares the numbering with the printed numbers.

    `scale.increases` is not used: where the column is filled, values are low.
    """
    if min(image.shape[:2]) < LEAST_SIZE_PX:
        return Refusal(KIND, Reason.NO_SCALE, f"a picture under {LEAST_SIZE_PX} pixels a side shows no scale")
    gray = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
    found = _find_marks(gray, scale, lens)
    if found is None:
        return Refusal(KIND, *doubts.of_picture(gray))
    turn, column, _, upright = found
    marks = Drawing(marks=marks_in_picture(column, (), turn))
    spacing, width = column.period / turn.scale, column.width / turn.scale
    stripe = find_stripe(_ribbon(image, column, turn), spacing, width)
    end, thickness = None, _thickness(upright, column)
    if stripe is not None:
        # marks that pass behind the column would be taken for its end
        u, _ = stripe.ribbon.locate(stripe.axis_at(stripe.end)[None])
        inward = (u[0] - stripe.ribbon.left) * (1.0 if column.side is Side.RIGHT else -1.0)
        passing = inward > -1.5 * stripe.half_width - 2.0
        end = measure_end(image, stripe, spacing, thickness / turn.scale if passing else 0.0)
    if stripe is None or end is None:
        said = "there is no column that ends beside the scale: it is hidden, or it ends outside the scale"
        return Refusal(KIND, Reason.NO_COLUMN, said, marks)
    sense = Direction.UP if (turn.matrix[:, :2] @ end.ahead)[1] > 0 else Direction.DOWN
    if sense is Direction.DOWN and end.ahead[1] < -MOST_HANGING:
        said = "the column is filled from above: the picture is upside down, or this is no thermometer"
        return Refusal(KIND, Reason.AMBIGUOUS, said, marks)
    numbered = _numbered(found, replace(scale, increases=sense), gray.shape, thickness, check)
    if isinstance(numbered, NumberingFault):
        return Refusal(KIND, numbered.reason, numbered.detail, marks)
    return _scene(LocalScale(turn, numbered, lens), stripe, end)


def _numbered(
    found: tuple[Turn, MarkColumn, Lattice, Gray],
    scale: Scale,
    shape: tuple[int, ...],
    thickness: float,
    check: NumberCheck,
) -> Graduation | NumberingFault:
    """The stated numbers on the marks that were `found`, unless marks or print speak against them."""
    turn, column, lattice, upright = found
    x = column.inner_x + column.tilt * np.arange(upright.shape[0], dtype=np.float64)
    seen = turn.rows_inside(x, shape)

    def checked(labels: Labels | None) -> tuple[Graduation | NumberingFault, tuple[str, ...]]:
        numbered = number_marks(column, lattice, scale, seen, labels)
        notes = check.judged(upright, numbered) if isinstance(numbered, Graduation) else ()
        return (notes, ()) if isinstance(notes, NumberingFault) else (numbered, notes)

    numbered, notes = checked(None)
    open_still = numbered.reason is Reason.AMBIGUOUS if isinstance(numbered, NumberingFault) else bool(notes)
    if open_still and scale.label_every is not None:  # legible numbers say more than their widths
        labels = measure_labels(upright, column, scale.label_every)
        # between the middles of the outer strokes, which are about as thick as marks: blur does not widen it
        numbered, notes = checked(replace(labels, width=labels.width - thickness))
    if isinstance(numbered, NumberingFault):
        return numbered
    of_scale = _marks_of(scale)
    in_row = int(column.index[-1] - column.index[0]) + 1
    # with neither long marks nor numbers one end of a row would decide: any row of strokes has an end
    if of_scale is not None and in_row < of_scale and numbered.notes and notes:
        said = f"{in_row} of the scale's {of_scale} marks are in sight, without long marks or legible numbers"
        return NumberingFault(Reason.AMBIGUOUS, f"{said} to say which")
    return replace(numbered, notes=(*numbered.notes, *notes))


def _marks_of(scale: Scale) -> int | None:
    """How many marks the scale has; None where its ends are not stated."""
    if scale.first is None or scale.last is None:
        return None
    return round((scale.last - scale.first) / scale.division) + 1


def _find_marks(gray: Gray, scale: Scale, lens: Lens) -> tuple[Turn, MarkColumn, Lattice, Gray] | None:
    """The scale's marks, in the picture turned as its edges lean, or a quarter turn further."""
    wanted = _marks_of(scale) or LEAST_MARKS
    best: tuple[Turn, MarkColumn, Lattice, Gray] | None = None
    leaning = lean(gray)
    for degrees in (leaning, leaning - 90.0 if leaning > 0 else leaning + 90.0):
        turn = Turn.by(degrees, gray.shape)
        upright = turn.applied(gray)
        behind = TurnedLens.behind(lens, turn)
        for column in _mark_columns(upright, wanted):
            seen = int(column.index[-1]) + 1
            if column.count < LEAST_PRESENT * seen:
                continue  # strokes that stand in an even row by chance
            lattice = fit_lattice(column, behind)
            if lattice is not None and (best is None or seen > int(best[1].index[-1]) + 1):
                best = turn, column, lattice, upright
            if lattice is not None and wanted <= seen <= wanted + 1:
                return turn, column, lattice, upright
        if best is not None and best[1].count >= 0.5 * wanted:
            break
    return best


def _mark_columns(upright: Gray, wanted: int) -> Iterator[MarkColumn]:
    """The row of marks that stands out most, then those beside each of the strongest long edges.

    A column before its scale cuts the marks behind it in two: on each side of it they begin at its edge. Dark
    marks that are as many as `wanted` are taken without a look for bright ones.
    """
    dark = find_marks(upright, None, dark=True)
    if dark is not None and int(dark.index[-1]) + 1 == wanted == dark.count:
        yield dark
    bright = find_marks(upright, None, dark=False)
    column = standing_out(dark, bright)
    if column is not None:
        yield column
    height, width = upright.shape
    rows = max(8, height // 16)
    flat = cv2.resize(upright, (width, rows), interpolation=cv2.INTER_AREA).astype(np.float32)
    edges = np.abs(flat[:, 4:] - flat[:, :-4]).mean(axis=0).astype(np.float64)
    found = peaks(np.asarray(edges), float(edges.mean()), 5)
    room = max(64, width // 5)
    for x in sorted(found.tolist(), key=lambda x: -float(edges[x]))[:CUTS]:
        for side, low in ((Side.RIGHT, x + 5), (Side.LEFT, x - 1 - room)):
            first, last = max(0, low), min(width, low + room)
            if last - first < 32:
                continue
            column = find_marks(np.ascontiguousarray(upright[:, first:last]), side)
            if column is not None:
                shift = np.array([first, 0.0])
                yield replace(
                    column,
                    inner_x=column.inner_x + first,
                    near=column.near + shift,
                    far=column.far + shift,
                )


def _thickness(upright: Gray, column: MarkColumn) -> float:
    """How thick the marks are, in upright pixels: their area along the scale by their depth."""
    half = max(2, int(0.45 * column.period))
    x, y = np.rint(column.near).astype(np.intp).T
    rows = np.clip(y[:, None] + np.arange(-half, half + 1), 0, upright.shape[0] - 1)
    profile = np.median(upright[rows, x[:, None]], axis=0).astype(np.float64)
    depth = np.abs(profile - np.median(profile))
    return float(depth.sum() / max(1.0, depth.max()))


def _ribbon(image: Image, column: MarkColumn, turn: Turn) -> Ribbon:
    """The part of the picture in which the column must lie, along the marks' inner ends."""
    rows = 0.5 * (column.near[:, 1] + column.far[:, 1])
    y = np.array([rows[0], rows[-1]])
    ends = turn.picture(np.column_stack((column.inner_x + column.tilt * y, y)))
    width = column.width / turn.scale
    tube, marks = max(TUBE_SIDE * width, LEAST_REACH_PX), max(MARK_SIDE * width, LEAST_REACH_PX)
    sides = (tube, marks) if column.side is Side.RIGHT else (marks, tube)
    # columns are wide enough to be found at half the size, where marks leave enough of it between them
    step = 2 if width > 12 and column.period / turn.scale > 6 else 1
    return Ribbon.cut(image, (ends[0], ends[1]), sides, BEYOND * column.period / turn.scale, step=step)


def _scene(scale: LocalScale, stripe: Stripe, end: ColumnEnd) -> Scene:
    """The scene, with the ends of the column's way beside the scale."""
    rows = float(stripe.ribbon.image.shape[0] - 1) * stripe.ribbon.step
    first, last = (0.0, rows) if stripe.filled_after else (rows, 0.0)
    way = stripe.axis_at(first), stripe.axis_at(last)
    return Scene(scale, end, way, stripe.filled, stripe.empty)


def follow_scene(image: Image, before: Scene) -> Scene | None:
    """The scene of the next frame, if the scale stands where it stood and the column is filled to one place.

    None where that cannot be confirmed: then the whole search is due.
    """
    if not _stands_still(image, before):
        return None
    half = before.end.half_width_px
    lanes = max(0.5, 0.4 * half)
    ribbon = Ribbon.cut(image, before.way, (lanes, lanes), skip=FOLLOWED_SKIP)
    row = find_step(ribbon, before.empty, before.filled)
    if row is None:
        return None
    here = ribbon.picture(ribbon.left, FOLLOWED_SKIP * row)[0]
    end = end_near(image, here, before.end.ahead, half, SETTLED_PX, mark_px=before.end.mark_px)
    if end is None or abs(end.half_width_px - half) > 0.3 * half + 1:
        return None
    return replace(before, end=end)


def _stands_still(image: Image, before: Scene) -> bool:
    """Whether the marks are where they were, by the half of each that is nearer to the column."""
    column, scale = before.scale.graduation.column, before.scale.turn.scale
    middle = before.still_at
    side = max(1.0, 0.12 * column.width / scale)
    ribbon = Ribbon.cut(image, (middle[0], middle[-1]), (side, side), 6.0)
    profile = ribbon.along_rows(GRAY_WEIGHTS)
    _, rows = ribbon.locate(middle)
    ink = profile if column.dark else 255.0 - profile
    strength = line_strengths(ink, max(9, round(column.period / scale)))
    at = np.minimum(np.maximum(np.rint(rows), 0), len(strength) - 1).astype(np.intp)
    moved = centroids(strength, at, max(2, int(0.35 * column.period / scale))) - rows
    still = (strength[at] > 0.4 * column.contrast) & (np.abs(moved) < 3 * STILL_PX)
    return bool(still.mean() >= STILL_SHARE and abs(float(middle_of(moved[still]))) < STILL_PX)

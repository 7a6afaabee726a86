"""Straightens a row of digits: its direction and slant, the lines above and below, and the patch between."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.display.picture import Picture, Reduced
from vision.display.strokes import StrokeGroup

Floats = NDArray[np.float64]
Patch = NDArray[np.float32]
Image = NDArray[np.uint8]

DIGIT_PX = 56  # height of a digit in the straightened patch
ABOVE, BELOW = 18, 18  # rows of the patch above and below the digits
BEFORE, AFTER = 1.5 * DIGIT_PX, 1.2 * DIGIT_PX  # columns before and after the strokes that were found
WIDENED, SPARE = 1.8, 0.15  # of a patch's height: what is kept beside and above it, to cut it anew
SPARSE = 0.12  # of the fullest rows' ink: less is not a row of digits
FINE = 0.62  # of a patch's digit: smaller ones in the small picture are cut from the whole one
STEEPEST_ROW, STEEPEST_SLANT = 0.45, 0.62  # tangents that are searched
KEYSTONE = 0.12  # how much steeper the upper line may be than the row itself
OUTSIDE, OUTERMOST = (
    4.0,
    20.0,
)  # what ink outside a line counts against ink that touches it: a 7 has but one foot
DOUBT = 1200.0  # how much a line's slope is held towards the row's: a few digits do not show a keystone
MOST_POINTS = 500  # of the strokes' edges that the directions are taken from


@dataclass(frozen=True)
class RowFrame:
    """Where a row of digits lies in a reduced picture.

    `corners` (4, 2) of the ink's box, clockwise from the upper left: the upper and lower sides touch the
    digits, the left and right ones have their slant. `width` and `height` along and across, in pixels.
    """

    corners: Floats
    width: float
    height: float
    thickness: float

    def enlarged(self, times: float) -> "RowFrame":
        """The same frame in a picture of `times` as many pixels across."""
        corners = (self.corners + 0.5) * times - 0.5
        return RowFrame(corners, self.width * times, self.height * times, self.thickness * times)


def row_frame(group: StrokeGroup, strict: float = OUTSIDE) -> RowFrame | None:
    """The frame of a group of strokes, or None where its proportions are no row of digits'.

    `strict` is how much ink above the upper or below the lower line counts against it.
    """
    if cv2.countNonZero(group.mask) < 20:
        return None
    points = cv2.findNonZero(group.mask)
    columns, rows = points.reshape(-1, 2).T.astype(np.float64)
    slope, slant = _directions(group.mask)
    # a point is along·(1, slope) + across·(−slant, 1): along runs with the row, across down the slant
    along = (columns + slant * rows) / (1 + slope * slant)
    across = rows - slope * along
    start, end = float(along.min()), float(along.max()) + 1.0
    size = max(2.0, 0.7 * group.thickness, (end - start) / 90)
    bins = ((along - start) / size).astype(np.intp)
    count = int(bins.max()) + 1
    highest, lowest = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(highest, bins, across)
    np.maximum.at(lowest, bins, across)
    used = np.isfinite(highest)
    centre = np.asarray(start + (np.flatnonzero(used) + 0.5) * size, np.float64)
    upper = _outer_line(centre, highest[used], group.thickness, strict)
    lower = _outer_line(centre, -lowest[used], group.thickness, strict)
    ends = np.array([start, end])
    top, bottom = upper[0] + upper[1] * ends, 1.0 - lower[0] - lower[1] * ends
    height = float((bottom - top).mean())
    if not 3.6 * group.thickness < height < 32 * group.thickness:
        return None
    if height < 8 or float(np.min(bottom - top)) < 0.6 * height:
        return None
    u = np.array([start, end, end, start])
    v = np.array([top[0], top[1], bottom[1], bottom[0]])
    corners = np.column_stack([u - slant * v + group.left, v + slope * u + group.top])
    return RowFrame(corners, end - start, height, group.thickness)


def _directions(mask: Image) -> tuple[float, float]:
    """Tangents of the row against the picture's rows, and of the strokes' slant against its columns."""
    soft = cv2.GaussianBlur(cv2.copyMakeBorder(mask, 3, 3, 3, 3, cv2.BORDER_CONSTANT), (0, 0), 1.0)
    gx = cv2.Sobel(soft, cv2.CV_32F, 1, 0, ksize=3)
    gy = cv2.Sobel(soft, cv2.CV_32F, 0, 1, ksize=3)
    strength = cv2.magnitude(gx, gy)
    edge = cv2.findNonZero((strength > 0.3 * float(strength.max())).astype(np.uint8))
    edge = edge.reshape(-1, 2)[:: 1 + len(edge) // (2 * MOST_POINTS)]
    x, y = edge[:, 0], edge[:, 1]
    gx, gy, weight = np.abs(gx[y, x]), np.abs(gy[y, x]), strength[y, x].astype(np.float64)
    flat, steep = gy > 1.4 * gx, gx > 1.2 * gy
    slope = _sharpest(y[flat].astype(np.float64), -x[flat].astype(np.float64), weight[flat], STEEPEST_ROW)
    slant = _sharpest(x[steep].astype(np.float64), y[steep].astype(np.float64), weight[steep], STEEPEST_SLANT)
    return slope, slant


def _sharpest(position: Floats, lever: Floats, weight: Floats, most: float) -> float:
    """The tangent for which `position + tangent·lever` gathers in the sharpest lines; 0 without points."""
    if len(position) < 4:
        return 0.0
    lever = lever - lever.mean()
    step = 0.02
    coarse = np.arange(-most, most + step / 2, step)
    # cameras stand level more often than not: that decides where the strokes leave a direction open
    liking = 1.0 - 0.25 * np.abs(coarse)
    best = coarse[int(np.argmax(_gathered(position, lever, weight, coarse) * liking))]
    fine = best + np.linspace(-step, step, 9)
    return float(fine[int(np.argmax(_gathered(position, lever, weight, fine)))])


def _gathered(position: Floats, lever: Floats, weight: Floats, tangents: Floats) -> Floats:
    """For each tangent, the sum of the squares of what falls into each pixel along its direction."""
    along = position[None, :] + tangents[:, None] * lever[None, :]
    along -= along.min()
    low = along.astype(np.intp)
    share = along - low
    bins = int(low.max()) + 2
    at = low + bins * np.arange(len(tangents))[:, None]
    mass = np.bincount(at.ravel(), weights=(weight * (1 - share)).ravel(), minlength=bins * len(tangents))
    mass += np.bincount((at + 1).ravel(), weights=(weight * share).ravel(), minlength=len(mass))[: len(mass)]
    return np.asarray((mass.reshape(len(tangents), bins) ** 2).sum(axis=1), np.float64)


def _outer_line(at: Floats, edge: Floats, thickness: float, strict: float) -> tuple[float, float]:
    """Offset and slope of the line that touches most of `edge` from outside (below in number).

    Strokes that end short of it (a minus, a point) lie inside; a stray mark outside counts against it.
    """
    middle = float(at.mean())
    span = float(at[-1] - at[0])
    slopes = np.linspace(-KEYSTONE, KEYSTONE, 13) if span > 6 * thickness else np.zeros(1)
    rest = edge[None, :] - slopes[:, None] * (at - middle)[None, :]
    offset = np.sort(rest, axis=1)[:, : max(4, (3 * len(at)) // 4)]
    offset = offset[:, :: 1 + offset.shape[1] // 24]
    difference = rest[:, None, :] - offset[:, :, None]
    away = np.abs(difference)
    touching = np.where(away < 0.55 * thickness, 1 - away / thickness, 0.0).sum(axis=2)
    outside = (difference < -0.55 * thickness).sum(axis=2)
    worth = touching - strict * outside - 0.6 * len(at) * np.abs(slopes)[:, None]
    best = np.unravel_index(int(np.argmax(worth)), worth.shape)
    slope, start = float(slopes[best[0]]), float(offset[best])
    for _ in range(2 if len(slopes) > 1 else 0):
        near = np.abs(edge - start - slope * (at - middle)) < 0.6 * thickness
        if near.sum() < 3 or np.ptp(at[near]) < 6 * thickness:
            break
        lever = at[near] - at[near].mean()
        slope = float((lever * edge[near]).sum() / ((lever * lever).sum() + DOUBT * thickness**2))
        start = float((edge[near] - slope * (at[near] - middle)).mean())
    rests = edge - start - slope * (at - middle)
    near = np.abs(rests) < 0.6 * thickness
    if near.sum() >= 2:
        start += float(np.quantile(rests[near], 0.25))
    return start - slope * middle, slope


@dataclass(frozen=True)
class Straightened:
    """A row of digits seen straight: `ink` (rows, columns) is 0 on the background and about 1 on strokes.

    A digit spans the rows from ABOVE to ABOVE + DIGIT_PX; the group's ink the columns from `left` to `right`.
    `matrix` (3×3) takes a patch's pixel to one of `plane`, the reduced picture (or, for small digits, the
    picture: then `fine`) as the share of `colour` that each pixel has, from `corner` on. `factor` is how many
    pixels of the picture one of these is. `thickness` of a stroke in the patch's pixels. `ground` is the
    background that was taken off, in the same measure.
    """

    ink: Patch
    ground: Patch
    plane: Patch
    corner: tuple[int, int]
    matrix: Floats
    factor: float
    fine: bool
    colour: Floats
    thickness: float
    left: float
    right: float

    def turned(self, turn: Floats) -> "Straightened":
        """The same row cut anew, each pixel taken from where `turn` (3×3) says that it lies in this patch."""
        return self._cut(self.plane, self.matrix @ turn)

    def widened(self, before: int, after: int) -> "Straightened":
        """The same row with `before` and `after` more columns at its ends."""
        shift = np.array([[1.0, 0.0, -before], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
        wide = np.zeros((self.ink.shape[0], self.ink.shape[1] + before + after), np.float32)
        row = replace(self, ink=wide, left=self.left + before, right=self.right + before)
        return row.turned(shift)

    def trimmed(self) -> "Straightened | None":
        """The row cut anew so that digits fill their rows, None where they do.

        Where something else in the group stands out above or below them, its few pixels in a row tell it.
        """
        part = np.clip(self.ink[:, int(self.left) : int(self.right) + 1], 0.0, 1.0)
        rows = part.sum(axis=1)
        held = np.concatenate([[False], rows > SPARSE * float(np.percentile(rows, 92)), [False]])
        starts, ends = np.flatnonzero(held[1:] & ~held[:-1]), np.flatnonzero(held[:-1] & ~held[1:])
        if not len(starts):
            return None
        longest = int(np.argmax(ends - starts))
        top, bottom = float(starts[longest]), float(ends[longest])
        scale = (bottom - top) / DIGIT_PX
        if not 0.4 < scale < 1.3 or abs(top - ABOVE) + abs(bottom - ABOVE - DIGIT_PX) < 5:
            return None
        turn = np.array([[scale, 0, self.left * (1 - scale)], [0, scale, top - ABOVE * scale], [0, 0, 1]])
        width = (self.right - self.left) / scale
        row = replace(self, thickness=self.thickness / scale, right=self.left + width)
        return row.turned(turn)

    def seen_in(self, picture: Picture) -> "Straightened | None":
        """The same place cut from another frame, None where that is of another size. Raises `FrameError`."""
        image = picture.whole if self.fine else picture.small
        x, y = self.corner
        height, width = self.plane.shape
        part = image[y : y + height, x : x + width]
        if part.shape[:2] != self.plane.shape or (not self.fine and picture.factor != self.factor):
            return None
        return self._cut(coloured(part, self.colour), self.matrix)

    def _cut(self, plane: Patch, matrix: Floats) -> "Straightened":
        height, width = self.ink.shape
        ink, ground = separated(cut(plane, self.corner, matrix, (width, height)), self.thickness)
        return replace(self, ink=ink, ground=ground, plane=plane, matrix=matrix)

    def in_picture(self, x: Floats, y: Floats) -> Floats:
        """Points of the patch in pixels of the picture, shape (n, 2)."""
        seen = self.matrix @ np.stack([x, y, np.ones_like(x)])
        return np.asarray(((seen[:2] / seen[2]).T + 0.5) * self.factor - 0.5, np.float64)


def straightened(picture: Picture, searched: Reduced, group: StrokeGroup, found: RowFrame) -> Straightened:
    """The patch of a row of digits, cut out of the small picture, or of the whole one for small digits.

    `group` and `found` are in pixels of `searched`. Raises `FrameError` where the frame is no image.
    """
    frame = found.enlarged(searched.factor / picture.factor)
    scale = DIGIT_PX / frame.height
    width = frame.width * scale
    size = (round(width + BEFORE + AFTER), ABOVE + DIGIT_PX + BELOW)
    right, bottom = BEFORE + width, ABOVE + DIGIT_PX
    box = np.array([[BEFORE, ABOVE], [right, ABOVE], [right, bottom], [BEFORE, bottom]], np.float32)
    matrix = cv2.getPerspectiveTransform(box, frame.corners.astype(np.float32)).astype(np.float64)
    factor, fine = picture.factor, frame.height < FINE * DIGIT_PX and picture.factor > 1.0
    if fine:
        shift = 0.5 * factor - 0.5
        matrix = np.array([[factor, 0, shift], [0, factor, shift], [0, 0, 1]]) @ matrix
        factor = 1.0
    source = picture.whole if fine else picture.small
    colour = ink_colour(searched.image, group)
    window, corner = _window(source, matrix, size)
    plane = coloured(source[window], colour)
    thickness = frame.thickness * scale
    ink, ground = separated(cut(plane, corner, matrix, size), thickness)
    return Straightened(ink, ground, plane, corner, matrix, factor, fine, colour, thickness, BEFORE, right)


def _window(
    image: Image, matrix: Floats, size: tuple[int, int]
) -> tuple[tuple[slice, slice], tuple[int, int]]:
    """The part of `image` that a patch, and patches turned a little against it, are cut from; its corner."""
    width, height = size
    ends = matrix @ np.array([[0, width, width, 0], [0, 0, height, height], [1, 1, 1, 1]], np.float64)
    ends = ends[:2] / ends[2]
    spare = np.array([WIDENED, SPARE]) * float(np.ptp(ends[1]))
    low = np.clip(np.floor(ends.min(axis=1) - spare), 0, [image.shape[1] - 1, image.shape[0] - 1]).astype(int)
    high = np.clip(np.ceil(ends.max(axis=1) + spare), low + 1, [image.shape[1], image.shape[0]]).astype(int)
    return (slice(low[1], high[1]), slice(low[0], high[0])), (int(low[0]), int(low[1]))


def ink_colour(small: Image, group: StrokeGroup) -> Floats:
    """The direction in which strokes differ from the background: a vector of colour, its contrast 1 along it.

    Differences of grey values, not of their logarithms: a reflection lifts both, and leaves the difference.
    """
    height, width = group.mask.shape
    part = small[group.top : group.top + height, group.left : group.left + width]
    reach = 2 * round(group.thickness) + 3
    near = cv2.dilate(group.mask, np.ones((3, 3), np.uint8))
    around = cv2.subtract(cv2.dilate(group.mask, np.ones((reach, reach), np.uint8)), near)
    if not around.any():
        around = cv2.bitwise_not(group.mask)
    on, off = cv2.mean(part, group.mask)[:3], cv2.mean(part, around)[:3]
    difference = np.array(on) - np.array(off)
    square = float((difference * difference).sum())
    # less than a grey value apart is no contrast
    return np.asarray(difference / square if square > 1 else np.zeros(3), np.float64)


def coloured(image: Image, colour: Floats) -> Patch:
    """How much of `colour` each pixel of `image` (height, width, 3) has, shape (height, width)."""
    direction = colour.astype(np.float32).reshape(1, 3)
    return np.asarray(cv2.transform(image.astype(np.float32), direction), np.float32)


def cut(plane: Patch, corner: tuple[int, int], matrix: Floats, size: tuple[int, int]) -> Patch:
    """The patch of `size` (width, height) that `matrix` (patch to picture) cuts out of a picture's part."""
    shift = np.array([[1.0, 0.0, -corner[0]], [0.0, 1.0, -corner[1]], [0.0, 0.0, 1.0]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    part = cv2.warpPerspective(plane, shift @ matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(part, np.float32)


def separated(patch: Patch, thickness: float) -> tuple[Patch, Patch]:
    """Strokes and what lies under them: shades, glare and reflections are wider than a stroke."""
    soft = cv2.GaussianBlur(patch, (0, 0), 1.0)
    side = round(2.2 * thickness + 3) | 1
    ground = cv2.morphologyEx(soft, cv2.MORPH_OPEN, np.ones((side, side), np.uint8))
    ground = cv2.blur(ground, (side, side))
    return np.asarray(soft - ground, np.float32), np.asarray(ground, np.float32)

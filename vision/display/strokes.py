"""Finds groups of strokes of one thickness that stand in a row, as the lit segments of a display do."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Mask = NDArray[np.uint8]
Labels = NDArray[np.int32]
Floats = NDArray[np.float64]
Patch = NDArray[np.float32]
Box = tuple[int, int, int, int]  # left, top, right, bottom, the last two exclusive

FLOOR = 14.0  # grey values added to a contrast's denominator: darkness has no contrast, only noise
KERNEL_SHARE = 0.075  # widest stroke, as a share of the reduced picture's larger side
HALF = 0.45  # of a component's contrast: where its edge is
SMALLEST_PX = 8
MOST_PARTS, MOST_GROUPS, MOST_STROKES = 400, 5, 120
LONGEST = 22.0  # a stroke longer than this many thicknesses is a frame, not a segment
EMPTY = 0.03  # of a frame's middle that its own pixels cover
CLOSED = 0.7  # of a frame's length that its upper and its lower side cover
REACH_ALONG, REACH_ACROSS = 5.0, 1.3  # gaps that are bridged within a row, in thicknesses
APART = 0.02  # of a group's pixels, that may differ where its strokes are found again
LEAST_PX, LEAST_HEIGHT, MOST_HEIGHT = 9, 4.0, 40.0  # of a row: in pixels, and in thicknesses


@dataclass(frozen=True)
class StrokeGroup:
    """Strokes that may be a row of digits, in the reduced picture.

    `mask` (height, width) is 255 on strokes; it covers the reduced picture from (`left`, `top`) on.
    `contrast` is how much the strokes differ from their surroundings, relative, 0 to 1; groups are ordered by
    `weight`.
    """

    mask: Mask
    left: int
    top: int
    thickness: float
    bright: bool
    contrast: float
    weight: float

    def overlaps(self, box: tuple[float, float, float, float]) -> bool:
        """Whether the group's middle lies in `box` (left, top, right, bottom of the reduced picture)."""
        height, width = self.mask.shape
        x, y = self.left + 0.5 * width, self.top + 0.5 * height
        return bool(box[0] <= x <= box[2] and box[1] <= y <= box[3])

    def is_same(self, other: "StrokeGroup") -> bool:
        """Whether two groups hold the same strokes but for a pixel here and there."""
        if self.bright is not other.bright or self.mask.shape != other.mask.shape:
            return False
        if (self.left, self.top) != (other.left, other.top):
            return False
        apart = cv2.countNonZero(cv2.bitwise_xor(self.mask, other.mask))
        return apart <= APART * cv2.countNonZero(self.mask)


@dataclass(frozen=True)
class _Parts:
    """Connected components: arrays of shape (n,), `boxes` (n, 4) as left, top, right, bottom (exclusive)."""

    labels: Labels
    area: Floats
    thickness: Floats
    boxes: NDArray[np.intp]

    def length(self) -> Floats:
        """The diagonals of the boxes."""
        sides = self.boxes[:, 2:] - self.boxes[:, :2]
        return np.asarray(np.hypot(sides[:, 0], sides[:, 1]), np.float64)


def stroke_groups(image: Image, least: float) -> list[StrokeGroup]:
    """The heaviest groups of strokes of a (reduced) colour picture that contrast by at least `least`."""
    soft = np.asarray(cv2.blur(image, (3, 3)), np.uint8)
    size = max(7, round(KERNEL_SHARE * max(image.shape[:2]))) | 1
    kernel = np.ones((size, size), np.uint8)
    found: list[StrokeGroup] = []
    for bright in (False, True):
        contrast = _contrast(soft, kernel, bright)
        found.extend(_groups(contrast, least, bright))
    found.sort(key=lambda group: -group.weight)
    kept: list[StrokeGroup] = []
    for group in found:
        if len(kept) < MOST_GROUPS and not any(_same(group, other) for other in kept):
            kept.append(group)
    return kept


def _same(group: StrokeGroup, other: StrokeGroup) -> bool:
    """Whether two groups hold the same strokes; components of like thickness may be gathered twice."""
    if group.bright is not other.bright:
        return False
    height, width = np.minimum(group.mask.shape, other.mask.shape)
    near = abs(group.left - other.left) < 0.1 * height and abs(group.top - other.top) < 0.1 * height
    size = np.abs(np.subtract(group.mask.shape, other.mask.shape)).max()
    return bool(near and size < 0.1 * height + 0.02 * width)


def _contrast(soft: Image, kernel: Mask, bright: bool) -> Patch:
    """How much darker (brighter) each pixel is than what surrounds a stroke, of the brighter one of the two.

    Over the sum of the channels: a coloured light counts, the noise of a dark channel does not.
    """
    if bright:
        step = cv2.subtract(soft, cv2.morphologyEx(soft, cv2.MORPH_OPEN, kernel))
        base = soft
    else:
        base = np.asarray(cv2.morphologyEx(soft, cv2.MORPH_CLOSE, kernel), np.uint8)
        step = cv2.subtract(base, soft)
    total = np.ones((1, 3), np.float32)
    whole = cv2.transform(base.astype(np.float32), total) + 3 * FLOOR
    return np.asarray(cv2.divide(cv2.transform(step.astype(np.float32), total), whole), np.float32)


def _groups(contrast: Patch, least: float, bright: bool) -> list[StrokeGroup]:
    parts = _parts(_at_half(contrast, least))
    kept = np.flatnonzero(parts.area >= SMALLEST_PX)
    if len(kept) > MOST_PARTS:
        kept = kept[np.argsort(-parts.area[kept], kind="stable")[:MOST_PARTS]]
    length = parts.length()
    # long, and nothing but its own length: the edge of a frame
    line = (length > LONGEST * parts.thickness) & (parts.area < 1.6 * parts.thickness * length)
    kept = np.array([i for i in kept if not line[i] and not _is_frame(parts, int(i))], np.intp)
    groups: list[StrokeGroup] = []
    for usual in _usual(parts.thickness[kept], parts.area[kept]):
        like = kept[(parts.thickness[kept] > 0.5 * usual) & (parts.thickness[kept] < 1.9 * usual)]
        groups.extend(_rows(contrast, parts, like, usual, bright))
    return groups


def _at_half(contrast: Patch, least: float) -> Mask:
    """Where the contrast is about half of the most that its own component has; a bright stroke's halo is out.

    Shape as `contrast`, 1 on strokes; components that reach `least` nowhere are not there.
    """
    mask = (contrast > least).astype(np.uint8)
    count, labels = cv2.connectedComponents(mask, connectivity=8)
    inside = mask > 0
    of, level = labels[inside].astype(np.intp), contrast[inside]
    most = np.zeros(count, np.float32)
    np.maximum.at(most, of, level)
    mask[inside] = level > HALF * most[of]
    return mask


def _parts(mask: Mask) -> _Parts:
    """The components of `mask`; the background is the first, and empty.

    The thickness follows from the mean distance of pixels from the edge, a quarter of a band's width: places
    where digits touch count for no more than they are.
    """
    count, found = cv2.connectedComponents(mask, connectivity=8)
    labels = np.asarray(found, np.int32)
    boxes = np.zeros((count, 4), np.intp)
    if count < 2:
        return _Parts(labels, np.zeros(count), np.ones(count), boxes)
    points = cv2.findNonZero(mask)
    x, y = (column.astype(np.intp) for column in points.reshape(-1, 2).T)
    of = labels[y, x]
    distance = np.minimum(cv2.distanceTransform(mask, cv2.DIST_L2, 3)[y, x], max(mask.shape))
    area = np.bincount(of, minlength=count).astype(np.float64)
    total = np.bincount(of, weights=distance, minlength=count)
    thickness = np.maximum(4 * total / np.maximum(area, 1) - 2.0, 1.0)
    boxes[:, :2] = max(mask.shape)
    for column, values in ((0, x), (1, y)):
        np.minimum.at(boxes[:, column], of, values)
        np.maximum.at(boxes[:, column + 2], of, values + 1)
    return _Parts(labels, area, thickness, boxes)


def _is_frame(parts: _Parts, index: int) -> bool:
    """Whether a component runs around others, or nothing: wider than a digit, its middle not its own."""
    left, top, right, bottom = (int(v) for v in parts.boxes[index])
    wide, tall = right - left, bottom - top
    if wide < 0.95 * tall or wide < 20:
        return False
    middle = parts.labels[top + tall // 3 : bottom - tall // 3, left + wide // 3 : right - wide // 3]
    inner = parts.labels[top + tall // 4 : bottom - tall // 4, left + wide // 6 : right - wide // 6]
    if float((middle == index).mean()) >= EMPTY:
        return False
    if float(((inner > 0) & (inner != index)).mean()) > 0.5 * EMPTY:
        return True
    own = parts.labels[top:bottom, left:right] == index
    level = (own[: tall // 4], own[tall - tall // 4 :])
    return wide > 1.3 * tall and all(float(side.any(axis=0).mean()) > CLOSED for side in level)


def _usual(thickness: Floats, area: Floats) -> list[float]:
    """The thicknesses of which strokes are longest, at most three, in steps of half an octave."""
    if not len(thickness):
        return []
    step = np.rint(2 * np.log2(thickness)).astype(np.intp)
    step -= step.min()
    length = area / thickness
    whole = np.bincount(step, weights=length)
    usual: list[float] = []
    for index in np.argsort(-whole, kind="stable"):
        if len(usual) == 3 or whole[index] < 0.08 * whole.sum():
            break
        here = step == index
        usual.append(float(np.average(thickness[here], weights=length[here])))
    return usual


def _rows(
    contrast: Patch, parts: _Parts, like: NDArray[np.intp], usual: float, bright: bool
) -> list[StrokeGroup]:
    """Groups of the components `like` whose boxes are near each other along a row."""
    groups: list[StrokeGroup] = []
    for members in _linked(_near(parts.boxes[like], usual)):
        box = _around(parts.boxes[like[members]])
        if len(members) <= MOST_STROKES and _is_row(box, usual):
            groups.extend(_cut_anew(contrast, parts, like[members], usual, bright))
    groups.sort(key=lambda group: -group.weight)
    return groups[:MOST_GROUPS]


def _is_row(box: Box, usual: float) -> bool:
    """Whether strokes of the thickness `usual` in `box` can be digits."""
    height = box[3] - box[1]
    return max(LEAST_PX, LEAST_HEIGHT * usual) <= height <= MOST_HEIGHT * usual


def _around(boxes: NDArray[np.intp]) -> Box:
    """The box around `boxes` (n, 4)."""
    left, top = boxes[:, :2].min(axis=0)
    right, bottom = boxes[:, 2:].max(axis=0)
    return int(left), int(top), int(right), int(bottom)


def _near(boxes: NDArray[np.intp], usual: float) -> NDArray[np.bool_]:
    """Which pairs of `boxes` (n, 4) stand beside each other as strokes of a row do, shape (n, n)."""
    reach = np.array([REACH_ALONG, REACH_ACROSS]) * usual
    low, high = boxes[:, :2] - reach, boxes[:, 2:] + reach
    apart = (low[:, None] > high[None, :]).any(axis=2) | (high[:, None] < low[None, :]).any(axis=2)
    return np.asarray(np.logical_not(apart), np.bool_)


def _linked(near: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
    """The sets of indices that hang together through pairs that are `near`."""
    left = np.ones(len(near), np.bool_)
    sets: list[NDArray[np.intp]] = []
    while left.any():
        members = np.zeros(len(near), np.bool_)
        members[np.argmax(left)] = True
        count = 0
        while members.sum() > count:
            count = int(members.sum())
            members = near[members].any(axis=0) & left
        sets.append(np.flatnonzero(members))
        left &= ~members
    return sets


def _cut_anew(
    contrast: Patch, parts: _Parts, members: NDArray[np.intp], usual: float, bright: bool
) -> list[StrokeGroup]:
    """The strokes `members` at half of their common contrast: one group, or what it falls into."""
    left, top, right, bottom = _around(parts.boxes[members])
    window = (slice(top, bottom), slice(left, right))
    wanted = np.zeros(len(parts.area), np.bool_)
    wanted[members] = True
    own = wanted[parts.labels[window]]
    part = contrast[window]
    typical = float(np.percentile(part[own], 80))
    mask = (own & (part > 0.5 * typical)).astype(np.uint8)
    strokes = _parts(mask)
    kept = 1 + np.flatnonzero(strokes.area[1:] >= SMALLEST_PX)
    groups: list[StrokeGroup] = []
    for again in _linked(_near(strokes.boxes[kept], usual)):
        x0, y0, x1, y1 = inner = _around(strokes.boxes[kept[again]])
        if not _is_row(inner, usual):
            continue
        chosen = np.zeros(len(strokes.area), np.bool_)
        chosen[kept[again]] = True
        area = float(strokes.area[chosen].sum())
        thickness = float(np.average(strokes.thickness[chosen], weights=strokes.area[chosen]))
        # what makes a row of digits is the length of its strokes, and that they are thin
        weight = area / thickness**1.5 * typical
        alone = chosen[strokes.labels[y0:y1, x0:x1]].astype(np.uint8) * 255
        groups.append(StrokeGroup(alone, left + x0, top + y0, thickness, bright, typical, weight))
    return groups

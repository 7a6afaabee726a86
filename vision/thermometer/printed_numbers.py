"""Checks a thermometer's numbering against the numbers printed beside its long marks.

The description says which number stands where; the recogniser says how likely each number looks. Nothing is
read that was not stated: the stated numbering is compared with those that are whole labels off.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.graduation import Graduation, NumberingFault
from vision.numerals import EXTRA, NumeralEvidence, NumeralReader, numeral_reader
from vision.reading import Reason
from vision.station import Direction, Side

Gray = NDArray[np.uint8]

MOST_CROPS, LEAST_READ = 4, 2  # numbers that are looked at, and that must be legible to contradict
ENOUGH = 2  # of them, that agree with what is stated
FARTHEST = 12  # labels by which a numbering may be wrong and still be found out
LEGIBLE = 0.2  # probability of a number that counts as read
WRONG_NUMERAL = 1e-4  # probability of a number under any numbering: glare, dirt, a mark taken for print
MARGIN = 6.0  # natural logarithm: one numbering is 400 times likelier than the other
START, ROOM, HALF_HEIGHT = 0.85, 2.5, 0.6  # of a long mark's length: where print is looked for beyond it
BESIDE = 0.35  # of that room: what is plate
OF_PITCH = 0.48  # of the distance of numbers, as half the height
INK = 0.4  # of the marks' contrast
LEAST_HEIGHT_PX = 6
AROUND = 0.25  # of the print's height, shown around it
SLACK_PX, SAME_PRINT = 2, 0.93  # by how much print may have moved, and its correlation with what it was

UNCHECKED = "the numbering was not checked against the printed numbers"


Verdict = tuple[str, ...] | NumberingFault
Numbering = tuple[int, Direction | None, tuple[int, ...]]  # the zero, the sense, the marks looked at


@dataclass(frozen=True)
class NumberWindow:
    """The part of an upright picture beyond the numbered mark `index` in which its number is looked for.

    `part` (height, width), dark print on bright ground, begins at the mark's end; `plate` is that part of it
    which is plate, whatever lies beyond; print is darker than it by `ink` gray values.
    """

    index: int
    part: Gray
    plate: Gray
    ink: float

    def printed(self, turned: bool) -> Gray | None:
        """The number's picture (height, width), turned half round or not; None where none is whole in it."""
        picture = _print_in(self.part, self.plate, self.ink)
        return picture if picture is None or not turned else picture[::-1, ::-1]


class NumberCheck:
    """Compares stated with printed numbers.

    The recogniser takes longer than all else together: print that looks as it did last is not read again.
    """

    def __init__(self, reader: NumeralReader | None = None) -> None:
        """A check by `reader`; by that of the process where none is given."""
        self._reader = reader
        self._last: tuple[Numbering, list[Gray], Verdict] | None = None

    def judged(self, upright: Gray, graduation: Graduation) -> Verdict:
        """What to note beside a reading by `graduation`, found in `upright`; or why its numbers are wrong."""
        if graduation.scale.label_every is None:
            return (f"{UNCHECKED}: label_every is not stated",)
        reader = self._reader or numeral_reader()
        if reader is None:
            return (f"{UNCHECKED}: that takes the package {EXTRA}",)
        windows = number_windows(upright, graduation)
        if not windows:
            return (f"{UNCHECKED}: none was found beside the long marks",)
        sense = graduation.scale.increases
        numbering = graduation.zero_number, sense, tuple(window.index for window in windows)
        last = self._last
        plates = [window.plate for window in windows]
        if last is not None and last[0] == numbering and all(map(_same_print, last[1], plates)):
            return last[2]
        verdict = _compared(windows, reader, graduation)
        self._last = numbering, [plate.copy() for plate in plates], verdict
        return verdict


def _same_print(before: Gray, now: Gray) -> bool:
    """Whether two pictures of a number, which may have moved by a pixel or two, are alike."""
    inner = before[SLACK_PX:-SLACK_PX, SLACK_PX:-SLACK_PX]
    if min(inner.shape) < 1 or inner.shape[0] > now.shape[0] or inner.shape[1] > now.shape[1]:
        return False
    return bool(cv2.matchTemplate(now, inner, cv2.TM_CCOEFF_NORMED).max() > SAME_PRINT)


def _compared(windows: list[NumberWindow], reader: NumeralReader, graduation: Graduation) -> Verdict:
    turned = graduation.scale.increases is Direction.DOWN  # the whole picture stands on its head
    found = [(window.index, picture) for window in windows if (picture := window.printed(turned)) is not None]
    if not found:
        return (f"{UNCHECKED}: none was found beside the long marks",)
    # the outermost two mostly settle it: looking takes longer than all else
    order = [found[0], *found[:0:-1]]
    evidence: list[NumeralEvidence] = []
    verdict: Verdict = ()
    for some in (order[:ENOUGH], order[ENOUGH:]):
        if evidence and (verdict == () or not some):
            break
        evidence += reader.look([np.dstack([picture] * 3) for _, picture in some])
        verdict = _verdict([index for index, _ in order[: len(evidence)]], evidence, graduation)
    return verdict


def number_windows(upright: Gray, graduation: Graduation) -> list[NumberWindow]:
    """Where up to `MOST_CROPS` numbers should be, beyond marks from one end of the scale to the other.

    Numbers whose place is not in the picture are left out.
    """
    column, scale = graduation.column, graduation.scale
    numbered = np.flatnonzero([bool(text) for text in graduation.labels])
    if scale.label_every is None or not len(numbered):
        return []
    if len(numbered) > MOST_CROPS:
        numbered = numbered[np.rint(np.linspace(0, len(numbered) - 1, MOST_CROPS)).astype(np.intp)]
    longest = float(np.median(column.length[numbered]))
    half = round(min(OF_PITCH * scale.label_every * column.period, HALF_HEIGHT * longest + 4))
    away = 1.0 if column.side is Side.RIGHT else -1.0
    windows = []
    for k in numbered.tolist():
        near, far = column.near[k], column.far[k]
        x, y = 0.5 * (near + far)
        start = column.inner_x + column.tilt * y + away * START * longest
        stop = start + away * (ROOM * longest + 10)
        left, right = max(0, round(min(start, stop))), max(0, round(max(start, stop)))
        # the marks may rise a little towards their far ends
        slope = (far[1] - near[1]) / (far[0] - near[0])
        middle = round(y + slope * (0.5 * (left + right) - x))
        part = upright[max(0, middle - half) : max(0, middle + half + 1), left:right]
        beside = round(BESIDE * part.shape[1])
        if min(part.shape) < 2 * LEAST_HEIGHT_PX or beside < 1:
            continue
        if not column.dark:
            part = np.asarray(255 - part, np.uint8)
        plate = part[:, :beside] if away > 0 else part[:, -beside:]
        windows.append(NumberWindow(int(column.index[k]), part, plate, INK * float(column.contrast[k])))
    return windows


def _print_in(part: Gray, plate: Gray, least: float) -> Gray | None:
    """The row of characters in the middle of `part`; None where there is none, or it is cut off.

    Print is darker than the `plate` by `least` gray values.
    """
    shade = float(np.median(plate))
    mask = np.asarray(part < shade - max(8.0, least), np.uint8)
    _, _, stats, centres = cv2.connectedComponentsWithStats(mask, connectivity=8)
    left, top = stats[:, cv2.CC_STAT_LEFT], stats[:, cv2.CC_STAT_TOP]
    right, bottom = left + stats[:, cv2.CC_STAT_WIDTH], top + stats[:, cv2.CC_STAT_HEIGHT]
    whole = (left > 0) & (top > 0) & (right < part.shape[1]) & (bottom < part.shape[0])
    whole[0] = False  # the ground
    height = np.where(whole, bottom - top, 0)
    tallest = int(height.max())
    if tallest < LEAST_HEIGHT_PX:
        return None
    near = np.abs(centres[:, 1] - 0.5 * (part.shape[0] - 1)) < 0.7 * tallest
    characters = np.flatnonzero(whole & near & (height > 0.6 * tallest))
    if not len(characters):
        return None
    order = characters[np.argsort(left[characters])]
    gaps = np.flatnonzero(left[order[1:]] - right[order[:-1]] > 0.8 * tallest)
    if len(gaps):
        order = order[: int(gaps[0]) + 1]
    around = round(AROUND * tallest) + 1
    rows = max(0, int(top[order].min()) - around), int(bottom[order].max()) + around
    columns = max(0, int(left[order].min()) - around), int(right[order].max()) + around
    return np.ascontiguousarray(part[rows[0] : rows[1], columns[0] : columns[1]])


def _verdict(indices: list[int], evidence: list[NumeralEvidence], graduation: Graduation) -> Verdict:
    """The stated numbering against those that are up to `FARTHEST` labels off."""
    scale = graduation.scale
    assert scale.label_every is not None
    sense = 1 if scale.increases is Direction.DOWN else -1  # marks are counted downwards
    divisions = [sense * (index - graduation.zero_number) for index in indices]
    shifts = [0, *(k for k in range(-FARTHEST, FARTHEST + 1) if k)]
    values = np.add.outer(divisions, np.multiply(shifts, scale.label_every)) * scale.division
    formats = ("g", ".1f") if scale.division < 1 else ("g",)
    each = np.stack([_log_likelihoods(evidence, values, style) for style in formats])
    each = each[int(np.argmax(each.sum(axis=1).max(axis=1)))]  # the format of the best numbering
    total = each.sum(axis=0)
    other = 1 + int(np.argmax(total[1:]))
    lead = float(total[0] - total[other])
    if lead > MARGIN:
        return ()
    legible = np.flatnonzero(each[:, other] > np.log(LEGIBLE))
    if lead < -MARGIN and len(legible) >= LEAST_READ:
        at = int(legible[0])
        stated = divisions[at] * scale.division
        looks = stated + shifts[other] * scale.label_every * scale.division
        return NumberingFault(
            Reason.INCONSISTENT_NUMBERING,
            f"the numbers printed on the scale are not those that are stated: {looks:g} stands where "
            f"{stated:g} should",
        )
    return (f"{UNCHECKED}: they are not legible",)


def _log_likelihoods(
    evidence: list[NumeralEvidence], values: NDArray[np.float64], style: str
) -> NDArray[np.float64]:
    """Natural logarithms of the probabilities of `values` (numbers, numberings) as printed in a `style`."""
    each = []
    for seen, row in zip(evidence, values, strict=True):
        # signs and decimal points are not read
        digits = [f"{abs(round(value, 6)):{style}}".replace(".", "") for value in row.tolist()]
        each.append(seen.log_likelihoods(digits))
    return np.maximum(np.stack(each), np.log(WRONG_NUMERAL))

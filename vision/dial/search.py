"""Finds the dial of a station in a picture: its ticks, measured and numbered."""

from dataclasses import dataclass
from itertools import chain

import cv2
import numpy as np

from vision.dial.face import Centre, Gray, find_centres, find_rim_centres, find_ticks
from vision.dial.graduation import number_ring
from vision.dial.halving import Numerals, numerals_of
from vision.dial.ring import find_rings
from vision.dial.ticks import TickRing, measure_ticks
from vision.instrument import Region
from vision.reading import Reason

LEAST_PX = 80  # of the shorter side of a picture of a dial
SMALL_PX = 700  # of the longer side: smaller pictures are enlarged, so that ticks are more than a few pixels
SURE = 1.75  # score of a ring that needs no comparison with others
LEAST_SCORE = 0.7
LEAST_SEEN = 0.6
LEAST_MARGIN = 2.0  # ticks by which a numbering must be better than the next
MOST_SCATTER = 0.12  # of a pitch: ticks that lie less regularly are no ticks
DARK = 40.0  # 95 % of the picture below this grey
BURNT = 0.7  # share of the picture at the top of the range


@dataclass(frozen=True)
class NoDial:
    """Why there is no dial of the station in the picture."""

    reason: Reason
    detail: str


def find_dial(gray: Gray, count: int, every: int, region: Region | None) -> TickRing | NoDial:
    """The ring of `count` ticks, each `every`-th of them long, in `gray` (height, width) or a part of it."""
    x, y = 0, 0
    if region is not None:
        x, y, width, height = region
        gray = np.ascontiguousarray(gray[y : y + height, x : x + width])
    scale = max(1.0, SMALL_PX / max(1, *gray.shape)) if min(gray.shape) >= LEAST_PX else 1.0
    if scale > 1:
        gray = np.asarray(cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), np.uint8)
    found = _searched(gray, count, every)
    return found if isinstance(found, NoDial) else found.placed(float(x), float(y), scale)


def _searched(gray: Gray, count: int, every: int) -> TickRing | NoDial:
    if min(gray.shape) < LEAST_PX:
        return NoDial(
            Reason.NO_DIAL, f"the picture has {gray.shape[1]} × {gray.shape[0]} pixels: too few for a dial"
        )
    best: TickRing | None = None
    most = 0
    dark = _bright_in_the_middle(gray)
    centres = chain(find_centres(gray, dark), find_centres(gray, not dark), find_rim_centres(gray, dark))
    for centre in centres:
        ring, seen = _at(gray, centre, count, every)
        most = max(most, seen)
        if ring is not None and (best is None or _better(ring, best)):
            best = ring
        if best is not None and best.score > SURE and not best.fault:
            break
    return _judged(gray, best, most, count, every)


def _bright_in_the_middle(gray: Gray) -> bool:
    """Whether most of the middle of the picture is nearer to its brightest than to its darkest parts."""
    height, width = gray.shape
    part = gray[height // 4 : -(height // 4) : 5, width // 4 : -(width // 4) : 5]
    low, middle, high = np.percentile(part, (3, 50, 97))
    return bool(2 * middle > low + high)


def _at(gray: Gray, centre: Centre, count: int, every: int) -> tuple[TickRing | None, int]:
    """The best ring around `centre`, and how many strokes the ring with the most of them has."""
    ticks = find_ticks(gray, centre)
    best: TickRing | None = None
    most = 0
    for ring in find_rings(ticks):
        most = max(most, len(ring.member))
        graduation = number_ring(ticks, ring, count, every)
        measured = measure_ticks(gray, graduation, every) if graduation is not None else None
        if measured is not None and (best is None or _better(measured, best)):
            best = measured
        if best is not None and best.score > SURE and not best.fault:
            break
    return best, most


def _better(one: TickRing, other: TickRing) -> bool:
    """Whether `one` is rather the station's scale than `other`."""
    return (not one.fault, one.score) > (not other.fault, other.score)


def _judged(gray: Gray, best: TickRing | None, most: int, count: int, every: int) -> TickRing | NoDial:
    """`best`, unless it is not to be believed."""
    if best is None or best.score < LEAST_SCORE or best.graduation.seen < LEAST_SEEN:
        return _nothing(gray, most, count)
    if best.fault:
        said = f"a ring of ticks is seen that is not the station's: {best.fault}"
        return NoDial(Reason.INCONSISTENT_NUMBERING, said)
    if best.scatter > MOST_SCATTER * best.graduation.pitch:
        return NoDial(Reason.NO_DIAL, "the strokes of the ring lie too irregularly to be ticks")
    numerals = numerals_of(gray, best, every) if best.halved else Numerals.UNSEEN
    if numerals is Numerals.AT_HALVES:
        said = f"each {every // 2}th tick is long and has a numeral, not each {every}th as the station says"
        return NoDial(Reason.INCONSISTENT_NUMBERING, said)
    margin = best.margin_by_numerals if numerals is Numerals.AT_MAJORS else best.margin
    if margin < LEAST_MARGIN:
        return NoDial(Reason.AMBIGUOUS, "it cannot be told which of the ticks is the minimum's")
    return best


def _nothing(gray: Gray, most: int, count: int) -> NoDial:
    """Why there is no ring of the station's ticks, of which `most` strokes lay on one ring at best."""
    coarse = cv2.resize(gray, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    bright = float(np.percentile(coarse, 95))
    if bright < DARK:
        return NoDial(Reason.DARK, f"the picture is dark: 95 % of it is below grey {bright:.0f} of 255")
    burnt = float((coarse >= 252).mean())
    if burnt > BURNT:
        return NoDial(Reason.OVEREXPOSED, f"{100 * burnt:.0f} % of the picture is burnt out")
    if most > 0.5 * count:
        said = f"a ring of {most} strokes is seen, but not one of the station's {count} ticks and long ticks"
        return NoDial(Reason.INCONSISTENT_NUMBERING, said)
    return NoDial(Reason.NO_DIAL, "there is no ring of ticks that could be a dial")

"""Which place of a ring is the minimum's, and whether a ring is that of the station at all."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

FAINT = 0.3  # of the usual strength: what still counts as a tick
LOST_SHARE = 0.03  # of the ticks that may be missing at an end: a scale does not end elsewhere than stated
STRAY_SHARE = 0.15  # of the ticks: what else may lie on the ring, such as print in the gap
BESIDE_PLACES, MOST_STRAY = 4, 2  # places beyond each end, and how many may be inked: a needle may lie there
LEAST_LONG = 0.2  # by how much the ink of long ticks exceeds that of short ones, at least
AS_LONG = 0.25  # of the difference between long and short ticks: ticks that differ by less are as long
MOST_SHORT, MOST_LONG = 0.3, 0.16  # shares of long ticks that look short, and of short ones that look long


@dataclass(frozen=True)
class Places:
    """The places of a lattice round a face, each with what is seen there.

    `index` (n,) rises by one from place to place; `inked` (n,) and `long` (3, n) are 1 where there is a tick,
    and a long one; `hidden` (n,) where the needle lies over it, so that what is seen says nothing.
    """

    index: NDArray[np.intp]
    inked: Values
    long: Values
    hidden: NDArray[np.bool_]

    def counted_from(self, offset: int) -> "Places":
        """The same with the place `offset` as the minimum's, 0."""
        return replace(self, index=self.index - offset)


def placed(places: Places, count: int, every: int) -> tuple[int, float, float, float]:
    """The place of the minimum's tick, how well it fits (at most about 2), by how many ticks it is best, and
    by how many without the places that lie half a major step off.
    """
    place = places.index
    offsets = np.arange(place[0], place[-1] - count + 2)
    scores = np.array([_score(places.counted_from(int(offset)), count, every) for offset in offsets])
    best = int(np.argmax(scores))
    away = np.abs(np.arange(len(offsets)) - best)
    halves = (2 * away) % (2 * every) == every if every % 2 == 0 else np.zeros(len(away), np.bool_)
    margins = []
    for others in (scores[away > 0], scores[(away > 0) & ~halves]):
        margins.append((float(scores[best]) - float(others.max())) * count if len(others) else float(count))
    return int(offsets[best]), float(scores[best]), margins[0], margins[1]


def _score(places: Places, count: int, every: int) -> float:
    """How well the ink at these places is that of `count` ticks."""
    index, inked, long = places.index, places.inked, places.long
    within = (index >= 0) & (index < count)
    score = float(inked[within].sum() - inked[~within].sum()) / count
    if every <= 1:
        return score
    # a tick that is not there says nothing of its length
    seen = within & (inked > FAINT)
    major, minor = seen & (index % every == 0), seen & (index % every != 0)
    if not major.any() or not minor.any():
        return score
    return score + float((long[:, major].mean(axis=1) - long[:, minor].mean(axis=1)).max())


def contradiction(places: Places, count: int, every: int) -> str:
    """What speaks against these places being `count` ticks from the place 0 on, each `every`-th long; empty
    where nothing does.
    """
    index, inked, long, hidden = places.index, places.inked, places.long, places.hidden
    seen = inked > FAINT
    within = (index >= 0) & (index < count)
    ticks = seen[within] | hidden[within]
    if not ticks.any():
        return "no tick is seen"
    lost = max(int(np.argmax(ticks)), int(np.argmax(ticks[::-1])))
    if lost > max(1, LOST_SHARE * count):
        return f"{lost} ticks are missing at an end of the scale"
    seen = seen & ~hidden
    before = int((seen & (index < 0) & (index >= -BESIDE_PLACES)).sum())
    after = int((seen & (index >= count) & (index < count + BESIDE_PLACES)).sum())
    stray = int((seen & ~within).sum())
    if before + after > MOST_STRAY or stray > MOST_STRAY + STRAY_SHARE * count:
        return f"there are ticks beyond the ends of a scale of {count}"
    return "" if every == 1 else _long_contradiction(index, within & seen, long, every)


def _long_contradiction(index: NDArray[np.intp], ticks: NDArray[np.bool_], long: Values, every: int) -> str:
    """What speaks against each `every`-th of the places that are `ticks` (n,) being long."""
    major, minor = ticks & (index % every == 0), ticks & (index % every != 0)
    if not major.any() or not minor.any():
        return "there are no long and short ticks"
    middle = np.median(long[:, major], axis=1), np.median(long[:, minor], axis=1)
    told = int(np.argmax(middle[0] - middle[1]))
    if middle[0][told] - middle[1][told] < LEAST_LONG:
        return f"each {every}th tick should be long, and is not"
    limit = 0.5 * (middle[0][told] + middle[1][told])
    # ticks of a middle length, or as long as the others but without numerals, halve the steps of many scales
    half = minor & (index % every == every // 2) if every % 2 == 0 else np.zeros_like(minor)
    short_majors = float((long[told, major] < limit).mean())
    long_minors = float((long[told, minor & ~half] > limit).sum()) / max(1, int((minor & ~half).sum()))
    if short_majors > MOST_SHORT or long_minors > MOST_LONG:
        return f"the long ticks are not each {every}th"
    return ""


def halved(places: Places, count: int, every: int) -> bool:
    """Whether the ticks half-way between the long ones are as long (and as broad) as they, at places that
    nothing contradicts.
    """
    index, inked, long = places.index, places.inked, places.long
    if every < 4 or every % 2:
        return False
    seen = (inked > FAINT) & (index >= 0) & (index < count)
    phase = index % every
    major, half = seen & (phase == 0), seen & (phase == every // 2)
    short = seen & (phase != 0) & ~half
    if not (major.any() and half.any() and short.any()):
        return False
    middle = [np.median(long[:, kind], axis=1) for kind in (major, half, short)]
    told = middle[0] - middle[2] > LEAST_LONG
    beside = np.abs(middle[0] - middle[1]) < AS_LONG * (middle[0] - middle[2])
    return bool(told.any() and beside[told].all())

"""Which number each division line of a tape has, from all numerals in the picture together."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.edges import smoothed
from vision.numerals import NumeralEvidence, NumeralReader
from vision.reading import Reason
from vision.station import Direction
from vision.tape.lattice import TapeLattice
from vision.tape.strip import ENLARGEMENT, TapeStrip

CELL = (0.04, 0.96)  # the part of the gap between two lines that is shown to the recogniser
BETWEEN_DIGITS = (
    0.11  # of a numbered division: wider than a gap inside a numeral, narrower than one beside it
)
BESIDE_NUMERAL = 0.14  # of a numbered division: what the recogniser is shown on either side
PHASES = 50
NEAR_A_MARK = 0.21  # of a numbered division; a quarter would be midway between line and half mark
FAR_OFF = 0.5  # of the tape's width: strokes that go on so far are no numeral
LARGEST_NUMBER = 999  # numerals of up to three digits
WRONG_NUMERAL = 1e-4  # likelihood of a numeral under any numbering: glare, dirt, a drop in front of it
LEAST_MARGIN = 6.0  # natural logarithm: the next best numbering is 400 times less likely
LEAST_LIKELY = 0.2  # of a numeral that counts as read


@dataclass(frozen=True)
class Numbering:
    """The numeral in the gap between lines k − 1 and k is `at_zero` + `step`·k (in numbered divisions).

    `named_at` says which mark of its gap a numeral names: 0 the line before it, ½ the half mark, 1 the line
    after it (along v). `margin`: natural logarithm of how much likelier this numbering is than the next best.
    """

    at_zero: int
    step: int
    named_at: float
    numerals_read: int
    numerals_seen: int
    margin: float

    def numeral(self, k: int) -> int:
        """The numeral between lines k − 1 and k."""
        return self.at_zero + self.step * k

    def value(self, k: float) -> float:
        """What the scale says at k, in numbered divisions."""
        return self.at_zero + self.step * (k + 1.0 - self.named_at)


@dataclass(frozen=True)
class Unnumbered:
    """No numbering: why."""

    reason: Reason
    detail: str


def number_lines(
    strip: TapeStrip,
    lattice: TapeLattice,
    reader: NumeralReader,
    per_numeral: int,
    increases: Direction | None,
) -> Numbering | Unnumbered:
    """The numbering that explains all numerals on `strip` best, or why there is none.

    `per_numeral` is what one numbered division adds to the numeral (1 where every one is numbered in its own
    unit). Numerals must follow one another; one that does not is outvoted, several are a contradiction.
    """
    named_at = _named_mark(strip, lattice)
    if named_at is None:
        return Unnumbered(
            Reason.AMBIGUOUS, "the numerals stand midway between two marks that they could name"
        )
    answer = Unnumbered(Reason.NO_SCALE, "no numeral is wholly in the picture")
    for cells in numeral_cells(strip, lattice):
        if cells:
            found = _numbering(cells, named_at, reader, per_numeral, increases)
            if isinstance(found, Numbering):
                return found
            answer = found
    return answer


Cells = list[tuple[int, NDArray[np.uint8]]]


def _numbering(
    cells: Cells, named_at: float, reader: NumeralReader, per_numeral: int, increases: Direction | None
) -> Numbering | Unnumbered:
    evidence = reader.look([pixels for _, pixels in cells])
    numbers = np.array([k for k, _ in cells])
    steps = [1, -1] if increases is None else [1 if increases is Direction.DOWN else -1]
    scored = [
        (score, at_zero, step)
        for step in steps
        for at_zero, score in _scores(evidence, numbers, step, per_numeral)
    ]
    scored.sort(reverse=True)
    (best, at_zero, step), runner_up = scored[0], scored[1][0]
    texts = [str((at_zero + step * int(k)) * per_numeral) for k in numbers]
    likely = [
        float(np.exp(seen.log_likelihoods([text])[0])) for seen, text in zip(evidence, texts, strict=True)
    ]
    read = sum(share >= LEAST_LIKELY for share in likely)
    if best - runner_up < LEAST_MARGIN:
        return Unnumbered(Reason.AMBIGUOUS, f"the {len(cells)} numerals fit more than one numbering")
    if read < 2 or 2 * read <= len(cells):
        return Unnumbered(
            Reason.INCONSISTENT_NUMBERING,
            f"only {read} of {len(cells)} numerals agree with the best numbering ({', '.join(texts)})",
        )
    return Numbering(at_zero, step, named_at, read, len(cells), best - runner_up)


def numeral_cells(strip: TapeStrip, lattice: TapeLattice) -> list[Cells]:
    """(k, picture) of the gap between lines k − 1 and k, for each whose numeral is wholly in the picture.

    Two lists, to be tried in turn: windows that follow the strokes of the numerals, and windows in the middle
    of the tape, for where strokes run into the ticks. None where the picture's side cuts the numerals off.
    """
    rows = strip.pixels.shape[0]
    gaps = []
    for k in range(lattice.first, lattice.last + 2):
        top, bottom = lattice.position(np.array([k - 1 + CELL[0], k - 1 + CELL[1]])) * ENLARGEMENT
        low, high = round(float(top)), round(float(bottom))
        if low >= -0.06 * (high - low) and high <= rows + 0.06 * (high - low):
            gaps.append((k, max(0, low), min(rows, high)))
    if not gaps:
        return []
    return [
        [
            (k, strip.pixels[low:high, first:last])
            for k, low, high in gaps
            if strip.inside[low:high, first:last].mean() > 0.9
        ]
        for first, last in _numeral_columns(strip, lattice, [(low, high) for _, low, high in gaps])
    ]


def _numeral_columns(
    strip: TapeStrip, lattice: TapeLattice, gaps: list[tuple[int, int]]
) -> list[tuple[int, int]]:
    """First and last (exclusive) column of the strip that the numerals may need; none where they are cut off.

    Numerals are made of upright strokes, ticks and lines are not. Where the strokes go on at the side of the
    tape's supposed middle, the tape's edge was not found right, and the window follows the numerals.
    """
    division = abs(lattice.division_px(0.0)) * ENLARGEMENT
    grey = smoothed(cv2.cvtColor(strip.pixels, cv2.COLOR_BGR2GRAY).astype(np.float64).T, 0.4 * ENLARGEMENT)
    change = np.abs(np.gradient(grey, axis=0))
    strokes = np.mean([np.quantile(change[:, low:high], 0.8, axis=1) for low, high in gaps], axis=0)
    strokes = smoothed(strokes, 0.03 * division)
    seen = strip.inside[gaps[0][0] : gaps[-1][1]].mean(axis=0) > 0.97
    u = strip.u
    middle = np.flatnonzero((u >= 0.25) & (u <= 0.75) & seen)
    if len(middle) == 0:
        return []
    fixed = np.flatnonzero((u >= 0.2) & (u <= 0.8))
    windows = [(int(fixed[0]), int(fixed[-1]) + 1)] if seen[fixed].all() else []
    busy = strokes > 0.4 * float(np.quantile(strokes[middle], 0.9))
    at = [int(i) for i in middle if busy[i]]
    low, high = at[0], at[-1]
    gap = max(1, round(BETWEEN_DIGITS * division))
    while low > 0 and busy[max(0, low - gap) : low].any():
        low -= 1
        if u[low] < 0.25 - FAR_OFF:
            return windows
    while high < len(u) - 1 and busy[high + 1 : high + 1 + gap].any():
        high += 1
        if u[high] > 0.75 + FAR_OFF:
            return windows
    room = round(BESIDE_NUMERAL * division)
    if not seen[max(0, low - room // 3) : high + room // 3].all():
        return []
    return [(max(0, low - room), min(len(u), high + room)), *windows]


def _named_mark(strip: TapeStrip, lattice: TapeLattice) -> float | None:
    """Which mark a numeral names: the line before it (0), the half mark (½) or the line after it (1).

    A numeral names the mark that its middle is nearest to. None where it is about as near to two of them.
    """
    u = strip.u
    grey = cv2.cvtColor(strip.pixels, cv2.COLOR_BGR2GRAY).astype(np.float64)
    change = np.abs(np.gradient(grey, axis=1))[:, (u > 0.3) & (u < 0.7)].mean(axis=1)
    rows = np.arange(len(change)) / ENLARGEMENT
    phases = np.arange(0.5, PHASES) / PHASES
    folded = []
    for k in range(lattice.first, lattice.last):
        profile = np.interp(lattice.position(k + phases), rows, change)
        folded.append(profile / max(float(profile.max()), 1e-9))
    strokes = np.median(folded, axis=0)
    # The centre of a circle's arc: where numerals stand on the lines themselves the arc wraps round.
    weight = np.clip(strokes - 0.5 * (strokes.min() + strokes.max()), 0.0, None)
    centre = float(np.angle((weight * np.exp(2j * np.pi * phases)).sum()) / (2 * np.pi)) % 1.0
    nearest = round(2.0 * centre) / 2.0
    return None if abs(centre - nearest) > NEAR_A_MARK else nearest


def _scores(
    evidence: list[NumeralEvidence], numbers: NDArray[np.int_], step: int, per_numeral: int
) -> list[tuple[int, float]]:
    """(numeral of gap 0, log-likelihood of all numerals) for every numbering within 0 … LARGEST_NUMBER."""
    largest = LARGEST_NUMBER // per_numeral
    texts = [str(number * per_numeral) for number in range(largest + 1)]
    tables = [np.logaddexp(seen.log_likelihoods(texts), np.log(WRONG_NUMERAL)) for seen in evidence]
    result = []
    offsets = step * numbers
    for at_zero in range(-int(offsets.max()) - 1, largest - int(offsets.min()) + 2):
        total = 0.0
        for table, offset in zip(tables, offsets, strict=True):
            number = at_zero + int(offset)
            # Before the first number and beyond the last nothing is printed: unlikely, not impossible.
            total += float(table[number]) if 0 <= number <= largest else float(np.log(WRONG_NUMERAL))
        result.append((at_zero, total))
    return result

"""From the signs of a row to a number: sign, digits, decimal point, held against the station's format."""

from dataclasses import dataclass
from math import exp

from vision.display.row import RowReading
from vision.display.segments import MINUS

LEAST_MARGIN = 3.0  # nats between a sign and the next: below that it is not read
SEEN, UNSEEN = 2.0, -3.0  # nats: from where a decimal point is there, below which it is not
MOST_MISREAD = 0.02  # of a whole number


@dataclass(frozen=True)
class Format:
    """What a station says of a display; None is unknown. `digits` counts neither the sign nor the point."""

    digits: int | None = None
    decimals: int | None = None
    signed: bool | None = None


@dataclass(frozen=True)
class Number:
    """A number as displayed: its value, how many decimals it has, and the probability that it was misread."""

    text: str
    value: float
    decimals: int
    misread: float
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Doubt:
    """Why the signs of a row are no number that can be trusted; a sentence's end."""

    said: str


def number_of(reading: RowReading, format_: Format) -> Number | Doubt:
    """The number that a row shows, or what speaks against one."""
    digits, negative = reading.digits, reading.beside.minus is not None
    doubt = _unclear(reading) or _against_format(digits, negative, format_)
    if doubt is not None:
        return doubt
    placed = _decimals([float(odd) for odd in reading.points], format_.decimals)
    if isinstance(placed, Doubt):
        return Doubt(f"the display shows {reading.text!r}, {placed.said}")
    right = 1.0 - placed.error
    for cell in reading.cells:
        right *= cell.probability
    if 1.0 - right > MOST_MISREAD:
        said = f"which is misread with a probability of {1.0 - right:.0%}"
        return Doubt(f"the display shows {reading.text!r}, {said}")
    decimals = placed.decimals
    written = digits if decimals == 0 else f"{digits[:-decimals]}.{digits[-decimals:]}"
    written = (MINUS if negative else "") + written
    # minus nothing is nothing
    return Number(written, float(written) + 0.0, decimals, 1.0 - right, placed.notes)


def _unclear(reading: RowReading) -> Doubt | None:
    """The first cell that is no digit, or could be another one."""
    for place, cell in enumerate(reading.cells, 1):
        if cell.sign is None:
            lit = cell.lit or "no"
            return Doubt(f"character {place} of the display is no digit (lit segments: {lit})")
        if cell.margin < LEAST_MARGIN:
            other = "no digit" if cell.rival is None else repr(cell.rival)
            return Doubt(f"character {place} of the display is {cell.sign!r} or {other}")
    shown = f"the display shows {reading.text!r}"
    if reading.shared:
        return Doubt(f"{shown}, but two characters share a stroke")
    if reading.beside.tall:
        return Doubt(f"{shown}, and beside it something as tall as a digit")
    if reading.beside.unclear:
        return Doubt(f"{shown}, and it is not clear whether a minus stands before it")
    return None


def _against_format(digits: str, negative: bool, format_: Format) -> Doubt | None:
    """What of the signs is no number, or cannot be on a display of this format."""
    shown = f"the display shows {(MINUS if negative else '') + digits!r}"
    if not digits.isdigit():
        return Doubt(f"{shown}, which is no number")
    if format_.digits is not None and len(digits) > format_.digits:
        return Doubt(f"{shown}, but it has {format_.digits} digits")
    if negative and format_.signed is False:
        return Doubt(f"{shown}, but it has no sign")
    return None


@dataclass(frozen=True)
class _Placed:
    """Where the decimal point is: how many decimals, and the probability that it is elsewhere."""

    decimals: int
    error: float
    notes: tuple[str, ...] = ()


def _decimals(odds: list[float], stated: int | None) -> _Placed | Doubt:
    """Where the decimal point is, by the `odds` (nats) of one after each digit and the `stated` decimals."""
    seen = [place for place, odd in enumerate(odds) if odd > SEEN]
    if len(seen) > 1:
        return Doubt(f"with {len(seen)} decimal points")
    last = len(odds) - 1
    if stated is None:
        return _decimals_unstated(odds, seen)
    if stated > last:
        return Doubt(f"but its format has {stated} decimals")
    expected = last - stated
    if seen and seen[0] != expected:
        return Doubt(f"with {last - seen[0]} decimals, but its format has {stated}")
    if stated == 0 or seen:
        return _Placed(stated, _error(odds, expected if seen else None))
    return _decimals_unseen(odds, stated)


def _decimals_unstated(odds: list[float], seen: list[int]) -> _Placed | Doubt:
    strongest = max(range(len(odds)), key=lambda place: odds[place])
    if seen:
        return _Placed(len(odds) - 1 - seen[0], _error(odds, seen[0]))
    if odds[strongest] > UNSEEN:
        return Doubt(f"and it is not clear whether a point follows its digit {strongest + 1}")
    return _Placed(0, _error(odds, None), ("the number of decimals is not stated; no point is seen",))


def _decimals_unseen(odds: list[float], stated: int) -> _Placed | Doubt:
    """No point is seen for certain: a faint one where it should be, and nowhere else, is believed."""
    expected = len(odds) - 1 - stated
    others = max((odd for place, odd in enumerate(odds) if place != expected), default=UNSEEN)
    if odds[expected] > UNSEEN and odds[expected] > others + SEEN:
        said = "the decimal point is faint; it is taken to be where the format has it"
        return _Placed(stated, min(0.5, exp(others - odds[expected])), (said,))
    return Doubt(f"without a decimal point, but its format has {stated} decimals")


def _error(odds: list[float], place: int | None) -> float:
    """The probability that the point is elsewhere than at `place` (None: that there is one)."""
    right = 0.0 if place is None else odds[place]
    others = [odd for index, odd in enumerate(odds) if index != place]
    if place is not None:
        others.append(0.0)
    wrong = sum(exp(min(50.0, odd - right)) for odd in others)
    return wrong / (1.0 + wrong)

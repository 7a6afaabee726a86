"""Seven segments: which are lit for which sign, and how likely each sign is by how dark each segment is."""

from dataclasses import dataclass
from math import exp, log

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SEGMENTS = "abcdefg"
BLANK, MINUS = " ", "-"
# signs with every way in which displays light them (6 and 9 without tails, 7 hooked), one sign's side by side
SIGNS: tuple[tuple[str, str], ...] = (
    ("0", "abcdef"),
    ("1", "bc"),
    ("2", "abdeg"),
    ("3", "abcdg"),
    ("4", "bcfg"),
    ("5", "acdfg"),
    ("6", "acdefg"),
    ("6", "cdefg"),
    ("7", "abc"),
    ("7", "abcf"),
    ("8", "abcdefg"),
    ("9", "abcdfg"),
    ("9", "abcfg"),
    (MINUS, "g"),
    (BLANK, ""),
)
NO_SIGN_PRIOR = 0.02  # of a cell: that it shows a letter, or that what is there is no display
MOST_ODDS = 14.0  # no single segment says more than this, in nats
SHADED = 0.4  # of the row's level: what a lit cell keeps in a shadow or behind a reflection
MOST_UNLIT = 0.45
FAINTEST = 1e-6  # ink: where there is none at all, everything is unlit
LEAST_SCATTER = 0.09  # of the lit level, however alike the segments of a row are

PATTERNS = np.array([[name in lit for name in SEGMENTS] for _, lit in SIGNS])
NAMES: tuple[str, ...] = tuple(dict.fromkeys(sign for sign, _ in SIGNS))
_FIRST = np.array([[sign for sign, _ in SIGNS].index(name) for name in NAMES])
_CODES = PATTERNS @ (1 << np.arange(7))
OTHERS = np.array([[bool(code >> bit & 1) for bit in range(7)] for code in range(128) if code not in _CODES])


@dataclass(frozen=True)
class Levels:
    """How much ink lit and unlit segments of a row hold, and the scatter about it.

    `lit` (cells, 7): shades and reflections give each segment its own level. `unlit` and `scatter` are shares
    of it; unlit segments may be seen (ghosts).
    """

    lit: Floats
    unlit: float
    scatter: float

    def odds(self, segments: Floats) -> Floats:
        """The logarithm of the odds that each of `segments` (cells, 7) is lit, in nats; the same shape."""
        share = segments / self.lit
        # beyond either level a segment is no less lit, or unlit
        lit = np.minimum((share - 1.0) / self.scatter, 0.0)
        unlit = np.maximum((share - self.unlit) / self.scatter, 0.0)
        return np.asarray(np.clip(0.5 * (unlit**2 - lit**2), -MOST_ODDS, MOST_ODDS), np.float64)


@dataclass(frozen=True)
class Cell:
    """What one cell shows: the likeliest sign (None: no sign of a number), its probability, and the next.

    `margin` in nats between the likeliest and the next different answer. `lit` are the segments that are lit.
    """

    sign: str | None
    probability: float
    margin: float
    rival: str | None
    lit: str


def levels_of(segments: Floats, ground: Floats) -> Levels:
    """The levels of lit and unlit segments; `segments` and the `ground` under them of shape (cells, 7).

    A cell whose strongest segment reaches SHADED of the row's is taken to be lit in another light, and
    gets its own level; below that its segments are ghosts, and count against the row's level. Where the
    level follows the brightness of the background better, a reflection's edge goes through a cell.
    """
    strongest = np.maximum(segments.max(axis=1), FAINTEST)
    ranked = np.sort(strongest)[::-1]
    whole = float(np.median(ranked[ranked > 0.6 * ranked[0]]))
    high = segments > 0.6 * np.maximum(strongest, SHADED * whole)[:, None]
    number = high.sum(axis=1)
    own = np.maximum(np.where(high, segments, 0.0).sum(axis=1) / np.maximum(number, 1), FAINTEST)
    lit = np.repeat(np.where(strongest >= SHADED * whole, own, whole)[:, None], 7, axis=1)
    on = segments > 0.45 * lit
    if on.sum() >= 6 and np.ptp(ground[on]) > 0.25:
        slope, offset = np.polyfit(ground[on], segments[on], 1)
        follows = np.clip(offset + slope * ground, SHADED * whole, 1.4 * whole)
        if _off(segments, follows).sum() < 0.8 * _off(segments, lit).sum():
            lit = follows
    away = np.sort(_off(segments, lit))
    # from the upper quartile, as if normal
    best = float(away[(3 * len(away)) // 4]) / 1.15 if len(away) > 2 else 0.0
    share = segments / lit
    off = share[share <= 0.5]
    unlit = min(max(0.0, float(np.median(off))), MOST_UNLIT) if len(off) else 0.0
    if len(off) > 2:
        best = max(best, 1.4826 * float(np.median(np.abs(off - unlit))))
    return Levels(lit, unlit, max(best, LEAST_SCATTER))


def _off(segments: Floats, lit: Floats) -> Floats:
    """How far each lit segment lies off its level, as a share of it; shape (n,)."""
    share = segments / lit
    return np.asarray(np.abs(share[share > 0.4] - 1.0), np.float64)


def cells_of(odds: Floats) -> tuple[Cell, ...]:
    """The signs of cells from their segments' `odds` (cells, 7), each sign as likely as another before."""
    each = odds @ PATTERNS.T.astype(np.float64) + log((1 - NO_SIGN_PRIOR) / len(PATTERNS))
    other = odds @ OTHERS.T.astype(np.float64) + log(NO_SIGN_PRIOR / len(OTHERS))
    signs = np.logaddexp.reduceat(each, _FIRST, axis=1)
    worth = np.column_stack([signs, np.logaddexp.reduce(other, axis=1)])
    whole = np.logaddexp.reduce(worth, axis=1)
    order = np.argsort(-worth, axis=1, kind="stable")
    names = (*NAMES, None)
    cells = []
    for row, total, ranks, odd in zip(worth, whole, order, odds, strict=True):
        best, second = int(ranks[0]), int(ranks[1])
        lit = "".join(name for name, value in zip(SEGMENTS, odd, strict=True) if value > 0)
        probability = exp(float(row[best] - total))
        cells.append(Cell(names[best], probability, float(row[best] - row[second]), names[second], lit))
    return tuple(cells)

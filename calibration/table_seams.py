"""Whether one bad row explains what is seen around a row of a table, or a seam of the shell.

Around the row the table follows a polynomial. One bad row adds to it what no other row has; a seam (a head
meets the cylinder, the liquid reaches the other end of a tilted tank) changes its curvature from a place on,
for all the rows beyond: V gains c·(x - s)² or a higher power (a knuckle has two such places). Both are
fitted, and what they leave is compared.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_REACH = 8  # rows on either side
_DEGREES = (2, 3, 4, 5)
_POWERS = (2.0, 2.5, 3.0)
_POWER_AT_ENDS = 1.5  # a lying tank begins with the height to this power, and ends so too
_BETWEEN = (0.0, 0.5)  # where seams are looked for, in steps beyond a row
_AT_ENDS = (-1.0, -0.5, 0.0, 0.5)  # where a lying tank begins or ends, in steps inside of the outermost row
_FREEDOM_MIN = 3
_ROWS_BESIDE_MIN = 4  # on either side: with fewer, a seam and a bad row beside it are not told apart
_APART_MIN = 0.02  # of a bad row's sum of squares that must be left beside a seam
_TINY = 1e-9


@dataclass(frozen=True)
class Explained:
    """Variance of the rows about the best explanation with a bad row, and about the best without; `size` of
    the bad row and its standard uncertainty with the former.
    """

    with_bad_row: float
    without: float
    size: float
    u_size: float

    @property
    def ratio(self) -> float:
        """How many times more is left without a bad row than with one; 0 where the rows are too few."""
        return self.without / self.with_bad_row if np.isfinite(self.with_bad_row) else 0.0


def explained(x: Array, series: tuple[Array, ...], row: int, floor: float) -> Explained:
    """What is left around `row` with and without a bad row there, in whichever of the series (the volumes,
    their deviations from shapes; NaN where one says nothing) leaves least.

    `floor`: standard deviation that rounding alone leaves.
    """
    near = np.arange(max(0, row - _REACH), min(x.size, row + _REACH + 1))
    at = int(row - near[0])
    t = np.asarray((x[near] - x[row]) / np.max(np.abs(x[near] - x[row])))
    seams = _seams(t, begins=near[0] == 0, ends=near[-1] == x.size - 1)
    spike = np.zeros(near.size)
    spike[at] = 1.0
    between = min(at, near.size - 1 - at) >= _ROWS_BESIDE_MIN
    best = (np.inf, 0.0, np.inf)
    without = np.inf
    for degree in _DEGREES:
        freedom = near.size - degree - 1
        if freedom - 1 < _FREEDOM_MIN:
            continue
        base, _ = np.linalg.qr(np.vander(t, degree + 1))
        rest_spike = spike - base @ (base.T @ spike)
        rest_seams = seams - base @ (base.T @ seams)
        for values in series:
            y = values[near]
            if not np.all(np.isfinite(y)):
                continue
            rest = y - base @ (base.T @ y)
            best = min(best, _bad_row(rest, rest_spike, freedom, floor))
            if between and freedom - 3 >= _FREEDOM_MIN:
                best = min(best, _bad_row_and_seam(rest, rest_spike, rest_seams, freedom, floor))
            without = min(without, floor**2 + _least(rest, rest_seams, freedom))
    return Explained(best[0], without, best[1], best[2])


def _bad_row(rest: Array, spike: Array, freedom: int, floor: float) -> tuple[float, float, float]:
    """Variance that a bad row leaves, its size and the size's standard uncertainty."""
    share = float(spike @ spike)
    size = float(spike @ rest) / share
    left = max(float(rest @ rest) - size**2 * share, 0.0)
    variance = floor**2 + left / (freedom - 1)
    return variance, size, float(np.sqrt(variance / share))


def _bad_row_and_seam(
    rest: Array, spike: Array, seams: Array, freedom: int, floor: float
) -> tuple[float, float, float]:
    """The same with the one seam in addition that leaves least."""
    own = np.maximum(np.sum(seams**2, axis=0), _TINY**2)
    along = spike @ seams
    share = float(spike @ spike) - along**2 / own  # of the bad row, beside each seam
    apart = share > _APART_MIN
    sizes = (float(spike @ rest) - along * (rest @ seams) / own) / np.where(apart, share, np.inf)
    left = float(rest @ rest) - (rest @ seams) ** 2 / own - sizes**2 * share
    left[~apart] = np.inf
    k = int(np.argmin(left))
    variance = floor**2 + max(float(left[k]), 0.0) / (freedom - 3)
    return variance, float(sizes[k]), float(np.sqrt(variance / max(float(share[k]), _APART_MIN)))


def _seams(t: Array, *, begins: bool, ends: bool) -> Array:
    """Columns: what a seam at each place within the rows adds, shape (n, seams); the table may begin or end
    with them.
    """
    places = np.concatenate([t[:-1] + share * np.diff(t) for share in _BETWEEN])
    columns = [np.maximum(t - s, 0.0) ** p for p in _POWERS for s in places]
    for share in _AT_ENDS:
        if begins:
            columns.append(np.maximum(t - t[0] - share * (t[1] - t[0]), 0.0) ** _POWER_AT_ENDS)
        if ends:
            columns.append(np.maximum(t[-1] - share * (t[-1] - t[-2]) - t, 0.0) ** _POWER_AT_ENDS)
    return np.stack([c / np.max(np.abs(c)) for c in columns if np.count_nonzero(c) > 1], axis=1)


def _least(rest: Array, seams: Array, freedom: int) -> float:
    """Variance with no seam, one or two of them, whichever leaves least."""
    square = float(rest @ rest)
    along = rest @ seams
    products = seams.T @ seams
    own = np.diag(products).copy()
    own[own < _TINY] = np.inf
    lefts = [square / freedom, max(square - float(np.max(along**2 / own)), 0.0) / (freedom - 2)]
    if freedom > 4:
        with np.errstate(all="ignore"):
            both = np.outer(own, own)
            determinant = both - products**2
            gain = np.outer(along**2, own) + np.outer(own, along**2)
            gain = (gain - 2 * np.outer(along, along) * products) / determinant
            gain[~np.isfinite(gain) | ~(determinant > _TINY * both)] = 0.0
        lefts.append(max(square - float(np.max(gain)), 0.0) / (freedom - 4))
    return min(lefts)

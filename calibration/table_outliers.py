"""Which rows of a tank table stand out from their neighbours.

A row is judged by how far its deviation from a fitted shape lies from what the neighbours' deviations say:
the polynomial through two of them on either side. A rounded, smooth table keeps that distance within half a
last digit times one plus the sum of the polynomial's weights; noise is told from the rows around. A seam of
the shell makes rows stand out too: so one is named only where it alone explains what is seen better than
any seam does.
"""

import numpy as np
from numpy.typing import NDArray

from calibration.table_seams import explained

Array = NDArray[np.float64]

DEVIATIONS_MAX = 5.0  # robust standard deviations of the rows about their neighbours
ROUNDING_SHARE = 0.9  # of the largest distance that rounding alone can make: from there on a row is looked at
ROUNDING_SCATTER = 0.5  # robust standard deviation of rounding alone in last digits, where few rows tell it
BAD_ROW_RATIO_MIN = 1.35  # of the variances left without and with a bad row: that it explains more
BAD_ROW_DEVIATIONS_MIN = 5.0  # of its own standard uncertainty
ROUNDING_LEFT = 0.3  # standard deviation of rounding in last digits
ROWS_KEPT_MIN = 6
_CANDIDATES = 20
_NEIGHBOURS = 2
_AROUND = 8
_MAD_TO_SIGMA = 1.4826
_DIVISIBLE_SHARE = 0.9
_WHOLE = 1e-6
_UNITS = tuple(m * 10.0**k for k in range(6, -7, -1) for m in (5, 2, 1))


def outliers(
    x: Array, v: Array, deviations: Array, kept: NDArray[np.int_], rounding: float
) -> tuple[float, dict[int, float]]:
    """The threshold that holds for most of the `kept` rows, and those of them that stand out, with their
    size.

    The first and the last row have neighbours on one side only, and are judged by their step alone.
    """
    named: dict[int, float] = {}
    rows = kept.size
    while True:
        local, fine = _limited(x[kept], deviations[kept], rounding)
        over = np.abs(local) / fine
        candidates = [int(i) for i in np.argsort(over)[::-1][:_CANDIDATES] if over[i] > 1]
        series = (v[kept], np.where(_of_shape(v[kept], deviations[kept]), deviations[kept], np.nan))
        # A bad row makes its neighbours look bad: the one to name is that which explains the most.
        worst, most, size = -1, BAD_ROW_DEVIATIONS_MIN, 0.0
        for i in candidates:
            found = explained(x[kept], series, i, ROUNDING_LEFT * rounding)
            if found.ratio > BAD_ROW_RATIO_MIN and abs(found.size) > most * found.u_size:
                worst, most, size = i, abs(found.size) / found.u_size, found.size
        if worst < 0 or len(named) >= rows // 4 or kept.size <= ROWS_KEPT_MIN:
            return float(np.median(fine[1:-1])), named
        named[int(kept[worst])] = size
        kept = np.delete(kept, worst)


def rounding_unit(volumes: Array) -> float:
    """The unit that the volumes are multiples of: 1, 2 or 5 times a power of ten; bad rows do not count."""
    largest = max(float(np.median(np.abs(np.diff(volumes)))), _UNITS[-1])
    for unit in _UNITS:
        parts = volumes / unit
        whole = np.abs(parts - np.round(parts)) <= _WHOLE * np.maximum(1.0, 1e-6 * np.abs(parts))
        if unit <= largest and np.count_nonzero(whole) >= _DIVISIBLE_SHARE * volumes.size:
            return unit
    return _UNITS[-1]


def from_neighbours(x: Array, values: Array, row: int) -> float:
    """What two neighbours on either side say of a row's value."""
    near, weights = _near(x)
    return float(weights[row] @ values[near[row]])


def roughness(x: Array, values: Array, row: int) -> float:
    """The largest distance of a row near `row` from its neighbours when that row is left out."""
    near = np.delete(np.arange(x.size), row)[max(0, row - _AROUND) : row + _AROUND]
    xs, vs = x[near], values[near]
    if np.any(np.diff(xs) <= 0):
        return float("inf")
    local, _, _ = _local(xs, vs)
    return float(np.max(np.abs(local[1:-1])))


def _of_shape(v: Array, deviations: Array) -> NDArray[np.bool_]:
    """Where a deviation says something: not where the shape is empty, or full, and the table is not."""
    of_shape = v - deviations
    full = np.append(False, np.diff(of_shape) <= 0) & np.append(False, np.diff(v) > 0)
    return np.asarray(~(((of_shape <= 0) & (v > 0)) | full))


def _limited(x: Array, deviations: Array, rounding: float) -> tuple[Array, Array]:
    """By how much each row stands out from its neighbours, and how much rounding and noise allow."""
    local, noise, reach = _local(x, deviations)
    standard = np.abs(local / noise)
    scale = np.maximum(_MAD_TO_SIGMA * float(np.median(standard)), _around(standard))
    beyond = np.sqrt(np.maximum(scale**2 - (ROUNDING_SCATTER * rounding) ** 2, 0.0))
    fine = np.maximum(ROUNDING_SHARE * reach * rounding / 2, DEVIATIONS_MAX * beyond * noise)
    fine[0] = fine[-1] = np.inf
    return local, fine


def _around(standard: Array) -> Array:
    """Robust scale of the rows a little further off: a bad row spoils its nearest neighbours' values too."""
    n = standard.size
    offsets = np.concatenate(
        [-np.arange(_NEIGHBOURS + 1, _AROUND + 1), np.arange(_NEIGHBOURS + 1, _AROUND + 1)]
    )
    places = np.arange(n)[:, np.newaxis] + offsets
    inside = (places >= 0) & (places < n)
    values = np.where(inside, standard[np.clip(places, 0, n - 1)], np.inf)
    values.sort(axis=1)
    count = inside.sum(axis=1)
    rows = np.arange(n)
    lower, upper = np.maximum((count - 1) // 2, 0), count // 2
    middle = (values[rows, lower] + values[rows, np.minimum(upper, offsets.size - 1)]) / 2
    return np.where(count > 0, _MAD_TO_SIGMA * middle, 0.0)


def _local(x: Array, deviations: Array) -> tuple[Array, Array, Array]:
    """Each row's deviation less what its neighbours' deviations predict there, the noise of that difference
    and the sum of the sizes of its weights.

    The prediction is the polynomial through the nearest four, two on either side where there are two (at the
    first and the last row the straight line through the nearest two); the noise is that of independent rows
    of standard deviation one.
    """
    near, weights = _near(x)
    local = deviations - np.sum(weights * deviations[near], axis=1)
    for row in (1, x.size - 2):
        # With one neighbour on one side only, three rows beside it or four: both must say that it stands out.
        fewer = _without_furthest(x, near[row], row)
        other = float(deviations[row] - fewer @ deviations[near[row]])
        if abs(other) < abs(local[row]) or other * local[row] < 0:
            local[row], weights[row] = (0.0 if other * local[row] < 0 else other), fewer
    return local, np.sqrt(1 + np.sum(weights**2, axis=1)), 1 + np.sum(np.abs(weights), axis=1)


def _without_furthest(x: Array, near: NDArray[np.int_], row: int) -> Array:
    """Weights of the nearest three of four rows, and zero for the furthest."""
    kept = np.delete(np.arange(near.size), int(np.argmax(np.abs(x[near] - x[row]))))
    weights = np.zeros(near.size)
    for k in kept:
        others = [j for j in kept if j != k]
        weights[k] = np.prod([(x[row] - x[near[j]]) / (x[near[k]] - x[near[j]]) for j in others])
    return weights


def _near(x: Array) -> tuple[NDArray[np.int_], Array]:
    """The four rows that predict each row, and their weights in the polynomial through them (Lagrange)."""
    n = x.size
    rows = np.arange(n)
    start = np.clip(rows - _NEIGHBOURS, 0, n - 2 * _NEIGHBOURS - 1)
    near = start[:, np.newaxis] + np.arange(2 * _NEIGHBOURS)
    near += near >= rows[:, np.newaxis]
    weights = np.ones((n, 2 * _NEIGHBOURS))
    for k in range(2 * _NEIGHBOURS):
        for j in range(2 * _NEIGHBOURS):
            if j != k:
                weights[:, k] *= (x - x[near[:, j]]) / (x[near[:, k]] - x[near[:, j]])
    for row, (first, second) in ((0, (1, 2)), (n - 1, (n - 2, n - 3))):
        near[row, :2], weights[row] = (first, second), 0.0
        weights[row, 1] = (x[row] - x[first]) / (x[second] - x[first])
        weights[row, 0] = 1 - weights[row, 1]
    return near, weights

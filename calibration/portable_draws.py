"""Random numbers that are the same on every machine and with every version of numpy.

numpy promises the stream of its bit generators, not that of its distributions (NEP 19). Here the raw bits of
PCG64 become uniform numbers, and those the others by inversion (JCGM 101:2008, 6.4 and C.2): what may differ
is the rounding of a special function, far below the digits that a result keeps.
"""

from math import prod
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri, ndtri, stdtrit

Array = NDArray[np.float64]
Shape = int | tuple[int, ...]


class Draws(Protocol):
    """What a simulation draws from; numpy's Generator is one."""

    def random(self, size: Shape, /) -> Array:
        """Uniform in [0, 1)."""
        ...

    def standard_normal(self, size: Shape, /) -> Array:
        """Standard normal."""
        ...

    def standard_t(self, df: float, size: Shape, /) -> Array:
        """Student's t with `df` degrees of freedom."""
        ...

    def chisquare(self, df: float, size: Shape, /) -> Array:
        """χ² with `df` degrees of freedom."""
        ...


class PortableDraws:
    """Draws by inversion from the raw bits of PCG64, seeded by a whole number."""

    def __init__(self, seed: int) -> None:
        self._bits = np.random.PCG64(seed)

    def random(self, size: Shape, /) -> Array:
        """Uniform within (0, 1), both ends excluded."""
        count = size if isinstance(size, int) else prod(size)
        raw = self._bits.random_raw(count) >> np.uint64(12)
        return np.asarray((raw.astype(np.float64) + 0.5) * 2.0**-52).reshape(size)

    def standard_normal(self, size: Shape, /) -> Array:
        """Standard normal."""
        return np.asarray(ndtri(self.random(size)))

    def standard_t(self, df: float, size: Shape, /) -> Array:
        """Student's t."""
        return np.asarray(stdtrit(df, self.random(size)))

    def chisquare(self, df: float, size: Shape, /) -> Array:
        """χ² with `df` degrees of freedom."""
        return np.asarray(chdtri(df, self.random(size)))

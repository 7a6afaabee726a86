"""The check that keeps a formula inside the range for which it was published."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.errors import OutOfRangeError


def demand_range(quantity: str, values: NDArray[Any], low: float, high: float, unit: str) -> None:
    """Return when all of `values` (real parts) lie in [low, high].

    Raises `OutOfRangeError` that names the quantity, the first value outside, and the range; a value that is
    not a number is outside.
    """
    real = np.real(values)
    outside = ~((real >= low) & (real <= high))
    if np.any(outside):
        first = float(real[outside].flat[0]) if real.ndim else float(real)
        raise OutOfRangeError(f"{quantity}: {first:.6g} {unit} is outside {low:g} to {high:g} {unit}")

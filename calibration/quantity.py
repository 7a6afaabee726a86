"""A value with its standard uncertainty."""

from dataclasses import dataclass
from math import inf, isfinite

from calibration.errors import CalibrationError


@dataclass(frozen=True)
class Measured:
    """A value and its standard uncertainty `u`, in the same unit; `dof` are the degrees of freedom of `u`.

    Raises `CalibrationError` for a value that is not finite or an uncertainty that is not finite and ≥ 0.
    """

    value: float
    u: float
    dof: float = inf

    def __post_init__(self) -> None:
        if not isfinite(self.value):
            raise CalibrationError(f"a measured value must be a finite number, not {self.value}")
        if not (isfinite(self.u) and self.u >= 0):
            raise CalibrationError(f"a standard uncertainty must be finite and not negative, not {self.u}")
        if not self.dof > 0:
            raise CalibrationError(f"degrees of freedom must be positive, not {self.dof}")

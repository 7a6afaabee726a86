"""What every fit says of itself by its χ²."""

from math import sqrt
from typing import ClassVar

from scipy.special import chdtrc

from calibration.errors import UnsuitableModelError


class JudgedByChiSquared:
    """A fit with `chi_squared` and `dof` degrees of freedom; `through_all` is said where none are left."""

    chi_squared: float
    dof: int
    through_all: ClassVar[str]

    @property
    def p_value(self) -> float | None:
        """Probability of a larger χ² when model and uncertainties are right; None without degrees of
        freedom.
        """
        return float(chdtrc(self.dof, self.chi_squared)) if self.dof else None

    @property
    def posterior_scale(self) -> float:
        """Factor by which the stated uncertainties would have to grow for χ² = dof. ISO/TS 28037, annex E.

        Raises `UnsuitableModelError` without degrees of freedom.
        """
        if not self.dof:
            raise UnsuitableModelError(self.through_all)
        return sqrt(self.chi_squared / self.dof)

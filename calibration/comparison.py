"""Two laboratories' results of one item: the normalised error E_n.

ISO/IEC 17043; ISO 13528:2022, 9.7: E_n = (x - X) / √(U² + U_ref²); |E_n| ≤ 1 agrees.
"""

from dataclasses import dataclass
from math import isfinite, sqrt

from calibration.errors import CalibrationError

AGREES_WITHIN = 1.0


@dataclass(frozen=True)
class NormalisedError:
    """E_n of a value against a reference, `difference` = value - reference in their unit."""

    e_n: float
    difference: float
    expanded: float
    unit: str

    @property
    def agrees(self) -> bool:
        """|E_n| ≤ 1: the difference is within its expanded uncertainty."""
        return abs(self.e_n) <= AGREES_WITHIN

    @property
    def sentence(self) -> str:
        """One sentence with the numbers."""
        word = "agree" if self.agrees else "do not agree"
        return (
            f"The results {word}: they differ by {self.difference:+.4g} {self.unit}, "
            f"with an expanded uncertainty of {self.expanded:.3g} {self.unit} (E_n = {self.e_n:+.2f})."
        )


def normalised_error(
    value: float,
    expanded: float,
    reference: float,
    reference_expanded: float,
    *,
    unit: str,
    shared_u: float = 0.0,
    coverage_factor: float = 2.0,
) -> NormalisedError:
    """E_n of a result against another laboratory's, with expanded uncertainties of one coverage (k = 2).

    `shared_u`: standard uncertainty of what both share (one standard they both trace to); it cancels in the
    difference, and `coverage_factor` takes it to the level of the expanded ones.
    Raises `CalibrationError` for numbers that are none, uncertainties that are not positive together, or a
    shared part larger than one of the whole.
    """
    named = {"value": value, "expanded": expanded, "reference": reference, "its expanded": reference_expanded}
    for name, number in {**named, "shared_u": shared_u, "coverage_factor": coverage_factor}.items():
        if not isfinite(number):
            raise CalibrationError(f"E_n in {unit}: {name} must be a finite number, not {number}")
    if expanded < 0 or reference_expanded < 0 or shared_u < 0 or not coverage_factor > 0:
        raise CalibrationError(
            f"E_n in {unit}: uncertainties must not be negative: {expanded:g}, {reference_expanded:g}, "
            f"shared {shared_u:g}, coverage factor {coverage_factor:g}"
        )
    shared = coverage_factor * shared_u
    if shared > min(expanded, reference_expanded):
        raise CalibrationError(
            f"E_n in {unit}: what both share ({shared:g} expanded) cannot exceed either result's "
            f"{expanded:g} and {reference_expanded:g}"
        )
    of_difference = sqrt(max(expanded**2 + reference_expanded**2 - 2 * shared**2, 0.0))
    if not of_difference > 0:
        raise CalibrationError(
            f"E_n in {unit}: a difference without uncertainty cannot be judged: "
            f"{expanded:g} and {reference_expanded:g}"
        )
    difference = value - reference
    return NormalisedError(difference / of_difference, difference, of_difference, unit)

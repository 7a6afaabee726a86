"""E_n between laboratories."""

from math import inf, nan

import pytest

from calibration.comparison import normalised_error
from calibration.errors import CalibrationError


def test_e_n_is_the_difference_over_its_uncertainty() -> None:
    """3-4-5: a difference of 5 with expanded uncertainties of 3 and 4 is E_n = 1, which still agrees."""
    found = normalised_error(10.0, 3.0, 5.0, 4.0, unit="mL")
    assert (found.e_n, found.agrees) == (1.0, True)
    assert found.sentence == (
        "The results agree: they differ by +5 mL, with an expanded uncertainty of 5 mL (E_n = +1.00)."
    )
    assert not normalised_error(4.9, 3.0, 10.0, 4.0, unit="mL").agrees


def test_what_both_share_cannot_make_them_differ() -> None:
    """A shared standard narrows the uncertainty of the difference, and may turn the answer."""
    apart = normalised_error(4.0, 3.0, 0.0, 3.0, unit="mL")
    together = normalised_error(4.0, 3.0, 0.0, 3.0, unit="mL", shared_u=1.2)
    assert (apart.agrees, together.agrees) == (True, False)
    assert together.expanded == pytest.approx((9 + 9 - 2 * 2.4**2) ** 0.5)


@pytest.mark.parametrize(
    "numbers", [(nan, 1.0, 0.0, 1.0), (0.0, -1.0, 0.0, 1.0), (0.0, 0.0, 0.0, 0.0), (0.0, inf, 0.0, 1.0)]
)
def test_what_cannot_be_compared(numbers: tuple[float, float, float, float]) -> None:
    """Numbers that are none, negative uncertainties and no uncertainty at all are refused, with the unit."""
    with pytest.raises(CalibrationError, match="E_n in mL"):
        normalised_error(*numbers, unit="mL")
    with pytest.raises(CalibrationError, match="cannot exceed"):
        normalised_error(1.0, 1.0, 0.0, 1.0, unit="mL", shared_u=0.6)

"""The meniscus has the shape that capillarity gives it in the limits that can be written down."""

import numpy as np
import pytest

from vision.sight_glass.young_laplace import menisci

WATER, FUEL = 7.44, 2.9


@pytest.mark.parametrize("capillary", [WATER, FUEL])
def test_at_a_far_wall_it_rises_as_at_a_plane(capillary: float) -> None:
    """In a wide tube the rise at the wall tends to that at a plane, h² = 2(γ/ρg)(1 − sin θ).

    De Gennes, Brochard-Wyart, Quéré (2004), section 2.3; the tube's curvature adds a share of order c/R.
    """
    bore = 150.0
    family = menisci(bore, capillary)
    contact = np.pi / 2 - family.wall_slope
    plane = np.sqrt(2 * capillary * (1 - np.sin(contact)))

    share = family.height_mm[:, -1] / plane - 1

    assert np.all(share > 0)
    assert np.all(share < np.sqrt(capillary) / (bore / 2))


def test_in_a_narrow_tube_it_is_a_spherical_cap() -> None:
    """Where gravity does not matter the height at the wall is R·tan(ψ/2) for a slope ψ at the wall."""
    family = menisci(0.4, WATER)

    cap = 0.2 * np.tan(family.wall_slope / 2)

    assert family.height_mm[:, -1] == pytest.approx(cap, rel=0.004)


@pytest.mark.parametrize("bore", [8.0, 16.0, 40.0])
def test_its_curvature_balances_its_height(bore: float) -> None:
    """κ(r) = κ(0) + z/c²: the curvature taken from the shape itself grows with the height (Young–Laplace)."""
    family = menisci(bore, WATER)
    r, z, slope = family.radius_mm, family.height_mm[15], family.slope[15]
    # (r·sin φ)'/r is the sum of both principal curvatures
    turning = np.gradient(r[1:] * np.sin(slope[1:]), r[1:]) / r[1:]
    middle = slice(10, -10)

    excess = turning - turning[12]

    assert excess[middle] == pytest.approx((z[1:] - z[13])[middle] / WATER, abs=0.004)


def test_the_slope_is_that_of_the_height() -> None:
    """tan φ = dz/dr along every meridian."""
    family = menisci(15.0, FUEL)
    for k in (3, 12, 22):
        steep = np.arctan(np.gradient(family.height_mm[k], family.radius_mm))
        assert steep[2:-3] == pytest.approx(family.slope[k][2:-3], abs=0.01)


def test_a_better_wetted_wall_is_climbed_higher() -> None:
    """Slopes at the wall and heights grow together, over the whole family."""
    family = menisci(16.0, WATER)

    assert np.all(np.diff(family.wall_slope) > 0)
    assert np.all(np.diff(family.height_mm[:, -1]) > 0)
    assert np.degrees(family.wall_slope[0]) < 5
    assert np.degrees(family.wall_slope[-1]) > 85


def test_between_two_meridians_lies_the_mean() -> None:
    """`meridian` goes through the family, and halfway between neighbours where the slope is halfway."""
    family = menisci(16.0, WATER)
    height, slope = family.meridian(float(family.wall_slope[10]))
    between, _ = family.meridian(float((family.wall_slope[10] + family.wall_slope[11]) / 2))

    assert height == pytest.approx(family.height_mm[10])
    assert slope == pytest.approx(family.slope[10])
    assert between == pytest.approx((family.height_mm[10] + family.height_mm[11]) / 2)

"""Gravimetric volumes against the published factor table and the worked case of cg-19."""

from collections.abc import Callable
from typing import Any

import pytest

from calibration.properties.air import air_density
from calibration.properties.water import water_density
from calibration.volumes import expansion_factor, gravimetric_volume_l, z_factor


def test_z_factor_table(oracle: Callable[[str], Any]) -> None:
    """Every factor in the air formula's range agrees to the table's fifth decimal, and a tenth of it."""
    checked = 0
    for temperature, row in oracle("z_factor_table.json")["rows"].items():
        t = float(temperature)
        for pressure, expected in row.items():
            if t <= 27.0:
                air = air_density(t, float(pressure), 50.0)
                assert float(z_factor(water_density(t), air, 8000.0)) == pytest.approx(expected, abs=0.6e-5)
                checked += 1
    assert checked == 175


def test_expansion_to_the_reference_temperature() -> None:
    """A steel measure that is 8 °C too warm holds 0.38 ‰ less at its reference temperature."""
    assert float(expansion_factor(47.7e-6, 28.0, 20.0)) == pytest.approx(1 - 8 * 47.7e-6, rel=1e-15)


def test_volume_is_that_of_a_known_amount_of_water() -> None:
    """Water of a known volume, weighed in air, gives that volume back."""
    volume_l, t, air = 20.0, 23.0, 1.18
    density = float(water_density(t))
    vessel = volume_l / (1 - 47.7e-6 * 3.0)
    indication_g = 1000.0 * vessel / 1000.0 * (density - air) / (1 - air / 8000.0)
    actual = gravimetric_volume_l(
        indication_g,
        water_density_kg_m3=density,
        air_density_kg_m3=air,
        weights_density_kg_m3=8000.0,
        cubic_expansion_per_c=47.7e-6,
        vessel_temperature_c=t,
        reference_temperature_c=20.0,
    )
    assert float(actual) == pytest.approx(volume_l, rel=1e-14)

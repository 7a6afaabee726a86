"""Water density against the published table, its corrections, and its range."""

import csv
from pathlib import Path

import pytest

from calibration.errors import OutOfRangeError
from calibration.properties.water import air_saturation_correction, water_compressibility, water_density


def test_tanaka_table(shared: Path) -> None:
    """Every row of the table from 0 to 40 °C is reproduced to its last digit (1e-7 kg/m³)."""
    text = (shared / "oracles" / "water_density_tanaka2001.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
    expected = [row["rho_kg_m3"] for row in rows]
    actual = [f"{rho:.7f}" for rho in water_density([float(row["t_C"]) for row in rows])]
    assert len(rows) == 81
    assert expected == actual


def test_full_precision_at_20_c() -> None:
    """At 20 °C the formula gives the value that its users publish with all digits."""
    assert float(water_density(20.0)) == pytest.approx(998.2067455596167, rel=1e-15)


def test_air_saturation_and_compressibility_at_20_c() -> None:
    """Dissolved air takes 2.5 ppm away, 100 hPa of pressure add 4.6 ppm."""
    assert float(air_saturation_correction(20.0)) == pytest.approx(-0.002492, abs=1e-9)
    saturated = float(water_density(20.0, air_saturation=1.0) / water_density(20.0) - 1)
    pressed = float(water_density(20.0, 1093.25) / water_density(20.0, 993.25) - 1)
    assert saturated == pytest.approx(-2.496e-6, abs=1e-9)
    assert pressed == pytest.approx(4.588e-6, abs=2e-9)


def test_compressibility_is_that_of_water() -> None:
    """5.09, 4.59 and 4.42 parts in 10¹⁰ per Pa at 0, 20 and 40 °C, within half a percent."""
    assert water_compressibility([0.0, 20.0, 40.0]) == pytest.approx([5.09e-10, 4.59e-10, 4.42e-10], rel=5e-3)


def test_arrays_and_complex_arguments() -> None:
    """Arrays broadcast, and a complex step gives the derivative."""
    assert water_density([[10.0], [20.0]], [1000.0, 1013.25]).shape == (2, 2)
    derivative = float(water_density(20.0 + 1e-30j).imag / 1e-30)
    difference = float((water_density(20.001) - water_density(19.999)) / 0.002)
    assert derivative == pytest.approx(difference, rel=1e-7)


@pytest.mark.parametrize("temperature", [-0.01, 40.01, float("nan")])
def test_no_extrapolation(temperature: float) -> None:
    """Outside 0 to 40 °C there is an error that names quantity, value and range."""
    with pytest.raises(OutOfRangeError, match=r"water temperature: .* °C is outside 0 to 40 °C"):
        water_density([20.0, temperature])


def test_no_dissolved_air_above_25_c() -> None:
    """The correction for dissolved air ends at 25 °C, and the pressure at 1100 hPa."""
    with pytest.raises(OutOfRangeError, match="outside 0 to 25 °C"):
        water_density(26.0, air_saturation=0.5)
    with pytest.raises(OutOfRangeError, match="fraction of saturation"):
        water_density(20.0, air_saturation=1.5)
    with pytest.raises(OutOfRangeError, match="pressure: 1200 hPa"):
        water_density(20.0, 1200.0)

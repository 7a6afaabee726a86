"""Air density against published values, and its uncertainty against finite differences."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from calibration.errors import OutOfRangeError
from calibration.properties.air import (
    FORMULA_RELATIVE_U,
    air_density,
    air_density_iso4787,
    air_density_standard_uncertainty,
    cipm2007,
)

MMHG_PA = 101325.0 / 760.0


def test_published_values_of_cipm_2007(oracle: Callable[[str], Any]) -> None:
    """Each published density is reproduced within its tolerance, and what was recomputed elsewhere."""
    for case in oracle("air_density.json")["cases"]:
        p_pa = case.get("p_Pa") or case["p_mmHg"] * MMHG_PA
        actual = float(cipm2007(*(np.asarray(v, dtype=float) for v in (case["t"], p_pa, case["rh"], 0.0004))))
        assert actual == pytest.approx(case["rho"], rel=case.get("tol_rel", 1e-12))
        assert actual == pytest.approx(case.get("recomputed", case["rho"]), rel=1e-8)


def test_units_of_the_ranged_form() -> None:
    """The form that everyone calls takes hPa and %, and gives the same density."""
    assert float(air_density(20.0, 1013.25, 50.0)) == pytest.approx(1.1993138954744933, rel=1e-14)


def test_jones_1978_agrees(oracle: Callable[[str], Any]) -> None:
    """NIST SOP 2's examples in the range agree within the 1e-4 by which the two equations differ."""
    for case in oracle("air_density.json")["nist_sop2_jones1978"]["cases"]:
        p_hpa = case.get("p_hPa") or case["p_mmHg"] * MMHG_PA / 100.0
        assert float(air_density(case["t"], p_hpa, case["rh_pct"])) == pytest.approx(case["rho"], rel=1.2e-4)


def test_iso4787_follows_cipm_in_its_range() -> None:
    """The simplified form stays within 5e-4 of CIPM-2007 over the range that it is given here."""
    t, p, h = np.meshgrid(np.linspace(18, 27, 19), np.linspace(940, 1080, 15), np.linspace(20, 80, 13))
    ratio = air_density_iso4787(t, p, h) / air_density(t, p, h)
    assert np.abs(ratio - 1).max() < 5e-4


def test_uncertainty_is_that_of_the_inputs_and_the_equation() -> None:
    """The standard uncertainty is the root sum of squares of finite differences and the equation's own."""
    t, p, h = 21.0, 1004.0, 52.0
    rho = float(air_density(t, p, h))
    parts = [
        float(air_density(t + 0.1, p, h) - air_density(t - 0.1, p, h)),
        float(air_density(t, p + 0.25, h) - air_density(t, p - 0.25, h)),
        float(air_density(t, p, h + 1.5) - air_density(t, p, h - 1.5)),
        FORMULA_RELATIVE_U * rho,
    ]
    actual = float(
        air_density_standard_uncertainty(t, p, h, u_temperature_c=0.2, u_pressure_hpa=0.5, u_humidity_pct=3.0)
    )
    assert actual == pytest.approx(np.sqrt(np.sum(np.square(parts))), rel=1e-4)


@pytest.mark.parametrize(
    ("conditions", "named"),
    [
        ((14.9, 1013.0, 50.0), "air temperature: 14.9 °C is outside 15 to 27 °C"),
        ((20.0, 599.0, 50.0), "air pressure: 599 hPa is outside 600 to 1100 hPa"),
        ((20.0, 1013.0, 101.0), "relative humidity: 101 % is outside 0 to 100 %"),
    ],
)
def test_no_extrapolation_of_air(conditions: tuple[float, float, float], named: str) -> None:
    """Outside the range of CIPM-2007 there is an error that names the quantity."""
    with pytest.raises(OutOfRangeError, match=named):
        air_density(*conditions)


def test_iso4787_has_its_own_range() -> None:
    """The simplified form refuses dry air, where it is not good."""
    with pytest.raises(OutOfRangeError, match="relative humidity: 10 % is outside 20 to 80 %"):
        air_density_iso4787(20.0, 1013.0, 10.0)

"""Density of water.

M. Tanaka et al., Recommended table for the density of water between 0 °C and 40 °C based on recent
experimental reports, Metrologia 38 (2001) 301-309: density, dissolved air, compressibility.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.properties.range import demand_range

RANGE_C = (0.0, 40.0)
AIR_SATURATION_RANGE_C = (0.0, 25.0)
PRESSURE_RANGE_HPA = (600.0, 1100.0)
STANDARD_PRESSURE_HPA = 1013.25

PURE_WATER_RELATIVE_U = 1.0e-5
PURE_WATER_SOURCE = (
    "L. M. Centeno et al., CENAM, Simposio de Metrología 2004: 1e-5 is the relative standard uncertainty "
    "used for the formula with type I water, conservative because the water varies"
)

_A1, _A2, _A3, _A4, _A5 = -3.983035, 301.797, 522528.9, 69.34881, 999.974950
_S0, _S1 = -4.612e-3, 0.106e-3
# The square term is 4.16e-14: with it the formula gives 4.59e-10 /Pa at 20 °C and 4.44e-10 /Pa at 40 °C, as
# water has; public programs with 4.16e-15 give 3.8e-10 /Pa at 40 °C.
_K0, _K1, _K2 = 50.74e-11, -0.326e-11, 0.00416e-11


def water_density(
    temperature_c: ArrayLike,
    pressure_hpa: ArrayLike = STANDARD_PRESSURE_HPA,
    air_saturation: ArrayLike = 0.0,
) -> NDArray[Any]:
    """Density of pure water in kg/m³, shape as broadcast from the arguments.

    `temperature_c` in °C (0 to 40), `pressure_hpa` the absolute pressure (600 to 1100), `air_saturation` the
    dissolved air as a fraction of saturation (0 air-free … 1 saturated; other than 0 only up to 25 °C).
    Complex arguments pass, so that derivatives by a complex step are exact. Tanaka 2001: eq. (1) and table 1
    for the density, then dissolved air and compressibility.
    Raises `OutOfRangeError` outside these ranges.
    """
    t = np.asarray(temperature_c)
    s = np.asarray(air_saturation)
    demand_range("water temperature", t, *RANGE_C, "°C")
    air_free = _A5 * (1 - (t + _A1) ** 2 * (t + _A2) / (_A3 * (t + _A4)))
    if np.any(s != 0):
        demand_range("dissolved air", s, 0.0, 1.0, "(fraction of saturation)")
        air_free = air_free + s * air_saturation_correction(t)
    return np.asarray(air_free * (1 + _compression(t, pressure_hpa)))


def air_saturation_correction(temperature_c: ArrayLike) -> NDArray[Any]:
    """Change of the density of water in kg/m³ when it is saturated with air: negative. Tanaka 2001, 0 to 25
    °C.

    Raises `OutOfRangeError` outside this range.
    """
    t = np.asarray(temperature_c)
    demand_range("temperature of air-saturated water", t, *AIR_SATURATION_RANGE_C, "°C")
    return np.asarray(_S0 + _S1 * t)


def water_compressibility(temperature_c: ArrayLike) -> NDArray[Any]:
    """Isothermal compressibility of water at atmospheric pressure in 1/Pa. Tanaka 2001, 0 to 40 °C.

    Raises `OutOfRangeError` outside this range.
    """
    t = np.asarray(temperature_c)
    demand_range("water temperature", t, *RANGE_C, "°C")
    return np.asarray(_K0 + _K1 * t + _K2 * t**2)


def _compression(t: NDArray[Any], pressure_hpa: ArrayLike) -> NDArray[Any]:
    """Relative change of density from 1013.25 hPa to `pressure_hpa`."""
    p = np.asarray(pressure_hpa)
    demand_range("pressure", p, *PRESSURE_RANGE_HPA, "hPa")
    return np.asarray(water_compressibility(t) * (p - STANDARD_PRESSURE_HPA) * 100.0)

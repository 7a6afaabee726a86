"""Density of moist air.

CIPM-2007: A. Picard, R. S. Davis, M. Gläser, K. Fujii, Revised formula for the density of moist air
(CIPM-2007), Metrologia 45 (2008) 149-155. And the simplified form of ISO 4787.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.properties.range import demand_range

TEMPERATURE_RANGE_C = (15.0, 27.0)
PRESSURE_RANGE_HPA = (600.0, 1100.0)
HUMIDITY_RANGE_PCT = (0.0, 100.0)
ISO4787_TEMPERATURE_RANGE_C = (18.0, 27.0)
ISO4787_PRESSURE_RANGE_HPA = (940.0, 1080.0)
ISO4787_HUMIDITY_RANGE_PCT = (20.0, 80.0)
CO2_FRACTION = 0.0004

FORMULA_RELATIVE_U = 22e-6
FORMULA_SOURCE = (
    "Picard et al., Metrologia 45 (2008) 149: the equation's own relative standard uncertainty; unverified"
)

_GAS_CONSTANT = 8.314472  # J/(mol K)
_VAPOUR_MOLAR_MASS = 18.01528e-3  # kg/mol
_COMPLEX_STEP = 1e-30


def air_density(
    temperature_c: ArrayLike,
    pressure_hpa: ArrayLike,
    humidity_pct: ArrayLike,
    co2_fraction: ArrayLike = CO2_FRACTION,
) -> NDArray[Any]:
    """Density of moist air in kg/m³ by CIPM-2007, shape as broadcast from the arguments.

    `temperature_c` 15 to 27 °C, `pressure_hpa` 600 to 1100, `humidity_pct` the relative humidity 0 to 100,
    `co2_fraction` the mole fraction of carbon dioxide. Complex arguments pass.
    Raises `OutOfRangeError` outside these ranges.
    """
    t, p_hpa, rh = np.asarray(temperature_c), np.asarray(pressure_hpa), np.asarray(humidity_pct)
    _demand_ranges(t, p_hpa, rh)
    return cipm2007(t, p_hpa * 100.0, rh / 100.0, np.asarray(co2_fraction))


def cipm2007(t: NDArray[Any], p_pa: NDArray[Any], humidity: NDArray[Any], co2: NDArray[Any]) -> NDArray[Any]:
    """The bare equation, without a check of its range: °C, Pa, relative humidity 0…1, mole fraction; kg/m³.

    For comparisons outside the range; everything else calls `air_density`.
    """
    kelvin = t + 273.15
    saturation = np.exp(1.2378847e-5 * kelvin**2 - 1.9121316e-2 * kelvin + 33.93711047 - 6.3431645e3 / kelvin)
    enhancement = 1.00062 + 3.14e-8 * p_pa + 5.6e-7 * t**2
    vapour = humidity * enhancement * saturation / p_pa
    virial = (
        1.58123e-6
        - 2.9331e-8 * t
        + 1.1043e-10 * t**2
        + (5.707e-6 - 2.051e-8 * t) * vapour
        + (1.9898e-4 - 2.376e-6 * t) * vapour**2
    )
    ratio = p_pa / kelvin
    compressibility = 1 - ratio * virial + ratio**2 * (1.83e-11 - 0.765e-8 * vapour**2)
    dry_molar_mass = (28.96546 + 12.011 * (co2 - 0.0004)) * 1e-3
    dry = p_pa * dry_molar_mass / (compressibility * _GAS_CONSTANT * kelvin)
    return np.asarray(dry * (1 - vapour * (1 - _VAPOUR_MOLAR_MASS / dry_molar_mass)))


def air_density_standard_uncertainty(
    temperature_c: ArrayLike,
    pressure_hpa: ArrayLike,
    humidity_pct: ArrayLike,
    *,
    u_temperature_c: ArrayLike,
    u_pressure_hpa: ArrayLike,
    u_humidity_pct: ArrayLike,
) -> NDArray[np.float64]:
    """Standard uncertainty of `air_density` in kg/m³ from those of its inputs and of the equation.

    JCGM 100:2008, eq. (10), inputs independent, derivatives by a complex step.
    Raises `OutOfRangeError` outside the formula's range.
    """
    inputs = [np.asarray(v, dtype=np.float64) for v in (temperature_c, pressure_hpa, humidity_pct)]
    density = air_density(*inputs)
    variance = (density * FORMULA_RELATIVE_U) ** 2
    for index, u in enumerate((u_temperature_c, u_pressure_hpa, u_humidity_pct)):
        stepped: list[Any] = list(inputs)
        stepped[index] = stepped[index] + 1j * _COMPLEX_STEP
        derivative = air_density(*stepped).imag / _COMPLEX_STEP
        variance = variance + (derivative * np.asarray(u)) ** 2
    return np.asarray(np.sqrt(variance), dtype=np.float64)


def air_density_iso4787(
    temperature_c: ArrayLike, pressure_hpa: ArrayLike, humidity_pct: ArrayLike
) -> NDArray[Any]:
    """Density of moist air in kg/m³ by the simplified form of ISO 4787 (EURAMET cg-19 carries the same).

    Taken where it follows CIPM-2007 to within 5e-4 (computed, a test says so): 18 to 27 °C, 940 to 1080 hPa,
    20 to 80 % relative humidity. In moist air at 15 °C, or at 600 hPa, it is up to 2.5e-3 off.
    Raises `OutOfRangeError` outside of it.
    """
    t, p_hpa, rh = np.asarray(temperature_c), np.asarray(pressure_hpa), np.asarray(humidity_pct)
    demand_range("air temperature", t, *ISO4787_TEMPERATURE_RANGE_C, "°C")
    demand_range("air pressure", p_hpa, *ISO4787_PRESSURE_RANGE_HPA, "hPa")
    demand_range("relative humidity", rh, *ISO4787_HUMIDITY_RANGE_PCT, "%")
    return np.asarray((0.34844 * p_hpa + rh * (-0.00252 * t + 0.020582)) / (t + 273.15))


def _demand_ranges(t: NDArray[Any], p_hpa: NDArray[Any], rh: NDArray[Any]) -> None:
    demand_range("air temperature", t, *TEMPERATURE_RANGE_C, "°C")
    demand_range("air pressure", p_hpa, *PRESSURE_RANGE_HPA, "hPa")
    demand_range("relative humidity", rh, *HUMIDITY_RANGE_PCT, "%")

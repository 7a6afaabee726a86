"""Densities of the twin's water and air, its own code on purpose: see the package's docstring."""

from math import exp


def water_density_g_ml(temperature_c: float) -> float:
    """Density of air-saturated water at atmospheric pressure, g/mL, 0 to 40 °C.

    Tanaka, Girard, Davis, Peuto, Bignell, Metrologia 38 (2001) 301: equation (1) with the constants of
    table 1, and the correction for dissolved air of equation (2).
    """
    t = temperature_c
    free_of_air = 999.974950 * (1.0 - (t - 3.983035) ** 2 * (t + 301.797) / (522528.9 * (t + 69.34881)))
    return (free_of_air - 4.612e-3 + 0.106e-3 * t) / 1000.0


def air_density_g_ml(temperature_c: float, pressure_hpa: float, humidity_pct: float) -> float:
    """Density of moist air, g/mL: the simplified exponential form of CIPM-2007 (OIML R 111-1, E.3-1)."""
    t = temperature_c
    return (0.34848 * pressure_hpa - 0.009 * humidity_pct * exp(0.061 * t)) / (273.15 + t) / 1000.0

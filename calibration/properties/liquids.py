"""Density of the liquids that tanks are filled with: water by its formula, any other by a table with its
source.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.errors import CalibrationError
from calibration.properties.range import demand_range
from calibration.properties.water import water_density


class Liquid(Protocol):
    """What a volume calculation asks of a liquid."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def source(self) -> str:
        """Where its density comes from."""
        ...

    def density(self, temperature_c: ArrayLike, pressure_hpa: ArrayLike) -> NDArray[Any]:
        """Density in kg/m³ at a temperature in °C and an absolute pressure in hPa."""
        ...


@dataclass(frozen=True)
class Water:
    """Pure water, air-free."""

    name: str = "water"
    source: str = "Tanaka 2001"

    def density(self, temperature_c: ArrayLike, pressure_hpa: ArrayLike) -> NDArray[Any]:
        """Density in kg/m³; 0 to 40 °C. Raises `OutOfRangeError`."""
        return water_density(temperature_c, pressure_hpa)


@dataclass(frozen=True)
class TabledLiquid:
    """A liquid by a table of densities in kg/m³ at temperatures in °C, linear between its rows.

    `compressibility_per_pa` is counted from 1013.25 hPa.
    Raises `CalibrationError` for a table that is not one: two rows or more, temperatures increasing,
    densities positive.
    """

    name: str
    source: str
    temperatures_c: tuple[float, ...]
    densities_kg_m3: tuple[float, ...]
    compressibility_per_pa: float

    def __post_init__(self) -> None:
        t, rho = np.array(self.temperatures_c), np.array(self.densities_kg_m3)
        if t.size < 2 or t.shape != rho.shape:
            raise CalibrationError(
                f"{self.name}: a table has two rows or more, temperature and density in each, "
                f"not {t.size} and {rho.size}"
            )
        if not (
            np.all(np.isfinite(t)) and np.all(np.diff(t) > 0) and np.all(np.isfinite(rho)) and np.all(rho > 0)
        ):
            raise CalibrationError(
                f"{self.name}: the temperatures must increase and the densities be positive, not "
                + ", ".join(f"{a:g} °C {b:g} kg/m³" for a, b in zip(t, rho, strict=True))
            )
        if not (np.isfinite(self.compressibility_per_pa) and self.compressibility_per_pa >= 0):
            raise CalibrationError(
                f"{self.name}: the compressibility must be finite and ≥ 0 per Pa, "
                f"not {self.compressibility_per_pa:g}"
            )

    def density(self, temperature_c: ArrayLike, pressure_hpa: ArrayLike) -> NDArray[Any]:
        """Density in kg/m³ within the table's temperatures. Complex arguments pass. Raises
        `OutOfRangeError`.
        """
        given, pressure = np.asarray(temperature_c), np.asarray(pressure_hpa)
        t, rho = np.array(self.temperatures_c), np.array(self.densities_kg_m3)
        demand_range(f"temperature of {self.name}", given, float(t[0]), float(t[-1]), "°C")
        row = np.clip(np.searchsorted(t, np.real(given), side="right") - 1, 0, t.size - 2)
        slope = (rho[row + 1] - rho[row]) / (t[row + 1] - t[row])
        pressed = 1 + self.compressibility_per_pa * (pressure - 1013.25) * 100.0
        return np.asarray((rho[row] + slope * (given - t[row])) * pressed)

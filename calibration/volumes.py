"""Volume of a vessel at its reference temperature, from weighings of water.

ISO 4787; EURAMET cg-19, eq. (1); NIST SOP 14. Whether the volume is delivered or contained lies in which
masses are subtracted: delivered = full minus drained (wet, after the drip time), contained = full minus
empty (dry).
"""

from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


class VolumeKind(StrEnum):
    """What the volume of a measure means."""

    DELIVERED = "delivered"
    CONTAINED = "contained"


def z_factor(
    water_density_kg_m3: ArrayLike,
    air_density_kg_m3: ArrayLike,
    weights_density_kg_m3: ArrayLike,
) -> NDArray[Any]:
    """Volume of water in L at its own temperature for a balance indication of 1 kg, in L/kg.

    `weights_density_kg_m3` is the density of the weights with which the balance was adjusted (8000 by
    convention).
    ISO 4787 and EURAMET cg-19, eq. (1): 1/(ρw - ρa) · (1 - ρa/ρb); ISO 8655-6 tables it as Z in µL/mg.
    """
    water, air, weights = (
        np.asarray(v) for v in (water_density_kg_m3, air_density_kg_m3, weights_density_kg_m3)
    )
    return np.asarray(1000.0 / (water - air) * (1 - air / weights))


def expansion_factor(
    cubic_expansion_per_c: ArrayLike, temperature_c: ArrayLike, reference_temperature_c: ArrayLike
) -> NDArray[Any]:
    """Factor that takes a vessel's volume from its temperature to the reference temperature: 1 - γ (t - t0).

    ISO 4787; EURAMET cg-19, eq. (1).
    """
    t, t0 = np.asarray(temperature_c), np.asarray(reference_temperature_c)
    return np.asarray(1 - np.asarray(cubic_expansion_per_c) * (t - t0))


def gravimetric_volume_l(
    indication_g: ArrayLike,
    *,
    water_density_kg_m3: ArrayLike,
    air_density_kg_m3: ArrayLike,
    weights_density_kg_m3: ArrayLike,
    cubic_expansion_per_c: ArrayLike,
    vessel_temperature_c: ArrayLike,
    reference_temperature_c: ArrayLike,
) -> NDArray[Any]:
    """Volume in L at the reference temperature, shape as broadcast from the arguments.

    `indication_g` is the difference of the balance's indications in g: full minus drained (delivered) or
    full minus dry (contained). ISO 4787; EURAMET cg-19, eq. (1) without its additive terms (meniscus,
    evaporation, repeatability), which the caller adds where they were measured; NIST SOP 14.
    """
    z = z_factor(water_density_kg_m3, air_density_kg_m3, weights_density_kg_m3)
    factor = expansion_factor(cubic_expansion_per_c, vessel_temperature_c, reference_temperature_c)
    return np.asarray(np.asarray(indication_g) / 1000.0 * z * factor)

"""How glass and liquid displace what is seen in the plane through camera and tube axis.

In that plane the walls of the tube are parallel plates, which a line of sight crosses by Snell's law.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

REFRACTIVE_INDEX = {"water": 1.333, "fuel": 1.42}  # at 589 nm, from the image sets' description
GLASS_INDEX = 1.47  # borosilicate; between 1.45 and 1.52 it moves the level by a few micrometres


@dataclass(frozen=True)
class Column:
    """The tube and what stands in it, in the plane through its axis. Lengths in millimetres."""

    inner_radius_mm: float
    outer_radius_mm: float
    liquid_index: float

    def sink_mm(self, rise: float) -> float:
        """How much lower a point on the axis, in the liquid, is than it looks.

        `rise` is the tangent of the line of sight's angle in air, positive where it climbs away from the
        camera. The look is the height at which the straight line of sight crosses the axis.
        """
        sine = rise / np.hypot(1, rise)
        glass, liquid = _tangent(sine / GLASS_INDEX), _tangent(sine / self.liquid_index)
        wall = self.outer_radius_mm - self.inner_radius_mm
        return float(self.outer_radius_mm * rise - wall * glass - self.inner_radius_mm * liquid)

    def inside_slope(self, rise: float) -> float:
        """Tangent of a line of sight's angle in the liquid."""
        return float(_tangent(rise / np.hypot(1, rise) / self.liquid_index))


def _tangent(sine: NDArray[np.float64] | float) -> NDArray[np.float64]:
    sine = np.asarray(sine, np.float64)
    return np.asarray(sine / np.sqrt(np.maximum(1e-12, 1 - sine * sine)), np.float64)

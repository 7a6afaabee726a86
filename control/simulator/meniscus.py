"""The shape of a water surface in a round tube."""

from dataclasses import dataclass
from math import cos, pi, sin

import numpy as np
from numpy.typing import NDArray

CAPILLARY_MM2 = 7.44  # γ/ρg of water at 20 °C
POINTS = 2048
_ARC_STEPS = 1200


@dataclass(frozen=True)
class Meniscus:
    """Height of the surface above its lowest point, and its slope, on a grid of the radius, all in mm.

    `height_mm` and `slope` have shape (POINTS,), at radii evenly from 0 to `radius_mm`.
    """

    radius_mm: float
    height_mm: NDArray[np.float64]
    slope: NDArray[np.float64]

    @property
    def rise_mm(self) -> float:
        """Height of the surface at the wall."""
        return float(self.height_mm[-1])

    def height_at(self, radius_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Height at radii of any shape, linear between the grid's points."""
        return self._between(self.height_mm, radius_mm)

    def slope_at(self, radius_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Slope at radii of any shape, likewise."""
        return self._between(self.slope, radius_mm)

    def _between(self, values: NDArray[np.float64], radius_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        place = np.minimum(radius_mm * ((POINTS - 1) / self.radius_mm), POINTS - 1.001)
        low = place.astype(np.intp)
        start = values[low]
        between: NDArray[np.float64] = start + (place - low) * (values[low + 1] - start)
        return between


def solve_meniscus(radius_mm: float, contact_deg: float, capillary_mm2: float = CAPILLARY_MM2) -> Meniscus:
    """The axisymmetric Young–Laplace surface that meets the wall of a tube at the contact angle.

    Integrates the Young–Laplace equation dφ/ds = κ + z/c² − sin φ/r along the arc s from the lowest point,
    where both curvatures are κ/2, and finds the κ for which φ = 90° − contact angle at the wall.
    `capillary_mm2` is c² = γ/ρg.
    """
    target = (90.0 - contact_deg) * pi / 180.0
    low, high = 0.0, 2.0 / radius_mm  # of the curvature sum: flat, and a sphere without gravity
    for _ in range(38):
        middle = 0.5 * (low + high)
        radii, _, angles = _arc(middle, radius_mm, target, capillary_mm2)
        # Reaching the angle before the wall means too much curvature at the bottom.
        if radii[-1] < radius_mm and angles[-1] >= target:
            high = middle
        else:
            low = middle
    radii, heights, angles = _arc(0.5 * (low + high), radius_mm, target, capillary_mm2)
    grid = np.linspace(0.0, radius_mm, POINTS)
    scale = radius_mm / radii[-1]  # what the last bisection left, below a nanometre
    return Meniscus(
        radius_mm=radius_mm,
        height_mm=np.interp(grid, np.asarray(radii) * scale, heights),
        slope=np.tan(np.interp(grid, np.asarray(radii) * scale, angles)),
    )


def _arc(
    kappa: float, radius: float, target: float, capillary: float
) -> tuple[list[float], list[float], list[float]]:
    step = 1.6 * radius / _ARC_STEPS

    def bend(r: float, z: float, phi: float) -> float:
        around = sin(phi) / r if r > 1e-9 else 0.5 * kappa
        return kappa + z / capillary - around

    r = z = phi = 0.0
    radii, heights, angles = [r], [z], [phi]
    for _ in range(_ARC_STEPS):
        middle = phi + 0.5 * step * bend(r, z, phi)
        r_mid, z_mid = r + 0.5 * step * cos(phi), z + 0.5 * step * sin(phi)
        slope = bend(r_mid, z_mid, middle)
        r_new, z_new = r + step * cos(middle), z + step * sin(middle)
        phi_new = phi + step * slope
        part = 1.0
        if r_new > radius:
            part = min(part, (radius - r) / (r_new - r))
        if phi_new > target:
            part = min(part, (target - phi) / (phi_new - phi))
        r, z, phi = r + part * (r_new - r), z + part * (z_new - z), phi + part * (phi_new - phi)
        radii.append(r)
        heights.append(z)
        angles.append(phi)
        if part < 1.0:
            break
    return radii, heights, angles

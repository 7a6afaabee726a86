"""The shape of a liquid surface in a round tube (Young–Laplace), by its slope.

With s the arc length from the lowest point, φ the slope and c² = γ/ρg (the capillary constant as mm²):
dr/ds = cos φ, dz/ds = sin φ, dφ/ds = 2κ + z/c² − sin φ/r, κ the curvature at the lowest point; the meridian
equations of Bashforth and Adams, as in de Gennes, Brochard-Wyart, Quéré, "Capillarity and Wetting Phenomena"
(2004), ch. 2. The contact angle is 90° minus the slope at the wall.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import i1

Array = NDArray[np.float64]

CAPILLARY_MM2 = {"water": 7.44, "fuel": 2.9}  # γ/ρg at room temperature, from the image sets' description
STEPS = 90  # of the Runge–Kutta integration over a radius of up to three capillary lengths
SHAPE_POINTS = 121  # points of a meridian, equally spaced in radius


@dataclass(frozen=True)
class Menisci:
    """Meridians in one tube, for a row of slopes at the wall.

    `wall_slope` (k,) in radians, growing; `radius_mm` (m,) from 0 to the bore's radius; `height_mm` and
    `slope` (k, m) above the lowest point.
    """

    wall_slope: Array
    radius_mm: Array
    height_mm: Array
    slope: Array

    def meridian(self, wall_slope: float) -> tuple[Array, Array]:
        """Height above the lowest point and slope at `radius_mm`, each shape (m,), for one slope at the wall.

        Linear between the computed meridians.
        """
        position = float(np.interp(wall_slope, self.wall_slope, np.arange(len(self.wall_slope))))
        below = min(int(position), len(self.wall_slope) - 2)
        share = position - below
        height = (1 - share) * self.height_mm[below] + share * self.height_mm[below + 1]
        slope = (1 - share) * self.slope[below] + share * self.slope[below + 1]
        return height, slope


def _integrated(curvature: Array, radius_mm: float, capillary_mm2: float) -> tuple[Array, Array, Array]:
    """Runs meridians of all `curvature` (k,) outward in arc length until they pass the wall or stand upright.

    Returns r, z, φ of shape (steps, k).
    """
    step = min(radius_mm / STEPS, np.sqrt(capillary_mm2) / (STEPS / 3))
    twice = 2 * curvature
    small = step / 4  # the start, where sin φ/r is 0/0: a spherical cap
    r, z, phi = np.full_like(curvature, small), curvature * small**2 / 2, curvature * small
    track = [(r, z, phi)]
    for _ in range(int(3 * radius_mm / step)):
        running = (r < radius_mm) & (phi < np.pi / 2)
        if not running.any():
            break
        # Runge–Kutta of fourth order in the arc length
        dr, dz, bend = np.cos(phi), np.sin(phi), 0.0 * phi
        dr_sum, dz_sum, bend_sum = 0.0 * phi, 0.0 * phi, 0.0 * phi
        for part, weight in ((0.0, 1.0), (step / 2, 2.0), (step / 2, 2.0), (step, 1.0)):
            r_at, z_at, phi_at = r + part * dr, z + part * dz, phi + part * bend
            dr, dz = np.cos(phi_at), np.sin(phi_at)
            bend = twice + z_at / capillary_mm2 - dz / r_at
            dr_sum, dz_sum, bend_sum = dr_sum + weight * dr, dz_sum + weight * dz, bend_sum + weight * bend
        move = np.where(running, step / 6, 0.0)
        r, z, phi = r + move * dr_sum, z + move * dz_sum, phi + move * bend_sum
        track.append((r, z, phi))
    path = np.asarray(track)
    return path[:, 0], path[:, 1], path[:, 2]


def _reached(r: Array, phi: Array, radius_mm: float) -> Array:
    """The slope at the wall of each meridian (k,); past 90° by how far it stood upright before the wall."""
    slopes = np.empty(r.shape[1])
    for k in range(r.shape[1]):
        path = np.concatenate(([True], np.diff(r[:, k]) > 0))
        rk, pk = r[path, k], phi[path, k]
        short = radius_mm - rk[-1]
        slopes[k] = pk[-1] + short / radius_mm if short > 0 else np.interp(radius_mm, rk, pk)
    return slopes


@lru_cache(maxsize=64)
def menisci(bore_mm: float, capillary_mm2: float) -> Menisci:
    """The family of menisci that wet a tube of inner diameter `bore_mm`, contact angles from 0.5° to 86°.

    The curvature at the lowest point that belongs to a slope at the wall is found by shooting.
    """
    radius = bore_mm / 2
    wanted = np.radians(np.concatenate((np.arange(4.0, 89.0, 3.0), [89.5])))
    # where slopes are small, φ(R) = 2κ·c·I₁(R/c); what is steeper needs less than that: tried up to 3 radians
    length = np.sqrt(capillary_mm2)
    first = np.concatenate((np.linspace(0.02, 1.2, 12), np.linspace(1.3, 3.2, 24)))
    curvature = np.minimum(first / (2 * length * float(i1(radius / length))), 1.05 / radius)
    tried, reached = np.empty(0), np.empty(0)
    for _ in range(3):
        r, _, phi = _integrated(curvature, radius, capillary_mm2)
        tried = np.concatenate((tried, curvature))
        reached = np.concatenate((reached, _reached(r, phi, radius)))
        order = np.argsort(tried)
        tried, reached = tried[order], np.maximum.accumulate(reached[order])
        curvature = np.interp(wanted, reached, tried)
    r, z, phi = _integrated(curvature, radius, capillary_mm2)
    grid = np.linspace(0, radius, SHAPE_POINTS)
    heights, slopes = np.empty((len(wanted), len(grid))), np.empty((len(wanted), len(grid)))
    for k in range(len(wanted)):
        path = np.concatenate(([True], np.diff(r[:, k]) > 0))
        rk = np.concatenate(([0.0], r[path, k]))
        heights[k] = np.interp(grid, rk, np.concatenate(([0.0], z[path, k])))
        slopes[k] = np.interp(grid, rk, np.concatenate(([0.0], phi[path, k])))
    return Menisci(
        wall_slope=np.maximum.accumulate(np.minimum(slopes[:, -1], np.pi / 2)),
        radius_mm=grid,
        height_mm=heights,
        slope=slopes,
    )

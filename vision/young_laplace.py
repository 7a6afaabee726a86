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
    series = step / 4  # the start, where sin φ/r is 0/0: a spherical cap
    phi = curvature * series
    state = np.stack((np.full_like(curvature, series), curvature * series**2 / 2, phi))

    def rates(at: Array) -> Array:
        r, z, slope = at
        bend = 2 * curvature + z / capillary_mm2 - np.sin(slope) / r
        return np.stack((np.cos(slope), np.sin(slope), bend))

    track = [state]
    for _ in range(int(3 * radius_mm / step)):
        k1 = rates(state)
        k2 = rates(state + step / 2 * k1)
        k3 = rates(state + step / 2 * k2)
        k4 = rates(state + step * k3)
        move = step / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        running = (state[0] < radius_mm) & (state[2] < np.pi / 2)
        state = np.where(running, state + move, state)
        track.append(state)
        if not running.any():
            break
    path = np.stack(track)
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
    # a cap of the wall's slope bounds the curvature from above, exp(−R/c) says how flat the middle can be
    flattest = 1e-3 * np.exp(-radius / np.sqrt(capillary_mm2)) / radius
    curvature = np.geomspace(flattest, 1.05 / radius, 60)
    tried, reached = np.empty(0), np.empty(0)
    for _ in range(4):
        r, _, phi = _integrated(curvature, radius, capillary_mm2)
        tried = np.concatenate((tried, np.log(curvature)))
        reached = np.concatenate((reached, _reached(r, phi, radius)))
        order = np.argsort(tried)
        tried, reached = tried[order], np.maximum.accumulate(reached[order])
        curvature = np.exp(np.interp(wanted, reached, tried))
    r, z, phi = _integrated(curvature, radius, capillary_mm2)
    grid = np.linspace(0, radius, SHAPE_POINTS)
    heights, slopes = np.empty((len(wanted), len(grid))), np.empty((len(wanted), len(grid)))
    for k in range(len(wanted)):
        path = np.concatenate(([True], np.diff(r[:, k]) > 0))
        rk = np.concatenate(([0.0], r[path, k]))
        heights[k] = np.interp(grid, rk, np.concatenate(([0.0], z[path, k])))
        slopes[k] = np.interp(grid, rk, np.concatenate(([0.0], phi[path, k])))
    return Menisci(
        wall_slope=np.minimum(slopes[:, -1], np.pi / 2), radius_mm=grid, height_mm=heights, slope=slopes
    )

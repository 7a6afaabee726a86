"""What a level line of sight meets in the plane through camera and tube axis: glass, liquid, its surface.

In that plane the glass walls are parallel plates and the surface of the liquid is the meridian of the
meniscus. Rays are followed from the camera backwards: refraction by Snell's law, reflectances by Fresnel's
equations for unpolarised light (Hecht, "Optics", ch. 4).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

REFRACTIVE_INDEX = {"water": 1.333, "fuel": 1.42}  # at 589 nm, from the image sets' description
GLASS_INDEX = 1.47  # borosilicate; between 1.45 and 1.52 it moves the level by a few micrometres


@dataclass(frozen=True)
class Seen:
    """Where lines of sight end, each of shape (n,).

    `leaves`: the ray comes out behind the tube. `drop`: tangent of its angle below the horizontal there.
    `height_mm`: where it crosses the back of the tube, above the lowest point of the surface. `share`: of the
    light behind the tube that arrives.
    """

    leaves: NDArray[np.bool_]
    drop: Array
    height_mm: Array
    share: Array


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

    def look(self, apparent_mm: Array, rise: float, radius_mm: Array, height_mm: Array) -> Seen:
        """Follows lines of sight that would cross the axis at `apparent_mm` (n,) above the lowest point.

        `rise` as in `sink_mm`, the same for all; (`radius_mm`, `height_mm`) (m,) is the meridian.
        """
        n, r_in, r_out = self.liquid_index, self.inner_radius_mm, self.outer_radius_mm
        sine = rise / np.hypot(1, rise)
        glass = _tangent(sine / GLASS_INDEX)
        entry = apparent_mm - r_out * rise + (r_out - r_in) * glass
        y = np.concatenate((-radius_mm[:0:-1], radius_mm))
        surface = np.concatenate((height_mm[:0:-1], height_mm))
        rim = height_mm[-1]
        wet = entry < rim
        slope = np.full_like(apparent_mm, rise)
        slope[wet] = _tangent(sine / n)
        share = np.full_like(apparent_mm, (1 - _reflectance(abs(sine), 1.0, GLASS_INDEX)) ** 1)
        inside = abs(sine) / GLASS_INDEX
        share *= np.where(
            wet, 1 - _reflectance(inside, GLASS_INDEX, n), 1 - _reflectance(inside, GLASS_INDEX, 1.0)
        )
        where_y = np.full_like(apparent_mm, -r_in)
        where_z = entry.copy()
        in_liquid = wet.copy()
        alive = np.ones_like(wet)
        for _ in range(4):
            hit, hit_y, hit_z, tilt = _meets(y, surface, where_y, where_z, slope, in_liquid)
            hit &= alive
            if not hit.any():
                break
            share, slope, in_liquid, alive = self._turned(hit, tilt, slope, in_liquid, share, alive)
            where_y, where_z = np.where(hit, hit_y, where_y), np.where(hit, hit_z, where_z)
        height = where_z + (r_in - where_y) * slope
        inner = (
            np.where(in_liquid, n, 1.0) * np.abs(slope) / np.hypot(1, slope)
        )  # n·sin, kept by plane plates
        leaves = alive & (inner < 1)
        outside = np.minimum(inner, 0.999999)
        share = share * np.where(
            in_liquid,
            1 - _reflectance(np.minimum(outside / n, 1), n, GLASS_INDEX),
            1 - _reflectance(outside, 1.0, GLASS_INDEX),
        )
        share = share * (1 - _reflectance(outside / GLASS_INDEX, GLASS_INDEX, 1.0))
        tangent = _tangent(np.copysign(outside, slope))
        height = height + (r_out - r_in) * _tangent(np.copysign(outside, slope) / GLASS_INDEX)
        return Seen(leaves=leaves, drop=-tangent, height_mm=height, share=np.where(leaves, share, 0.0))

    def _turned(
        self,
        hit: NDArray[np.bool_],
        tilt: Array,
        slope: Array,
        in_liquid: NDArray[np.bool_],
        share: Array,
        alive: NDArray[np.bool_],
    ) -> tuple[Array, Array, NDArray[np.bool_], NDArray[np.bool_]]:
        """Reflects or refracts the rays that hit the surface, whose elevation there is `tilt` (radians)."""
        n = self.liquid_index
        elevation = np.arctan(slope)
        grazing = elevation - tilt  # angle between ray and surface
        ratio = np.where(in_liquid, n, 1 / n)
        cosine = np.cos(grazing) * ratio
        total = np.abs(cosine) >= 1
        sine = np.abs(np.cos(grazing))
        mirror = _reflectance(sine, np.where(in_liquid, n, 1.0), np.where(in_liquid, 1.0, n))
        mirrored = 2 * tilt - elevation
        bent = tilt + np.sign(grazing) * np.arccos(np.clip(cosine, -1, 1))
        through = hit & ~total
        turned = np.where(through, bent, mirrored)
        backward = np.cos(turned) <= 0.02  # goes back to the camera or nearly upright: sees the vessel's dark
        new_slope = np.where(hit, np.tan(np.clip(turned, -1.55, 1.55)), slope)
        new_share = np.where(through, share * (1 - mirror), share)
        return new_share, new_slope, in_liquid ^ through, alive & ~(hit & backward)


def leaving_share(sine: Array | float, index: float) -> Array:
    """The share of light that passes both faces of a wall between air and a liquid of `index`.

    `sine` of the angle to the wall's normal in the liquid; 0 past the critical angle.
    """
    kept = index * np.abs(np.asarray(sine, np.float64))
    outside = np.minimum(kept, 1 - 1e-9)
    inner = 1 - _reflectance(outside / index, index, GLASS_INDEX)
    outer = 1 - _reflectance(outside / GLASS_INDEX, GLASS_INDEX, 1.0)
    return np.where(kept < 1, inner * outer, 0.0)


def surface_share(grazing: Array, index: float) -> Array:
    """The share of light that passes from a liquid of `index` into air at an angle `grazing` to the surface."""
    return 1 - _reflectance(np.abs(np.cos(grazing)), index, 1.0)


def _tangent(sine: NDArray[np.float64] | float) -> NDArray[np.float64]:
    sine = np.asarray(sine, np.float64)
    return np.asarray(sine / np.sqrt(np.maximum(1e-12, 1 - sine * sine)), np.float64)


def _reflectance(sine: Array | float, here: Array | float, there: Array | float) -> Array:
    """Fresnel's reflectance of unpolarised light that comes at an angle of `sine`; 1 past the critical angle."""
    sine = np.asarray(sine, np.float64)
    beyond = np.asarray(here, np.float64) / there * sine
    total = beyond >= 1
    cos_in = np.sqrt(np.maximum(0.0, 1 - sine**2))
    cos_out = np.sqrt(np.maximum(0.0, 1 - np.minimum(beyond, 1) ** 2))
    across = (here * cos_in - there * cos_out) / np.maximum(1e-12, here * cos_in + there * cos_out)
    along = (there * cos_in - here * cos_out) / np.maximum(1e-12, there * cos_in + here * cos_out)
    return np.where(total, 1.0, 0.5 * (across**2 + along**2))


def _meets(
    y: Array, surface: Array, from_y: Array, from_z: Array, slope: Array, in_liquid: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], Array, Array, Array]:
    """The first point where each ray crosses the surface beyond where it is, and the surface's tilt there."""
    line = from_z[:, None] + (y[None, :] - from_y[:, None]) * slope[:, None]
    above = line > surface[None, :]
    beyond = y[None, :] > from_y[:, None] + 1e-4
    crossed = (above == in_liquid[:, None]) & beyond
    hit = crossed.any(axis=1)
    j = np.maximum(1, np.argmax(crossed, axis=1))
    rows = np.arange(len(slope))
    gap0, gap1 = line[rows, j - 1] - surface[j - 1], line[rows, j] - surface[j]
    with np.errstate(invalid="ignore", divide="ignore"):
        part = np.where(gap0 != gap1, gap0 / (gap0 - gap1), 1.0)
    part = np.clip(part, 0, 1)
    hit_y = y[j - 1] + part * (y[j] - y[j - 1])
    tilt = np.arctan2(surface[j] - surface[j - 1], y[j] - y[j - 1])
    return hit, hit_y, surface[j - 1] + part * (surface[j] - surface[j - 1]), np.asarray(tilt, np.float64)

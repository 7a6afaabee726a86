"""Light through a glass tube that stands in front of the camera, with water in it: rays and where they end.

The tube is round, so rays are traced in a frame whose z axis is the tube's and whose y axis points away from
the camera. A bundle is traced backwards, from the lens to the background.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from control.simulator.meniscus import Meniscus

Vector = NDArray[np.float64]
Mask = NDArray[np.bool_]

GLASS = 1.4714  # borosilicate 3.3 at the sodium line (its maker's data sheet states this figure)
WATER = 1.3330
AIR = 1.0003
_MARCH = 20  # samples of the chord before the crossing is narrowed down
_NARROW = 5
_AWAY = 1e-6  # mm: a ray that starts on a surface does not meet it again at once


@dataclass(frozen=True)
class Rays:
    """A bundle: places (n, 3) in mm, unit directions (n, 3), the share of light that each carries (n,).

    `pixel` (n,) says which sample of the picture the ray belongs to.
    """

    place: Vector
    direction: Vector
    share: Vector
    pixel: NDArray[np.intp]

    def pick(self, mask: Mask) -> "Rays":
        """The rays where `mask` is true."""
        return Rays(self.place[mask], self.direction[mask], self.share[mask], self.pixel[mask])


@dataclass(frozen=True)
class Exits:
    """What left the tube (`rays`), and the share mirrored on the near side, by pixel (n,)."""

    rays: Rays
    glare: Vector


@dataclass(frozen=True)
class Tube:
    """A glass tube on the z axis; radii in mm."""

    outer_mm: float
    inner_mm: float


def lens_rays(u: Vector, v: Vector, distance_mm: float, height_mm: float, tube: Tube) -> Rays:
    """Rays from the lens with direction (u, 1, v), moved on to just before the tube. u, v of shape (n,)."""
    length = np.sqrt(1.0 + u * u + v * v)
    direction = np.column_stack((u, np.ones_like(u), v)) / length[:, None]
    near = distance_mm - tube.outer_mm - 1.0
    place = np.column_stack((u * near, np.full_like(u, near - distance_mm), height_mm + v * near))
    return Rays(place, direction, np.ones_like(u), np.arange(len(u), dtype=np.intp))


def through_tube(
    rays: Rays, tube: Tube, level_mm: float | None, meniscus: Meniscus | None, inside: float
) -> Exits:
    """Trace a bundle through the tube; every ray must meet its outer wall.

    With a `meniscus` the water's lowest point stands at `level_mm`, and each ray splits where it meets the
    surface first; `inside` is the refractive index of what fills the tube otherwise.
    """
    n = len(rays.share)
    glare = np.zeros(n)
    distance = _to_cylinder(rays, tube.outer_mm, leaving=False)
    place = rays.place + distance[:, None] * rays.direction
    normal = _radial(place, tube.outer_mm)
    direction, mirrored, _ = _refract(rays.direction, normal, AIR, GLASS)
    glare[rays.pixel] += mirrored
    in_glass = Rays(place, direction, rays.share * (1.0 - mirrored), rays.pixel)

    to_inner = _to_cylinder(in_glass, tube.inner_mm, leaving=False)
    reaches = np.isfinite(to_inner)
    past = in_glass.pick(~reaches)  # through the wall alone, at the tube's edges
    entering = in_glass.pick(reaches)
    place = entering.place + to_inner[reaches][:, None] * entering.direction
    normal = _radial(place, tube.inner_mm)
    if meniscus is None or level_mm is None:
        index = np.full(len(place), inside)
    else:
        index = np.where(place[:, 2] < level_mm + meniscus.rise_mm, WATER, AIR)
    direction, mirrored, total = _refract(entering.direction, normal, GLASS, index)
    glare[entering.pixel] += entering.share * np.where(total, 0.0, mirrored)
    # What cannot enter is mirrored at the bore and leaves through the wall.
    bounced = Rays(place, direction, entering.share, entering.pixel).pick(total)
    inner = Rays(place, direction, entering.share * (1.0 - mirrored), entering.pixel).pick(~total)
    index = index[~total]

    parts = [past, bounced]
    if meniscus is None or level_mm is None:
        parts.append(_leave_bore(inner, index, tube))
    else:
        for branch, branch_index in _meet_surface(inner, index, tube, level_mm, meniscus):
            parts.append(_leave_bore(branch, branch_index, tube))
    return Exits(_leave_wall(_join(parts), tube), glare)


def _leave_bore(rays: Rays, index: Vector, tube: Tube) -> Rays:
    distance = _to_cylinder(rays, tube.inner_mm, leaving=True)
    place = rays.place + distance[:, None] * rays.direction
    normal = -_radial(place, tube.inner_mm)
    direction, mirrored, total = _refract(rays.direction, normal, index, GLASS)
    share = np.where(total, 0.0, rays.share * (1.0 - mirrored))
    return Rays(place, direction, share, rays.pixel).pick(~total)


def _leave_wall(rays: Rays, tube: Tube) -> Rays:
    distance = _to_cylinder(rays, tube.outer_mm, leaving=True)
    place = rays.place + distance[:, None] * rays.direction
    normal = -_radial(place, tube.outer_mm)
    direction, mirrored, total = _refract(rays.direction, normal, GLASS, AIR)
    # Light caught in the wall goes round and round and loses itself: no share, nothing to see but dark glass.
    return Rays(place, direction, rays.share * (1.0 - mirrored), rays.pixel).pick(~total)


def _meet_surface(
    rays: Rays, index: Vector, tube: Tube, level_mm: float, meniscus: Meniscus
) -> list[tuple[Rays, Vector]]:
    """Follow rays inside the bore over up to three meetings with the surface."""
    done: list[tuple[Rays, Vector]] = []
    for meeting in range(3):
        if not len(rays.share):
            break
        distance = _to_surface(rays, tube, level_mm, meniscus)
        meets = np.isfinite(distance)
        done.append((rays.pick(~meets), index[~meets]))
        rays, index, distance = rays.pick(meets), index[meets], distance[meets]
        place = rays.place + distance[:, None] * rays.direction
        normal = _surface_normal(place, meniscus)
        normal *= np.where(np.sum(normal * rays.direction, axis=1) > 0.0, -1.0, 1.0)[:, None]
        other = np.where(index > 1.1, AIR, WATER)
        through, mirrored, total = _refract(rays.direction, normal, index, other)
        back = rays.direction - 2.0 * np.sum(rays.direction * normal, axis=1)[:, None] * normal
        passing = Rays(place + _AWAY * through, through, rays.share * (1.0 - mirrored), rays.pixel)
        turning = Rays(place + _AWAY * back, back, rays.share * mirrored, rays.pixel)
        if meeting == 0:
            keep_through, keep_back = ~total & (mirrored < 0.98), mirrored > 0.01
        else:  # the stronger of the two goes on, with all the light
            keep_through = ~total & (mirrored < 0.5)
            keep_back = ~keep_through
            passing = Rays(passing.place, through, rays.share, rays.pixel)
            turning = Rays(turning.place, back, rays.share, rays.pixel)
        index = np.concatenate((other[keep_through], index[keep_back]))
        rays = _join([passing.pick(keep_through), turning.pick(keep_back)])
    done.append((rays, index))
    return done


def _to_surface(rays: Rays, tube: Tube, level_mm: float, meniscus: Meniscus) -> Vector:
    """Distance to the first crossing of the surface inside the bore, infinite where there is none."""
    end = _to_cylinder(rays, tube.inner_mm, leaving=True)
    found = np.full(len(end), np.inf)
    low = np.minimum(rays.place[:, 2], rays.place[:, 2] + end * rays.direction[:, 2]) - level_mm
    high = np.maximum(rays.place[:, 2], rays.place[:, 2] + end * rays.direction[:, 2]) - level_mm
    near = np.flatnonzero((low <= meniscus.rise_mm) & (high >= 0.0))
    if not len(near):
        return found
    place, direction, end = rays.place[near], rays.direction[near], end[near]

    def above(t: Vector) -> Vector:
        x = place[:, 0, None] + t * direction[:, 0, None]
        y = place[:, 1, None] + t * direction[:, 1, None]
        z = place[:, 2, None] + t * direction[:, 2, None]
        result: Vector = z - level_mm - meniscus.height_at(np.sqrt(x * x + y * y))
        return result

    steps = np.linspace(0.0, 1.0, _MARCH)
    steps[0], steps[-1] = 1e-5, 1.0 - 1e-5
    values = above(end[:, None] * steps)
    crosses = values[:, 1:] * values[:, :-1] < 0.0
    first = np.argmax(crosses, axis=1)
    rows = np.flatnonzero(crosses[np.arange(len(first)), first])
    at = first[rows]
    place, direction = place[rows], direction[rows]
    t0, t1 = end[rows] * steps[at], end[rows] * steps[at + 1]
    f0, f1 = values[rows, at], values[rows, at + 1]
    for _ in range(_NARROW):  # false position, halving the end that stays (Illinois)
        apart = f1 - f0
        t = np.where(apart == 0.0, t1, (t0 * f1 - t1 * f0) / np.where(apart == 0.0, 1.0, apart))
        f = above(t[:, None])[:, 0]
        same = f * f1 >= 0.0
        f0 = np.where(same, 0.5 * f0, f1)
        t0 = np.where(same, t0, t1)
        t1, f1 = t, f
    found[near[rows]] = t1
    return found


def _surface_normal(place: Vector, meniscus: Meniscus) -> Vector:
    radius = np.sqrt(place[:, 0] ** 2 + place[:, 1] ** 2)
    slope = meniscus.slope_at(radius)
    over = slope / np.maximum(radius, 1e-9)
    normal = np.column_stack((-over * place[:, 0], -over * place[:, 1], np.ones_like(radius)))
    normal /= np.sqrt(1.0 + slope * slope)[:, None]
    return normal


def _radial(place: Vector, radius: float) -> Vector:
    """Outward normals of the cylinder at places on it."""
    normal = place / radius
    normal[:, 2] = 0.0
    return normal


def _to_cylinder(rays: Rays, radius: float, *, leaving: bool) -> Vector:
    """Distance along the rays to the cylinder: to the far wall where `leaving`, else to the near one (or
    infinite where it is missed)."""
    px, py = rays.place[:, 0], rays.place[:, 1]
    dx, dy = rays.direction[:, 0], rays.direction[:, 1]
    a = np.maximum(dx * dx + dy * dy, 1e-12)
    b = px * dx + py * dy
    c = px * px + py * py - radius * radius
    root = b * b - a * c
    if leaving:
        result: Vector = (-b + np.sqrt(np.maximum(root, 0.0))) / a
        return result
    missed = root <= 0.0
    result = (-b - np.sqrt(np.where(missed, 0.0, root))) / a
    result[missed] = np.inf
    return result


def _refract(
    direction: Vector, normal: Vector, n1: float | Vector, n2: float | Vector
) -> tuple[Vector, Vector, Mask]:
    """Snell's law and Fresnel's, for unpolarised light, at normals against the rays.

    Returns the directions that go on (mirrored ones where reflection is total), the mirrored share, and where
    reflection is total.
    """
    ratio = np.broadcast_to(np.asarray(n1 / n2, np.float64), direction.shape[:1])
    cos1 = -np.sum(direction * normal, axis=1)
    sin2 = ratio * ratio * (1.0 - cos1 * cos1)
    total = sin2 >= 1.0
    cos2 = np.sqrt(np.where(total, 0.0, 1.0 - sin2))
    across = (ratio * cos1 - cos2) / (ratio * cos1 + cos2)
    along = (ratio * cos2 - cos1) / (ratio * cos2 + cos1)
    mirrored = np.where(total, 1.0, 0.5 * (across * across + along * along))
    onward = np.where(
        total[:, None],
        direction + 2.0 * cos1[:, None] * normal,
        ratio[:, None] * direction + (ratio * cos1 - cos2)[:, None] * normal,
    )
    return onward, mirrored, total


def _join(parts: list[Rays]) -> Rays:
    return Rays(
        np.concatenate([part.place for part in parts]),
        np.concatenate([part.direction for part in parts]),
        np.concatenate([part.share for part in parts]),
        np.concatenate([part.pixel for part in parts]),
    )

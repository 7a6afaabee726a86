"""The line of sight to a column that lies before its scale: how obliquely it meets the scale."""

from dataclasses import dataclass, replace
from math import hypot, sqrt

import numpy as np
from numpy.typing import NDArray

from vision.graduation import Lattice
from vision.instrument import Region
from vision.station import CameraGeometry
from vision.thermometer.turned import Turn

Points = NDArray[np.float64]

# What is assumed where the station is silent, and its standard uncertainty as a share of it.
USUAL_FOCAL = 2.2, 0.3  # of the picture's longer side: bench cameras with lenses of 8 to 25 mm
STATED_FOCAL_SHARE = 0.005
SLOPE_FLOOR = 0.01  # tangent: no scale is divided, and no lens straight, so well as to show less
DISTANCE_SHARE, HEIGHT_MM = 0.01, 1.0  # how well a stated place of the camera is taken to hold


@dataclass(frozen=True)
class Pinhole:
    """A camera without its lens' faults: focal length and optical axis in pixels of the picture.

    `focal_share` is the relative standard uncertainty of `focal_px`.
    """

    focal_px: float
    focal_share: float
    middle: tuple[float, float]

    @classmethod
    def of(cls, camera: CameraGeometry, shape: tuple[int, ...], region: Region | None) -> "Pinhole":
        """The pinhole of `camera`, or a usual one, for pixels counted from the corner of a `region`.

        `shape` is that of the whole picture.
        """
        x, y = (region[0], region[1]) if region is not None else (0, 0)
        if camera.matrix is None:
            focal = USUAL_FOCAL[0] * max(shape[:2])
            return cls(focal, USUAL_FOCAL[1], (0.5 * (shape[1] - 1) - x, 0.5 * (shape[0] - 1) - y))
        k = camera.matrix
        return cls(0.5 * (k[0][0] + k[1][1]), STATED_FOCAL_SHARE, (k[0][2] - x, k[1][2] - y))

    def rays(self, turn: Turn) -> NDArray[np.float64]:
        """The matrix (3, 3) from upright pixels of `turn`, homogeneous, to directions in space."""
        f, (x, y) = self.focal_px, self.middle
        rays = np.empty((3, 3))
        rays[:2] = turn.back
        rays[:2, 2] -= x, y
        rays[:2] /= f
        rays[2] = 0, 0, 1
        return rays


@dataclass(frozen=True)
class Sight:
    """The tangent of the angle between a line of sight and the scale's normal, along the scale.

    `slope` is positive where what lies before the scale is seen at larger lattice numbers; `slope_u` is its
    standard uncertainty.
    """

    slope: float
    slope_u: float


def sight_by_place(camera: CameraGeometry, height_mm: float, downwards: bool) -> Sight | None:
    """The line of sight to a height above the scale's zero, by the camera's stated place; None without it.

    `downwards` tells whether lattice numbers fall with the height.
    """
    if camera.distance_mm is None or camera.height_mm is None:
        return None
    rise = (height_mm - camera.height_mm) / camera.distance_mm
    slope_u = hypot(HEIGHT_MM / camera.distance_mm, rise * DISTANCE_SHARE)
    # what stands above the lens is seen before something higher still
    return Sight(-rise if downwards else rise, slope_u)


def sight_by_perspective(
    lattice: Lattice, axis: tuple[Points, Points], turn: Turn, pinhole: Pinhole
) -> Sight:
    """The line of sight by the marks' perspective: the scale's vanishing point is its direction in space.

    `axis` are two ideal upright points (2,) on the column, the first at its end.
    """
    vanishing = float(lattice.terms[4]) / lattice.size
    vanishing_u = sqrt(float(lattice.covariance[4, 4])) / lattice.size
    share = pinhole.focal_share
    wider = replace(pinhole, focal_px=pinhole.focal_px * (1 + share))
    narrower = replace(pinhole, focal_px=pinhole.focal_px * (1 - share))

    def slope(weight: float, through: Pinhole) -> float:
        return _slope(weight, lattice.centre[1], axis, through.rays(turn))

    middle = slope(vanishing, pinhole)
    by_marks = slope(vanishing + vanishing_u, pinhole) - middle
    by_focal = 0.5 * (slope(vanishing, wider) - slope(vanishing, narrower))
    return Sight(middle, sqrt(by_marks**2 + by_focal**2 + SLOPE_FLOOR**2))


def _slope(weight: float, centre_y: float, axis: tuple[Points, Points], rays: NDArray[np.float64]) -> float:
    """The slope for a scale whose marks crowd by 1/(1 + `weight`·(y − `centre_y`))."""
    end, other = axis
    lean = (other[0] - end[0]) / (other[1] - end[1])
    start = end[0] - lean * end[1]
    # the vanishing point lies on the axis at y = centre_y − 1/weight; times −weight it stays finite
    down = 1 - weight * centre_y
    along = rays @ np.array([lean * down - weight * start, down, -weight])
    sight = rays @ np.array([end[0], end[1], 1.0])
    cosine = float(along @ sight) / float(np.linalg.norm(along) * np.linalg.norm(sight))
    return cosine / sqrt(max(1e-6, 1 - cosine**2))

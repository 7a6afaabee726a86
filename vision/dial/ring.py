"""The ring that the ends of a dial's ticks lie on, and the map between the face and the picture.

With the image of the face's middle as origin, a circle about the middle of the face is imaged as
1/r = √(dᵀ S d) + g·d for the direction d (unit vector): S (2×2, symmetric) holds the slant, g the
perspective. For a slant s the root's harmonics beyond the second are of the order s⁴/100, so that five
harmonics of 1/r describe the ring, and they are linear in what is sought.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vision.dial.face import Ticks

Values = NDArray[np.float64]
Points = NDArray[np.float64]

TRIALS = 500
TOLERANCE = 0.014  # of the radius: how far a tick's end may lie beside its ring while it is sought
MOST_SECOND, MOST_FIRST = 0.16, 0.20  # of the mean of 1/r: slants to 45°, cameras nearer than five radii
LEAST_ON_RING = 9


@dataclass(frozen=True)
class FaceMap:
    """The homography `matrix` (3×3) from the face to the picture.

    On the face the middle is (0, 0), the ring has the radius 1, and angles run clockwise as they are seen.
    """

    matrix: NDArray[np.float64]

    def picture(self, points: Points) -> Points:
        """Pixels (n, 2) of face points (n, 2)."""
        return _through(self.matrix, points)

    def face(self, points: Points) -> Points:
        """Face points (n, 2) of pixels (n, 2)."""
        return _through(np.asarray(np.linalg.inv(self.matrix), np.float64), points)

    def polar(self, angle: Values, radius: Values) -> Points:
        """Pixels (n, 2) of face points at `angle` (radians) and `radius`, both (n,)."""
        points = np.column_stack((radius * np.cos(angle), radius * np.sin(angle)))
        return self.picture(np.asarray(points, np.float64))

    def circles(self, angle: Values, radius: Values) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Columns and rows in the picture, each (m, n), of circles of `radius` (m,) at `angle` (n,)."""
        (a, b, c), (d, e, f), (g, h, i) = self.matrix.tolist()
        cos, sin = np.cos(angle), np.sin(angle)
        out = radius[:, None]
        depth = 1 / (out * (g * cos + h * sin) + i)
        x = (out * (a * cos + b * sin) + c) * depth
        y = (out * (d * cos + e * sin) + f) * depth
        return x.astype(np.float32), y.astype(np.float32)

    @property
    def centre(self) -> tuple[float, float]:
        """The pixel of the middle of the face."""
        x, y = self.picture(np.zeros((1, 2)))[0]
        return float(x), float(y)

    @property
    def radius_px(self) -> float:
        """The mean radius of the ring in pixels."""
        angle = np.arange(0.0, 2 * np.pi, np.pi / 12)
        away = self.polar(angle, np.ones_like(angle)) - np.array(self.centre)
        return float(np.hypot(away[:, 0], away[:, 1]).mean())


@dataclass(frozen=True)
class Ring:
    """Ticks that share a ring. `member` (n,) are indices into the ticks, `face` has the ring as unit circle.

    `outer` says whether the outer ends of the ticks lie on it, or the inner ones.
    """

    face: FaceMap
    member: NDArray[np.intp]
    outer: bool


def find_rings(ticks: Ticks, most: int = 3) -> list[Ring]:
    """Rings of ticks, that with the most ticks first; each tick belongs to one of them at most."""
    left = np.arange(ticks.count)
    rings: list[Ring] = []
    for _ in range(most):
        best: tuple[NDArray[np.intp], Values, bool] | None = None
        for outer in (True, False):
            ends = (ticks.outer if outer else ticks.inner)[left]
            found = _consensus(ticks.angle[left], ends)
            if found is not None and (best is None or len(found[0]) > 1.05 * len(best[0])):
                best = (*found, outer)
        if best is None:
            break
        inside, harmonics, outer = best
        member = left[inside]
        rings.append(Ring(_face_map(ticks.centre, harmonics), member, outer))
        radius = 1 / (_basis(ticks.angle[left]) @ harmonics)
        near = (ticks.inner[left] < 1.03 * radius) & (ticks.outer[left] > 0.97 * radius)
        left = left[~near]
        if len(left) < LEAST_ON_RING:
            break
    return rings


def refitted(ticks: Ticks, ring: Ring) -> tuple[Ticks, Ring]:
    """The same strokes and ring about the middle that `ring.face` has now, the ring fitted anew.

    A middle found a little wrong bends the ring; once the ticks themselves have said where the middle is, the
    ring follows.
    """
    centre = ring.face.centre
    old = np.array(ticks.centre) - np.array(centre)
    direction = np.column_stack((np.cos(ticks.angle), np.sin(ticks.angle)))
    inner, outer = (old + direction * radius[:, None] for radius in (ticks.inner, ticks.outer))
    middle = 0.5 * (inner + outer)
    moved = replace(
        ticks,
        centre=centre,
        angle=np.arctan2(middle[:, 1], middle[:, 0]),
        inner=np.hypot(inner[:, 0], inner[:, 1]),
        outer=np.hypot(outer[:, 0], outer[:, 1]),
    )
    ends = (moved.outer if ring.outer else moved.inner)[ring.member]
    basis = _basis(moved.angle[ring.member])
    weight = np.ones(len(ends))
    harmonics: Values = np.zeros(5)
    for _ in range(3):
        fitted, *_ = np.linalg.lstsq(basis * (ends * weight)[:, None], weight, rcond=None)
        harmonics = np.asarray(fitted, np.float64)
        beside = np.abs(basis @ harmonics * ends - 1)
        weight = np.where(beside < max(3 * float(np.median(beside)), 0.004), 1.0, 0.0)
    if not _plausible(harmonics[None, :])[0]:
        return ticks, ring
    return moved, replace(ring, face=_face_map(centre, harmonics))


def _consensus(angle: Values, ends: Values) -> tuple[NDArray[np.intp], Values] | None:
    """The ticks whose ends share a ring, and the harmonics of 1/r, of the ring with the most of them."""
    count = len(angle)
    if count < LEAST_ON_RING:
        return None
    basis, inverse = _basis(angle), np.asarray(1 / ends, np.float64)
    chosen = np.random.default_rng(count).random((TRIALS, count)).argpartition(5, axis=1)[:, :5]
    systems, right = basis[chosen], inverse[chosen]
    solvable = np.abs(np.linalg.det(systems)) > 0.02
    trial = np.linalg.solve(systems[solvable], right[solvable][:, :, None])[:, :, 0]
    trial = trial[_plausible(trial)]
    if len(trial) == 0:
        return None
    beside = np.abs(trial @ basis.T / inverse[None, :] - 1)
    votes = np.maximum(0.0, 1 - (beside / TOLERANCE) ** 2).sum(axis=1)
    harmonics = trial[int(np.argmax(votes))]
    inside = np.arange(count)
    for tolerance in (1.5 * TOLERANCE, TOLERANCE, TOLERANCE):
        inside = np.flatnonzero(np.abs(basis @ harmonics / inverse - 1) < tolerance)
        if len(inside) < LEAST_ON_RING:
            return None
        harmonics, *_ = np.linalg.lstsq(
            basis[inside] / inverse[inside, None], np.ones(len(inside)), rcond=None
        )
    return (inside, harmonics) if _plausible(harmonics[None, :])[0] else None


def _basis(angle: Values) -> Values:
    return np.column_stack(
        (np.ones_like(angle), np.cos(angle), np.sin(angle), np.cos(2 * angle), np.sin(2 * angle))
    )


def _plausible(harmonics: Values) -> NDArray[np.bool_]:
    """Which rows (n, 5) are the image of a circle that a camera before the dial may see."""
    mean = harmonics[:, 0]
    first = np.hypot(harmonics[:, 1], harmonics[:, 2])
    second = np.hypot(harmonics[:, 3], harmonics[:, 4])
    return np.asarray((mean > 0) & (first < MOST_FIRST * mean) & (second < MOST_SECOND * mean), np.bool_)


def _face_map(centre: tuple[float, float], harmonics: Values) -> FaceMap:
    """The map whose unit circle has these harmonics of 1/r about `centre`."""
    mean, gx, gy, second_c, second_s = harmonics
    p = mean**2 + 0.5 * (second_c**2 + second_s**2)
    q, t = 2 * mean * second_c, 2 * mean * second_s
    values, vectors = np.linalg.eigh(np.array([[p + q, t], [t, p - q]]))
    root = (vectors * np.sqrt(np.maximum(values, 1e-12))) @ vectors.T
    inverse = np.eye(3)
    inverse[:2, :2] = root
    inverse[2, :2] = -gx, -gy
    shift = np.array([[1, 0, -centre[0]], [0, 1, -centre[1]], [0, 0, 1.0]])
    matrix = np.linalg.inv(inverse @ shift)
    return FaceMap(matrix / matrix[2, 2])


def _through(matrix: NDArray[np.float64], points: Points) -> Points:
    """Points (n, 2) through a homography."""
    x, y = points[:, 0], points[:, 1]
    w = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2]
    return np.column_stack(
        (
            (matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]) / w,
            (matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]) / w,
        )
    )

"""From where a camera sees a dial, as far as the map of its face tells: the parallax of a raised needle."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision.dial_ring import FaceMap

Matrix = NDArray[np.float64]

USUAL_FOCAL = 1.4  # of the picture's longer side, where the camera is not known
FOCALS = np.geomspace(0.7, 5.0, 41)
FOCAL_SPREAD = 0.35  # of its logarithm: how far usual cameras differ
ASKEW = 0.01  # how exactly the axes of a face stay at right angles and of one length in the map


@dataclass(frozen=True)
class View:
    """How far a point raised over the face is seen beside its foot, per unit of height: `shift` (x, y).

    In units of the ring's radius on the face, `shift_u` the standard uncertainty of each component.
    """

    shift: tuple[float, float]
    shift_u: float


def view_of(face: FaceMap, size: tuple[int, int], matrix: tuple[tuple[float, ...], ...] | None) -> View:
    """The view of `face` in a picture of `size` (height, width) by a camera with `matrix`, None if unknown.

    Without a matrix the focal length is the one that keeps the axes of the face at right angles and equal,
    held to what is usual, and the optical axis is taken to pass through the face: a dial may be a part cut
    out of a larger picture. The columns of K⁻¹H are two axes of the face and the way to its middle
    (Zhang 2000, A flexible new technique for camera calibration, section 3.1).
    """
    if matrix is not None:
        shift, _ = _shift(np.linalg.inv(np.asarray(matrix, np.float64)) @ face.matrix)
        return View((float(shift[0]), float(shift[1])), 0.01 + 0.03 * float(np.hypot(*shift)))
    x, y = face.centre
    shifts, costs = [], []
    for focal in FOCALS:
        length = focal * max(size)
        inverse = np.array([[1 / length, 0, -x / length], [0, 1 / length, -y / length], [0, 0, 1.0]])
        shift, askew = _shift(inverse @ face.matrix)
        shifts.append(shift)
        costs.append((askew / ASKEW) ** 2 + (np.log(focal / USUAL_FOCAL) / FOCAL_SPREAD) ** 2)
    weight = np.exp(-0.5 * (np.array(costs) - min(costs)))
    weight /= weight.sum()
    mean = weight @ np.array(shifts)
    spread = np.sqrt(weight @ ((np.array(shifts) - mean) ** 2).sum(axis=1))
    return View((float(mean[0]), float(mean[1])), float(spread) + 0.02 + 0.08 * float(np.hypot(*mean)))


def _shift(pose: Matrix) -> tuple[Matrix, float]:
    """The shift per height, and how far the two axes are from equal and at right angles."""
    first, second, way = pose[:, 0], pose[:, 1], pose[:, 2]
    size = 0.5 * float(np.linalg.norm(first) + np.linalg.norm(second))
    a, b, t = first / size, second / size, way / size
    askew = float(np.hypot(a @ b, 0.5 * (a @ a - b @ b)))
    turn, _, back = np.linalg.svd(np.column_stack((a, b, np.cross(a, b))))
    rotation = turn @ np.diag([1, 1, np.linalg.det(turn @ back)]) @ back
    camera = -rotation.T @ t
    # the face's third axis points away from the viewer (x right, y down): the camera's z is negative, and a
    # raised point is seen where the line from the camera through it meets the face, further from the camera
    return camera[:2] / camera[2], askew

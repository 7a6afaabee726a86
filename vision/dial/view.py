"""From where a camera sees a dial, as far as the map of its face tells: the parallax of a raised needle."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision.dial.ring import FaceMap

Values = NDArray[np.float64]

USUAL_FOCAL = 1.4  # of the picture's longer side, where the camera is not known
FOCALS = np.geomspace(0.7, 5.0, 25)
FOCAL_SPREAD = 0.35  # of its logarithm: how far usual cameras differ
SLANTS = np.linspace(-2.0, 2.0, 7)  # standard uncertainties: slants that are tried
KNOWN_U, GUESSED_U = (0.01, 0.03), (0.02, 0.08)  # of a shift: at least, and of its size; camera known or not
ASKEW = 0.01  # how exactly the axes of a face stay at right angles and of one length in the map


@dataclass(frozen=True)
class View:
    """How far a point raised over the face is seen beside its foot, per unit of height: `shift` (x, y).

    In units of the ring's radius on the face, `shift_u` the standard uncertainty of each component.
    """

    shift: tuple[float, float]
    shift_u: float


def view_of(
    face: FaceMap, size: tuple[int, int], matrix: tuple[tuple[float, ...], ...] | None, slant_u: float = 0.0
) -> View:
    """The view of `face` in a picture of `size` (height, width) by a camera with `matrix`, None if unknown.

    Without a matrix the focal length is the one that keeps the axes of the face at right angles and equal,
    held to what is usual, and the optical axis is taken to pass through the face: a dial may be a part cut
    out of a larger picture. The columns of K⁻¹H are two axes of the face and the way to its middle
    (Zhang 2000, A flexible new technique for camera calibration, section 3.1).

    `slant_u` is the standard uncertainty of the slant in `face`: where ticks leave it open, the slants that
    keep the axes equal and at right angles weigh more (Bayes' rule on a grid).
    """
    steps = SLANTS if slant_u > 0 else np.zeros(1)
    p, q = (one.ravel() for one in np.meshgrid(steps, steps))
    cost = p**2 + q**2
    zeros, ones = np.zeros_like(p), np.ones_like(p)
    slant = np.array(
        [[1 + slant_u * p, slant_u * q, zeros], [slant_u * q, 1 - slant_u * p, zeros], [zeros, zeros, ones]]
    )
    faces = face.matrix @ slant.transpose(2, 0, 1)
    if matrix is not None:
        shift, askew = _shift(np.linalg.inv(np.asarray(matrix, np.float64)) @ faces)
        floor, share = KNOWN_U
    else:
        x, y = face.centre
        centred = np.array([[1, 0, -x], [0, 1, -y], [0, 0, 1.0]]) @ faces
        pose = np.repeat(centred[None], len(FOCALS), axis=0)
        pose[:, :, :2] /= (FOCALS * max(size))[:, None, None, None]
        shift, askew = _shift(pose.reshape(-1, 3, 3))
        usual = (np.log(FOCALS / USUAL_FOCAL) / FOCAL_SPREAD) ** 2
        cost = (usual[:, None] + cost[None, :]).ravel()
        floor, share = GUESSED_U
    cost = cost + (askew / ASKEW) ** 2
    weight = np.exp(-0.5 * (cost - cost.min()))
    weight /= weight.sum()
    mean = weight @ shift
    spread = float(np.sqrt(weight @ ((shift - mean) ** 2).sum(axis=1)))
    u = spread + floor + share * float(np.hypot(*mean))
    return View((float(mean[0]), float(mean[1])), u)


def _shift(pose: Values) -> tuple[Values, Values]:
    """The same for K⁻¹H (n, 3, 3)."""
    first, second, way = pose[:, :, 0], pose[:, :, 1], pose[:, :, 2]
    size = 0.5 * (np.linalg.norm(first, axis=1) + np.linalg.norm(second, axis=1))[:, None]
    a, b, t = first / size, second / size, way / size
    askew = np.hypot((a * b).sum(axis=1), 0.5 * ((a * a).sum(axis=1) - (b * b).sum(axis=1)))
    # a raised point is seen where the line from the camera through it meets the face, further from the
    # camera; the face's third axis points away from the viewer (x right, y down)
    depth = (
        (a[:, 1] * b[:, 2] - a[:, 2] * b[:, 1]) * t[:, 0]
        + (a[:, 2] * b[:, 0] - a[:, 0] * b[:, 2]) * t[:, 1]
        + (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) * t[:, 2]
    )
    shift = np.column_stack(((a * t).sum(axis=1), (b * t).sum(axis=1))) / depth[:, None]
    return np.asarray(shift, np.float64), np.asarray(askew, np.float64)

"""The lens: from pixels as the sensor has them to pixels of an ideal pinhole, and back."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.station import CameraGeometry

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Lens:
    """A lens as far as it is known. Without matrix or distortion, points pass through unchanged."""

    matrix: NDArray[np.float64] | None
    distortion: NDArray[np.float64] | None

    @classmethod
    def of(cls, camera: CameraGeometry) -> "Lens":
        """The lens of `camera`."""
        return cls(
            matrix=None if camera.matrix is None else np.asarray(camera.matrix, np.float64),
            distortion=None if camera.distortion is None else np.asarray(camera.distortion, np.float64),
        )

    @property
    def known(self) -> bool:
        """Whether straight lines of the scene are straight after `ideal`."""
        return self.matrix is not None and self.distortion is not None

    def ideal(self, points: Points) -> Points:
        """Where a pinhole with the same matrix would image `points` (n, 2), in pixels."""
        if self.matrix is None or self.distortion is None or len(points) == 0:
            return np.asarray(points, np.float64)
        shaped = np.ascontiguousarray(points, np.float64).reshape(-1, 1, 2)
        straight = cv2.undistortPoints(shaped, self.matrix, self.distortion, None, None, self.matrix)
        return np.asarray(straight, np.float64).reshape(-1, 2)

    def real(self, points: Points) -> Points:
        """The inverse of `ideal`: where the sensor has the ideal `points` (n, 2)."""
        if self.matrix is None or self.distortion is None or len(points) == 0:
            return np.asarray(points, np.float64)
        k = self.matrix
        y = (points[:, 1] - k[1, 2]) / k[1, 1]
        x = (points[:, 0] - k[0, 2] - k[0, 1] * y) / k[0, 0]
        rays = np.column_stack((x, y, np.ones(len(points))))
        bent, _ = cv2.projectPoints(rays.reshape(-1, 1, 3), np.zeros(3), np.zeros(3), k, self.distortion)
        return np.asarray(bent, np.float64).reshape(-1, 2)

"""A camera frame: the encoded bytes as they came, and the pixels that they decode to."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.errors import FrameError


@dataclass(frozen=True)
class Frame:
    """One encoded image with where and when it was taken.

    `data` is the file as the camera sent it (JPEG, PNG …): the evidence. `taken_utc` is ISO 8601 in UTC, or
    empty where the source does not say. `source` names the file or the camera for messages.
    """

    data: bytes
    source: str
    taken_utc: str = ""

    @cached_property
    def sha256(self) -> str:
        """Hash of the encoded bytes in hexadecimal; the name under which the frame is kept."""
        return hashlib.sha256(self.data).hexdigest()

    @cached_property
    def image(self) -> NDArray[np.uint8]:
        """Pixels, shape (height, width, 3), uint8, blue-green-red.

        Raises `FrameError` where the bytes are not an image.
        """
        return self._decoded(cv2.IMREAD_COLOR)

    @cached_property
    def gray(self) -> NDArray[np.uint8]:
        """Brightness, shape (height, width), uint8; decoded without the colours, which takes a third less.

        Always decoded, never computed from the colours: rounding would make a reading depend on what else
        was done with the frame. Raises `FrameError` where the bytes are not an image.
        """
        return self._decoded(cv2.IMREAD_GRAYSCALE)

    def _decoded(self, how: int) -> NDArray[np.uint8]:
        try:
            pixels = cv2.imdecode(np.frombuffer(self.data, np.uint8), how) if self.data else None
        except cv2.error:  # more pixels than OpenCV takes
            pixels = None
        if pixels is None:
            raise FrameError(f"{self.source}: not an image that can be decoded ({len(self.data)} bytes)")
        return np.asarray(pixels, np.uint8)

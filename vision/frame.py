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
        pixels = cv2.imdecode(np.frombuffer(self.data, np.uint8), cv2.IMREAD_COLOR) if self.data else None
        if pixels is None:
            raise FrameError(f"{self.source}: not an image that can be decoded ({len(self.data)} bytes)")
        return np.asarray(pixels, np.uint8)

    @cached_property
    def gray(self) -> NDArray[np.uint8]:
        """Brightness, shape (height, width), uint8; decoded without the colours, which takes a third less.

        Raises `FrameError` where the bytes are not an image.
        """
        if "image" in self.__dict__:  # decoded already: the brightness of a JPEG is the same either way
            return np.asarray(cv2.cvtColor(self.image, cv2.COLOR_BGR2GRAY), np.uint8)
        encoded = np.frombuffer(self.data, np.uint8)
        pixels = cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE) if self.data else None
        if pixels is None:
            raise FrameError(f"{self.source}: not an image that can be decoded ({len(self.data)} bytes)")
        return np.asarray(pixels, np.uint8)

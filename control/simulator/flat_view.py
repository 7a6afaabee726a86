"""A pinhole camera before a flat board, and the strokes with which the twin paints gauges on it.

Everything is painted from coordinates: each pixel's place on the board is known, and an edge covers a pixel
by its distance from it, so that a line ends where it ends to a small part of a pixel.
"""

from dataclasses import dataclass
from math import cos, radians, sin

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Picture = NDArray[np.float32]
Window = tuple[slice, slice]
Colour = tuple[float, float, float]  # blue, green, red, 0 to 255

BLUR_PX = 0.7
NOISE = 1.6  # grey levels
QUALITY = 92
TEXT_PER_MM = 24.0
SHADOW = (0.35, 0.55)  # mm to the right and down for each mm of height: the lamp hangs above, to the left


@dataclass(frozen=True)
class FlatView:
    """The camera, `distance_mm` before the board, where a millimetre takes `per_mm` pixels (their product is
    its focal length in pixels); `eye_mm` (x, y) is its place beside the board's middle, `roll_deg` its turn
    about its axis.

    The board's frame has x to the right and y down, in mm, from the place in the middle of the picture;
    heights count from the board towards the camera.
    """

    width: int
    height: int
    per_mm: float
    distance_mm: float
    eye_mm: tuple[float, float]
    roll_deg: float

    def homography(self, height_mm: float) -> Array:
        """From places (x, y, 1) of a plane above the board to pixels, shape (3, 3)."""
        eye = np.array([*self.eye_mm, -self.distance_mm])
        ahead = -eye / np.linalg.norm(eye)
        roll = radians(self.roll_deg)
        right = np.cross(np.array([0.0, 1.0, 0.0]), ahead)
        right /= np.linalg.norm(right)
        down = np.cross(ahead, right)
        turned = np.array([cos(roll) * right + sin(roll) * down, cos(roll) * down - sin(roll) * right, ahead])
        focal = self.per_mm * self.distance_mm
        matrix = np.array(
            [[focal, 0.0, (self.width - 1) / 2.0], [0.0, focal, (self.height - 1) / 2.0], [0.0, 0.0, 1.0]]
        )
        plane = np.column_stack(
            (np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, -height_mm]) - eye)
        )
        found: Array = matrix @ turned @ plane
        return found

    def pixels(self, places: Array, height_mm: float) -> Array:
        """The pixels (n, 2) of places (n, 2) above the board."""
        seen = np.column_stack((places, np.ones(len(places)))) @ self.homography(height_mm).T
        found: Array = seen[:, :2] / seen[:, 2:]
        return found

    def places(self, height_mm: float, window: Window) -> tuple[Array, Array]:
        """x and y of every pixel of the window in the plane at that height, of the window's shape."""
        rows, columns = window
        v, u = np.mgrid[rows.start : rows.stop, columns.start : columns.stop].astype(np.float64)
        inverse = np.linalg.inv(self.homography(height_mm))
        scale = inverse[2, 0] * u + inverse[2, 1] * v + inverse[2, 2]
        x = (inverse[0, 0] * u + inverse[0, 1] * v + inverse[0, 2]) / scale
        y = (inverse[1, 0] * u + inverse[1, 1] * v + inverse[1, 2]) / scale
        return x, y

    def place_of(self, pixel: tuple[float, float]) -> tuple[float, float]:
        """The place on the board that is seen in a pixel."""
        x, y, scale = np.linalg.inv(self.homography(0.0)) @ np.array([*pixel, 1.0])
        return float(x / scale), float(y / scale)

    def window(self, places: Array, height_mm: float, margin_px: int = 3) -> Window:
        """The part of the picture that holds these places, cut to the picture; it may be empty."""
        seen = self.pixels(places, height_mm)
        low = np.maximum(np.floor(seen.min(axis=0)).astype(int) - margin_px, 0)
        high = np.ceil(seen.max(axis=0)).astype(int) + margin_px + 1
        return (
            slice(int(low[1]), max(int(low[1]), min(int(high[1]), self.height))),
            slice(int(low[0]), max(int(low[0]), min(int(high[0]), self.width))),
        )

    @property
    def whole(self) -> Window:
        """All of the picture."""
        return slice(0, self.height), slice(0, self.width)

    def cover(self, inward_mm: Array) -> Array:
        """How much of each pixel is covered, 0 to 1, by the distance inside an edge (negative: outside)."""
        share: Array = np.clip(inward_mm * self.per_mm + 0.5, 0.0, 1.0)
        return share


def rectangle(x: Array, y: Array, box: tuple[float, float, float, float]) -> Array:
    """The distance inside a rectangle (left, top, right, bottom)."""
    left, top, right, bottom = box
    inward: Array = np.minimum(np.minimum(x - left, right - x), np.minimum(y - top, bottom - y))
    return inward


def blend(picture: Picture, window: Window, share: Array, colour: Colour) -> None:
    """Paint `colour` over the window, as far as `share` covers it."""
    part = picture[window]
    part += share[..., None].astype(np.float32) * (np.array(colour, np.float32) - part)


def darken(picture: Picture, window: Window, share: Array, by: float) -> None:
    """Take away `by` (0 to 1) of the light where `share` covers the window."""
    picture[window] *= (1.0 - by * share[..., None]).astype(np.float32)


class Lettering:
    """Texts that stand on a plane of the board, drawn once on a sheet of their own and looked up from it."""

    def __init__(self, box: tuple[float, float, float, float]) -> None:
        """`box` is the sheet's place on the board (left, top, right, bottom), in mm."""
        self._left, self._top, right, bottom = box
        size = (round((bottom - self._top) * TEXT_PER_MM), round((right - self._left) * TEXT_PER_MM))
        self._sheet = np.zeros(size, np.uint8)

    def write(self, text: str, centre: tuple[float, float], size_mm: float) -> None:
        """Write `text` about a place; `size_mm` is the height of the font."""
        font, size = cv2.FontFace("sans"), round(size_mm * TEXT_PER_MM)
        box = cv2.getTextSize(self._sheet.shape[1::-1], text, (0, 0), font, size, 400)
        x = (centre[0] - self._left) * TEXT_PER_MM - box[0] - box[2] / 2.0
        y = (centre[1] - self._top) * TEXT_PER_MM - box[1] - box[3] / 2.0
        cv2.putText(self._sheet, text, (round(x), round(y)), (255,), font, size, 400)

    def share(self, x: Array, y: Array, per_mm: float) -> Array:
        """How much ink each pixel at (x, y) sees, 0 to 1."""
        # a pixel of the camera covers several of the sheet: soften so that sampling does not miss strokes
        soft = cv2.GaussianBlur(self._sheet, (0, 0), max(0.4 * TEXT_PER_MM / per_mm, 0.3))
        columns = ((x - self._left) * TEXT_PER_MM - 0.5).astype(np.float32)
        rows = ((y - self._top) * TEXT_PER_MM - 0.5).astype(np.float32)
        ink = cv2.remap(soft, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        share: Array = np.asarray(ink, np.float64) / 255.0
        return share


class Exposure:
    """Lens and sensor: blur, noise, JPEG. Not for use by two threads at once."""

    def __init__(self, view: FlatView, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        size = (view.height + 64, view.width + 64, 3)
        self._noise = np.float32(NOISE) * self._random.standard_normal(size, dtype=np.float32)

    def jpeg(self, picture: Picture) -> bytes:
        """The picture as a camera sends it."""
        rows, columns = picture.shape[:2]
        y, x = self._random.integers(0, 64, 2)
        soft = cv2.GaussianBlur(picture, (0, 0), BLUR_PX)
        noisy = cv2.add(soft, self._noise[y : y + rows, x : x + columns], dtype=cv2.CV_8U)
        _, data = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        return data.tobytes()

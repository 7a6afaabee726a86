"""Drawings of liquid-in-glass thermometers of many designs, seen from anywhere, with known readings."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Array = NDArray[np.float64]
Colour = tuple[float, float, float]

PER_MM = 12.0  # of the painted planes
MARGIN_MM = 9.0  # of plate beyond the end marks
WHITE, YELLOW, STEEL, BLACK = (240.0, 242.0, 242.0), (170.0, 225.0, 238.0), (168.0, 166.0, 160.0), (38.0,) * 3
RED, BLUE, GREEN = (60.0, 50.0, 200.0), (180.0, 80.0, 50.0), (70.0, 150.0, 60.0)
SILVER = (128.0, 126.0, 122.0)


@dataclass(frozen=True)
class Design:
    """What a thermometer looks like; lengths in mm, colours blue-green-red.

    `marks` is the side of the column on which they are, or `across` for marks that run behind it. `dome` is
    how far the middle of the column's end stands out before its rim (negative: hollow).
    """

    minimum: float = 0.0
    maximum: float = 50.0
    division: float = 1.0
    label_every: float = 10.0
    length: float = 110.0
    offset: float = 2.0
    plate: Colour = WHITE
    ink: Colour = (35.0, 35.0, 35.0)
    column: Colour = RED
    column_width: float = 2.0
    marks: str = "right"
    dome: float = 0.0
    tube_width: float = 4.5
    shine: float = 0.0

    def description(self, **changes: Any) -> dict[str, Any]:
        """The manifest's `instrument` object, with `changes`; a change to None leaves a key out."""
        known = {
            "kind": "thermometer",
            "unit": "degC",
            "minimum": self.minimum,
            "maximum": self.maximum,
            "division": self.division,
            "label_every": self.label_every,
            "column_offset_mm": self.offset,
        } | changes
        return {key: value for key, value in known.items() if value is not None}


@dataclass(frozen=True)
class View:
    """Where it is seen from: degrees, millimetres, pixels. `focal` is a multiple of the longer side."""

    pitch: float = 0.0
    yaw: float = 0.0
    roll: float = 0.0
    focal: float = 2.2
    distance: float = 330.0
    size: tuple[int, int] = (640, 1280)
    blur: float = 0.7
    noise: float = 2.0
    exposure: float = 1.0
    glare: float = 0.0
    seed: int = 1

    @property
    def matrix(self) -> Array:
        """The camera matrix."""
        f = self.focal * max(self.size)
        return np.array([[f, 0, (self.size[0] - 1) / 2], [0, f, (self.size[1] - 1) / 2], [0, 0, 1]])

    def plane(self, depth: float) -> Array:
        """The homography from millimetres on a plane `depth` before the plate to pixels."""
        turns = [np.deg2rad(angle) for angle in (self.pitch, self.yaw, self.roll)]
        about_x, about_y, about_z = (np.eye(3) for _ in range(3))
        about_x[1:, 1:] = _turn(turns[0])
        about_y[np.ix_([0, 2], [0, 2])] = _turn(turns[1])
        about_z[:2, :2] = _turn(turns[2])
        pose = about_z @ about_x @ about_y
        move = pose @ np.array([0.0, 0.0, -depth]) + np.array([0.0, 0.0, self.distance])
        return np.asarray(self.matrix @ np.column_stack((pose[:, 0], pose[:, 1], move)))


def _turn(angle: float) -> Array:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def thermometer(design: Design, view: View, value: float, *, column: bool = True) -> Image:
    """A picture, shape (height, width, 3), of a thermometer that reads `value`, or is empty."""
    rng = np.random.default_rng(view.seed)
    high = view.size[1]
    picture = _still(design, replace(view, seed=0))
    if column:
        colour, cover = _painted_column(design, *_grid(design), value)
        picture = _laid(picture, colour, cover, view, design.offset)
    if view.glare:
        rows = np.exp(-(((np.arange(high) - 0.37 * high) / (0.05 * high)) ** 2))
        picture = picture + view.glare * rows[:, None, None]
    picture = cv2.GaussianBlur(picture * view.exposure, (0, 0), view.blur) if view.blur else picture
    picture = picture + rng.normal(0, view.noise, picture.shape)
    return np.asarray(np.clip(np.rint(picture), 0, 255), np.uint8)


@lru_cache(maxsize=4)
def _still(design: Design, view: View) -> Array:
    """All but the column, before it is exposed."""
    wide, high = view.size
    picture = np.empty((high, wide, 3))
    picture[:] = (
        105 + 14 * np.linspace(-1, 1, high)[:, None, None] + 6 * np.linspace(-1, 1, wide)[None, :, None]
    )
    x, y = _grid(design)
    half = 12.0 if design.marks != "across" else 9.0
    left = -7.0 if design.marks == "right" else (7.0 - 2 * half if design.marks == "left" else -half)
    down = -MARGIN_MM, design.length + MARGIN_MM
    plate = _box(x, y, (left, left + 2 * half), down)
    picture = _laid(picture, _painted_plate(design, x, y), plate, view, 0.0)
    tube = 0.35 * _box(x, y, (-design.tube_width / 2, design.tube_width / 2), down)
    return _laid(picture, np.full((*x.shape, 3), (205.0, 215.0, 208.0)), tube, view, design.offset)


def encoded(picture: Image, quality: int = 92) -> bytes:
    """The picture as JPEG."""
    return bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1])


def _grid(design: Design) -> tuple[Array, Array]:
    """Places (x, y) of the painted planes' pixels, in mm: from the column's axis, from the top mark down."""
    count = round((design.length + 4 * MARGIN_MM) * PER_MM), round(44.0 * PER_MM)
    y, x = np.mgrid[0 : count[0], 0 : count[1]].astype(np.float64)
    return (x + 0.5) / PER_MM - 22.0, (y + 0.5) / PER_MM - 2 * MARGIN_MM


def _box(x: Array, y: Array, across: tuple[float, float], down: tuple[float, float]) -> Array:
    (left, right), (top, bottom) = across, down
    inward = np.minimum(np.minimum(x - left, right - x), np.minimum(y - top, bottom - y))
    return np.clip(inward * PER_MM + 0.5, 0, 1)


def _laid(picture: Array, colour: Array, cover: Array, view: View, depth: float) -> Array:
    """`picture` with a painted plane before it, sampled at twice its size."""
    wide, high = view.size
    to_mm = np.array([[1 / PER_MM, 0, 0.5 / PER_MM - 22.0], [0, 1 / PER_MM, 0.5 / PER_MM], [0, 0, 1.0]])
    to_mm[1, 2] -= (
        cover.shape[0] - 1
    ) / PER_MM / 2 + 0.5 / PER_MM  # the middle of the scale before the camera
    fine = np.array([[2.0, 0, 0.5], [0, 2.0, 0.5], [0, 0, 1.0]])
    homography = fine @ view.plane(depth) @ to_mm
    layer = np.dstack((colour * cover[:, :, None], cover)).astype(np.float32)
    seen = cv2.warpPerspective(layer, homography, (2 * wide, 2 * high), flags=cv2.INTER_LINEAR)
    seen = cv2.resize(seen, (wide, high), interpolation=cv2.INTER_AREA).astype(np.float64)
    return np.asarray(seen[:, :, :3] + (1 - seen[:, :, 3:]) * picture)


def _painted_plate(design: Design, x: Array, y: Array) -> Array:
    """Plate, marks and numbers."""
    count = round((design.maximum - design.minimum) / design.division)
    step = design.length / count
    colour = np.empty((*x.shape, 3))
    colour[:] = design.plate
    ink = np.zeros(x.shape)
    every = round(design.label_every / design.division)
    numbers = np.zeros(x.shape, np.uint8)
    for k in range(count + 1):
        division = round(design.maximum / design.division) - k
        rank = 0 if division % every == 0 else (1 if every % 2 == 0 and division % (every // 2) == 0 else 2)
        long = (4.6, 3.7, 2.8)[rank]
        start = 3.0 if design.marks != "across" else -2.8
        left, right = start, (3.0 if design.marks != "across" else 0.0) + long
        if design.marks == "left":
            left, right = -right, -left
        band = np.flatnonzero(np.abs(y[:, 0] - k * step) < 0.5)
        rows = slice(int(band[0]), int(band[-1]) + 1)
        ink[rows] += _box(x[rows], y[rows], (left, right), (k * step - 0.13, k * step + 0.13))
        if rank == 0:
            text = f"{division * design.division:g}"
            size, _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 1.1, 3)
            from_x = right + 0.8 if design.marks != "left" else left - 0.8 - size[0] / PER_MM
            place = round((from_x + 22.0) * PER_MM), round((k * step + 2 * MARGIN_MM) * PER_MM + size[1] / 2)
            cv2.putText(numbers, text, place, cv2.FONT_HERSHEY_SIMPLEX, 1.1, 255, 3, cv2.LINE_AA)
    cover = np.maximum(np.clip(ink, 0, 1), numbers / 255.0)[:, :, None]
    return np.asarray(colour * (1 - cover) + np.array(design.ink) * cover)


def _painted_column(design: Design, x: Array, y: Array, value: float) -> tuple[Array, Array]:
    """Colour and cover of the column up to `value`."""
    half = design.column_width / 2
    end = (design.maximum - value) / (design.maximum - design.minimum) * design.length
    inside = np.sqrt(np.clip(1 - (x / half) ** 2, 0, 1))
    edge = end - design.dome * (inside - 1.0)  # the reading is that of the axis
    cover = np.clip((y - edge) * PER_MM + 0.5, 0, 1) * np.clip((half - np.abs(x)) * PER_MM + 0.5, 0, 1)
    cover *= y < design.length + MARGIN_MM
    light = 1.0 + design.shine * (inside - 0.6) * np.clip(1 + 0.8 * x / half, 0.2, 1.8)
    return np.clip(np.array(design.column) * light[:, :, None], 0, 255), cover

"""Draws dial gauges of many designs as a camera sees them, for the tests of the dial reader.

It shares no code with the reader: the face and the needle are drawn flat, each in its own plane, and imaged
through a pinhole. Lengths are in radii of the tick ring.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Colour = tuple[int, int, int]  # blue, green, red

FLAT = 1200  # pixels of a layer's side
REACH = 1.5  # what a layer shows: ± this many radii
SHIFT = 4  # bits of a pixel in drawing


@dataclass(frozen=True)
class Drawn:
    """One dial and how it is looked at. Angles in degrees, clockwise from the right."""

    minimum: float = 0.0
    maximum: float = 10.0
    major_step: float = 1.0
    minor_per_major: int = 10
    value: float = 3.7
    first: float = 135.0
    sweep: float = 270.0
    uneven: float = 0.0  # of the sweep: how far ticks and needle stand beside equal angles, at most
    face: Colour = (235, 238, 240)
    ink: Colour = (30, 30, 30)
    needle: Colour = (25, 25, 25)
    rim: Colour = (90, 90, 95)
    minor_length: float = 0.07
    major_length: float = 0.14
    minor_width: float = 0.010
    major_width: float = 0.018
    long_halves: bool = False  # half-way between two numerals a tick as long as theirs
    inside_aligned: bool = False
    arc: bool = False
    numerals: bool = True
    second_ring: int = 0
    tip: float = 0.9
    tail: float = 0.3
    needle_width: float = 0.05
    wedge_tail: bool = False
    shadow: bool = True
    second_pointer: float | None = None
    band: tuple[float, float] | None = None
    pivot: tuple[float, float] = (0.0, 0.0)
    height: float = 0.06
    slant: float = 0.0
    slant_to: float = 0.0
    roll: float = 0.0
    distance: float = 8.0
    size: tuple[int, int] = (720, 720)
    radius_px: float = 260.0
    blur: float = 0.8
    noise: float = 2.0
    light: float = 1.0
    seed: int = 0

    @property
    def instrument(self) -> dict[str, object]:
        """What a station says of it."""
        return {
            "kind": "dial",
            "unit": "bar",
            "minimum": self.minimum,
            "maximum": self.maximum,
            "major_step": self.major_step,
            "minor_per_major": self.minor_per_major,
        }

    def angle(self, value: float) -> float:
        """Where `value` is on the scale, in radians."""
        share = (value - self.minimum) / (self.maximum - self.minimum)
        share += self.uneven * np.sin(2 * np.pi * share)
        return float(np.radians(self.first + self.sweep * share))

    @property
    def shown(self) -> float:
        """The value whose tick the needle's axis points at: with a pivot beside the middle not `value`."""
        turn = self.angle(self.value)
        along, pivot = np.array([np.cos(turn), np.sin(turn)]), np.array(self.pivot)
        middle = 1.0 + (0.5 if self.inside_aligned else -0.5) * self.minor_length
        way = float(along @ pivot)
        reach = -way + np.sqrt(way**2 + middle**2 - float(pivot @ pivot))
        x, y = pivot + reach * along
        values = np.linspace(self.minimum, self.maximum, 2001)
        angles = np.array([self.angle(float(value)) for value in values]) - turn
        beside = (np.arctan2(y, x) - turn + np.pi) % (2 * np.pi) - np.pi
        return float(np.interp(beside, angles, values))


def draw_dial(dial: Drawn) -> Image:
    """The picture (height, width, 3), blue-green-red."""
    face, face_map = _face(dial), camera_of(dial, 0.0)
    height, width = dial.size
    rng = np.random.default_rng(dial.seed)
    wall = np.full((height, width, 3), 120, np.uint8)
    picture = wall.astype(np.float32)
    picture = _over(picture, face, _disc(1.42), face_map)
    lines = _needle(dial, dial.angle(dial.value))
    if dial.second_pointer is not None:
        lines = [*_pointer(dial.angle(dial.second_pointer)), *lines]
    if dial.shadow:
        cast = np.zeros((FLAT, FLAT), np.uint8)
        for line in _needle(dial, dial.angle(dial.value)):
            cv2.fillPoly(cast, [_flat(line + np.array([0.05, 0.07]))], 255, cv2.LINE_AA, SHIFT)
        soft = cv2.GaussianBlur(cast, (0, 0), 8).astype(np.float32) / 255
        seen = cv2.warpPerspective(soft, face_map, (width, height), flags=cv2.INTER_AREA)
        picture *= (1 - 0.3 * seen)[:, :, None]
    raised = camera_of(dial, dial.height)
    colour = np.full((FLAT, FLAT, 3), 0, np.uint8)
    colour[:] = dial.needle
    for number, line in enumerate(lines):
        mask = np.zeros((FLAT, FLAT), np.uint8)
        cv2.fillPoly(mask, [_flat(line)], 255, cv2.LINE_AA, SHIFT)
        layer = colour
        if dial.second_pointer is not None and number == 0:
            layer = np.full_like(colour, 0)
            layer[:] = (40, 40, 200)
        picture = _over(picture, layer, mask, raised)
    picture = cv2.GaussianBlur(picture, (0, 0), dial.blur) if dial.blur > 0 else picture
    picture = picture * dial.light + rng.normal(0, dial.noise, picture.shape)
    return np.asarray(np.clip(picture, 0, 255), np.uint8)


def encoded(image: Image) -> bytes:
    """The picture as a JPEG file."""
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 92])
    assert done
    return bytes(data)


def _flat(points: NDArray[np.float64]) -> NDArray[np.int32]:
    """Layer pixels, with SHIFT bits of fraction, of points (n, 2) in radii."""
    place = (np.asarray(points) / REACH + 1) * (FLAT - 1) / 2
    return np.rint(place * 2**SHIFT).astype(np.int32).reshape(-1, 1, 2)


def _bar(angle: float, inner: float, outer: float, half: float, half_outer: float | None = None) -> NDArray:
    """A bar along the ray to `angle`, from radius to radius, with its half widths."""
    along = np.array([np.cos(angle), np.sin(angle)])
    across = np.array([-along[1], along[0]])
    far = half if half_outer is None else half_outer
    return np.array(
        [
            along * inner + across * half,
            along * outer + across * far,
            along * outer - across * far,
            along * inner - across * half,
        ]
    )


def _disc(radius: float) -> Image:
    mask = np.zeros((FLAT, FLAT), np.uint8)
    turn = np.linspace(0, 2 * np.pi, 240)
    cv2.fillPoly(
        mask, [_flat(radius * np.column_stack((np.cos(turn), np.sin(turn))))], 255, cv2.LINE_AA, SHIFT
    )
    return mask


def _face(dial: Drawn) -> Image:
    layer = np.zeros((FLAT, FLAT, 3), np.uint8)
    layer[:] = dial.rim
    layer[_disc(1.22) > 127] = dial.face
    count = round((dial.maximum - dial.minimum) / dial.major_step * dial.minor_per_major) + 1
    start, stop = np.radians(dial.first), np.radians(dial.first + dial.sweep)
    if dial.band is not None:
        turn = np.linspace(dial.angle(dial.band[0]), dial.angle(dial.band[1]), 60)
        outer = 1.04 * np.column_stack((np.cos(turn), np.sin(turn)))
        inner = 0.99 * np.column_stack((np.cos(turn), np.sin(turn)))[::-1]
        cv2.fillPoly(layer, [_flat(np.vstack((outer, inner)))], (60, 170, 60), cv2.LINE_AA, SHIFT)
    for k, value in enumerate(np.linspace(dial.minimum, dial.maximum, count)):
        angle = dial.angle(float(value))
        long = k % dial.minor_per_major == 0
        like_long = long or (dial.long_halves and 2 * k % dial.minor_per_major == 0)
        length = dial.major_length if like_long else dial.minor_length
        half = 0.5 * (dial.major_width if like_long else dial.minor_width)
        ends = (1.0, 1.0 + length) if dial.inside_aligned else (1.0 - length, 1.0)
        cv2.fillPoly(layer, [_flat(_bar(angle, *ends, half))], dial.ink, cv2.LINE_AA, SHIFT)
        if long and dial.numerals:
            text = f"{dial.minimum + k * dial.major_step / dial.minor_per_major:g}"
            size, _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 1.3, 3)
            at = _flat(np.array([[0.7 * np.cos(angle), 0.7 * np.sin(angle)]]))[0, 0] / 2**SHIFT
            place = (int(at[0] - size[0] / 2), int(at[1] + size[1] / 2))
            cv2.putText(layer, text, place, cv2.FONT_HERSHEY_SIMPLEX, 1.6, dial.ink, 3, cv2.LINE_AA)
    if dial.arc:
        turn = np.linspace(start, stop, 200)
        radius = 1.0
        points = _flat(radius * np.column_stack((np.cos(turn), np.sin(turn))))
        cv2.polylines(layer, [points], False, dial.ink, 3, cv2.LINE_AA, SHIFT)
    if dial.second_ring:
        for angle in np.linspace(start, stop, dial.second_ring):
            cv2.fillPoly(layer, [_flat(_bar(angle, 0.5, 0.55, 0.005))], (60, 60, 200), cv2.LINE_AA, SHIFT)
    return layer


def _needle(dial: Drawn, angle: float) -> list[NDArray]:
    half = dial.needle_width / 2
    turn = np.linspace(0, 2 * np.pi, 40)
    tail = (
        _bar(angle + np.pi, 0.0, dial.tail, 0.6 * half, 2.8 * half)
        if dial.wedge_tail
        else _bar(angle + np.pi, 0.0, dial.tail, half)
    )
    hub = 0.09 * np.column_stack((np.cos(turn), np.sin(turn)))
    parts = [_bar(angle, 0.0, dial.tip, half, 0.08 * half), tail, hub]
    return [part + np.array(dial.pivot) for part in parts]


def _pointer(angle: float) -> list[NDArray]:
    return [_bar(angle, 0.0, 0.8, 0.012)]


def camera_of(dial: Drawn, height: float) -> NDArray[np.float64]:
    """The homography from a layer `height` before the face to the picture."""
    tilt, to, roll = np.radians(dial.slant), np.radians(dial.slant_to), np.radians(dial.roll)
    axis = np.array([-np.sin(to), np.cos(to), 0.0]) * tilt
    turn, _ = cv2.Rodrigues(axis)
    spin, _ = cv2.Rodrigues(np.array([0.0, 0.0, roll]))
    rotation = turn @ spin
    focal = dial.radius_px * dial.distance
    middle = np.array([[focal, 0, dial.size[1] / 2 + 13], [0, focal, dial.size[0] / 2 - 9], [0, 0, 1.0]])
    way = np.array([0.0, 0.0, dial.distance]) - height * rotation[:, 2]
    plane = np.column_stack((rotation[:, 0], rotation[:, 1], way))
    scale = 2 * REACH / (FLAT - 1)
    layer = np.array([[scale, 0, -REACH], [0, scale, -REACH], [0, 0, 1.0]])
    return np.asarray(middle @ plane @ layer, np.float64)


def _over(picture: NDArray[np.float32], layer: Image, mask: Image, place: NDArray[np.float64]) -> NDArray:
    """`picture` with `layer` over it where `mask` is, both imaged by the homography `place`."""
    size = (picture.shape[1], picture.shape[0])
    twice = np.diag([2.0, 2.0, 1.0]) @ place
    double = (2 * size[0], 2 * size[1])
    seen = cv2.warpPerspective(layer, twice, double, flags=cv2.INTER_LINEAR)
    cover = cv2.warpPerspective(mask, twice, double, flags=cv2.INTER_LINEAR)
    seen = cv2.resize(seen, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    share = cv2.resize(cover, size, interpolation=cv2.INTER_AREA).astype(np.float32)[:, :, None] / 255
    return np.asarray(picture * (1 - share) + seen * share, np.float32)

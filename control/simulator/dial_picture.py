"""The twin's dial gauge: bezel, face, ticks and numerals painted once, the needle above them each time."""

from math import cos, floor, pi, radians, sin

import numpy as np

from control.simulator.flat_view import (
    SHADOW,
    Array,
    FlatView,
    Lettering,
    Picture,
    Window,
    blend,
    darken,
    rectangle,
)
from control.simulator.gauge_configuration import DialFigures

START_DEG, SWEEP_DEG = 135.0, 270.0  # of the scale, clockwise from the right as the picture has it
UNEVEN = 0.006  # of the sweep: no printed scale is quite even
STOP_SHARE = 0.03  # of the sweep: how far the needle may go beyond the scale's ends
BEZEL_SHARE, BEZEL_HEIGHT = 1.14, 0.13  # outer radius and height of the bezel, of the dial's radius
TICKS_END, MAJOR_LENGTH, MINOR_LENGTH = 0.86, 0.125, 0.065  # of the dial's radius
MAJOR_MM, MINOR_MM = 0.85, 0.4
NUMERALS_AT = 0.60
FACE, INK, METAL = (222.0, 226.0, 222.0), (48.0, 46.0, 46.0), (104.0, 103.0, 102.0)
PLATE, WALL, NEEDLE = (226.0, 230.0, 231.0), (66.0, 66.0, 66.0), (44.0, 40.0, 40.0)


class DialPicture:
    """A dial whose middle stands at `centre` (mm) on the board before `view`."""

    def __init__(self, figures: DialFigures, view: FlatView, centre: tuple[float, float]) -> None:
        self.figures = figures
        self._view = view
        self._centre = centre
        self._radius = figures.dial_radius_mm

    def angle(self, value: float) -> float:
        """Where a value stands on the scale, rad clockwise from the right."""
        figures = self.figures
        share = (value - figures.minimum) / (figures.maximum - figures.minimum)
        share = min(max(share, -STOP_SHARE), 1.0 + STOP_SHARE)
        return radians(START_DEG + SWEEP_DEG * (share + UNEVEN * sin(2.0 * pi * share)))

    def paint_still(self, picture: Picture) -> None:
        """All that does not move."""
        view, radius = self._view, self._radius
        outer, height = BEZEL_SHARE * radius, BEZEL_HEIGHT * radius
        half = outer * 1.02
        around = [(sx * half * 1.15, sy * half * 1.15) for sx in (-1, 1) for sy in (-1, 1)]
        window = view.window(np.array(around) + self._centre, 0.0, margin_px=round(4 * height))
        x, y = self._places(0.0, window)
        blend(picture, window, view.cover(rectangle(x, y, (-half, -half * 0.9, half, half * 0.9))), PLATE)
        offset = (SHADOW[0] * height, SHADOW[1] * height)
        shadow = outer - np.hypot(x - offset[0], y - offset[1])
        darken(picture, window, np.clip(shadow / 3.0 + 0.5, 0.0, 1.0), 0.38)
        # the bezel's outer wall, then its ring, then what is seen through it
        blend(picture, window, view.cover(outer - np.hypot(x, y)), WALL)
        over_x, over_y = self._places(height, window)
        distance = np.hypot(over_x, over_y)
        blend(picture, window, view.cover(outer - distance), METAL)
        shine = 0.22 * np.cos(np.arctan2(over_y, over_x) - radians(-60.0))
        ring = view.cover(outer - distance) * view.cover(distance - radius)
        picture[window] *= (1.0 + ring * shine)[..., None].astype(np.float32)
        opening = view.cover(radius - distance)
        blend(picture, window, opening, WALL)
        seen = opening * view.cover(radius - np.hypot(x, y))
        blend(picture, window, seen, FACE)
        rim = radius - np.hypot(x - offset[0], y - offset[1])
        darken(picture, window, seen * np.clip(0.5 - rim / 2.0, 0.0, 1.0), 0.16)
        blend(picture, window, seen * np.maximum(self._ticks(x, y), self._numerals(x, y)), INK)

    def paint(self, picture: Picture, value: float) -> None:
        """The needle at `value`, in the dial's unit, and its shadow."""
        angle, height = self.angle(value), self.figures.needle_height_mm
        along = np.array([cos(angle), sin(angle)])
        tip, tail = 0.80 * self._radius, -0.22 * self._radius
        ends = np.array([tip * along, tail * along])
        reach = np.concatenate((ends - 4.0, ends + 4.0, [[-5.0, -5.0], [5.0, 5.0]])) + self._centre
        window = self._view.window(reach, height, margin_px=round(3 * height * self._view.per_mm) + 4)
        x, y = self._places(0.0, window)
        shade = self._needle(x - SHADOW[0] * height, y - SHADOW[1] * height, along, tip, tail)
        darken(picture, window, np.clip(shade * self._view.per_mm / 2.5 + 0.5, 0.0, 1.0), 0.22)
        x, y = self._places(height, window)
        blend(picture, window, self._view.cover(self._needle(x, y, along, tip, tail)), NEEDLE)

    def _places(self, height_mm: float, window: Window) -> tuple[Array, Array]:
        x, y = self._view.places(height_mm, window)
        return x - self._centre[0], y - self._centre[1]

    def _needle(self, x: Array, y: Array, along: Array, tip: float, tail: float) -> Array:
        """The distance inside needle and hub."""
        radius = self._radius
        forward = x * along[0] + y * along[1]
        aside = np.abs(-x * along[1] + y * along[0])
        taper = 0.004 * radius + 0.024 * radius * np.clip((tip - forward) / tip, 0.0, 1.2)
        blade = np.minimum(taper - aside, np.minimum(tip - forward, forward - tail))
        weight = 0.045 * radius - np.hypot(forward - tail, aside)
        hub = 0.09 * radius - np.hypot(x, y)
        inward: Array = np.maximum(np.maximum(blade, weight), hub)
        return inward

    def _ticks(self, x: Array, y: Array) -> Array:
        figures, radius = self.figures, self._radius
        step = figures.major_step / figures.minor_per_major
        distance = np.hypot(x, y)
        inside = np.zeros_like(x)
        count = floor((figures.maximum - figures.minimum) / step + 1e-6)
        for index in range(count + 1):
            major = index % figures.minor_per_major == 0
            angle = self.angle(figures.minimum + index * step)
            forward = x * cos(angle) + y * sin(angle)
            aside = np.abs(-x * sin(angle) + y * cos(angle))
            length = (MAJOR_LENGTH if major else MINOR_LENGTH) * radius
            end = TICKS_END * radius
            near = np.flatnonzero((aside < 1.5) & (forward > 0.6 * radius) & (distance < radius))
            inward = np.minimum(forward.flat[near] - (end - length), end - forward.flat[near])
            inward = np.minimum(inward, (MAJOR_MM if major else MINOR_MM) / 2.0 - aside.flat[near])
            inside.flat[near] = np.maximum(inside.flat[near], self._view.cover(inward))
        return inside

    def _numerals(self, x: Array, y: Array) -> Array:
        figures, radius = self.figures, self._radius
        sheet = Lettering((-radius, -radius, radius, radius))
        count = floor((figures.maximum - figures.minimum) / figures.major_step + 1e-6)
        for index in range(count + 1):
            value = figures.minimum + index * figures.major_step
            angle = self.angle(value)
            at = (NUMERALS_AT * radius * cos(angle), NUMERALS_AT * radius * sin(angle))
            sheet.write(f"{round(value, 6):g}", at, 0.13 * radius)
        sheet.write(figures.unit, (0.0, 0.36 * radius), 0.12 * radius)
        return sheet.share(x, y, self._view.per_mm)

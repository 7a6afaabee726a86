"""The twin's seven-segment display: frame and panel painted once, the segments each time."""

from math import radians, tan

import numpy as np

from control.simulator.flat_view import SHADOW, Array, FlatView, Picture, blend, darken, rectangle
from control.simulator.gauge_configuration import DisplayFigures

FRAME, SIDE, WALL = (118.0, 96.0, 74.0), (71.0, 58.0, 44.0), (53.0, 43.0, 33.0)
PANEL, INK = (140.0, 158.0, 149.0), (38.0, 40.0, 40.0)
FRAME_HEIGHT_MM = 5.0
FRAME_SHARE = 0.13  # of its width: how broad the frame is
SLANT_DEG = 7.0
DIGIT_WIDTH = 0.56  # of a digit's height
STROKE = 0.115  # of a digit's height
GHOST, LIT = 0.05, 0.96  # how dark segments are that are off and on
SEGMENTS = {  # of a digit of height 1, from its upper left corner: the ends (x, y) of each bar's middle line
    "a": (0.0, 0.0, 1.0, 0.0),
    "b": (1.0, 0.0, 1.0, 0.5),
    "c": (1.0, 0.5, 1.0, 1.0),
    "d": (0.0, 1.0, 1.0, 1.0),
    "e": (0.0, 0.5, 0.0, 1.0),
    "f": (0.0, 0.0, 0.0, 0.5),
    "g": (0.0, 0.5, 1.0, 0.5),
}
SHAPES = {
    "0": "abcdef",
    "1": "bc",
    "2": "abdeg",
    "3": "abcdg",
    "4": "bcfg",
    "5": "acdfg",
    "6": "acdefg",
    "7": "abc",
    "8": "abcdefg",
    "9": "abcdfg",
    "-": "g",
    " ": "",
}


def display_text(value: float, digits: int, decimals: int) -> str:
    """What the display says: right-aligned, leading zeros blank; bars all along where it does not fit."""
    text = f"{value:.{decimals}f}"
    if float(text) == 0.0:
        text = text.lstrip("-")
    room = digits + (decimals > 0)
    return text.rjust(room) if len(text) <= room else "-" * digits


class DisplayPicture:
    """A display in a box (left, top, right, bottom; mm) of the board before `view`."""

    def __init__(
        self, figures: DisplayFigures, view: FlatView, box: tuple[float, float, float, float]
    ) -> None:
        self.figures = figures
        self.decimal_point = True  # False once it has broken
        self._view = view
        self._box = box
        left, top, right, bottom = box
        broad = FRAME_SHARE * (right - left)
        self._panel = (left + broad, top + broad, right - broad, bottom - broad)
        wide, high = self._panel[2] - self._panel[0], self._panel[3] - self._panel[1]
        pitch = wide / (figures.digits + 0.55)
        self._digit_mm = min(0.68 * high, 0.70 * pitch / DIGIT_WIDTH)
        self._pitch_mm = self._digit_mm * DIGIT_WIDTH / 0.70
        self._top_mm = (self._panel[1] + self._panel[3] - self._digit_mm) / 2.0

    def paint_still(self, picture: Picture) -> None:
        """All that does not change: the frame, and the panel that lies lower than it."""
        view = self._view
        left, top, right, bottom = self._box
        corners = np.array([(left, top), (right, top), (left, bottom), (right, bottom)])
        window = view.window(corners, 0.0, margin_px=round(4 * FRAME_HEIGHT_MM * view.per_mm))
        x, y = view.places(0.0, window)
        offset = (SHADOW[0] * FRAME_HEIGHT_MM, SHADOW[1] * FRAME_HEIGHT_MM)
        shadow = rectangle(x - offset[0], y - offset[1], self._box)
        darken(picture, window, np.clip(shadow / 3.0 + 0.5, 0.0, 1.0), 0.38)
        blend(picture, window, view.cover(rectangle(x, y, self._box)), SIDE)
        over_x, over_y = view.places(FRAME_HEIGHT_MM, window)
        blend(picture, window, view.cover(rectangle(over_x, over_y, self._box)), FRAME)
        opening = view.cover(rectangle(over_x, over_y, self._panel))
        blend(picture, window, opening, WALL)
        seen = opening * view.cover(rectangle(x, y, self._panel))
        blend(picture, window, seen, PANEL)
        rim = rectangle(x - offset[0], y - offset[1], self._panel)
        darken(picture, window, seen * np.clip(0.5 - rim / 2.0, 0.0, 1.0), 0.16)

    def paint(self, picture: Picture, value: float) -> None:
        """The digits of `value`, in the display's unit."""
        view = self._view
        left, top, right, bottom = self._panel
        corners = np.array([(left, top), (right, top), (left, bottom), (right, bottom)])
        window = view.window(corners, 0.0)
        x, y = view.places(0.0, window)
        text = display_text(value, self.figures.digits, self.figures.decimals)
        cells: list[tuple[str, bool]] = []
        for letter in text:
            if letter == ".":
                cells[-1] = (cells[-1][0], self.decimal_point)
            else:
                cells.append((letter, False))
        dark = np.zeros_like(x)
        for place, cell in enumerate(cells):
            self._paint_digit(dark, (x, y), place - len(cells), cell)
        blend(picture, window, dark, INK)

    def _paint_digit(self, dark: Array, at: tuple[Array, Array], place: int, cell: tuple[str, bool]) -> None:
        (x, y), height = at, self._digit_mm
        lit, point = SHAPES[cell[0]], cell[1]
        right = self._panel[2] - 0.30 * self._pitch_mm
        # in the digit's own upright coordinates, in parts of its height
        v = (y - self._top_mm) / height
        u = (x + (v - 0.5) * height * tan(radians(SLANT_DEG)) - (right + place * self._pitch_mm)) / height
        columns = np.flatnonzero(np.any((u > -0.1) & (u < 0.95) & (v > -0.1) & (v < 1.15), axis=0))
        if not len(columns):
            return
        part = (slice(None), slice(columns[0], columns[-1] + 1))
        u, v, target = u[part], v[part], dark[part]
        for name, ends in SEGMENTS.items():
            share = self._view.cover(_bar(u, v, ends) * height)
            np.maximum(target, share * (LIT if name in lit else GHOST), out=target)
        if self.figures.decimals:
            dot = STROKE * 0.62 - np.hypot(u - DIGIT_WIDTH - 0.07, v - 1.0 + 0.5 * STROKE)
            share = self._view.cover(dot * height)
            np.maximum(target, share * (LIT if point else GHOST), out=target)


def _bar(u: Array, v: Array, ends: tuple[float, float, float, float]) -> Array:
    """The distance inside a bar with pointed ends."""
    inset, gap = STROKE / 2.0, 0.022
    x0, x1 = (inset + end * (DIGIT_WIDTH - STROKE) for end in ends[::2])
    y0, y1 = (inset + end * (1.0 - STROKE) for end in ends[1::2])
    if y0 == y1:
        along, aside = np.maximum(x0 + gap - u, u - x1 + gap), np.abs(v - y0)
    else:
        along, aside = np.maximum(y0 + gap - v, v - y1 + gap), np.abs(u - x0)
    inward: Array = np.minimum(STROKE / 2.0 - aside, -(along + aside) * 0.7071)
    return inward

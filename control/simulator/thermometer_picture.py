"""The twin's liquid-in-glass thermometer: scale plate and glass painted once, the column each time."""

import numpy as np

from control.simulator.flat_view import (
    SHADOW,
    Array,
    FlatView,
    Lettering,
    Picture,
    blend,
    darken,
    rectangle,
)
from control.simulator.gauge_configuration import ThermometerFigures

PLATE, INK, GLASS = (236.0, 240.0, 241.0), (44.0, 44.0, 44.0), (224.0, 233.0, 228.0)
COLUMN, SHINE = (52.0, 44.0, 186.0), (96.0, 88.0, 226.0)
PLATE_WIDTH_MM, PLATE_HEIGHT_MM = 21.0, 2.0
GLASS_MM, COLUMN_MM = 4.2, 2.0
BEYOND_MM = 6.0  # of plate above and below the scale
MARK_FROM_MM, MARK_MM = 2.4, 0.30
LENGTHS_MM = (4.8, 3.7, 2.7)  # of numbered marks, of those half way between them, of the others
SCALE_SHARE = 0.86  # of its height in the picture that the scale takes


class ThermometerPicture:
    """A thermometer in a box (left, top, right, bottom; mm) of the board before `view`."""

    def __init__(
        self, figures: ThermometerFigures, view: FlatView, box: tuple[float, float, float, float]
    ) -> None:
        self.figures = figures
        self._view = view
        left, top, right, bottom = box
        self._x_mm = (left + right) / 2.0 - 3.0  # of the column
        length = SCALE_SHARE * (bottom - top)
        if figures.division_mm is not None:
            length = figures.division_mm * (figures.maximum - figures.minimum) / figures.division
        self._zero_mm = (top + bottom + length) / 2.0  # where the scale's minimum stands
        self._per_unit = length / (figures.maximum - figures.minimum)

    def place_mm(self, value: float) -> float:
        """Where a value's mark stands on the board (y, mm; downwards)."""
        return self._zero_mm - (value - self.figures.minimum) * self._per_unit

    def paint_still(self, picture: Picture) -> None:
        """All that does not move."""
        view, figures = self._view, self.figures
        top, bottom = self.place_mm(figures.maximum) - BEYOND_MM, self._zero_mm + BEYOND_MM
        left = self._x_mm - 0.33 * PLATE_WIDTH_MM
        box = (left, top, left + PLATE_WIDTH_MM, bottom)
        corners = np.array([(box[0], top), (box[2], top), (box[0], bottom), (box[2], bottom)])
        window = view.window(corners, 0.0, margin_px=round(12 * view.per_mm))
        x, y = view.places(-PLATE_HEIGHT_MM, window)
        fall = 4.0 * PLATE_HEIGHT_MM
        shadow = rectangle(x - SHADOW[0] * fall, y - SHADOW[1] * fall, box)
        darken(picture, window, np.clip(shadow / 4.0 + 0.5, 0.0, 1.0), 0.36)
        x, y = view.places(0.0, window)
        blend(picture, window, view.cover(rectangle(x, y, box)), PLATE)
        blend(picture, window, np.maximum(self._marks(x, y), self._numerals(x, y, box)), INK)
        x, y = view.places(figures.column_offset_mm, window)
        glass = (self._x_mm - GLASS_MM / 2.0, top - 1.0, self._x_mm + GLASS_MM / 2.0, bottom + 1.0)
        blend(picture, window, 0.55 * view.cover(rectangle(x, y, glass)), GLASS)
        edge = np.abs(np.abs(x - self._x_mm) - GLASS_MM / 2.0)
        darken(picture, window, view.cover(rectangle(x, y, glass)) * np.clip(1.0 - edge / 0.35, 0, 1), 0.10)

    def paint(self, picture: Picture, value: float) -> None:
        """The column up to `value`, in the scale's unit, and its shadow."""
        figures, view = self.figures, self._view
        bottom = self._zero_mm + BEYOND_MM + 1.5
        top = max(self.place_mm(value), self.place_mm(figures.maximum) - BEYOND_MM)
        column = (self._x_mm - COLUMN_MM / 2.0, top, self._x_mm + COLUMN_MM / 2.0, bottom)
        corners = np.array([(column[0] - 1.0, top - 1.0), (column[2] + 3.0, bottom)])
        window = view.window(corners, figures.column_offset_mm, margin_px=round(3 * view.per_mm))
        x, y = view.places(0.0, window)
        fall = figures.column_offset_mm
        shadow = rectangle(x - SHADOW[0] * fall, y - SHADOW[1] * fall, column)
        darken(picture, window, np.clip(shadow * view.per_mm / 3.0 + 0.5, 0.0, 1.0), 0.10)
        x, y = view.places(figures.column_offset_mm, window)
        share = view.cover(rectangle(x, y, column))
        blend(picture, window, share, COLUMN)
        bright = np.clip(1.0 - np.abs(x - self._x_mm + 0.35) / 0.5, 0.0, 1.0)
        blend(picture, window, 0.7 * share * bright, SHINE)

    def _marks(self, x: Array, y: Array) -> Array:
        figures = self.figures
        step = figures.division * self._per_unit
        count = round((figures.maximum - figures.minimum) / figures.division)
        index = np.clip(np.rint((self._zero_mm - y) / step), 0, count)
        numbered = round(figures.label_every / figures.division)
        first = round(figures.minimum / figures.division)
        phase = np.mod(index + first, numbered)
        half = (phase * 2 == numbered) if numbered % 2 == 0 else np.zeros_like(phase, bool)
        length = np.where(phase == 0, LENGTHS_MM[0], np.where(half, LENGTHS_MM[1], LENGTHS_MM[2]))
        start = self._x_mm + MARK_FROM_MM
        inward = np.minimum(x - start, start + length - x)
        inward = np.minimum(inward, MARK_MM / 2.0 - np.abs(self._zero_mm - y - index * step))
        return self._view.cover(inward)

    def _numerals(self, x: Array, y: Array, box: tuple[float, float, float, float]) -> Array:
        figures = self.figures
        sheet = Lettering(box)
        value = np.ceil(figures.minimum / figures.label_every - 1e-9) * figures.label_every
        while value <= figures.maximum + 1e-9:
            at = (self._x_mm + MARK_FROM_MM + LENGTHS_MM[0] + 2.3, self.place_mm(float(value)))
            sheet.write(f"{round(float(value), 6):g}", at, 2.5)
            value += figures.label_every
        return sheet.share(x, y, self._view.per_mm)

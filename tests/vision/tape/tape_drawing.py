"""Draws a measuring tape beside a clear tube, at a known place, tilt and level, to test its reader."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

FINE = 8  # drawn so much larger, then averaged: edges fall between pixels
YELLOW, BLACK = (60, 220, 225), (25, 35, 35)  # blue, green, red
WALL, WET, DRY, GLASS = (150, 150, 152), (140, 128, 124), (214, 208, 202), (235, 232, 230)


@dataclass(frozen=True)
class TapeScene:
    """A tape whose numeral N names the half mark `first_mark_px` + (N − `first_number`)·`division_px`.

    Pixels of the upright picture, before it is turned by `tilt_deg` about its middle. `level_px`: the row of
    the surface; None is a tube of one look. `tube` −1 left, 1 right of the tape, 0 none.
    """

    first_number: int = 41
    first_mark_px: float = 14.3
    division_px: float = 21.7
    level_px: float | None = 66.4
    tilt_deg: float = 0.0
    tube: int = -1
    dark_above: int | None = None
    down: bool = True

    @property
    def level(self) -> float:
        """What the tape says at the surface."""
        assert self.level_px is not None
        step = 1.0 if self.down else -1.0
        return self.first_number + step * (self.level_px - self.first_mark_px) / self.division_px

    def picture(self) -> NDArray[np.uint8]:
        """The scene, shape (120, 120, 3), with a little noise that is the same each time."""
        size = 120 * FINE
        canvas = np.full((size, size, 3), WALL, np.uint8)
        self._draw_tape(canvas)
        if self.tube:
            self._draw_tube(canvas)
        turn = cv2.getRotationMatrix2D((size / 2, size / 2), self.tilt_deg, 1.0)
        canvas = np.asarray(
            cv2.warpAffine(canvas, turn, (size, size), borderMode=cv2.BORDER_REPLICATE), np.uint8
        )
        small = cv2.resize(canvas, (120, 120), interpolation=cv2.INTER_AREA)
        noise = np.random.default_rng(7).normal(0.0, 1.5, small.shape)
        return np.asarray(np.clip(cv2.GaussianBlur(small, (0, 0), 0.6) + noise, 0, 255), np.uint8)

    def encoded(self) -> bytes:
        """The picture as PNG."""
        return cv2.imencode(".png", self.picture())[1].tobytes()

    def _draw_tape(self, canvas: NDArray[np.uint8]) -> None:
        left, right = 60 * FINE, 100 * FINE
        middle = (left + right) // 2
        lines = []
        for gap in range(-2, 9):
            number = self.first_number + (gap if self.down else -gap)
            centre = self.first_mark_px + gap * self.division_px
            top, half, bottom = (
                round((centre + part * self.division_px) * FINE) for part in (-0.5, 0.0, 0.5)
            )
            dark = self.dark_above is not None and number > self.dark_above
            ground, ink = (BLACK, YELLOW) if dark else (YELLOW, BLACK)
            cv2.rectangle(canvas, (left, top), (right, bottom), ground, -1)
            for tick in range(1, 10):
                row = round((centre + (tick / 10 - 0.5) * self.division_px) * FINE)
                reach = round((7.5 if tick == 5 else 5.5) * FINE)
                for start, stop in ((left, left + reach), (right - reach, right)):
                    cv2.rectangle(canvas, (start, row - 3), (stop, row + 3), ink, -1)
            lines.append((bottom, ink))
            text, scale = str(number), 0.019 * self.division_px * FINE
            (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 14)
            place = (middle - width // 2, half + round(0.1 * self.division_px * FINE) + height // 2)
            cv2.putText(canvas, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, ink, 14, cv2.LINE_AA)

        for row, ink in lines:
            cv2.rectangle(canvas, (left, row - 5), (right, row + 5), ink, -1)

    def _draw_tube(self, canvas: NDArray[np.uint8]) -> None:
        low, high = (38, 57) if self.tube < 0 else (103, 118)
        left, right, size = low * FINE, high * FINE, canvas.shape[0]
        surface = size if self.level_px is None else round(self.level_px * FINE)
        cv2.rectangle(canvas, (left, 0), (right, surface - 1), DRY, -1)
        cv2.rectangle(canvas, (left, surface), (right, size), WET, -1)
        for wall in (left, right - 2 * FINE):
            cv2.rectangle(canvas, (wall, 0), (wall + 2 * FINE, size), GLASS, -1)

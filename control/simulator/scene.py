"""What stands around the glass: scale plate, bright panel, black card, the dim room. Radiance 0 to 1.

The card, the good practice for reading a meniscus, rides on a rack behind the glass that a float moves in
steps of one millimetre: its upper edge lies 3.5 to 4.5 mm under the surface.
"""

from dataclasses import dataclass
from math import floor

import cv2
import numpy as np
from numpy.typing import NDArray

from control.simulator.configuration import CameraFigures, ScaleFigures

Array = NDArray[np.float64]

PANEL = 0.90
ROOM = 0.22
FRONT = 1.3  # lamps on the camera's side, seen mirrored in the glass
CEILING = 0.30
CARD = 0.055
PLATE = 0.80
INK = 0.10
PANEL_DISTANCE_MM = 60.0
PANEL_HALF_MM = 140.0
CARD_STOPS_MM = (-75.0, 80.0)  # of its upper edge
MARK_MM = 0.35
GAP_MM = 0.7  # between glass and plate
PLATE_WIDTH_MM = 24.0
PLATE_MARGIN_MM = 5.5
LENGTHS_MM = (9.0, 4.6)  # of numbered or major marks, and of the others
TEXTURE_PER_MM = 32.0


def card_edge_mm(level_mm: float) -> float:
    """Height of the card's upper edge for a level, both above the scale's zero mark."""
    low, high = CARD_STOPS_MM
    return min(max(floor(level_mm) - 3.5, low), high)


@dataclass(frozen=True)
class Hits:
    """Where rays end, in arrays of the rays' shape.

    `behind` is the radiance of what one sees without the card, `card_z_mm` the height at which it meets the
    card's plane, `card_share` how much of it the card could cover.
    """

    behind: Array
    card_z_mm: Array
    card_share: Array

    def light(self, edge_mm: float, softness_mm: float) -> Array:
        """Radiance with the card's upper edge at `edge_mm`, softened over `softness_mm`."""
        covered = np.clip((edge_mm - self.card_z_mm) / softness_mm + 0.5, 0.0, 1.0) * self.card_share
        light: Array = self.behind + covered * (CARD - self.behind)
        return light


class Scene:
    """The surroundings of one station; the card stands `card_gap_mm` behind the glass."""

    def __init__(self, camera: CameraFigures, card_gap_mm: float) -> None:
        outer = camera.outer_diameter_mm / 2.0
        self.scale: ScaleFigures = camera.scale
        self.side = 1.0 if camera.scale.side == "right" else -1.0
        self.plate_y_mm = camera.scale.offset_mm
        self.plate_near_mm = outer + GAP_MM
        self.plate_far_mm = self.plate_near_mm + PLATE_WIDTH_MM
        self.card_y_mm = outer + card_gap_mm
        self.card_half_mm = 1.6 * outer
        per = self.scale.division_mm / self.scale.division
        self.plate_low_mm = self.scale.first * per - PLATE_MARGIN_MM
        self.plate_high_mm = self.scale.last * per + PLATE_MARGIN_MM
        self._texture = self._draw_numerals()

    def hits(self, place: Array, direction: Array, footprint_mm: float) -> Hits:
        """Where rays from `place` (n, 3) along `direction` (n, 3) end; `footprint_mm` softens every edge."""
        dy = direction[:, 1]
        forward = dy > 1e-6
        behind = np.where(direction[:, 2] > 0.7, CEILING, ROOM)
        safe = np.where(forward, dy, 1.0)

        t = (PANEL_DISTANCE_MM - place[:, 1]) / safe
        x, z = place[:, 0] + t * direction[:, 0], place[:, 2] + t * direction[:, 2]
        lit = forward & (np.abs(x) < PANEL_HALF_MM) & (np.abs(z) < PANEL_HALF_MM)
        glow = PANEL * (1.0 - 0.05 * (x / PANEL_HALF_MM) ** 2 - 0.06 * (z / PANEL_HALF_MM) ** 2)
        behind = np.where(lit, glow, behind)

        t = (self.card_y_mm - place[:, 1]) / safe
        x, card_z = place[:, 0] + t * direction[:, 0], place[:, 2] + t * direction[:, 2]
        card = np.clip((self.card_half_mm - np.abs(x)) / footprint_mm + 0.5, 0.0, 1.0)
        card[~forward | (t <= 0.0)] = 0.0

        t = (self.plate_y_mm - place[:, 1]) / safe
        x, z = place[:, 0] + t * direction[:, 0], place[:, 2] + t * direction[:, 2]
        plate = self._plate_share(x, z, footprint_mm)
        plate[~forward | (t <= 0.0)] = 0.0
        on = plate > 0.0
        if np.any(on):
            radiance = self.plate_radiance(x[on], z[on], footprint_mm)
            behind[on] += plate[on] * (radiance - behind[on])
            card[on] *= 1.0 - plate[on]
        return Hits(behind, card_z, card)

    def _plate_share(self, x: Array, z: Array, footprint_mm: float) -> Array:
        near = x * self.side
        inward = np.minimum(
            np.minimum(near - self.plate_near_mm, self.plate_far_mm - near),
            np.minimum(z - self.plate_low_mm, self.plate_high_mm - z),
        )
        share: Array = np.clip(inward / footprint_mm + 0.5, 0.0, 1.0)
        return share

    def plate_radiance(self, x: Array, z: Array, footprint_mm: float) -> Array:
        """Radiance of the plate at x and z (mm, any shape), averaged over the footprint of a pixel."""
        scale = self.scale
        index = np.rint(z / scale.division_mm)
        first, last = scale.first / scale.division, scale.last / scale.division
        index = np.clip(index, first, last)
        major = np.mod(index, scale.major_every) == 0
        start = self.plate_near_mm + 0.6
        end = start + np.where(major, LENGTHS_MM[0], LENGTHS_MM[1])
        off = np.abs(z - index * scale.division_mm)
        across = np.clip((MARK_MM / 2.0 - off) / footprint_mm + 0.5, 0.0, 1.0)
        near = x * self.side
        along = np.clip((near - start) / footprint_mm + 0.5, 0.0, 1.0) * np.clip(
            (end - near) / footprint_mm + 0.5, 0.0, 1.0
        )
        ink = np.maximum(across * along, self._numerals(x, z))
        return PLATE * (1.0 - 0.02 * z / 60.0) * (1.0 - ink) + INK * ink

    def _numerals(self, x: Array, z: Array) -> Array:
        left = min(self.side * self.plate_near_mm, self.side * self.plate_far_mm)
        columns = ((x - left) * TEXTURE_PER_MM - 0.5).astype(np.float32).reshape(-1, 1)
        rows = ((self.plate_high_mm - z) * TEXTURE_PER_MM - 0.5).astype(np.float32).reshape(-1, 1)
        parts = []
        for at in range(0, len(rows), 30000):  # OpenCV's remap takes no more than 32767 rows
            part = slice(at, at + 30000)
            parts.append(cv2.remap(self._texture, columns[part], rows[part], cv2.INTER_LINEAR))
        values = np.concatenate(parts)
        return (values.astype(np.float64) / 255.0).reshape(x.shape)

    def _draw_numerals(self) -> NDArray[np.uint8]:
        height = int((self.plate_high_mm - self.plate_low_mm) * TEXTURE_PER_MM)
        texture = np.zeros((height, int(PLATE_WIDTH_MM * TEXTURE_PER_MM)), np.uint8)
        scale = self.scale
        font, size = cv2.FontFace("sans"), int(2.6 * TEXTURE_PER_MM)
        start = 0.6 + LENGTHS_MM[0] + 1.2
        first, last = round(scale.first / scale.division), round(scale.last / scale.division)
        for index in range(first, last + 1):
            if index % scale.label_every:
                continue
            text = f"{index * scale.division:g}"
            box = cv2.getTextSize(texture.shape[1::-1], text, (0, 0), font, size, 400)
            from_near = start if self.side > 0.0 else PLATE_WIDTH_MM - start - box[2] / TEXTURE_PER_MM
            middle = (self.plate_high_mm - index * scale.division_mm) * TEXTURE_PER_MM
            # `box` starts at the text's upper edge, relative to its base line.
            base = middle - box[1] - box[3] / 2.0
            cv2.putText(
                texture, text, (int(from_near * TEXTURE_PER_MM), round(base)), (255,), font, size, 400
            )
        # A pixel of the camera covers three of the texture: soften so that sampling does not miss strokes.
        return np.asarray(cv2.GaussianBlur(texture, (0, 0), 1.2), np.uint8)

"""Where the edges of the dark band lie above the lowest point of the meniscus, for a line of sight.

A ray from the camera meets the front of the surface from below. Where the slope is small it is mirrored
down to the back of the tube and out, to the panel or the card; past the angle at which it cannot leave the
glass, or where it ends on the card, it sees dark: the lower edge of the band. The band's top is the contact
line, unless the surface is so steep that it lets through light again; what is clear above is the empty tube.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision.sight_glass.optics import GLASS_INDEX, Column
from vision.sight_glass.young_laplace import Menisci

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Card:
    """A black card behind the tube: the apparent height of its edge, its distance behind the axis."""

    apparent_mm: float
    behind_mm: float


@dataclass(frozen=True)
class Edges:
    """Apparent heights above the lowest point, one for each meniscus of a family; shape (k,), millimetres.

    `lower_mm` is where the band begins, `rim_mm` the highest part of the contact line.
    """

    lower_mm: Array
    rim_mm: Array


def band_edges(family: Menisci, column: Column, rise: float, card: Card | None) -> Edges:
    """The band's edges for every meniscus of `family`, seen along `rise` (tangent, positive upward).

    `card.apparent_mm` is counted from the lowest point, too. The heights are those at which the line of
    sight, drawn straight on, crosses the tube axis.
    """
    n, inner = column.liquid_index, column.inner_radius_mm
    wall = column.outer_radius_mm - inner
    inside = float(np.arctan(column.inside_slope(rise)))
    sink = column.sink_mm(rise)
    radius, height, slope = family.radius_mm[None, :], family.height_mm, family.slope
    apparent = height + radius * np.tan(inside) + sink
    down = np.minimum(2 * slope + inside, np.pi / 2)
    lower = _first_zero(apparent, n * np.sin(down) - 1)
    # a ray that meets the surface more steeply than the critical angle is not mirrored at all
    lower = np.minimum(lower, _first_zero(apparent, 1 / n - np.cos(slope + inside)))
    if card is not None:
        kept = np.minimum(n * np.abs(np.sin(down)), 0.9999)
        outside = kept / np.sqrt(1 - kept**2)
        in_glass = kept / np.sqrt(GLASS_INDEX**2 - kept**2)
        tangent = np.tan(np.minimum(down, 1.5))
        behind = height - (inner + radius) * tangent - wall * in_glass
        behind = behind - (card.behind_mm - column.outer_radius_mm) * outside
        edge = card.apparent_mm - 2 * sink + card.behind_mm * rise
        lower = np.minimum(lower, _first_zero(apparent, edge - behind))
    bend = wall * (rise - rise / GLASS_INDEX)
    rim = height[:, -1] + inner * abs(rise) + bend
    return Edges(lower_mm=lower, rim_mm=rim)


def _first_zero(at: Array, value: Array) -> Array:
    """Where along the last axis `value` first rises through zero; the last place where it never does."""
    over = value >= 0
    found = over.any(axis=1)
    first = np.where(found, np.argmax(over, axis=1), value.shape[1] - 1)
    rows = np.arange(len(first))
    before = np.maximum(first - 1, 0)
    low, high = value[rows, before], value[rows, first]
    part = np.where(found & (high > low), -low / np.maximum(1e-12, high - low), 1.0)
    start = at[rows, before]
    return np.asarray(start + np.clip(part, 0, 1) * (at[rows, first] - start), np.float64)

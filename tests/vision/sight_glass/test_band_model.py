"""The edges of the dark band lie where rays, followed one by one, say that they lie."""

from math import asin, atan, cos, pi, sin, tan

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from vision.sight_glass.band_model import Card, band_edges
from vision.sight_glass.optics import GLASS_INDEX, Column
from vision.sight_glass.young_laplace import menisci

Array = NDArray[np.float64]


def bent(angle: float, here: float, there: float) -> float | None:
    """An angle to the normal after a plane face, None where all light is mirrored."""
    sine = here / there * sin(angle)
    return asin(sine) if abs(sine) < 1 else None


def sees_light(
    look: float, rise: float, column: Column, shape: tuple[Array, Array], card: tuple[float, float] | None
) -> bool:
    """Follows the line of sight that would cross the axis at `look` above the lowest point.

    Marches in steps of 2 µm to the surface; there the ray is mirrored, or passes into the air and counts as
    dark. `card` is the true height of its edge and its distance behind the axis.
    """
    n, outer, inner = column.liquid_index, column.outer_radius_mm, column.inner_radius_mm
    angle = atan(rise)
    glass = bent(angle, 1.0, GLASS_INDEX)
    liquid = bent(angle, 1.0, n)
    assert glass is not None
    assert liquid is not None
    y, z = -inner, look - outer * rise + (outer - inner) * tan(glass)
    radius, height = shape
    if z >= height[-1]:
        return True
    slope = tan(liquid)
    ys = np.arange(y, inner, 0.002)
    zs = z + (ys - y) * slope
    above = np.flatnonzero(zs > np.interp(np.abs(ys), radius, height))
    if len(above):
        y, z = float(ys[above[0]]), float(zs[above[0]])
        tilt = atan(float(CubicSpline(radius, height)(abs(y), 1)) * (1 if y > 0 else -1))
        grazing = atan(slope) - tilt
        if n * cos(grazing) < 1:
            return False
        turned = 2 * tilt - atan(slope)
        if abs(turned) >= pi / 2:
            return False
        slope = tan(turned)
    z += (inner - y) * slope
    glass_out = bent(atan(slope), n, GLASS_INDEX)
    air_out = bent(atan(slope), n, 1.0)
    if glass_out is None or air_out is None:
        return False
    z += (outer - inner) * tan(glass_out)
    if card is None:
        return True
    return z + (card[1] - outer) * tan(air_out) > card[0]


def lower_edge(
    rise: float, column: Column, shape: tuple[Array, Array], card: tuple[float, float] | None
) -> float:
    """The apparent height at which the view turns dark, by halving."""
    looks = np.arange(-0.3, 3.0, 0.02)
    dark = [not sees_light(float(look), rise, column, shape, card) for look in looks]
    first = dark.index(True)
    low, high = float(looks[first - 1]), float(looks[first])
    for _ in range(12):
        middle = 0.5 * (low + high)
        if sees_light(middle, rise, column, shape, card):
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


@pytest.mark.parametrize("rise", [-0.04, 0.0, 0.03])
@pytest.mark.parametrize(
    ("bore", "index", "capillary"), [(11.0, 1.333, 7.44), (18.0, 1.333, 7.44), (14.0, 1.42, 2.9)]
)
def test_light_from_all_around_ends_where_rays_say(
    bore: float, index: float, capillary: float, rise: float
) -> None:
    """Under a panel the predicted edge is that of rays followed one by one, within 0.01 mm."""
    family = menisci(bore, capillary)
    column = Column(bore / 2, bore / 2 + 1.5, index)
    predicted = band_edges(family, column, rise, None).lower_mm
    for k in (10, 20, 28):
        shape = family.radius_mm, family.height_mm[k]
        assert predicted[k] == pytest.approx(lower_edge(rise, column, shape, None), abs=0.01)


@pytest.mark.parametrize("rise", [-0.03, 0.0, 0.03])
@pytest.mark.parametrize("gap", [2.0, 5.0])
def test_a_card_is_mirrored_where_rays_say(rise: float, gap: float) -> None:
    """Over a card the predicted edge is that of rays that end on it, within 0.01 mm."""
    family = menisci(16.0, 7.44)
    column = Column(8.0, 9.5, 1.333)
    behind = 12.5
    # the card's edge as it looks: straight through the liquid, which shifts the ray twice
    apparent = -gap - behind * rise + 2 * column.sink_mm(rise)
    predicted = band_edges(family, column, rise, Card(apparent, behind)).lower_mm
    for k in (12, 20, 27):
        shape = family.radius_mm, family.height_mm[k]
        assert predicted[k] == pytest.approx(lower_edge(rise, column, shape, (-gap, behind)), abs=0.01)


def test_the_offsets_are_of_the_size_that_was_measured() -> None:
    """Over usual tubes the mean offset is near 0.87 mm for a panel, 0.18 mm for a card (the sets' README)."""
    panel, card = [], []
    for bore in (11.0, 14.0, 17.0):
        family = menisci(bore, 7.44)
        column = Column(bore / 2, bore / 2 + 1.5, 1.333)
        panel.append(float(band_edges(family, column, 0.0, None).lower_mm[20]))
        card.append(float(band_edges(family, column, 0.0, Card(-4.0, bore / 2 + 4.5)).lower_mm[20]))

    assert np.mean(panel) == pytest.approx(0.87, abs=0.16)
    assert np.mean(card) == pytest.approx(0.18, abs=0.06)


def test_the_rim_is_the_contact_line_on_a_level_sight() -> None:
    """Seen level, the highest part of the contact line is at the height of the meniscus at the wall."""
    family = menisci(16.0, 7.44)
    edges = band_edges(family, Column(8.0, 9.5, 1.333), 0.0, None)

    assert edges.rim_mm == pytest.approx(family.height_mm[:, -1])

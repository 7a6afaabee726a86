"""From the band's edges to the level of the meniscus' lowest point, with what each assumption costs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import hypot, sqrt

import numpy as np

from vision.sight_glass.band_model import Card, band_edges
from vision.sight_glass.optics import REFRACTIVE_INDEX, Column
from vision.sight_glass.young_laplace import CAPILLARY_MM2, Menisci, menisci
from vision.station import CameraGeometry, Lighting, Liquid, SightGlass

# What is assumed where the station is silent, and the standard uncertainty of the assumption.
USUAL_WALL_SHARE = 0.86, 0.035  # inner to outer diameter of gauge glass
USUAL_CARD_GAP_MM = 3.0, 1.5  # from the back of the tube to a card that stands behind it
LEVEL_SIGHT = 0.0, 0.02  # tangent of the line of sight's angle: the camera stood level to about a degree
USUAL_OFFSET_MM = 0.0, 3.0  # of the plate's face from the tube axis
USUAL_CARD_MM = 4.0, 1.5  # from the band's edge down to the card's, where it is not in the picture
USUAL_SLOPE = 1.10, 0.25  # of the surface at the wall, radians: contact angles of clean to used glass
# How well stated lengths are taken to hold.
DISTANCE_SHARE, HEIGHT_MM, OFFSET_MM, DIAMETER_MM = 0.01, 1.0, 0.1, 0.05
CONTACT_MM = 0.12  # how well the contact line is seen
MODEL_MM = {Lighting.CARD: 0.020, Lighting.PANEL: 0.025, Lighting.ROOM: 0.045}
UNKNOWN_LIGHT_MM = 0.055  # a room's light, or a panel that ends near the tube
# panel: light is lost within 0.5° of slope before the critical angle; room: its light is not even


@dataclass(frozen=True)
class Sighting:
    """Heights read off the plate where the lines of sight to the band meet it, millimetres from its zero.

    `lower_mm` of the band's lower edge, `top_mm` of the contact line, `card_mm` of the card's edge (None
    without a card) and `card_u_mm` its standard uncertainty, `outer_mm` the tube's outer diameter as it
    measures. `edge_u_mm` is the standard uncertainty of `lower_mm`.
    """

    lower_mm: float
    top_mm: float | None
    card_mm: float | None
    outer_mm: float
    edge_u_mm: float
    card_u_mm: float = 0.0


@dataclass(frozen=True)
class Assumed:
    """Everything the level depends on besides the sighting."""

    liquid: Liquid
    outer_mm: float
    inner_mm: float
    shape_mm: float  # the bore whose meniscus is taken: that of `inner_mm`, or one that is as good
    offset_mm: float
    distance_mm: float
    height_mm: float | None
    rise: float
    card_gap_mm: float
    card_shift_mm: float = 0.0
    top_shift_mm: float = 0.0
    top_known: bool = True
    wall_slope: float = USUAL_SLOPE[0]


@dataclass(frozen=True)
class Level:
    """The level in millimetres from the scale's zero, its uncertainty terms (millimetres) and remarks."""

    level_mm: float
    terms_mm: Mapping[str, float]
    wall_slope: float
    edge_above_mm: float
    assumed: "Assumed"
    notes: tuple[str, ...]


def level_of(
    sighting: Sighting, glass: SightGlass, camera: CameraGeometry, lighting: Lighting | None
) -> Level:
    """The level that explains a sighting. `lighting` is what is behind the tube, None where it is not known.

    Each term is found by moving one assumption by its standard uncertainty and solving again.
    """
    notes: list[str] = []
    base, moves = _assumptions(sighting, glass, camera, notes)
    level, slope, above = _solved(sighting, base)
    if glass.liquid is None:
        other, _, _ = _solved(sighting, replace(base, liquid=Liquid.FUEL))
        moves["refraction"] = []
        level, half = 0.5 * (level + other), 0.5 * abs(level - other)
    else:
        half = 0.0
    terms = {"edges": sighting.edge_u_mm}
    for name, alternatives in moves.items():
        squares = half**2 if name == "refraction" else 0.0
        for alternative in alternatives:
            squares += (_solved(sighting, alternative)[0] - _solved(sighting, base)[0]) ** 2
        terms[name] = sqrt(squares)
    terms["model"] = MODEL_MM[lighting or Lighting.PANEL]
    if lighting is None:
        terms["lighting"] = hypot(terms.get("lighting", 0.0), UNKNOWN_LIGHT_MM)
    return Level(level, terms, slope, above, base, tuple(notes))


def level_again(sighting: Sighting, glass: SightGlass, camera: CameraGeometry, before: Level) -> Level:
    """The level of another sighting of the same glass under the assumptions and terms of `before`."""
    level, slope, above = _solved(sighting, before.assumed)
    if glass.liquid is None:
        level = 0.5 * (level + _solved(sighting, replace(before.assumed, liquid=Liquid.FUEL))[0])
    return replace(before, level_mm=level, wall_slope=slope, edge_above_mm=above)


def menisci_of(bore_mm: float, liquid: Liquid) -> Menisci:
    """The menisci of a liquid in a tube of inner diameter `bore_mm`; solved once and kept."""
    return menisci(round(bore_mm, 3), CAPILLARY_MM2[liquid])


def _assumptions(
    sighting: Sighting, glass: SightGlass, camera: CameraGeometry, notes: list[str]
) -> tuple[Assumed, dict[str, list[Assumed]]]:
    """What is taken as true, and by term the same with one assumption moved by its uncertainty."""
    scale, tube = glass.scale, glass.tube
    known_sight = camera.distance_mm is not None and camera.height_mm is not None
    if glass.liquid is None:
        notes.append("the liquid is not stated: the mean of water and fuel is given")
    if tube is None:
        outer, inner = sighting.outer_mm, sighting.outer_mm * USUAL_WALL_SHARE[0]
        notes.append(f"the tube is not stated: {outer:.1f} mm outside as seen, {inner:.1f} mm inside assumed")
    else:
        outer, inner = tube.outer_diameter_mm, tube.inner_diameter_mm
    offset, offset_u = (scale.offset_mm, OFFSET_MM) if scale.offset_mm is not None else USUAL_OFFSET_MM
    if scale.offset_mm is None:
        notes.append("offset_mm is not stated: the plate is taken to stand in the plane of the tube axis")
    base = Assumed(
        liquid=glass.liquid or Liquid.WATER,
        outer_mm=outer,
        inner_mm=inner,
        shape_mm=inner,
        offset_mm=offset,
        distance_mm=camera.distance_mm or 600.0,
        height_mm=camera.height_mm if known_sight else None,
        rise=LEVEL_SIGHT[0],
        card_gap_mm=USUAL_CARD_GAP_MM[0],
        top_known=sighting.top_mm is not None,
    )
    geometry = [replace(base, offset_mm=offset + offset_u)]
    if camera.distance_mm is not None and camera.height_mm is not None:
        geometry.append(replace(base, height_mm=camera.height_mm + HEIGHT_MM))
        geometry.append(replace(base, distance_mm=camera.distance_mm * (1 + DISTANCE_SHARE)))
    else:
        notes.append(
            "the camera's distance and height are not both stated: its line of sight is taken as level"
        )
        geometry.append(replace(base, rise=LEVEL_SIGHT[1]))
        # two unknowns that multiply: neither shows when moved alone
        geometry.append(replace(base, rise=LEVEL_SIGHT[1], offset_mm=offset + offset_u))
    if tube is None:
        narrower = outer * (USUAL_WALL_SHARE[0] - USUAL_WALL_SHARE[1])
        geometry.append(replace(base, inner_mm=narrower, shape_mm=narrower))
        wider = outer * 1.03
        inside = wider * USUAL_WALL_SHARE[0]
        geometry.append(replace(base, outer_mm=wider, inner_mm=inside, shape_mm=inside))
    else:
        geometry.append(replace(base, inner_mm=inner - DIAMETER_MM, shape_mm=inner))
    moves = {"geometry": geometry}
    if sighting.top_mm is None:
        notes.append("the contact line is not seen: a usual contact angle is assumed")
        moves["contact-angle"] = [replace(base, wall_slope=USUAL_SLOPE[0] - USUAL_SLOPE[1])]
    else:
        moves["contact-angle"] = [replace(base, top_shift_mm=-CONTACT_MM)]
    if sighting.card_mm is not None:
        moves["lighting"] = [
            replace(base, card_gap_mm=USUAL_CARD_GAP_MM[0] - USUAL_CARD_GAP_MM[1]),
            replace(base, card_shift_mm=-sighting.card_u_mm),
        ]
    return base, moves


def _solved(sighting: Sighting, assumed: Assumed) -> tuple[float, float, float]:
    """(level, slope at the wall in radians, height of the band's lower edge above the level as it looks)."""
    family = menisci_of(assumed.shape_mm, assumed.liquid)
    column = Column(assumed.inner_mm / 2, assumed.outer_mm / 2, REFRACTIVE_INDEX[assumed.liquid])

    def sight(on_plate: float) -> tuple[float, float]:
        """Where a line of sight that meets the plate at a height crosses the axis, and its rise."""
        if assumed.height_mm is None:
            rise = assumed.rise
        else:
            rise = (on_plate - assumed.height_mm) / (assumed.distance_mm + assumed.offset_mm)
        return on_plate - rise * assumed.offset_mm, rise

    lower, rise = sight(sighting.lower_mm)
    slopes = family.wall_slope
    place = float(np.interp(assumed.wall_slope, slopes, np.arange(len(slopes))))
    top = sight(sighting.top_mm)[0] + assumed.top_shift_mm if sighting.top_mm is not None else None
    card_look = None
    if sighting.card_mm is not None:
        card_look = sight(sighting.card_mm)[0] + assumed.card_shift_mm
    above = 0.2
    for _ in range(3 if card_look is not None else 1):
        card = None
        if card_look is not None:
            card = Card(card_look - (lower - above), column.outer_radius_mm + assumed.card_gap_mm)
        edges = band_edges(family, column, rise, card)
        if top is not None:
            heights = np.maximum.accumulate(edges.rim_mm - edges.lower_mm)
            place = float(np.interp(top - lower, heights, np.arange(len(slopes))))
        above = float(np.interp(place, np.arange(len(slopes)), edges.lower_mm))
    return lower - above, float(np.interp(place, np.arange(len(slopes)), slopes)), above

"""Dials that the reader was not developed on: random designs, views and lights, drawn through a pinhole.

Lengths are in radii of the tick ring, angles in radians, clockwise from the right. The face is printed flat
and imaged as a plane; the needle is imaged point by point in its own plane. Nothing is shared with the
reader or with the drawing of its tests.
"""

from dataclasses import dataclass, replace
from math import cos, hypot, pi, radians, sin, sqrt
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Array = NDArray[np.float64]
Colour = tuple[int, int, int]  # blue, green, red

SHEET, REACH = 2000, 1.4  # pixels of the printed face, and the radii it shows to either side
TWICE = 2  # a picture is drawn so many times larger
SHIFT = 4  # bits of a pixel in drawing
SCALES = (  # unit, minimum, maximum, major step, minors per major
    ("bar", -1.0, 0.0, 0.1, 5),
    ("bar", -1.0, 0.0, 0.2, 10),
    ("bar", 0.0, 6.0, 1.0, 10),
    ("bar", 0.0, 1.6, 0.2, 4),
    ("bar", 0.0, 25.0, 5.0, 10),
    ("bar", -1.0, 3.0, 1.0, 10),
    ("kPa", 0.0, 400.0, 50.0, 5),
    ("kPa", 0.0, 100.0, 10.0, 5),
    ("psi", 0.0, 160.0, 20.0, 10),
    ("degC", -30.0, 50.0, 10.0, 5),
    ("degC", 0.0, 120.0, 20.0, 10),
    ("MPa", 0.0, 4.0, 0.5, 10),
    ("mbar", 0.0, 40.0, 5.0, 5),
    ("A", 0.0, 10.0, 1.0, 2),
)
SWEEPS = (270.0, 270.0, 180.0, 300.0)
FACES: tuple[tuple[Colour, Colour], ...] = (  # ground and print
    ((240, 240, 238), (25, 25, 25)),
    ((205, 232, 240), (40, 30, 30)),
    ((225, 215, 205), (110, 50, 20)),
    ((35, 32, 30), (225, 228, 230)),
    ((90, 60, 35), (235, 235, 235)),
)
NEEDLES_ON_LIGHT: tuple[Colour, ...] = ((20, 20, 20), (40, 30, 190), (150, 70, 20))
NEEDLES_ON_DARK: tuple[Colour, ...] = ((235, 235, 235), (60, 160, 250), (90, 220, 240))
BANDS: tuple[Colour, ...] = ((70, 170, 70), (60, 60, 210), (60, 200, 230))
FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_PLAIN,
)
# how far makers let a pivot stand beside the middle: assumed, as no standard says it
PIVOT_U, UNEVEN_U = 0.003, 0.0015
RING_SHARE = 0.86  # radius of the ring over that of the dial


@dataclass(frozen=True)
class Design:
    """One dial and how it is looked at; `value` is where its needle's axis points among the ticks."""

    scale: tuple[str, float, float, float, int]
    sweep: float
    first: float
    face: Colour
    ink: Colour
    needle: Colour
    font: int
    upright: bool
    minor_length: float
    major_length: float
    half_length: float
    minor_width: float
    major_width: float
    outward: bool
    arc: bool
    numerals_at: float
    second_scale: int
    band: tuple[float, float] | None
    band_colour: Colour
    mirror: bool
    tip: float
    tail: float
    tail_kind: str
    needle_width: float
    point_width: float
    hub: float
    height: float
    pivot: tuple[float, float]
    uneven: float
    shadow: float
    shadow_to: float
    glare: int
    tilt: float
    tilt_to: float
    roll: float
    distance: float
    size: tuple[int, int]
    radius_px: float
    off: tuple[float, float]
    blur: float
    noise: float
    light: float
    slope: float
    quality: int
    needle_share: float
    lengths_known: bool
    camera_known: bool
    seed: int
    minor_ink: float = 1.0  # of the long ticks' ink
    print_lines: int = 0
    logo: bool = False
    shade: float = 0.0  # of the light: how much half of the face lacks
    second_pointer: float | None = None  # share of the span at which another hand stands

    @property
    def instrument(self) -> dict[str, Any]:
        """What a station says of it."""
        unit, minimum, maximum, step, minors = self.scale
        said: dict[str, Any] = {
            "kind": "dial",
            "unit": unit,
            "minimum": minimum,
            "maximum": maximum,
            "major_step": step,
            "minor_per_major": minors,
        }
        if self.lengths_known:
            said |= {"dial_radius_mm": 50.0, "needle_height_mm": round(self.height * 50 * RING_SHARE, 2)}
        return said

    @property
    def focal_px(self) -> float:
        """Of the camera."""
        return self.radius_px * self.distance

    def angle(self, share: float) -> float:
        """Where a share of the span is printed."""
        return radians(self.first + self.sweep * (share + self.uneven * sin(2 * pi * share)))

    @property
    def direction(self) -> float:
        """Of the needle."""
        return self.angle(self.needle_share)

    @property
    def value(self) -> float:
        """The value of the place among the ticks at which the needle's axis points, seen from the front."""
        turn, (x, y) = self.direction, self.pivot
        middle = 1.0 + (0.5 if self.outward else -0.5) * self.minor_length
        way = x * cos(turn) + y * sin(turn)
        reach = -way + sqrt(way**2 + middle**2 - hypot(x, y) ** 2)
        at = np.arctan2(y + reach * sin(turn), x + reach * cos(turn))
        beside = (at - turn + pi) % (2 * pi) - pi
        shares = np.linspace(-0.1, 1.1, 2401)
        share = float(np.interp(beside, [self.angle(float(one)) - turn for one in shares], shares))
        _, minimum, maximum, _, _ = self.scale
        return minimum + share * (maximum - minimum)


def random_design(seed: int) -> Design:
    """A design, a view and a light by chance; the same for the same seed."""
    rng = np.random.default_rng(seed)

    def between(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    def chance(of: float) -> bool:
        return bool(rng.random() < of)

    face, ink = FACES[int(rng.choice(len(FACES), p=(0.4, 0.15, 0.15, 0.2, 0.1)))]
    needles = NEEDLES_ON_LIGHT if sum(face) > 380 else NEEDLES_ON_DARK
    scale = SCALES[int(rng.integers(len(SCALES)))]
    sweep = SWEEPS[int(rng.integers(len(SWEEPS)))]
    ticks = round((scale[2] - scale[1]) / scale[3]) * scale[4]
    pitch = radians(sweep) / ticks
    minor = between(0.04, 0.08)
    by_length = chance(0.9)
    tilt = between(0, 30) if chance(0.6) else between(0, 8)
    height_px, width_px = int(between(640, 960)), int(between(640, 1100))
    first_band = between(0.0, 0.7)
    return Design(
        scale=scale,
        sweep=sweep,
        first=270 - sweep / 2 + (between(-30, 30) if chance(0.3) else between(-2, 2)),
        face=face,
        ink=ink,
        needle=needles[int(rng.integers(3))],
        font=FONTS[int(rng.integers(len(FONTS)))],
        upright=chance(0.7),
        minor_length=minor,
        major_length=minor * (between(1.5, 2.3) if by_length else 1.1),
        half_length=minor * (between(1.2, 1.4) if chance(0.4) and scale[4] in (4, 10) and by_length else 1.0),
        minor_width=min(0.012, 0.25 * pitch) * between(0.6, 1.2),
        major_width=min(0.022, 0.45 * pitch) * between(0.7, 1.2),
        outward=chance(0.25),
        arc=chance(0.35),
        numerals_at=between(0.66, 0.74),
        second_scale=int(rng.integers(18, 60)) if chance(0.3) else 0,
        band=(first_band, first_band + between(0.1, 0.3)) if chance(0.35) else None,
        band_colour=BANDS[int(rng.integers(3))],
        mirror=chance(0.15),
        tip=between(0.8, 0.97),
        tail=between(0.0, 0.4),
        tail_kind=("bar", "wedge", "disc", "ring")[int(rng.integers(4))],
        needle_width=between(0.018, 0.075),
        point_width=between(0.004, 0.015),
        hub=between(0.05, 0.12),
        height=between(0.02, 0.08),
        pivot=(PIVOT_U * float(rng.normal()), PIVOT_U * float(rng.normal())),
        uneven=UNEVEN_U * float(rng.normal()),
        shadow=between(0.1, 0.45) if chance(0.7) else 0.0,
        shadow_to=between(0, 2 * pi),
        glare=int(rng.integers(1, 4)) if chance(0.3) else 0,
        tilt=tilt,
        tilt_to=between(0, 2 * pi),
        roll=between(-8, 8),
        distance=between(4, 10),
        size=(height_px, width_px),
        radius_px=between(0.27, 0.36) * min(height_px, width_px),
        off=(between(-0.05, 0.05) * width_px, between(-0.04, 0.04) * height_px),
        blur=between(0.5, 1.5),
        noise=between(0.5, 5),
        light=between(0.4, 1.1),
        slope=between(0, 0.35),
        quality=int(rng.integers(75, 96)),
        needle_share=between(-0.01, 1.01),
        lengths_known=chance(0.5),
        camera_known=chance(0.5),
        seed=seed,
    )


def plain(design: Design) -> Design:
    """The same dial seen from the front, well lit, without glare."""
    return replace(design, tilt=min(design.tilt, 5.0), glare=0, light=1.0, slope=0.05, noise=1.0, blur=0.7)


def photograph(design: Design) -> Design:
    """The same dial as in a small part cut out of a photograph on site: few pixels, faint minor ticks, dense
    print in the ticks' ink, half of it in the shade; often with the needle at the stop of an idle gauge.
    """
    rng = np.random.default_rng(design.seed + 2_000_000)
    radius_px = float(rng.uniform(75, 150))
    ticks = round((design.scale[2] - design.scale[1]) / design.scale[3]) * design.scale[4]
    # makers print no more ticks than can be told apart: nor do these pictures show fewer pixels than that
    radius_px = max(radius_px, 5.0 / (radians(design.sweep) / ticks))
    return replace(
        design,
        radius_px=radius_px,
        size=(int(radius_px * rng.uniform(2.6, 3.0)), int(radius_px * rng.uniform(2.6, 3.2))),
        off=(float(rng.uniform(-0.1, 0.1)) * radius_px, float(rng.uniform(-0.1, 0.1)) * radius_px),
        quality=int(rng.integers(60, 90)),
        blur=float(rng.uniform(0.4, 0.9)),
        minor_ink=float(rng.uniform(0.4, 1.0)),
        print_lines=int(rng.integers(0, 5)),
        logo=bool(rng.random() < 0.5),
        shade=float(rng.uniform(0.2, 0.6)) if rng.random() < 0.5 else 0.0,
        needle_share=float(rng.uniform(-0.01, 0.01)) if rng.random() < 0.3 else design.needle_share,
        lengths_known=False,
        camera_known=False,
    )


def camera_matrix(design: Design) -> list[list[float]]:
    """Of the camera that takes the picture, as a station states it."""
    height, width = design.size
    return [[design.focal_px, 0, (width - 1) / 2], [0, design.focal_px, (height - 1) / 2], [0, 0, 1]]


def jpeg(design: Design) -> bytes:
    """The picture as a camera sends it."""
    height, width = design.size
    rng = np.random.default_rng(design.seed + 1_000_000)
    plane = _plane(design, 0.0)
    big = (TWICE * width, TWICE * height)
    wall = np.full((big[1], big[0], 3), 105, np.uint8)
    larger = np.array([[TWICE, 0, 0.5 * (TWICE - 1)], [0, TWICE, 0.5 * (TWICE - 1)], [0, 0, 1.0]])
    cell = 2 * REACH / (SHEET - 1)
    sheet_place = larger @ plane @ np.array([[cell, 0, -REACH], [0, cell, -REACH], [0, 0, 1.0]])
    picture = cv2.warpPerspective(
        _printed(design),
        sheet_place,
        big,
        dst=wall,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_TRANSPARENT,
    ).astype(np.float32)
    if design.shadow:
        away = design.height * np.array([cos(design.shadow_to), sin(design.shadow_to)]) * 1.2
        cast = _cover(design, plane, big, away)
        soft = cv2.GaussianBlur(cast, (0, 0), 2.5 * TWICE)
        picture *= 1 - design.shadow * soft[:, :, None]
    if design.mirror:
        ring = _ring(plane, big, 0.76, 0.84)
        image = _cover(design, _plane(design, -design.height), big) * ring
        picture += 0.7 * image[:, :, None] * (np.array(design.needle, np.float32) - picture)
    if design.second_pointer is not None:
        hand = np.zeros((big[1], big[0]), np.uint8)
        points = _bar(design.angle(design.second_pointer), -0.15, 0.9, 0.015, 0.008)
        cv2.fillPoly(hand, [_pixels(_plane(design, 0.7 * design.height), points)], 255, cv2.LINE_AA, SHIFT)
        seen_hand = (hand.astype(np.float32) / 255)[:, :, None]
        picture += seen_hand * (np.array(design.needle, np.float32) - picture)
    cover = _cover(design, _plane(design, design.height), big)[:, :, None]
    picture += cover * (np.array(design.needle, np.float32) - picture)
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    turn = float(rng.uniform(0, 2 * pi))
    small *= (1 + design.slope * ((x / width - 0.5) * cos(turn) + (y / height - 0.5) * sin(turn)))[:, :, None]
    if design.shade:
        edge = (x - width / 2) * sin(turn) - (y - height / 2) * cos(turn)
        small *= (1 - design.shade / (1 + np.exp(np.clip(-edge / 3, -30, 30))))[:, :, None]
    for _ in range(design.glare):
        middle = rng.uniform(0.25, 0.75, 2) * (width, height)
        axes = rng.uniform(0.03, 0.14, 2) * design.radius_px * 2
        spot = np.zeros((height, width), np.float32)
        cv2.ellipse(
            spot,
            (middle.tolist(), (2 * axes).tolist(), float(rng.uniform(0, 180))),
            float(rng.uniform(40, 170)),
            -1,
        )
        small += cv2.GaussianBlur(spot, (0, 0), float(rng.uniform(3, 14)))[:, :, None]
    seen = cv2.GaussianBlur(small * design.light, (0, 0), design.blur)
    noisy = seen + rng.normal(0, design.noise, seen.shape)
    done, data = cv2.imencode(
        ".jpg", np.clip(noisy, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, design.quality]
    )
    assert done
    return bytes(data)


def _plane(design: Design, height: float) -> Array:
    """The homography from the plane `height` before the face to pixels of the picture."""
    tilt = radians(design.tilt) * np.array([-sin(design.tilt_to), cos(design.tilt_to), 0.0])
    turned = cv2.Rodrigues(tilt)[0] @ cv2.Rodrigues(np.array([0.0, 0.0, radians(design.roll)]))[0]
    aside = np.array([*design.off, design.focal_px]) / design.radius_px
    pose = np.column_stack((turned[:, 0], turned[:, 1], aside - height * turned[:, 2]))
    return np.asarray(np.array(camera_matrix(design), np.float64) @ pose, np.float64)


def _pixels(place: Array, points: Array) -> NDArray[np.int32]:
    """Points (n, 2) of a plane in the enlarged picture, with SHIFT bits of fraction."""
    seen = np.column_stack((points, np.ones(len(points)))) @ place.T
    small = seen[:, :2] / seen[:, 2:]
    return np.rint(((small + 0.5) * TWICE - 0.5) * 2**SHIFT).astype(np.int32).reshape(-1, 1, 2)


def _cover(
    design: Design, place: Array, big: tuple[int, int], away: Array | None = None
) -> NDArray[np.float32]:
    """How much of each pixel of the enlarged picture the needle covers, when it lies in a plane."""
    mask = np.zeros((big[1], big[0]), np.uint8)
    for part in _needle(design):
        moved = part + np.array(design.pivot) + (0 if away is None else away)
        cv2.fillPoly(mask, [_pixels(place, moved)], 255, cv2.LINE_AA, SHIFT)
    if design.tail_kind == "ring" and design.tail > 0.15:
        hole = _circle(_along(design.direction, -design.tail), 0.03) + np.array(design.pivot)
        cv2.fillPoly(mask, [_pixels(place, hole + (0 if away is None else away))], 0, cv2.LINE_AA, SHIFT)
    return mask.astype(np.float32) / 255


def _ring(place: Array, big: tuple[int, int], inner: float, outer: float) -> NDArray[np.float32]:
    mask = np.zeros((big[1], big[0]), np.uint8)
    cv2.fillPoly(mask, [_pixels(place, _circle(np.zeros(2), outer))], 255, cv2.LINE_AA, SHIFT)
    cv2.fillPoly(mask, [_pixels(place, _circle(np.zeros(2), inner))], 0, cv2.LINE_AA, SHIFT)
    return mask.astype(np.float32) / 255


def _along(turn: float, radius: float) -> Array:
    return radius * np.array([cos(turn), sin(turn)])


def _circle(middle: Array, radius: float) -> Array:
    turn = np.linspace(0, 2 * pi, 90)
    return np.asarray(middle + radius * np.column_stack((np.cos(turn), np.sin(turn))), np.float64)


def _bar(turn: float, start: float, stop: float, half: float, half_end: float) -> Array:
    across = np.array([-sin(turn), cos(turn)])
    one, other = _along(turn, start), _along(turn, stop)
    return np.array(
        [one + half * across, other + half_end * across, other - half_end * across, one - half * across]
    )


def _needle(design: Design) -> list[Array]:
    """The polygons of the needle about its pivot."""
    turn, half = design.direction, design.needle_width / 2
    parts = [
        _bar(turn, 0.0, design.tip, half, design.point_width / 2),
        _circle(np.zeros(2), design.hub),
    ]
    if design.tail > 0.05:
        wide = 2.2 * half if design.tail_kind == "wedge" else half
        parts.append(_bar(turn + pi, 0.0, design.tail, half, wide))
        if design.tail_kind in ("disc", "ring"):
            parts.append(_circle(_along(turn, -design.tail), 0.05))
    return parts


def _printed(design: Design) -> Image:
    """The face as it is printed, on its bezel."""
    sheet = np.zeros((SHEET, SHEET, 3), np.uint8)
    sheet[:] = (85, 88, 90)

    def fill(points: Array, colour: Colour) -> None:
        place = (points / REACH + 1) * (SHEET - 1) / 2
        cv2.fillPoly(
            sheet,
            [np.rint(place * 2**SHIFT).astype(np.int32).reshape(-1, 1, 2)],
            colour,
            cv2.LINE_AA,
            SHIFT,
        )

    def arc(start: float, stop: float, inner: float, outer: float, colour: Colour) -> None:
        turn = np.linspace(start, stop, 180)
        ray = np.column_stack((np.cos(turn), np.sin(turn)))
        fill(np.vstack((outer * ray, inner * ray[::-1])), colour)

    fill(_circle(np.zeros(2), 1.3), (60, 60, 62))
    fill(_circle(np.zeros(2), 1 / RING_SHARE), design.face)
    _, minimum, maximum, step, minors = design.scale
    count = round((maximum - minimum) / step * minors)
    if design.mirror:
        arc(0, 2 * pi, 0.76, 0.84, (200, 200, 198) if sum(design.face) > 380 else (75, 75, 77))
    if design.band is not None:
        low, high = (design.angle(min(1.0, share)) for share in design.band)
        arc(low, high, *((0.955, 0.995) if design.outward else (1.005, 1.05)), design.band_colour)
    if design.arc:
        arc(design.angle(0), design.angle(1), 0.997, 1.003, design.ink)
    for k in range(count + 1):
        turn, long = design.angle(k / count), k % minors == 0
        half_way = minors % 2 == 0 and k % minors == minors // 2
        length = design.major_length if long else design.half_length if half_way else design.minor_length
        half = 0.5 * (design.major_width if long else design.minor_width)
        ends = (1.0, 1.0 + length) if design.outward else (1.0 - length, 1.0)
        share = 1.0 if long else design.minor_ink
        mixed = [
            round(share * ink + (1 - share) * face) for ink, face in zip(design.ink, design.face, strict=True)
        ]
        fill(_bar(turn, *ends, half, half), (mixed[0], mixed[1], mixed[2]))
        if long:
            _write(sheet, design, f"{round(minimum + k * step / minors, 6):g}", design.numerals_at, turn)
    for turn in np.linspace(design.angle(0), design.angle(1), max(design.second_scale, 1)):
        if design.second_scale:
            fill(_bar(float(turn), 0.5, 0.54, 0.004, 0.004), (50, 50, 190))
    _write(sheet, design, design.scale[0], 0.4, pi / 2)
    upright = replace(design, upright=True)
    for line in range(design.print_lines):
        for letter in range(-4, 5):
            at = np.array([0.075 * letter, 0.22 + 0.1 * line if line % 2 else -0.24 - 0.1 * line])
            text = chr(65 + (letter * 7 + line * 5 + design.seed) % 26)
            _write(sheet, upright, text, float(hypot(*at)), float(np.arctan2(at[1], at[0])))
    if design.logo:
        fill(_bar(-pi / 2 + 0.5, 0.3, 0.55, 0.06, 0.06), design.ink)
    return sheet


def _write(sheet: Image, design: Design, text: str, radius: float, turn: float) -> None:
    """A numeral in the font of the design, upright or along its ray."""
    scale = 4.6 if design.font == cv2.FONT_HERSHEY_PLAIN else 2.4
    (width, height), _ = cv2.getTextSize(text, design.font, scale, 4)
    patch = np.zeros((height + 24, width + 24), np.uint8)
    cv2.putText(patch, text, (12, height + 12), design.font, scale, (255,), 4, cv2.LINE_AA)
    lean = 0.0 if design.upright else np.degrees(turn) + 90
    middle = (_along(turn, radius) / REACH + 1) * (SHEET - 1) / 2
    place = cv2.getRotationMatrix2D((patch.shape[1] / 2, patch.shape[0] / 2), -lean, 1.0)
    place[:, 2] += middle - (patch.shape[1] / 2, patch.shape[0] / 2)
    mask = cv2.warpAffine(patch, place, (SHEET, SHEET))
    sheet[mask > 127] = design.ink

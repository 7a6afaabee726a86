"""Draws seven-segment displays of many designs for the tests; shares no code with the reader."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Colour = tuple[float, float, float]

LIT = {
    "0": "abcdef",
    "1": "bc",
    "2": "abged",
    "3": "abgcd",
    "4": "fgbc",
    "5": "afgcd",
    "6": "afgedc",
    "7": "abc",
    "8": "abcdefg",
    "9": "abcdfg",
    "-": "g",
    " ": "",
    "E": "afged",
    "r": "eg",
    "o": "cdeg",
    "L": "fed",
}
HEIGHT = 220.0  # of a digit between the outer edges, in pixels of the flat drawing


@dataclass(frozen=True)
class Design:
    """How a display looks. Lengths are shares of a digit's height; colours are blue-green-red."""

    text: str
    cells: int
    background: Colour = (150.0, 165.0, 150.0)
    ink: Colour = (40.0, 42.0, 40.0)
    ghost: float = 0.05
    width: float = 0.52
    pitch: float = 0.72
    stroke: float = 0.11
    gap: float = 0.02
    slant: float = 0.08
    tails: bool = True
    ends: str = "bevel"
    seven_hook: bool = False
    dot_right: float = 0.5
    dot_drop: float = 0.0
    margin: tuple[float, float] = (0.35, 0.3)
    frame: Colour = (120.0, 90.0, 60.0)
    frame_width: float = 0.5
    wall: Colour = (140.0, 140.0, 140.0)
    shadow: float = 0.35
    glare: float = 0.0
    print: tuple[tuple[str, float, float, float], ...] = ()  # words: x, y (digit heights), size
    short_minus: bool = False


@dataclass(frozen=True)
class View:
    """How it is photographed: `share` of the width, `tilt` about the panel's axes, `offset` as shares."""

    size: tuple[int, int] = (960, 600)
    share: float = 0.62
    roll_deg: float = 0.0
    tilt: tuple[float, float] = (0.0, 0.0)
    offset: tuple[float, float] = (0.0, 0.0)
    blur_px: float = 0.6
    noise: float = 1.5
    exposure: float = 1.0
    quality: int = 90
    seed: int = 0


def _segments(w: float, t: float, gap: float, ends: str) -> dict[str, NDArray[np.float64]]:
    """Outlines of the seven segments in a digit of height 1 and centre-line width w."""
    mid, top, bottom = 0.5, t / 2, 1 - t / 2
    left, right = 0.0, w

    def bar(p: tuple[float, float], q: tuple[float, float]) -> NDArray[np.float64]:
        a, b = np.array(p), np.array(q)
        along = (b - a) / np.hypot(*(b - a))
        across = np.array([-along[1], along[0]]) * t / 2
        a, b = a + along * gap, b - along * gap
        if ends == "bevel":
            cut = along * t / 2
            return np.array([a, a + cut + across, b - cut + across, b, b - cut - across, a + cut - across])
        back = along * t * 0.3
        return np.array([a + back + across, b - back + across, b - back - across, a + back - across])

    return {
        "a": bar((left, top), (right, top)),
        "b": bar((right, top), (right, mid)),
        "c": bar((right, mid), (right, bottom)),
        "d": bar((left, bottom), (right, bottom)),
        "e": bar((left, mid), (left, bottom)),
        "f": bar((left, top), (left, mid)),
        "g": bar((left, mid), (right, mid)),
    }


def lit_of(sign: str, design: Design) -> str:
    """The lit segments of one sign in this design."""
    lit = LIT[sign]
    if not design.tails and sign in "69":
        lit = lit.replace("a" if sign == "6" else "d", "")
    if design.seven_hook and sign == "7":
        lit += "f"
    return lit


def cells_of(design: Design) -> list[tuple[str, bool]]:
    """What stands in each cell, right-aligned: a sign and whether a point follows it."""
    cells: list[tuple[str, bool]] = []
    for sign in design.text:
        if sign == ".":
            cells[-1] = (cells[-1][0], True)
        else:
            cells.append((sign, False))
    return [(" ", False)] * (design.cells - len(cells)) + cells


def flat(design: Design) -> Image:
    """The panel with its frame, seen straight."""
    t, w, p = design.stroke, design.width, design.pitch
    mx, my = design.margin
    inner_w = mx * 2 + p * (design.cells - 1) + w + t + abs(design.slant)
    inner_h = my * 2 + 1.0
    f = design.frame_width
    size = (int((inner_w + 2 * f) * HEIGHT), int((inner_h + 2 * f) * HEIGHT))
    image = np.empty((size[1], size[0], 3), np.float32)
    image[:] = design.frame
    x0, y0 = int(f * HEIGHT), int(f * HEIGHT)
    x1, y1 = x0 + int(inner_w * HEIGHT), y0 + int(inner_h * HEIGHT)
    image[y0:y1, x0:x1] = design.background
    if design.shadow:
        depth = int(0.08 * HEIGHT)
        image[y0 : y0 + depth, x0:x1] *= 1 - design.shadow
        image[y0:y1, x0 : x0 + depth // 2] *= 1 - 0.7 * design.shadow
    mask = np.zeros(image.shape[:2], np.uint8)
    ghosts = np.zeros(image.shape[:2], np.uint8)
    outlines = _segments(w, t, design.gap, design.ends)
    for index, (sign, dot) in enumerate(cells_of(design)):
        origin = np.array([f + mx + t / 2 + index * p, f + my])
        lit = lit_of(sign, design)
        for name, outline in outlines.items():
            points = outline.copy()
            if design.short_minus and sign == "-":
                points[:, 0] = 0.7 * w + 0.5 * points[:, 0]
            points[:, 0] += design.slant * (1 - points[:, 1])
            pixels = np.rint((points + origin) * HEIGHT * 16).astype(np.int32)
            cv2.fillPoly(mask if name in lit else ghosts, [pixels], 255, cv2.LINE_AA, 4)
        if dot:
            centre = origin + np.array([w + (p - w) * design.dot_right, 1 - t / 2 + design.dot_drop])
            at = np.rint(centre * HEIGHT * 16).astype(int)
            cv2.circle(mask, (int(at[0]), int(at[1])), int(0.55 * t * HEIGHT * 16), 255, -1, cv2.LINE_AA, 4)
    for words, x, y, size in design.print:
        at = (int((f + mx + x) * HEIGHT), int((f + my + y) * HEIGHT))
        cv2.putText(mask, words, at, cv2.FONT_HERSHEY_SIMPLEX, size * HEIGHT / 22, 255, 10, cv2.LINE_AA)
    share = (mask[..., None] / 255.0).astype(np.float32)
    share = np.maximum(share, design.ghost * (ghosts[..., None] / 255.0).astype(np.float32))
    image = image * (1 - share) + np.asarray(design.ink, np.float32) * share
    if design.glare:
        edge = np.linspace(0.45, 0.55, image.shape[0])[:, None] * image.shape[1]
        lit_side = (np.arange(image.shape[1])[None, :] < edge)[..., None]
        image = np.where(lit_side, image + design.glare * (255 - image), image)
    return np.clip(image, 0, 255).astype(np.uint8)


def photograph(design: Design, view: View) -> Image:
    """The display on a wall, as a camera sees it."""
    panel = flat(design)
    rng = np.random.default_rng(view.seed)
    width, height = view.size
    wall = np.empty((height, width, 3), np.float32)
    wall[:] = design.wall
    wall *= np.linspace(0.85, 1.1, width, dtype=np.float32)[None, :, None]
    long = view.share * width
    tall = long * panel.shape[0] / panel.shape[1]
    if tall > 0.92 * height:
        long, tall = long * 0.92 * height / tall, 0.92 * height
    corners = np.array([[-long, -tall], [long, -tall], [long, tall], [-long, tall]]) / 2
    kx, ky = view.tilt
    depth = 1 + kx * corners[:, 0] / long + ky * corners[:, 1] / long
    corners = corners / depth[:, None]
    angle = np.deg2rad(view.roll_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    corners = corners @ turn.T + [width * (0.5 + view.offset[0]), height * (0.5 + view.offset[1])]
    source = np.array(
        [[0, 0], [panel.shape[1], 0], [panel.shape[1], panel.shape[0]], [0, panel.shape[0]]], np.float32
    )
    matrix = cv2.getPerspectiveTransform(source, corners.astype(np.float32))
    # two steps, so that the reduction does not alias
    factor = max(1.0, panel.shape[1] / (1.5 * long))
    blurred = cv2.GaussianBlur(panel, (0, 0), 0.45 * factor) if factor > 1.2 else panel
    seen = cv2.warpPerspective(blurred, matrix, (width, height), flags=cv2.INTER_LINEAR)
    cover = cv2.warpPerspective(np.full(panel.shape[:2], 255, np.uint8), matrix, (width, height))
    share = (cover[..., None] / 255.0).astype(np.float32)
    image = wall * (1 - share) + seen * share
    if view.blur_px > 0:
        image = cv2.GaussianBlur(image, (0, 0), view.blur_px)
    image = image * view.exposure
    if view.noise:
        image = image + rng.normal(0, view.noise, image.shape)
    return np.clip(image, 0, 255).astype(np.uint8)


def jpeg(image: Image, quality: int = 90) -> bytes:
    """The picture as a camera sends it."""
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    return data.tobytes()


LEDS: tuple[Colour, ...] = (
    (40, 40, 235),
    (60, 220, 60),
    (250, 160, 80),
    (60, 180, 255),
    (230, 230, 230),
    (255, 60, 30),
)


def drawn_at_random(seed: int, hard: bool) -> tuple[Design, View, dict[str, object], float]:
    """A display of some design with some number: design, view, the station's format, and the number."""
    rng = np.random.default_rng(seed)
    digits = int(rng.integers(3, 7))
    decimals = int(rng.integers(0, 4)) if digits > 3 else int(rng.integers(0, 3))
    signed = bool(rng.random() < 0.35)
    shown = int(rng.integers(1, digits + 1))
    number = int(rng.integers(0, 10**shown))
    negative = signed and number > 0 and rng.random() < 0.6
    body = f"{number / 10**decimals:.{decimals}f}"
    value = float(body) * (-1 if negative else 1)
    text = ("-" if negative else "") + body
    stroke = float(rng.uniform(0.07, 0.16))
    width = float(rng.uniform(0.44, 0.6))
    pitch = width + stroke + float(rng.uniform(0.03, 0.25))
    led = bool(rng.random() < 0.45)
    if led:
        dark = float(rng.uniform(10, 55))
        background: Colour = (dark, dark, dark * 0.95)
        ink = LEDS[int(rng.integers(len(LEDS)))]
    else:
        base = rng.uniform(85, 210)
        tint = rng.uniform(0.85, 1.1, 3)
        background = (float(base * tint[0]), float(base * tint[1]), float(base * tint[2]))
        ink = (float(base * 0.27), float(base * 0.28), float(base * 0.27))
    frame = tuple(float(v) for v in rng.uniform(25, 230, 3))
    wall = tuple(float(v) for v in np.full(3, rng.uniform(90, 180)))
    design = Design(
        text=text,
        cells=digits + int(signed) + int(rng.integers(0, 2)),
        background=background,
        ink=ink,
        ghost=float(rng.uniform(0, 0.1)) if rng.random() < 0.7 else 0.0,
        width=width,
        pitch=pitch,
        stroke=stroke,
        gap=float(rng.uniform(0.0, 0.03)),
        slant=float(rng.uniform(0, 0.16)),
        tails=bool(rng.random() < 0.7),
        ends="bevel" if rng.random() < 0.7 else "blunt",
        seven_hook=bool(rng.random() < 0.15),
        dot_right=float(rng.uniform(0.4, 0.6)),
        margin=(float(rng.uniform(0.2, 0.6)), float(rng.uniform(0.2, 0.5))),
        frame=frame,  # type: ignore[arg-type]  # three numbers, which numpy does not say
        frame_width=float(rng.uniform(0.2, 0.7)),
        wall=wall,  # type: ignore[arg-type]  # likewise
        shadow=float(rng.uniform(0, 0.5)),
        glare=float(rng.uniform(0.05, 0.3)) if hard and rng.random() < 0.4 else 0.0,
    )
    reach = 1.0 if hard else 0.3
    view = View(
        share=float(rng.uniform(0.55, 0.85) if not hard else rng.uniform(0.4, 0.85)),
        roll_deg=float(rng.normal(0, 5 * reach)),
        tilt=(float(rng.normal(0, 0.09 * reach)), float(rng.normal(0, 0.09 * reach))),
        offset=(float(rng.uniform(-0.05, 0.05)), float(rng.uniform(-0.06, 0.06))),
        blur_px=float(rng.uniform(0.5, 1.0) if not hard else rng.uniform(0.6, 2.6)),
        noise=float(rng.uniform(0.5, 2) if not hard else rng.uniform(1, 7)),
        exposure=float(rng.uniform(0.9, 1.1) if not hard else rng.uniform(0.55, 1.4)),
        quality=int(rng.integers(80, 96) if not hard else rng.integers(45, 95)),
        seed=seed,
    )
    described: dict[str, object] = {
        "kind": "seven-segment",
        "unit": "kg",
        "digits": digits,
        "decimals": decimals,
        "signed": signed,
    }
    return design, view, described, value

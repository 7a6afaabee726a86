"""Draws pictures without an instrument: walls, noise, textures, faces, print; and a tube beside marks."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Maker = Callable[[np.random.Generator], Image]

SIZE = (600, 960)  # height and width that is drawn on
SEEN = (400, 640)  # and of the picture: there are many, and each is read by every kind of reader


def _paper(rng: np.random.Generator, dark: bool = False) -> Image:
    shade = rng.uniform(15, 60) if dark else rng.uniform(150, 235)
    tint = shade * rng.uniform(0.9, 1.1, 3)
    return np.full((*SIZE, 3), np.clip(tint, 0, 255).astype(np.uint8))


def _photographed(image: Image, rng: np.random.Generator) -> Image:
    seen = cv2.resize(image, SEEN[::-1], interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(seen.astype(np.float32), (0, 0), rng.uniform(0.4, 1.4))
    grain = rng.standard_normal(seen.shape, np.float32)
    grain *= np.float32(rng.uniform(0.5, 6))
    grain += blurred
    return np.clip(grain, 0, 255).astype(np.uint8)


def _ink(rng: np.random.Generator, dark: bool = False) -> tuple[float, float, float]:
    low, high = (150, 255) if dark else (5, 70)
    return tuple(float(v) for v in rng.uniform(low, high, 3))  # type: ignore[return-value]  # three numbers


def wall(rng: np.random.Generator) -> Image:
    """A plain wall in uneven light."""
    image = _paper(rng).astype(np.float32)
    image *= np.linspace(rng.uniform(0.5, 1), 1, SIZE[1], dtype=np.float32)[None, :, None]
    return _photographed(image.astype(np.uint8), rng)


def noise(rng: np.random.Generator) -> Image:
    """Noise of any grain."""
    grain = int(rng.integers(1, 40))
    small = rng.integers(0, 256, (SEEN[0] // grain + 1, SEEN[1] // grain + 1, 3)).astype(np.uint8)
    how = cv2.INTER_NEAREST if rng.random() < 0.5 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(small, (SEEN[1], SEEN[0]), interpolation=how), np.uint8)


def blobs(rng: np.random.Generator) -> Image:
    """Round and square blobs, filled or not."""
    image = _paper(rng)
    for _ in range(int(rng.integers(5, 60))):
        at = (int(rng.integers(0, SIZE[1])), int(rng.integers(0, SIZE[0])))
        size = int(rng.integers(5, 90))
        thick = -1 if rng.random() < 0.4 else int(rng.integers(2, 14))
        if rng.random() < 0.5:
            cv2.circle(image, at, size, _ink(rng), thick)
        else:
            cv2.rectangle(
                image, at, (at[0] + size, at[1] + int(size * rng.uniform(0.3, 3))), _ink(rng), thick
            )
    return _photographed(image, rng)


def bricks(rng: np.random.Generator) -> Image:
    """A wall of bricks or tiles."""
    image = _paper(rng)
    wide, tall = int(rng.integers(30, 160)), int(rng.integers(20, 90))
    joint = int(rng.integers(2, 12))
    shift = wide // 2 if rng.random() < 0.7 else 0
    for row, y in enumerate(range(0, SIZE[0], tall)):
        cv2.line(image, (0, y), (SIZE[1], y), _ink(rng), joint)
        for x in range(-(row % 2) * shift, SIZE[1], wide):
            cv2.line(image, (x, y), (x, y + tall), _ink(rng), joint)
    return _photographed(image, rng)


def windows(rng: np.random.Generator) -> Image:
    """The windows of a house, in rows."""
    image = _paper(rng)
    across, down = int(rng.integers(3, 12)), int(rng.integers(1, 6))
    wide, tall = SIZE[1] // (across + 1), SIZE[0] // (down + 1)
    thick = int(rng.integers(3, 16))
    cross = rng.random() < 0.5
    colour = _ink(rng)
    for i in range(across):
        for j in range(down):
            x, y = int((i + 0.6) * wide), int((j + 0.6) * tall)
            w, h = int(0.6 * wide), int(0.75 * tall)
            cv2.rectangle(image, (x, y), (x + w, y + h), colour, thick)
            if cross:
                cv2.line(image, (x + w // 2, y), (x + w // 2, y + h), colour, thick)
    return _photographed(image, rng)


def ruler(rng: np.random.Generator) -> Image:
    """A ruler's marks, upright or lying: the plate of a sight glass, a tape, a bar code."""
    dark = rng.random() < 0.3
    image, colour = _paper(rng, dark), _ink(rng, dark)
    step, thick = int(rng.integers(8, 60)), int(rng.integers(2, 9))
    long = int(rng.integers(30, 200))
    lying = rng.random() < 0.6
    first = int(rng.integers(30, 200))
    every = int(rng.choice([1, 2, 5, 10]))
    for number, at in enumerate(range(first, (SIZE[1] if lying else SIZE[0]) - 30, step)):
        length = long if number % every == 0 else int(0.6 * long)
        if lying:
            cv2.line(image, (at, 250), (at, 250 + length), colour, thick)
        else:
            cv2.line(image, (400, at), (400 + length, at), colour, thick)
        if number % every == 0 and every > 1:
            place = (at - 15, 235) if lying else (410 + long, at + 10)
            cv2.putText(image, str(number), place, cv2.FONT_HERSHEY_SIMPLEX, 0.8, colour, 2)
    return _photographed(image, rng)


def tube(rng: np.random.Generator) -> Image:
    """A sight glass: a tube with a meniscus beside a numbered plate."""
    image, colour = _paper(rng), _ink(rng)
    cv2.rectangle(image, (560, 0), (660, SIZE[0]), (225, 225, 220), -1)
    for x in (560, 660):
        cv2.line(image, (x, 0), (x, SIZE[0]), (90, 90, 90), 8)
    level = int(rng.integers(150, 450))
    cv2.ellipse(image, (610, level), (46, 14), 0, 0, 180, (40, 40, 40), 10)
    for number, y in enumerate(range(20, SIZE[0], int(rng.integers(12, 30)))):
        cv2.line(image, (400 if number % 5 else 360, y), (470, y), colour, 3)
        if number % 10 == 0:
            cv2.putText(image, str(number), (290, y + 12), cv2.FONT_HERSHEY_SIMPLEX, 1.2, colour, 3)
    return _photographed(image, rng)


def printed(rng: np.random.Generator) -> Image:
    """Print: words and numbers in fonts that are no segments."""
    dark = rng.random() < 0.3
    image, colour = _paper(rng, dark), _ink(rng, dark)
    fonts = (
        cv2.FONT_HERSHEY_SIMPLEX,
        cv2.FONT_HERSHEY_DUPLEX,
        cv2.FONT_HERSHEY_COMPLEX,
        cv2.FONT_HERSHEY_TRIPLEX,
        cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
    )
    words = ("DN 50 PN 16", "3.1416", "max 200 L", "S/N 90871", "2.45", "kPa", "No 3", "WATER", "62", "958.2")
    for line in range(int(rng.integers(1, 5))):
        size = rng.uniform(1.5, 5)
        at = (int(rng.integers(20, 200)), 120 + 130 * line)
        font = fonts[int(rng.integers(len(fonts)))]
        cv2.putText(
            image, words[int(rng.integers(len(words)))], at, font, size, colour, int(size * 2.2), cv2.LINE_AA
        )
    return _photographed(image, rng)


def face(rng: np.random.Generator) -> Image:
    """A face, roughly."""
    image = _paper(rng)
    skin = (150, 180, 225)
    x, y = int(rng.integers(350, 600)), int(rng.integers(250, 350))
    cv2.ellipse(image, (x, y), (150, 200), 0, 0, 360, skin, -1)
    for side in (-1, 1):
        cv2.ellipse(image, (x + side * 60, y - 40), (32, 14), 0, 0, 360, (250, 250, 250), -1)
        cv2.circle(image, (x + side * 60, y - 40), 13, (40, 30, 20), -1)
        cv2.ellipse(image, (x + side * 60, y - 75), (45, 12), 0, 180, 360, (30, 40, 60), 10)
    cv2.ellipse(image, (x, y + 90), (60, 25), 0, 0, 180, (80, 80, 190), int(rng.integers(6, 16)))
    cv2.line(image, (x, y - 20), (x - 15, y + 40), (110, 140, 190), 8)
    return _photographed(image, rng)


def stripes(rng: np.random.Generator) -> Image:
    """Stripes, fences, grids: upright, lying, or both."""
    image, colour = _paper(rng), _ink(rng)
    thick, step = int(rng.integers(3, 25)), int(rng.integers(30, 120))
    low, high = int(rng.integers(0, 250)), int(rng.integers(350, 600))
    for x in range(20, SIZE[1], step):
        cv2.line(image, (x, low), (x, high), colour, thick)
    for y in range(low, high, int(rng.integers(60, 400))):
        if rng.random() < 0.6:
            cv2.line(image, (0, y), (SIZE[1], y), colour, thick)
    return _photographed(image, rng)


def dark(rng: np.random.Generator) -> Image:
    """The light is off."""
    return np.clip(rng.normal(4, 2, (*SEEN, 3)), 0, 255).astype(np.uint8)


def burnt(rng: np.random.Generator) -> Image:
    """Everything is burnt out."""
    return np.clip(rng.normal(262, 5, (*SEEN, 3)), 0, 255).astype(np.uint8)

"""Pictures without the thermometer that a station describes: all refused."""

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from thermometer_drawing import Design, Image, View, encoded, thermometer

from vision.frame import Frame
from vision.reading import Reason, Refusal
from vision.station import CameraGeometry
from vision.thermometer.reader import ThermometerReader, thermometer_from

DESCRIBED = (
    Design(),
    Design(15, 30, 0.1, 1),
    Design(10, 40, 1, 10),
    Design(18, 24, 0.1, 1),
    Design(-10, 110, 2, 20),
)
SIZE = (960, 640)


def noise(rng: np.random.Generator) -> Image:
    """Grain of any size, grey or coloured."""
    cell = int(rng.integers(1, 40))
    small = rng.integers(0, 256, (SIZE[0] // cell + 1, SIZE[1] // cell + 1, 3), np.uint8)
    if rng.random() < 0.5:
        small[:] = small[:, :, :1]
    kind = cv2.INTER_CUBIC if rng.random() < 0.5 else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(small, SIZE[::-1], interpolation=kind), np.uint8)


def gradient(rng: np.random.Generator) -> Image:
    """A wall with light from one side, and a shadow's edge across it."""
    y, x = np.mgrid[0 : SIZE[0], 0 : SIZE[1]].astype(np.float64)
    slope = rng.normal(0, 0.1, 2)
    wall = 120 + slope[0] * (x - SIZE[1] / 2) + slope[1] * (y - SIZE[0] / 2)
    wall -= 40 * (np.cos(rng.uniform(0, 6)) * (x - 300) + np.sin(rng.uniform(0, 6)) * (y - 400) > 0)
    wall = wall[:, :, None] + rng.normal(0, 3, (*SIZE, 3))
    return np.asarray(np.clip(wall, 0, 255), np.uint8)


def stripes(rng: np.random.Generator) -> Image:
    """A fence, a grille, a ruled sheet: bars at one step in one direction or two."""
    picture = np.full((*SIZE, 3), rng.integers(90, 240), np.uint8)
    step, thick = int(rng.integers(9, 60)), int(rng.integers(1, 8))
    colour = tuple(int(value) for value in rng.integers(0, 120, 3))
    for row in range(0, SIZE[0], step):
        cv2.line(picture, (0, row), (SIZE[1], row + int(rng.integers(-3, 4))), colour, thick, cv2.LINE_AA)
    if rng.random() < 0.5:
        for column in range(0, SIZE[1], step * 2):
            cv2.line(picture, (column, 0), (column, SIZE[0]), colour, thick, cv2.LINE_AA)
    return picture


def blobs(rng: np.random.Generator) -> Image:
    """Things on a table."""
    picture = np.full((*SIZE, 3), rng.integers(60, 220), np.uint8)
    for _ in range(int(rng.integers(5, 60))):
        centre = int(rng.integers(0, SIZE[1])), int(rng.integers(0, SIZE[0]))
        axes = int(rng.integers(5, 160)), int(rng.integers(5, 160))
        colour = tuple(int(value) for value in rng.integers(0, 256, 3))
        cv2.ellipse(picture, centre, axes, float(rng.uniform(0, 180)), 0, 360, colour, -1, cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.5, 4))), np.uint8)


def dial(rng: np.random.Generator) -> Image:
    """A dial gauge: marks on a circle, and a needle."""
    picture = np.full((*SIZE, 3), 130, np.uint8)
    middle, radius = np.array([320.0, 480.0]), 280.0
    cv2.circle(picture, (320, 480), 300, (245, 245, 245), -1, cv2.LINE_AA)
    for k in range(51):
        angle = np.deg2rad(135 + 270 * k / 50)
        way = np.array([np.cos(angle), np.sin(angle)])
        ends = middle + way * radius, middle + way * (radius - (40 if k % 10 == 0 else 22))
        cv2.line(picture, _pixel(ends[0]), _pixel(ends[1]), (30, 30, 30), 3, cv2.LINE_AA)
    angle = rng.uniform(0, 2 * np.pi)
    tip = middle + 230 * np.array([np.cos(angle), np.sin(angle)])
    cv2.line(picture, _pixel(middle), _pixel(tip), (20, 20, 180), 9, cv2.LINE_AA)
    return picture


def display(rng: np.random.Generator) -> Image:
    """A dark panel with bright digits."""
    picture = np.full((*SIZE, 3), 120, np.uint8)
    cv2.rectangle(picture, (60, 330), (580, 560), (25, 25, 25), -1)
    cv2.putText(picture, f"{rng.uniform(0, 99):.2f}", (90, 510), 0, 5.0, (60, 60, 235), 18, cv2.LINE_AA)
    return picture


def rule(rng: np.random.Generator) -> Image:
    """A ruler, or the plate of a sight glass, with a wide glass beside it that is filled to a level."""
    picture = np.full((*SIZE, 3), 205, np.uint8)
    count = int(rng.choice([31, 51, 61, 101]))
    step = 860 / (count - 1)
    for k in range(count):
        y = 50 + k * step
        long = 60 if k % 10 == 0 else 34
        cv2.line(picture, _pixel((300, y)), _pixel((300 + long, y)), (30, 30, 30), 2, cv2.LINE_AA)
    level = int(rng.integers(200, 800))
    cv2.rectangle(picture, (120, 0), (260, SIZE[0]), (190, 196, 190), -1)
    cv2.rectangle(picture, (120, level), (260, SIZE[0]), (150, 165, 160), -1)
    cv2.rectangle(picture, (120, level - 8), (260, level), (40, 40, 40), -1)
    noisy = picture + rng.normal(0, 3, picture.shape)
    return np.asarray(np.clip(noisy, 0, 255), np.uint8)


def empty(rng: np.random.Generator) -> Image:
    """A thermometer with another number of marks than any described, without a column."""
    design = Design(0, 70, 1, 10)
    return thermometer(
        design, View(roll=float(rng.uniform(-20, 20)), seed=int(rng.integers(99))), 30, column=False
    )


def _pixel(point: object) -> tuple[int, int]:
    x, y = np.asarray(point, np.float64)
    return round(float(x)), round(float(y))


MAKERS = (noise, gradient, stripes, blobs, dial, display, rule, empty)


def pictures(maker: int, count: int) -> Iterator[Image]:
    """So many different pictures of one maker."""
    rng = np.random.default_rng(100 + maker)
    for _ in range(count):
        yield MAKERS[maker](rng)


@pytest.mark.parametrize("maker", range(len(MAKERS)), ids=[maker.__name__ for maker in MAKERS])
def test_pictures_of_other_things_are_refused(maker: int) -> None:
    """Ten pictures of each kind of other thing (eighty in all), each asked for another thermometer."""
    for number, picture in enumerate(pictures(maker, 10)):
        design = DESCRIBED[number % len(DESCRIBED)]
        reader = ThermometerReader(thermometer_from(design.description(), ""), CameraGeometry())
        answer = reader.read(Frame(encoded(picture), f"{MAKERS[maker].__name__} {number}"))
        assert isinstance(answer, Refusal), (number, answer)


@pytest.mark.parametrize("shape", [(8, 8), (1, 400), (400, 1), (30, 2000), (64, 64)])
def test_pictures_of_odd_sizes_are_refused(shape: tuple[int, int]) -> None:
    """A picture too small to show a scale is refused like any other, not an error."""
    rng = np.random.default_rng(3)
    picture = rng.integers(0, 256, (*shape, 3), np.uint8)
    reader = ThermometerReader(thermometer_from(Design().description(), ""), CameraGeometry())
    assert isinstance(reader.read(Frame(encoded(picture), "odd")), Refusal)


def strokes_in_a_row(present: list[int]) -> Image:
    """Upright bars at the places `present` of an even row, and a bar below them that ends among them."""
    picture = np.full((*SIZE, 3), 200, np.uint8)
    for k in present:
        cv2.line(picture, (300, 40 + 40 * k), (400, 40 + 40 * k), (30, 30, 30), 6, cv2.LINE_AA)
    cv2.rectangle(picture, (270, 330), (285, SIZE[0]), (40, 40, 170), -1)
    return picture


@pytest.mark.parametrize(
    ("present", "reason"),
    [
        ([k for k in range(23) if k % 3 != 1], None),
        ([0, 1, 5, 6, 10, 11, 15, 16, 20, 21], Reason.NO_SCALE),
        (list(range(23)), Reason.AMBIGUOUS),
    ],
)
def test_strokes_in_a_row_with_a_bar_beside_them_are_no_scale(
    present: list[int], reason: Reason | None
) -> None:
    """Too few of the places hold a mark, or nothing but where the row ends says which marks they are."""
    reader = ThermometerReader(thermometer_from(Design().description(), ""), CameraGeometry())
    answer = reader.read(Frame(encoded(strokes_in_a_row(present)), "strokes"))
    assert isinstance(answer, Refusal), answer
    assert reason in (None, answer.reason), answer

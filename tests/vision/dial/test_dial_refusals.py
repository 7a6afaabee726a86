"""Pictures of nothing, and of other instruments, are never read as a dial."""

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vision.dial.reader import Dial, DialReader
from vision.frame import Frame
from vision.reading import Reading, Reason, Refusal
from vision.station import CameraGeometry

Image = NDArray[np.uint8]

DIALS = (
    Dial("bar", 0, 10, 1, 10),
    Dial("degC", 0, 160, 20, 4),
    Dial("psi", 0, 60, 5, 5),
    Dial("bar", -1, 1.5, 0.5, 10),
    Dial("kPa", 0, 100, 20, 10),
    Dial("MPa", 0, 6, 1, 5),
)


def _noise(rng: np.random.Generator) -> Image:
    fine = rng.normal(128, rng.uniform(5, 60), (600, 600))
    return np.clip(cv2.GaussianBlur(fine, (0, 0), rng.uniform(0.3, 6)), 0, 255).astype(np.uint8)


def _gradient(rng: np.random.Generator) -> Image:
    y, x = np.mgrid[0:600, 0:700]
    slope = rng.uniform(-0.2, 0.2, 2)
    return np.clip(rng.uniform(40, 200) + slope[0] * x + slope[1] * y, 0, 255).astype(np.uint8)


def _bricks(rng: np.random.Generator) -> Image:
    image = np.full((640, 640), 150, np.uint8)
    tall, wide = int(rng.integers(20, 60)), int(rng.integers(40, 120))
    for row, y in enumerate(range(0, 640, tall)):
        cv2.line(image, (0, y), (640, y), 90, 3)
        for x in range((row % 2) * wide // 2, 640, wide):
            cv2.line(image, (x, y), (x, y + tall), 90, 3)
    return np.clip(image + rng.normal(0, 6, image.shape), 0, 255).astype(np.uint8)


def _blobs(rng: np.random.Generator) -> Image:
    image = np.full((600, 600), 190, np.uint8)
    for _ in range(int(rng.integers(10, 90))):
        middle, axes = rng.integers(0, 600, 2).tolist(), rng.integers(4, 60, 2).tolist()
        cv2.ellipse(image, middle, axes, float(rng.uniform(0, 180)), 0, 360, int(rng.integers(20, 250)), -1)
    return image


def _face(rng: np.random.Generator) -> Image:
    image = np.full((640, 640), 120, np.uint8)
    x, y = 320 + int(rng.integers(-40, 40)), 310
    cv2.ellipse(image, (x, y), (150, 200), 0, 0, 360, 200, -1, cv2.LINE_AA)
    for side in (-60, 60):
        cv2.ellipse(image, (x + side, y - 50), (28, 14), 0, 0, 360, 250, -1, cv2.LINE_AA)
        cv2.circle(image, (x + side, y - 50), 11, 50, -1, cv2.LINE_AA)
        for lash in np.linspace(-2.6, -0.5, 9):
            end = (x + side + int(42 * np.cos(lash)), y - 50 + int(30 * np.sin(lash)))
            cv2.line(image, (x + side, y - 50), end, 60, 1, cv2.LINE_AA)
    cv2.ellipse(image, (x, y + 90), (60, 22), 0, 0, 180, 90, 4, cv2.LINE_AA)
    for _ in range(200):
        turn = rng.uniform(np.pi, 2 * np.pi)
        start = (x + int(150 * np.cos(turn)), y + int(200 * np.sin(turn)))
        cv2.line(image, start, (start[0] + int(rng.integers(-9, 9)), start[1] + 40), 60, 1, cv2.LINE_AA)
    return image


def _rays(rng: np.random.Generator) -> Image:
    """A wheel with spokes, the sun of a child's drawing: strokes that meet in a point, but no dial."""
    image = np.full((640, 640), 210, np.uint8)
    spokes = int(rng.integers(7, 160))
    inner, outer = rng.uniform(40, 120), rng.uniform(180, 290)
    for turn in np.sort(rng.uniform(0, 2 * np.pi, spokes)):
        along = np.array([np.cos(turn), np.sin(turn)])
        start, end = 320 + inner * along, 320 + outer * rng.uniform(0.7, 1) * along
        cv2.line(image, start.astype(int).tolist(), end.astype(int).tolist(), 40, 2, cv2.LINE_AA)
    return image


def _clock(rng: np.random.Generator) -> Image:
    """A clock: ticks all round, of which each fifth is long, and two hands."""
    image = np.full((640, 640), 230, np.uint8)
    for k in range(60):
        along = np.array([np.cos(k * np.pi / 30), np.sin(k * np.pi / 30)])
        start, end = 320 + (230 if k % 5 == 0 else 245) * along, 320 + 260 * along
        cv2.line(image, start.astype(int).tolist(), end.astype(int).tolist(), 30, 3, cv2.LINE_AA)
    for turn, length in zip(rng.uniform(0, 2 * np.pi, 2), (150, 220), strict=True):
        end = 320 + length * np.array([np.cos(turn), np.sin(turn)])
        cv2.line(image, (320, 320), end.astype(int).tolist(), 20, 6, cv2.LINE_AA)
    return image


def _ruler(rng: np.random.Generator) -> Image:
    image = np.full((700, 500), 225, np.uint8)
    step = float(rng.uniform(6, 16))
    for k, y in enumerate(np.arange(20, 680, step)):
        length = 60 if k % 10 == 0 else 40 if k % 5 == 0 else 25
        cv2.line(image, (200, int(y)), (200 + length, int(y)), 30, 2)
        if k % 10 == 0:
            cv2.putText(image, str(k // 10), (280, int(y) + 8), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 30, 2)
    return image


def _digits(rng: np.random.Generator) -> Image:
    image = np.full((500, 700), 25, np.uint8)
    text = "".join(str(d) for d in rng.integers(0, 10, 5))
    cv2.putText(image, text, (60, 300), cv2.FONT_HERSHEY_SIMPLEX, 5, 230, 14, cv2.LINE_AA)
    return image


def _text(rng: np.random.Generator) -> Image:
    image = np.full((640, 640), 240, np.uint8)
    for row in range(14):
        words = "".join(chr(int(c)) for c in rng.integers(65, 91, 24))
        cv2.putText(image, words, (20, 40 + 43 * row), cv2.FONT_HERSHEY_SIMPLEX, 1, 40, 2, cv2.LINE_AA)
    return image


KINDS = (_noise, _gradient, _bricks, _blobs, _face, _rays, _clock, _ruler, _digits, _text)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__.strip("_"))
def test_pictures_of_nothing_are_refused(kind: object) -> None:
    """Twelve pictures of each sort, asked for dials of different scales, are all refused."""
    assert callable(kind)
    read = []
    for seed in range(12):
        image = kind(np.random.default_rng(seed))
        done, data = cv2.imencode(".jpg", image)
        assert done
        answer = DialReader(DIALS[seed % len(DIALS)], CameraGeometry()).read(Frame(bytes(data), str(seed)))
        if isinstance(answer, Reading):
            read.append((seed, answer.value))
    assert [] == read


@pytest.mark.parametrize(
    ("grey", "reason"), [(8, Reason.DARK), (255, Reason.OVEREXPOSED), (120, Reason.NO_DIAL)]
)
def test_blank_pictures_say_why(grey: int, reason: Reason) -> None:
    """A dark, a burnt out and an empty picture have each their own reason."""
    done, data = cv2.imencode(".png", np.full((480, 640), grey, np.uint8))
    assert done
    answer = DialReader(DIALS[0], CameraGeometry()).read(Frame(bytes(data), "blank"))
    assert isinstance(answer, Refusal)
    assert reason is answer.reason


def test_tiny_picture_is_refused() -> None:
    """A picture of too few pixels is refused with its size."""
    done, data = cv2.imencode(".png", np.full((40, 50), 90, np.uint8))
    assert done
    answer = DialReader(DIALS[0], CameraGeometry()).read(Frame(bytes(data), "tiny"))
    assert isinstance(answer, Refusal)
    assert "50 × 40" in answer.detail


def _others(shared: Path) -> Iterator[tuple[str, bytes]]:
    """Some pictures of each other kind of instrument."""
    for folder, every in (("sight-glass", 11), ("gauges", 5), ("tube-and-tape", 25)):
        lines = (shared / "images" / folder / "manifest.jsonl").read_text("utf-8").splitlines()
        entries = [json.loads(line) for line in lines]
        for entry in [e for e in entries if e["instrument"]["kind"] != "dial"][::every]:
            yield entry["image"], (shared / "images" / folder / entry["image"]).read_bytes()


@pytest.mark.shared
def test_other_instruments_are_refused(shared: Path) -> None:
    """Sight glasses, displays, thermometers and tapes are not read as dials."""
    read = []
    for number, (name, data) in enumerate(_others(shared)):
        answer = DialReader(DIALS[number % len(DIALS)], CameraGeometry()).read(Frame(data, name))
        if isinstance(answer, Reading):
            read.append(name)
    assert [] == read

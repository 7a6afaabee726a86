"""vision/truths.py: what a person says, in the manifest."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from vision.errors import ImageSetError
from vision.frame import Frame
from vision.image_set import ImageSet, ImageSetWriter, Truth
from vision.truths import Stated, state_truth

INSTRUMENT = {"kind": "dial", "unit": "bar", "minimum": 0.0, "maximum": 2.5}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A set of three pictures."""
    writer = ImageSetWriter(tmp_path)
    for level in (10, 20, 30):
        _, data = cv2.imencode(".png", np.full((8, 8, 3), level, np.uint8))
        writer.keep(Frame(data.tobytes(), "a test", "2026-11-24T02:10:00.000Z"), INSTRUMENT, family="dial")
    return tmp_path


def lines(folder: Path) -> list[bytes]:
    """The manifest's lines."""
    return (folder / "manifest.jsonl").read_bytes().splitlines()


def truth(folder: Path, line: int) -> Truth:
    """What a line says."""
    return next(entry.truth for entry in ImageSet(folder) if entry.line == line)


def image(folder: Path, line: int) -> str:
    """The picture of a line."""
    return str(json.loads(lines(folder)[line - 1])["image"])


def test_a_reading_is_written_into_its_line_alone(folder: Path) -> None:
    """Value and half-width come back; every other line is the same to the byte, the set's keys are kept."""
    before = lines(folder)
    state_truth(folder, 2, image(folder, 2), Stated(1.25, 0.01))
    assert Truth(1.25, 0.01, "dial") == truth(folder, 2)
    after = lines(folder)
    assert (before[0], before[2]) == (after[0], after[2])
    said = {"truth": 1.25, "truth_half_width": 0.01, "expect": "reading"}
    assert {**json.loads(before[1]), **said} == json.loads(after[1])


def test_a_later_word_takes_the_place_of_the_earlier(folder: Path) -> None:
    """A reading, then unreadable, then nothing: each leaves no trace of the one before."""
    name, first = image(folder, 1), lines(folder)[0]
    state_truth(folder, 1, name, Stated(1.25, 0.01))
    state_truth(folder, 1, name, Stated(unreadable=True, why="glare"))
    assert Truth(None, None, "dial", False, "glare") == truth(folder, 1)
    state_truth(folder, 1, name, Stated())
    assert json.loads(first) == json.loads(lines(folder)[0])


@pytest.mark.parametrize("line", [0, 2, 4])
def test_another_line_is_not_written_to(folder: Path, line: int) -> None:
    """A line that is not the picture's stops, and changes nothing."""
    name, before = image(folder, 1), lines(folder)
    with pytest.raises(ImageSetError, match="is not the line of"):
        state_truth(folder, line, name, Stated(1.0))
    assert before == lines(folder)


@pytest.mark.parametrize(
    ("stated", "sentence"),
    [
        ({"value": float("nan")}, "expected a finite number"),
        ({"value": 1.0, "half_width": -0.1}, "at least 0"),
        ({"half_width": 0.1}, "without a value"),
        ({"value": 1.0, "unreadable": True}, "one of the two"),
    ],
)
def test_what_cannot_be_is_not_said(stated: dict[str, float], sentence: str) -> None:
    """A statement that contradicts itself is refused before anything is written."""
    with pytest.raises(ImageSetError, match=sentence):
        Stated(**stated)  # type: ignore[arg-type]


def test_a_writer_does_not_lose_a_persons_words(folder: Path) -> None:
    """A recording that is carried on appends to the set as it is by then."""
    writer = ImageSetWriter(folder)
    state_truth(folder, 1, image(folder, 1), Stated(0.5))
    _, data = cv2.imencode(".png", np.full((8, 8, 3), 99, np.uint8))
    writer.keep(Frame(data.tobytes(), "a test"), INSTRUMENT)
    assert (4, 0.5) == (len(lines(folder)), truth(folder, 1).value)

"""The thermometer's description, and its reader on the shared pictures."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from vision.errors import FrameError, StationError
from vision.frame import Frame
from vision.readers import instrument_from, reader_for
from vision.reading import Reading
from vision.thermometer.reader import Thermometer, ThermometerReader, thermometer_from

GIVEN: dict[str, Any] = {"kind": "thermometer", "unit": "degC", "minimum": 0, "maximum": 50, "division": 1}
HANDFUL = (
    "thermometer-plain-11-001.jpg",
    "thermometer-plain-11-003.jpg",
    "thermometer-plain-11-006.jpg",
    "thermometer-hard-12-001.jpg",
    "thermometer-hard-12-003.jpg",
    "thermometer-hard-12-004.jpg",
    "thermometer-hard-12-007.jpg",
)


def entry_of(shared: Path, image: str) -> dict[str, Any]:
    """The manifest's line of an image."""
    lines = (shared / "images" / "gauges" / "manifest.jsonl").read_text("utf-8").splitlines()
    entries: dict[str, dict[str, Any]] = {e["image"]: e for e in map(json.loads, lines)}
    return entries[image]


def frame_of(shared: Path, image: str) -> Frame:
    """A shared picture."""
    return Frame((shared / "images" / "gauges" / image).read_bytes(), image)


def test_a_full_description_is_understood() -> None:
    """Every stated field arrives where the reader uses it."""
    stated = GIVEN | {"label_every": 10, "column_offset_mm": 2.2, "division_mm": 2.0}
    expected = Thermometer("degC", 1.0, 0.0, 50.0, 10.0, 2.2, 2.0)
    assert expected == thermometer_from(stated, "here")


def test_what_is_not_stated_is_unknown() -> None:
    """Optional fields are None, not zero."""
    found = thermometer_from(GIVEN, "here")
    assert (None, None, None) == (found.label_every, found.column_offset_mm, found.division_mm)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"colour": "red"}, "unknown key 'colour'"),
        ({"unit": "bar"}, "unit is 'bar'; expected one of degC"),
        ({"unit": None}, "unit is missing"),
        ({"division": 0}, "division is 0; expected a value above 0"),
        ({"minimum": None}, "minimum is missing"),
        ({"maximum": -10}, "at least 6 divisions above minimum"),
        ({"maximum": 50.5}, "maximum is 50.5; expected a multiple of division"),
        ({"label_every": 2.5}, "label_every is 2.5; expected a multiple of division"),
        ({"column_offset_mm": -1}, "column_offset_mm is -1"),
        ({"division_mm": True}, "division_mm is True"),
    ],
)
def test_a_wrong_description_is_named(change: dict[str, Any], said: str) -> None:
    """A description that cannot be used is refused with the place, the key and what is expected."""
    with pytest.raises(StationError) as raised:
        instrument_from(GIVEN | change, "set:7")
    assert (True, True) == (str(raised.value).startswith("set:7: "), said in str(raised.value))


def test_bytes_that_are_no_image_are_an_error() -> None:
    """What does not decode is not a picture without a thermometer."""
    with pytest.raises(FrameError):
        reader_for(thermometer_from(GIVEN, "")).read(Frame(b"nothing", "x.jpg"))


@pytest.mark.shared
@pytest.mark.parametrize("image", HANDFUL)
def test_shared_pictures_are_read(shared: Path, image: str) -> None:
    """A few ray traced thermometers, plain and hard, within 0.15 division and within what is stated."""
    entry = entry_of(shared, image)
    answer = reader_for(instrument_from(entry["instrument"], image)).read(frame_of(shared, image))
    assert isinstance(answer, Reading), answer
    error = abs(answer.value - entry["truth"])
    assert (True, True) == (
        error <= 0.15 * entry["instrument"]["division"],
        error <= 2.5 * answer.standard_uncertainty,
    )


@pytest.mark.shared
def test_terms_are_the_whole_uncertainty(shared: Path) -> None:
    """The stated uncertainty is the root sum of squares of its terms, and the assumptions are named."""
    entry = entry_of(shared, HANDFUL[0])
    answer = reader_for(instrument_from(entry["instrument"], "")).read(frame_of(shared, HANDFUL[0]))
    assert isinstance(answer, Reading)
    squares = sum(u * u for u in answer.terms.values())
    assert pytest.approx(answer.standard_uncertainty**2) == squares
    assert {"edges", "lens", "lattice", "parallax", "end"} == set(answer.terms)
    assert any("focal length" in note for note in answer.notes)


@pytest.mark.shared
def test_a_column_without_a_stated_offset_is_read_less_surely(shared: Path) -> None:
    """A missing offset is no zero: it is assumed, named, and makes the uncertainty larger."""
    entry = entry_of(shared, HANDFUL[0])
    known = reader_for(instrument_from(entry["instrument"], "")).read(frame_of(shared, HANDFUL[0]))
    without = {key: value for key, value in entry["instrument"].items() if key != "column_offset_mm"}
    answer = reader_for(instrument_from(without, "")).read(frame_of(shared, HANDFUL[0]))
    assert isinstance(answer, Reading) and isinstance(known, Reading)
    assert answer.terms["parallax"] > 1.1 * known.terms["parallax"]
    assert any("column_offset_mm is not stated" in note for note in answer.notes)


@pytest.mark.shared
@pytest.mark.parametrize("image", HANDFUL)
def test_tracking_agrees_with_a_whole_search(shared: Path, image: str) -> None:
    """The next frame of a thermometer that stands still gives the same to a small part of a division."""
    entry = entry_of(shared, image)
    reader = reader_for(instrument_from(entry["instrument"], ""))
    assert isinstance(reader, ThermometerReader)
    first, track = reader.track(frame_of(shared, image), None)
    second, _ = reader.track(frame_of(shared, image), track)
    assert isinstance(first, Reading) and isinstance(second, Reading)
    assert abs(first.value - second.value) < 0.04 * entry["instrument"]["division"]


@pytest.mark.shared
def test_tracking_finds_a_scale_that_was_moved(shared: Path) -> None:
    """Where the scale no longer stands where it stood, the whole search follows by itself."""
    entry = entry_of(shared, HANDFUL[0])
    reader = reader_for(instrument_from(entry["instrument"], ""))
    assert isinstance(reader, ThermometerReader)
    frame = frame_of(shared, HANDFUL[0])
    first, track = reader.track(frame, None)
    moved = np.roll(frame.image, (9, 14), axis=(0, 1))
    answer, _ = reader.track(Frame(bytes(cv2.imencode(".png", moved)[1]), "moved"), track)
    assert isinstance(first, Reading) and isinstance(answer, Reading)
    assert abs(first.value - answer.value) < 0.08 * entry["instrument"]["division"]


@pytest.mark.shared
def test_several_frames_are_averaged(shared: Path) -> None:
    """The mean of frames carries their scatter as a term of its own; what they share does not shrink."""
    entry = entry_of(shared, HANDFUL[2])
    reader = reader_for(instrument_from(entry["instrument"], ""))
    image = frame_of(shared, HANDFUL[2]).image
    rng = np.random.default_rng(5)
    frames = []
    for number in range(4):
        noisy = np.clip(image + rng.normal(0, 4, image.shape), 0, 255).astype(np.uint8)
        frames.append(Frame(bytes(cv2.imencode(".png", noisy)[1]), f"{number}"))
    answer, one = reader.read_many(frames), reader.read(frames[0])
    assert isinstance(answer, Reading) and isinstance(one, Reading)
    assert "frames" in answer.terms
    assert pytest.approx(one.terms["parallax"], rel=0.1) == answer.terms["parallax"]
    assert abs(answer.value - entry["truth"]) < 0.15 * entry["instrument"]["division"]


@pytest.mark.shared
def test_a_region_limits_the_search(shared: Path) -> None:
    """The thermometer in a part of a larger picture is read there, and drawn where it is."""
    entry = entry_of(shared, HANDFUL[0])
    instrument = instrument_from(entry["instrument"], "")
    frame = frame_of(shared, HANDFUL[0])
    alone = reader_for(instrument).read(frame)
    height, width = frame.image.shape[:2]
    board = np.full((height + 60, 2 * width + 90, 3), 110, np.uint8)
    board[:height, :width] = frame.image[:, ::-1]
    board[40 : 40 + height, width + 70 : 2 * width + 70] = frame.image
    whole = Frame(bytes(cv2.imencode(".png", board)[1]), "board")
    answer = reader_for(instrument, None, (width + 70, 40, width, height)).read(whole)
    assert isinstance(alone, Reading) and isinstance(answer, Reading)
    assert abs(alone.value - answer.value) < 3 * answer.standard_uncertainty
    assert alone.drawing.level is not None and answer.drawing.level is not None
    shift = np.subtract(answer.drawing.level, alone.drawing.level)
    assert float(np.abs(shift - np.array([width + 70, 40] * 2)).max()) < 1.0

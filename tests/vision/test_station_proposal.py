"""A proposed station reads the very picture that it was made from, and says what it could not see."""

import tomllib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from vision.errors import FrameError, StationError
from vision.frame import Frame
from vision.image_set import Entry, ImageSet
from vision.reading import Reading
from vision.station_file import station_from
from vision.station_proposal import Proposal, Stated, propose, toml_of

SETTINGS = {"driver": "http", "address": "http://127.0.0.1:1/neck.jpg"}
PICTURES = ("card-01-000.jpg", "card-01-001.jpg", "panel-02-004.jpg", "panel-02-011.jpg", "room-03-005.jpg")


def _entries(shared: Path) -> dict[str, Entry]:
    return {
        entry.image: entry for entry in ImageSet(shared / "images/sight-glass") if entry.image in PICTURES
    }


def _stated(entry: Entry, **other: Any) -> Stated:
    """What a technician knows of the plate in this picture."""
    assert entry.instrument is not None
    scale = entry.instrument["scale"]
    known = {key: scale[key] for key in ("unit", "division", "division_mm", "first")}
    return Stated(**(known | other))


def _proposal(entry: Entry, **other: Any) -> Proposal:
    return propose(entry.frame(), _stated(entry, **other), "new", SETTINGS)


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_gives_its_plate_and_tube(shared: Path, name: str) -> None:
    """Side, long marks and the scale's other end are those of the manifest; the tube's width to 10 %."""
    entry = _entries(shared)[name]
    assert entry.instrument is not None
    proposal = _proposal(entry, wall_mm=1.2, lighting=entry.instrument["lighting"])
    proposed, true = proposal.mapping["instruments"]["neck"], entry.instrument
    keys = ("side", "major_every", "first", "last", "increases", "unit")
    assert {key: true["scale"][key] for key in keys} == {key: proposed["scale"][key] for key in keys}
    outer_mm = proposed["tube"]["outer_diameter_mm"]
    assert abs(outer_mm / true["tube"]["outer_diameter_mm"] - 1) < 0.1
    assert 2.4 == pytest.approx(outer_mm - proposed["tube"]["inner_diameter_mm"])
    assert proposal.is_complete


@pytest.mark.parametrize("name", PICTURES)
def test_a_proposed_station_reads_its_picture(shared: Path, name: str) -> None:
    """With the proposal the reader reads the picture to a millimetre, so it can be checked by eye."""
    entry = _entries(shared)[name]
    proposal = _proposal(entry, wall_mm=1.2)
    assert isinstance(proposal.answer, Reading)
    assert entry.truth.value is not None
    stated = _stated(entry)
    error = (proposal.answer.value - entry.truth.value) / stated.division * (stated.division_mm or 0.0)
    assert abs(error) < 1.0


def test_a_proposal_is_a_station_file(shared: Path) -> None:
    """Its TOML, notes and all, is read back as the same station."""
    proposal = _proposal(
        _entries(shared)[PICTURES[0]], wall_mm=1.2, camera={"distortion": [0.0, 0.0, 0.0, 0.0]}
    )
    text = toml_of(proposal.mapping, proposal.notes)
    assert proposal.station == station_from(tomllib.loads(text), "proposal")
    assert [f"# {note}" for note in proposal.notes] == [line for line in text.splitlines() if line[:1] == "#"]


def test_what_no_picture_shows_is_asked_for(shared: Path) -> None:
    """Without the plate's ends the proposal says so; the trial reading goes by the print, and says that."""
    proposal = _proposal(_entries(shared)[PICTURES[1]], first=None)
    assert not proposal.is_complete
    assert isinstance(proposal.answer, Reading)
    assert any(note.startswith("first and last are not stated") for note in proposal.answer.notes)
    said = " ".join(proposal.notes)
    for expected in (
        "first and last are to be filled in",
        "lighting is to be filled in",
        "thickness of the wall",
    ):
        assert expected in said
    assert "tube" not in proposal.mapping["instruments"]["neck"]


def test_distance_and_height_follow_from_the_lens(shared: Path) -> None:
    """Distance is focal length × division over its pixels; the height that of the zero mark over the axis."""
    entry = _entries(shared)[PICTURES[1]]
    matrix = [[4000.0, 0.0, 480.0], [0.0, 4000.0, 640.0], [0.0, 0.0, 1.0]]
    camera = _proposal(entry, camera={"matrix": matrix, "distortion": [0.0] * 5}).mapping["cameras"]["neck"]
    twice = [[8000.0, 0.0, 480.0], [0.0, 8000.0, 640.0], [0.0, 0.0, 1.0]]
    other = _proposal(entry, camera={"matrix": twice, "distortion": [0.0] * 5}).mapping["cameras"]["neck"]
    assert 2.0 == pytest.approx(other["distance_mm"] / camera["distance_mm"], abs=0.001)
    assert other["height_mm"] == pytest.approx(camera["height_mm"], abs=0.2)
    stated = _proposal(entry, camera={"matrix": matrix, "distance_mm": 500.0}).mapping["cameras"]["neck"]
    assert 500.0 == stated["distance_mm"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"first": -20.0, "last": 20.0}, "111 marks are seen, a scale from -20 to 20 by 1 has 41"),
        ({"wall_mm": 30.0}, "the wall is 30 mm"),
        ({"unit": "furlong"}, "unit is 'furlong'"),
        ({"increases": "sideways"}, "increases is 'sideways'"),
        ({"lighting": "candle"}, "lighting is 'candle'"),
        ({"camera": {"focus": 3}}, "camera: unknown key 'focus'"),
    ],
)
def test_what_contradicts_the_picture_is_named(shared: Path, change: dict[str, Any], expected: str) -> None:
    """A statement that cannot be true of this picture, or of any, is one sentence."""
    with pytest.raises(StationError, match=expected):
        _proposal(_entries(shared)[PICTURES[1]], **change)


def test_more_marks_than_are_seen_is_a_note(shared: Path) -> None:
    """A plate that goes on outside the picture is possible, and said."""
    proposal = _proposal(_entries(shared)[PICTURES[1]], first=-60.0, last=60.0)
    assert any("has 121 marks: 10 are not seen" in note for note in proposal.notes)


def test_a_picture_without_a_scale_is_named() -> None:
    """A wall is no graduated neck; bytes that are no picture are an error of their own."""
    wall = Frame(cv2.imencode(".png", np.full((400, 300), 140, np.uint8))[1].tobytes(), "wall.png")
    with pytest.raises(StationError, match=r"wall\.png: shows no row of marks"):
        propose(wall, Stated("mL", 5.0, 1.5), "new", SETTINGS)
    with pytest.raises(FrameError):
        propose(Frame(b"", "none"), Stated("mL", 5.0, 1.5), "new", SETTINGS)


def test_toml_holds_whatever_a_station_may_hold() -> None:
    """Quotes, backslashes, booleans and nested lists survive."""
    mapping = {"name": 'a "b" \\ c', "cameras": {"x": {"on": True, "m": [[1.0, 2], [3, 4.5]], "n": -1e-7}}}
    assert mapping == tomllib.loads(toml_of(mapping))

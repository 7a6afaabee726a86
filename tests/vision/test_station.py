"""Descriptions of instruments and cameras are taken as stated, and objected to by key."""

import json
from pathlib import Path
from typing import Any

import pytest

from vision.errors import StationError
from vision.station import CameraGeometry, Direction, Lighting, Liquid, Side, camera_from, sight_glass_from

FULL: dict[str, Any] = {
    "kind": "sight-glass",
    "scale": {
        "unit": "mL",
        "division": 5,
        "division_mm": 1.5,
        "first": -180,
        "last": 180,
        "major_every": 10,
        "label_every": 10,
        "increases": "up",
        "side": "left",
        "offset_mm": 0.0,
    },
    "tube": {"outer_diameter_mm": 21.5, "inner_diameter_mm": 19.2},
    "lighting": "card",
    "liquid": "fuel",
}
CAMERA: dict[str, Any] = {
    "matrix": [[2048.0, 0.0, 480.0], [0.0, 2048.0, 640.0], [0.0, 0.0, 1.0]],
    "distortion": [-0.003, 0, 0, 0, 0],
    "distance_mm": 697.3,
    "height_mm": -4.7,
}


def changed(table: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy of `table` with the value at "scale.unit" replaced."""
    copy: dict[str, Any] = json.loads(json.dumps(table))
    *outer, key = path.split(".")
    inner = copy
    for name in outer:
        inner = inner[name]
    inner[key] = value
    return copy


def test_a_full_description_is_taken_as_it_stands() -> None:
    """Every field arrives, words as their enumerations."""
    glass = sight_glass_from(FULL, "here")

    assert glass.kind == "sight-glass"
    assert glass.unit == "mL"
    assert (glass.scale.division, glass.scale.first, glass.scale.last) == (5.0, -180.0, 180.0)
    assert (glass.scale.increases, glass.scale.side) == (Direction.UP, Side.LEFT)
    assert (glass.lighting, glass.liquid) == (Lighting.CARD, Liquid.FUEL)
    assert glass.tube is not None
    assert glass.tube.inner_diameter_mm == 19.2


def test_what_is_not_stated_is_unknown_not_zero() -> None:
    """Only unit and division are needed; everything else is None."""
    glass = sight_glass_from({"kind": "sight-glass", "scale": {"unit": "%", "division": 1}}, "here")

    assert glass.scale.offset_mm is None
    assert glass.scale.first is None
    assert (glass.tube, glass.lighting, glass.liquid) == (None, None, None)
    assert camera_from(None, "here") == CameraGeometry(None, None, None, None)
    assert camera_from({"height_mm": 0}, "here").height_mm == 0.0


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("scale.unit", "gallon", "unit"),
        ("scale.unit", None, "unit is missing"),
        ("scale.division", 0, "division"),
        ("scale.division", True, "division"),
        ("scale.division", "5", "division"),
        ("scale.division_mm", -1.5, "division_mm"),
        ("scale.last", -200, "last"),
        ("scale.first", -181, "first"),
        ("scale.major_every", 2.5, "major_every"),
        ("scale.major_every", 0, "major_every"),
        ("scale.increases", "left", "increases"),
        ("scale.side", "above", "side"),
        ("scale.offset_mm", "0", "offset_mm"),
        ("scale.colour", "white", "colour"),
        ("tube.inner_diameter_mm", 22.0, "inner_diameter_mm"),
        ("tube.outer_diameter_mm", None, "outer_diameter_mm is missing"),
        ("tube", [21.5, 19.2], "tube"),
        ("lighting", "sun", "lighting"),
        ("liquid", "mercury", "liquid"),
        ("contents", "water", "contents"),
    ],
)
def test_a_wrong_field_is_named_with_its_place(path: str, value: Any, said: str) -> None:
    """One sentence: where, which key, what is expected."""
    with pytest.raises(StationError, match=f"^station.toml.*{said}.*expected"):
        sight_glass_from(changed(FULL, path, value), "station.toml")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("matrix", [[2048, 0, 480], [0, 2048, 640]]),
        ("matrix", [[0, 0, 480], [0, 2048, 640], [0, 0, 1]]),
        ("matrix", [[2048, 0, 480], [0, 2048, 640], [0, 0, 2]]),
        ("matrix", "eye"),
        ("distortion", [0.1, 0.2, 0.3]),
        ("distortion", [0.1, 0.2, 0.3, float("nan")]),
        ("distance_mm", 0),
        ("distance_mm", "far"),
        ("height_mm", [1]),
    ],
)
def test_a_wrong_camera_is_named_with_its_place(key: str, value: Any) -> None:
    """One sentence: where, which key, what is expected."""
    with pytest.raises(StationError, match=f"^station.toml.*{key}.*expected"):
        camera_from({**CAMERA, key: value}, "station.toml")


@pytest.mark.shared
def test_the_shared_manifest_is_taken_as_it_is(shared: Path) -> None:
    """Every line of the set of sight glasses describes a station that can be used."""
    lines = (shared / "images" / "sight-glass" / "manifest.jsonl").read_text("utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        entry = json.loads(line)
        assert sight_glass_from(entry["instrument"], f"line {number}").tube is not None
        assert camera_from(entry["camera"], f"line {number}").distance_mm is not None

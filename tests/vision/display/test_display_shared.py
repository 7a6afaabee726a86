"""The display reader on a fixed handful of the shared pictures, and none of those of other instruments."""

import json
from pathlib import Path
from typing import Any

import pytest

from vision.display.reader import DisplayReader, display_from
from vision.frame import Frame
from vision.reading import Reading
from vision.station import CameraGeometry

pytestmark = pytest.mark.shared

NAMES = [f"plain-11-{number}" for number in ("001", "003", "005", "006", "011", "015")] + [
    f"hard-12-{number}" for number in ("000", "003", "004", "006", "008", "010", "011", "012", "013", "015")
]


def _entries(folder: Path) -> dict[str, dict[str, Any]]:
    lines = (folder / "manifest.jsonl").read_text("utf-8").splitlines()
    return {entry["image"]: entry for entry in map(json.loads, lines)}


@pytest.mark.parametrize("forgotten", [(), ("unit", "digits", "decimals", "signed")], ids=["all", "none"])
def test_rendered_displays_are_read_exactly(shared: Path, forgotten: tuple[str, ...]) -> None:
    """Every one of these, with the station's format and without; u is that of the last digit."""
    folder = shared / "images" / "gauges"
    entries = _entries(folder)
    for name in NAMES:
        entry = entries[f"seven-segment-{name}.jpg"]
        described = {key: value for key, value in entry["instrument"].items() if key not in forgotten}
        reader = DisplayReader(display_from(described, name), CameraGeometry())
        answer = reader.read(Frame((folder / entry["image"]).read_bytes(), name))
        assert isinstance(answer, Reading), answer
        assert entry["truth"] == answer.value, name
        resolution = 10.0 ** -entry["instrument"]["decimals"]
        assert answer.standard_uncertainty == pytest.approx(resolution / 12**0.5)


def test_other_instruments_are_no_display(shared: Path) -> None:
    """Dials, thermometers, sight glasses, tapes: none is read as a number."""
    images = shared / "images"
    others = [
        *sorted((images / "gauges").glob("[dt]*.jpg"))[::4],
        *sorted((images / "field-dials").glob("*.jpg")),
        *sorted((images / "sight-glass").glob("*.jpg"))[::12],
        *sorted((images / "tube-and-tape").glob("*.jpg"))[::25],
    ]
    assert len(others) > 30
    reader = DisplayReader(display_from({"kind": "seven-segment"}, ""), CameraGeometry())
    read = [path.name for path in others if isinstance(reader.read(Frame(path.read_bytes(), "")), Reading)]
    assert [] == read

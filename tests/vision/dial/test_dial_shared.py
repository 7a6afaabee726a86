"""The dial reader on a fixed handful of the shared pictures."""

import json
from pathlib import Path
from typing import Any

import pytest

from vision.dial.reader import DialReader, dial_from
from vision.frame import Frame
from vision.reading import Reading
from vision.station import CameraGeometry

pytestmark = pytest.mark.shared

PLAIN = ("000", "004", "007", "012", "015")
HARD = ("000", "003", "006", "008", "010", "011", "014")
FIELD = ("wss-1.jpg", "wss-3.jpg", "mpa-1.jpg")


def _entries(folder: Path) -> dict[str, dict[str, Any]]:
    lines = (folder / "manifest.jsonl").read_text("utf-8").splitlines()
    return {entry["image"]: entry for entry in map(json.loads, lines)}


def _errors(folder: Path, names: list[str]) -> list[tuple[float, float]]:
    """Error and standard uncertainty of each picture, in per cent of its span; all must be read."""
    errors = []
    entries = _entries(folder)
    for name in names:
        entry = entries[name]
        dial = dial_from(entry["instrument"], name)
        answer = DialReader(dial, CameraGeometry()).read(Frame((folder / name).read_bytes(), name))
        assert isinstance(answer, Reading), (name, answer)
        percent = 100 / (dial.maximum - dial.minimum)
        errors.append(((answer.value - entry["truth"]) * percent, answer.standard_uncertainty * percent))
    return errors


@pytest.mark.parametrize(
    ("family", "numbers", "rms", "most"), [("plain-11", PLAIN, 0.1, 0.2), ("hard-12", HARD, 0.2, 0.4)]
)
def test_rendered_dials_are_read(
    shared: Path, family: str, numbers: tuple[str, ...], rms: float, most: float
) -> None:
    """Every one of these is read, well within the limits and within three times its uncertainty."""
    errors = _errors(shared / "images" / "gauges", [f"dial-{family}-{number}.jpg" for number in numbers])
    assert max(abs(error) for error, _ in errors) < most
    assert (sum(error * error for error, _ in errors) / len(errors)) ** 0.5 < rms
    assert [] == [(error, u) for error, u in errors if abs(error) > 3 * u]


def test_field_dials_are_read_within_their_half_width_or_refused(shared: Path) -> None:
    """Of these photographs two at least are read, and each reading agrees with a person's."""
    folder = shared / "images" / "field-dials"
    entries, read = _entries(folder), 0
    for name in FIELD:
        entry = entries[name]
        reader = DialReader(dial_from(entry["instrument"], name), CameraGeometry())
        answer = reader.read(Frame((folder / name).read_bytes(), name))
        if isinstance(answer, Reading):
            read += 1
            assert abs(answer.value - entry["truth"]) < entry["truth_half_width"], name
    assert read >= 2

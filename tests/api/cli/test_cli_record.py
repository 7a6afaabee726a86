"""`tankcal record` and `tankcal annotate --compare`: from live cameras to a comparison with a person."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from api.cli import ExitStatus, run
from vision.image_set import ImageSet
from vision.truths import Stated, state_truth

STATION = """
name = "bench"
[cameras.wall]
driver = "folder"
address = "{wall}"
[cameras.neck]
driver = "folder"
address = "{neck}"
[instruments.left]
camera = "wall"
region = [0, 0, 20, 40]
kind = "dial"
unit = "bar"
minimum = 0.0
maximum = 10.0
major_step = 1.0
minor_per_major = 10
[instruments.right]
camera = "wall"
region = [20, 0, 20, 40]
kind = "seven-segment"
unit = "g"
digits = 4
decimals = 1
signed = false
[instruments.neck]
camera = "neck"
kind = "sight-glass"
scale = {{ unit = "mL", division = 20.0 }}
"""


@pytest.fixture
def station(tmp_path: Path) -> Path:
    """A station whose two cameras have three pictures each to send."""
    for number, camera in enumerate(("wall", "neck")):
        folder = tmp_path / camera
        folder.mkdir()
        for shot in range(3):
            cv2.imwrite(str(folder / f"{shot}.png"), np.full((40, 40, 3), 40 * shot + 10 * number, np.uint8))
    file = tmp_path / "bench.toml"
    file.write_text(STATION.format(wall=tmp_path / "wall", neck=tmp_path / "neck"), encoding="utf-8")
    return file


def lines(folder: Path) -> list[tuple[str, str, object]]:
    """Family, kind and region of every line of a set."""
    return [(e.truth.family, str((e.instrument or {})["kind"]), e.region) for e in ImageSet(folder)]


def test_every_instrument_of_a_station_is_recorded(
    station: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line for each instrument, one picture for those that share a camera; printed as it is kept."""
    out = tmp_path / "set"
    assert ExitStatus.DONE == run(
        ["record", str(station), "--frames", "2", "--interval", "0", "--out", str(out), "--json"]
    )
    once = [
        ("left", "dial", (0, 0, 20, 40)),
        ("right", "seven-segment", (20, 0, 20, 40)),
        ("neck", "sight-glass", None),
    ]
    assert once * 2 == lines(out)
    entries = list(ImageSet(out))
    assert entries[0].image == entries[1].image != entries[2].image
    assert 4 == len(list(out.glob("*.png")))
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(entry.image, entry.truth.family) for entry in entries] == [
        (one["image"], one["instrument"]) for one in said
    ]


def test_only_the_named_instrument_is_recorded(station: Path, tmp_path: Path) -> None:
    """And no other camera is asked."""
    out = tmp_path / "set"
    arguments = ["record", str(station), "--frames", "1", "--out", str(out), "--instrument", "right"]
    assert ExitStatus.DONE == run(arguments)
    assert [("right", "seven-segment", (20, 0, 20, 40))] == lines(out)


def test_a_camera_that_ends_leaves_what_was_recorded(
    station: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 3, one sentence, and the three pictures that there were; a set is carried on."""
    out = tmp_path / "set"
    arguments = ["record", str(station), "--frames", "5", "--interval", "0", "--out", str(out)]
    arguments += ["--instrument", "neck"]
    assert ExitStatus.RIG == run(arguments)
    assert "holds no more frames" in capsys.readouterr().err
    assert 3 == len(lines(out))
    assert ExitStatus.DONE == run(
        [*arguments[:2], "--frames", "1", "--out", str(out), "--instrument", "left"]
    )
    assert 4 == len(lines(out))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["no-such-station"], "there is no stations/no-such-station.toml"),
        (["{station}", "--instrument", "thermometer"], "there is no instrument 'thermometer'"),
        (["{station}", "--frames", "0"], "--frames"),
    ],
)
def test_what_cannot_be_recorded_is_said_before_a_camera_is_asked(
    station: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    """Exit status 2 and one sentence; no folder is made."""
    out = tmp_path / "set"
    given = [part.format(station=station) for part in arguments]
    assert ExitStatus.CONFIGURATION == run(["record", *given, "--out", str(out)])
    assert sentence in capsys.readouterr().err
    assert not out.exists()


def test_a_folder_with_something_else_is_not_written_to(
    station: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A set is new or a set already."""
    out = tmp_path / "holiday"
    out.mkdir()
    (out / "beach.txt").write_text("sand", encoding="utf-8")
    assert ExitStatus.CONFIGURATION == run(["record", str(station), "--out", str(out)])
    assert "is no image set" in capsys.readouterr().err
    assert ["beach.txt"] == [path.name for path in out.iterdir()]


def test_a_station_is_compared_with_a_person(
    station: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing entered: 1, and what to do; empty pictures called unreadable and refused do not suffice."""
    out = tmp_path / "set"
    run(["record", str(station), "--frames", "2", "--interval", "0", "--out", str(out)])
    assert ExitStatus.NO == run(["annotate", str(out), "--compare"])
    assert "nobody has entered a reading yet" in capsys.readouterr().err
    for entry in list(ImageSet(out)):
        if entry.truth.family == "neck":
            state_truth(out, entry.line, entry.image, Stated(12.0, 2.0))
        elif entry.truth.family == "left":
            state_truth(out, entry.line, entry.image, Stated(unreadable=True))
    assert ExitStatus.NO == run(["annotate", str(out), "--compare", "--json"])
    left, neck = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert ("left", 0, 0, 0, False) == tuple(
        left[key] for key in ("instrument", "compared", "refused", "read_unreadable", "agrees")
    )
    assert ("neck", 0, 2, None) == tuple(neck[key] for key in ("instrument", "compared", "refused", "bias"))


def test_annotating_needs_a_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder without a manifest has nothing to annotate."""
    assert ExitStatus.CONFIGURATION == run(["annotate", str(tmp_path)])
    assert "is no image set" in capsys.readouterr().err

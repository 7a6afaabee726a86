"""api/replay.py, on frames that the twin's camera drew"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sample_run import COMPLETE, settings_line, write_run

from api.bench import observation, read_frames
from api.cli import run as run_command
from api.errors import RecordError
from api.records import load_record
from api.replay import replay
from control.simulator.cameras import NeckCamera
from control.simulator.configuration import load_twin_configuration
from control.simulator.emptying import make_truth
from control.simulator.plant import Plant
from vision.frame import Frame
from vision.station_file import station_from

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def _twin_camera() -> Callable[[float], bytes]:
    """The twin's camera before a glass whose level we choose."""
    twin = load_twin_configuration(
        CONFIGS / "rigs" / "twin.toml",
        CONFIGS / "stations" / "demo.toml",
        CONFIGS / "measures" / "demo-20l.toml",
    )
    plant = Plant(make_truth(5, twin.measure, twin.standards))
    glass = SimpleNamespace(truth=plant.truth, vessel=SimpleNamespace(seen_level_mm=0.0))
    camera = NeckCamera(twin.camera, cast(Plant, glass))
    mm_per_unit = twin.camera.scale.division_mm / twin.camera.scale.division

    def picture(reading: float) -> bytes:
        glass.vessel.seen_level_mm = reading * mm_per_unit
        return camera.snapshot()

    return picture


def _observe(frames: list[Frame]) -> dict[str, Any]:
    station = station_from(settings_line(COMPLETE)["station"])
    seen = observation("neck", "mL", read_frames(station.reader("neck"), frames))
    return {
        "value": seen.value,
        "unit": seen.unit,
        "standard_uncertainty": seen.standard_uncertainty,
        "terms": dict(seen.terms) if seen.terms is not None else None,
        "reason": seen.reason,
    }


@pytest.fixture(scope="module")
def pictured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete run whose readings were read from its frames."""
    data = tmp_path_factory.mktemp("pictured")
    return write_run(data, COMPLETE, camera=_twin_camera(), observe=_observe)


@pytest.fixture
def folder(pictured: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may change, as if it were on another machine."""
    return Path(shutil.copytree(pictured, tmp_path / "elsewhere"))


def test_a_replay_reproduces_the_result(folder: Path) -> None:
    """Every frame is read again, and result.json comes out byte for byte."""
    again = replay(folder)
    assert again.identical
    assert again.differences == ()
    assert again.changed_readings == ()
    assert (len(again.observations), again.frames) == (7, 7)
    assert all(reading.again is not None for reading in again.observations)


def test_a_changed_result_is_found(folder: Path) -> None:
    """A number that someone wrote into the result is named with its place and both values."""
    path = folder / "result.json"
    result = json.loads(path.read_bytes())
    right = result["repeats"][2]["water_c"]
    result["repeats"][2]["water_c"] = 19.0
    path.write_bytes(json.dumps(result, sort_keys=True, indent=2, ensure_ascii=False).encode() + b"\n")
    again = replay(folder)
    assert not again.identical
    assert [(one.where, one.stored, one.again) for one in again.differences] == [
        ("repeats[2].water_c", 19.0, right)
    ]


def test_bytes_count_not_only_numbers(folder: Path) -> None:
    """The same numbers written otherwise are not the file that was stored."""
    path = folder / "result.json"
    path.write_bytes(json.dumps(json.loads(path.read_bytes())).encode())
    again = replay(folder)
    assert again.differences == ()
    assert not again.identical


def test_a_tampered_frame_is_found(folder: Path) -> None:
    """A frame that was exchanged for another picture is found by its hash."""
    name = next(load_record(folder).of_kind("observation"))["data"]["frames"][0]
    path = folder / "frames" / f"{name}.jpg"
    path.write_bytes(_twin_camera()(100.0))
    with pytest.raises(RecordError, match=name):
        replay(folder)


def test_a_missing_frame_is_found(folder: Path) -> None:
    """So is one that was removed."""
    name = next(load_record(folder).of_kind("observation"))["data"]["frames"][0]
    (folder / "frames" / f"{name}.jpg").unlink()
    with pytest.raises(RecordError, match="missing"):
        replay(folder)


def test_a_tampered_line_is_found(folder: Path) -> None:
    """A weighing that was made lighter is found by the chain."""
    path = folder / "record.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"mean_g":28', b'"mean_g":27', 1))
    with pytest.raises(RecordError, match="line"):
        replay(folder)


def test_a_reading_that_its_frames_do_not_show_is_found(tmp_path: Path) -> None:
    """A record that was written with a false reading, chain intact, does not reproduce."""

    def false(frames: list[Frame]) -> dict[str, Any]:
        seen = _observe(frames)
        return {**seen, "value": seen["value"] + 1.0}

    forged = write_run(tmp_path, COMPLETE, camera=_twin_camera(), observe=false)
    again = replay(forged)
    assert not again.identical
    assert len(again.changed_readings) == 7
    first = again.changed_readings[0]
    assert first.stored is not None and first.again is not None
    assert first.stored - first.again == pytest.approx(1.0)


def test_an_interrupted_run_has_nothing_to_compare(tmp_path: Path) -> None:
    """Without a result the answer is a sentence."""
    folder = write_run(tmp_path, COMPLETE, outcome=None, with_result=False)
    with pytest.raises(RecordError, match=r"no result\.json"):
        replay(folder)


def test_the_command_says_yes_or_no(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`tankcal replay FOLDER`: 0 when identical, 1 when a frame was changed, 2 for no run."""
    assert run_command(["replay", str(folder), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["identical"], said["readings"], said["differences"]) == (True, 7, [])
    name = next(load_record(folder).of_kind("observation"))["data"]["frames"][0]
    (folder / "frames" / f"{name}.jpg").write_bytes(b"")
    assert run_command(["replay", str(folder)]) == 1
    assert name in capsys.readouterr().err
    assert run_command(["replay", str(folder / "nowhere")]) == 2


def test_the_command_prints_the_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`tankcal table`: one line a graduation, with all digits in JSON."""
    assert run_command(["table", str(folder), "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    stored = json.loads((folder / "result.json").read_bytes())["curve"]["table"]
    assert [row["volume_l"] for row in rows] == [row["volume_l"] for row in stored]

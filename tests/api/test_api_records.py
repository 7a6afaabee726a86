"""api/records.py, api/results.py and api/lock.py"""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sample_run import COMPLETE, INTERRUPTED

from api import lock
from api.errors import BusyError, NotFoundError, RecordError
from api.records import (
    RUN_ID,
    canonical_json,
    find_run,
    frame_path,
    load_record,
    new_run_id,
    read_frame,
    write_durably,
)
from api.results import Difference, differences, result_of


@pytest.fixture
def folder(recorded: Path, tmp_path: Path) -> Path:
    """A copy of the complete run that a test may change."""
    return Path(shutil.copytree(recorded / COMPLETE, tmp_path / COMPLETE))


def test_run_ids_sort_by_time() -> None:
    """A later second gives a later id."""
    early = new_run_id(datetime(2026, 11, 24, 2, 10, 0, tzinfo=UTC))
    late = new_run_id(datetime(2026, 11, 24, 2, 10, 1, tzinfo=UTC))
    assert RUN_ID.fullmatch(early)
    assert early < late


def test_canonical_json_is_sorted_indented_and_has_all_digits() -> None:
    """Keys sorted, two spaces, every digit of a float, UTF-8 unescaped, one line end."""
    written = canonical_json({"b": 0.1 + 0.2, "a": {"z": None, "量": 1}})
    assert (
        written == '{\n  "a": {\n    "z": null,\n    "量": 1\n  },\n  "b": 0.30000000000000004\n}\n'.encode()
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_canonical_json_has_no_number_that_is_none(value: float) -> None:
    """NaN and infinity are no JSON."""
    with pytest.raises(ValueError, match="JSON"):
        canonical_json({"a": value})


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """What was there stays when writing fails; nothing half-written is left over."""
    path = tmp_path / "result.json"
    write_durably(path, b"first")
    with pytest.raises(TypeError):
        write_durably(path, "not bytes")  # type: ignore[arg-type] - the failure is the point
    assert path.read_bytes() == b"first"
    write_durably(path, b"second")
    assert path.read_bytes() == b"second"
    assert [entry.name for entry in tmp_path.iterdir() if entry.name == "result.json"] == ["result.json"]


def test_a_whole_record_is_loaded_and_its_result_is_its_own(folder: Path) -> None:
    """The stored result is what the record gives, and carries the hash of its last line."""
    record = load_record(folder)
    assert record.run == COMPLETE
    assert record.complete
    assert canonical_json(result_of(record)) == (folder / "result.json").read_bytes()
    assert json.loads((folder / "result.json").read_bytes())["record_head"] == record.head


@pytest.mark.parametrize("line", [0, 5, 20])
def test_a_changed_line_is_found(folder: Path, line: int) -> None:
    """One changed byte anywhere in the record is found, and the place is said."""
    path = folder / "record.jsonl"
    lines = path.read_bytes().split(b"\n")
    lines[line] = lines[line].replace(b"e", b"E", 1)
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(RecordError, match=r"record\.jsonl: line \d+"):
        load_record(folder)


def test_a_removed_line_is_found(folder: Path) -> None:
    """A line that is missing breaks the chain."""
    path = folder / "record.jsonl"
    lines = path.read_bytes().split(b"\n")
    del lines[7]
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(RecordError, match="line 8"):
        load_record(folder)


def test_a_torn_last_line_is_an_interrupted_run(folder: Path) -> None:
    """What a crash leaves is an error, unless it is asked for; then everything before it counts."""
    path = folder / "record.jsonl"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(RecordError, match="torn"):
        load_record(folder)
    record = load_record(folder, allow_torn=True)
    assert record.torn
    assert record.end is None


def test_frames_are_found_by_hash_alone(folder: Path) -> None:
    """A frame comes back with the bytes of its name; a path, or another run's frame, does not."""
    name = next(load_record(folder).of_kind("observation"))["data"]["frames"][0]
    assert read_frame(folder, name) == frame_path(folder, name).read_bytes()
    for wrong in ("../record", "0" * 64, name[:-1], name.upper()):
        with pytest.raises(NotFoundError):
            frame_path(folder, wrong)


def test_a_changed_frame_is_found(folder: Path) -> None:
    """A frame whose bytes are not those of its name is no evidence."""
    name = next(load_record(folder).of_kind("observation"))["data"]["frames"][0]
    path = frame_path(folder, name)
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(RecordError, match="was changed"):
        read_frame(folder, name)


def test_runs_are_found_by_id_or_folder(recorded: Path, tmp_path: Path) -> None:
    """An id in the data folder, or a folder anywhere; anything else is not found."""
    assert find_run(recorded, COMPLETE) == recorded / COMPLETE
    assert find_run(tmp_path, str(recorded / COMPLETE)) == recorded / COMPLETE
    with pytest.raises(NotFoundError):
        find_run(tmp_path, COMPLETE)


def test_no_result_says_why(recorded: Path) -> None:
    """A record that gives no result has the reason in its place, not numbers."""
    record = load_record(recorded / INTERRUPTED)
    result = result_of(record, record.lines[:3])
    assert result.keys() == {"schema", "run", "problem", "record_head"}
    assert "nominal mark" in result["problem"]


def test_differences_name_their_place() -> None:
    """Every value that is not the same is listed with its path."""
    stored = {"a": [1, {"b": 2.0}], "c": None}
    again = {"a": [1, {"b": 2.5}], "d": True}
    found = list(differences(stored, again))
    assert found == [Difference("a[1].b", 2.0, 2.5), Difference("d", None, True)]


def test_the_bench_has_one_driver(tmp_path: Path) -> None:
    """A second one is told which run keeps the bench busy, and gets in when that is over."""
    held = lock.BenchLock.take(tmp_path, COMPLETE)
    assert lock.is_held(tmp_path)
    with pytest.raises(BusyError, match=COMPLETE) as caught:
        lock.BenchLock.take(tmp_path, INTERRUPTED)
    assert caught.value.run == COMPLETE
    held.release()
    assert not lock.is_held(tmp_path)
    lock.BenchLock.take(tmp_path, INTERRUPTED).release()

"""The record: a chain on the disk that shows any change, and survives a kill."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.clock import ScaledClock
from control.errors import RecordError
from control.journal import FILE, Journal, read_record


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a record of five lines."""
    with Journal.create(tmp_path / "run", ScaledClock()) as journal:
        journal.append("settings", {"run": "r1", "item": "20 L 量桶"})
        for n in range(4):
            journal.append("step", {"step": "fill", "repeat": n, "target": None, "detail": ""})
    return tmp_path / "run"


def test_lines_are_as_the_reference_says(folder: Path) -> None:
    """Keys sorted, no spaces, UTF-8, numbered from 0, chained from 64 zeros, times in the stated form."""
    lines = (folder / FILE).read_text(encoding="utf-8").split("\n")
    assert lines.pop() == ""
    first = json.loads(lines[0])
    assert ["data", "kind", "n", "previous", "t_s", "t_utc"] == list(first)
    assert "0" * 64 == first["previous"]
    assert "量桶" in lines[0]
    assert ": " not in lines[0].replace(first["t_utc"], "")
    assert len("2026-11-24T02:10:00.125Z") == len(first["t_utc"])
    assert [0, 1, 2, 3, 4] == [json.loads(line)["n"] for line in lines]


def test_what_was_written_is_read(folder: Path) -> None:
    """Reading gives the lines back, and the head that the journal had."""
    record = read_record(folder)
    assert [None, 0, 1, 2, 3] == [line.data.get("repeat") for line in record.lines]
    assert record.lines[-1].sha256 == record.head


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 7))
def test_a_flipped_bit_is_found(tmp_path_factory: pytest.TempPathFactory, place: int, bit: int) -> None:
    """One bit changed anywhere is found; in the last line's own content it is the head that changes."""
    folder = tmp_path_factory.mktemp("flip")
    with Journal.create(folder, ScaledClock()) as journal:
        for n in range(4):
            journal.append("step", {"step": "fill", "repeat": n})
        head = journal.head
    content = bytearray((folder / FILE).read_bytes())
    content[place * (len(content) - 1) // 10**6] ^= 1 << bit
    (folder / FILE).write_bytes(content)
    try:
        found = read_record(folder).head
    except RecordError as error:
        assert FILE in str(error)
        assert "line " in str(error)
    else:
        assert head != found


def test_the_changed_line_is_named(folder: Path) -> None:
    """The message says between which lines the chain breaks."""
    path = folder / FILE
    path.write_bytes(path.read_bytes().replace(b'"repeat":1', b'"repeat":7'))
    with pytest.raises(RecordError, match=r"line 4 does not follow from line 3"):
        read_record(folder)


@pytest.mark.parametrize("edit", ["drop", "swap", "append"])
def test_dropped_swapped_and_added_lines_are_found(folder: Path, edit: str) -> None:
    """The chain shows lines that are missing, out of order, or written by someone else."""
    path = folder / FILE
    lines = path.read_bytes().splitlines(keepends=True)
    if edit == "drop":
        del lines[2]
    elif edit == "swap":
        lines[2], lines[3] = lines[3], lines[2]
    else:
        lines.append(lines[-1])
    path.write_bytes(b"".join(lines))
    with pytest.raises(RecordError, match="does not follow"):
        read_record(folder)


def test_a_torn_last_line_is_reported_and_only_when_asked_left_out(folder: Path) -> None:
    """Without `recover` it is an error; with it the whole lines are there and the rest is reported."""
    path = folder / FILE
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(RecordError, match="line 5 is torn"):
        read_record(folder)
    record = read_record(folder, recover=True)
    assert 4 == len(record.lines)
    assert record.torn


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, {1, 2}, b"bytes"])
def test_what_json_cannot_hold_is_refused_before_writing(tmp_path: Path, value: Any) -> None:
    """A refused line leaves the record as it was, and the next one follows from it."""
    with Journal.create(tmp_path, ScaledClock()) as journal:
        journal.append("settings", {})
        with pytest.raises(RecordError, match="kind 'weighing' cannot be written"):
            journal.append("weighing", {"mean_g": value})
        journal.append("step", {})
    assert ["settings", "step"] == [line.kind for line in read_record(tmp_path).lines]


def test_nan_in_a_file_is_refused(folder: Path) -> None:
    """A reader does not take what a writer may not write."""
    path = folder / FILE
    path.write_bytes(path.read_bytes().replace(b'"repeat":0', b'"repeat":NaN'))
    with pytest.raises(RecordError, match="line 2 is not JSON: NaN is not a finite number"):
        read_record(folder)


def test_a_record_is_never_written_over(folder: Path) -> None:
    """A second run in the same folder is refused."""
    before = (folder / FILE).read_bytes()
    with pytest.raises(RecordError, match="there already"):
        Journal.create(folder, ScaledClock())
    assert before == (folder / FILE).read_bytes()


def test_a_disk_that_refuses_breaks_the_record_for_good(tmp_path: Path) -> None:
    """After a failed line no other may follow: a record with a hole in it is none."""
    limit = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300));"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "from pathlib import Path; from control.journal import Journal;"
        "from control.clock import ScaledClock; from control.errors import RecordError\n"
        "journal = Journal.create(Path(__import__('sys').argv[1]), ScaledClock())\n"
        "journal.append('settings', {})\n"
        "for word in ('a' * 400, 'b'):\n"
        "    try: journal.append('step', {'detail': word})\n"
        "    except RecordError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", limit, str(tmp_path)], capture_output=True, text=True, check=True
    )
    first, second = done.stdout.splitlines()
    assert "cannot be written" in first
    assert "broken since an earlier line" in second
    assert 1 == len(read_record(tmp_path, recover=True).lines)


def test_what_was_appended_survives_a_kill(tmp_path: Path) -> None:
    """SIGKILL in the middle of writing: every line that was announced is there, and the chain holds."""
    program = (
        "import sys; from pathlib import Path; from control.journal import Journal;"
        "from control.clock import ScaledClock\n"
        "journal = Journal.create(Path(sys.argv[1]), ScaledClock())\n"
        "n = 0\n"
        "while True:\n"
        "    journal.append('step', {'repeat': n, 'detail': 'x' * 200}); print(n, flush=True); n += 1\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        announced = [process.stdout.readline() for _ in range(20)]
        time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        announced += process.stdout.read().splitlines()
    record = read_record(tmp_path, recover=True)
    assert len(record.lines) >= len(announced) - 1
    assert [*range(len(record.lines))] == [line.data["repeat"] for line in record.lines]


def test_a_listener_hears_each_line_after_it_is_written(tmp_path: Path) -> None:
    """What is heard is on the disk already; a listener that fails does not harm the record."""
    heard: list[tuple[str, int]] = []

    def listener(kind: str, data: Any) -> None:
        heard.append((kind, len(read_record(tmp_path).lines)))
        raise RuntimeError(data)

    with Journal.create(tmp_path, ScaledClock(), listener) as journal:
        journal.append("settings", {})
        journal.append("step", {})
    assert [("settings", 1), ("step", 2)] == heard

"""Run folders: their names, what is in them, whether it was changed, and `result.json` written for good."""

import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from api.errors import NotFoundError, RecordError
from control.errors import RecordError as ControlRecordError
from control.journal import read_record

RECORD: Final = "record.jsonl"
FRAMES: Final = "frames"
RESULT: Final = "result.json"
RUN_ID: Final = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")
FRAME_NAME: Final = re.compile(r"[0-9a-f]{64}")
MEDIA_TYPES: Final = {".jpg": "image/jpeg", ".png": "image/png"}


def new_run_id(now: datetime | None = None) -> str:
    """A run's name: UTC to the second, so that names sort by time, and a short random part."""
    return f"{now or datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


@dataclass(frozen=True)
class Record:
    """The lines of a run's record, whose hash chain was verified; `head` is the hash of the last line.

    `torn` is true when the last line was broken off in the middle, as a killed process leaves it; that line
    is not among `lines`.
    """

    folder: Path
    lines: tuple[Mapping[str, Any], ...]
    head: str
    torn: bool = False

    @property
    def run(self) -> str:
        """The run's id, as line 0 says."""
        return str(self.settings["run"])

    @property
    def settings(self) -> Mapping[str, Any]:
        """The configuration that the run used (the data of line 0)."""
        data: Mapping[str, Any] = self.lines[0]["data"]
        return data

    @property
    def end(self) -> Mapping[str, Any] | None:
        """The data of the last line if the run came to an end, else None."""
        last = self.lines[-1]
        return last["data"] if last["kind"] == "end" else None

    @property
    def complete(self) -> bool:
        """Whether the run came to its regular end."""
        return self.end is not None and self.end.get("outcome") == "complete"

    def of_kind(self, kind: str) -> Iterator[Mapping[str, Any]]:
        """The lines of one kind, in order."""
        return (line for line in self.lines if line["kind"] == kind)


def load_record(folder: Path, *, allow_torn: bool = False) -> Record:
    """The record in a run's folder, its chain verified from the first line to the last.

    Raises `RecordError` naming the line when one is not as it was written, was removed or added; when the
    last line is broken off, unless `allow_torn`.
    """
    try:
        found = read_record(folder / RECORD, recover=allow_torn)
    except ControlRecordError as problem:
        raise RecordError(str(problem)) from problem
    lines = tuple(
        {"data": line.data, "kind": line.kind, "n": line.n, "t_s": line.t_s, "t_utc": line.t_utc}
        for line in found.lines
    )
    if not lines or lines[0]["kind"] != "settings" or not isinstance(found.lines[0].data.get("run"), str):
        raise RecordError(f"{folder / RECORD}: line 1 must hold the settings of the run, with its name")
    return Record(folder=folder, lines=lines, head=found.head, torn=bool(found.torn))


def _no_constant(word: str) -> float:
    raise ValueError(word)


def frame_path(folder: Path, name: str) -> Path:
    """The file of a kept frame. Raises `NotFoundError` when the run has no frame of that name."""
    if FRAME_NAME.fullmatch(name):
        for suffix in MEDIA_TYPES:
            path = folder / FRAMES / f"{name}{suffix}"
            if path.is_file():
                return path
    raise NotFoundError(f"the run {folder.name} has no frame {name}")


def read_frame(folder: Path, name: str) -> bytes:
    """The bytes of a kept frame. Raises `RecordError` when they are missing or not what the record names."""
    try:
        data = frame_path(folder, name).read_bytes()
    except (NotFoundError, OSError):
        raise RecordError(f"{folder / FRAMES}: the frame {name} is missing") from None
    if hashlib.sha256(data).hexdigest() != name:
        raise RecordError(f"{folder / FRAMES}: the frame {name} was changed: its hash is another")
    return data


def canonical_json(value: Mapping[str, Any]) -> bytes:
    """The one way in which a result is written: UTF-8, keys sorted, two spaces, all digits."""
    text = json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()


def write_durably(path: Path, data: bytes) -> None:
    """Write the file whole or not at all, and on the disk before this returns."""
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Put the folder's list of names on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_result(folder: Path) -> dict[str, Any] | None:
    """The stored result, or None where there is none. Raises `RecordError` when it is not a JSON object."""
    path = folder / RESULT
    try:
        result = json.loads(path.read_bytes(), parse_constant=_no_constant)
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        raise RecordError(f"{path}: is not a result: expected a JSON object") from None
    if not isinstance(result, dict):
        raise RecordError(f"{path}: is not a result: expected a JSON object")
    return result


def run_folders(data: Path) -> Sequence[Path]:
    """The folders of runs under the data folder, oldest first."""
    if not data.is_dir():
        return []
    return sorted(path for path in data.iterdir() if RUN_ID.fullmatch(path.name) and path.is_dir())


def find_run(data: Path, run: str) -> Path:
    """The folder of a run that is named by its id, or by a folder's path.

    Raises `NotFoundError` when it is neither.
    """
    if RUN_ID.fullmatch(run) and (data / run / RECORD).is_file():
        return data / run
    folder = Path(run)
    if (folder / RECORD).is_file():
        return folder
    raise NotFoundError(f"there is no run {run!r}: expected an id under {data} or a folder with {RECORD}")

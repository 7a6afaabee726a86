"""The record of a run: `record.jsonl`, append-only, each line carrying the hash of the line before.

The format is `docs/reference/record.md`.
"""

import datetime
import hashlib
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from control.clock import Clock
from control.errors import RecordError
from control.observers import Listener

FILE: Final = "record.jsonl"
FIRST_PREVIOUS: Final = "0" * 64
_KEYS: Final = {"data", "kind", "n", "previous", "t_s", "t_utc"}
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Line:
    """One line of a record; `sha256` is its own hash, which the next line carries."""

    n: int
    kind: str
    data: Mapping[str, Any]
    t_s: float
    t_utc: str
    sha256: str


@dataclass(frozen=True)
class Record:
    """A verified record. `torn` is what a crash left of an unfinished last line, or empty."""

    lines: tuple[Line, ...]
    torn: bytes = b""

    @property
    def head(self) -> str:
        """The hash of the last line; of nothing, 64 zeros."""
        return self.lines[-1].sha256 if self.lines else FIRST_PREVIOUS


class Journal:
    """Writes a record. A line is on the disk when `append` returns."""

    def __init__(
        self, folder: Path, clock: Clock, listener: Listener | None = None, *, after: "Record | None" = None
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._listener = listener
        self._start_s = clock.now() - (after.lines[-1].t_s if after is not None and after.lines else 0.0)
        self._head = after.head if after is not None else FIRST_PREVIOUS
        self._count = len(after.lines) if after is not None else 0
        self._failure: OSError | None = None
        try:
            self._file = (folder / FILE).open("xb" if after is None else "ab", buffering=0)
            _sync_folder(folder)
        except FileExistsError:
            raise RecordError(
                f"{folder / FILE}: a record is there already; it is never written over"
            ) from None
        except OSError as error:
            raise RecordError(f"{folder / FILE}: cannot be written ({error.strerror or error})") from error

    @classmethod
    def create(cls, folder: Path, clock: Clock, listener: Listener | None = None) -> "Journal":
        """A new record in `folder`, which is made where it is missing. `listener` hears of every line.

        Raises `RecordError` where there is one already or the disk does not let us.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _sync_folder(folder.parent)
        except OSError as error:
            raise RecordError(f"{folder}: cannot be made ({error.strerror or error})") from error
        return cls(folder, clock, listener)

    @classmethod
    def resume(
        cls, folder: Path, clock: Clock, listener: Listener | None = None
    ) -> "tuple[Journal, Record, Path | None]":
        """Go on with the record of a run that was interrupted: the next line follows from its last whole one.

        Returns the journal, the record as it was found, and the file into which the bytes of a torn last line
        were set aside (None where there was none). Times go on from the last line's: those in which no
        program ran are in `t_utc` alone. The caller makes sure that nobody else writes the record.

        Raises `RecordError` where there is none, where it was changed, or where it has its end already.
        """
        record = read_record(folder, recover=True)
        if record.lines and record.lines[-1].kind == "end":
            raise RecordError(f"{folder / FILE}: the run has come to its end; there is nothing to resume")
        if not record.lines:
            raise RecordError(f"{folder / FILE}: not even the first line is whole: nothing can be resumed")
        aside = None
        if record.torn:
            try:
                aside = _set_aside(folder, record.torn)
            except OSError as error:
                raise RecordError(
                    f"{folder / FILE}: its torn last line cannot be set aside ({error.strerror or error})"
                ) from error
        return cls(folder, clock, listener, after=record), record, aside

    @property
    def head(self) -> str:
        """The hash of the last line."""
        return self._head

    @property
    def count(self) -> int:
        """Lines written so far."""
        return self._count

    def append(self, kind: str, data: Mapping[str, Any]) -> None:
        """Write one line and sync it to the disk.

        Raises `RecordError` for data that JSON cannot hold (NaN and infinity among them), for a disk that
        refuses, and ever after: a record with a hole in it is none.
        """
        if self._failure is not None:
            raise RecordError(f"{self._folder / FILE}: broken since an earlier line ({self._failure})")
        line = {
            "data": data,
            "kind": kind,
            "n": self._count,
            "previous": self._head,
            "t_s": round(self._clock.now() - self._start_s, 6),
            "t_utc": _stamp(self._clock.utc()),
        }
        try:
            encoded = json.dumps(
                line, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False
            ).encode()
        except (TypeError, ValueError) as error:
            raise RecordError(
                f"{self._folder / FILE}: a line of kind {kind!r} cannot be written: {error}"
            ) from error
        try:
            # One write for the whole line; a short one would leave a torn line in the middle.
            if self._file.write(encoded + b"\n") != len(encoded) + 1:
                raise OSError("the disk took only a part of a line")
            os.fsync(self._file.fileno())
        except OSError as error:
            self._failure = error
            raise RecordError(
                f"{self._folder / FILE}: cannot be written ({error.strerror or error})"
            ) from error
        self._head = hashlib.sha256(encoded).hexdigest()
        self._count += 1
        if self._listener is not None:
            tell(self._listener, kind, data)

    def close(self) -> None:
        """Close the file; nothing can be appended afterwards."""
        self._file.close()
        if self._failure is None:
            self._failure = OSError("the record is closed")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def tell(listener: Listener, kind: str, data: Mapping[str, Any]) -> None:
    """Let a listener hear of something. One that raises is at fault, and must not stop water or records."""
    try:
        listener(kind, data)
    except Exception:
        _log.exception("a listener failed on %s", kind)


def read_record(path: Path, *, recover: bool = False) -> Record:
    """The record in the file (or in the folder), its chain verified.

    Raises `RecordError` with the number of the first line (from 1) that is not as it was written. With
    `recover`, a last line without its line end (a crash in the middle of writing) is left out and reported as
    `torn`; without, it is an error too.
    """
    file = path / FILE if path.is_dir() else path
    try:
        content = file.read_bytes()
    except OSError as error:
        raise RecordError(f"{file}: cannot be read ({error.strerror or error})") from error
    *whole, torn = content.split(b"\n")
    if torn and not recover:
        raise RecordError(f"{file}: line {len(whole) + 1} is torn: it does not end with a line end")
    lines: list[Line] = []
    previous = FIRST_PREVIOUS
    for n, encoded in enumerate(whole):
        line = _parse(file, n, encoded, previous)
        lines.append(line)
        previous = line.sha256
    return Record(tuple(lines), torn)


def _parse(file: Path, n: int, encoded: bytes, previous: str) -> Line:
    where = f"{file}: line {n + 1}"
    try:
        line = json.loads(encoded, parse_constant=_refuse_constant)
    except ValueError as error:
        raise RecordError(f"{where} is not JSON: {error}") from error
    if not isinstance(line, dict) or set(line) != _KEYS or not isinstance(line["data"], dict):
        raise RecordError(f"{where} is not a line of a record (keys {', '.join(sorted(_KEYS))} expected)")
    if line["previous"] != previous:
        if n == 0:
            raise RecordError(f"{where} does not begin a chain: its previous hash is not zeros")
        raise RecordError(f"{where} does not follow from line {n}: one of the two was changed")
    if line["n"] != n:
        raise RecordError(f"{where} carries number {line['n']}, expected {n}")
    canonical = json.dumps(line, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    if canonical.encode() != encoded:
        raise RecordError(f"{where} is not written as the journal writes it (sorted keys, no spaces)")
    return Line(
        n, line["kind"], line["data"], line["t_s"], line["t_utc"], hashlib.sha256(encoded).hexdigest()
    )


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a finite number")


def _stamp(moment: datetime.datetime) -> str:
    return moment.astimezone(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _set_aside(folder: Path, torn: bytes) -> Path:
    """Move what is left of a torn last line out of the record into a file beside it.

    The file is on the disk before the record is cut, so that a kill in between loses nothing; then the next
    attempt finds the same bytes again and writes the same file.
    """
    aside = folder / f"record.torn-{hashlib.sha256(torn).hexdigest()[:16]}"
    with aside.open("wb") as file:
        file.write(torn)
        file.flush()
        os.fsync(file.fileno())
    _sync_folder(folder)
    with (folder / FILE).open("r+b") as file:
        file.seek(-len(torn), os.SEEK_END)
        file.truncate()
        os.fsync(file.fileno())
    return aside


def _sync_folder(folder: Path) -> None:
    # Without it a crash can lose the file's name although its content is on the disk.
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

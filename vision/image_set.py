"""Image sets: a folder of pictures and a `manifest.jsonl` that says, a line a picture, what they show."""

import fcntl
import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from vision.errors import FrameError, ImageSetError, StationError
from vision.frame import Frame
from vision.instrument import Region
from vision.station_file import region_from

MANIFEST = "manifest.jsonl"
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")


@dataclass(frozen=True)
class Truth:
    """What a line states for comparing, never for reading.

    `value` is in the instrument's unit, known to ± `half_width`; `expect_reading` is False for a picture that
    must be refused, and `why` then names its defect.
    """

    value: float | None = None
    half_width: float | None = None
    family: str = ""
    expect_reading: bool = True
    why: str = ""


@dataclass(frozen=True)
class Entry:
    """One line of a manifest: a picture, what it shows and how it was taken.

    `instrument` and `camera` are the objects as they stand in the line (None where they don't), `line` counts
    from 1, and `where` names file and line for messages.
    """

    image: str
    path: Path
    instrument: Mapping[str, Any] | None
    camera: Mapping[str, Any] | None
    region: Region | None
    taken_utc: str
    truth: Truth
    line: int
    where: str

    def frame(self) -> Frame:
        """The picture's bytes, not yet decoded. Raises `FrameError` where the file cannot be read."""
        return read_frame(self.path, self.image, self.taken_utc)


def read_frame(path: Path, source: str, taken_utc: str = "") -> Frame:
    """The frame that lies in a file, not yet decoded; `source` names it in messages.

    Raises `FrameError` where the file is missing or cannot be read.
    """
    try:
        return Frame(path.read_bytes(), source, taken_utc)
    except OSError as error:
        raise FrameError(f"{source}: {error.strerror}") from error


@dataclass(frozen=True)
class ImageSet:
    """A folder with a manifest; iterating reads the manifest line by line and never holds all of it."""

    folder: Path

    @property
    def manifest(self) -> Path:
        """The manifest's path."""
        return self.folder / MANIFEST

    def __iter__(self) -> Iterator[Entry]:
        """The entries in the order of the manifest; blank lines are passed over.

        Raises `ImageSetError` for a manifest that is not there and, with its number, for a line that is no
        entry.
        """
        try:
            with self.manifest.open("rb") as lines:
                for number, line in enumerate(lines, start=1):
                    if line.strip():
                        yield self._entry(line, number)
        except OSError as error:
            raise ImageSetError(
                f"{self.manifest}: {error.strerror}; expected a folder with a {MANIFEST}"
            ) from error

    def _entry(self, line: bytes, number: int) -> Entry:
        where = f"{self.manifest} line {number}"
        mapping = _object_from(line, where)
        image = mapping.get("image")
        if not isinstance(image, str) or not image or "\0" in image:
            raise ImageSetError(f"{where}: image is {image!r}; expected the name of a picture in the folder")
        try:
            region = region_from(mapping.get("region"), where)
        except StationError as error:
            raise ImageSetError(str(error)) from error
        return Entry(
            image=image,
            path=self.folder / image,
            instrument=_table(mapping, "instrument", where),
            camera=_table(mapping, "camera", where),
            region=region,
            taken_utc=_text(mapping, "taken_utc", where),
            truth=Truth(
                value=_number(mapping, "truth", where),
                half_width=_number(mapping, "truth_half_width", where),
                family=_text(mapping, "family", where),
                expect_reading=_expect_reading(mapping, where),
                why=_text(mapping, "why", where),
            ),
            line=number,
            where=where,
        )


def is_image_set(path: Path) -> bool:
    """Whether `path` is a folder with a manifest."""
    return (path / MANIFEST).is_file()


def pictures_in(folder: Path) -> list[Path]:
    """The pictures in a folder without a manifest, by name: files with an image's suffix.

    Raises `ImageSetError` where there are none, or no folder.
    """
    try:
        found = sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
    except OSError as error:
        raise ImageSetError(f"{folder}: {error.strerror}; expected a folder of pictures") from error
    if not found:
        raise ImageSetError(
            f"{folder}: holds neither a {MANIFEST} nor pictures ({', '.join(IMAGE_SUFFIXES)})"
        )
    return found


def suffix_of(data: bytes) -> str:
    """`jpg` or `png` by the first bytes of an encoded picture, empty for anything else."""
    if data.startswith(b"\xff\xd8\xff"):
        return "jpg"
    return "png" if data.startswith(b"\x89PNG\r\n\x1a\n") else ""


@contextmanager
def manifest_lock(folder: Path) -> Iterator[None]:
    """While the block runs, no other process changes the set's manifest; waits for one that does."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)  # which lets go of the lock too


def sync_folder(folder: Path) -> None:
    """Put the folder's list of names on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class ImageSetWriter:
    """Keeps frames in a set: each picture as `<sha256>.<jpg|png>`, exactly as it came, and its line.

    A picture or a line that is already there is not written again, so a step that is done twice leaves the
    same set. Everything is on the disk (fsync) before `keep` returns. One writer at a time for one folder.
    """

    def __init__(self, folder: Path) -> None:
        """Open or make the set in `folder`.

        A last line that a crash cut off is removed: its picture was not yet announced to anyone. Raises
        `ImageSetError` where the folder cannot be made or its manifest is damaged elsewhere.
        """
        self._set = ImageSet(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._cut_torn_line()
        except OSError as error:
            raise ImageSetError(f"{folder}: {error.strerror}; expected a folder to write to") from error
        self._lines = self._known_lines()

    def keep(
        self,
        frame: Frame,
        instrument: Mapping[str, Any],
        camera: Mapping[str, Any] | None = None,
        region: Region | None = None,
        family: str = "",
    ) -> str:
        """Store a frame and what it shows; returns the SHA-256 of its bytes, the name it is kept under.

        `family` says, where it is not empty, with which pictures of the set this one is counted. Raises
        `ImageSetError` for a frame that is neither JPEG nor PNG, for a full disk, and where another picture
        lies under the frame's name.
        """
        suffix = suffix_of(frame.data)
        if not suffix:
            raise ImageSetError(
                f"{frame.source}: neither JPEG nor PNG; expected a frame as a camera sends it"
            )
        name = f"{frame.sha256}.{suffix}"
        entry: dict[str, Any] = {"image": name, "instrument": dict(instrument)}
        if camera is not None:
            entry["camera"] = dict(camera)
        if region is not None:
            entry["region"] = list(region)
        if family:
            entry["family"] = family
        key = _canonical(entry)
        if frame.taken_utc:
            entry["taken_utc"] = frame.taken_utc
        try:
            self._store(self._set.folder / name, frame.data)
            if key not in self._lines:
                self._append(_canonical(entry))
                self._lines.add(key)
        except OSError as error:
            raise ImageSetError(
                f"{self._set.folder / name}: {error.strerror}; the frame is not kept"
            ) from error
        return frame.sha256

    def _store(self, path: Path, data: bytes) -> None:
        if path.exists():
            if path.read_bytes() != data:
                raise ImageSetError(
                    f"{path}: holds other bytes than its name says; expected the frame itself"
                )
            return
        partial = path.with_suffix(path.suffix + ".partial")
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        self._sync_folder()

    def _append(self, line: str) -> None:
        with manifest_lock(self._set.folder):
            new = not self._set.manifest.exists()
            with self._set.manifest.open("ab") as file:
                file.write(line.encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            if new:
                self._sync_folder()

    def _sync_folder(self) -> None:
        sync_folder(self._set.folder)

    def _cut_torn_line(self) -> None:
        if not self._set.manifest.exists():
            return
        data = self._set.manifest.read_bytes()
        if data and not data.endswith(b"\n"):
            with self._set.manifest.open("r+b") as file:
                file.truncate(data.rfind(b"\n") + 1)
                os.fsync(file.fileno())

    def _known_lines(self) -> set[str]:
        known: set[str] = set()
        if self._set.manifest.exists():
            for line in self._set.manifest.read_bytes().splitlines():
                entry = _object_from(line, str(self._set.manifest))
                entry.pop(
                    "taken_utc", None
                )  # the same bytes are the same picture, whenever they were fetched
                known.add(_canonical(entry))
        return known


def _canonical(entry: Mapping[str, Any]) -> str:
    return json.dumps(entry, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))


def _object_from(line: bytes, where: str) -> dict[str, Any]:
    try:
        mapping = json.loads(line, parse_constant=_not_finite)
    except (ValueError, RecursionError) as error:  # JSONDecodeError and UnicodeDecodeError are ValueErrors
        raise ImageSetError(f"{where}: not JSON ({error}); expected one object") from error
    if not isinstance(mapping, dict):
        raise ImageSetError(f"{where}: {type(mapping).__name__} found; expected one JSON object")
    return mapping


def _not_finite(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of JSON")


def _table(mapping: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any] | None:
    value = mapping.get(key)
    if value is not None and not isinstance(value, Mapping):
        raise ImageSetError(f"{where}: {key} is {value!r}; expected an object")
    return value


def _text(mapping: Mapping[str, Any], key: str, where: str) -> str:
    value = mapping.get(key)
    if value is not None and not isinstance(value, str):
        raise ImageSetError(f"{where}: {key} is {value!r}; expected text")
    return value or ""


def _number(mapping: Mapping[str, Any], key: str, where: str) -> float | None:
    value = mapping.get(key)
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise ImageSetError(f"{where}: {key} is {value!r}; expected a number")
    return float(value)


def _expect_reading(mapping: Mapping[str, Any], where: str) -> bool:
    value = mapping.get("expect", "reading")
    if value not in ("reading", "no-reading"):
        raise ImageSetError(f"{where}: expect is {value!r}; expected reading or no-reading")
    return bool(value == "reading")

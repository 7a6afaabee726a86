"""What a person says that a picture of a set shows, written into its line of the manifest."""

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vision.errors import ImageSetError
from vision.image_set import ImageSet, manifest_lock, sync_folder


@dataclass(frozen=True)
class Stated:
    """A person's reading of a picture: `value` known to ± `half_width` (None: not said), in the instrument's
    unit; or `unreadable`, with `why`. Nothing of all this: what was said before is taken back.
    """

    value: float | None = None
    half_width: float | None = None
    unreadable: bool = False
    why: str = ""

    def __post_init__(self) -> None:
        for name, number in (("value", self.value), ("half-width", self.half_width)):
            if number is not None and not math.isfinite(number):
                raise ImageSetError(f"the {name} is {number}; expected a finite number")
        if self.half_width is not None and not self.half_width >= 0:
            raise ImageSetError(f"the half-width is {self.half_width:g}; expected a number of at least 0")
        if self.half_width is not None and self.value is None:
            raise ImageSetError("a half-width without a value says nothing; expected both, or neither")
        if self.unreadable and self.value is not None:
            raise ImageSetError("a picture that cannot be read has no value; expected one of the two")


def state_truth(folder: Path, line: int, image: str, stated: Stated) -> None:
    """Write what a person says into line `line` (from 1) of the set's manifest, whole or not at all.

    Every other line stays as it is, to the byte. Raises `ImageSetError` where that line is not, or no longer,
    the one of `image`, or the disk refuses.
    """
    manifest = ImageSet(folder).manifest
    try:
        with manifest_lock(folder):
            lines = manifest.read_bytes().splitlines(keepends=True)
            lines[line - 1] = _changed(lines, line, image, stated, f"{manifest} line {line}")
            beside = manifest.with_name(f".{manifest.name}.part")
            with beside.open("wb") as file:
                file.write(b"".join(lines))
                file.flush()
                os.fsync(file.fileno())
            beside.replace(manifest)
            sync_folder(folder)
    except OSError as error:
        raise ImageSetError(f"{manifest}: {error.strerror}; what was said is not kept") from error


def _changed(lines: list[bytes], line: int, image: str, stated: Stated, where: str) -> bytes:
    entry: Any = None
    if 1 <= line <= len(lines):
        try:
            entry = json.loads(lines[line - 1])
        except ValueError:
            entry = None
    if not isinstance(entry, dict) or entry.get("image") != image:
        raise ImageSetError(f"{where}: is not the line of {image} any more; load the set again")
    for key in ("truth", "truth_half_width", "expect", "why"):
        entry.pop(key, None)
    if stated.unreadable:
        entry["expect"] = "no-reading"
        if stated.why:
            entry["why"] = stated.why
    elif stated.value is not None:
        entry["expect"] = "reading"
        entry["truth"] = stated.value
        if stated.half_width is not None:
            entry["truth_half_width"] = stated.half_width
    return json.dumps(entry, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode() + b"\n"

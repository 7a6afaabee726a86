"""The pictures of a set as the page shows them, and what a person says of them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.errors import NotFoundError, NotNowError
from vision.image_set import Entry, ImageSet, suffix_of
from vision.overlay import encode
from vision.truths import Stated, state_truth

Finite = Annotated[float, Field(allow_inf_nan=False)]
MEDIA_TYPES = {"jpg": "image/jpeg", "png": "image/png"}


class Picture(BaseModel):
    """One line of the set. `value` ± `half_width` is what a person read, in `unit`; None: not yet.

    `unreadable`: a person says that it cannot be read. `known` is true once a person has said anything.
    """

    line: int
    image: str
    family: str
    kind: str
    unit: str
    taken_utc: str
    value: float | None
    half_width: float | None
    unreadable: bool
    why: str
    known: bool


class Said(BaseModel):
    """What a person says of a picture; `image` makes sure that it is the one that was looked at."""

    model_config = ConfigDict(strict=True, extra="forbid")

    image: str
    value: Finite | None = None
    half_width: Annotated[float, Field(ge=0.0, allow_inf_nan=False)] | None = None
    unreadable: bool = False
    why: Annotated[str, Field(max_length=200)] = ""

    @model_validator(mode="after")
    def _not_both(self) -> Self:
        if self.unreadable and self.value is not None:
            raise ValueError("a picture that cannot be read has no value; expected one of the two")
        if self.half_width is not None and self.value is None:
            raise ValueError("a half-width without a value says nothing; expected both, or neither")
        return self


def pictures(folder: Path) -> Iterator[Picture]:
    """The lines of the set, in its order. Raises `ImageSetError` for a manifest that cannot be read."""
    return map(_picture, ImageSet(folder))


def picture_data(folder: Path, line: int) -> tuple[bytes, str]:
    """A picture and its media type: the file as it is, or, where an instrument has its region, that part.

    The part is encoded without loss. Raises `NotFoundError` where the set has no such line, `FrameError` for
    a file that is missing or no picture.
    """
    entry = _entry(folder, line)
    frame = entry.frame()
    suffix = suffix_of(frame.data)
    if entry.region is None and suffix:
        return frame.data, MEDIA_TYPES[suffix]
    image = frame.image
    if entry.region is not None:
        x, y, width, height = entry.region
        part = image[y : y + height, x : x + width]
        image = part if part.size else image
    return encode(np.ascontiguousarray(image), ".png"), MEDIA_TYPES["png"]


def say(folder: Path, line: int, said: Said) -> Picture:
    """Write what a person says into the set; returns the line as it is then.

    Raises `NotFoundError` where the set has no such line, `NotNowError` where it is another picture's,
    `ImageSetError` where the disk refuses.
    """
    entry = _entry(folder, line)
    if entry.image != said.image:
        raise NotNowError(f"{entry.where}: is not the line of {said.image} any more; load the page again")
    state_truth(folder, line, said.image, Stated(said.value, said.half_width, said.unreadable, said.why))
    return _picture(_entry(folder, line))


def _entry(folder: Path, line: int) -> Entry:
    for entry in ImageSet(folder):
        if entry.line == line:
            return entry
    raise NotFoundError(f"{folder}: the set has no line {line}")


def _picture(entry: Entry) -> Picture:
    instrument = entry.instrument or {}
    truth = entry.truth
    return Picture(
        line=entry.line,
        image=entry.image,
        family=truth.family,
        kind=str(instrument.get("kind", "")),
        unit=_unit(instrument),
        taken_utc=entry.taken_utc,
        value=truth.value,
        half_width=truth.half_width,
        unreadable=not truth.expect_reading,
        why=truth.why,
        known=truth.value is not None or not truth.expect_reading,
    )


def _unit(instrument: Mapping[str, Any]) -> str:
    scale = instrument.get("scale")
    holder = scale if isinstance(scale, Mapping) else instrument
    unit = holder.get("unit")
    return unit if isinstance(unit, str) else ""

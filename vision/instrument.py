"""What every kind of instrument has in common: a description, and a reader of its pictures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from vision.frame import Frame
from vision.reading import Answer
from vision.station import CameraGeometry

Region = tuple[int, int, int, int]


class Instrument(Protocol):
    """What a camera looks at, as a manifest or a station file describes it; a frozen value."""

    @property
    def kind(self) -> str:
        """The word for this kind of instrument in manifests and station files."""
        ...

    @property
    def unit(self) -> str:
        """The unit of its readings."""
        ...


class Reader(Protocol):
    """Reads one instrument in the frames of one camera. The same frames give the same digits."""

    def read(self, frame: Frame) -> Answer:
        """The reading of one frame, or why it is refused. Raises `FrameError` for bytes that are no image."""
        ...

    def read_many(self, frames: Sequence[Frame]) -> Answer:
        """Several frames of a value that stands still, combined; refused when under half are readable."""
        ...


Described = TypeVar("Described", bound=Instrument)


@dataclass(frozen=True)
class Kind(Generic[Described]):
    """One kind of instrument: how its description is read, and how its reader is made.

    `described(mapping, where)` raises `StationError`; `reader(instrument, camera, region)` makes a reader for
    a part of the picture (x, y, width, height in pixels), or for all of it where `region` is None.
    """

    described: Callable[[Mapping[str, Any], str], Described]
    reader: Callable[[Described, CameraGeometry, Region | None], Reader]

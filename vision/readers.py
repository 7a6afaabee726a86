"""The registry: from a kind of instrument to the reader for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from vision.frame import Frame
from vision.reading import Answer, Reason, Refusal
from vision.station import CameraGeometry, Instrument, SightGlass

Region = tuple[int, int, int, int]


class Reader(Protocol):
    """Reads one instrument in the frames of one camera. The same frames give the same digits."""

    def read(self, frame: Frame) -> Answer:
        """The reading of one frame, or why it is refused. Raises `FrameError` for bytes that are no image."""
        ...

    def read_many(self, frames: Sequence[Frame]) -> Answer:
        """Several frames of a level that stands still, combined; refused when under half are readable."""
        ...


@dataclass(frozen=True)
class UnsupportedReader:
    """Stands in for a kind of instrument that cannot be read: every picture is refused."""

    kind: str

    def read(self, frame: Frame) -> Answer:
        """The refusal `unsupported`."""
        return Refusal(self.kind, Reason.UNSUPPORTED, f"{frame.source}: there is no reader for a {self.kind}")

    def read_many(self, frames: Sequence[Frame]) -> Answer:
        """The refusal `unsupported`."""
        where = frames[0].source if frames else "no frame"
        return Refusal(self.kind, Reason.UNSUPPORTED, f"{where}: there is no reader for a {self.kind}")


def reader_for(
    instrument: Instrument, camera: CameraGeometry | None = None, region: Region | None = None
) -> Reader:
    """The reader for `instrument` as `camera` sees it.

    `region` (x, y, width, height in pixels) limits the search to a part of the picture; None is the whole.
    """
    if isinstance(instrument, SightGlass):
        from vision.sight_glass import SightGlassReader

        return SightGlassReader(instrument, camera or CameraGeometry(), region)
    return UnsupportedReader(instrument.kind)

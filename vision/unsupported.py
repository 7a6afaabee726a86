"""A kind of instrument that is known by name and not read yet: its pictures are refused as such."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vision.frame import Frame
from vision.instrument import Kind, Region
from vision.reading import Answer, Reason, Refusal
from vision.station import CameraGeometry


@dataclass(frozen=True)
class UnsupportedInstrument:
    """An instrument of which only the kind and the unit are understood."""

    kind: str
    unit: str = ""


@dataclass(frozen=True)
class UnsupportedReader:
    """Refuses every picture as `unsupported`."""

    instrument: UnsupportedInstrument
    camera: CameraGeometry
    region: Region | None

    def read(self, frame: Frame) -> Answer:
        """The refusal."""
        return self.read_many([frame])

    def read_many(self, frames: Sequence[Frame]) -> Answer:
        """The refusal."""
        where, kind = frames[0].source if frames else "no frame", self.instrument.kind
        return Refusal(kind, Reason.UNSUPPORTED, f"{where}: there is no reader for a {kind}")


def unsupported_from(mapping: Mapping[str, Any], where: str) -> UnsupportedInstrument:
    """Kind and unit of a description; nothing else of it is looked at."""
    unit = mapping.get("unit")
    return UnsupportedInstrument(str(mapping["kind"]), unit if isinstance(unit, str) else "")


UNSUPPORTED = Kind(unsupported_from, UnsupportedReader)

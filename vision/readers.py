"""The registry: from the word for a kind of instrument to its description and its reader.

A new kind is one file with both, and one line here.
"""

from collections.abc import Mapping
from typing import Any

from vision.dial.reader import DialReader, dial_from
from vision.display.reader import DisplayReader, display_from
from vision.errors import StationError
from vision.instrument import Instrument, Kind, Reader, Region
from vision.sight_glass.reader import SightGlassReader
from vision.station import CameraGeometry, SightGlass, sight_glass_from
from vision.tape.reader import TapeReader
from vision.thermometer.reader import ThermometerReader, thermometer_from


def _sight_glass_reader(
    instrument: SightGlass, camera: CameraGeometry, region: Region | None = None
) -> Reader:
    """The reader of plates, or of tapes: a scale whose ends and division length nobody states is a tape."""
    scale = instrument.scale
    if scale.first is None and scale.last is None and scale.division_mm is None:
        return TapeReader(instrument, camera, region)
    return SightGlassReader(instrument, camera, region)


KINDS: dict[str, Kind[Any]] = {
    "sight-glass": Kind(sight_glass_from, _sight_glass_reader),
    "dial": Kind(dial_from, DialReader),
    "seven-segment": Kind(display_from, DisplayReader),
    "thermometer": Kind(thermometer_from, ThermometerReader),
}


def instrument_from(mapping: Mapping[str, Any], where: str) -> Instrument:
    """The instrument that a manifest's or station file's `instrument` object describes.

    `where` names the file and line or table for messages. Raises `StationError` for an unknown key or kind,
    a wrong type, or values that contradict each other.
    """
    if not isinstance(mapping, Mapping):
        raise StationError(f"{where}: expected a table that describes an instrument, not {mapping!r}")
    kind = mapping.get("kind")
    if kind not in KINDS:
        said = "kind is missing" if kind is None else f"kind is {kind!r}"
        raise StationError(f"{where}: {said}; expected one of {', '.join(KINDS)}")
    described: Instrument = KINDS[kind].described(mapping, where)
    return described


def reader_for(
    instrument: Instrument, camera: CameraGeometry | None = None, region: Region | None = None
) -> Reader:
    """The reader for `instrument` as `camera` sees it.

    `region` (x, y, width, height in pixels) limits the search to a part of the picture; None is the whole.
    """
    return KINDS[instrument.kind].reader(instrument, camera or CameraGeometry(), region)

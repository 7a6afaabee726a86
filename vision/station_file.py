"""A station: cameras and what they look at, from a TOML file or from the copy in a run's record."""

import math
import tomllib
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from vision.errors import StationError
from vision.instrument import Instrument, Reader, Region
from vision.readers import instrument_from, reader_for
from vision.standard import Standard, standard_from
from vision.station import CameraGeometry, camera_from

STATION_KEYS = ("name", "cameras", "instruments")
DRIVER_KEYS = ("driver", "address", "timeout_s")
GEOMETRY_KEYS = ("matrix", "distortion", "distance_mm", "height_mm")
PLACE_KEYS = (
    "camera",
    "region",
    "shows",
    "standard",
)  # the other keys describe it to its reader
DEFAULT_TIMEOUT_S = 5.0


class Driver(StrEnum):
    """How a camera is asked for a frame."""

    HTTP = "http"
    DEVICE = "device"
    FOLDER = "folder"


@dataclass(frozen=True)
class CameraSettings:
    """A camera of a station.

    `address` is a URL (http), a device's number or path or a stream's address (device), or a folder's path.
    `timeout_s` limits one frame, from asking to the last byte. `geometry` is what the readers need of it, and
    `description` the same as the file states it (the `camera` object of a manifest).
    """

    name: str
    driver: Driver
    address: str
    timeout_s: float
    geometry: CameraGeometry
    description: Mapping[str, Any]

    def mapping(self) -> dict[str, Any]:
        """The camera's table as `station_from` takes it."""
        settings = {"driver": self.driver.value, "address": self.address, "timeout_s": self.timeout_s}
        return settings | deepcopy(dict(self.description))


@dataclass(frozen=True)
class StationInstrument:
    """An instrument that a camera of the station sees, in the whole picture or in `region` of it.

    `region` is (x, y, width, height) in pixels; `description` the `instrument` object of a manifest. `shows`
    names the quantity of the rig that it shows (empty: none), `standard` is its certificate (None: it has
    none); both are for who uses the readings.
    """

    name: str
    camera: str
    instrument: Instrument
    region: Region | None
    description: Mapping[str, Any]
    shows: str = ""
    standard: Standard | None = None

    def mapping(self) -> dict[str, Any]:
        """The instrument's table as `station_from` takes it."""
        region = {} if self.region is None else {"region": list(self.region)}
        shows = {"shows": self.shows} if self.shows else {}
        standard = {} if self.standard is None else {"standard": self.standard.mapping()}
        return {"camera": self.camera} | region | shows | standard | deepcopy(dict(self.description))


@dataclass(frozen=True)
class Station:
    """The cameras of a bench and the instruments that they see, by name."""

    name: str
    cameras: Mapping[str, CameraSettings]
    instruments: Mapping[str, StationInstrument]

    def mapping(self) -> dict[str, Any]:
        """The whole station as plain JSON-able values, for a run's record; `station_from` takes it back."""
        return {
            "name": self.name,
            "cameras": {name: camera.mapping() for name, camera in self.cameras.items()},
            "instruments": {name: instrument.mapping() for name, instrument in self.instruments.items()},
        }

    def instrument(self, name: str | None, where: str = "station") -> StationInstrument:
        """The instrument `name`, or the only one where no name is given.

        Raises `StationError` where there is none of that name, or several to choose from; `where` names the
        station's file in the message.
        """
        if name is None and len(self.instruments) == 1:
            return next(iter(self.instruments.values()))
        names = ", ".join(self.instruments)
        if name is None:
            raise StationError(f"{where}: has several instruments; name one of {names}")
        if name not in self.instruments:
            raise StationError(f"{where}: there is no instrument {name!r}; expected one of {names}")
        return self.instruments[name]

    def reader(self, name: str | None = None) -> Reader:
        """The reader for the instrument `name`, as its camera sees it. Raises `StationError` as above."""
        chosen = self.instrument(name)
        return reader_for(chosen.instrument, self.cameras[chosen.camera].geometry, chosen.region)


def load_station(path: Path) -> Station:
    """The station that a TOML file describes.

    Raises `StationError`, one sentence with the file, the key and what is expected, for a file that is not
    there or not TOML, an unknown key, a wrong type or size, or an instrument that names an unknown camera.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise StationError(f"{path}: {error.strerror}; expected a station file (TOML)") from error
    except UnicodeDecodeError as error:
        raise StationError(f"{path}: not text in UTF-8; expected a station file (TOML)") from error
    try:
        mapping = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StationError(f"{path}: not TOML: {error}") from error
    return station_from(mapping, str(path))


def station_from(mapping: Mapping[str, Any], where: str = "station") -> Station:
    """The station that `mapping` (a parsed file, or the copy in a run's record) describes.

    `where` names its source in messages. Raises `StationError` as `load_station` does.
    """
    _only(mapping, where, STATION_KEYS)
    name = mapping.get("name")
    if not isinstance(name, str) or not name.strip():
        raise _wrong(mapping, where, "name", "the station's name")
    cameras = {
        key: _camera(key, table, f"{where}: cameras.{key}")
        for key, table in _tables(mapping, where, "cameras").items()
    }
    instruments = {
        key: _instrument(key, table, f"{where}: instruments.{key}", cameras)
        for key, table in _tables(mapping, where, "instruments").items()
    }
    return Station(name=name, cameras=cameras, instruments=instruments)


def _camera(name: str, table: Mapping[str, Any], where: str) -> CameraSettings:
    _only(table, where, DRIVER_KEYS + GEOMETRY_KEYS)
    driver = table.get("driver", "")
    if driver not in [*Driver]:
        raise _wrong(table, where, "driver", "one of " + ", ".join(Driver))
    timeout_s = table.get("timeout_s", DEFAULT_TIMEOUT_S)
    if not _is_number(timeout_s) or not 0 < timeout_s <= 3600:
        raise _wrong(table, where, "timeout_s", "seconds above 0 (and at most 3600)")
    description = {key: value for key, value in table.items() if key in GEOMETRY_KEYS}
    return CameraSettings(
        name=name,
        driver=Driver(driver),
        address=_address(table, where, Driver(driver)),
        timeout_s=float(timeout_s),
        geometry=camera_from(description, where),
        description=description,
    )


def _address(table: Mapping[str, Any], where: str, driver: Driver) -> str:
    address = table.get("address")
    if (
        driver is Driver.DEVICE
        and isinstance(address, int)
        and not isinstance(address, bool)
        and address >= 0
    ):
        return str(address)
    if not isinstance(address, str) or not address.strip():
        expected = {
            Driver.HTTP: "the URL of a snapshot, http://…",
            Driver.DEVICE: "a device's number or path, or a stream's address, rtsp://…",
            Driver.FOLDER: "the path of a folder of images",
        }[driver]
        raise _wrong(table, where, "address", expected)
    if driver is Driver.HTTP and not address.startswith(("http://", "https://")):
        raise _wrong(table, where, "address", "the URL of a snapshot, http://… or https://…")
    return address


def _instrument(
    name: str, table: Mapping[str, Any], where: str, cameras: Mapping[str, CameraSettings]
) -> StationInstrument:
    camera = table.get("camera")
    if not isinstance(camera, str) or camera not in cameras:
        raise _wrong(table, where, "camera", "one of the station's cameras: " + ", ".join(cameras))
    shows = table.get("shows", "")
    if not isinstance(shows, str) or ("shows" in table and not shows.strip()):
        raise _wrong(table, where, "shows", "the name of a quantity of the rig")
    standard = table.get("standard")
    description = {key: value for key, value in table.items() if key not in PLACE_KEYS}
    return StationInstrument(
        name=name,
        camera=camera,
        instrument=instrument_from(description, where),
        region=region_from(table.get("region"), where),
        description=description,
        shows=shows,
        standard=None if standard is None else standard_from(standard, f"{where}: standard"),
    )


def region_from(value: object, where: str) -> Region | None:
    """The part of a picture that `[x, y, width, height]` in pixels states; None where nothing is stated.

    Raises `StationError` for anything but four whole numbers with x, y ≥ 0 and width, height ≥ 1.
    """
    if value is None:
        return None
    if (
        not isinstance(value, list | tuple)
        or len(value) != 4
        or not all(isinstance(number, int) and not isinstance(number, bool) for number in value)
        or min(value[:2]) < 0
        or min(value[2:]) < 1
    ):
        raise StationError(
            f"{where}: region is {value!r}; expected [x, y, width, height] in whole pixels, "
            "x and y at least 0, width and height at least 1"
        )
    x, y, width, height = value
    return (x, y, width, height)


def _tables(mapping: Mapping[str, Any], where: str, key: str) -> Mapping[str, Mapping[str, Any]]:
    tables = mapping.get(key)
    if not isinstance(tables, Mapping) or not tables:
        raise _wrong(mapping, where, key, f"at least one table [{key}.<name>]")
    for name, table in tables.items():
        if not isinstance(table, Mapping):
            raise StationError(f"{where}: {key}.{name} is {table!r}; expected a table [{key}.{name}]")
    return tables


def _only(mapping: Mapping[str, Any], where: str, keys: tuple[str, ...]) -> None:
    for key in mapping:
        if key not in keys:
            raise StationError(f"{where}: unknown key {key!r}; expected one of {', '.join(keys)}")


def _wrong(mapping: Mapping[str, Any], where: str, key: str, expected: str) -> StationError:
    if key not in mapping:
        return StationError(f"{where}: {key} is missing; expected {expected}")
    return StationError(f"{where}: {key} is {mapping[key]!r}; expected {expected}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)

"""Stations are loaded strictly and survive the trip through a run's record."""

import copy
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from vision.errors import StationError
from vision.station import SightGlass
from vision.station_file import Driver, Station, load_station, station_from

DEMO = Path(__file__).resolve().parents[2] / "configs/stations/demo.toml"

TWO_OF_EACH = """
name = "bench 2"

[cameras.neck]
driver = "device"
address = 0

[cameras.panel]
driver = "folder"
address = "recorded"
timeout_s = 1

[instruments.neck]
camera = "neck"
kind = "sight-glass"
scale = { unit = "mL", division = 5.0 }

[instruments.pressure]
camera = "panel"
kind = "sight-glass"
scale = { unit = "mm", division = 1.0 }
region = [10, 20, 300, 400]
"""


def _changed(path: str, value: Any) -> dict[str, Any]:
    """The demo station with one key set (or removed, with `...`)."""
    mapping = tomllib.loads(DEMO.read_text())
    *way, key = path.split(".")
    table = mapping
    for word in way:
        table = table[word]
    if value is ...:
        del table[key]
    else:
        table[key] = value
    return mapping


def test_demo_station_is_read_with_its_camera_and_instrument() -> None:
    """The station that ships is loaded with the fields that its file states."""
    station = load_station(DEMO)
    instrument = station.instruments["neck"].instrument
    assert isinstance(instrument, SightGlass)
    assert ("demo", Driver.HTTP, "mL", 20.0) == (
        station.name,
        station.cameras["neck"].driver,
        instrument.scale.unit,
        instrument.scale.division,
    )


def test_several_cameras_and_instruments_with_a_region(tmp_path: Path) -> None:
    """A station has as many cameras and instruments as its file names, each with its own region."""
    path = tmp_path / "two.toml"
    path.write_text(TWO_OF_EACH)
    station = load_station(path)
    assert {"neck": "0", "panel": "recorded"} == {n: c.address for n, c in station.cameras.items()}
    assert (10, 20, 300, 400) == station.instruments["pressure"].region
    assert "mm" == station.instruments["pressure"].instrument.unit
    assert station.instruments["neck"].region is None


def test_a_station_survives_its_record(tmp_path: Path) -> None:
    """The copy in a record, through JSON, gives the same station: a replay needs nothing else."""
    path = tmp_path / "two.toml"
    path.write_text(TWO_OF_EACH)
    for station in (load_station(path), load_station(DEMO)):
        assert station == station_from(json.loads(json.dumps(station.mapping())), "record")


def test_a_mapping_is_not_shared_with_its_station() -> None:
    """What a caller does to the exported mapping does not change the station."""
    station = load_station(DEMO)
    before = copy.deepcopy(station.mapping())
    station.mapping()["cameras"]["neck"]["address"] = "changed"
    assert before == station.mapping()


WRONG = [
    ("instruments.neck.scale.division_mm", 0.0, "division_mm", "above 0"),
    ("instruments.neck.scale.division_mm", -1.0, "division_mm", "above 0"),
    ("instruments.neck.scale.first", 500.0, "last", "above first"),
    ("instruments.neck.scale.first", 400.0, "last", "above first"),
    ("instruments.neck.scale.division", float("inf"), "division", "above 0"),
    ("instruments.neck.scale.offset_mm", float("nan"), "offset_mm", "a number"),
    ("instruments.neck.scale.color", "red", "color", "unknown key"),
    ("instruments.neck.scale.unit", "psi", "unit", "one of"),
    ("instruments.neck.scale", ..., "scale", "a table"),
    ("instruments.neck.tube.inner_diameter_mm", 20.0, "inner_diameter_mm", "below the outer"),
    ("instruments.neck.tube.outer_diameter_mm", "20", "outer_diameter_mm", "above 0"),
    ("instruments.neck.camera", "side", "camera", "one of the station's cameras: neck"),
    ("instruments.neck.camera", ["neck"], "camera", "one of the station's cameras: neck"),
    ("instruments.neck.camera", ..., "camera", "one of the station's cameras: neck"),
    ("instruments.neck.kind", "barometer", "kind", "one of"),
    ("instruments.neck.region", [0, 0, 0, 5], "region", "[x, y, width, height]"),
    ("instruments.neck.region", [0, 0, 5.5, 5], "region", "[x, y, width, height]"),
    ("instruments.neck.region", [0, 0, 5], "region", "[x, y, width, height]"),
    ("instruments.neck", 5, "instruments.neck", "a table"),
    ("instruments", {}, "instruments", "at least one table"),
    ("cameras.neck.driver", "gige", "driver", "one of http, device, folder"),
    ("cameras.neck.driver", ["http"], "driver", "one of http, device, folder"),
    ("cameras.neck.driver", ..., "driver", "one of http, device, folder"),
    ("cameras.neck.address", 8502, "address", "http://"),
    ("cameras.neck.address", "ftp://somewhere", "address", "http://"),
    ("cameras.neck.address", ..., "address", "http://"),
    ("cameras.neck.timeout_s", 0, "timeout_s", "above 0"),
    ("cameras.neck.timeout_s", True, "timeout_s", "above 0"),
    ("cameras.neck.timeout_s", float("nan"), "timeout_s", "above 0"),
    ("cameras.neck.exposure", 5, "exposure", "unknown key"),
    ("cameras.neck.distance_mm", -800.0, "distance_mm", "above 0"),
    ("cameras.neck.matrix", [[1.0, 0.0], [0.0, 1.0]], "matrix", "fx"),
    ("cameras", ..., "cameras", "at least one table"),
    ("name", "", "name", "the station's name"),
    ("lens", "wide", "lens", "unknown key"),
]


@pytest.mark.parametrize(("path", "value", "key", "expected"), WRONG)
def test_what_is_wrong_is_named(path: str, value: Any, key: str, expected: str) -> None:
    """Each wrong field is one sentence with the source, the key and what is expected."""
    with pytest.raises(StationError) as caught:
        station_from(_changed(path, value), "bench.toml")
    message = str(caught.value)
    assert message.startswith("bench.toml: ")
    assert key in message
    assert expected in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"name = ", "not TOML"), (b"\xff\xfe", "not text in UTF-8"), (None, "expected a station file")],
)
def test_a_file_that_is_no_station_file_is_named(
    tmp_path: Path, content: bytes | None, expected: str
) -> None:
    """A missing file, one that is no text, and one that is no TOML are each said in a sentence."""
    path = tmp_path / "bench.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StationError, match=expected) as caught:
        load_station(path)
    assert str(path) in str(caught.value)


def test_the_only_instrument_needs_no_name(tmp_path: Path) -> None:
    """One instrument is found without its name; of several, one must be named."""
    path = tmp_path / "two.toml"
    path.write_text(TWO_OF_EACH)
    several: Station = load_station(path)
    alone = station_from(
        {**several.mapping(), "instruments": {"neck": several.mapping()["instruments"]["neck"]}}
    )
    assert "neck" == alone.instrument(None).name
    assert "pressure" == several.instrument("pressure").name
    with pytest.raises(StationError, match="several instruments; name one of neck, pressure"):
        several.instrument(None)
    with pytest.raises(StationError, match="no instrument 'level'"):
        several.instrument("level")

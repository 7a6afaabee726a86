"""vision/standard.py and the keys of a station's instrument that are not for its reader."""

from datetime import date
from typing import Any

import pytest

from vision.errors import StationError
from vision.standard import Standard, standard_from
from vision.station_file import station_from

TABLE: dict[str, Any] = {
    "name": "gauge",
    "serial": "S-1",
    "certificate": "C-1",
    "source": "a test",
    "due": date(2030, 1, 31),
    "standard_uncertainty": 0.03,
}


def station(**instrument: Any) -> dict[str, Any]:
    """A station with one tube and its scale."""
    neck = {"camera": "one", "kind": "sight-glass", "scale": {"unit": "mL", "division": 20.0}}
    camera = {"driver": "folder", "address": "frames"}
    return {"name": "s", "cameras": {"one": camera}, "instruments": {"neck": {**neck, **instrument}}}


def test_a_certificate_survives_a_record() -> None:
    """Written as plain values and read back, it is the same."""
    standard = standard_from(TABLE, "file")
    assert Standard("gauge", "S-1", "C-1", "a test", date(2030, 1, 31), 0.03) == standard
    assert standard == standard_from(standard.mapping(), "record")


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("due", "soon", "due is 'soon'; expected a date"),
        ("due", None, "due is missing; expected a date"),
        ("standard_uncertainty", None, "standard_uncertainty is missing"),
        ("standard_uncertainty", -1.0, "expected a number of at least 0"),
        ("serial", " ", "expected a text that is not empty"),
        ("accuracy", 1.0, "unknown key 'accuracy'"),
    ],
)
def test_a_certificate_is_read_strictly(key: str, value: Any, sentence: str) -> None:
    """What is missing, unknown or impossible is named with its place."""
    table = {name: entry for name, entry in {**TABLE, key: value}.items() if entry is not None}
    with pytest.raises(StationError, match=sentence):
        standard_from(table, "demo.toml: instruments.neck: standard")


def test_a_station_carries_what_an_instrument_shows() -> None:
    """`shows` and `standard` come back from the station's mapping, and are no part of the description."""
    loaded = station_from(station(shows="balance", standard=TABLE))
    instrument = loaded.instruments["neck"]
    assert ("balance", 0.03) == (
        instrument.shows,
        instrument.standard and instrument.standard.standard_uncertainty,
    )
    assert {"kind", "scale"} == set(instrument.description)
    assert loaded == station_from(loaded.mapping())


def test_showing_nothing_is_not_said_by_an_empty_word() -> None:
    """An empty `shows` is a mistake, not an instrument that shows nothing."""
    with pytest.raises(StationError, match="shows is ''; expected the name of a quantity"):
        station_from(station(shows=""))

"""The reference of a dial's keys has those that the code reads, and says which of them must be there."""

import re
import tomllib
from dataclasses import MISSING, fields
from pathlib import Path

import pytest

from vision.dial.reader import LEAST_TICKS, MOST_TICKS, Dial, dial_from
from vision.errors import StationError

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "station-dial.md"
KEY_OF_FIELD = {"radius_mm": "dial_radius_mm"}  # the one whose key says more than its field


def _rows() -> dict[str, list[str]]:
    """Each key of the page's table with its other cells."""
    rows = re.findall(r"^\| `(\w+)` \|(.*)\|$", PAGE.read_text("utf-8"), re.MULTILINE)
    return {key: [cell.strip() for cell in rest.split("|")] for key, rest in rows}


def _example() -> dict[str, object]:
    """The page's example as a description: without what surrounds every instrument."""
    found = re.search(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert found is not None
    table = tomllib.loads(found.group(1))["instruments"]["line_gauge"]
    return {key: value for key, value in table.items() if key != "camera"}


def test_page_has_the_keys_of_the_code() -> None:
    """No key is missing, and none too many."""
    assert {KEY_OF_FIELD.get(field.name, field.name) for field in fields(Dial)} == set(_rows())


def test_page_says_what_must_be_there() -> None:
    """Only the fields that may be unknown are said to be left out at will."""
    optional = {KEY_OF_FIELD.get(f.name, f.name) for f in fields(Dial) if f.default is not MISSING} - {"kind"}
    assert optional == {key for key, cells in _rows().items() if cells[1] == "no"}


@pytest.mark.parametrize("key", ["unit", "minimum", "maximum", "major_step", "minor_per_major"])
def test_key_that_must_be_there_is_asked_for(key: str) -> None:
    """The example without a key that the page calls necessary is refused by its name."""
    assert "yes" == _rows()[key][1]
    described = {name: value for name, value in _example().items() if name != key}
    with pytest.raises(StationError, match=key):
        dial_from(described, "here")


def test_example_is_a_dial() -> None:
    """The page's example is read, with every key of the table in it."""
    example = _example()
    assert set(_rows()) == set(example)
    assert 51 == dial_from(example, "here").ticks


def test_page_says_how_many_ticks_a_dial_may_have() -> None:
    """The limits on the page are those of the code."""
    assert f"{LEAST_TICKS} to {MOST_TICKS}" in _rows()["minor_per_major"][2]

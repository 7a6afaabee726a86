"""The page on a thermometer's fields says what the code takes, and nothing else."""

import re
import tomllib
from pathlib import Path

import pytest

from vision.errors import StationError
from vision.reading import Reason
from vision.thermometer import reader
from vision.thermometer.printed_numbers import FARTHEST, MOST_CROPS
from vision.thermometer.reader import Thermometer, thermometer_from

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "station-thermometer.md"


def rows_after(heading: str) -> dict[str, str]:
    """The rows of the first table after a heading: the word in the first cell, and the rest."""
    _, text = PAGE.read_text("utf-8").split(heading, 1)
    rows: dict[str, str] = {}
    for line in text.splitlines():
        found = re.match(r"\| `(\w+)` \| (.*) \|$", line)
        if found is not None:
            rows[found[1]] = found[2]
        elif rows:
            break
    return rows


def example() -> dict[str, object]:
    """The example's table."""
    found = re.search(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), re.S)
    assert found is not None
    (table,) = tomllib.loads(found[1])["instruments"].values()
    return dict(table)


def test_every_field_has_its_row() -> None:
    """The fields of the page are those that the reader takes, in its words."""
    assert set(reader.KEYS) == set(rows_after("```\n"))


def test_the_example_is_understood() -> None:
    """What the page shows can be put into a station file."""
    expected = Thermometer("degC", 1.0, 0.0, 50.0, 10.0, 2.2)
    assert expected == thermometer_from(example(), "page")


@pytest.mark.parametrize("key", [key for key in reader.KEYS if key != "kind"])
def test_required_fields_are_marked(key: str) -> None:
    """A field without which a description is refused is marked as required, and no other."""
    table = {name: value for name, value in example().items() if name != key}
    try:
        thermometer_from(table, "page")
        missed = False
    except StationError:
        missed = True
    assert missed == ("required" in rows_after("```\n")[key])


def test_every_unit_is_named() -> None:
    """The units of the page are those that are taken."""
    cell = rows_after("```\n")["unit"].split("|")[0]
    assert list(reader.UNITS) == re.findall(r'"([^"]+)"', cell)


def test_what_is_assumed_is_what_the_page_says() -> None:
    """The assumed offset and length, the overrun, and the refusal's name are the code's."""
    rows, text = rows_after("```\n"), PAGE.read_text("utf-8")
    offset, offset_u = reader.USUAL_OFFSET_MM
    assert f"{offset:.1f} mm ± {offset_u:.1f} mm" in rows["column_offset_mm"]
    length, share = reader.USUAL_LENGTH_MM, reader.USUAL_LENGTH_SHARE
    assert f"{length:g} mm ± {100 * share:g} %" in rows["division_mm"]
    assert (0.5, True) == (reader.OVER_END, "half a division past an end mark" in rows["maximum"])
    assert (4, True, 12, True) == (
        MOST_CROPS,
        "up to four of them" in text.replace("\n", " "),
        FARTHEST,
        "twelve labels" in text,
    )
    assert f"`{Reason.INCONSISTENT_NUMBERING}`" in text


def test_every_term_of_the_uncertainty_has_its_row() -> None:
    """The terms of the page are those of a reading, with that of several frames."""
    source = Path(reader.__file__).read_text("utf-8")
    terms = re.findall(r'^            "(\w+)": ', source, re.M)
    assert [*terms, "frames"] == list(rows_after("## Uncertainty"))

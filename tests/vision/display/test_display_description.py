"""The reference page of a display's description says what the code reads."""

import re
import tomllib
from pathlib import Path

from vision.display.number import Format
from vision.display.reader import KEYS, SevenSegmentDisplay, display_from

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "station-display.md"


def test_every_field_is_on_the_page_and_no_other() -> None:
    """The page's table has a line for each field of a description, in the code's order."""
    listed = re.findall(r"^\| `(\w+)` \|", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    assert list(KEYS) == listed


def test_the_pages_example_is_a_description() -> None:
    """The example is read as it stands, and names every field."""
    block = re.search(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), flags=re.DOTALL)
    assert block is not None
    described = tomllib.loads(block[1])["instruments"]["balance_display"]
    assert set(KEYS) == set(described)
    assert SevenSegmentDisplay("g", Format(6, 1, True)) == display_from(described, "the page")

"""docs/reference/registers.md is what the shipped maps say."""

from control.register_table import DOCUMENT, document, shipped


def test_the_document_is_up_to_date() -> None:
    """Made anew it is the same, and it has every tag of every map."""
    maps = shipped()
    text = DOCUMENT.read_text(encoding="utf-8")
    assert document(maps) == text, "run python -m control.register_table"
    assert all(f"| {name} |" in text for register_map in maps for name in register_map.tags)

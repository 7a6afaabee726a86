"""api/pages/static/tankcal.css"""

import re
from pathlib import Path

import pytest

CSS = Path(__file__).resolve().parents[2] / "api" / "pages" / "static" / "tankcal.css"
TEXT, SIGN = 4.5, 3.0  # WCAG 2.2, 1.4.3 and 1.4.11, level AA
PAIRS = [
    ("ink", "surface", TEXT),
    ("ink", "ground", TEXT),
    ("ink", "raised", TEXT),
    ("ink", "warn-soft", TEXT),
    ("ink", "bad-soft", TEXT),
    ("muted", "surface", TEXT),
    ("muted", "ground", TEXT),
    ("muted", "raised", TEXT),
    ("accent", "surface", TEXT),
    ("accent", "ground", TEXT),
    ("accent", "accent-soft", TEXT),
    ("accent-ink", "accent", TEXT),
    ("good", "good-soft", TEXT),
    ("warn", "warn-soft", TEXT),
    ("bad", "bad-soft", TEXT),
    ("bad-ink", "bad", TEXT),
    ("line-strong", "surface", SIGN),
]


def colours(text: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})", text))


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("front", "back", "least"), PAIRS)
def test_colours_can_be_told_apart(scheme: str, front: str, back: str, least: float) -> None:
    """Every pair of colours that the pages put upon each other has the contrast that WCAG AA asks for."""
    light, _, rest = CSS.read_text(encoding="utf-8").partition("@media (prefers-color-scheme: dark)")
    known = colours(light)
    if scheme == "dark":
        known |= colours(rest.partition("*,")[0])
    bright, dim = sorted((luminance(known[front]), luminance(known[back])), reverse=True)
    assert (bright + 0.05) / (dim + 0.05) >= least

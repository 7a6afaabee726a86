"""`tankcal annotate` as an engineer meets it: in a browser, by keyboard."""

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import expect, sync_playwright
from processes import start

from vision.frame import Frame
from vision.image_set import ImageSet, ImageSetWriter, Truth

CHROMIUM = Path("/usr/bin/chromium")
DIAL = {"kind": "dial", "unit": "bar", "minimum": 0.0, "maximum": 2.5}

pytestmark = pytest.mark.browser


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A set of four pictures of one dial."""
    writer = ImageSetWriter(tmp_path / "set")
    for shade in (40, 90, 140, 190):
        _, data = cv2.imencode(".png", np.full((60, 60, 3), shade, np.uint8))
        writer.keep(Frame(data.tobytes(), "a test"), DIAL, family="line_gauge")
    return tmp_path / "set"


def test_a_set_is_annotated_by_keyboard_and_taken_up_again(folder: Path, tmp_path: Path) -> None:
    """Type, Enter, next; Alt+X for what cannot be read; a second session begins at the first open picture."""
    if not CHROMIUM.exists():
        if os.environ.get("CI"):
            pytest.fail(f"no {CHROMIUM}")
        pytest.skip(f"no {CHROMIUM}")
    service = start("annotate", str(folder), "--port", "0", "--json", temporary=tmp_path)
    wrong: list[str] = []
    try:
        assert service.stdout is not None
        address = json.loads(service.stdout.readline())["address"]
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = browser.new_page()
            page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.goto(address)
            caption, count = page.locator("[data-caption]"), page.locator("[data-count]")
            expect(caption).to_contain_text("1 / 4")
            page.keyboard.type("1,24")
            page.keyboard.press("Tab")
            page.keyboard.type("0.01")
            page.keyboard.press("Enter")
            expect(caption).to_contain_text("2 / 4")
            page.keyboard.press("Alt+x")
            expect(caption).to_contain_text("3 / 4")
            page.keyboard.type("abc")
            page.keyboard.press("Enter")
            expect(page.get_by_role("alert")).to_have_text("Reading: expected a number")
            page.locator("[data-value]").fill("2")
            page.keyboard.press("Enter")  # the half-width is proposed from the picture before
            expect(count).to_have_text("3 / 4")
            page.reload()
            expect(caption).to_contain_text("4 / 4")
            page.keyboard.press("PageUp")
            page.keyboard.press("Alt+Delete")
            expect(count).to_have_text("2 / 4")
            browser.close()
    finally:
        service.terminate()
        assert 0 == service.wait(20)
        if service.stdout is not None:
            service.stdout.close()
    assert [] == wrong
    assert [
        Truth(1.24, 0.01, "line_gauge"),
        Truth(None, None, "line_gauge", expect_reading=False),
        Truth(None, None, "line_gauge"),
        Truth(None, None, "line_gauge"),
    ] == [entry.truth for entry in ImageSet(folder)]

"""api/annotation: the page of a set, its pictures, and what is said of them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from fastapi.testclient import TestClient

from api.annotation.app import create_annotation_app
from vision.frame import Frame
from vision.image_set import ImageSet, ImageSetWriter, Truth

HOST = "http://127.0.0.1"
DIAL = {"kind": "dial", "unit": "bar", "minimum": 0.0, "maximum": 2.5}
GLASS = {"kind": "sight-glass", "scale": {"unit": "mL", "division": 20.0}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A picture of a dial in a part of it, and of a sight glass."""
    writer = ImageSetWriter(tmp_path / "bench")
    image = np.zeros((40, 60, 3), np.uint8)
    image[10:30, 20:50] = 200
    _, data = cv2.imencode(".png", image)
    writer.keep(Frame(data.tobytes(), "a test"), DIAL, None, (20, 10, 30, 20), "line_gauge")
    _, data = cv2.imencode(".jpg", image)
    writer.keep(Frame(data.tobytes(), "a test", "2026-11-24T02:10:00.000Z"), GLASS)
    return tmp_path / "bench"


@pytest.fixture
def client(folder: Path) -> Iterator[TestClient]:
    """The service over the set."""
    with TestClient(create_annotation_app(folder), base_url=HOST) as client:
        yield client


def image(folder: Path, line: int) -> str:
    """The picture of a line."""
    return next(entry.image for entry in ImageSet(folder) if entry.line == line)


def truth(folder: Path, line: int) -> Truth:
    """What the manifest says of a line."""
    return next(entry.truth for entry in ImageSet(folder) if entry.line == line)


def test_the_page_shows_every_picture_and_no_reading(client: TestClient) -> None:
    """The set's lines are in the page; its policy lets nothing in from elsewhere, no script in line."""
    page = client.get("/")
    assert (200, "no-store") == (page.status_code, page.headers["cache-control"])
    assert "default-src 'self'" in page.headers["content-security-policy"]
    data = json.loads(re.findall(r'id="annotate-data">(.*?)</script>', page.text)[0])
    assert [("line_gauge", "dial", "bar"), ("", "sight-glass", "mL")] == [
        (one["family"], one["kind"], one["unit"]) for one in data["pictures"]
    ]
    assert [False, False] == [one["known"] for one in data["pictures"]]
    scripts = re.findall(r"<script([^>]*)>", page.text)
    assert all('src="/static/' in one or 'type="application/json"' in one for one in scripts)


@pytest.mark.parametrize("name", ["annotate.js", "annotate.css", "tankcal.css", "mark.svg"])
def test_the_pages_parts_are_served(client: TestClient, name: str) -> None:
    """All that the page asks for is there."""
    assert 200 == client.get(f"/static/{name}").status_code


def test_the_page_speaks_the_readers_language(client: TestClient) -> None:
    """Traditional Chinese where the browser asks for it."""
    assert "判讀影像" in client.get("/", headers={"Accept-Language": "zh-TW"}).text


def test_an_instruments_part_is_shown_without_loss(client: TestClient) -> None:
    """The region alone as PNG; a picture without a region is the file itself."""
    part = client.get("/api/pictures/1/image")
    pixels = cv2.imdecode(np.frombuffer(part.content, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    assert ("image/png", (20, 30, 3), 200) == (part.headers["content-type"], pixels.shape, pixels.min())
    whole = client.get("/api/pictures/2/image")
    assert ("image/jpeg", b"\xff\xd8\xff") == (whole.headers["content-type"], whole.content[:3])


def test_a_reading_is_on_the_disk_when_the_answer_comes(client: TestClient, folder: Path) -> None:
    """Value and half-width in the manifest, and in the answer."""
    said = {"image": image(folder, 1), "value": 1.24, "half_width": 0.01}
    answer = client.put("/api/pictures/1", json=said)
    assert (200, 1.24, 0.01, True) == (
        answer.status_code,
        *(answer.json()[key] for key in ("value", "half_width", "known")),
    )
    assert Truth(1.24, 0.01, "line_gauge") == truth(folder, 1)
    assert [True, False] == [one["known"] for one in client.get("/api/pictures").json()]


def test_unreadable_is_an_answer_and_can_be_taken_back(client: TestClient, folder: Path) -> None:
    """The set then expects no reading; an empty answer forgets it."""
    name = image(folder, 2)
    client.put("/api/pictures/2", json={"image": name, "unreadable": True})
    assert not truth(folder, 2).expect_reading
    assert not client.put("/api/pictures/2", json={"image": name}).json()["known"]
    assert Truth() == truth(folder, 2)


@pytest.mark.parametrize(
    ("line", "said", "status"),
    [
        (1, {"value": 1.0}, 422),
        (1, {"image": "x", "value": "1.0"}, 422),
        (1, {"image": "x", "value": 1.0, "half_width": -1.0}, 422),
        (1, {"image": "x", "half_width": 1.0}, 422),
        (1, {"image": "x", "value": 1.0, "unreadable": True}, 422),
        (1, {"image": "x", "value": 1.0, "verdict": "pass"}, 422),
        (1, {"image": "x", "value": 1.0}, 409),
        (9, {"image": "x", "value": 1.0}, 404),
    ],
)
def test_a_wrong_answer_changes_nothing(
    client: TestClient, folder: Path, line: int, said: dict[str, object], status: int
) -> None:
    """What is missing, of the wrong type, contradictory or of another picture is refused with a sentence."""
    before = (folder / "manifest.jsonl").read_bytes()
    answer = client.put(f"/api/pictures/{line}", json=said)
    assert (status, True) == (answer.status_code, bool(answer.json()["detail"]))
    assert before == (folder / "manifest.jsonl").read_bytes()


def test_another_sites_page_may_not_write(client: TestClient, folder: Path) -> None:
    """A request from elsewhere is refused; so is another host's name."""
    said = {"image": image(folder, 1), "value": 1.0}
    foreign = client.put("/api/pictures/1", json=said, headers={"Origin": "http://elsewhere.test"})
    assert 403 == foreign.status_code
    assert 400 == client.get("/", headers={"Host": "elsewhere.test"}).status_code


def test_a_picture_that_is_gone_is_said_so(client: TestClient, folder: Path) -> None:
    """A missing file is one sentence, not a broken page."""
    (folder / image(folder, 2)).unlink()
    answer = client.get("/api/pictures/2/image")
    assert answer.status_code >= 400
    assert "No such file" in answer.text

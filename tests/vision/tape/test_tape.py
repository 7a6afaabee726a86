"""A level beside a tape is read from lines, numerals and surface together, or refused with the right word."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from tape_drawing import TapeScene

import vision.tape.reader
from vision.errors import FrameError
from vision.frame import Frame
from vision.numerals import numeral_reader
from vision.readers import instrument_from, reader_for
from vision.reading import Answer, Reading, Reason, Refusal
from vision.sight_glass.reader import SightGlassReader
from vision.tape.reader import TapeReader

SCALE = {"unit": "cm", "division": 0.1, "label_every": 10, "increases": "down"}
# A fixed handful: two grounds, both colours of print, both sides, two and three digits.
PHOTOGRAPHS = ("0339", "070c", "0c29", "1077", "15c5", "2d85", "4f81", "5a86", "b2bd", "dd1e")
TRUTH_U_CM = 0.1 / np.sqrt(12)  # the authors' readings are rounded to 0.1 cm

needs_ocr = pytest.mark.skipif(
    numeral_reader() is None, reason="the text recogniser is not installed (pip install tankcal[ocr])"
)


def _read(data: bytes, region: tuple[int, int, int, int] | None = None, **changes: Any) -> Answer:
    instrument = instrument_from({"kind": "sight-glass", "scale": {**SCALE, **changes}}, "test")
    return reader_for(instrument, region=region).read(Frame(data, "drawn.png"))


def _png(image: np.ndarray) -> bytes:
    return cv2.imencode(".png", image)[1].tobytes()


@needs_ocr
@pytest.mark.parametrize(
    "scene",
    [
        TapeScene(),
        TapeScene(tilt_deg=3.0, first_number=118),
        TapeScene(tube=1, dark_above=43),
        TapeScene(tilt_deg=-4.0, level_px=80.2, division_px=17.1),
        TapeScene(first_number=7, level_px=40.9),
    ],
)
def test_a_drawn_level_is_read_within_its_uncertainty(scene: TapeScene) -> None:
    """Half a millimetre on a drawn tape, whatever its place, tilt and colours."""
    answer = _read(scene.encoded())
    assert isinstance(answer, Reading), answer
    assert pytest.approx(scene.level, abs=0.03) == answer.value
    assert abs(answer.value - scene.level) <= 2 * answer.standard_uncertainty


@needs_ocr
def test_numbers_that_grow_upwards() -> None:
    """The same tape the other way up, stated or not."""
    scene = TapeScene(down=False, first_number=60)
    stated, unstated = _read(scene.encoded(), increases="up"), _read(scene.encoded(), increases=None)
    assert isinstance(stated, Reading) and isinstance(unstated, Reading)
    assert (pytest.approx(scene.level, abs=0.03), stated.value) == (stated.value, unstated.value)


@needs_ocr
def test_terms_make_the_uncertainty() -> None:
    """The standard uncertainty is the root of the sum of squares of its named terms."""
    answer = _read(TapeScene().encoded())
    assert isinstance(answer, Reading)
    assert {"surface", "lattice", "meniscus", "line of sight"} == set(answer.terms)
    assert pytest.approx(answer.standard_uncertainty) == np.sqrt(sum(t * t for t in answer.terms.values()))


@needs_ocr
def test_the_drawing_lies_on_the_picture() -> None:
    """Marks carry their numerals, and the level's line lies at the surface, in pixels of the frame."""
    scene = TapeScene()
    answer = _read(scene.encoded())
    assert isinstance(answer, Reading) and answer.drawing.level is not None
    assert pytest.approx(scene.level_px, abs=0.8) == answer.drawing.level[1]
    rows = {mark[4]: 0.5 * (mark[1] + mark[3]) for mark in answer.drawing.marks}
    assert pytest.approx(scene.first_mark_px + 2 * scene.division_px - 0.5, abs=0.5) == rows["43"]


@needs_ocr
def test_a_region_of_a_larger_picture() -> None:
    """Only the part of the picture that the station names is looked at, and drawn where it is."""
    scene = TapeScene()
    large = np.full((200, 260, 3), 150, np.uint8)
    large[50:170, 90:210] = scene.picture()
    answer = _read(_png(large), region=(90, 50, 120, 120))
    assert isinstance(answer, Reading) and answer.drawing.level is not None
    assert pytest.approx(scene.level, abs=0.03) == answer.value
    assert pytest.approx(50 + 66.4, abs=0.8) == answer.drawing.level[1]


@needs_ocr
def test_a_large_picture_reads_like_a_small_one() -> None:
    """Five times the pixels are the same level, drawn at five times the place."""
    scene = TapeScene()
    large = cv2.resize(scene.picture(), None, fx=5, fy=5, interpolation=cv2.INTER_CUBIC)
    answer = _read(_png(large))
    assert isinstance(answer, Reading) and answer.drawing.level is not None
    assert pytest.approx(scene.level, abs=0.04) == answer.value
    assert pytest.approx(5 * 66.4, abs=4.0) == answer.drawing.level[1]


@needs_ocr
def test_several_frames_are_one_reading() -> None:
    """The median of readable frames, with their scatter as a term; a bad frame is named."""
    instrument = instrument_from({"kind": "sight-glass", "scale": SCALE}, "test")
    good = [Frame(TapeScene(level_px=level).encoded(), "good") for level in (66.2, 66.4, 66.6)]
    bad = Frame(TapeScene(tube=0).encoded(), "bad")
    answer = reader_for(instrument).read_many([*good, bad])
    assert isinstance(answer, Reading)
    assert pytest.approx(TapeScene().level, abs=0.03) == answer.value
    assert answer.terms["frames"] > 0
    assert any("1 of 4 frames" in note for note in answer.notes)
    refused = reader_for(instrument).read_many([bad, bad, good[0]])
    assert isinstance(refused, Refusal) and refused.reason is Reason.NO_TUBE


@needs_ocr
@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (TapeScene(tube=0).picture(), Reason.NO_TUBE),
        (TapeScene(level_px=None).picture(), Reason.NO_MENISCUS),
        (np.full((120, 120, 3), 140, np.uint8), Reason.NO_SCALE),
        (np.full((120, 120, 3), 8, np.uint8), Reason.DARK),
        (np.full((120, 120, 3), 255, np.uint8), Reason.OVEREXPOSED),
        (cv2.GaussianBlur(TapeScene().picture(), (0, 0), 6), Reason.BLURRED),
        (TapeScene().picture()[:, :78], Reason.NO_SCALE),
    ],
)
def test_what_cannot_be_read_is_refused(image: np.ndarray, reason: Reason) -> None:
    """Each defect has its word; the last two are out of focus and cut through the numerals."""
    answer = _read(_png(image))
    assert isinstance(answer, Refusal), answer
    assert reason is answer.reason


def test_without_the_recogniser_the_way_to_get_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The optional extra is missing: refused as unsupported, with what to install."""
    monkeypatch.setattr(vision.tape.reader, "numeral_reader", lambda: None)
    answer = _read(TapeScene().encoded())
    assert isinstance(answer, Refusal)
    assert (Reason.UNSUPPORTED, True) == (answer.reason, "pip install tankcal[ocr]" in answer.detail)


@pytest.mark.parametrize("label_every", [None, 7])
def test_a_scale_that_nobody_describes_is_unsupported(label_every: int | None) -> None:
    """Without label_every, or with numerals that are no whole numbers, the refusal says what is expected."""
    answer = _read(TapeScene().encoded(), label_every=label_every)
    assert isinstance(answer, Refusal)
    assert (Reason.UNSUPPORTED, True) == (answer.reason, "label_every" in answer.detail)


def test_bytes_that_are_no_image() -> None:
    """They are an error of the frame, not a refusal."""
    with pytest.raises(FrameError, match="not an image"):
        _read(b"nothing")


def test_only_scales_without_ends_are_tapes() -> None:
    """A scale whose ends or division length are stated goes to the reader of plates."""
    tape = instrument_from({"kind": "sight-glass", "scale": SCALE}, "test")
    plate = instrument_from({"kind": "sight-glass", "scale": {**SCALE, "division_mm": 1.0}}, "test")
    assert (TapeReader, SightGlassReader) == (type(reader_for(tape)), type(reader_for(plate)))


@needs_ocr
@pytest.mark.shared
def test_photographs_are_read_to_a_millimetre(shared: Path) -> None:
    """A fixed handful of photographs: each read within 0.1 cm of its authors, and within its uncertainty."""
    folder = shared / "images" / "tube-and-tape"
    rows = [json.loads(line) for line in (folder / "manifest.jsonl").read_text("utf-8").splitlines()]
    picked = [row for row in rows if row["image"].startswith(PHOTOGRAPHS)]
    errors, limits = [], []
    for row in picked:
        reader = reader_for(instrument_from(row["instrument"], row["image"]))
        answer = reader.read(Frame((folder / row["image"]).read_bytes(), row["image"]))
        assert isinstance(answer, Reading), answer
        errors.append(abs(answer.value - row["truth"]))
        limits.append(2 * float(np.hypot(answer.standard_uncertainty, TRUTH_U_CM)))
    assert len(PHOTOGRAPHS) == len(picked)
    assert max(errors) <= 0.1
    assert float(np.median(errors)) <= 0.06
    assert all(error <= limit for error, limit in zip(errors, limits, strict=True))

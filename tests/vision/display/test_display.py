"""The reader of seven-segment displays, on displays of many designs that the tests draw."""

from dataclasses import replace
from math import sqrt

import cv2
import numpy as np
import pytest
from display_drawing import Design, View, drawn_at_random, jpeg, photograph

from vision.display.number import Format
from vision.display.reader import DisplayReader, SevenSegmentDisplay, Track, display_from
from vision.errors import FrameError, StationError
from vision.frame import Frame
from vision.instrument import Region
from vision.overlay import draw
from vision.readers import instrument_from, reader_for
from vision.reading import Answer, Reading, Reason, Refusal
from vision.station import CameraGeometry

LED = Design("12.5", 4, background=(30, 28, 26), ink=(50, 50, 240), ghost=0.1, shadow=0.1)
LCD = Design("12.5", 4)


def _read(design: Design, view: View | None = None, format_: Format | None = None) -> Answer:
    reader = _reader(format_ or Format())
    return reader.read(_frame(design, view))


def _reader(format_: Format, region: Region | None = None) -> DisplayReader:
    return DisplayReader(SevenSegmentDisplay("kg", format_), CameraGeometry(), region)


def _frame(design: Design, view: View | None = None, taken_utc: str = "") -> Frame:
    view = view or View()
    return Frame(jpeg(photograph(design, view), view.quality), design.text, taken_utc)


def _value(answer: Answer) -> float:
    assert isinstance(answer, Reading), answer
    return answer.value


def test_a_description_is_read_with_each_field_or_without() -> None:
    """The fields arrive as they stand; what is not stated is unknown, not zero."""
    full = {"kind": "seven-segment", "unit": "g", "digits": 6, "decimals": 2, "signed": True}
    assert SevenSegmentDisplay("g", Format(6, 2, True)) == display_from(full, "here")
    assert SevenSegmentDisplay("", Format(None, None, None)) == display_from(
        {"kind": "seven-segment"}, "here"
    )
    assert ("seven-segment", "g") == (instrument_from(full, "here").kind, instrument_from(full, "here").unit)
    assert isinstance(reader_for(instrument_from(full, "here")), DisplayReader)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("unit", 3, "unit is 3; expected text"),
        ("digits", 0, "digits is 0; expected a whole number of at least 1"),
        ("digits", 2.5, "digits is 2.5"),
        ("decimals", -1, "decimals is -1; expected a whole number of at least 0"),
        ("decimals", True, "decimals is True"),
        ("decimals", 5, "expected at most 4, for a display of 5 digits"),
        ("signed", 1, "signed is 1; expected true or false"),
        ("digit", 4, "unknown key 'digit'"),
    ],
)
def test_a_wrong_description_is_named(field: str, value: object, words: str) -> None:
    """Key, value and what is expected stand in the message, and where."""
    described = {"kind": "seven-segment", "unit": "g", "digits": 5, field: value}
    with pytest.raises(StationError, match="line 7: .*" + words.split(";", maxsplit=1)[0]):
        display_from(described, "line 7")


@pytest.mark.parametrize(
    "text", ["0123", "4567", "89.01", "-2.345", "77.7", "1.11", "-0.08", "60", "9", "8888"]
)
@pytest.mark.parametrize("base", [LED, LCD], ids=["led", "lcd"])
def test_every_sign_is_read(text: str, base: Design) -> None:
    """Digits, sign and point come out as displayed, leading blanks or none."""
    design = replace(base, text=text, cells=7)
    decimals = len(text.partition(".")[2])
    assert float(text) == _value(_read(design, format_=Format(6, decimals, text.startswith("-"))))
    assert float(text) == _value(_read(design))


@pytest.mark.parametrize(
    "change",
    [
        {"tails": False},
        {"seven_hook": True},
        {"slant": 0.2},
        {"slant": 0.0},
        {"stroke": 0.17, "pitch": 0.73},
        {"stroke": 0.06},
        {"ends": "blunt"},
        {"ghost": 0.14},
        {"width": 0.42, "pitch": 0.9},
        {"background": (200, 60, 30), "ink": (250, 240, 235)},
        {"background": (40, 40, 190), "ink": (20, 15, 25)},
        {"background": (20, 20, 20), "ink": (255, 40, 10)},
        {"background": (120, 130, 125), "ink": (75, 80, 78), "ghost": 0.02},
        {"glare": 0.3},
    ],
    ids=str,
)
def test_designs_are_read(change: dict[str, object]) -> None:
    """Tailless 6 and 9, hooked 7, slant, heavy and fine strokes, ghosts, colours, faint ink, a reflection."""
    design = replace(LCD, text="967.4", cells=5, **change)  # type: ignore[arg-type]  # fields by name
    assert 967.4 == _value(_read(design, format_=Format(5, 1, False)))


@pytest.mark.parametrize(
    "view",
    [
        View(roll_deg=14),
        View(roll_deg=-14, share=0.5),
        View(tilt=(0.2, 0.0)),
        View(tilt=(-0.15, 0.15)),
        View(blur_px=2.6, noise=6, quality=50),
        View(exposure=0.4),
        View(share=0.25),
        View(share=0.95),
        View(size=(1920, 1200)),
        View(size=(320, 200)),
    ],
    ids=str,
)
@pytest.mark.parametrize("base", [LED, LCD], ids=["led", "lcd"])
def test_views_are_read(view: View, base: Design) -> None:
    """Turned, oblique, blurred, noisy, dark, near, far, large and small pictures."""
    assert -30.82 == _value(_read(replace(base, text="-30.82", cells=6), view, Format(5, 2, True)))


@pytest.mark.parametrize("text", ["-3.07", "46.2"])
@pytest.mark.parametrize(
    "words",
    [("kg", 3.15, 1.0, 0.35), ("g", 3.15, 1.0, 0.4), ("o", -0.45, 0.6, 0.3), ("d=0.01", 0.0, -0.25, 0.2)],
    ids=["unit", "short unit", "symbol", "label"],
)
def test_a_panels_words_and_marks_are_no_digits(text: str, words: tuple[str, float, float, float]) -> None:
    """A unit beside the digits, a symbol before them, a label above: the number is still the number."""
    design = replace(LCD, text=text, cells=4, print=(words,), margin=(0.75, 0.6))
    assert float(text) == _value(_read(design))


def test_a_short_minus_is_not_missed() -> None:
    """A minus that is no digit's middle segment is read as one; where it may be one, nothing is read."""
    design = replace(LCD, text="-3.07", cells=4, width=0.6, stroke=0.09, short_minus=True)
    assert -3.07 == _value(_read(design))
    doubtful = _read(replace(design, stroke=0.16))
    assert isinstance(doubtful, Refusal) or -3.07 == doubtful.value


def test_the_uncertainty_is_the_resolution() -> None:
    """One step of the last digit, over √12, is the only term; the chance of a misread sign is said."""
    answer = _read(LCD, format_=Format(4, 1, False))
    assert isinstance(answer, Reading)
    assert {"resolution": 0.1 / sqrt(12)} == answer.terms
    assert 0.1 / sqrt(12) == answer.standard_uncertainty
    assert "12.5 is misread with a probability of less than 0.0001" in answer.notes
    assert "kg" == answer.unit


def test_the_segments_are_drawn() -> None:
    """A line is drawn for each lit segment, and each sign stands under its digit, from left to right."""
    frame = _frame(replace(LCD, text="-1.7", cells=3))
    answer = _reader(Format()).read(frame)
    assert ["-", "1", "7"] == [mark[4] for mark in answer.drawing.marks]
    assert 1 + 2 + 3 == len(answer.drawing.curves)
    assert sorted(mark[0] for mark in answer.drawing.marks) == [mark[0] for mark in answer.drawing.marks]
    gray = cv2.GaussianBlur(frame.image, (0, 0), 1.5).min(axis=2)
    for _, line in answer.drawing.curves:
        x, y = line.mean(axis=0)
        assert gray[round(y), round(x)] < 80
    assert frame.image.shape == draw(frame, answer).shape


@pytest.mark.parametrize(
    ("text", "format_", "words"),
    [
        ("12.5", Format(2, 1, None), "it has 2 digits"),
        ("12.5", Format(3, 2, None), "with 1 decimals, but its format has 2"),
        ("12.5", Format(3, 0, None), "with 1 decimals, but its format has 0"),
        ("125", Format(3, 1, None), "without a decimal point, but its format has 1 decimals"),
        ("1.2.5", Format(), "with 2 decimal points"),
        ("-1.5", Format(3, 1, False), "it has no sign"),
        ("E12", Format(), "no digit"),
        ("Lo", Format(), "no digit"),
        ("2 5", Format(), "no number"),
    ],
)
def test_what_contradicts_the_format_is_refused(text: str, format_: Format, words: str) -> None:
    """The station's format is a check: a display that shows something else is ambiguous, and it says why."""
    answer = _read(replace(LCD, text=text, cells=4), format_=format_)
    assert isinstance(answer, Refusal), answer
    assert Reason.AMBIGUOUS == answer.reason
    assert words in answer.detail


def test_a_display_that_is_off_is_no_display() -> None:
    """Ghosts alone are not read as eights."""
    for design in (replace(LED, text=" ", cells=5, ghost=0.15), replace(LCD, text=" ", cells=5, ghost=0.2)):
        answer = _read(design)
        assert isinstance(answer, Refusal), answer


def test_of_two_displays_a_region_says_which() -> None:
    """Two displays of one size are ambiguous; with a region each is read, in pixels of the whole picture."""
    upper, lower = (photograph(replace(LCD, text=text, cells=4), View()) for text in ("12.5", "48.6"))
    data = jpeg(np.vstack([upper, lower]))
    frame = Frame(data, "two")
    both = _reader(Format()).read(frame)
    assert isinstance(both, Refusal)
    assert (Reason.AMBIGUOUS, True) == (both.reason, "12.5 and 48.6" in both.detail)
    top = _reader(Format(), (0, 0, 960, 600)).read(frame)
    bottom = _reader(Format(), (0, 600, 960, 600)).read(frame)
    assert (12.5, 48.6) == (_value(top), _value(bottom))
    assert all(600 < mark[1] < 1200 for mark in bottom.drawing.marks)


def test_a_live_display_is_followed() -> None:
    """While digits change in place the row is only confirmed; the value is that of the whole search."""
    reader = _reader(Format(4, 1, True))
    view = View(roll_deg=5, tilt=(0.05, 0.05), noise=3)
    answer, track = reader.track(_frame(replace(LED, text="12.5"), view), None)
    assert 12.5 == _value(answer)
    for seed, text in enumerate(("12.6", "18.9", "47.3", "80.0")):
        assert isinstance(track, Track)
        frame = _frame(replace(LED, text=text), replace(view, seed=seed))
        before = track
        answer, track = reader.track(frame, before)
        assert float(text) == _value(answer)
        assert isinstance(track, Track)
        assert np.array_equal(before.seen.row.matrix, track.seen.row.matrix)
        assert answer == reader.read(frame)


@pytest.mark.parametrize("text", ["112.5", "-12.5", "2.5", "0"])
def test_another_number_of_digits_is_searched_anew(text: str) -> None:
    """A digit or a sign that comes or goes is not missed."""
    reader = _reader(Format())
    design = replace(LCD, cells=6)
    _, track = reader.track(_frame(design), None)
    answer, _ = reader.track(_frame(replace(design, text=text)), track)
    assert float(text) == _value(answer)


def test_a_camera_that_was_moved_is_noticed() -> None:
    """Where the digits are not any more the whole search finds them; where nothing is, none is read."""
    reader = _reader(Format(4, 1, True))
    _, track = reader.track(_frame(LCD), None)
    answer, again = reader.track(_frame(LCD, View(offset=(0.08, -0.05), roll_deg=4)), track)
    assert 12.5 == _value(answer)
    assert again is not None
    nothing = Frame(jpeg(np.full((600, 960, 3), 140, np.uint8)), "wall")
    gone, left = reader.track(nothing, again)
    assert isinstance(gone, Refusal)
    assert left is None
    smaller = _frame(LCD, View(size=(640, 400)))
    assert 12.5 == _value(reader.track(smaller, track)[0])


def test_the_same_frame_gives_the_same_answer() -> None:
    """Whatever else was read, and whether the frame was decoded before."""
    frame = _frame(LED, View(noise=5, seed=4))
    first = _reader(Format()).read(Frame(frame.data, "a"))
    second = _reader(Format()).read(Frame(frame.data, "b"))
    decoded = Frame(frame.data, "c")
    assert (600, 960, 3) == decoded.image.shape
    assert first == second
    assert first == _reader(Format()).read(decoded)


def test_bytes_that_are_no_image_are_named() -> None:
    """No traceback of a decoder: an error of this room."""
    with pytest.raises(FrameError, match="torn: not an image"):
        _reader(Format()).read(Frame(b"\xff\xd8nothing", "torn"))


def test_drawn_displays_are_read_exactly() -> None:
    """Of displays of any design, plain and hard, none is misread and nearly all are read."""
    wrong, read, count = [], 0, 0
    for seed in range(5000, 5040):
        design, view, described, value = drawn_at_random(seed, hard=bool(seed % 2))
        reader = DisplayReader(display_from(described, str(seed)), CameraGeometry())
        answer = reader.read(_frame(design, view))
        count += 1
        if isinstance(answer, Reading):
            read += 1
            if abs(answer.value - value) > 1e-9:
                wrong.append((seed, value, answer.value))
    assert [] == wrong
    assert read >= 0.93 * count

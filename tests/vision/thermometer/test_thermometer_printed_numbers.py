"""Stated numbers that are not the printed ones are found out, and what was not checked is said."""

from dataclasses import replace

import cv2
import pytest
from thermometer_drawing import BLACK, BLUE, Design, View, encoded, thermometer

from vision.frame import Frame
from vision.numerals import NumeralReader, numeral_reader
from vision.reading import Answer, Reading, Reason, Refusal
from vision.station import CameraGeometry
from vision.thermometer import printed_numbers
from vision.thermometer.reader import ThermometerReader, thermometer_from

DESIGNS = {
    "one label in ten": (Design(10, 40, 1, 10), View(roll=4)),
    "every fifth degree": (Design(15, 30, 0.5, 5, marks="left"), View(roll=-9, pitch=4, seed=2)),
    "below zero": (Design(-10, 40, 0.5, 5, column=BLUE), View(roll=2, seed=3)),
    "bright on black": (Design(0, 50, 1, 10, plate=BLACK, ink=(225.0,) * 3), View(roll=7, seed=4)),
}


@pytest.fixture(autouse=True)
def recogniser() -> NumeralReader:
    """The process's recogniser of numerals; without it there is nothing to test here."""
    reader = numeral_reader()
    if reader is None:
        pytest.skip("the recogniser of numerals is not installed: pip install tankcal[ocr]")
    return reader


def reader_of(design: Design, **changes: object) -> ThermometerReader:
    """A reader that is told of a design, with changes."""
    return ThermometerReader(thermometer_from(design.description(**changes), "drawn"), CameraGeometry())


def frame_of(design: Design, view: View) -> Frame:
    """A frame of a column at 62 % of the scale."""
    value = design.minimum + 0.62 * (design.maximum - design.minimum)
    return Frame(encoded(thermometer(design, view, value)), "drawn")


def notes_of_numbers(answer: Answer) -> list[str]:
    """What a reading notes of its numbering."""
    assert isinstance(answer, Reading), answer
    return [note for note in answer.notes if "numbering" in note]


@pytest.mark.parametrize("name", DESIGNS)
def test_the_printed_numbers_confirm_the_stated_ones(name: str) -> None:
    """A right description is read, without a doubt of its numbers."""
    design, view = DESIGNS[name]
    assert [] == notes_of_numbers(reader_of(design).read(frame_of(design, view)))


@pytest.mark.parametrize("labels", [-2, -1, 1, 3])
@pytest.mark.parametrize("name", DESIGNS)
def test_a_range_that_is_whole_labels_off_is_refused(name: str, labels: int) -> None:
    """As many marks, long ones in the same places: only the printed numbers tell."""
    design, view = DESIGNS[name]
    off = labels * design.label_every
    answer = reader_of(design, minimum=design.minimum + off, maximum=design.maximum + off).read(
        frame_of(design, view)
    )
    assert isinstance(answer, Refusal), answer
    assert Reason.INCONSISTENT_NUMBERING is answer.reason


def test_the_refusal_names_a_number_and_what_was_stated() -> None:
    """Someone who mistyped the range sees by how much."""
    design = Design(10, 40, 1, 10)
    answer = reader_of(design, minimum=20, maximum=50).read(frame_of(design, View()))
    assert isinstance(answer, Refusal)
    assert "40 stands where 50 should" in answer.detail


def test_another_instrument_in_the_same_place_is_noticed() -> None:
    """What was checked once is not believed of other print: the same reader then refuses."""
    design, view = Design(10, 40, 1, 10), View(roll=3)
    reader, other = reader_of(design), replace(design, minimum=20.0, maximum=50.0)
    first, second = reader.read(frame_of(design, view)), reader.read(frame_of(other, view))
    assert (True, True) == (isinstance(first, Reading), isinstance(second, Refusal))


def test_the_same_print_is_not_read_twice(recogniser: NumeralReader, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second frame of a scale that stands still costs no second look at its numbers."""
    looks: list[int] = []
    look = recogniser.look
    monkeypatch.setattr(recogniser, "look", lambda crops: looks.append(len(crops)) or look(crops))
    design, reader = Design(10, 40, 1, 10), reader_of(Design(10, 40, 1, 10))
    for seed, value in ((1, 20.0), (2, 20.0), (3, 34.0)):
        picture = thermometer(design, View(roll=3, seed=seed), value)
        assert isinstance(reader.read(Frame(encoded(picture), "")), Reading)
    assert [2] == looks  # the outermost two agree


def test_without_the_recogniser_the_reading_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unchecked numbering is named, and the reading is that of a checked one."""
    design, view = DESIGNS["one label in ten"]
    checked = reader_of(design).read(frame_of(design, view))
    monkeypatch.setattr(printed_numbers, "numeral_reader", lambda: None)
    answer = reader_of(design).read(frame_of(design, view))
    assert isinstance(answer, Reading) and isinstance(checked, Reading)
    assert checked.value == answer.value
    assert any("not checked against the printed numbers" in note for note in answer.notes)


def test_a_scale_without_print_is_read_with_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are no numbers beside the long marks, the reading says that none was checked."""
    monkeypatch.setattr(cv2, "putText", lambda *arguments: None)
    design, view = Design(10, 40, 1, 10), View(distance=331)
    notes = notes_of_numbers(reader_of(design).read(frame_of(design, view)))
    assert (1, True) == (len(notes), "printed numbers" in notes[0])

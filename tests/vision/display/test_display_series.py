"""Several frames of a display, from pictures to one answer."""

from dataclasses import replace

import pytest
from display_drawing import Design, View, jpeg, photograph

from vision.display.number import Format
from vision.display.reader import DisplayReader, SevenSegmentDisplay
from vision.frame import Frame
from vision.reading import Reading, Reason, Refusal
from vision.station import CameraGeometry

READER = DisplayReader(SevenSegmentDisplay("kg", Format(4, 2, False)), CameraGeometry())
DESIGN = Design("1.25", 4, background=(25, 25, 25), ink=(60, 230, 60))


def _frame(text: str, second: int = 0) -> Frame:
    picture = photograph(replace(DESIGN, text=text), View(noise=4, seed=second))
    return Frame(jpeg(picture), text, f"2026-03-01T10:00:{second:02}+00:00")


def _wall() -> Frame:
    return Frame(jpeg(photograph(replace(DESIGN, text=" "), View())), "off")


def test_a_still_display_is_read_once_for_all() -> None:
    """Each frame shows the same; one that is off is left out and named."""
    answer = READER.read_many([_frame("1.25", 1), _frame("1.25", 2), _wall(), _frame("1.25", 3)])
    assert isinstance(answer, Reading)
    assert answer.value == pytest.approx(1.25)
    assert 0.0 == answer.terms["frames"]
    assert any("1 of 4 frames were refused" in note for note in answer.notes)


def test_a_display_that_runs_is_refused_with_its_rate() -> None:
    """A dispenser's volume while it dispenses is no number that stands still."""
    answer = READER.read_many([_frame(f"{1 + 0.5 * second:.2f}", second) for second in range(5)])
    assert isinstance(answer, Refusal)
    assert Reason.AMBIGUOUS == answer.reason
    assert "it changes by 0.5 kg/s" in answer.detail


def test_mostly_unreadable_frames_are_refused_for_their_commonest_reason() -> None:
    """The reason is that of most frames; no frame at all is none either."""
    answer = READER.read_many([_wall(), _frame("1.25"), _wall()])
    assert isinstance(answer, Refusal)
    assert Reason.NO_DISPLAY == answer.reason
    assert "2 of 3 frames cannot be read" in answer.detail
    none = READER.read_many([])
    assert isinstance(none, Refusal)

"""Pictures of nothing, and of other instruments, are no display."""

import pytest
from display_drawing import jpeg
from display_nothing import MAKERS, pictures

from vision.display.number import Format
from vision.display.reader import DisplayReader, SevenSegmentDisplay
from vision.frame import Frame
from vision.reading import Reason, Refusal
from vision.station import CameraGeometry

EACH = 8
PICTURES = dict(pictures(EACH, first_seed=700))


def test_there_are_enough_pictures() -> None:
    """At least seventy, of many kinds."""
    assert len(MAKERS) * EACH == len(PICTURES)
    assert len(PICTURES) >= 70


@pytest.mark.parametrize("name", PICTURES)
def test_nothing_is_refused(name: str) -> None:
    """Walls, noise, faces, print, dials, scales: refused, with whatever the station says of the display."""
    frame = Frame(jpeg(PICTURES[name]), name)
    for known in (Format(), Format(4, 1, True)):
        answer = DisplayReader(SevenSegmentDisplay("kg", known), CameraGeometry()).read(frame)
        assert isinstance(answer, Refusal), answer
        assert answer.detail.startswith(name)
        expected = {"dark": Reason.DARK, "burnt": Reason.OVEREXPOSED}.get(name.split(maxsplit=1)[0])
        assert answer.reason == expected or (
            expected is None and answer.reason in (Reason.NO_DISPLAY, Reason.AMBIGUOUS)
        )

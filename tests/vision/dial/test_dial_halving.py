"""Ticks half-way that are as long as those of the major step, and the numerals that tell them apart."""

from dataclasses import replace

import numpy as np
import pytest
from dial_drawing import Drawn, draw_dial, encoded

from vision.dial.halving import Numerals, numerals_of
from vision.dial.numbering import Places, halved
from vision.dial.reader import DialReader, dial_from
from vision.dial.search import NoDial, find_dial
from vision.frame import Frame
from vision.reading import Answer, Reading, Reason, Refusal
from vision.station import CameraGeometry

TENTHS = Drawn(maximum=20, major_step=2, minor_per_major=10, value=7.4, minor_width=0.007)
FIFTHS = Drawn(minor_per_major=5)


def answer_of(dial: Drawn, **stated: object) -> Answer:
    """What the reader says to a drawn dial, described as it is but for `stated`."""
    described = dial_from({**dial.instrument, **stated}, "test")
    return DialReader(described, CameraGeometry()).read(Frame(encoded(draw_dial(dial)), "drawn"))


@pytest.mark.parametrize(
    "dial",
    [
        FIFTHS,
        replace(FIFTHS, slant=20, slant_to=120, distance=6),
        replace(FIFTHS, face=(32, 32, 34), ink=(225, 225, 225), needle=(60, 160, 220)),
        replace(FIFTHS, maximum=8, value=6.6),
    ],
)
@pytest.mark.parametrize("span", [1.0, 2.0])
def test_step_twice_as_wide_is_contradicted_by_numerals(dial: Drawn, span: float) -> None:
    """A step stated twice as wide as that of the numerals is refused, whether the span agrees or not."""
    stated = {"maximum": span * dial.maximum, "major_step": 2 * span, "minor_per_major": 10}
    answer = answer_of(dial, **stated)
    assert isinstance(answer, Refusal)
    assert Reason.INCONSISTENT_NUMBERING is answer.reason
    assert "each 5th tick" in answer.detail


@pytest.mark.parametrize("dial", [TENTHS, replace(TENTHS, slant=18, slant_to=200, distance=6)])
def test_right_step_with_long_halves_is_read_with_a_note(dial: Drawn) -> None:
    """Halves as long as the ends of the step, but without numerals, are read; the reading says so."""
    answer = answer_of(replace(dial, long_halves=True))
    assert isinstance(answer, Reading)
    assert abs(answer.value - dial.value) < 0.04
    assert any("each 5th tick is as long" in note for note in answer.notes)
    plain = answer_of(dial)
    assert isinstance(plain, Reading)
    assert not any("is as long" in note for note in plain.notes)


def test_without_numerals_the_step_is_read_with_a_note() -> None:
    """Where no numeral is seen nothing contradicts the station; the reading says that it cannot be told."""
    answer = answer_of(replace(FIFTHS, numerals=False), major_step=2, minor_per_major=10)
    assert isinstance(answer, Reading)
    assert any("cannot be told" in note for note in answer.notes)


@pytest.mark.parametrize(
    ("dial", "every", "expected"),
    [
        (replace(TENTHS, long_halves=True), 10, Numerals.AT_MAJORS),
        (replace(FIFTHS, numerals=False), 10, Numerals.UNSEEN),
    ],
)
def test_numerals_are_where_they_are(dial: Drawn, every: int, expected: Numerals) -> None:
    """Numerals are found beside the ticks that have them, and not where there are none."""
    gray = Frame(encoded(draw_dial(dial)), "drawn").gray
    count = round((dial.maximum - dial.minimum) / dial.major_step * dial.minor_per_major) + 1
    ring = find_dial(gray, count, every, None)
    assert not isinstance(ring, NoDial)
    assert ring.halved
    assert expected is numerals_of(gray, ring, every)


@pytest.mark.parametrize(("broad", "expected"), [(1.0, True), (0.2, False)])
def test_halves_are_as_long_only_in_every_respect(broad: float, expected: bool) -> None:
    """Ticks as long as the long ones but not as broad are not as long ones are."""
    index = np.arange(-5, 46)
    inked = ((index >= 0) & (index <= 40)).astype(float)
    long = np.zeros((3, len(index)))
    long[0] = inked * (index % 5 == 0)
    long[2] = inked * ((index % 10 == 0) + broad * (index % 10 == 5))
    places = Places(index, inked, long, np.zeros(len(index), bool))
    assert expected is halved(places, 41, 10)
    assert halved(places, 41, 5) is False

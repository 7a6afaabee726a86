"""The dial's description, its reader on drawn dials of many designs, tracking, and several frames."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from dial_drawing import Drawn, draw_dial, encoded

from vision.dial.reader import Dial, DialReader, dial_from
from vision.errors import StationError
from vision.frame import Frame
from vision.readers import instrument_from, reader_for
from vision.reading import Answer, Reading, Reason, Refusal
from vision.station import CameraGeometry

STATED: dict[str, Any] = {
    "kind": "dial",
    "unit": "bar",
    "minimum": 0,
    "maximum": 10,
    "major_step": 1,
    "minor_per_major": 10,
}


def frame_of(dial: Drawn) -> Frame:
    """The drawn dial as a camera's frame."""
    return Frame(encoded(draw_dial(dial)), "drawn")


def answer_of(dial: Drawn, **stated: object) -> Answer:
    """What the reader says to a drawn dial, described as it is but for `stated`."""
    described = dial_from({**dial.instrument, **stated}, "test")
    return DialReader(described, CameraGeometry()).read(frame_of(dial))


def error_of(dial: Drawn, **stated: object) -> float:
    """The reading's error in per cent of the span; fails where there is no reading, or outside 3 u."""
    answer = answer_of(dial, **stated)
    assert isinstance(answer, Reading), answer
    error = answer.value - dial.value
    assert abs(error) < 3 * answer.standard_uncertainty
    return 100 * error / (dial.maximum - dial.minimum)


def test_description_is_read_with_its_lengths() -> None:
    """A description gives the scale, the number of ticks and the lengths that are stated."""
    dial = dial_from({**STATED, "dial_radius_mm": 50, "needle_height_mm": 3}, "here")
    expected = Dial("bar", 0.0, 10.0, 1.0, 10, radius_mm=50.0, needle_height_mm=3.0)
    assert expected == dial
    assert (101, 0.1) == (dial.ticks, dial.division)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("unit", None),
        ("unit", 7),
        ("minimum", None),
        ("minimum", "0"),
        ("maximum", 0),
        ("maximum", None),
        ("major_step", 0),
        ("major_step", 20),
        ("major_step", None),
        ("minor_per_major", 2.5),
        ("minor_per_major", None),
        ("minor_per_major", 200),
        ("dial_radius_mm", 0),
        ("needle_height_mm", -1),
        ("needle_height_mm", True),
        ("numerals", 3),
    ],
)
def test_unusable_descriptions_are_refused_by_key(key: str, value: object) -> None:
    """A wrong, contradicting or unknown key is named together with the place."""
    with pytest.raises(StationError, match=rf"^set:3.*{key}"):
        dial_from({**STATED, key: value}, "set:3")


def test_registry_reads_dials() -> None:
    """The registry has the dial under its word."""
    instrument = instrument_from(STATED, "here")
    assert "dial" == instrument.kind
    assert isinstance(reader_for(instrument), DialReader)


DESIGNS = {
    "plain": Drawn(),
    "slanted by 30°": Drawn(slant=30, slant_to=40, distance=4.5, value=6.61),
    "slanted the other way": Drawn(slant=28, slant_to=200, distance=5, value=1.23),
    "white on black": Drawn(face=(32, 32, 34), ink=(225, 225, 225), needle=(60, 160, 220), value=8.02),
    "red needle, long wedge behind it": Drawn(needle=(40, 30, 180), wedge_tail=True, tail=0.42, value=5.55),
    "arc inside, ticks outward": Drawn(inside_aligned=True, arc=True, value=2.5, radius_px=210),
    "arc outside": Drawn(arc=True, minor_per_major=5, value=7.77),
    "second scale": Drawn(second_ring=33, value=4.04, minor_per_major=5),
    "coloured band": Drawn(band=(6.0, 10.0), value=8.8, minor_per_major=5),
    "second pointer": Drawn(second_pointer=8.0, value=3.3),
    "small": Drawn(radius_px=140, minor_per_major=5, value=3.21),
    "rolled": Drawn(roll=35, value=9.4),
    "little light, noise": Drawn(light=0.35, noise=4.0, value=0.55),
    "few ticks": Drawn(maximum=160, major_step=20, minor_per_major=4, value=11.6),
    "vacuum": Drawn(minimum=-1, maximum=1.5, major_step=0.5, minor_per_major=10, value=-0.62),
    "three quarters of a turn and more": Drawn(first=120, sweep=300, value=3.9),
}


@pytest.mark.parametrize("name", DESIGNS)
def test_design_is_read(name: str) -> None:
    """Dials of many designs, views and lights are read to 0.25 % of their span, within three times u."""
    assert abs(error_of(DESIGNS[name])) < 0.25


@pytest.mark.parametrize("value", [-0.2, -0.05, 0.0, 10.0, 10.25])
def test_needle_beyond_the_ends_is_a_reading(value: float) -> None:
    """A needle at, a little below or a little above the ends of the scale is read."""
    assert abs(error_of(Drawn(value=value))) < 0.25


def test_needle_in_the_gap_is_out_of_scale() -> None:
    """A needle far beyond the scale is refused as such."""
    answer = answer_of(Drawn(value=11.6))
    assert isinstance(answer, Refusal)
    assert Reason.OUT_OF_SCALE is answer.reason


@pytest.mark.parametrize("value", np.linspace(0.3, 9.7, 12).tolist())
def test_tip_is_not_taken_for_the_tail(value: float) -> None:
    """A counterweight broader than the needle is never read as its tip."""
    dial = Drawn(value=value, wedge_tail=True, tail=0.45, needle_width=0.06, slant=15, slant_to=77)
    assert abs(error_of(dial)) < 0.5


def test_parallax_of_a_raised_needle_is_removed() -> None:
    """A needle high above its face is read right from the side, with its height stated and without."""
    dial = Drawn(value=5.0, height=0.10, slant=30, slant_to=0, distance=5)
    assert abs(error_of(dial)) < 0.2
    assert abs(error_of(dial, dial_radius_mm=50.0, needle_height_mm=0.10 * 50 * 0.86)) < 0.2


def test_pivot_beside_the_middle_counts() -> None:
    """From the front, what is read is the tick that the tip points at, not the needle's direction."""
    dial = Drawn(value=5.0, pivot=(0.01, 0.0), height=0.002, distance=12)
    answer = answer_of(dial, dial_radius_mm=50.0, needle_height_mm=0.08)
    assert isinstance(answer, Reading)
    # the axis crosses the ring 0.01 rad further on: of 270° and a span of 10
    assert answer.value == pytest.approx(5.0 + 10 * 0.01 / np.radians(270), abs=0.006)


@pytest.mark.parametrize(
    "other",
    [
        {"maximum": 12},
        {"maximum": 8},
        {"minor_per_major": 5},
        {"major_step": 2, "minor_per_major": 10},
        {"maximum": 6, "major_step": 0.5, "minor_per_major": 5},
    ],
)
def test_scale_that_is_not_the_stations_is_refused(other: dict[str, object]) -> None:
    """A dial with another number of ticks than stated is not read."""
    answer = answer_of(Drawn(), **other)
    assert isinstance(answer, Refusal), answer
    assert answer.reason in {Reason.INCONSISTENT_NUMBERING, Reason.AMBIGUOUS, Reason.NO_DIAL}


def test_dial_without_a_needle_is_refused() -> None:
    """Where nothing points, the reason says so."""
    dial = Drawn(tip=0.0, tail=0.0, shadow=False)
    answer = answer_of(dial)
    assert isinstance(answer, Refusal)
    assert Reason.NO_NEEDLE is answer.reason


def test_two_needles_alike_are_refused() -> None:
    """Two pointers of the same ink cannot be told apart."""
    dial = Drawn(value=2.0, tail=0.1, shadow=False)
    image = np.minimum(draw_dial(dial), draw_dial(replace(dial, value=6.0)))
    answer = DialReader(dial_from(dial.instrument, ""), CameraGeometry()).read(Frame(encoded(image), ""))
    assert isinstance(answer, Refusal)
    assert Reason.AMBIGUOUS is answer.reason


def test_same_frame_gives_the_same_digits() -> None:
    """Reading is a function of the frame."""
    frame = frame_of(Drawn())
    reader = DialReader(dial_from(STATED, ""), CameraGeometry())
    assert reader.read(frame) == reader.read(frame)


def test_region_limits_the_search() -> None:
    """Of two dials in one picture, that of the region is read, and drawn where it is."""
    left, right = Drawn(value=2.5, radius_px=170), Drawn(value=7.5, radius_px=170)
    both = np.hstack((draw_dial(left), draw_dial(right)))
    instrument = dial_from(STATED, "")
    for number, dial in enumerate((left, right)):
        reader = DialReader(instrument, CameraGeometry(), (720 * number, 0, 720, 720))
        answer = reader.read(Frame(encoded(both), ""))
        assert isinstance(answer, Reading)
        assert abs(answer.value - dial.value) < 0.02
        assert answer.drawing.level is not None
        assert 720 * number < answer.drawing.level[0] < 720 * (number + 1)


def test_terms_make_the_uncertainty() -> None:
    """The standard uncertainty is the root of the sum of the squares of its terms."""
    answer = answer_of(Drawn())
    assert isinstance(answer, Reading)
    assert {"ticks", "needle", "parallax"} == set(answer.terms)
    assert answer.standard_uncertainty == pytest.approx(sum(u * u for u in answer.terms.values()) ** 0.5)


def test_several_frames_shrink_only_their_scatter() -> None:
    """The mean of frames has a term for their scatter; a blank frame among them is named."""
    frames = [frame_of(Drawn(seed=seed)) for seed in range(4)]
    blank = Frame(encoded(np.full((720, 720, 3), 90, np.uint8)), "blank")
    reader = DialReader(dial_from(STATED, ""), CameraGeometry())
    single, mean = reader.read(frames[0]), reader.read_many([*frames, blank])
    assert isinstance(single, Reading)
    assert isinstance(mean, Reading)
    assert abs(mean.value - 3.7) < 0.025
    assert mean.terms["frames"] < single.standard_uncertainty
    assert mean.terms["parallax"] == pytest.approx(single.terms["parallax"], rel=0.2)
    assert any("1 of 5 frames were refused" in note for note in mean.notes)
    refused = reader.read_many([blank, blank, frames[0]])
    assert isinstance(refused, Refusal)
    assert isinstance(reader.read_many([]), Refusal)


def test_needle_is_followed() -> None:
    """Tracking gives what a full reading gives while the needle creeps, jumps and the camera is moved."""
    reader = DialReader(dial_from(STATED, ""), CameraGeometry())
    track = None
    for number, dial in enumerate(
        [Drawn(value=3.7), Drawn(value=3.75), Drawn(value=3.9), Drawn(value=8.1), Drawn(value=8.1, roll=4)]
    ):
        frame = frame_of(replace(dial, seed=number))
        answer, track = reader.track(frame, track)
        full = reader.read(frame)
        assert isinstance(answer, Reading)
        assert isinstance(full, Reading)
        assert track is not None
        assert abs(answer.value - full.value) < 0.01
        assert abs(answer.value - dial.value) < 0.025


def test_covered_dial_is_not_followed() -> None:
    """When the dial has gone, tracking refuses, and begins anew with the next frame."""
    reader = DialReader(dial_from(STATED, ""), CameraGeometry())
    _, track = reader.track(frame_of(Drawn()), None)
    assert track is not None
    answer, track = reader.track(Frame(encoded(np.full((720, 720, 3), 90, np.uint8)), ""), track)
    assert isinstance(answer, Refusal)
    assert track is None

"""Over the whole scale a dial is read within twice its uncertainty, evenly printed or not."""

from dataclasses import replace

import numpy as np
import pytest
from dial_drawing import Drawn, draw_dial, encoded

from control.simulator.dial_picture import DialPicture
from control.simulator.flat_view import Exposure, FlatView
from control.simulator.gauge_configuration import DialFigures
from vision.dial.middle import middle_of
from vision.dial.reader import Dial, DialReader, dial_from
from vision.dial.search import NoDial, find_dial
from vision.frame import Frame
from vision.reading import Answer, Reading
from vision.station import CameraGeometry

SHARES = np.linspace(0.01, 0.99, 9)

DESIGNS = {
    "even": Drawn(),
    "uneven": Drawn(uneven=0.006),
    "unevenly the other way, slanted": Drawn(uneven=-0.005, slant=22, slant_to=70, distance=6),
    "uneven, fine": Drawn(uneven=0.004, maximum=16, major_step=2, minor_per_major=10, minor_width=0.006),
    "uneven, few ticks, half a turn": Drawn(
        uneven=0.006, maximum=4, major_step=1, minor_per_major=10, first=180, sweep=180
    ),
    "uneven, pivot beside": Drawn(uneven=0.005, pivot=(0.002, -0.001)),
}


def _outside(answers: list[tuple[float, Answer]]) -> list[tuple[float, object]]:
    """What is not within twice its standard uncertainty of its value, and what is not read."""
    return [
        (value, answer)
        for value, answer in answers
        if not isinstance(answer, Reading) or abs(answer.value - value) > 2 * answer.standard_uncertainty
    ]


@pytest.mark.parametrize("name", DESIGNS)
def test_drawn_dial_is_read_over_its_scale(name: str) -> None:
    """At nine places of its scale a drawn dial is read within 2u, and to 0.15 % of its span."""
    dial = DESIGNS[name]
    span = dial.maximum - dial.minimum
    stated = {**dial.instrument, "dial_radius_mm": 50.0, "needle_height_mm": dial.height * 50 * 0.86}
    reader = DialReader(dial_from(stated, "here"), CameraGeometry())
    answers = []
    for number, share in enumerate(SHARES):
        drawn = replace(dial, value=dial.minimum + span * float(share), seed=number)
        answers.append((drawn.shown, reader.read(Frame(encoded(draw_dial(drawn)), "drawn"))))
    assert [] == _outside(answers)
    errors = [answer.value - value for value, answer in answers if isinstance(answer, Reading)]
    assert max(map(abs, errors)) < 0.0015 * span


@pytest.mark.parametrize("eye_mm", [(16.5, -11.0), (0.6, 21.6)])
def test_twin_s_dial_is_read_over_its_scale(eye_mm: tuple[float, float]) -> None:
    """The uneven scale that the rig's twin paints is read within 2u from end to end."""
    view = FlatView(800, 800, 6.4, 420.0, eye_mm, 0.7)
    painted = DialPicture(
        DialFigures("bar", 0.0, 2.5, 0.5, 10, 50.0, 2.5), view, view.place_of((400.0, 400.0))
    )
    still = np.full((800, 800, 3), 108, np.float32)
    painted.paint_still(still)
    exposure = Exposure(view, 3)
    camera = CameraGeometry(matrix=((2688.0, 0.0, 399.5), (0.0, 2688.0, 399.5), (0.0, 0.0, 1.0)))
    reader = DialReader(Dial("bar", 0.0, 2.5, 0.5, 10, radius_mm=50.0, needle_height_mm=2.5), camera)
    answers = []
    for share in SHARES:
        picture = still.copy()
        painted.paint(picture, 2.5 * float(share))
        answers.append((2.5 * float(share), reader.read(Frame(exposure.jpeg(picture), "twin"))))
    assert [] == _outside(answers)


@pytest.mark.parametrize("uneven", [0.0, 0.006])
def test_leaning_ticks_tell_the_middle(uneven: float) -> None:
    """The middle of a face is found to less than a pixel, whether its scale is even or not."""
    dial = Drawn(uneven=uneven, slant=10, slant_to=40, minor_per_major=5)
    gray = Frame(encoded(draw_dial(dial)), "drawn").gray
    ring = find_dial(gray, 51, 5, None)
    assert not isinstance(ring, NoDial)
    middle = middle_of(gray, ring)
    expected = _pixel_of_the_middle(dial)
    assert np.hypot(*(np.array(middle.face.centre) - expected)) < 0.8
    moved = np.hypot(*(np.array(ring.graduation.face.centre) - expected))
    assert (moved > 3) == (uneven > 0)


def _pixel_of_the_middle(dial: Drawn) -> np.ndarray:
    """By the drawing's pinhole: the face's middle is the point that the camera looks at."""
    return np.array([dial.size[1] / 2 + 13, dial.size[0] / 2 - 9])

"""The parts of the dial reader: the map of the face, its view, the check of a numbering, the middle."""

import cv2
import numpy as np
import pytest
from dial_drawing import FLAT, Drawn, camera_of, draw_dial, encoded

from vision.dial.face import find_centres, find_ticks
from vision.dial.needle import Needle, NeedleFault, find_needle
from vision.dial.numbering import Places, contradiction, placed
from vision.dial.ring import FaceMap, find_rings
from vision.dial.search import NoDial, find_dial
from vision.dial.view import view_of
from vision.frame import Frame


def _scale(count: int, every: int, before: int = 5) -> Places:
    """Places, ink and long ticks of a flawless scale with empty places on either side."""
    index = np.arange(-before, count + before)
    inked = ((index >= 0) & (index < count)).astype(float)
    long = np.zeros((3, len(index)))
    long[0] = inked * (index % every == 0)
    return Places(index, inked, long, np.zeros(len(index), bool))


def test_flawless_scale_is_not_contradicted() -> None:
    """A scale with all of its ticks, the long ones where they should be, has no fault."""
    assert "" == contradiction(_scale(51, 5), 51, 5)


@pytest.mark.parametrize(("count", "every"), [(41, 5), (61, 5), (51, 4), (46, 5)])
def test_another_scale_is_contradicted(count: int, every: int) -> None:
    """Ticks beyond the ends, ticks that are missing there and long ticks elsewhere are each a fault."""
    assert contradiction(_scale(51, 5, before=12), count, every)


def test_scale_is_placed_by_its_ends() -> None:
    """The minimum is where the ticks begin, by a clear margin, even with some ticks hidden."""
    places = _scale(51, 10)
    places.inked[20:24] = 0
    offset, _, margin, _ = placed(places.counted_from(-3), 51, 10)
    assert 3 == offset
    assert margin > 3


def test_ticks_under_a_needle_are_neither_missing_nor_beyond_the_end() -> None:
    """Ticks at an end are missed where the face is bare; under a needle they may be there."""
    places = _scale(51, 5)
    places.inked[5:8] = 0
    assert "missing" in contradiction(places, 51, 5)
    places.hidden[4:8] = True
    assert "" == contradiction(places, 51, 5)


def test_face_map_and_its_circles_agree() -> None:
    """Points through the map, back, and as circles are the same."""
    face = FaceMap(np.array([[200.0, 9, 320], [-5, 180, 240], [0.05, -0.08, 1]]))
    angle, radius = np.linspace(0, 6, 7), np.array([0.5, 1.0])
    x, y = face.circles(angle, radius)
    points = face.polar(angle, np.full(7, 1.0))
    np.testing.assert_allclose(np.column_stack((x[1], y[1])), points, atol=1e-3)
    back = face.face(points)
    np.testing.assert_allclose(np.hypot(back[:, 0], back[:, 1]), 1.0, atol=1e-9)


@pytest.mark.parametrize(("slant", "to"), [(25, 0), (25, 130), (30, 250)])
def test_view_tells_where_a_raised_point_is_seen(slant: float, to: float) -> None:
    """The shift of a raised point on the face is that of the camera that looks, known or not."""
    dial = Drawn(slant=slant, slant_to=to, distance=6)
    layer = np.array([[(FLAT - 1) / 3, 0, (FLAT - 1) / 2], [0, (FLAT - 1) / 3, (FLAT - 1) / 2], [0, 0, 1]])
    flat, raised = (FaceMap(camera_of(dial, height) @ layer) for height in (0.0, 0.05))
    expected = flat.face(raised.picture(np.zeros((1, 2))))[0] / 0.05
    focal = dial.radius_px * dial.distance
    matrix = ((focal, 0.0, 373.0), (0.0, focal, 351.0), (0.0, 0.0, 1.0))
    known, guessed = view_of(flat, dial.size, matrix), view_of(flat, dial.size, None)
    np.testing.assert_allclose(known.shift, expected, atol=0.02)
    assert np.hypot(*(np.array(guessed.shift) - expected)) < 2.5 * guessed.shift_u


def test_middle_is_found_by_the_ticks() -> None:
    """The strokes of a slanted dial meet within a few pixels of the image of its middle."""
    dial = Drawn(slant=20, slant_to=60, distance=6)
    gray = Frame(encoded(draw_dial(dial)), "").gray
    place = camera_of(dial, 0.0) @ np.array([(FLAT - 1) / 2, (FLAT - 1) / 2, 1])
    centre = next(iter(find_centres(gray, dark=True)))
    assert np.hypot(*(place[:2] / place[2] - (centre.x, centre.y))) < 12
    rings = find_rings(find_ticks(gray, centre))
    assert abs(len(rings[0].member) - 101) <= 8


def test_ticks_of_a_small_picture_lie_where_they_are_in_it() -> None:
    """A picture that is enlarged for the search gives the face in its own pixels."""
    dial = Drawn(minor_per_major=5)
    image = cv2.resize(draw_dial(dial), (360, 360), interpolation=cv2.INTER_AREA)
    ring = find_dial(Frame(encoded(image), "").gray, 51, 5, None)
    assert not isinstance(ring, NoDial)
    place = camera_of(dial, 0.0) @ np.array([(FLAT - 1) / 2, (FLAT - 1) / 2, 1])
    expected = (place[:2] / place[2] + 0.5) / 2 - 0.5
    assert np.hypot(*(expected - ring.graduation.face.centre)) < 0.6
    assert abs(ring.graduation.face.radius_px - dial.radius_px / 2) < 1.5


def test_needle_runs_to_its_tip() -> None:
    """The needle's direction is that of its tip to a small part of a degree; its edges agree on an axis."""
    dial = Drawn(value=6.2)
    gray = Frame(encoded(draw_dial(dial)), "").gray
    ring = find_dial(gray, 101, 10, None)
    assert not isinstance(ring, NoDial)
    needle = find_needle(gray, ring)
    assert isinstance(needle, Needle)
    graduation = ring.graduation
    expected = graduation.first + 62 * graduation.pitch
    away = (needle.direction - expected + np.pi) % (2 * np.pi) - np.pi
    assert abs(np.degrees(away)) < 0.15
    assert needle.sections > 20
    bare = Frame(encoded(draw_dial(Drawn(tip=0.0, tail=0.0, shadow=False))), "").gray
    without = find_dial(bare, 101, 10, None)
    assert not isinstance(without, NoDial)
    assert isinstance(find_needle(bare, without), NeedleFault)

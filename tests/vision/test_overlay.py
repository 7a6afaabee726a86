"""Overlays show what was answered, on any picture, without touching the frame."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vision.errors import FrameError
from vision.frame import Frame
from vision.overlay import LEVEL, decimals_of, draw, draw_truth, encode, value_text, zoom
from vision.reading import Drawing, Reading, Reason, Refusal

SEEN = Drawing(
    marks=((20.0, 50.0, 40.0, 50.0, "100"), (20.0, 60.0, 40.0, 60.0, "")),
    curves=(("upper edge", np.array([[60.0, 140.0], [100.0, 150.0], [140.0, 140.0]])),),
    level=(50.0, 160.25, 150.0, 160.25),
)


def _frame(shade: int, height: int = 240, width: int = 200) -> Frame:
    data = cv2.imencode(".png", np.full((height, width, 3), shade, np.uint8))[1].tobytes()
    return Frame(data, "neck")


def _reading(drawing: Drawing = SEEN, u: float = 0.103) -> Reading:
    return Reading("sight-glass", -54.1925, "mL", u, {"edges": u}, ("a note",), drawing)


def _contrast(image: NDArray[np.uint8], rows: slice, columns: slice) -> int:
    part = image[rows, columns].astype(int).sum(axis=2)
    return int(part.max() - part.min())


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_level_marks_and_curves_stand_out_on_any_background(shade: int) -> None:
    """On black, grey and white level, mark, number, curve and strip have contrast."""
    image = draw(_frame(shade), _reading())
    places = {
        "level": (slice(158, 163), slice(90, 110)),
        "mark": (slice(48, 53), slice(25, 35)),
        "number": (slice(44, 58), slice(0, 18)),
        "curve": (slice(138, 153), slice(60, 140)),
        "caption": (slice(0, 20), slice(0, 100)),
    }
    contrasts = {name: _contrast(image, *place) for name, place in places.items()}
    assert [] == [name for name, contrast in contrasts.items() if contrast < 150]


def test_the_frame_itself_is_not_drawn_into() -> None:
    """The evidence stays as it was."""
    frame = _frame(128)
    before = frame.image.copy()
    image = draw(frame, _reading())
    assert frame.image.shape == image.shape
    assert np.array_equal(before, frame.image)
    assert not np.array_equal(before, image)


def test_the_level_is_drawn_where_it_was_read() -> None:
    """The row with most of the level's colour is the level's, to a pixel."""
    image = draw(_frame(128), _reading()).astype(int)
    likeness = np.abs(image - np.array(LEVEL)).sum(axis=2)[:, 60:140].mean(axis=1)
    assert 160 == int(likeness.argmin())


def test_a_refusal_says_why() -> None:
    """A refusal without anything seen still has its strip, and differs from another reason's."""
    dark = draw(_frame(0), Refusal("sight-glass", Reason.DARK, "too dark"))
    foam = draw(_frame(0), Refusal("sight-glass", Reason.FOAM, "foam"))
    assert dark.max() > 200
    assert not np.array_equal(dark, foam)


def test_the_strip_gives_way_to_the_level() -> None:
    """With the level at the top, the answer is written at the bottom."""
    image = draw(_frame(200), _reading(Drawing(level=(50.0, 12.0, 150.0, 12.0))))
    assert 200 == int(image[2, 2, 0])
    assert int(image[-2, 2, 0]) < 100


def test_long_notes_do_not_cover_the_picture() -> None:
    """The strip takes at most about a quarter of the height, whatever there is to say."""
    image = draw(_frame(200), Refusal("sight-glass", Reason.AMBIGUOUS, "two tubes are alike " * 60))
    assert 200 == int(image[80, 2, 0])


def test_what_is_not_finite_is_left_out() -> None:
    """A fit that ran away does not stop the drawing of the rest."""
    wild = Drawing(
        marks=((float("nan"), 0.0, 1.0, 1.0, "7"), (1e300, 1e300, 2e300, 1e300, "8")),
        curves=(("empty", np.empty((0, 2))), ("wild", np.array([[np.inf, 1.0], [1e18, -1e18]]))),
        level=(float("nan"),) * 4,
    )
    assert (240, 200, 3) == draw(_frame(128), _reading(wild)).shape


@pytest.mark.parametrize(("height", "width"), [(4, 4), (30, 900), (3000, 2000)])
def test_every_size_of_picture_is_drawn(height: int, width: int) -> None:
    """From a few pixels to many megapixels the overlay has the picture's size."""
    assert (height, width, 3) == draw(_frame(128, height, width), _reading()).shape


def test_no_picture_is_an_error() -> None:
    """Bytes that are no picture cannot be drawn into."""
    with pytest.raises(FrameError, match="neck: not an image"):
        draw(Frame(b"nothing", "neck"), Refusal("", Reason.NOT_AN_IMAGE, ""))


@pytest.mark.parametrize(
    ("u", "expected"),
    [(0.103, "-54.19 ± 0.21 mL"), (12.0, "-54 ± 24 mL"), (0.0004, "-54.19250 ± 0.00080 mL")],
)
def test_a_value_is_written_with_its_uncertainty(u: float, expected: str) -> None:
    """The expanded uncertainty has two digits and the value ends where it does."""
    assert expected == value_text(_reading(u=u))


def test_decimals_of_uncertainties_that_have_none() -> None:
    """Zero and what is not finite still give a number of decimals."""
    assert (3, 3, 3, 0) == tuple(map(decimals_of, (0.0, float("nan"), float("inf"), 250.0)))


def test_truth_is_drawn_below_or_above_the_level() -> None:
    """The true level appears its offset away from what was read, and nowhere without a level."""
    image = np.full((240, 200, 3), 128, np.uint8)
    draw_truth(image, SEEN, 20.0)
    assert _contrast(image, slice(178, 183), slice(90, 110)) > 150
    assert 0 == _contrast(image, slice(150, 170), slice(90, 110))
    untouched = np.full((240, 200, 3), 128, np.uint8)
    draw_truth(untouched, Drawing(), 20.0)
    assert 0 == _contrast(untouched, slice(None), slice(None))


@pytest.mark.parametrize("centre", [(100.0, 120.0), (-50.0, 0.0), (1e4, 1e4)])
def test_a_part_is_enlarged(centre: tuple[float, float]) -> None:
    """A zoom has its size wherever its centre lies, and the picture's at most."""
    image = np.zeros((240, 200, 3), np.uint8)
    assert (180, 240, 3) == zoom(image, centre, 80, 60, 3).shape
    assert (720, 600, 3) == zoom(image, centre, 800, 600, 3).shape


def test_pictures_are_encoded_and_decoded() -> None:
    """PNG keeps every pixel, JPEG the size; any other suffix is an error."""
    image = draw(_frame(128), _reading())
    assert np.array_equal(image, Frame(encode(image, ".png"), "").image)
    assert image.shape == Frame(encode(image), "").image.shape
    with pytest.raises(FrameError, match=r"expected \.jpg or \.png"):
        encode(image, ".gif")
    with pytest.raises(FrameError, match="cannot be encoded"):
        encode(np.zeros((0, 0, 3), np.uint8))

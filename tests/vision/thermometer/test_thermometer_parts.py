"""The parts that a thermometer is read with: turned pictures, ribbons, lines of sight, ends of columns."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from thermometer_drawing import Design, View, thermometer

from vision.camera_model import Lens
from vision.graduation import fit_lattice
from vision.marks import find_marks
from vision.station import CameraGeometry
from vision.thermometer.column_end import measure_end
from vision.thermometer.parallax import Pinhole, sight_by_perspective, sight_by_place
from vision.thermometer.ribbon import Ribbon
from vision.thermometer.stripe import find_stripe
from vision.thermometer.turned import LARGEST_PX, Turn, TurnedLens, lean


def board(end: float, slope: float = 0.0, sides: float = 6.0) -> NDArray[np.uint8]:
    """A light board, 300 × 200, with a dark column of half width `sides` around x = 100 from row `end` on."""
    y, x = np.mgrid[0:300, 0:200].astype(np.float64)
    edge = np.clip(y - end - slope * (x - 100) + 0.5, 0, 1)
    cover = edge * np.clip(sides - np.abs(x - 100) + 0.5, 0, 1)
    return np.asarray(np.rint(220 - 150 * cover)[:, :, None].repeat(3, axis=2), np.uint8)


@pytest.mark.parametrize("degrees", [-40.0, -7.5, 0.0, 3.0, 28.0])
def test_a_leaning_instrument_is_seen_to_lean(degrees: float) -> None:
    """The lean is found to half a degree, and turning by it sets the picture upright."""
    picture = thermometer(Design(), View(roll=degrees, distance=460), 20.0)
    gray = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
    assert abs(lean(gray) - degrees) < 0.6
    assert abs(lean(Turn.by(degrees, gray.shape).applied(gray))) < 0.8


@pytest.mark.parametrize("shape", [(1280, 640), (4000, 3000)])
def test_turned_pixels_find_back(shape: tuple[int, int]) -> None:
    """Upright pixels are those of the picture and back, and large pictures are reduced."""
    turn = Turn.by(17.0, shape)
    points = np.array([[0.0, 0.0], [12.5, 700.25], [shape[1] - 1.0, shape[0] - 1.0]])
    assert np.abs(turn.picture(turn.upright(points)) - points).max() < 1e-9
    assert max(turn.size) <= 1.4 * LARGEST_PX


@pytest.mark.parametrize("shape", [(1280, 640), (4000, 3000)])
def test_a_turned_picture_shows_points_where_they_are_said_to_be(shape: tuple[int, int]) -> None:
    """A blot of the picture is at its upright pixel, also where the picture was reduced."""
    gray = np.zeros(shape, np.uint8)
    centre = (shape[1] // 3, shape[0] // 2)
    cv2.circle(gray, centre, 20, 255, -1)
    turn = Turn.by(-12.0, shape)
    upright = turn.applied(gray).astype(np.float64)
    y, x = np.mgrid[0 : upright.shape[0], 0 : upright.shape[1]]
    seen = np.array([(upright * x).sum(), (upright * y).sum()]) / upright.sum()
    assert np.abs(seen - turn.upright(np.array([centre], np.float64))[0]).max() < 0.05


def test_a_turned_lens_is_the_lens() -> None:
    """Straightening upright points is straightening the picture's, and it can be undone."""
    lens = Lens(
        np.array([[2000.0, 0, 320], [0, 2000, 640], [0, 0, 1]]), np.array([-0.2, 0.05, 0.0, 0.0, 0.0])
    )
    turn = Turn.by(9.0, (1280, 640))
    turned = TurnedLens.behind(lens, turn)
    points = np.array([[30.0, 40.0], [500.0, 1200.0]])
    expected = turn.upright(lens.ideal(points))
    assert np.abs(turned.ideal(turn.upright(points)) - expected).max() < 1e-6
    assert np.abs(turned.real(turned.ideal(turn.upright(points))) - turn.upright(points)).max() < 1e-3


@pytest.mark.parametrize("step", [1, 2])
def test_a_ribbon_shows_the_picture_along_a_line(step: int) -> None:
    """Places of a slanted ribbon are those of the picture, at full size and reduced."""
    y, x = np.mgrid[0:300, 0:200].astype(np.float64)
    picture = np.dstack((x, y / 2, x + y / 4)).astype(np.uint8)
    ribbon = Ribbon.cut(picture, (np.array([60.0, 20.0]), np.array([90.0, 220.0])), (20, 30), 5.0, step=step)
    u, v = 24.0, 120.0
    place = ribbon.picture(u, v)[0]
    across, along = ribbon.locate(place[None])
    assert (pytest.approx(u), pytest.approx(v)) == (across[0], along[0])
    shown = ribbon.image[int(v) // step, int(u) // step, :2]
    assert np.abs(shown - np.array([place[0], place[1] / 2])).max() < 1.5


def test_a_ribbon_may_leave_rows_out() -> None:
    """Of a ribbon with skipped rows, each is the row that the whole one has there."""
    rng = np.random.default_rng(3)
    picture = rng.integers(0, 256, (300, 200, 3), np.uint8)
    ends = np.array([60.0, 20.0]), np.array([90.0, 220.0])
    whole, some = (Ribbon.cut(picture, ends, (3, 5), skip=skip).image for skip in (1, 3))
    assert np.abs(whole[::3][: len(some)] - some[: len(whole[::3])]).max() <= 1


def test_the_mean_colour_along_the_rows_is_weighted() -> None:
    """Each row's mean over the columns, times the weights of the three colours."""
    picture = np.random.default_rng(4).integers(0, 256, (200, 150, 3), np.uint8)
    ribbon = Ribbon.cut(picture, (np.array([60.0, 20.0]), np.array([70.0, 160.0])), (6, 4))
    weights = np.array([0.2, 0.5, -0.1])
    expected = ribbon.image.astype(np.float64).mean(axis=1) @ weights
    assert np.abs(ribbon.along_rows(weights) - expected).max() < 1e-3


def test_what_leans_a_little_is_left_alone() -> None:
    """A turn of under a degree and a half would blur the picture and gain nothing."""
    assert (True, False) == (Turn.by(1.2, (640, 480)).identical, Turn.by(1.8, (640, 480)).identical)


@pytest.mark.parametrize("end", [120.0, 133.37, 150.5])
@pytest.mark.parametrize("slope", [0.0, 0.08])
def test_an_end_is_found_to_a_small_part_of_a_pixel(end: float, slope: float) -> None:
    """The end on the axis, also of a column whose end is seen askew."""
    picture = board(end, slope)
    ribbon = Ribbon.cut(picture, (np.array([100.0, 10.0]), np.array([100.0, 290.0])), (40, 40))
    stripe = find_stripe(ribbon, 16.0, 20.0)
    assert stripe is not None
    assert (True, True) == (stripe.filled_after, abs(stripe.half_width - 6) < 1)
    found = measure_end(picture, stripe, 16.0)
    assert found is not None
    assert np.abs(found.point - np.array([100.0, end])).max() < 0.15
    assert abs(found.half_width_px - 6) <= 1


def test_a_step_over_the_whole_board_is_no_column() -> None:
    """What changes at a row everywhere is a shade, not a stripe."""
    picture = board(140.0, sides=500.0)
    ribbon = Ribbon.cut(picture, (np.array([100.0, 10.0]), np.array([100.0, 290.0])), (40, 40))
    assert find_stripe(ribbon, 16.0, 20.0) is None


@pytest.mark.parametrize("pitch", [-12.0, 0.0, 8.0])
def test_the_perspective_tells_the_line_of_sight(pitch: float) -> None:
    """With a known lens the slope of the view at the scale's middle is the tangent of the pitch."""
    view = View(pitch=pitch, noise=1)
    picture = thermometer(Design(), view, 25.0)
    column = find_marks(np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8), None)
    assert column is not None
    lattice = fit_lattice(column, Lens(None, None))
    assert lattice is not None
    camera = CameraGeometry(matrix=tuple(tuple(row) for row in view.matrix.tolist()))
    turn = Turn.by(0.0, picture.shape)
    middle = np.array([(view.size[0] - 1) / 2, (view.size[1] - 1) / 2])
    axis = middle, middle + np.array([0.0, 100.0])
    sight = sight_by_perspective(lattice, axis, turn, Pinhole.of(camera, picture.shape, None))
    expected = np.tan(np.deg2rad(pitch))
    assert abs(abs(sight.slope) - abs(expected)) < 2.5 * sight.slope_u
    if pitch:
        # pitched forwards, the top is nearer: what stands out is seen lower, at larger numbers
        assert np.sign(sight.slope) == np.sign(float(lattice.terms[4])) * -1


def test_a_stated_place_gives_the_line_of_sight() -> None:
    """Above the lens the sight rises; lattice numbers fall with height."""
    camera = CameraGeometry(distance_mm=400.0, height_mm=50.0)
    sight = sight_by_place(camera, 90.0, downwards=True)
    assert sight is not None
    assert pytest.approx(-0.1) == sight.slope
    assert sight_by_place(CameraGeometry(distance_mm=400.0), 90.0, downwards=True) is None


def test_a_region_shifts_the_optical_axis() -> None:
    """Pixels of a region are counted from its corner."""
    whole = Pinhole.of(CameraGeometry(), (1280, 640), None)
    part = Pinhole.of(CameraGeometry(), (1280, 640), (100, 200, 300, 400))
    assert whole.focal_px == part.focal_px
    assert (whole.middle[0] - 100, whole.middle[1] - 200) == part.middle

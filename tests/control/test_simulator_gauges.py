"""The twin's gauges: dial, display and thermometer, and the cameras before them."""

from collections.abc import Iterator
from math import atan2, degrees
from pathlib import Path

import cv2
import numpy as np
import pytest
from gauge_station import CONFIGS, GAUGES, gauge_station

from control.errors import ConfigurationError
from control.simulator.camera_state import CameraState
from control.simulator.cameras import BenchServer
from control.simulator.configuration import TwinConfiguration, load_twin_configuration
from control.simulator.dial_picture import DialPicture
from control.simulator.display_picture import DisplayPicture, display_text
from control.simulator.emptying import make_truth
from control.simulator.flat_view import FlatView, Picture
from control.simulator.gauge_cameras import GaugeCamera
from control.simulator.gauge_configuration import DialFigures, DisplayFigures, ThermometerFigures
from control.simulator.plant import Plant
from control.simulator.thermometer_picture import ThermometerPicture

VIEW = FlatView(640, 480, per_mm=4.0, distance_mm=400.0, eye_mm=(20.0, -15.0), roll_deg=1.0)
DIAL = DialFigures("bar", 0.0, 2.5, 0.5, 10, 50.0, 2.5)


def load(station: Path) -> TwinConfiguration:
    """The demo's twin at another station."""
    return load_twin_configuration(CONFIGS / "rigs/twin.toml", station, CONFIGS / "measures/demo-20l.toml")


def pixels(data: bytes) -> np.ndarray:
    """The picture that a camera sent, as numbers."""
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return picture.astype(np.float64)


def grey(value: float) -> Picture:
    """An empty board."""
    return np.full((VIEW.height, VIEW.width, 3), value, np.float32)


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The station file with gauges."""
    return gauge_station(tmp_path_factory.mktemp("station"))


@pytest.fixture(scope="module")
def plant(station: Path) -> Plant:
    """A plant whose gauges are looked at."""
    configuration = load(station)
    return Plant(make_truth(4, configuration.measure, configuration.standards))


@pytest.fixture(scope="module")
def cameras(station: Path, plant: Plant) -> Iterator[dict[str, GaugeCamera]]:
    """The cameras of the station before the gauges, by name."""
    yield {figures.name: GaugeCamera(figures, plant) for figures in load(station).gauge_cameras}


def test_a_place_is_seen_where_the_pinhole_puts_it() -> None:
    """A place above the board and back: pixels and places are each other's inverse, and height displaces."""
    places = np.array([[-40.0, 25.0], [12.5, -7.0]])
    for height in (0.0, 6.0):
        seen = VIEW.pixels(places, height)
        x, y = VIEW.places(height, (slice(0, VIEW.height), slice(0, VIEW.width)))
        for place, (u, v) in zip(places, seen, strict=True):
            around = np.s_[int(v) : int(v) + 2, int(u) : int(u) + 2]
            assert np.hypot(x[around] - place[0], y[around] - place[1]).min() < 0.75 / VIEW.per_mm
    moved = VIEW.pixels(places, 6.0) - VIEW.pixels(places, 0.0)
    # what stands higher is seen further from the foot of the eye's plumb line, which is at (20, -15)
    assert (moved[0] @ (places[0] - [20.0, -15.0])) > 0.0


@pytest.mark.parametrize("value", [0.0, 0.37, 1.25, 2.49])
def test_the_needle_stands_where_the_scale_has_its_value(value: float) -> None:
    """Seen through the plane of the needle, its outer half points to the scale's place, to 0.1°."""
    dial = DialPicture(DIAL, VIEW, (0.0, 0.0))
    picture = grey(200.0)
    dial.paint(picture, value)
    x, y = VIEW.places(DIAL.needle_height_mm, VIEW.whole)
    dark = np.clip(1.0 - picture[..., 0].astype(np.float64) / 200.0 - 0.25, 0.0, None)
    dark[(np.hypot(x, y) < 22.0) | (np.hypot(x, y) > 37.0)] = 0.0
    off = degrees(atan2(float((dark * y).sum()), float((dark * x).sum())) - dial.angle(value))
    assert abs((off + 180.0) % 360.0 - 180.0) < 0.1


def test_the_needle_goes_a_little_beyond_the_scale_and_no_further() -> None:
    """A pressure far above the scale's end leaves the needle at its stop."""
    dial = DialPicture(DIAL, VIEW, (0.0, 0.0))
    assert dial.angle(2.5) < dial.angle(9.0) == dial.angle(90.0) < dial.angle(2.5) + 0.2


@pytest.mark.parametrize(
    ("value", "digits", "decimals", "text"),
    [
        (28123.44, 6, 1, "28123.4"),
        (0.0, 6, 1, "    0.0"),
        (-0.04, 6, 1, "    0.0"),
        (-12.3, 5, 1, " -12.3"),
        (7.0, 3, 0, "  7"),
        (1000000.0, 6, 1, "------"),
    ],
)
def test_a_display_blanks_leading_zeros(value: float, digits: int, decimals: int, text: str) -> None:
    """Right-aligned, with its decimals; bars where the number does not fit."""
    assert text == display_text(value, digits, decimals)


def test_each_digit_lights_its_own_segments() -> None:
    """From 0 to 9 in the last place: ten pictures, no two alike, and an 8 is the darkest."""
    display = DisplayPicture(DisplayFigures("g", 4, 1), VIEW, (-60.0, -35.0, 60.0, 35.0))
    ink = {}
    for digit in range(10):
        picture = grey(180.0)
        display.paint(picture, digit / 10.0)
        ink[digit] = 180.0 - picture[..., 0].astype(np.float64)
    totals = {digit: round(float(dark.sum()), 1) for digit, dark in ink.items()}
    assert 10 == len({dark.tobytes() for dark in ink.values()})
    assert 8 == max(totals, key=lambda digit: totals[digit])


def test_a_broken_decimal_point_is_gone() -> None:
    """The same number without its point is less dark, and only there."""
    display = DisplayPicture(DisplayFigures("g", 4, 1), VIEW, (-60.0, -35.0, 60.0, 35.0))
    whole, broken = grey(180.0), grey(180.0)
    display.paint(whole, 12.3)
    display.decimal_point = False
    display.paint(broken, 12.3)
    rows, columns = np.nonzero(np.abs(whole - broken).max(axis=2) > 1.0)
    assert 0 < max(rows.max() - rows.min(), columns.max() - columns.min()) < 20


@pytest.mark.parametrize("value", [16.0, 20.37, 24.0])
def test_the_column_ends_at_its_value(value: float) -> None:
    """The end of the red column lies, seen through its own plane, at the place of its value, to 0.1 px."""
    figures = ThermometerFigures("degC", 15.0, 25.0, 0.1, 1.0, 2.2, None)
    thermometer = ThermometerPicture(figures, VIEW, (-20.0, -50.0, 20.0, 50.0))
    picture = grey(220.0)
    thermometer.paint(picture, value)
    at = np.array([[-3.0 - 0.6, thermometer.place_mm(value)]])
    ((u, v),) = VIEW.pixels(at, figures.column_offset_mm)
    column = picture[:, round(u), 1].astype(np.float64)  # green: what red liquid takes away
    top, inside = round(v) - 6, column[round(v) + 6]
    outside = column[round(v) - 8]
    covered = float(((outside - column[top : top + 12]) / (outside - inside)).sum())
    assert abs((top + 12 - 0.5 - covered) - v) < 0.1


def test_a_thermometers_marks_lie_a_division_apart() -> None:
    """As many dark marks along the plate as the scale has divisions, evenly spaced."""
    figures = ThermometerFigures("degC", 15.0, 20.0, 0.1, 1.0, 2.2, None)
    thermometer = ThermometerPicture(figures, VIEW, (-20.0, -58.0, 20.0, 58.0))
    picture = grey(120.0)
    thermometer.paint_still(picture)
    x, y = VIEW.places(0.0, VIEW.whole)
    near = np.abs(x - (-3.0 + 2.4 + 1.3)) < 0.9
    places = np.linspace(thermometer.place_mm(20.0) - 1.0, thermometer.place_mm(15.0) + 1.0, 2000)
    light = np.array([picture[..., 0][near & (np.abs(y - place) < 0.15)].mean() for place in places])
    starts = np.flatnonzero((light[1:] < 150.0) & (light[:-1] >= 150.0))
    assert 51 == len(starts)
    steps = np.diff(places[starts])
    assert float(np.ptp(steps)) < 0.35 * float(steps.mean())


def test_one_camera_sees_two_gauges_by_their_regions(cameras: dict[str, GaugeCamera], plant: Plant) -> None:
    """What changes with the pressure lies in the dial's region, with the balance in the display's."""
    camera = cameras["wall"]
    before = pixels(camera.snapshot())
    assert (500, 1100, 3) == before.shape
    plant.hydraulics.pump.speed = 0.9
    dial = np.abs(pixels(camera.snapshot()) - before).max(axis=2) > 40.0
    assert dial[:, :500].any() and not dial[:, 500:].any()
    plant.hydraulics.pump.speed = 0.0
    before = pixels(camera.snapshot())
    plant.balance.indication_g += 11111.1
    digits = np.abs(pixels(camera.snapshot()) - before).max(axis=2) > 40.0
    assert digits[:, 500:].any() and not digits[:, :500].any()


def test_two_pictures_of_the_same_moment_differ_in_noise(cameras: dict[str, GaugeCamera]) -> None:
    """A live camera never sends the same bytes twice."""
    assert cameras["water"].snapshot() != cameras["water"].snapshot()


def test_a_gauge_keeps_the_error_that_it_was_drawn(station: Path, plant: Plant) -> None:
    """The same seed gives the same thermometer: the same column, on two cameras built apart."""
    figures = next(f for f in load(station).gauge_cameras if f.name == "water")
    first, second = (pixels(GaugeCamera(figures, plant).snapshot()) for _ in range(2))
    assert 0.0 == float(np.abs(first - second).max())


def test_a_covered_lens_sends_black(cameras: dict[str, GaugeCamera]) -> None:
    """Black: a picture comes, and there is nothing on it."""
    cameras["wall"].state = CameraState.BLACK
    assert pixels(cameras["wall"].snapshot()).mean() < 8.0
    cameras["wall"].state = CameraState.OK


@pytest.mark.parametrize(
    ("wrong", "right", "sentence"),
    [
        ('kind = "dial"', 'kind = "thermometer"', "line_pressure on a dial"),
        ('shows = "balance"', 'shows = "weather"', "expected one of line_pressure"),
        ("region = [0, 0, 500, 500]", "region = [0, 0, 5, 5]", "80 or more a side"),
        ("digits = 6", "digits = 60", "a whole number from 1 to 12"),
        ("standard_uncertainty = 0.02", "standard_uncertainty = -0.02", "at least 0"),
    ],
)
def test_a_gauge_that_cannot_be_drawn_is_named(tmp_path: Path, wrong: str, right: str, sentence: str) -> None:
    """One sentence with the key and what is expected, before anything is served."""
    with pytest.raises(ConfigurationError, match=sentence):
        load(gauge_station(tmp_path, GAUGES.replace(wrong, right)))


def test_two_cameras_at_one_address_are_refused(tmp_path: Path) -> None:
    """A second camera under the first one's path could never be seen."""
    file = gauge_station(tmp_path, GAUGES.replace("cameras/water.jpg", "cameras/wall.jpg"))
    configuration = load(file)
    plant = Plant(make_truth(1, configuration.measure, configuration.standards))
    cameras = [GaugeCamera(figures, plant) for figures in configuration.gauge_cameras]
    with pytest.raises(ConfigurationError, match="same address"):
        BenchServer(cameras, plant, 0)


def test_a_station_without_gauges_has_only_the_neck(tmp_path: Path) -> None:
    """Nothing is drawn that the station does not have."""
    assert () == load(gauge_station(tmp_path, "")).gauge_cameras

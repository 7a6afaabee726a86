"""The thermometer's reader on drawn instruments of other designs, seen from anywhere."""

from dataclasses import replace

import numpy as np
import pytest
from thermometer_drawing import (
    BLACK,
    BLUE,
    GREEN,
    RED,
    SILVER,
    STEEL,
    YELLOW,
    Design,
    Image,
    View,
    encoded,
    thermometer,
)

from vision.frame import Frame
from vision.reading import Answer, Reading, Reason, Refusal
from vision.station import CameraGeometry
from vision.thermometer.reader import ThermometerReader, thermometer_from

INK_ON_BLACK = (225.0, 225.0, 225.0)
DESIGNS = {
    "red": (Design(), View(roll=-6, pitch=5)),
    "silver on yellow": (Design(plate=YELLOW, column=SILVER, shine=0.6), View(roll=9, yaw=6, seed=2)),
    "red on black": (Design(plate=BLACK, ink=INK_ON_BLACK), View(roll=3, pitch=-7, seed=3)),
    "marks on the left": (Design(marks="left", column=BLUE), View(roll=14, seed=4)),
    "thin, fine division": (
        Design(18, 24, 0.1, 1, column_width=0.8, offset=1.0),
        View(roll=-3, pitch=-4, seed=5),
    ),
    "hollow end": (Design(-10, 40, 0.5, 5, column=GREEN, dome=-0.3), View(roll=-12, seed=6)),
    "domed end": (Design(15, 30, 0.5, 5, column=SILVER, shine=0.5, dome=0.4), View(yaw=8, seed=7)),
    "marks behind the column": (
        Design(20, 120, 2, 20, marks="across", column_width=1.4, offset=0.5),
        View(roll=5, pitch=3, seed=8),
    ),
    "marks behind a silver column": (
        Design(0, 50, 1, 10, marks="across", column=SILVER, column_width=2.4, offset=0.5),
        View(roll=-8, seed=9),
    ),
    "far below zero": (Design(-35, 50, 1, 10, plate=STEEL, column=RED), View(roll=2, pitch=6, seed=10)),
    "glare": (Design(0, 100, 1, 10, column=BLUE), View(roll=-2, glare=45, seed=11)),
    "blurred and noisy": (Design(column=BLUE), View(roll=20, blur=1.6, noise=7, seed=12)),
    "dark": (Design(10, 40, 1, 10), View(roll=-18, exposure=0.45, seed=13)),
    "leaning far": (Design(10, 40, 1, 10, column=BLUE), View(roll=38, distance=420, seed=14)),
}


def read(picture: Image, design: Design, camera: CameraGeometry | None = None, **changes: object) -> Answer:
    """The answer of a reader that is told what a station would tell."""
    instrument = thermometer_from(design.description(**changes), "drawn")
    reader = ThermometerReader(instrument, camera or CameraGeometry())
    return reader.read(Frame(encoded(picture), "drawn"))


def camera_of(view: View) -> CameraGeometry:
    """The camera's lens and distance as a calibration would state them."""
    matrix = tuple(tuple(float(value) for value in row) for row in view.matrix)
    return CameraGeometry(matrix=matrix, distortion=(0.0, 0.0, 0.0, 0.0), distance_mm=view.distance)


@pytest.mark.parametrize("name", DESIGNS)
def test_every_design_is_read(name: str) -> None:
    """Within 0.3 division and within what is stated, low, in the middle and high on the scale."""
    design, view = DESIGNS[name]
    for share in (0.13, 0.58, 0.94):
        value = design.minimum + share * (design.maximum - design.minimum)
        answer = read(thermometer(design, view, value), design)
        assert isinstance(answer, Reading), (share, answer)
        error = abs(answer.value - value)
        stated = 2.5 * answer.standard_uncertainty + 0.02 * design.division
        assert (True, True) == (error <= 0.3 * design.division, error <= stated), (share, answer)


def test_there_is_no_bias_where_the_camera_is_known() -> None:
    """Over many views with a stated lens the errors average to nothing: the parallax is taken off."""
    rng = np.random.default_rng(11)
    design, errors, ratios = Design(15, 30, 0.5, 5, offset=2.2), [], []
    for number in range(12):
        angles = rng.uniform(-12, 12, 3)
        view = View(*angles, focal=float(rng.uniform(1.4, 3.0)), seed=number)
        view = replace(view, distance=150 * view.focal)
        value = float(rng.uniform(15.5, 29.5))
        answer = read(thermometer(design, view, value), design, camera_of(view))
        assert isinstance(answer, Reading), answer
        errors.append((answer.value - value) / design.division)
        ratios.append(abs(answer.value - value) / answer.standard_uncertainty)
    assert abs(float(np.mean(errors))) < 0.03
    assert float(np.sqrt(np.mean(np.square(errors)))) < 0.06
    assert float(np.mean(np.array(ratios) <= 2)) > 0.9


def test_a_stated_lens_makes_the_reading_surer() -> None:
    """An oblique view costs less where the focal length is known, and the assumption is no longer noted."""
    design, view = Design(), View(pitch=14)
    picture = thermometer(design, view, 21.3)
    blind, known = read(picture, design), read(picture, design, camera_of(view))
    assert isinstance(blind, Reading) and isinstance(known, Reading)
    assert known.terms["parallax"] < 0.5 * blind.terms["parallax"]
    assert not any("focal length" in note for note in known.notes)


def test_the_cameras_place_decides_where_it_is_stated() -> None:
    """With distance, height and division known the line of sight follows from them."""
    design, view = Design(0, 50, 1, 10), View(pitch=0)
    # the camera looks at the middle of the scale, square on: 55 mm above its zero
    camera = replace(camera_of(view), height_mm=55.0)
    answer = read(thermometer(design, view, 44.2), design, camera, division_mm=2.2)
    assert isinstance(answer, Reading)
    assert abs(answer.value - 44.2) < 0.05
    assert answer.terms["parallax"] < 0.02


def test_marks_on_the_column_itself_have_no_parallax() -> None:
    """An offset of zero is a statement: nothing is assumed."""
    design = Design(offset=0.0)
    answer = read(thermometer(design, View(pitch=12), 31.4), design)
    assert isinstance(answer, Reading)
    assert answer.terms["parallax"] == 0.0


@pytest.mark.parametrize("quarter", [1, 3])
def test_a_lying_thermometer_is_read(quarter: int) -> None:
    """Lying on either side, values grow away from the filled part."""
    design = Design(10, 40, 1, 10)
    picture = np.ascontiguousarray(np.rot90(thermometer(design, View(roll=4), 17.35), quarter))
    answer = read(picture, design)
    assert isinstance(answer, Reading), answer
    assert abs(answer.value - 17.35) < 0.1


def test_an_upside_down_picture_is_refused() -> None:
    """A column that hangs from above is not read: more likely the picture, or the instrument, is wrong."""
    picture = np.ascontiguousarray(np.rot90(thermometer(Design(), View(), 20.0), 2))
    answer = read(picture, Design())
    assert isinstance(answer, Refusal)
    assert Reason.AMBIGUOUS is answer.reason


@pytest.mark.parametrize("value", [50.3, -0.3])
def test_a_little_beyond_an_end_mark_is_read(value: float) -> None:
    """Up to half a division, as by eye, and said so."""
    answer = read(thermometer(Design(), View(), value), Design())
    assert isinstance(answer, Reading), answer
    assert abs(answer.value - value) < 0.1
    assert any("outside the marks" in note for note in answer.notes)


@pytest.mark.parametrize("value", [51.0, 53.0, -1.0, -3.0])
def test_outside_the_scale_is_refused(value: float) -> None:
    """A column that ends past the marks has no reading."""
    answer = read(thermometer(Design(), View(roll=3), value), Design())
    assert isinstance(answer, Refusal), answer
    assert answer.reason in {Reason.OUT_OF_SCALE, Reason.NO_COLUMN}


def test_an_empty_thermometer_is_refused() -> None:
    """A scale and a tube without a column."""
    answer = read(thermometer(Design(), View(), 20.0, column=False), Design())
    assert isinstance(answer, Refusal)
    assert Reason.NO_COLUMN is answer.reason


@pytest.mark.parametrize(
    "changes",
    [{"maximum": 60}, {"minimum": -20}, {"minimum": 0, "maximum": 30}, {"minimum": 5, "maximum": 55}],
)
def test_another_scale_than_stated_is_refused(changes: dict[str, object]) -> None:
    """More or fewer marks, or long marks elsewhere, are not what the station describes."""
    answer = read(thermometer(Design(), View(), 20.0), Design(), **changes)
    assert isinstance(answer, Refusal)
    assert Reason.INCONSISTENT_NUMBERING is answer.reason


def test_a_rising_column_is_tracked() -> None:
    """From frame to frame the column is followed over the whole scale."""
    design, view = Design(), View(roll=7, pitch=4)
    reader = ThermometerReader(thermometer_from(design.description(), ""), CameraGeometry())
    track = None
    for value in (5.2, 18.7, 44.4, 30.1):
        frame = Frame(encoded(thermometer(design, view, value)), "live")
        answer, after = reader.track(frame, track)
        alone = reader.read(frame)
        assert isinstance(answer, Reading) and isinstance(alone, Reading)
        assert abs(answer.value - alone.value) < 0.03
        assert track is None or (after is not None and after.scene.scale is track.scene.scale)
        track = after

"""A plate of known geometry is found in any colour, numbered as stated, and read to hundredths of a mark."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vision.camera_model import Lens
from vision.graduation import Graduation, NumberingFault, fit_lattice, number_marks
from vision.labels import measure_labels
from vision.marks import MarkColumn, find_marks
from vision.reading import Reason
from vision.station import Direction, Scale, Side

HEIGHT, WIDTH = 900, 700
FINE = 4
SCALE = Scale(
    unit="mL",
    division=10.0,
    division_mm=2.0,
    first=-200.0,
    last=200.0,
    major_every=5,
    label_every=5,
    increases=Direction.UP,
)


@dataclass(frozen=True)
class Plate:
    """A drawn plate: `spacing` in pixels, `view` a homography from the flat plate to the picture."""

    plate: int = 210
    ink: int = 40
    spacing: float = 19.3
    side: Side = Side.RIGHT
    top: float = 60.4
    view: tuple[tuple[float, float, float], ...] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    labels: bool = True
    marks: int = 41

    def picture(self) -> NDArray[np.uint8]:
        """The plate on a gray ground, marks from +200 at the top to −200, noise of two gray values."""
        image = np.full((HEIGHT * FINE, WIDTH * FINE), 128, np.uint8)
        x0, x1 = (360, 620) if self.side is Side.RIGHT else (80, 340)
        image[15 * FINE : (HEIGHT - 15) * FINE, x0 * FINE : x1 * FINE] = self.plate
        for k in range(self.marks):
            middle = (self.top + self.spacing * k + 0.5) * FINE
            length = 80 if k % 5 == 0 else 44
            start = (x0 + 4) if self.side is Side.RIGHT else (x1 - 4 - length)
            low, high = round(middle - 1.5 * FINE), round(middle + 1.5 * FINE)
            image[low:high, start * FINE : (start + length) * FINE] = self.ink
            if k % 5 == 0 and self.labels:
                text = f"{200 - 10 * k}"
                size = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.5 * FINE, FINE + 2)[0]
                at = start + length + 10 if self.side is Side.RIGHT else start - 10 - size[0] / FINE
                place = (round(at * FINE), round(middle + size[1] / 2))
                cv2.putText(image, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5 * FINE, self.ink, FINE + 2)
        up = np.array([[FINE, 0, (FINE - 1) / 2], [0, FINE, (FINE - 1) / 2], [0, 0, 1.0]])
        turned = cv2.warpPerspective(
            image,
            up @ np.array(self.view) @ np.linalg.inv(up),
            (WIDTH * FINE, HEIGHT * FINE),
            borderValue=128,
        )
        small = cv2.resize(turned, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float64)
        noise = np.random.default_rng(3).normal(0, 2, small.shape)
        return np.clip(np.rint(small + noise), 0, 255).astype(np.uint8)

    def seen(self, x: float, mark: float) -> NDArray[np.float64]:
        """Where the point beside mark number `mark`, at `x` on the flat plate, is seen."""
        place = np.array(self.view) @ np.array([x, self.top + self.spacing * mark, 1.0])
        return np.asarray((place[:2] / place[2])[None, :], np.float64)


def graduated(gray: NDArray[np.uint8], scale: Scale, side: Side | None = None) -> Graduation | NumberingFault:
    """Everything from the picture to the numbers, without a lens."""
    column = find_marks(gray, side)
    assert column is not None
    lattice = fit_lattice(column, Lens(None, None))
    assert lattice is not None
    labels = measure_labels(gray, column, 5)
    return number_marks(column, lattice, scale, (0, gray.shape[0]), labels)


def reads(plate: Plate, scale: Scale = SCALE) -> NDArray[np.float64]:
    """Errors in divisions, along the line where a tube would stand, from end to end."""
    found = graduated(plate.picture(), scale)
    assert isinstance(found, Graduation), found
    beside = 260.0 if plate.side is Side.RIGHT else 440.0
    errors = []
    for mark in (0.0, 7.3, 20.5, 33.8, 40.0):
        errors.append(found.division_at(plate.seen(beside, mark))[0] - (20 - mark))
    return np.asarray(errors)


TILTED = ((0.9995, -0.03, 20.0), (0.03, 0.9995, -8.0), (0.0, 0.0, 1.0))
PERSPECTIVE = ((1.0, -0.01, 4.0), (0.01, 1.0, -4.0), (1.2e-5, 4e-5, 1.0))


@pytest.mark.parametrize("side", [Side.LEFT, Side.RIGHT])
@pytest.mark.parametrize(
    "plate", [Plate(), Plate(plate=30, ink=230), Plate(plate=150, ink=110), Plate(spacing=9.1, top=205.2)]
)
def test_a_plate_is_read_in_any_colour_on_either_side(plate: Plate, side: Side) -> None:
    """White, black with white marks, poor contrast, fine divisions: within two hundredths of a division."""
    assert np.abs(reads(replace(plate, side=side))).max() < 0.02


@pytest.mark.parametrize("view", [TILTED, PERSPECTIVE])
def test_a_tilted_camera_is_taken_out(view: tuple[tuple[float, float, float], ...]) -> None:
    """Roll and perspective do not move the reading beside the plate."""
    assert np.abs(reads(Plate(view=view, spacing=18.7))).max() < 0.03


def test_the_perspective_is_needed() -> None:
    """With the perspective term taken away the same plate is misread: the test above can fail."""
    plate = Plate(view=PERSPECTIVE, spacing=18.7)
    found = graduated(plate.picture(), SCALE)
    assert isinstance(found, Graduation)
    flat = replace(found.lattice, terms=found.lattice.terms * [1, 1, 1, 1, 0])
    wrong = replace(found, lattice=flat)

    errors = [wrong.division_at(plate.seen(260.0, mark))[0] - (20 - mark) for mark in (0.0, 20.0, 40.0)]

    assert np.abs(errors).max() > 0.1


def test_the_stated_uncertainty_covers_the_lattice() -> None:
    """Over plates at different places errors are within three stated standard uncertainties."""
    for shift in np.linspace(0, 0.9, 6):
        plate = Plate(top=60.0 + shift)
        found = graduated(plate.picture(), SCALE)
        assert isinstance(found, Graduation)
        point = plate.seen(260.0, 18.0)
        error = found.division_at(point)[0] - 2.0
        assert abs(error) < 3 * found.lattice.number_u((float(point[0, 0]), float(point[0, 1])))


def test_a_scale_that_grows_downwards() -> None:
    """With `increases` down the same plate counts the other way."""
    plate = Plate(labels=False)
    found = graduated(plate.picture(), replace(SCALE, increases=Direction.DOWN))
    assert isinstance(found, Graduation)

    assert found.division_at(plate.seen(260.0, 7.0))[0] == pytest.approx(-13.0, abs=0.02)


def test_labels_are_where_the_station_says() -> None:
    """Every fifth mark of the drawing carries its number."""
    found = graduated(Plate().picture(), SCALE)
    assert isinstance(found, Graduation)

    assert [label for label in found.labels if label] == [str(v) for v in range(200, -201, -50)]


@pytest.mark.parametrize("shift", [-50.0, 50.0, 100.0])
def test_a_station_that_is_off_by_labels_is_found_out(shift: float) -> None:
    """Ends and long marks still fit, but the printed numbers' widths do not: refused."""
    scale = replace(SCALE, first=-200.0 + shift, last=200.0 + shift)
    found = graduated(Plate().picture(), scale)

    assert isinstance(found, NumberingFault)
    assert found.reason is Reason.INCONSISTENT_NUMBERING


@pytest.mark.parametrize(("first", "last"), [(-190.0, 210.0), (-200.0, 150.0), (-250.0, 250.0)])
def test_a_station_that_does_not_fit_the_marks_is_found_out(first: float, last: float) -> None:
    """Long marks in other places, too few or too many marks: refused."""
    found = graduated(Plate().picture(), replace(SCALE, first=first, last=last))

    assert isinstance(found, NumberingFault)
    assert found.reason is Reason.INCONSISTENT_NUMBERING


def test_a_scale_cut_off_at_both_ends_is_numbered_by_its_print() -> None:
    """Where neither end is seen the widths of the printed numbers decide."""
    plate = Plate()
    found = graduated(plate.picture()[180:700], SCALE)
    assert isinstance(found, Graduation)
    point = plate.seen(260.0, 20.5) - [0.0, 180.0]

    assert found.division_at(point)[0] == pytest.approx(-0.5, abs=0.03)


def test_a_scale_cut_off_without_print_is_ambiguous() -> None:
    """Without numbers a part of a scale could be any part: refused, never guessed."""
    found = graduated(Plate(labels=False).picture()[180:700], SCALE)

    assert isinstance(found, NumberingFault)
    assert found.reason is Reason.AMBIGUOUS


def test_a_scale_without_stated_ends_is_numbered_by_its_print() -> None:
    """`first` and `last` unknown: the print tells, and the reading says so."""
    plate = Plate()
    found = graduated(plate.picture(), replace(SCALE, first=None, last=None))
    assert isinstance(found, Graduation)

    assert found.division_at(plate.seen(260.0, 3.0))[0] == pytest.approx(17.0, abs=0.03)
    assert any("first and last" in note for note in found.notes)


def test_an_unknown_direction_is_ambiguous() -> None:
    """Up or down is not guessed."""
    found = graduated(Plate().picture(), replace(SCALE, increases=None))

    assert isinstance(found, NumberingFault)
    assert found.reason is Reason.AMBIGUOUS


def test_marks_may_be_hidden() -> None:
    """A strip of glare over a few marks leaves numbering and reading as they are."""
    plate = Plate()
    gray = plate.picture()
    gray[400:470, 350:480] = 255
    found = graduated(gray, SCALE)
    assert isinstance(found, Graduation)

    assert found.column.count < 41
    assert found.division_at(plate.seen(260.0, 25.0))[0] == pytest.approx(-5.0, abs=0.03)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_noise_and_stripes_are_no_scale(seed: int) -> None:
    """Neither noise nor upright stripes make a row of marks that a lattice fits."""
    random = np.random.default_rng(seed)
    noise = random.integers(0, 255, (HEIGHT, WIDTH)).astype(np.uint8)
    stripes = np.tile(random.integers(0, 255, WIDTH).astype(np.uint8), (HEIGHT, 1))
    for gray in (noise, stripes):
        column: MarkColumn | None = find_marks(gray, None)
        assert column is None or fit_lattice(column, Lens(None, None)) is None

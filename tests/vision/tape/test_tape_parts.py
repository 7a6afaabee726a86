"""The parts of the tape reader find what was drawn: edges, lines, the surface, the numbering."""

import numpy as np
import pytest
from tape_drawing import TapeScene

from vision.numerals import NumeralEvidence
from vision.reading import Reason
from vision.station import Direction
from vision.tape.lattice import TapeLattice, find_lattice
from vision.tape.liquid_line import find_liquid_line
from vision.tape.numbering import Numbering, Unnumbered, number_lines
from vision.tape.strip import TapeStrip, find_tape


class Told:
    """Stands in for the network: sees the numbers that it is told, one a picture; None is smeared."""

    def __init__(self, *numbers: int | None) -> None:
        self.numbers = numbers

    def look(self, crops: list[np.ndarray]) -> list[NumeralEvidence]:
        """Evidence for `numbers`; the crops only have to be as many."""
        assert len(crops) == len(self.numbers)
        return [NumeralEvidence(self._seen(number)) for number in self.numbers]

    @staticmethod
    def _seen(number: int | None) -> np.ndarray:
        if number is None:
            return np.full((7, 11), 1 / 11)
        steps = np.full((2 * len(str(number)) + 1, 11), 0.001)
        steps[::2, 0] = 0.99
        for place, digit in enumerate(str(number)):
            steps[2 * place + 1, int(digit) + 1] = 0.99
        return steps


def _found(scene: TapeScene) -> tuple[TapeStrip, TapeLattice]:
    strip = find_tape(scene.picture())
    assert strip is not None
    lattice = find_lattice(strip)
    assert lattice is not None
    return strip, lattice


@pytest.mark.parametrize("tilt", [-6.0, 0.0, 4.0])
def test_edges_of_a_tilted_tape(tilt: float) -> None:
    """The tape is 40 pixels wide and leans as drawn."""
    strip = find_tape(TapeScene(tilt_deg=tilt).picture())
    assert strip is not None
    assert pytest.approx(40.0, abs=1.5) == strip.width_px
    ends = strip.points(np.array([0.5, 0.5]), np.array([10.0, 100.0]))
    lean = np.degrees(np.arctan2(ends[1, 0] - ends[0, 0], ends[1, 1] - ends[0, 1]))
    assert pytest.approx(tilt, abs=0.6) == lean


def test_a_grey_wall_is_no_tape() -> None:
    """Without colour there is no tape."""
    wall = np.random.default_rng(1).normal(140, 12, (120, 120, 1)).clip(0, 255).astype(np.uint8)
    assert find_tape(np.repeat(wall, 3, axis=2)) is None


@pytest.mark.parametrize("division", [14.2, 21.7, 29.3])
@pytest.mark.parametrize("dark_above", [None, 42])
def test_lines_to_a_tenth_of_a_pixel(division: float, dark_above: int | None) -> None:
    """Period and phase are as drawn, also where the ground changes from yellow to black."""
    scene = TapeScene(division_px=division, dark_above=dark_above)
    _, lattice = _found(scene)
    assert pytest.approx(division, abs=0.15) == lattice.division_px(0.0)
    # A pixel's centre is at a whole number, the drawing's rows start at its edge.
    phases = [((v + 0.5 - scene.first_mark_px) / division) % 1.0 for _, v in lattice.lines]
    assert pytest.approx(0.5, abs=0.25 / division + 0.01) == float(np.median(phases))


def test_lattice_uncertainty_grows_outside_its_lines() -> None:
    """Far from the lines the lattice is less certain than among them."""
    _, lattice = _found(TapeScene())
    middle = 0.5 * (lattice.first + lattice.last)
    assert lattice.uncertainty_divisions(lattice.last + 6) > 2 * lattice.uncertainty_divisions(middle)


def test_number_and_position_are_inverse() -> None:
    """`number` undoes `position`, off the middle as well."""
    _, lattice = _found(TapeScene(tilt_deg=3))
    v = float(lattice.position(np.array(1.3))) + lattice.slope * 0.8 * lattice.width_px
    assert pytest.approx(1.3, abs=1e-6) == lattice.number(1.3, v)


@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize("level", [35.2, 61.0, 88.7])
def test_surface_to_a_fifth_of_a_pixel(side: int, level: float) -> None:
    """The surface is found on either side of the tape."""
    strip, lattice = _found(TapeScene(tube=side, level_px=level))
    line = find_liquid_line(strip, lattice)
    assert line is not None
    seen = strip.points(np.array([0.5 * (line.u_low + line.u_high)]), np.array([line.v]))[0]
    assert (pytest.approx(level - 0.5, abs=0.2), side) == (seen[1], 1 if line.u_low > 0.5 else -1)


def test_only_the_named_side_is_searched() -> None:
    """Where the tube is known to be on the other side, its surface is not seen."""
    strip, lattice = _found(TapeScene(tube=-1))
    line = find_liquid_line(strip, lattice, (1,))
    assert line is None or line.clarity < 1.2


def test_a_full_tube_has_no_clear_surface() -> None:
    """A tube of one look has no step that stands out."""
    strip, lattice = _found(TapeScene(level_px=None))
    line = find_liquid_line(strip, lattice)
    assert line is None or line.clarity < 1.2


def test_one_wrong_numeral_is_outvoted() -> None:
    """41, 42, 48, 44 … is a misread 43."""
    strip, lattice = _found(TapeScene())
    found = number_lines(strip, lattice, Told(41, 42, 48, 44, 45), 1, Direction.DOWN)  # type: ignore[arg-type]
    assert isinstance(found, Numbering)
    assert (4, 5, 0.5) == (found.numerals_read, found.numerals_seen, found.named_at)


def test_numerals_that_do_not_follow_one_another_are_a_contradiction() -> None:
    """Five numerals of which no two agree are not a numbering."""
    strip, lattice = _found(TapeScene())
    found = number_lines(strip, lattice, Told(41, 97, 13, 60, 8), 1, Direction.DOWN)  # type: ignore[arg-type]
    assert isinstance(found, Unnumbered)
    assert found.reason in {Reason.INCONSISTENT_NUMBERING, Reason.AMBIGUOUS}


def test_smeared_numerals_are_ambiguous() -> None:
    """Numerals that could be anything number nothing."""
    strip, lattice = _found(TapeScene())
    found = number_lines(strip, lattice, Told(*[None] * 5), 1, Direction.DOWN)  # type: ignore[arg-type]
    assert isinstance(found, Unnumbered)
    assert found.reason is Reason.AMBIGUOUS


def test_the_direction_is_found_where_nobody_states_it() -> None:
    """45, 44 … 41 downwards grows upwards."""
    strip, lattice = _found(TapeScene())
    found = number_lines(strip, lattice, Told(45, 44, 43, 42, 41), 1, None)  # type: ignore[arg-type]
    assert isinstance(found, Numbering)
    assert found.step == -1


def test_numerals_in_steps() -> None:
    """Numerals that count in tens are numbered in tens."""
    strip, lattice = _found(TapeScene())
    found = number_lines(strip, lattice, Told(110, 120, 130, 140, 150), 10, Direction.DOWN)  # type: ignore[arg-type]
    assert isinstance(found, Numbering)
    assert found.numerals_read == 5

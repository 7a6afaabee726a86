"""Pictures of nothing, and of the other kinds of instrument, are refused by every kind of reader."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import cv2
import nothing_drawing as nothing
import numpy as np
import pytest
from dial.dial_drawing import Drawn, draw_dial
from display.display_drawing import drawn_at_random, photograph
from numpy.typing import NDArray
from tape.tape_drawing import TapeScene
from thermometer import thermometer_drawing as column

from vision.frame import Frame
from vision.instrument import Reader
from vision.readers import KINDS, instrument_from, reader_for
from vision.reading import Reason, Refusal

Image = NDArray[np.uint8]

SIGHT_GLASS = {
    "kind": "sight-glass",
    "tube": {"outer_diameter_mm": 20.0, "inner_diameter_mm": 17.0},
    "scale": {
        "unit": "mL",
        "division": 5,
        "division_mm": 1.5,
        "first": -180,
        "last": 180,
        "major_every": 10,
        "label_every": 10,
        "increases": "up",
        "side": "left",
        "offset_mm": 0.0,
    },
}
MILLIMETRES = {"unit": "mm", "division": 1, "division_mm": 1.0, "first": -55, "last": 55}
DIAL = {"kind": "dial", "unit": "bar", "minimum": 0, "maximum": 10, "major_step": 1, "minor_per_major": 10}
DEGREES = {"unit": "degC", "maximum": 160, "major_step": 20, "minor_per_major": 4}
DISPLAY = {"kind": "seven-segment", "unit": "kg"}
THERMOMETER = column.Design().description()
# what a station may say of its instrument, several of each kind, taken in turn
DESCRIBED: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "sight-glass": (
        SIGHT_GLASS,
        {**SIGHT_GLASS, "scale": {**SIGHT_GLASS["scale"], **MILLIMETRES}},  # type: ignore[dict-item]  # a table
    ),
    "dial": (DIAL, {**DIAL, **DEGREES}, {**DIAL, "minimum": -1, "maximum": 1.5, "major_step": 0.5}),
    "seven-segment": (DISPLAY, {**DISPLAY, "digits": 4, "decimals": 1, "signed": True}),
    "thermometer": (THERMOMETER, column.Design(18, 24, 0.1, 1).description()),
}


def dial(rng: np.random.Generator) -> Image:
    """A dial gauge."""
    small = Drawn(size=(480, 480), radius_px=175.0, seed=int(rng.integers(1000)))
    return draw_dial(replace(small, value=float(rng.uniform(0, 10)), roll=float(rng.normal(0, 8))))


def display(rng: np.random.Generator) -> Image:
    """A display with some number."""
    design, view, _, _ = drawn_at_random(int(rng.integers(1000)), hard=False)
    return photograph(design, view)


def thermometer(rng: np.random.Generator) -> Image:
    """A thermometer."""
    view = column.View(size=(400, 800), roll=float(rng.normal(0, 4)), seed=int(rng.integers(1000)))
    return column.thermometer(column.Design(), view, float(rng.uniform(5, 45)))


def tape(rng: np.random.Generator) -> Image:
    """A measuring tape beside a tube."""
    scene = TapeScene(first_number=int(rng.integers(5, 200)), tilt_deg=float(rng.normal(0, 2)))
    return replace(scene, level_px=float(rng.uniform(30, 90))).picture()


@dataclass(frozen=True)
class Case:
    """`count` pictures that `maker` draws; they show an instrument of the kind `shows`, or none."""

    maker: Callable[[np.random.Generator], Image]
    count: int
    shows: str | None = None
    reason: Reason | None = None  # where only one is right

    def __str__(self) -> str:
        return self.maker.__name__


CASES = (
    Case(nothing.wall, 20),
    Case(nothing.noise, 20),
    Case(nothing.blobs, 16),
    Case(nothing.bricks, 18),
    Case(nothing.windows, 16),
    Case(nothing.ruler, 18),
    Case(nothing.printed, 18),
    Case(nothing.face, 16),
    Case(nothing.stripes, 16),
    Case(nothing.dark, 4, reason=Reason.DARK),
    Case(nothing.burnt, 4, reason=Reason.OVEREXPOSED),
    Case(nothing.tube, 12, shows="sight-glass"),
    Case(tape, 8, shows="sight-glass"),
    Case(dial, 10, shows="dial"),
    Case(display, 20, shows="seven-segment"),
    Case(thermometer, 6, shows="thermometer"),
)


def _readers() -> dict[str, tuple[Reader, ...]]:
    return {
        kind: tuple(reader_for(instrument_from(each, kind)) for each in described)
        for kind, described in DESCRIBED.items()
    }


def test_every_kind_is_asked_about_200_pictures() -> None:
    """No kind of reader is left out of this table, and it holds enough."""
    assert set(KINDS) == set(DESCRIBED)
    for kind in KINDS:
        assert sum(case.count for case in CASES if case.shows != kind) >= 200, kind


@pytest.mark.parametrize("case", CASES, ids=str)
def test_nothing_is_refused(case: Case) -> None:
    """Refused by every kind of reader but that of what is shown, with the picture's name and the reason."""
    readers = _readers()
    read = []
    for number in range(case.count):
        name = f"{case} {number}"
        done, data = cv2.imencode(".jpg", case.maker(np.random.default_rng(700 + number)))
        assert done
        frame = Frame(data.tobytes(), name)
        for kind in readers.keys() - {case.shows}:
            answer = readers[kind][number % len(readers[kind])].read(frame)
            if isinstance(answer, Refusal):
                assert case.reason in (None, answer.reason), kind
                assert answer.detail
            else:
                read.append((kind, name))
    assert read == []

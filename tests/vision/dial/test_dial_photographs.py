"""Dials as small parts of photographs on site: faint ticks, print, shade, idle needles, second needles."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from vision.dial.reader import DialReader, dial_from
from vision.frame import Frame
from vision.reading import Answer, Reading, Refusal
from vision.station import CameraGeometry

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))  # the drawing stands in benchmarks/, beside the packages

from benchmarks.dial_designs import Design, jpeg, photograph, random_design  # noqa: E402

SEEDS = range(44000, 44012)


def answer_of(design: Design) -> Answer:
    """What the reader says to it, described as it is."""
    described = dial_from(design.instrument, "drawn")
    return DialReader(described, CameraGeometry()).read(Frame(jpeg(design), "drawn"))


def test_most_photographs_are_read_and_none_grossly_wrong() -> None:
    """Of a dozen drawn photographs at least ten are read, none of them 1 % of the span off."""
    errors = []
    for seed in SEEDS:
        design = photograph(random_design(seed))
        answer = answer_of(design)
        if isinstance(answer, Reading):
            _, minimum, maximum, _, _ = design.scale
            errors.append(abs(answer.value - design.value) / (maximum - minimum))
    assert len(errors) >= 10
    assert max(errors) < 0.01


@pytest.mark.parametrize("seed", [44000, 44003, 44004, 44007])
def test_second_needle_like_the_first_is_refused(seed: int) -> None:
    """Two needles of the same colour and length cannot be told apart: refused, whatever the print."""
    design = photograph(random_design(seed))
    answer = answer_of(replace(design, second_pointer=(design.needle_share + 0.37) % 1))
    assert isinstance(answer, Refusal)
    assert "two needles" in answer.detail

"""api/readings/person.py: a reader against a person."""

from math import sqrt
from pathlib import Path

import pytest

from api.readings.jobs import Job, Outcome
from api.readings.person import Compared, compare, normalised_error
from vision.image_set import Truth


def outcome(value: float | None, truth: Truth, u: float = 0.01) -> Outcome:
    """A reading of a dial, or its refusal."""
    job = Job("a.jpg", Path("a.jpg"), {"kind": "dial", "unit": "bar"}, None, None, truth, "a test")
    return Outcome(job, value, None if value is None else u, "" if value is not None else "blurred", "", 1.0)


def test_bias_scatter_and_normalised_errors() -> None:
    """Three readings, 0.01 too high on the mean, by 0.01 apart."""
    found = compare(outcome(1.0 + off, Truth(1.0, 0.02, "line")) for off in (0.0, 0.01, 0.02))
    largest = 0.02 / (2.0 * sqrt(0.01**2 + 0.02**2 / 3.0))
    assert [
        Compared(
            "line",
            "dial",
            "bar",
            3,
            0,
            0,
            pytest.approx(0.01),
            pytest.approx(0.01),
            pytest.approx(0.02),
            pytest.approx(largest),
            0,
        )
    ] == found
    assert found[0].agrees


def test_a_person_without_a_half_width_leaves_the_readers_uncertainty() -> None:
    """E_n is the difference over twice the reader's u."""
    assert 0.5 == pytest.approx(normalised_error(outcome(1.01, Truth(1.0))))
    assert normalised_error(outcome(None, Truth(1.0))) is None
    assert normalised_error(outcome(1.0, Truth())) is None


def test_one_in_twenty_may_lie_beyond() -> None:
    """That is what a coverage factor of 2 says; two in twenty do not agree."""
    fine = [outcome(1.0, Truth(1.0))] * 19
    far = outcome(1.5, Truth(1.0))
    assert compare([*fine, far])[0].agrees
    assert not compare([*fine[:18], far, far])[0].agrees
    assert not compare([far])[0].agrees


def test_what_a_person_could_not_read_must_be_refused() -> None:
    """A guess where there is nothing to read does not agree; a refusal does."""
    unreadable = Truth(None, None, "line", False, "glare")
    good = outcome(1.0, Truth(1.0, None, "line"))
    (guessed,) = compare([good, outcome(1.0, unreadable)])
    assert (1, False) == (guessed.read_unreadable, guessed.agrees)
    (refused,) = compare([good, outcome(None, unreadable), outcome(None, Truth(1.0, None, "line"))])
    assert (0, 1, True) == (refused.read_unreadable, refused.refused, refused.agrees)


def test_instruments_are_told_apart_and_the_unsaid_is_left_out() -> None:
    """One line an instrument; a picture of which nobody has said anything does not count."""
    found = compare(
        [outcome(1.0, Truth(1.0, None, "a")), outcome(2.0, Truth(2.0, None, "b")), outcome(3.0, Truth())]
    )
    assert [("a", 1), ("b", 1)] == [(one.instrument, one.compared) for one in found]
    assert [] == compare([outcome(3.0, Truth())])

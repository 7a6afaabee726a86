"""Errors are counted in the unit that the work is judged by, and nothing is made of what is not known."""

import math
from pathlib import Path
from typing import Any

import pytest

from api.readings.accuracy import by_family, error_scale, is_judged, score, total
from api.readings.figures import normalised_errors, stated_against_actual
from api.readings.jobs import Job, Outcome
from vision.image_set import Truth

GLASS = {"kind": "sight-glass", "scale": {"unit": "mL", "division": 5, "division_mm": 1.5}}


def _outcome(value: float | None, truth: Truth, u: float = 0.5, **instrument: Any) -> Outcome:
    job = Job("a.jpg", Path("a.jpg"), instrument or GLASS, None, None, truth, "line 1")
    if value is None:
        return Outcome(job, None, None, "dark", "too dark", 10.0)
    return Outcome(job, value, u, "", "", 20.0, {"noise": u})


@pytest.mark.parametrize(
    ("instrument", "expected"),
    [
        (GLASS, (0.3, "mm")),
        ({"kind": "sight-glass", "scale": {"unit": "cm", "division": 0.1}}, (1.0, "cm")),
        ({"kind": "dial", "unit": "bar", "minimum": -1, "maximum": 1.5}, (40.0, "% of span")),
        ({"kind": "dial", "unit": "bar", "minimum": 0}, (1.0, "bar")),
        ({"kind": "dial", "unit": "bar", "minimum": 3, "maximum": 3}, (1.0, "bar")),
        ({"kind": "thermometer", "unit": "degC", "division": 0.5}, (2.0, "divisions")),
        ({"kind": "seven-segment", "unit": "kg"}, (1.0, "kg")),
    ],
)
def test_each_kind_has_its_unit_of_error(instrument: dict[str, Any], expected: tuple[float, str]) -> None:
    """Millimetres at the tube, per cent of span, divisions, or the instrument's own unit."""
    unit = instrument.get("unit") or instrument["scale"]["unit"]
    assert expected == error_scale(instrument, unit)


def test_a_family_is_counted() -> None:
    """RMS, largest, mean, the share within 2u and the median u of a family, in millimetres."""
    truth = Truth(100.0, None, "card")
    scores = [score(_outcome(value, truth)) for value in (100.0, 101.0, 98.0, None)]
    (family,) = by_family(scores)
    assert (4, 3, 1, 3, 4, 3) == (
        family.count,
        family.read,
        family.refused,
        family.right,
        family.expected_readings,
        family.compared,
    )
    assert math.isclose(0.3 * math.sqrt(5 / 3), family.rms or 0)
    assert math.isclose(0.6, family.largest or 0)
    assert math.isclose(-0.1, family.bias or 0)
    assert 2 / 3 == family.within_2u
    assert 0.15 == family.median_u
    assert 20.0 == family.median_ms


def test_families_stay_apart() -> None:
    """Families, kinds and units are not mixed, and have no total unless they can be compared."""
    dial = {"kind": "dial", "unit": "bar", "minimum": 0, "maximum": 10}
    glass = [score(_outcome(1.0, Truth(1.0, None, name))) for name in ("card", "room")]
    mixed = [*glass, score(_outcome(1.0, Truth(1.0, None, "card"), **dial))]
    assert [("sight-glass", "card"), ("sight-glass", "room"), ("dial", "card")] == [
        (family.kind, family.name) for family in by_family(mixed)
    ]
    assert total(mixed) is None
    together = total(glass)
    assert together is not None
    assert 2 == together.count


def test_without_truth_nothing_is_judged() -> None:
    """A set without truths has counts, and no errors out of nothing."""
    scores = [score(_outcome(1.0, Truth())), score(_outcome(None, Truth()))]
    (family,) = by_family(scores)
    assert not is_judged(scores)
    assert (None, None, None, None) == (family.rms, family.largest, family.bias, family.within_2u)
    assert (1, 0) == (family.right, family.compared)


def test_a_picture_that_must_be_refused_is_judged() -> None:
    """Reading such a picture is wrong, refusing it right."""
    reject = Truth(None, None, "reject", False, "foam")
    scores = [score(_outcome(1.0, reject)), score(_outcome(None, reject))]
    assert is_judged(scores)
    assert 1 == by_family(scores)[0].right


def test_an_uncertainty_of_zero_covers_no_error() -> None:
    """An error with u = 0 is infinitely many uncertainties away, none is covered; the charts still draw."""
    scores = [score(_outcome(value, Truth(1.0), u=0.0)) for value in (1.0, 2.0)]
    assert [0.0, math.inf] == [one.normalised for one in scores]
    assert 0.5 == by_family(scores)[0].within_2u
    assert "<svg" in normalised_errors([0.0, math.inf])


def test_charts_show_every_point() -> None:
    """Each reading is a dot with its picture's name, each error is counted in a bar, names are escaped."""
    chart = stated_against_actual({"card": [(0.03, 0.05, "<a>.jpg"), (0.02, 0.0, "b.jpg")]}, "mm")
    assert 2 == chart.count("<circle")
    assert "&lt;a&gt;.jpg" in chart
    assert "<a>" not in chart
    bars = normalised_errors([-9.0, -0.1, 0.1, 0.2, 9.0])
    titles = [int(part.split(" between")[0]) for part in bars.split("<title>")[1:]]
    assert (16, 5) == (len(titles), sum(titles))
    assert (1, 1) == (titles[0], titles[-1])


def test_charts_of_nothing_are_empty() -> None:
    """Without a point there is no chart."""
    assert "" == stated_against_actual({"card": [(0.0, 1.0, "a")]}, "mm")
    assert "" == normalised_errors([math.nan])

"""Tables that are plausible are let through, and whatever is wrong in one is named with place and size."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from calibration.data_table import DataTable
from calibration.errors import UnsuitableModelError
from calibration.table_check import Kind, check_table
from calibration.table_seams import explained
from calibration.tank_ends import End, Head
from calibration.tanks import Orientation, Tank


def table(rows: Any) -> DataTable:
    """A table in cm and litres."""
    data = np.array(rows, dtype=float)
    return DataTable(data[:, 0], data[:, 1], None, None, "dip", "cm", "l")


def made(tank: Tank, step: float, decimals: int) -> np.ndarray:
    """A table of a tank in cm, in steps, rounded to decimals of a litre."""
    heights = np.arange(0.0, tank.height, step)
    volumes = np.round(tank.volume(heights) * 1e-3, decimals)
    rising = np.concatenate([[True], np.diff(volumes) > 0])
    return np.column_stack([heights[rising], volumes[rising]])


TANKS = {
    "flat": (Tank(Orientation.LYING, 125.0, 600.0), 2.0, 0),
    "ellipsoidal": (
        Tank(Orientation.LYING, 90.0, 400.0, End(Head.ELLIPSOIDAL, 45.0), End(Head.ELLIPSOIDAL, 45.0)),
        1.0,
        1,
    ),
    "tilted": (
        Tank(Orientation.LYING, 110.0, 500.0, End(Head.TORISPHERICAL), End(Head.TORISPHERICAL), tilt=0.01),
        5.0,
        2,
    ),
    "standing": (Tank(Orientation.STANDING, 80.0, 500.0, End(Head.CONICAL, 30.0)), 2.0, 1),
}


def test_real_tables(oracle: Callable[[str], Any]) -> None:
    """The real table of a diesel tank passes; the impossible one is rejected for its last step."""
    tables = oracle("dip_tables.json")
    good = check_table(table(tables["plausible"][0]["cm_L"]))
    assert good.plausible
    assert good.shape == "lying"
    assert good.dimensions["radius"] == pytest.approx(150.2, abs=0.3)
    bad = check_table(table(tables["must_reject"][0]["cm_L"]))
    assert [(f.kind, f.reading) for f in bad.findings] == [(Kind.STEP, 184.0)]
    assert bad.findings[0].sentence == (
        "from 180 to 184 cm the table rises by 480.8 l per cm, beside it by 54.14"
    )


def test_a_full_tank_has_equal_halves(oracle: Callable[[str], Any]) -> None:
    """Said to be full at its last row, the impossible table is not symmetric, and the sentence has both
    volumes.
    """
    report = check_table(table(oracle("dip_tables.json")["must_reject"][0]["cm_L"]), full=True)
    asymmetric = next(f for f in report.findings if f.kind is Kind.ASYMMETRIC)
    assert (asymmetric.reading, round(asymmetric.size, 2)) == (92.0, -1614.9)
    assert "holds 4834.16 l; the table has 3219.26 l" in asymmetric.sentence


@pytest.mark.parametrize("name", sorted(TANKS))
def test_made_tables_pass(name: str) -> None:
    """Tables made from tanks of other shapes than the fitted one are plausible."""
    report = check_table(table(made(*TANKS[name])))
    assert report.findings == ()


@pytest.mark.parametrize("where", [0.15, 0.5, 0.9])
@pytest.mark.parametrize("name", sorted(TANKS))
def test_one_bad_row_is_named(name: str, where: float) -> None:
    """A row that is off by a third of a step is named with its height and about its size, and no other row
    is.
    """
    rows = made(*TANKS[name])
    i = int(where * len(rows))
    size = 0.33 * (rows[i + 1, 1] - rows[i, 1])
    rows[i, 1] += size
    report = check_table(table(rows))
    assert [(f.kind, f.reading) for f in report.findings] == [(Kind.OUTLIER, rows[i, 0])]
    assert report.findings[0].size == pytest.approx(size, rel=0.25)


SEAMED = {
    "conical bottom": (
        Tank(Orientation.STANDING, 80.0, 500.0, End(Head.CONICAL, 30.0), End(Head.CONICAL, 30.0)),
        2.0,
    ),
    "dished bottom": (Tank(Orientation.STANDING, 103.0, 353.0, End(Head.SPHERICAL, 28.6)), 5.0),
    "knuckles": (
        Tank(Orientation.STANDING, 90.0, 300.0, End(Head.TORISPHERICAL), End(Head.TORISPHERICAL)),
        1.0,
    ),
    "conical heads, lying": (
        Tank(Orientation.LYING, 66.0, 294.0, End(Head.CONICAL, 39.3), End(Head.CONICAL, 39.3)),
        1.0,
    ),
    "tilted": (
        Tank(Orientation.LYING, 110.0, 500.0, End(Head.CONICAL, 50.0), End(Head.TORISPHERICAL), tilt=0.025),
        5.0,
    ),
}


@pytest.mark.parametrize("name", sorted(SEAMED))
def test_seams_and_ends_are_no_bad_rows(name: str) -> None:
    """Where heads meet the cylinder, where a tilted tank's ends fill, at the bottom and at the top, no row is
    accused, with noise or without.
    """
    tank, step = SEAMED[name]
    rng = np.random.default_rng(20)
    for noise in (0.0, 0.06):
        rows = made(tank, step, 3)
        rows[1:, 1] += rng.normal(0, noise, len(rows) - 1)
        rows[:, 1] = np.round(rows[:, 1], 1)
        rows = rows[np.concatenate([[True], np.diff(rows[:, 1]) > 0])]
        assert check_table(table(rows)).findings == ()


@pytest.mark.parametrize("name", sorted(SEAMED))
def test_a_small_bad_row_is_found(name: str) -> None:
    """Five last digits are named, alone and with their size, in the middle of tables that have seams
    elsewhere; close to a seam, where it might hide a small one, a tenth of a step is.
    """
    tank, step = SEAMED[name]
    clean = made(tank, step, 1)
    seam = int(np.argmin(np.abs(clean[:, 0] - 30.0)))
    for i, size in ((len(clean) // 2, 0.5), (seam + 1, 0.1 * (clean[seam + 1, 1] - clean[seam, 1]))):
        rows = clean.copy()
        rows[i, 1] = round(rows[i, 1] + size, 1)
        report = check_table(table(rows))
        assert [(f.kind, f.reading) for f in report.findings] == [(Kind.OUTLIER, rows[i, 0])]
        assert report.findings[0].size == pytest.approx(size, rel=0.2, abs=0.15)


def test_a_bad_row_and_a_seam_are_told_apart() -> None:
    """A spike is a bad row, with its size; a change of curvature is not; five rows say neither."""
    x = np.arange(17.0)
    smooth = 3 + 2 * x + 0.1 * x**2
    spike = np.where(x == 8, 1.0, 0.0)
    bad = explained(x, (smooth + spike,), 8, 0.03)
    assert bad.size == pytest.approx(1.0, abs=1e-9)
    assert bad.ratio > 10
    assert explained(x, (smooth + np.maximum(x - 8, 0.0) ** 2,), 8, 0.03).ratio <= 1.0
    assert explained(x[:5], ((smooth + spike)[:5],), 2, 0.03).ratio == 0.0


def test_rows_that_do_not_increase() -> None:
    """Falling volumes and repeated readings are named, each with its place, and nothing else is judged."""
    rows = made(*TANKS["flat"])
    rows[10, 1] = rows[8, 1]
    rows[20, 0] = rows[19, 0]
    report = check_table(table(rows))
    assert [(f.kind, f.reading) for f in report.findings] == [
        (Kind.NOT_INCREASING, rows[10, 0]),
        (Kind.NOT_INCREASING, rows[20, 0]),
    ]
    assert "no more was checked" in report.notes[0]
    assert report.findings[0].size == pytest.approx(rows[8, 1] - made(*TANKS["flat"])[10, 1], abs=2)


def test_an_asymmetric_cylinder_is_found() -> None:
    """A table that follows a level cylinder, but whose upper half is short, is not symmetric."""
    rows = made(Tank(Orientation.LYING, 125.0, 600.0), 2.0, 1)
    assert check_table(table(rows)).plausible
    assert any(f.kind is Kind.ASYMMETRIC for f in check_table(table(rows[:80]), full=True).findings)


def test_too_few_rows() -> None:
    """A table of a few rows cannot be judged."""
    with pytest.raises(UnsuitableModelError, match="from 8 rows on, not 3"):
        check_table(table([[0, 0], [1, 1], [2, 2]]))

"""Tables that are plausible are let through, and whatever is wrong in one is named with place and size."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from calibration.data_table import DataTable
from calibration.errors import UnsuitableModelError
from calibration.table_check import Kind, check_table
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

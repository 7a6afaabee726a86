"""Calibration data from CSV: what is read, and the row that is named when it cannot be."""

import pytest

from calibration.data_table import parse_data_table
from calibration.errors import CalibrationError

GOOD = "height_mm,volume_l,u_height_mm,u_volume_l\n0,1,0.1,0.01\n10,2,0.1,0.01\n\n20,3.5,0.1,0.02\n"


def test_a_good_table() -> None:
    """Numbers, units and uncertainties come out; empty lines and a byte order mark do not matter."""
    table = parse_data_table("\ufeff" + GOOD, "x.csv")
    assert (table.quantity, table.reading_unit, table.volume_unit) == ("height", "mm", "l")
    assert table.volume.tolist() == [1.0, 2.0, 3.5]
    assert table.points().scale_known
    assert table.points().v_covariance.diagonal().tolist() == pytest.approx([1e-4, 1e-4, 4e-4])
    assert table.cubic_factor == pytest.approx(1e-6)


def test_uncertainties_may_be_left_out() -> None:
    """Without uncertainties their scale is unknown, which is not zero; a reading in mL is no length."""
    table = parse_data_table("reading_ml,volume_l\n0,1\n10,2\n", "x.csv")
    assert table.u_volume is None
    assert not table.points().scale_known
    assert table.cubic_factor is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", r"x\.csv: is empty"),
        ("height,volume_l\n1,2\n2,3\n", r"the first column must be one of height, .*, not 'height'"),
        ("height_mm,weight_kg\n1,2\n2,3\n", r"the second column must be volume .*, not 'weight_kg'"),
        (
            "height_mm,volume_l,u_volume_ml\n1,2,3\n",
            r"column 'u_volume_ml' is not known: expected u_height_mm",
        ),
        ("height_mm,volume_l\n1,2\n", r"has 1 rows of data: expected two or more"),
        ("height_mm,volume_l\n1,2\n2\n", r"row 3 has 1 cells: expected 2"),
        ("height_mm,volume_l\n1,2\n2,three\n", r"row 3: volume_l must be a number, not 'three'"),
        ("height_mm,volume_l\n1,2\n2,nan\n", r"row 3: volume_l must be a number, not 'nan'"),
        ("height_mm,volume_l\n1,2\n1,3\n", r"row 3 repeats the reading 1 mm: each must stand once"),
        ("height_mm,volume_l\n1,2\n0,3\n", r"row 3: the readings must increase, but 0 mm follows 1 mm"),
        ("height_mm,volume_l\n1,2\n2,2\n", r"row 3: the volumes must increase, but 2 l follows 2 l"),
        ("height_mm,volume_l,u_volume_l\n1,2,0\n2,3,1\n", r"row 2: u_volume_l must be positive, not 0"),
        ("height_mm,volume_l,volume_l\n1,2,2\n2,3,3\n", r"column 'volume_l' is not known"),
    ],
)
def test_what_cannot_be_used_is_named(text: str, sentence: str) -> None:
    """One sentence names the file, the row or column, and what is expected."""
    with pytest.raises(CalibrationError, match=sentence):
        parse_data_table(text, "x.csv")

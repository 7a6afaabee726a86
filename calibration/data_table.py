"""Calibration data as CSV: a header that names quantity and unit, then one row a reading.

`height_mm,volume_l,u_height_mm,u_volume_l`: the reading, the volume, and their standard uncertainties (in
the same units; either may be left out, and is then unknown). A row that cannot be used is named, and nothing
is read.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from calibration.errors import CalibrationError
from calibration.fitted import Points

Array = NDArray[np.float64]

READING_QUANTITIES = ("height", "level", "dip", "reading")
LENGTH_UNITS = {"mm": 1e-3, "cm": 1e-2, "m": 1.0, "in": 0.0254}  # in m
VOLUME_UNITS = {"ml": 1e-6, "l": 1e-3, "m3": 1.0, "usgal": 231 * 0.0254**3}  # in m³
READING_UNITS = (*LENGTH_UNITS, *(unit for unit in VOLUME_UNITS if unit not in LENGTH_UNITS), "pct")


@dataclass(frozen=True)
class DataTable:
    """Readings and volumes with their standard uncertainties (None: unknown), in the units of the file."""

    reading: Array
    volume: Array
    u_reading: Array | None
    u_volume: Array | None
    quantity: str
    reading_unit: str
    volume_unit: str

    def points(self) -> Points:
        """The points to fit: without uncertainties of the volumes each has 1, and their scale is unknown."""
        known = self.u_volume is not None
        u_v = self.u_volume if self.u_volume is not None else np.ones(self.volume.size)
        ux = None if self.u_reading is None or not known else np.diag(self.u_reading**2)
        return Points(self.reading, self.volume, np.diag(u_v**2), ux, scale_known=known)

    @property
    def cubic_factor(self) -> float | None:
        """Volume units in a cubed reading unit; None where readings are not lengths."""
        length = LENGTH_UNITS.get(self.reading_unit)
        return None if length is None else length**3 / VOLUME_UNITS[self.volume_unit]


def parse_data_table(text: str, where: str, *, increasing: bool = True) -> DataTable:
    """The data of a CSV text; `where` names it in messages.

    With `increasing`, readings and volumes must increase from row to row.
    Raises `CalibrationError` with one sentence: the row, and what is expected.
    """
    rows = [
        row for row in csv.reader(text.lstrip("\ufeff").splitlines()) if any(cell.strip() for cell in row)
    ]
    if not rows:
        raise CalibrationError(
            f"{where}: is empty: expected a header such as height_mm,volume_l and one row a reading"
        )
    header = [cell.strip().lower() for cell in rows[0]]
    quantity, reading_unit, volume_unit = _header(header, where)
    if len(rows) < 3:
        raise CalibrationError(f"{where}: has {len(rows) - 1} rows of data: expected two or more")
    columns = np.array(
        [_numbers(row, number, header, where) for number, row in enumerate(rows[1:], start=2)]
    ).T
    found = dict(zip(header, columns, strict=True))
    reading, volume = found[header[0]], found[header[1]]
    if increasing:
        _demand_increasing(reading, volume, where, (reading_unit, volume_unit))
    u_reading, u_volume = found.get(f"u_{header[0]}"), found.get(f"u_{header[1]}")
    _demand_uncertainties(header[0], u_reading, where, positive=False)
    _demand_uncertainties(header[1], u_volume, where, positive=True)
    return DataTable(reading, volume, u_reading, u_volume, quantity, reading_unit, volume_unit)


def _header(header: Sequence[str], where: str) -> tuple[str, str, str]:
    quantity, _, reading_unit = header[0].rpartition("_")
    if quantity not in READING_QUANTITIES or reading_unit not in READING_UNITS:
        raise CalibrationError(
            f"{where}: the first column must be one of {', '.join(READING_QUANTITIES)} with one of the units "
            f"{', '.join(READING_UNITS)}, such as height_mm, not {header[0]!r}"
        )
    second = header[1] if len(header) > 1 else ""
    name, _, volume_unit = second.rpartition("_")
    if name != "volume" or volume_unit not in VOLUME_UNITS:
        raise CalibrationError(
            f"{where}: the second column must be volume with one of the units {', '.join(VOLUME_UNITS)}, "
            f"such as volume_l, not {second!r}"
        )
    expected = [f"u_{header[0]}", f"u_{second}"]
    for column in header[2:]:
        if column not in expected:
            raise CalibrationError(
                f"{where}: column {column!r} is not known: expected {' or '.join(expected)}"
            )
    if len(set(header)) != len(header):
        raise CalibrationError(f"{where}: a column stands twice in the header: {', '.join(header)}")
    return quantity, reading_unit, volume_unit


def _numbers(row: Sequence[str], number: int, header: Sequence[str], where: str) -> list[float]:
    if len(row) != len(header):
        raise CalibrationError(f"{where}: row {number} has {len(row)} cells: expected {len(header)}")
    values = []
    for cell, column in zip(row, header, strict=True):
        try:
            value = float(cell)
        except ValueError:
            value = float("nan")
        if not isfinite(value):
            raise CalibrationError(f"{where}: row {number}: {column} must be a number, not {cell.strip()!r}")
        values.append(value)
    return values


def _demand_uncertainties(name: str, u: Array | None, where: str, *, positive: bool) -> None:
    if u is None:
        return
    bad = np.flatnonzero(u <= 0 if positive else u < 0)
    if bad.size:
        expected = "positive" if positive else "not negative"
        raise CalibrationError(f"{where}: row {bad[0] + 2}: u_{name} must be {expected}, not {u[bad[0]]:g}")


def _demand_increasing(reading: Array, volume: Array, where: str, units: tuple[str, str]) -> None:
    of_reading, of_volume = units
    for i in range(1, reading.size):
        if reading[i] == reading[i - 1]:
            raise CalibrationError(
                f"{where}: row {i + 2} repeats the reading {reading[i]:g} {of_reading}: each must stand once"
            )
        if reading[i] < reading[i - 1]:
            raise CalibrationError(
                f"{where}: row {i + 2}: the readings must increase, "
                f"but {reading[i]:g} {of_reading} follows {reading[i - 1]:g} {of_reading}"
            )
        if volume[i] <= volume[i - 1]:
            raise CalibrationError(
                f"{where}: row {i + 2}: the volumes must increase, "
                f"but {volume[i]:g} {of_volume} follows {volume[i - 1]:g} {of_volume}"
            )

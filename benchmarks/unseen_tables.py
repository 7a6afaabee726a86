"""Tank tables as they are printed, of any shape, unit, step and rounding, and one bad row in them."""

from dataclasses import dataclass, replace
from math import floor, log10

import numpy as np

from calibration.data_table import LENGTH_UNITS, VOLUME_UNITS, DataTable
from calibration.table_check import TableReport, check_table
from calibration.tank_ends import FLAT_END, End, Head
from calibration.tanks import Orientation, Tank

FAULTS = ("digits swapped", "digit mistyped", "row shifted", "sign", "last digits")
ROUNDINGS_MIN = 3.0  # size of a bad row in units of the last digit
NOISES_MIN = 10.0  # and in standard deviations of the noise, where the table has any
SIZE_MATCHES = 0.35  # share by which the named size may miss the true one, beside two roundings or noises
NOT_NAMED = "not named"
ROWS_MIN, ROWS_MAX = 25, 260


@dataclass(frozen=True)
class PrintedTable:
    """Rows as text would have them: volumes are whole multiples of `rounding`; `noise` is a standard
    deviation.
    """

    readings: np.ndarray
    volumes: np.ndarray
    rounding: float
    noise: float
    reading_unit: str
    volume_unit: str
    tank: Tank

    @property
    def data(self) -> DataTable:
        """What the checker is given."""
        return DataTable(
            self.readings, self.volumes, None, None, "height", self.reading_unit, self.volume_unit
        )


@dataclass(frozen=True)
class BadRow:
    """The row that was spoilt, how, and by how much."""

    index: int
    fault: str
    size: float


def random_head(rng: np.random.Generator, radius: float, *, inwards: bool) -> End:
    """A head of any kind; with `inwards` now and then one that bulges into the tank."""
    match rng.integers(5):
        case 0:
            return FLAT_END
        case 1:
            return End(Head.CONICAL, radius * rng.uniform(0.1, 0.6))
        case 2:
            return End(Head.ELLIPSOIDAL, radius * rng.uniform(0.3, 0.6))
        case 3:
            depth = radius * rng.uniform(0.15, 1.0)
            return End(Head.SPHERICAL, -0.3 * depth if inwards and rng.random() < 0.1 else depth)
        case _:
            return End(Head.TORISPHERICAL, 0.0, *((1.0, 0.06) if rng.random() < 0.5 else (0.8, 0.154)))


def random_tank(rng: np.random.Generator, unit_m: float, *, kind: str | None = None) -> Tank:
    """A tank in a unit of length: lying, lying-tilted or standing, with any heads."""
    kind = kind or str(rng.choice(["lying", "lying-tilted", "standing"]))
    radius = rng.uniform(0.4, 1.6) / unit_m
    if kind == "standing":
        bottom, top = (random_head(rng, radius, inwards=False) for _ in range(2))
        return Tank(Orientation.STANDING, radius, rng.uniform(1.5, 8.0) / unit_m, bottom, top)
    length = radius * rng.uniform(2.5, 8.0)
    first = random_head(rng, radius, inwards=True)
    second = first if rng.random() < 0.8 else random_head(rng, radius, inwards=True)
    tank = Tank(Orientation.LYING, radius, length, first, second)
    if kind == "lying":
        return tank
    return replace(
        tank, tilt=float(rng.choice([-1, 1]) * rng.uniform(0.003, 0.03)), gauge=length * rng.uniform(0, 1)
    )


def clean_table(rng: np.random.Generator) -> PrintedTable:
    """A table that is right."""
    while True:
        reading_unit = str(rng.choice(["mm", "cm", "m", "in"]))
        volume_unit = str(rng.choice(["l", "m3", "usgal"]))
        unit_m = LENGTH_UNITS[reading_unit]
        factor = unit_m**3 / VOLUME_UNITS[volume_unit]
        tank = random_tank(rng, unit_m)
        steps = {"mm": [5, 10, 20, 50], "cm": [1, 2, 5], "m": [0.01, 0.02, 0.05], "in": [0.5, 1, 2]}
        step = float(rng.choice(steps[reading_unit]))
        decimals = int(rng.choice({"l": [0, 1], "m3": [2, 3], "usgal": [0, 1]}[volume_unit]))
        fill = rng.uniform(0.85, 1.0)
        readings = step * np.arange(int(rng.integers(0, 2)), floor(fill * tank.height / step) + 1)
        readings = np.round(readings[readings <= tank.height], 6)
        if not ROWS_MIN <= readings.size <= ROWS_MAX:
            continue
        volumes = factor * tank.volume(readings)
        rounding = 10.0**-decimals
        if decimals == 0 and rng.random() < 0.2:
            rounding = float(rng.choice([2, 5, 10]))
        noise = 0.0
        if rng.random() < 0.3:
            noise = float(rng.uniform(0.3, 2.0)) * rounding
            volumes = np.maximum(volumes + rng.normal(0, noise, volumes.size), 0.0)
        volumes = np.round(np.round(volumes / rounding) * rounding, 6)
        rising = np.concatenate([[True], np.diff(volumes) > 0])
        if noise == 0 and rising.sum() >= ROWS_MIN and rng.random() < 0.5:
            # Some printed tables leave out what their digits cannot show.
            readings, volumes = readings[rising], volumes[rising]
        elif noise > 0 and not rising.all():
            continue
        return PrintedTable(readings, volumes, rounding, noise, reading_unit, volume_unit, tank)


def _written(volume: float, rounding: float) -> str:
    return f"{volume:.{max(0, -round(log10(rounding)))}f}"


def spoilt_volume(rng: np.random.Generator, table: PrintedTable, index: int, fault: str) -> float | None:
    """The volume of a row with a fault; None where the row cannot have it."""
    volume = float(table.volumes[index])
    text = _written(volume, table.rounding)
    places = [i for i, c in enumerate(text) if c.isdigit()]
    match fault:
        case "digits swapped":
            at = int(rng.integers(0, max(1, len(places) - 1)))
            pair = places[at : at + 2]
            if len(pair) < 2:
                return None
            letters = list(text)
            letters[pair[0]], letters[pair[1]] = letters[pair[1]], letters[pair[0]]
            return float("".join(letters))
        case "digit mistyped":
            letters = list(text)
            letters[int(rng.choice(places))] = str(rng.integers(10))
            return float("".join(letters))
        case "row shifted":
            other = index + int(rng.choice([-1, 1]))
            share = float(rng.choice([0.25, 0.5, 1.0]))
            moved = volume + share * (table.volumes[other] - volume)
            return float(_written(moved, table.rounding))
        case "sign":
            return -volume
        case _:
            size = rng.uniform(ROUNDINGS_MIN, 3 * ROUNDINGS_MIN)
            return float(_written(volume + rng.choice([-1, 1]) * size * table.rounding, table.rounding))


def spoil(rng: np.random.Generator, table: PrintedTable) -> tuple[PrintedTable, BadRow]:
    """The table with one bad row, off by three roundings (ten deviations of its noise) or more."""
    while True:
        index, fault = int(rng.integers(1, table.readings.size - 1)), str(rng.choice(FAULTS))
        volume = spoilt_volume(rng, table, index, fault)
        if volume is None:
            continue
        size = volume - float(table.volumes[index])
        if abs(size) + 1e-9 < max(ROUNDINGS_MIN * table.rounding, NOISES_MIN * table.noise):
            continue
        volumes = table.volumes.copy()
        volumes[index] = volume
        return replace(table, volumes=volumes), BadRow(index, fault, size)


def accused(table: PrintedTable) -> str:
    """What is found in a table that is right; empty where nothing is."""
    return "; ".join(f"{f.kind} {f.reading:g} {f.size:.4g}" for f in check_table(table.data).findings)


def missed(table: PrintedTable, bad: BadRow) -> str:
    """What is wrong with the findings in a table with a bad row: empty where it alone is named, with its
    size.
    """
    report = check_table(table.data)
    reading = float(table.readings[bad.index])
    named = [f for f in report.findings if f.reading == reading]
    said = "; ".join(f"{f.kind} {f.reading:g} {f.size:.4g}" for f in report.findings) or "nothing"
    if not named:
        return f"{NOT_NAMED}: {said}"
    slack = SIZE_MATCHES * abs(bad.size) + 2 * max(table.rounding, table.noise)
    if not any(abs(f.size - bad.size) <= slack for f in named):
        return f"size {bad.size:.4g} is said to be {named[0].size:.4g}"
    return "" if len(named) == len(report.findings) else f"others too: {said}"


def reported(table: PrintedTable) -> TableReport:
    """The whole report."""
    return check_table(table.data)

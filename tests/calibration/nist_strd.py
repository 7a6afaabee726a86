"""Reads NIST's Statistical Reference Datasets as they are stored in the shared oracles."""

import csv
import json
import re
from dataclasses import dataclass
from math import log10
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Nonlinear:
    """One nonlinear dataset: points, the two starts, certified parameters, deviations, residual sum of
    squares.
    """

    x: np.ndarray
    y: np.ndarray
    starts: tuple[np.ndarray, np.ndarray]
    certified: np.ndarray
    deviations: np.ndarray
    residual_sum_of_squares: float


def nonlinear(oracles: Path, name: str) -> Nonlinear:
    """A dataset from its original .dat file."""
    text = (oracles / "nist_strd_nonlinear" / f"{name}.dat").read_text(encoding="utf-8")
    rows = np.array(
        re.findall(r"^\s*b\d+ =\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)", text, re.MULTILINE), dtype=float
    )
    found = re.search(r"Residual Sum of Squares:\s+(\S+)", text)
    assert found is not None
    data = [line.split() for line in text[text.rindex("Data:") :].splitlines()[1:] if line.strip()]
    y, x = np.array(data, dtype=float).T
    return Nonlinear(x, y, (rows[:, 0], rows[:, 1]), rows[:, 2], rows[:, 3], float(found.group(1)))


def linear(oracles: Path, name: str) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """x, y and the exact answers of a linear dataset."""
    folder = oracles / "nist_strd_linear"
    with (folder / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))[1:]
    answers = json.loads((folder / "recomputed_80digit.json").read_text(encoding="utf-8"))["datasets"][name]
    return np.array([float(r[1]) for r in rows]), np.array([float(r[0]) for r in rows]), answers


def digits(actual: Any, expected: Any) -> float:
    """The smallest number of agreeing significant digits (absolute ones where zero is expected), at most
    15.
    """
    pairs = zip(
        np.ravel(np.asarray(actual, dtype=float)), np.ravel(np.asarray(expected, dtype=float)), strict=True
    )
    fewest = 15.0
    for a, e in pairs:
        distance = abs(a - e) / abs(e) if abs(e) > 1e-60 else abs(a)
        fewest = min(fewest, -log10(distance) if distance > 0 else 15.0)
    return fewest

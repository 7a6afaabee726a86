"""Checks a numbering against the widths of the numbers on the plate, without reading them.

"-100" is wider than "50": along a scale the widths follow the numbering, and one that is a label too high or
too low does not fit them.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.marks import MarkColumn
from vision.station import Side
from vision.strip import Strip

Gray = NDArray[np.uint8]

LEAST_LABELS = 4
GOOD, BAD = 0.18, 0.32  # of a digit's width, scatter about what a numbering predicts
FARTHEST = 12  # labels by which a numbering may be wrong and still be tried
MOST_DIGITS = 6
MINUS_SHARE = (0.35, 1.15)  # width of a minus sign with its gap, in digits


@dataclass(frozen=True)
class Labels:
    """Widths in pixels of what is printed beside the marks `number` (lattice numbers); each (n,)."""

    number: NDArray[np.intp]
    width: NDArray[np.float64]


def measure_labels(gray: Gray, column: MarkColumn, every: int) -> Labels:
    """Measures the print beyond the long marks. `every` how many divisions lie between labels at least."""
    away = 1.0 if column.side is Side.RIGHT else -1.0
    longest = float(np.quantile(column.length, 0.97))
    pitch = every * column.period
    room = int(min(2.2 * longest + 20, 0.25 * gray.shape[1]))
    strip = Strip.cut(gray, column.inner_x + away * (longest + 3), column.tilt, away, room)
    image = strip.image if column.dark else 255 - strip.image
    _, rows = strip.locate(0.5 * (column.near + column.far))
    half = int(min(0.35 * pitch, 0.2 * longest + 4))
    long_marks = np.flatnonzero(column.length > 0.85 * longest)
    numbers, widths = [], []
    for k in long_marks:
        middle = round(float(rows[k]))
        part = image[max(0, middle - half) : middle + half + 1]
        width = _inked_width(part, 0.35 * float(column.contrast[k]))
        if width is not None:
            numbers.append(int(column.index[k]))
            widths.append(width)
    return Labels(np.asarray(numbers, np.intp), np.asarray(widths, np.float64))


def _inked_width(part: Gray, least: float) -> float | None:
    """From the first to the last inked column; None where the print is cut off or there is none."""
    if part.shape[0] < 5 or part.shape[1] < 10:
        return None
    shade = float(np.median(part))
    ink = shade - cv2.blur(part, (1, 2)).astype(np.float64).min(axis=0)
    columns = np.flatnonzero(ink > max(4.0, least))
    if len(columns) < 3:
        return None
    # the print ends where a gap of more than its height follows
    gaps = np.flatnonzero(np.diff(columns) > 0.8 * part.shape[0])
    last = int(columns[gaps[0]]) if len(gaps) else int(columns[-1])
    if last >= part.shape[1] - 2:
        return None
    return float(last - columns[0] + 1)


def misfit(labels: Labels, texts: list[str]) -> float:
    """Scatter of the widths about those of `texts`, in widths of a digit; infinite where they cannot fit."""
    digits = np.array([sum(c.isdigit() for c in text) for text in texts], np.float64)
    minus = np.array([float(text.startswith("-")) for text in texts])
    points = np.array([float("." in text) for text in texts])
    if len(texts) < LEAST_LABELS or digits.max() > MOST_DIGITS:
        return float("inf")
    best = float("inf")
    for share in np.linspace(*MINUS_SHARE, 5):
        length = digits + share * minus + 0.5 * points
        if np.ptp(length) < 0.5:
            return float("inf")
        # a row of characters is shorter than their number by the gap after the last
        design = np.column_stack((length, np.ones_like(length)))
        (digit, gap), *_ = np.linalg.lstsq(design, labels.width, rcond=None)
        if digit <= 0 or not -0.6 * digit < gap < 0.4 * digit:
            continue
        residual = labels.width - design @ np.array([digit, gap])
        best = min(best, float(np.sqrt(np.mean(residual**2)) / digit))
    return best


def printed_misfit(labels: Labels, zero: int, sense: int, division: float) -> float:
    """`misfit` of the numbering in which lattice number `zero` is the scale's zero, in its likeliest format.

    `sense` is 1 where values grow with lattice numbers, −1 where they fall.
    """
    values = [sense * (int(number) - zero) * division for number in labels.number]
    formats = ("g",) if all(value == round(value) for value in values) else ("g", ".1f", ".2f")
    return min(misfit(labels, [f"{value + 0.0:{style}}" for value in values]) for style in formats)


def best_zero(labels: Labels, candidates: list[int], sense: int, division: float) -> int | None:
    """The one candidate for the zero that the widths single out, or None."""
    fits = sorted((printed_misfit(labels, zero, sense, division), zero) for zero in candidates)
    if not fits or fits[0][0] > GOOD or (len(fits) > 1 and fits[1][0] < max(BAD, 2 * fits[0][0])):
        return None
    return fits[0][1]

"""One answer from several frames of a display: do they agree, and does the number stand still or move?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import hypot, sqrt
from statistics import mean, median, stdev

import numpy as np

from vision.reading import Answer, Reading, Reason, Refusal

STEADY = 3.0  # steps of the last digit by which frames of a number that stands still may differ
MAJORITY = 2 / 3  # of the readable frames that must agree
MOVING = 3.0  # standard uncertainties by which a rate must differ from zero to be said


@dataclass(frozen=True)
class Rate:
    """How fast a displayed number changes, in its unit per second, with its standard uncertainty."""

    per_s: float
    standard_uncertainty: float


def rate_of_change(values: Sequence[float], taken_utc: Sequence[str], resolution: float) -> Rate | None:
    """The slope of `values` over the times `taken_utc` (ISO 8601), by least squares.

    None for fewer than three frames, times that are not known, or no time between them. The uncertainty is
    that of the slope, from the scatter about the line and at least from the display's `resolution`/√12.
    """
    if len(values) < 3 or len(values) != len(taken_utc):
        return None
    try:
        moments = [datetime.fromisoformat(text).timestamp() for text in taken_utc]
    except ValueError:
        return None
    seconds = np.array(moments) - mean(moments)
    spread = float((seconds * seconds).sum())
    if spread <= 0:
        return None
    numbers = np.array(values) - mean(values)
    slope = float((seconds * numbers).sum()) / spread
    rest = numbers - slope * seconds
    scatter = sqrt(float((rest * rest).sum()) / (len(values) - 2))
    return Rate(slope, max(scatter, resolution / sqrt(12)) / sqrt(spread))


def agreed(good: Sequence[Reading], bad: Sequence[Refusal], taken_utc: Sequence[str]) -> Answer:
    """The mean of the readings `good` of one number, each taken at `taken_utc`; `bad` are only named.

    Readings further than STEADY steps from the middle one are left out and named; where fewer than MAJORITY
    remain, the number is not steady and the answer is a refusal that says how it moves.
    """
    values = [reading.value for reading in good]
    resolution = max(reading.terms["resolution"] for reading in good) * sqrt(12)
    rate = rate_of_change(values, taken_utc, resolution)
    moves = rate is not None and abs(rate.per_s) > MOVING * rate.standard_uncertainty
    unit = good[0].unit
    movement = f"it changes by {rate.per_s:.3g} {unit}/s".replace(" /", "/") if rate and moves else ""
    middle = median(values)
    near = [reading for reading in good if abs(reading.value - middle) <= (STEADY + 1e-6) * resolution]
    if len(near) < MAJORITY * len(good):
        said = f"the number is not steady: {min(values):g} to {max(values):g} in {len(good)} frames"
        said += f"; {movement}" if movement else ""
        return Refusal(good[-1].kind, Reason.AMBIGUOUS, said, good[-1].drawing)
    shown = [reading.value for reading in near]
    terms = {"resolution": resolution / sqrt(12)}
    if len(near) > 1:
        terms["frames"] = stdev(shown) / sqrt(len(near))
    notes = list(dict.fromkeys(note for reading in near for note in reading.notes))
    left_out = [f"{value:g}" for value in values if value not in shown]
    if left_out:
        notes.append(f"left out, for they disagree with the others: {', '.join(left_out)}")
    if movement:
        notes.append(movement)
    if bad:
        said = f"{len(bad)} of {len(good) + len(bad)} frames were refused"
        notes.append(f"{said} ({bad[0].reason}: {bad[0].detail})")
    typical = min(near, key=lambda reading: abs(reading.value - mean(shown)))
    return Reading(
        kind=typical.kind,
        value=mean(shown),
        unit=unit,
        standard_uncertainty=hypot(*terms.values()),
        terms=terms,
        notes=tuple(notes),
        drawing=typical.drawing,
    )

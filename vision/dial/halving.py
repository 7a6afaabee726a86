"""Where the tick half-way between two long ones is as long as they: whether numerals say which step is right.

On some faces the halves of a step are as long as its ends and only numerals tell them apart; the same ring
is that of a station whose steps are half as wide. The count of the ticks is the same, so that a station
described by the wrong step may have the wrong span: numerals at the halves as well contradict it.
"""

from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.dial.face import Gray
from vision.dial.ticks import TickRing

Values = NDArray[np.float64]

INNERMOST, OUTERMOST = 0.5, 1.25  # radii between which numerals stand beside their ticks
CLEAR = 0.05  # of the radius: from the ticks' ends to the numerals
BANDS, DEEP = 9, 4  # radii of each side, and over how many of them a numeral reaches
WIDE = 0.15  # of a major step: how far to either side of its tick a numeral is looked for
SAMPLES = 15
LEAST_INK = 0.08  # of the ticks' contrast, in the mean over a numeral's place
AS_MUCH, LITTLE = 0.6, 0.4  # of the majors' ink: what halves with and without numerals have


class Numerals(StrEnum):
    """What numerals say of the halves of a station's steps."""

    AT_MAJORS = "at the ends of steps"
    AT_HALVES = "at the halves as well"
    UNSEEN = "unseen"


def numerals_of(gray: Gray, ring: TickRing, every: int) -> Numerals:
    """Where numerals stand beside `ring` in the picture `gray`, each `every`-th tick (even) being long."""
    graduation, step = ring.graduation, every * ring.graduation.pitch
    sides = (
        (INNERMOST, min(graduation.inner, graduation.major_inner) - CLEAR),
        (max(graduation.outer, graduation.major_outer) + CLEAR, OUTERMOST),
    )
    steps = (graduation.count - 1) // every
    at = np.asarray(graduation.first + step * np.arange(steps + 1), np.float64)
    clearest, halves = 0.0, 0.0
    for low, high in sides:
        radius = np.linspace(low, high, BANDS)
        major = _ink(gray, ring, at, step, radius)
        half = _ink(gray, ring, at[:-1] + 0.5 * step, step, radius)
        quarters = np.concatenate((at[:-1] + 0.25 * step, at[:-1] + 0.75 * step))
        face = _ink(gray, ring, quarters, step, radius)
        seen = major - face
        best = int(np.argmax(seen))
        if seen[best] > clearest:
            clearest, halves = float(seen[best]), float((half - face)[best])
    if clearest < LEAST_INK:
        return Numerals.UNSEEN
    share = halves / clearest
    if share > AS_MUCH:
        return Numerals.AT_HALVES
    return Numerals.AT_MAJORS if share < LITTLE else Numerals.UNSEEN


def _ink(gray: Gray, ring: TickRing, at: Values, step: float, radius: Values) -> Values:
    """The usual ink around the angles `at` (n,), 1 as ticks have it, for each band (k,) of `radius` (m,)."""
    aside = np.linspace(-WIDE, WIDE, SAMPLES) * step
    angle = np.asarray((at[:, None] + aside[None, :]).ravel(), np.float64)
    x, y = ring.graduation.face.circles(angle, radius)
    grey = cv2.remap(gray, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.float64)
    grey = (grey if ring.graduation.dark else 255.0 - grey).reshape(len(radius), len(at), SAMPLES)
    # the face beside a numeral is the brightest that is near to it
    ground = np.percentile(grey, 90, axis=(0, 2))
    ink = np.clip((ground[None, :, None] - grey) / ring.contrast, 0.0, 1.0).mean(axis=2)
    deep = np.array([ink[k : k + DEEP].mean(axis=0) for k in range(len(radius) - DEEP + 1)])
    return np.asarray(np.median(deep, axis=1), np.float64)

"""What a reader answers: a reading with its uncertainty, or a refusal with a stable reason."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class Reason(StrEnum):
    """Why a picture was refused. The words are part of the interface and do not change."""

    NO_SCALE = "no-scale"
    NO_DISPLAY = "no-display"
    NO_TUBE = "no-tube"
    NO_MENISCUS = "no-meniscus"
    NO_COLUMN = "no-column"
    NO_DIAL = "no-dial"
    NO_NEEDLE = "no-needle"
    OUT_OF_SCALE = "out-of-scale"
    BLURRED = "blurred"
    DARK = "dark"
    OVEREXPOSED = "overexposed"
    OCCLUDED = "occluded"
    FOAM = "foam"
    AMBIGUOUS = "ambiguous"
    INCONSISTENT_NUMBERING = "inconsistent-numbering"
    NOT_AN_IMAGE = "not-an-image"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True)
class Drawing:
    """What a reader saw, in pixels of the original image, for the overlay. Each list may be empty.

    `marks`: (x0, y0, x1, y1, label or "") a graduation mark. `curves`: a name and points of shape (n, 2).
    `level`: (x0, y0, x1, y1) of the level's line.
    """

    marks: tuple[tuple[float, float, float, float, str], ...] = ()
    curves: tuple[tuple[str, NDArray[np.float64]], ...] = ()
    level: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class Reading:
    """A value in the unit of the instrument's scale, with its standard uncertainty (same unit).

    `terms` lists the standard uncertainties that `standard_uncertainty` is made of, by name (their root sum
    of squares). `notes` says in sentences what was missing or assumed.
    """

    kind: str
    value: float
    unit: str
    standard_uncertainty: float
    terms: Mapping[str, float]
    notes: tuple[str, ...] = ()
    drawing: Drawing = field(default_factory=Drawing, compare=False)


@dataclass(frozen=True)
class Refusal:
    """No reading: a stable reason and a sentence for a person."""

    kind: str
    reason: Reason
    detail: str
    drawing: Drawing = field(default_factory=Drawing, compare=False)


Answer = Reading | Refusal

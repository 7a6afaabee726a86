"""Looking at the neck through the camera: one reading, recorded, whatever it says."""

from math import isfinite
from typing import Any

from control.errors import HeldError
from control.observers import Observation
from control.steps.step import Context

TRIES = 3  # a refused picture may have caught a drop or a reflection; fresh frames are asked for


async def look(
    context: Context, purpose: str, target: float | None, *, frames: int = 1, keep: bool = False
) -> Observation:
    """One observation, recorded with its `purpose`; refused ones too.

    Raises `HeldError` where the camera does not answer or the reader answers with no number.
    """
    seen = await context.level.read_level(frames, keep=keep)
    if any(value is not None and not isfinite(value) for value in (seen.value, seen.standard_uncertainty)):
        raise HeldError(f"{seen.instrument}: the reader answers {seen.value} ± {seen.standard_uncertainty}")
    context.record("observation", observation_line(seen, purpose, context.repeat, target))
    context.memory.unit = seen.unit
    context.memory.level = seen.value
    return seen


def observation_line(seen: Observation, purpose: str, repeat: int, target: float | None) -> dict[str, Any]:
    """The data of an observation's line in the record."""
    return {
        "instrument": seen.instrument,
        "purpose": purpose,
        "repeat": repeat,
        "target": target,
        "value": seen.value,
        "unit": seen.unit,
        "standard_uncertainty": seen.standard_uncertainty,
        "terms": dict(seen.terms) if seen.terms is not None else None,
        "reason": seen.reason,
        "detail": seen.detail,
        "notes": list(seen.notes),
        "frames": list(seen.frames),
    }


async def look_until_read(
    context: Context, purpose: str, target: float | None, *, frames: int = 1, keep: bool = False
) -> Observation:
    """Look up to three times, until a picture can be read; returns the last observation, refused or not."""
    for _ in range(TRIES - 1):
        seen = await look(context, purpose, target, frames=frames, keep=keep)
        if seen.value is not None:
            return seen
    return await look(context, purpose, target, frames=frames, keep=keep)


def refused(seen: Observation) -> HeldError:
    """The sentence for a reading that stays refused."""
    detail = f": {seen.detail}" if seen.detail else ""
    return HeldError(f"{seen.instrument}: {TRIES} pictures in a row refused ({seen.reason}){detail}")

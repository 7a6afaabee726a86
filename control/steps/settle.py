"""Settle and read: the level is steady when its slope is zero, as far as the readings can tell."""

from collections.abc import Sequence
from math import sqrt

from control.errors import HeldError
from control.steps.look import look_until_read, refused
from control.steps.step import Context


async def settle(context: Context, target: float) -> None:
    """Look again and again until the level's slope is statistically zero and within the procedure's limit.

    Raises `HeldError` where that takes too long, or a reading stays refused.
    """
    limits = context.procedure.settle
    clock = context.rig.clock
    started = clock.now()
    times: list[float] = []
    levels: list[float] = []
    uncertainty = 0.0
    while True:
        seen = await look_until_read(context, "settle", target)
        if seen.value is None:
            raise refused(seen)
        ml = context.vessel.ml_per_unit(seen.unit)
        times.append(clock.now())
        levels.append(seen.value * ml)
        uncertainty = (seen.standard_uncertainty or 0.0) * ml
        slope = u_slope = float("inf")
        if len(levels) >= limits.frames:
            slope, u_slope = slope_of(times[-limits.frames :], levels[-limits.frames :], uncertainty)
            if abs(slope) <= min(limits.slope_limit_ml_s, 2.0 * u_slope):
                return
        if clock.now() - started > limits.time_limit_s:
            raise HeldError(
                f"the level is not steady within {limits.time_limit_s:g} s: "
                f"it moves by {slope:.3f} mL/s (u {u_slope:.3f} mL/s)"
            )
        await context.rig.pause(limits.wait_s)


def slope_of(times_s: Sequence[float], levels_ml: Sequence[float], u_ml: float) -> tuple[float, float]:
    """The slope of a straight line through the levels by least squares, and its standard uncertainty, mL/s.

    The uncertainty takes the larger of the scatter about the line and `u_ml`, a reading's own: three points
    alone say little of their scatter.
    """
    n = len(times_s)
    mean_t, mean_v = sum(times_s) / n, sum(levels_ml) / n
    spread = sum((t - mean_t) ** 2 for t in times_s)
    slope = sum((t - mean_t) * (v - mean_v) for t, v in zip(times_s, levels_ml, strict=True)) / spread
    rest = sum((v - mean_v - slope * (t - mean_t)) ** 2 for t, v in zip(times_s, levels_ml, strict=True))
    scatter = sqrt(rest / (n - 2)) if n > 2 else 0.0
    return slope, max(scatter, u_ml) / sqrt(spread)


async def read(context: Context, target: float) -> None:
    """The reading that counts: several frames, kept as evidence. Raises `HeldError` if refused."""
    seen = await look_until_read(context, "measure", target, frames=context.procedure.read.frames, keep=True)
    if seen.value is None:
        raise refused(seen)

"""Soak: vessel, water and air have come to agree."""

from functools import partial

from control.errors import SuspendedError
from control.snapshot import Snapshot
from control.steps.step import Context


async def soak(context: Context) -> None:
    """See whether the temperatures agree within the procedure's limits, and record them.

    Raises `SuspendedError` that names what does not agree yet: what is waited for lies outside the bench.
    """
    snapshot = await context.rig.refresh()
    reason = disagreement(context, snapshot)
    if reason:
        raise SuspendedError(
            f"soak: {reason}", partial(_told, context), limit_s=context.procedure.soak.wait_s
        )
    context.record("tags", dict(snapshot.values))


def _told(context: Context, snapshot: Snapshot) -> str:
    reason = disagreement(context, snapshot)
    return f"soak: {reason}" if reason else ""


def disagreement(context: Context, snapshot: Snapshot) -> str:
    """Which temperature is not as the procedure wants it; empty where all are."""
    limits = context.procedure.soak
    water, vessel, air = (
        context.known(snapshot, f"{name}_temperature") for name in ("water", "vessel", "air")
    )
    low, high = limits.air_range_c
    if not low <= air <= high:
        return f"the air has {air:.2f} °C, {low:g} to {high:g} °C expected"
    if abs(water - vessel) > limits.water_vessel_limit_c:
        limit = f"differ by more than {limits.water_vessel_limit_c:g} °C"
        return f"water ({water:.2f} °C) and vessel ({vessel:.2f} °C) {limit}"
    if abs(air - water) > limits.air_water_limit_c:
        limit = f"differ by more than {limits.air_water_limit_c:g} °C"
        return f"air ({air:.2f} °C) and water ({water:.2f} °C) {limit}"
    return ""

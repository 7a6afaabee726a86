"""Soak: vessel, water and air have come to agree."""

from control.errors import HeldError
from control.snapshot import Snapshot
from control.steps.step import Context

LOOK_S = 5.0  # of the rig's clock


async def soak(context: Context) -> None:
    """Wait until the temperatures agree within the procedure's limits.

    Raises `HeldError` that names what does not agree once the procedure's time is over.
    """
    limits = context.procedure.soak
    started = context.rig.clock.now()
    while True:
        snapshot = await context.rig.refresh()
        reason = disagreement(context, snapshot)
        if not reason:
            context.record("tags", dict(snapshot.values))
            return
        if context.rig.clock.now() - started > limits.wait_s:
            raise HeldError(f"soak: {reason}, after {limits.wait_s:g} s")
        await context.rig.pause(LOOK_S)


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

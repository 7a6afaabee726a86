"""Weigh: the steady balance, and the ambient that belongs to it; the gauges beside them."""

from control.steps.gauge import check_balance, check_pressure, read_water
from control.steps.step import Context

AMBIENT = {
    "water_c": "water_temperature",
    "vessel_c": "vessel_temperature",
    "air_c": "air_temperature",
    "pressure_hpa": "air_pressure",
    "humidity_pct": "humidity",
}


async def weigh(context: Context, target: float | None, load: str) -> None:
    """Record the balance (`load` is `full` or `drained`), and water, vessel and air as they are then.

    The gauges come first: a weighing in the record is one that they do not contradict. Raises `HeldError`
    where the balance does not come to rest, a gauge contradicts the wire, or one that the result needs cannot
    be read.
    """
    limits = context.procedure.weigh
    if target is not None:
        await read_water(context, target)
        await check_pressure(context, target, filling=False)
    weighing = await context.rig.weigh(limits.count, limits.interval_s, limits.time_limit_s)
    await check_balance(context, target, load, weighing)
    where = {"repeat": context.repeat, "target": target, "load": load}
    context.record(
        "weighing",
        {
            **where,
            "mean_g": weighing.mean_g,
            "scatter_g": weighing.scatter_g,
            "count": weighing.count,
        },
    )
    snapshot = await context.rig.refresh()
    context.record("ambient", {**where, **{key: snapshot.number(tag) for key, tag in AMBIENT.items()}})

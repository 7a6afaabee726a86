"""Weigh: the steady balance, and the ambient that belongs to it."""

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

    Raises `HeldError` where the balance does not come to rest.
    """
    limits = context.procedure.weigh
    weighing = await context.rig.weigh(limits.count, limits.interval_s, limits.time_limit_s)
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

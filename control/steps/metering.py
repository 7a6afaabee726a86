"""What the master meter says of the water in the measure: pulses since it was empty, and at which flow."""

from typing import Final

from control.errors import HeldError
from control.steps.gauge import check_pressure, read_water
from control.steps.passage import AT_METER, PULSES, WRAP
from control.steps.step import Context
from control.steps.weigh import AMBIENT

STRAY_PULSES: Final = 2  # outside of doses: what an edge that lies between two looks may make


async def metered(target: float, context: Context) -> None:
    """Record what the meter says of the water in the measure, and the conditions that belong to it.

    The gauges come first, as before a weighing. Raises `HeldError` where the meter's pulses, flow,
    temperature or pressure are not known or pulses came outside of doses (the repeat then begins over), and
    what the gauges raise.
    """
    await read_water(context, target)
    await check_pressure(context, target, filling=False)
    memory = context.memory
    snapshot = await context.rig.refresh()
    pulses = context.known(snapshot, PULSES)
    if memory.meter_empty_l is None or memory.pulses_empty is None:
        memory.dosing = True
        raise HeldError("what passed the meter since the measure was empty is not known")
    total = (pulses - memory.pulses_empty) % WRAP
    stray = total - sum(sums["pulses"] for sums in memory.metered.values())
    if abs(stray) > STRAY_PULSES:
        memory.dosing = True
        raise HeldError(f"the meter counted {stray:.0f} pulses outside of doses")
    context.record(
        "metered",
        {
            "repeat": context.repeat,
            "target": target,
            "pulses": total,
            "volume_l": context.known(snapshot, "meter_volume") - memory.meter_empty_l,
            "doses": [_dose(context, opcode, sums) for opcode, sums in sorted(memory.metered.items())],
            **{key: snapshot.number(tag) for key, tag in AMBIENT.items()},
        },
    )


def _dose(context: Context, opcode: str, sums: dict[str, float]) -> dict[str, object]:
    """All doses of one kind since the measure was empty: pulses, and what the meter showed on average."""
    if sums["weight"] <= 0.0:
        context.memory.dosing = True
        raise HeldError(f"flow, temperature or pressure at the meter during {opcode} are not known")
    means = {name: round(sums[name] / sums["weight"], 6) for name in AT_METER}
    return {"opcode": opcode, "pulses": sums["pulses"], **means}

"""Fill: coarse by the meter, then fine with the camera in the loop, always from below.

The meter brings the level near; what it is off by (the camera's content less the meter's) and what passes
after the device begins to close are learned in the first fills and used in the later ones.
"""

from control.errors import HeldError
from control.interlocks import CLOSED_PCT, INLETS
from control.rig_tags import DOSE_BROKEN_OFF, DOSE_COMPLETE
from control.snapshot import Snapshot
from control.steps.gauge import check_pressure
from control.steps.look import look, look_until_read, refused
from control.steps.passage import Passage
from control.steps.step import UNKNOWN_BIAS_SHARE, Context

SMALLEST_DOSE_ML = 0.5
SMALLEST_COARSE_ML = 500.0  # below it the coarse valve is not worth opening
STILL_S = 1.0  # the meter must stand still for this long
STILL_L = 2e-4
VALVE_WAIT_S = 30.0
CAPACITY_MARGIN = 0.01  # of the highest content a procedure asks for: more is never let in


async def fill_to(context: Context, target: float) -> None:
    """Bring the level to within the procedure's tolerance of `target` (scale units).

    Raises `HeldError` where the camera or the dose fails, the level is above already, or it takes too many
    doses or too long.
    """
    limits = context.procedure.fill
    memory = context.memory
    deadline = context.rig.clock.now() + limits.time_limit_s
    if not memory.unit:
        # Before water flows: does the camera answer, and in which unit is the scale?
        await look(context, "fill", target)
    ml = context.vessel.ml_per_unit(memory.unit)
    await _by_meter(context, target * ml, _margin_ml(context))
    for _ in range(limits.doses_max):
        seen = await look_until_read(context, "fill", target)
        if seen.value is None:
            if memory.bias_margin_ml is not None or not await _may_be_below(context, target * ml):
                raise refused(seen)
            # Not in the neck yet: the meter is not learned, and the level may stand below the scale.
            await dose(context, "fill-fine", context.vessel.nominal_l * 0.001)
            continue
        await _learn(context, seen.value * ml)
        left_ml = target * ml - seen.value * ml
        if left_ml < -limits.tolerance_ml:
            raise HeldError(
                f"the level ({seen.value:.2f} {seen.unit}) is above its target ({target:g}) already"
            )
        if left_ml <= limits.tolerance_ml:
            return
        if context.rig.clock.now() > deadline:
            raise HeldError(f"the fill to {target:g} was not done within {limits.time_limit_s:g} s")
        in_flight_ml = memory.in_flight_l.get("fill-fine", 0.0) * 1000.0
        wanted_ml = max(left_ml - limits.fine_stop_short_ml - in_flight_ml, SMALLEST_DOSE_ML)
        await dose(context, "fill-fine", wanted_ml / 1000.0)
    raise HeldError(f"the level has not come to {target:g} within {limits.doses_max} doses")


async def prewet(context: Context) -> None:
    """Fill to nominal by the meter, and look once: what the meter is off by is worth knowing early."""
    memory = context.memory
    if not memory.unit:
        await look(context, "fill", None)
    await _by_meter(context, 0.0, 0.0)
    seen = await look(context, "fill", 0.0)
    if seen.value is not None:
        await _learn(context, seen.value * context.vessel.ml_per_unit(seen.unit))
        # The wall was dry: the film that it took is not in the neck. Later fills are closer.
        memory.bias_margin_ml = context.vessel.nominal_l * 2.0


async def dose(context: Context, opcode: str, volume_l: float) -> None:
    """One dose, closed by the device's own meter; returns when the valves are closed and the meter stands.

    Raises `HeldError` where the dose is broken off, or would fill the measure above what the procedure needs.
    """
    rig, memory, limits = context.rig, context.memory, context.procedure.fill
    before = await rig.refresh()
    before_l = context.known(before, "meter_volume")
    content_l = before_l - _meter_empty(context) + memory.bias_l
    if content_l + volume_l > capacity_l(context):
        raise HeldError(
            f"a dose of {volume_l:.3f} L on {content_l:.3f} L would be more than this procedure lets in "
            f"({capacity_l(context):.3f} L)"
        )
    passage = Passage(memory, opcode, before)
    memory.dosing = memory.wet = True
    if opcode == "fill-coarse":
        await rig.fill_coarse(volume_l, limits.coarse_speed_pct)
        await check_pressure(context, None, filling=True)
    else:
        await rig.fill_fine(volume_l, limits.fine_speed_pct)

    def ended(snapshot: Snapshot) -> bool:
        passage.see(snapshot)
        moved = context.known(snapshot, "meter_volume") - before_l
        state = snapshot.values["dose_state"]
        return state == DOSE_BROKEN_OFF or (state == DOSE_COMPLETE and moved >= 0.5 * volume_l)

    snapshot = await rig.wait_for(ended, limits.time_limit_s, f"a dose of {volume_l:.3f} L has not ended")
    if snapshot.values["dose_state"] == DOSE_BROKEN_OFF:
        raise HeldError(f"the device broke off a dose of {volume_l:.3f} L")
    standing = await _stand_still(context)
    passage.end(standing)
    after_l = context.known(standing, "meter_volume")
    memory.in_flight_l[opcode] = max(0.0, after_l - before_l - volume_l)
    memory.dosing = False


def capacity_l(context: Context) -> float:
    """The most that this procedure lets into the measure, in L."""
    procedure, vessel = context.procedure, context.vessel
    highest = max(procedure.highest_target, 0.0)
    ml = vessel.ml_per_unit(context.memory.unit) if context.memory.unit else 1.0
    return (vessel.nominal_l + highest * ml / 1000.0) * (1.0 + CAPACITY_MARGIN)


async def _by_meter(context: Context, target_ml: float, margin_ml: float) -> None:
    """Fill to `margin_ml` under the target, as the meter tells: coarse, then fine."""
    limits, memory = context.procedure.fill, context.memory
    wanted_l = context.vessel.nominal_l + target_ml / 1000.0
    content_l = await _content_l(context)
    coarse_l = wanted_l - content_l - limits.coarse_stop_short_ml / 1000.0
    coarse_l -= memory.in_flight_l.get("fill-coarse", 0.0)
    if coarse_l * 1000.0 >= SMALLEST_COARSE_ML:
        await dose(context, "fill-coarse", coarse_l)
        content_l = await _content_l(context)
    fine_l = wanted_l - content_l - margin_ml / 1000.0 - memory.in_flight_l.get("fill-fine", 0.0)
    if fine_l * 1000.0 >= SMALLEST_DOSE_ML:
        await dose(context, "fill-fine", fine_l)


async def _content_l(context: Context) -> float:
    """What the measure contains by the meter, with what the camera has taught of it."""
    snapshot = await context.rig.refresh()
    return context.known(snapshot, "meter_volume") - _meter_empty(context) + context.memory.bias_l


def _meter_empty(context: Context) -> float:
    if context.memory.meter_empty_l is None:
        raise HeldError("what the measure contains is unknown: it must be emptied first")
    return context.memory.meter_empty_l


def _margin_ml(context: Context) -> float:
    known = context.memory.bias_margin_ml
    return context.vessel.nominal_l * UNKNOWN_BIAS_SHARE * 1000.0 if known is None else known


async def _learn(context: Context, level_ml: float) -> None:
    memory = context.memory
    content_l = await _content_l(context) - memory.bias_l
    memory.bias_l = context.vessel.nominal_l + level_ml / 1000.0 - content_l
    memory.bias_margin_ml = 2.0 * context.procedure.fill.tolerance_ml


async def _may_be_below(context: Context, target_ml: float) -> bool:
    highest_l = await _content_l(context) + context.vessel.nominal_l * 2.0 * UNKNOWN_BIAS_SHARE
    return highest_l < context.vessel.nominal_l + target_ml / 1000.0 + context.vessel.nominal_l * 0.01


async def _stand_still(context: Context) -> Snapshot:
    """What the rig says once the inlets are closed and its meter has stopped."""
    rig = context.rig

    def shut(snapshot: Snapshot) -> bool:
        return all((snapshot.number(inlet) or 0.0) <= CLOSED_PCT for inlet in INLETS)

    snapshot = await rig.wait_for(shut, VALVE_WAIT_S, "an inlet valve was told to close")
    deadline = rig.clock.now() + VALVE_WAIT_S
    while True:
        before_l = context.known(snapshot, "meter_volume")
        await rig.pause(STILL_S)
        snapshot = await rig.refresh()
        if abs(context.known(snapshot, "meter_volume") - before_l) <= STILL_L:
            return snapshot
        if rig.clock.now() > deadline:
            raise HeldError("the inlet valves are closed, but the meter does not stop")

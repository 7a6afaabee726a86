"""Drain: the drip clock starts when the full stream breaks into drops, not when the valve opens."""

from control.interlocks import CLOSED_PCT, VALVES
from control.snapshot import Snapshot
from control.steps.step import Context

STREAM_WAIT_S = 20.0  # for the stream to begin once the valve has been told to open
VALVE_WAIT_S = 30.0  # for a valve to travel
LOOK_S = 0.25


async def drain(context: Context) -> None:
    """Empty the measure, let it drip for the item's drip time, close the drain, remember the meter.

    Raises `HeldError` where no stream comes, it does not end in time, or the drain does not close.
    """
    rig = context.rig
    required = context.vessel.drip_time_s
    context.memory.wet = True
    await rig.open_drain()
    began = await rig.wait_for(
        lambda s: s.flag("drain_stream") or s.flag("level_empty"),
        STREAM_WAIT_S,
        "the drain was opened, but no stream leaves it",
        LOOK_S,
    )
    broke = began
    if began.flag("drain_stream"):
        broke = await rig.wait_for(
            lambda s: not s.flag("drain_stream"),
            context.procedure.drain.time_limit_s,
            "the stream has not broken into drops",
            LOOK_S,
        )
    started_s = context.known(broke, "clock")
    now = broke
    while (left := required - (context.known(now, "clock") - started_s)) > 0.0:
        await rig.pause(left)
        now = await rig.refresh()
    await rig.close_drain()
    closed = await rig.refresh()
    context.record(
        "drip",
        {
            "repeat": context.repeat,
            "required_s": required,
            "waited_s": round(context.known(closed, "clock") - started_s, 3),
            "started": "stream-broke" if began.flag("drain_stream") else "empty",
        },
    )
    shut = await rig.wait_for(drain_closed, VALVE_WAIT_S, "the drain was told to close")
    _remember_empty(context, shut)


async def empty(context: Context) -> None:
    """Bring the measure to empty with its drain closed: drained where it is not dripped dry."""
    snapshot = await context.rig.refresh()
    if snapshot.flag("level_empty") and not context.memory.wet:
        _remember_empty(context, snapshot)
    else:
        await drain(context)


async def dry(wait_s: float, context: Context) -> None:
    """Leave the drain of an emptied measure open for `wait_s` of the rig's clock, then close it.

    Raises `HeldError` where the drain does not close.
    """
    rig = context.rig
    context.memory.wet = True
    await rig.open_drain()
    began_s = context.known(await rig.refresh(), "clock")
    while (left := wait_s - (context.known(await rig.refresh(), "clock") - began_s)) > 0.0:
        await rig.pause(left)
    await rig.close_drain()
    shut = await rig.wait_for(drain_closed, VALVE_WAIT_S, "the drain was told to close")
    _remember_empty(context, shut)


def drain_closed(snapshot: Snapshot) -> bool:
    """Whether the drain's feedback says closed."""
    position = snapshot.number("drain_valve")
    return position is not None and position <= CLOSED_PCT


def all_closed(snapshot: Snapshot) -> bool:
    """Whether every valve's feedback says closed; an unknown position is not."""
    positions = [snapshot.number(valve) for valve in VALVES]
    return all(position is not None and position <= CLOSED_PCT for position in positions)


def _remember_empty(context: Context, snapshot: Snapshot) -> None:
    context.memory.meter_empty_l = context.known(snapshot, "meter_volume")
    context.memory.pulses_empty = snapshot.number("meter_pulses")
    context.memory.metered = {}
    context.memory.dosing = False
    context.memory.wet = False
    context.memory.level = None

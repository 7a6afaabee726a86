"""Making a rig ready for a run, and closing it when a run rests or ends."""

from control.errors import HeldError, RigError
from control.rig import Rig
from control.rig_tags import LATCHES, word
from control.steps.drain import VALVE_WAIT_S, all_closed


async def make_ready(rig: Rig, *, fresh: bool) -> None:
    """Connected, no latch, no interlock, every valve closed; else a `HeldError` or `RigError` says.

    A latch is reset for a person who has seen it (`fresh` is False), and where it is but the one of a device
    that was left alone.
    """
    if not rig.watched:
        await rig.connect()
    elif not rig.connected:
        raise HeldError("the line to the rig is still down")
    snapshot = await rig.refresh()
    latch = word(LATCHES, snapshot.values["latch"])
    if snapshot.values["latch"] != 0:
        # A device that was left alone has latched for want of a heartbeat; other causes need a person, who
        # has seen them when a held run is let go on.
        if fresh and latch != "heartbeat":
            raise HeldError(f"the device has latched ({latch}); unhold resets it")
        await rig.reset()
    await rig.close_all()
    await rig.wait_for(all_closed, VALVE_WAIT_S, "every valve was told to close")
    rig.alarms.clear()
    active = rig.alarms.active()
    if active:
        raise HeldError("; ".join(alarm.detail for alarm in active))


async def close_everything(rig: Rig) -> str:
    """Close every valve; what to add to a reason where that was not confirmed."""
    if not rig.watched:
        return "the rig was not connected"
    try:
        await rig.ensure_closed()
        await rig.wait_for(all_closed, VALVE_WAIT_S, "every valve was told to close")
    except HeldError as error:
        return str(error)
    except RigError as error:
        return f"closing is not confirmed ({error}): the device closes when its heartbeat stays away"
    return ""

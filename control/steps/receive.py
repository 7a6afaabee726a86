"""Receive: a technician pours a standard measure's deliveries into the measure under test."""

from control.blocks import Receive
from control.steps.confirm import confirm
from control.steps.step import Context
from control.steps.weigh import AMBIENT


async def receive(block: Receive, context: Context) -> None:
    """Ask for each delivery in turn; from the first one on the measure is wet."""
    context.memory.wet = True
    for _ in range(block.deliveries):
        await confirm(block.prompt, context)


async def received(context: Context) -> None:
    """Record the temperatures of what was received."""
    snapshot = await context.rig.refresh()
    where = {"repeat": context.repeat, "target": 0.0, "load": "received"}
    context.record("ambient", {**where, **{key: snapshot.number(tag) for key, tag in AMBIENT.items()}})

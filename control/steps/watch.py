"""Watch: a closed measure's level over time, for a leak test."""

from control.blocks import LeakTest
from control.steps.look import look_until_read, refused
from control.steps.step import Context
from control.steps.weigh import AMBIENT


async def watch(block: LeakTest, context: Context) -> None:
    """Look at the level evenly over the block's time, each look evidence, with the temperatures then.

    Raises `HeldError` where a reading stays refused.
    """
    clock = context.rig.clock
    began_s = clock.now()
    for place in range(block.looks):
        due_s = began_s + block.wait_s * place / (block.looks - 1)
        if (left_s := due_s - clock.now()) > 0.0:
            await context.rig.pause(left_s)
        seen = await look_until_read(
            context, "watch", block.target, frames=context.procedure.read.frames, keep=True
        )
        if seen.value is None:
            raise refused(seen)
        snapshot = await context.rig.refresh()
        where = {"repeat": context.repeat, "target": block.target, "load": "watch"}
        context.record("ambient", {**where, **{key: snapshot.number(tag) for key, tag in AMBIENT.items()}})

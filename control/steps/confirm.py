"""A technician's hands: ask, wait with everything closed, and write down who answered."""

from control.prompts import Prompt
from control.steps.step import Context


async def confirm(prompt: Prompt, context: Context) -> None:
    """Ask `prompt` and wait for its answer; both are lines of the record."""
    context.record("prompt", {**prompt.plain(), "repeat": context.repeat})
    answer = await context.desk.ask(prompt)
    context.record(
        "answer",
        {
            "prompt": prompt.name,
            "repeat": context.repeat,
            "person": answer.person,
            "values": dict(answer.values),
        },
    )


async def let_out(prompt: Prompt, context: Context) -> None:
    """Ask a technician to let water out of the measure, and wait until it is done."""
    context.memory.wet = True
    context.rig.hands_at_work(True)
    try:
        await confirm(prompt, context)
    finally:
        context.rig.hands_at_work(False)

"""The steps of *verify measure* in their order, made from a procedure."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from control.procedure import Procedure
from control.steps.drain import drain, empty
from control.steps.fill import fill_to, prewet
from control.steps.settle import read, settle
from control.steps.soak import soak
from control.steps.step import Context, Step
from control.steps.weigh import weigh

EMPTY = "empty"


def plan(procedure: Procedure) -> tuple[Step, ...]:
    """Every step of the run, from the emptied measure to the last drained weighing.

    The last repeat goes up the neck: `neck_targets` instead of `targets`, where there are any.
    """
    steps = [
        Step(EMPTY, empty, detail="bring the measure to empty, drain closed", checkpoint=True),
        Step("soak", soak, detail="water, vessel and air must agree", checkpoint=True),
    ]
    if procedure.prewet:
        steps += [
            Step("prewet", prewet, target=0.0, detail="fill to nominal by the meter"),
            Step("drain", drain, detail="prewet: empty and let drip", discards=True, checkpoint=True),
        ]
    for repeat in range(1, procedure.repeats + 1):
        last = repeat == procedure.repeats
        targets = procedure.neck_targets if last and procedure.neck_targets else procedure.targets
        steps.append(
            Step(EMPTY, empty, repeat, detail="begin the repeat with an empty measure", checkpoint=True)
        )
        for target in targets:
            steps += _at_level(repeat, target)
        steps += [
            Step("drain", drain, repeat, detail="empty and let drip", discards=True),
            Step(
                "weigh",
                partial(weigh, target=None, load="drained"),
                repeat,
                detail="drained",
                checkpoint=True,
            ),
        ]
    return tuple(steps)


def _at_level(repeat: int, target: float) -> list[Step]:
    def at(action: Callable[[Context, float], Awaitable[None]]) -> Callable[[Context], Awaitable[None]]:
        return partial(_with_target, action, target)

    return [
        Step(
            "fill",
            at(fill_to),
            repeat,
            target,
            "coarse by the meter, fine by the camera, from below",
            checkpoint=True,
        ),
        Step("settle", at(settle), repeat, target, "until the level is steady"),
        Step("read", at(read), repeat, target, "the lowest point of the meniscus"),
        Step(
            "weigh",
            partial(weigh, target=target, load="full"),
            repeat,
            target,
            "full",
            checkpoint=True,
        ),
    ]


async def _with_target(
    action: Callable[[Context, float], Awaitable[None]], target: float, context: Context
) -> None:
    await action(context, target)


def first_of_repeat(steps: Sequence[Step], at: int) -> int:
    """The step from which the repeat of step `at` begins over: the last emptying before it."""
    return max((index for index in range(at + 1) if steps[index].name == EMPTY), default=0)

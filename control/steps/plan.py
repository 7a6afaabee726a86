"""The steps of a procedure in their order, made from its blocks."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Final

from control.blocks import Block, Confirm, Deliveries, Dry, LeakTest, Metered, Neck, Plain, Receive
from control.procedure import Procedure
from control.prompts import Prompt
from control.steps.confirm import confirm, let_out
from control.steps.drain import drain, dry, empty
from control.steps.fill import fill_to, prewet
from control.steps.metering import metered
from control.steps.receive import receive, received
from control.steps.settle import read, settle
from control.steps.soak import soak
from control.steps.step import Context, Step
from control.steps.watch import watch
from control.steps.weigh import weigh

EMPTY = "empty"


def plan(procedure: Procedure) -> tuple[Step, ...]:
    """Every step of the run. Repeats are numbered through all blocks; what belongs to none is in repeat 0."""
    steps: list[Step] = []
    repeats = 0
    for block in procedure.blocks:
        steps += _steps(block, repeats)
        repeats += repeats_of(block)
    return tuple(steps)


def repeats_of(block: Block) -> int:
    """How many repeats a block has."""
    match block:
        case Deliveries() | Neck() | Metered() | Receive():
            return block.repeats
        case LeakTest() | Dry():
            return 1
        case _:
            return 0


def _steps(block: Block, repeats: int) -> list[Step]:
    """The steps of a block after so many repeats."""
    match block:
        case Confirm(prompt):
            return [_confirmed(prompt, repeats)]
        case Deliveries() | Neck() | Metered() | Receive():
            return [
                step
                for repeat in range(repeats + 1, repeats + block.repeats + 1)
                for step in _repeat(block, repeat)
            ]
        case LeakTest():
            return _leak_test(block, repeats + 1)
        case Dry(wait_s):
            return [
                _emptied(repeats + 1, "before it dries"),
                Step("dry", partial(dry, wait_s), repeats + 1, detail="drain open", checkpoint=True),
            ]
        case _:
            return list(ONCE[block.do])


def _repeat(block: Deliveries | Neck | Metered | Receive, repeat: int) -> list[Step]:
    match block:
        case Deliveries():
            return _delivery(repeat, block.targets)
        case Neck():
            return _neck(repeat, block)
        case Metered():
            return _metered(repeat, block.targets)
        case Receive():
            return _received(repeat, block)


ONCE: Final[Mapping[Plain, tuple[Step, ...]]] = MappingProxyType(
    {
        "empty": (Step(EMPTY, empty, detail="bring the measure to empty, drain closed", checkpoint=True),),
        "soak": (Step("soak", soak, detail="water, vessel and air must agree", checkpoint=True),),
        "prewet": (
            Step("prewet", prewet, target=0.0, detail="fill to nominal by the meter"),
            Step("drain", drain, detail="prewet: empty and let drip", discards=True, checkpoint=True),
        ),
    }
)


def _confirmed(prompt: Prompt, repeat: int) -> Step:
    return Step("confirm", partial(confirm, prompt), repeat, detail=prompt.name, checkpoint=True)


def _delivery(repeat: int, targets: Sequence[float]) -> list[Step]:
    return [
        _emptied(repeat, "begin the repeat with an empty measure"),
        *(step for target in targets for step in _at_level(repeat, target)),
        Step("drain", drain, repeat, detail="empty and let drip", discards=True),
        Step(
            "weigh",
            partial(weigh, target=None, load="drained"),
            repeat,
            detail="drained",
            checkpoint=True,
        ),
    ]


def _neck(repeat: int, block: Neck) -> list[Step]:
    up = _delivery(repeat, block.targets)
    down = [
        step
        for target in reversed(block.targets[:-1])
        for step in (
            Step("let-out", partial(let_out, block.prompt_at(target)), repeat, target, "by hand, from above"),
            *_read_and_weighed(repeat, target),
        )
    ]
    return [*up[:-2], *down, *up[-2:]]


def _metered(repeat: int, targets: Sequence[float]) -> list[Step]:
    return [
        _emptied(repeat, "begin the repeat with an empty measure"),
        *(
            step
            for target in targets
            for step in (
                *_filled(repeat, target),
                _read_at(repeat, target),
                Step("meter", partial(metered, target), repeat, target, "what came in", checkpoint=True),
            )
        ),
        Step("drain", drain, repeat, detail="empty and let drip", discards=True, checkpoint=True),
    ]


def _leak_test(block: LeakTest, repeat: int) -> list[Step]:
    target = block.target
    return [
        _emptied(repeat, "before the leak test"),
        *_filled(repeat, target),
        Step("watch", partial(watch, block), repeat, target, "closed: the level must stay", checkpoint=True),
        Step("drain", drain, repeat, detail="empty and let drip", discards=True, checkpoint=True),
    ]


def _received(repeat: int, block: Receive) -> list[Step]:
    """A repeat that a technician fills; once begun it is not taken up in the middle."""
    return [
        _emptied(repeat, "before it receives"),
        Step("receive", partial(receive, block), repeat, 0.0, "from the standard, by hand", discards=True),
        Step("settle", _at(settle, 0.0), repeat, 0.0, "until the level is steady", discards=True),
        Step("read", _at(read, 0.0), repeat, 0.0, "the lowest point of the meniscus", discards=True),
        Step("ambient", received, repeat, 0.0, "the temperatures", discards=True),
        Step("drain", drain, repeat, detail="empty and let drip", discards=True, checkpoint=True),
    ]


def _emptied(repeat: int, detail: str) -> Step:
    return Step(EMPTY, empty, repeat, detail=detail, checkpoint=True)


def _filled(repeat: int, target: float) -> list[Step]:
    """Filled to a level that is steady."""
    return [
        Step(
            "fill",
            _at(fill_to, target),
            repeat,
            target,
            "coarse by the meter, fine by the camera, from below",
            checkpoint=True,
        ),
        Step("settle", _at(settle, target), repeat, target, "until the level is steady"),
    ]


def _at_level(repeat: int, target: float) -> list[Step]:
    return [
        *_filled(repeat, target)[:-1],
        *_read_and_weighed(repeat, target),
    ]


def _read_and_weighed(repeat: int, target: float) -> list[Step]:
    """Read once the level is steady, and weighed."""
    return [
        Step("settle", _at(settle, target), repeat, target, "until the level is steady"),
        _read_at(repeat, target),
        Step(
            "weigh",
            partial(weigh, target=target, load="full"),
            repeat,
            target,
            "full",
            checkpoint=True,
        ),
    ]


def _read_at(repeat: int, target: float) -> Step:
    return Step("read", _at(read, target), repeat, target, "the lowest point of the meniscus")


def _at(
    action: Callable[[Context, float], Awaitable[None]], target: float
) -> Callable[[Context], Awaitable[None]]:
    return partial(_with_target, action, target)


async def _with_target(
    action: Callable[[Context, float], Awaitable[None]], target: float, context: Context
) -> None:
    await action(context, target)


def first_of_repeat(steps: Sequence[Step], at: int) -> int:
    """The step from which the repeat of step `at` begins over: the last emptying before it."""
    return max((index for index in range(at + 1) if steps[index].name == EMPTY), default=0)

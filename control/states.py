"""The states of a run, named as in OPC UA LADS and PackML: one table is the machine and its diagram."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from control.errors import TransitionError


class State(StrEnum):
    """What a run is doing. Held has a cause of its own, Suspended one outside the bench."""

    IDLE = "Idle"
    STARTING = "Starting"
    EXECUTE = "Execute"
    HELD = "Held"
    SUSPENDED = "Suspended"
    COMPLETING = "Completing"
    COMPLETE = "Complete"
    STOPPING = "Stopping"
    STOPPED = "Stopped"
    ABORTING = "Aborting"
    ABORTED = "Aborted"
    CLEARING = "Clearing"


class Command(StrEnum):
    """What moves a run from state to state.

    `advance` is the run's own: what the state had to do is done. `resume` brings an interrupted run back.
    """

    START = "start"
    RESUME = "resume"
    HOLD = "hold"
    UNHOLD = "unhold"
    SUSPEND = "suspend"
    UNSUSPEND = "unsuspend"
    STOP = "stop"
    ABORT = "abort"
    CLEAR = "clear"
    RESET = "reset"
    ADVANCE = "advance"


_S, _C = State, Command

TRANSITIONS: Final[Mapping[tuple[State, Command], State]] = MappingProxyType(
    {
        (_S.IDLE, _C.START): _S.STARTING,
        (_S.IDLE, _C.RESUME): _S.HELD,
        (_S.STARTING, _C.ADVANCE): _S.EXECUTE,
        (_S.STARTING, _C.HOLD): _S.HELD,
        (_S.EXECUTE, _C.HOLD): _S.HELD,
        (_S.EXECUTE, _C.SUSPEND): _S.SUSPENDED,
        (_S.EXECUTE, _C.ADVANCE): _S.COMPLETING,
        (_S.HELD, _C.UNHOLD): _S.EXECUTE,
        (_S.SUSPENDED, _C.UNSUSPEND): _S.EXECUTE,
        (_S.SUSPENDED, _C.HOLD): _S.HELD,
        (_S.COMPLETING, _C.ADVANCE): _S.COMPLETE,
        (_S.COMPLETING, _C.HOLD): _S.HELD,
        (_S.COMPLETE, _C.RESET): _S.IDLE,
        (_S.STOPPING, _C.ADVANCE): _S.STOPPED,
        (_S.STOPPED, _C.RESET): _S.IDLE,
        (_S.ABORTING, _C.ADVANCE): _S.ABORTED,
        (_S.ABORTED, _C.CLEAR): _S.CLEARING,
        (_S.CLEARING, _C.ADVANCE): _S.STOPPED,
        **{
            (state, _C.STOP): _S.STOPPING
            for state in (_S.IDLE, _S.STARTING, _S.EXECUTE, _S.HELD, _S.SUSPENDED, _S.COMPLETING)
        },
        # Abort works everywhere but where it already has; what leads out of Aborted is Clear alone.
        **{(state, _C.ABORT): _S.ABORTING for state in State if state not in (_S.ABORTING, _S.ABORTED)},
    }
)

ENDED: Final = frozenset({State.COMPLETE, State.STOPPED, State.ABORTED})


def allowed(state: State) -> tuple[Command, ...]:
    """The commands that `state` knows, without the run's own `advance`."""
    return tuple(
        command for (where, command) in TRANSITIONS if where is state and command is not Command.ADVANCE
    )


def after(state: State, command: Command) -> State:
    """The state that `command` leads to. Raises `TransitionError` where it leads nowhere."""
    try:
        return TRANSITIONS[state, command]
    except KeyError:
        known = ", ".join(allowed(state)) or "nothing"
        raise TransitionError(f"a run that is {state} does not {command}; it can {known}") from None


def mermaid() -> str:
    """The table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.IDLE}"]
    lines += [f"    {state} --> {target}: {command}" for (state, command), target in TRANSITIONS.items()]
    return "\n".join(lines) + "\n"


def document() -> str:
    """`docs/reference/states.md`: the diagram and its words, from `python -m control.states`."""
    rows = [f"| {state} | {', '.join(allowed(state)) or 'nothing'} |" for state in State]
    return "\n".join(
        [
            "# The states of a run",
            "",
            "Made from the table in `control/states.py` by `python -m control.states`;",
            "a test says when it is out of date.",
            "",
            "The names are those of OPC UA LADS and PackML. *Held* has a cause of the bench's own",
            "(a reading refused, a lost connection, an interlock, the operator), and goes on only by",
            "`unhold`. *Suspended* has a cause outside and goes on by itself. `abort` works everywhere;",
            "what leads out of *Aborted* is `clear`. `advance` is the run's own: what the state had to",
            "do is done. `resume` takes up the record of a run whose program was killed: the run comes",
            "back *Held*, and nothing opens before a person has read what differs and says `unhold`.",
            "",
            "```mermaid",
            mermaid().rstrip(),
            "```",
            "",
            "| state | commands |",
            "|---|---|",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    import sys

    sys.stdout.write(document())

"""The table of states: its document, and what must hold of it."""

from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from control.errors import TransitionError
from control.states import ENDED, TRANSITIONS, Command, State, after, allowed, document

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "reference" / "states.md"


def test_the_document_is_the_table() -> None:
    """docs/reference/states.md is what `python -m control.states` prints."""
    assert document() == DOCUMENT.read_text(encoding="utf-8")


def test_every_transition_is_drawn() -> None:
    """The diagram has one arrow for each entry of the table."""
    arrows = [line for line in document().splitlines() if "-->" in line and "[*]" not in line]
    assert len(TRANSITIONS) == len(arrows)


@pytest.mark.parametrize("state", [s for s in State if s not in (State.ABORTING, State.ABORTED)])
def test_abort_works_everywhere(state: State) -> None:
    """From every state, ended ones too, abort leads to Aborting."""
    assert State.ABORTING is after(state, Command.ABORT)


def test_aborted_is_left_by_clear_alone() -> None:
    """Nothing else leads out of Aborted."""
    assert (Command.CLEAR,) == allowed(State.ABORTED)
    assert State.STOPPED is after(after(State.ABORTED, Command.CLEAR), Command.ADVANCE)


def test_a_command_that_means_nothing_is_named_with_those_that_do() -> None:
    """The message says what the state can do."""
    with pytest.raises(
        TransitionError, match="a run that is Held does not start; it can unhold, stop, abort"
    ):
        after(State.HELD, Command.START)


class Machine(RuleBasedStateMachine):
    """Any sequence of commands."""

    def __init__(self) -> None:
        super().__init__()
        self.state = State.IDLE
        self.path = [State.IDLE]

    @rule(command=st.sampled_from(Command))
    def give(self, command: Command) -> None:
        """A command either moves along the table or changes nothing."""
        try:
            self.state = after(self.state, command)
        except TransitionError:
            assert (self.state, command) not in TRANSITIONS
        else:
            self.path.append(self.state)

    @precondition(lambda self: self.state is State.EXECUTE)
    @rule()
    def can_always_be_held(self) -> None:
        """Whatever executes can be held, stopped and aborted."""
        assert {Command.HOLD, Command.STOP, Command.ABORT} <= set(allowed(self.state))

    @invariant()
    def execute_is_reached_by_start_or_from_a_pause(self) -> None:
        """Water moves only after Starting, or by unhold or unsuspend."""
        for before, now in zip(self.path, self.path[1:], strict=False):
            if now is State.EXECUTE:
                assert before in (State.STARTING, State.HELD, State.SUSPENDED)
            if before in ENDED:
                assert now in (State.IDLE, State.ABORTING, State.CLEARING)


TestMachine = Machine.TestCase

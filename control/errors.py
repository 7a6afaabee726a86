"""The exceptions of this room.

ControlError
├── ConfigurationError   a rig or procedure file that cannot be used: names file, key, what is expected
├── RigError             the rig does not do what it was asked
│   ├── LinkError        no connection, no answer in time, or an answer that is not one
│   └── CommandRefusedError   the device answered that it will not; carries the device's reason
├── HeldError            a step cannot go on: the run goes to Held with this reason
├── SuspendedError       a cause outside the bench: the run waits, and goes on by itself once it has gone
├── AnswerError          an answer that is not whole, or to a prompt that does not wait
├── TransitionError      a command that means nothing in the run's state
└── RecordError          a record that cannot be written, or is not what it should be
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from control.snapshot import Snapshot


class ControlError(Exception):
    """Anything that goes wrong in `control`; the message is one sentence for the user."""


class ConfigurationError(ControlError):
    """A configuration is not usable; names the file, the key and what is expected."""


class RigError(ControlError):
    """The rig does not do what it was asked."""


class LinkError(RigError):
    """No connection, no answer in time, or an answer that is not one."""


class CommandRefusedError(RigError):
    """The device answered that it will not; the message carries its reason."""


class HeldError(ControlError):
    """A step cannot go on for a reason of the rig, the camera or the reading; the run goes to Held."""


class SuspendedError(ControlError):
    """A step must wait for something outside the bench; the run is Suspended and then does the step again.

    `lasts` says of a snapshot why it must wait still, empty once it need not; after `limit_s` of the rig's
    clock the run is Held instead (None: it waits for as long as it takes).
    """

    def __init__(self, reason: str, lasts: Callable[[Snapshot], str], limit_s: float | None = None) -> None:
        super().__init__(reason)
        self.lasts = lasts
        self.limit_s = limit_s


class AnswerError(ControlError):
    """A person's answer is not whole, or its prompt does not wait; the message says what is expected."""


class TransitionError(ControlError):
    """The command means nothing in this state; the message names the commands that do."""


class RecordError(ControlError):
    """A record cannot be written or is not what it should be; names the file and the line."""

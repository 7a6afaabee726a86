"""The exceptions of this room.

ControlError
├── ConfigurationError   a rig or procedure file that cannot be used: names file, key, what is expected
├── RigError             the rig does not do what it was asked
│   ├── LinkError        no connection, no answer in time, or an answer that is not one
│   └── CommandRefusedError   the device answered that it will not; carries the device's reason
├── HeldError            a step cannot go on: the run goes to Held with this reason
├── TransitionError      a command that means nothing in the run's state
└── RecordError          a record that cannot be written, or is not what it should be
"""


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


class TransitionError(ControlError):
    """The command means nothing in this state; the message names the commands that do."""


class RecordError(ControlError):
    """A record cannot be written or is not what it should be; names the file and the line."""

"""The exceptions of this room.

ApiError
├── SettingsError   a configuration that cannot be used: names the file, the key and what is expected
├── RecordError     a run folder that is not one, or that was changed after it was written
├── BusyError       one run at a time, and there is one
├── NotFoundError   no run, frame or picture of that name
├── NotNowError     a command that the run's state does not take
└── TwinError       the simulated rig did not start
"""


class ApiError(Exception):
    """Anything that goes wrong in `api`; the message is one sentence for the user."""


class SettingsError(ApiError):
    """A configuration is not usable; names the file, the key and what is expected."""


class RecordError(ApiError):
    """A folder is not the record of a run, or it was changed after it was written; names file and line."""


class BusyError(ApiError):
    """One run at a time, and there is one; `run` is its id where it is known."""

    def __init__(self, message: str, run: str = "") -> None:
        super().__init__(message)
        self.run = run


class NotFoundError(ApiError):
    """There is no run, frame or picture of that name."""


class NotNowError(ApiError):
    """A command that cannot be given in the state in which the run is."""


class TwinError(ApiError):
    """The simulated rig did not start or did not answer in time."""

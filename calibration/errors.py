"""The exceptions of this room.

CalibrationError
├── OutOfRangeError        a quantity lies outside the range in which its formula holds
├── UnknownQuantityError   something that the result needs was not measured or has no source
├── RuleError              a rule pack that cannot be used: names the file, the key and what is expected
└── UnsuitableModelError   data that the chosen model does not describe, or too few of them
"""


class CalibrationError(Exception):
    """Anything that goes wrong in `calibration`; the message is one sentence for the user."""


class OutOfRangeError(CalibrationError):
    """A quantity lies outside the range in which its formula holds: no extrapolation."""


class UnknownQuantityError(CalibrationError):
    """Something that the result needs was not measured or has no source: unknown is not zero."""


class RuleError(CalibrationError):
    """A rule pack is not usable; names the file, the key and what is expected."""


class UnsuitableModelError(CalibrationError):
    """The chosen model does not describe the data, or there are too few of them."""

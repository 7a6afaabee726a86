"""The exceptions of this room.

VisionError
├── StationError    a station or instrument description that cannot be used
├── FrameError      bytes that are not an image
├── CameraError     a camera that does not answer, or answers with something else
├── ImageSetError   a folder or manifest that is not an image set
└── CameraCalibrationError   views of a board that do not determine a camera, or a board that there is not

A picture that cannot be read is no exception: readers return a `Refusal`.
"""


class VisionError(Exception):
    """Anything that goes wrong in `vision`; the message is one sentence for the user."""


class StationError(VisionError):
    """A station or instrument description is not usable; names the file, the key and what is expected."""


class FrameError(VisionError):
    """The bytes do not decode to an image."""


class CameraError(VisionError):
    """A camera does not answer, or answers with something that is not a picture."""


class ImageSetError(VisionError):
    """A folder, or its manifest, is not an image set."""


class CameraCalibrationError(VisionError):
    """Views of a board do not determine a camera, or the board as described does not exist."""

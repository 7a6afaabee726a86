"""How a camera of the twin fares."""

from enum import StrEnum
from typing import Protocol


class CameraState(StrEnum):
    """Dead answers nothing, black has its lens covered, frozen sends its last picture again and again, late
    sends each some time after it was taken."""

    OK = "ok"
    DEAD = "dead"
    BLACK = "black"
    FROZEN = "frozen"
    LATE = "late"


class SimulatedCamera(Protocol):
    """A camera as the twin's HTTP side serves it."""

    state: CameraState
    late_s: float
    name: str
    path: str

    def warm_up(self) -> None:
        """Draw what stands still."""
        ...

    def snapshot(self) -> bytes:
        """A JPEG of this moment."""
        ...

"""How a camera of the twin fares."""

from enum import StrEnum
from typing import Protocol


class CameraState(StrEnum):
    """Dead answers nothing, black has its lens covered."""

    OK = "ok"
    DEAD = "dead"
    BLACK = "black"


class SimulatedCamera(Protocol):
    """A camera as the twin's HTTP side serves it."""

    state: CameraState
    name: str
    path: str

    def warm_up(self) -> None:
        """Draw what stands still."""
        ...

    def snapshot(self) -> bytes:
        """A JPEG of this moment."""
        ...

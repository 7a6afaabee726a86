"""Live pictures of one instrument: each is read from what the one before taught."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from vision.frame import Frame
from vision.instrument import Reader
from vision.reading import Answer
from vision.several_frames import combined


@runtime_checkable
class Tracker(Protocol):
    """A reader that can do without a whole search when it knows the frame before."""

    def track(self, frame: Frame, before: Any) -> tuple[Answer, Any]:
        """The reading, and what to hand to the next call (None where there is nothing to go by)."""
        ...


class Follower:
    """Follows one instrument through live frames; what it reads depends on the frames that went before.

    It is for looks on the way, never for evidence: a replay could not repeat it.
    """

    def __init__(self, kind: str, reader: Reader) -> None:
        self._kind = kind
        self._reader = reader
        self._before: Any = None

    def read(self, frames: Sequence[Frame]) -> Answer:
        """The reading of the next frames, combined where there are several."""
        reader = self._reader
        if not isinstance(reader, Tracker):
            return reader.read(frames[0]) if len(frames) == 1 else reader.read_many(frames)
        answers = []
        for frame in frames:
            answer, self._before = reader.track(frame, self._before)
            answers.append(answer)
        return answers[0] if len(answers) == 1 else combined(self._kind, answers)

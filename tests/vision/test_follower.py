"""Live pictures are followed from one to the next."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from vision.follower import Follower
from vision.frame import Frame
from vision.image_set import ImageSet
from vision.readers import instrument_from, reader_for
from vision.reading import Answer, Reading
from vision.station import camera_from


class _Counting:
    """A reader that says what it was handed; it cannot be fooled about the frame before."""

    def __init__(self) -> None:
        self.before: list[Any] = []

    def read(self, frame: Frame) -> Answer:
        raise AssertionError("a tracker is not asked for a whole search")

    def read_many(self, frames: Any) -> Answer:
        raise AssertionError("a tracker is not asked for a whole search")

    def track(self, frame: Frame, before: Any) -> tuple[Answer, Any]:
        self.before.append(before)
        value = float(frame.image[0, 0, 0])
        return Reading("dial", value, "bar", 0.1, {"edges": 0.1}), frame.source


def _frame(shade: int) -> Frame:
    return Frame(cv2.imencode(".png", np.full((4, 4, 3), shade, np.uint8))[1].tobytes(), f"frame {shade}")


def test_each_frame_is_read_from_what_the_one_before_taught() -> None:
    """What a frame taught is handed on, also between calls; several frames are combined."""
    reader = _Counting()
    follower = Follower("dial", reader)
    first = follower.read([_frame(10)])
    second = follower.read([_frame(20), _frame(22)])
    assert isinstance(first, Reading)
    assert isinstance(second, Reading)
    assert (10.0, 21.0) == (first.value, second.value)
    assert [None, "frame 10", "frame 20"] == reader.before


@pytest.mark.shared
def test_following_agrees_with_the_whole_search(shared: Path) -> None:
    """A sight glass that is followed through the same picture reads what the whole search reads, within u."""
    entry = next(iter(ImageSet(shared / "images/sight-glass")))
    reader = reader_for(instrument_from(entry.instrument, "set"), camera_from(entry.camera, "set"))
    frame = Frame(entry.path.read_bytes(), entry.image)
    whole = reader.read(frame)
    follower = Follower("sight-glass", reader)
    follower.read([frame])
    followed = follower.read([frame])
    assert isinstance(whole, Reading)
    assert isinstance(followed, Reading)
    assert abs(whole.value - followed.value) < 0.2 * whole.standard_uncertainty

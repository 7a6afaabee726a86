"""The cameras of a station, each opened once for all who look through it, and the frames that are kept."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import cv2

from vision.cameras import Camera, open_camera
from vision.errors import CameraError
from vision.frame import Frame
from vision.image_set import ImageSetWriter
from vision.station_file import CameraSettings, Station, StationInstrument

SAME_FRAME_WAIT_S = 0.02
Result = TypeVar("Result")


class StationCamera:
    """One camera with a thread of its own, in which it is opened, asked and closed."""

    def __init__(self, settings: CameraSettings) -> None:
        """Nothing is opened yet."""
        self.settings = settings
        self._camera: Camera | None = None
        self._last_frame = ""
        self._thread = ThreadPoolExecutor(1, f"camera {settings.name}", initializer=_quietly)

    def submit(self, job: Callable[[], Result]) -> "Future[Result]":
        """Have a job done in the camera's thread, after those before it."""
        return self._thread.submit(job)

    def grab(self) -> Frame:
        """A frame that is another than the one before: a camera that has frozen must not fill a measure.

        To be called in the camera's thread. Raises `CameraError` where it doesn't answer or sends the same
        picture again and again.
        """
        deadline = time.monotonic() + self.settings.timeout_s
        while True:
            frame = self._grab_any()
            if frame.sha256 != self._last_frame:
                self._last_frame = frame.sha256
                return frame
            if time.monotonic() > deadline:
                raise CameraError(
                    f"{frame.source}: sent the same picture for {self.settings.timeout_s:g} s; "
                    "expected a fresh one"
                )
            time.sleep(SAME_FRAME_WAIT_S)

    def close(self) -> None:
        """Let go of the camera once its jobs are done; waits for that."""
        self._thread.submit(self._let_go)
        self._thread.shutdown()

    def _grab_any(self) -> Frame:
        if self._camera is None:
            self._camera = open_camera(self.settings)
        try:
            return self._camera.grab()
        except CameraError:
            self._let_go()  # a camera that was unplugged comes back only when it is opened anew
            raise

    def _let_go(self) -> None:
        if self._camera is not None:
            self._camera.close()
            self._camera = None


class StationCameras:
    """All cameras of a station; one that nobody looks through is never opened."""

    def __init__(self, station: Station) -> None:
        self._settings = station.cameras
        self._open: dict[str, StationCamera] = {}

    def of(self, seen: StationInstrument) -> StationCamera:
        """The camera that sees an instrument, the same for all that it sees."""
        if seen.camera not in self._open:
            self._open[seen.camera] = StationCamera(self._settings[seen.camera])
        return self._open[seen.camera]

    def close(self) -> None:
        """Let go of every camera; waits for what they are doing."""
        for camera in self._open.values():
            camera.close()
        self._open.clear()


class KeptFrames:
    """The image set in which a run's evidence is kept, written to by one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def keep(
        self, frames: Sequence[Frame], seen: StationInstrument, camera: CameraSettings
    ) -> tuple[str, ...]:
        """Store the frames with what they show; returns their names. Raises `ImageSetError`."""
        with self._lock:
            writer = ImageSetWriter(self._folder)
            return tuple(
                writer.keep(frame, seen.description, camera.description, seen.region) for frame in frames
            )


def _quietly() -> None:
    cv2.setNumThreads(1)  # the run and the page need the other cores

"""Where cameras and readers are plugged into a run: the level in the neck, as `control` asks for it."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2

from control.errors import HeldError
from control.observers import Observation
from vision.cameras import Camera, open_camera
from vision.errors import CameraError, VisionError
from vision.frame import Frame
from vision.image_set import ImageSetWriter
from vision.instrument import Reader
from vision.reading import Answer, Reading
from vision.station_file import Station, StationInstrument

LEVEL_INSTRUMENT = "neck"
SAME_FRAME_WAIT_S = 0.02


@dataclass(frozen=True)
class Look:
    """What the camera showed last, and what the reader made of it."""

    frame: Frame
    answer: Answer


def level_instrument(station: Station) -> StationInstrument:
    """The instrument that shows the level: the one named `neck`, or the only one.

    Raises `StationError` where the station has several and none of that name.
    """
    return station.instrument(LEVEL_INSTRUMENT if len(station.instruments) > 1 else None, station.name)


def read_frames(reader: Reader, frames: Sequence[Frame]) -> Answer:
    """One frame as such, several combined: as a run reads them, so does a replay."""
    return reader.read(frames[0]) if len(frames) == 1 else reader.read_many(frames)


def observation(instrument: str, unit: str, answer: Answer, frames: Sequence[str] = ()) -> Observation:
    """A reader's answer as `control` takes it."""
    if isinstance(answer, Reading):
        return Observation(
            instrument=instrument,
            unit=answer.unit,
            value=answer.value,
            standard_uncertainty=answer.standard_uncertainty,
            terms=dict(answer.terms),
            notes=answer.notes,
            frames=tuple(frames),
        )
    return Observation(
        instrument=instrument,
        unit=unit,
        value=None,
        standard_uncertainty=None,
        reason=answer.reason.value,
        detail=answer.detail,
        frames=tuple(frames),
    )


class CameraLevelReader:
    """Reads the level in the neck through a station's camera (`control.observers.LevelReader`).

    Frames that are evidence are kept as an image set in `frames`. `on_look` hears of every look, in the event
    loop's thread. Camera and reader work in one thread of their own, so that the run is never kept waiting.
    """

    def __init__(self, station: Station, frames: Path, on_look: Callable[[Look], None]) -> None:
        self._seen = level_instrument(station)
        self._settings = station.cameras[self._seen.camera]
        self._reader = station.reader(self._seen.name)
        self._frames = frames
        self._on_look = on_look
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="camera")
        self._camera: Camera | None = None
        self._last_frame = ""

    @property
    def instrument(self) -> StationInstrument:
        """The instrument that is read."""
        return self._seen

    async def read_level(self, frames: int, *, keep: bool) -> Observation:
        """Read the level from `frames` fresh frames, combined; `keep` stores them as evidence.

        A picture that cannot be read comes back as a refused `Observation`. Raises `HeldError` when the
        camera does not answer, sends the same picture again and again, or the frames cannot be stored.
        """
        loop = asyncio.get_running_loop()
        try:
            look, names = await loop.run_in_executor(self._thread, self._look, frames, keep)
        except VisionError as problem:
            raise HeldError(str(problem)) from problem
        self._on_look(look)
        return observation(self._seen.name, self._seen.instrument.unit, look.answer, names)

    async def close(self) -> None:
        """Let go of the camera."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._let_go)
        self._thread.shutdown()

    def _look(self, count: int, keep: bool) -> tuple[Look, tuple[str, ...]]:
        cv2.setNumThreads(1)  # the run and the page need the other cores
        frames = [self._grab() for _ in range(count)]
        answer = read_frames(self._reader, frames)
        names: tuple[str, ...] = ()
        if keep:
            writer = ImageSetWriter(self._frames)
            names = tuple(
                writer.keep(frame, self._seen.description, self._settings.description, self._seen.region)
                for frame in frames
            )
        return Look(frames[-1], answer), names

    def _grab(self) -> Frame:
        """A frame that is another than the one before: a camera that has frozen must not fill a measure."""
        deadline = time.monotonic() + self._settings.timeout_s
        while True:
            frame = self._grab_any()
            if frame.sha256 != self._last_frame:
                self._last_frame = frame.sha256
                return frame
            if time.monotonic() > deadline:
                raise CameraError(
                    f"{frame.source}: sent the same picture for {self._settings.timeout_s:g} s; "
                    "expected a fresh one"
                )
            time.sleep(SAME_FRAME_WAIT_S)

    def _grab_any(self) -> Frame:
        if self._camera is None:
            self._camera = open_camera(self._settings)
        try:
            return self._camera.grab()
        except CameraError:
            self._let_go()  # a camera that was unplugged comes back only when it is opened anew
            raise

    def _let_go(self) -> None:
        if self._camera is not None:
            self._camera.close()
            self._camera = None

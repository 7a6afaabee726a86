"""Where cameras and readers are plugged into a run: level and gauges, as `control` asks for them."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from api.station_cameras import KeptFrames, StationCamera, StationCameras
from control.errors import HeldError
from control.gauges import Certificate, Gauge, gauge_of
from control.observers import Observation
from vision.errors import VisionError
from vision.follower import Follower
from vision.frame import Frame
from vision.instrument import Reader
from vision.reading import Answer, Reading
from vision.station_file import Station, StationInstrument

LEVEL_INSTRUMENT = "neck"


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


def gauges_of(station: Station, where: str = "station") -> tuple[Gauge, ...]:
    """The station's instruments that show a quantity of the rig, as `control` takes them.

    Raises `ConfigurationError`, naming `where` (the station's file) and the instrument, for one that a run
    cannot use.
    """
    found = []
    for name, seen in station.instruments.items():
        if seen.shows:
            standard = seen.standard
            certificate = None
            if standard is not None:
                certificate = Certificate(
                    standard.name, standard.serial, standard.due, standard.standard_uncertainty
                )
            place = f"{where}: instruments.{name}"
            found.append(gauge_of(name, seen.shows, seen.instrument.unit, certificate, place))
    return tuple(found)


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

    Frames that are evidence are kept in `kept`. `on_look` hears of every look, in the event loop's thread.
    Camera and reader work in the camera's own thread, so that the run is never kept waiting.
    """

    def __init__(
        self, station: Station, cameras: StationCameras, kept: KeptFrames, on_look: Callable[[Look], None]
    ) -> None:
        self._seen = level_instrument(station)
        self._camera = cameras.of(self._seen)
        self._reader = station.reader(self._seen.name)
        self._follower = Follower(self._seen.instrument.kind, self._reader)
        self._kept = kept
        self._on_look = on_look

    @property
    def instrument(self) -> StationInstrument:
        """The instrument that is read."""
        return self._seen

    async def read_level(self, frames: int, *, keep: bool) -> Observation:
        """Read the level from `frames` fresh frames, combined; `keep` stores them as evidence.

        Evidence is read by the whole search, which a replay repeats; other looks follow the one before. A
        picture that cannot be read comes back as a refused `Observation`. Raises `HeldError` when the camera
        does not answer, sends the same picture again and again, or the frames cannot be stored.
        """
        if keep:
            look, names = await _look(
                self._camera, partial(read_frames, self._reader), frames, self._seen, self._kept
            )
        else:
            look, names = await _look(self._camera, self._follower.read, frames, self._seen, None)
        self._on_look(look)
        return observation(self._seen.name, self._seen.instrument.unit, look.answer, names)


class CameraGaugeReader:
    """Reads a station's gauges through its cameras (`control.observers.GaugeReader`), keeping the frames.

    `on_look` hears of every look by the gauge's name, in the event loop's thread.
    """

    def __init__(
        self,
        station: Station,
        cameras: StationCameras,
        kept: KeptFrames,
        on_look: Callable[[str, Look], None],
    ) -> None:
        self._station = station
        self._cameras = cameras
        self._kept = kept
        self._on_look = on_look
        self._readers: dict[str, Reader] = {}

    async def read_gauge(self, name: str, frames: int) -> Observation:
        """Read the gauge from `frames` fresh frames, combined, and keep them as evidence.

        A picture that cannot be read comes back as a refused `Observation`. Raises `HeldError` as
        `CameraLevelReader` does.
        """
        seen = self._station.instruments[name]
        if name not in self._readers:
            self._readers[name] = self._station.reader(name)
        reading = partial(read_frames, self._readers[name])
        look, names = await _look(self._cameras.of(seen), reading, frames, seen, self._kept)
        self._on_look(name, look)
        return observation(name, seen.instrument.unit, look.answer, names)


async def _look(
    camera: StationCamera,
    reading: Callable[[Sequence[Frame]], Answer],
    count: int,
    seen: StationInstrument,
    kept: KeptFrames | None,
) -> tuple[Look, tuple[str, ...]]:
    """Fresh frames, what `reading` makes of them, and their names where they are kept."""

    def look() -> tuple[Look, tuple[str, ...]]:
        frames = [camera.grab() for _ in range(count)]
        answer = reading(frames)
        names = kept.keep(frames, seen, camera.settings) if kept is not None else ()
        return Look(frames[-1], answer), names

    try:
        return await asyncio.wrap_future(camera.submit(look))
    except VisionError as problem:
        raise HeldError(str(problem)) from problem

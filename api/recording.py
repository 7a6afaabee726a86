"""An image set from live cameras: how a station's instruments look, for a person to read later."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from api.errors import SettingsError
from api.station_cameras import StationCameras
from vision.image_set import ImageSetWriter, is_image_set, suffix_of
from vision.station_file import Station, StationInstrument


@dataclass(frozen=True)
class Recorded:
    """A line of the set: the picture's name, the instrument in it, when it was taken (ISO 8601, UTC)."""

    image: str
    instrument: str
    taken_utc: str


def record_set(
    station: Station,
    instruments: Sequence[StationInstrument],
    folder: Path,
    *,
    frames: int,
    interval_s: float,
) -> Iterator[Recorded]:
    """Keep `frames` pictures of each camera that sees one of the instruments, taken `interval_s` apart.

    A picture of several instruments is kept once, with a line for each. Each line's `family` is the
    instrument's name. What was yielded is on the disk; a set that is there already is carried on. Raises
    `SettingsError` for a folder that holds something else, `CameraError` where a camera does not answer,
    `ImageSetError` where the disk refuses.
    """
    if folder.exists() and not is_image_set(folder) and (not folder.is_dir() or any(folder.iterdir())):
        raise SettingsError(
            f"{folder}: is there and is no image set; expected a new folder, or a set to carry on"
        )
    by_camera: dict[str, list[StationInstrument]] = {}
    for seen in instruments:
        by_camera.setdefault(seen.camera, []).append(seen)
    cameras = StationCameras(station)
    writer = ImageSetWriter(folder)
    started = time.monotonic()
    try:
        for number in range(frames):
            time.sleep(max(0.0, started + number * interval_s - time.monotonic()))
            for name, seen_by in by_camera.items():
                camera = cameras.of(seen_by[0])
                frame = camera.submit(camera.grab).result()
                description = station.cameras[name].description
                for seen in seen_by:
                    writer.keep(frame, seen.description, description, seen.region, seen.name)
                    yield Recorded(f"{frame.sha256}.{suffix_of(frame.data)}", seen.name, frame.taken_utc)
    finally:
        cameras.close()

"""Pictures with the reading drawn in: of the live run, and of the frames behind a recorded reading."""

from functools import lru_cache
from pathlib import Path

from api.bench import Look
from api.errors import NotFoundError
from api.records import load_record, read_frame
from vision.frame import Frame
from vision.overlay import draw, encode, zoom
from vision.reading import Answer
from vision.station_file import Station, station_from

MEDIA_TYPE = "image/jpeg"
QUALITY = 85
CLOSE_SIZE = (360, 120)
CLOSE_FACTOR = 2
KEPT = 64  # drawn pictures that are kept in memory, some 150 kB each


def draw_look(look: Look, *, close: bool = False) -> bytes:
    """What the camera showed with the reading drawn in, as JPEG; `close`: the part about the level."""
    image = draw(look.frame, look.answer)
    if close:
        rows, columns = image.shape[:2]
        x0, y0, x1, y1 = look.answer.drawing.level or (0.0, 0.0, float(columns), float(rows))
        image = zoom(image, ((x0 + x1) / 2, (y0 + y1) / 2), *CLOSE_SIZE, CLOSE_FACTOR)
    return encode(image, quality=QUALITY)


@lru_cache(maxsize=KEPT)
def draw_recorded(folder: Path, name: str) -> bytes:
    """A recorded frame with its reading drawn in, as JPEG: the frame is read again for it.

    Raises `NotFoundError` when the run has no such frame, `RecordError` when the frame or the record was
    changed.
    """
    station, instrument = _seen_by(folder, name)
    frame = Frame(read_frame(folder, name), f"frame {name[:12]}")
    answer: Answer = station.reader(instrument).read(frame)
    return encode(draw(frame, answer), quality=QUALITY)


def _seen_by(folder: Path, name: str) -> tuple[Station, str]:
    instruments, station = _evidence(folder, (folder / "record.jsonl").stat().st_mtime_ns)
    if name not in instruments:
        raise NotFoundError(f"no reading of the run {folder.name} rests on a frame {name}")
    return station, instruments[name]


@lru_cache(maxsize=8)
def _evidence(folder: Path, _changed_ns: int) -> tuple[dict[str, str], Station]:
    record = load_record(folder, allow_torn=True)
    station = station_from(record.settings["station"], f"{folder.name}: the recorded station")
    instruments = {
        name: str(line["data"]["instrument"])
        for line in record.of_kind("observation")
        for name in line["data"].get("frames") or ()
    }
    return instruments, station

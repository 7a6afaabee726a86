"""A run once more from its record: the frames are read again, the result computed again, and compared."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from api.bench import observation, read_frames
from api.errors import RecordError
from api.records import RESULT, Record, canonical_json, load_record, read_frame, read_result
from api.results import Difference, differences, result_of
from vision.errors import FrameError, StationError
from vision.frame import Frame
from vision.station_file import Station, station_from

COMPARED = ("value", "unit", "standard_uncertainty", "terms", "reason")


@dataclass(frozen=True)
class ReadAgain:
    """An observation of the record (line `n`) beside what its frames say now."""

    n: int
    instrument: str
    stored: float | None
    again: float | None
    changed: tuple[Difference, ...]


@dataclass(frozen=True)
class Replay:
    """The outcome of a replay: `identical` when `result.json` is reproduced byte for byte."""

    run: str
    folder: Path
    observations: tuple[ReadAgain, ...]
    frames: int
    result: Mapping[str, Any]
    differences: tuple[Difference, ...]
    identical: bool

    @property
    def changed_readings(self) -> tuple[ReadAgain, ...]:
        """The observations that came out otherwise."""
        return tuple(again for again in self.observations if again.changed)


def replay(folder: Path, progress: Callable[[int, int], None] | None = None) -> Replay:
    """Read the recorded frames again with the recorded station, compute again, compare with `result.json`.

    `progress` hears of observations done and of their number. Needs nothing but the folder. Raises
    `RecordError`, naming the line or the frame, when something was changed, or there is no result.
    """
    record = load_record(folder)
    stored = read_result(folder)
    if stored is None:
        raise RecordError(f"{folder}: the run has no {RESULT}: nothing to compare with")
    station = _station(record)
    lines = [dict(line) for line in record.lines]
    evidence = [line for line in lines if line["kind"] == "observation" and line["data"].get("frames")]
    observations = []
    for done, line in enumerate(evidence):
        again = _read_again(folder, station, line["data"])
        observations.append(_compare(line, again))
        line["data"] = {**line["data"], **again}
        if progress is not None:
            progress(done + 1, len(evidence))
    result = result_of(record, lines)
    return Replay(
        run=record.run,
        folder=folder,
        observations=tuple(observations),
        frames=sum(len(line["data"]["frames"]) for line in evidence),
        result=result,
        differences=tuple(differences(stored, result)),
        identical=canonical_json(result) == (folder / RESULT).read_bytes(),
    )


def _station(record: Record) -> Station:
    try:
        return station_from(record.settings["station"], f"{record.folder}: the recorded station")
    except KeyError:
        raise RecordError(f"{record.folder}: the record's settings have no station") from None
    except StationError as problem:
        raise RecordError(str(problem)) from problem


def _read_again(folder: Path, station: Station, data: Mapping[str, Any]) -> dict[str, Any]:
    name = str(data["instrument"])
    if name not in station.instruments:
        raise RecordError(f"{folder}: the recorded station has no instrument {name!r}")
    frames = [Frame(read_frame(folder, frame), f"frame {frame}") for frame in data["frames"]]
    try:
        answer = read_frames(station.reader(name), frames)
    except FrameError as problem:
        raise RecordError(f"{folder}: {problem}") from problem
    seen = observation(name, station.instruments[name].instrument.unit, answer)
    return {
        "value": seen.value,
        "unit": seen.unit,
        "standard_uncertainty": seen.standard_uncertainty,
        "terms": dict(seen.terms) if seen.terms is not None else None,
        "reason": seen.reason,
    }


def _compare(line: Mapping[str, Any], again: Mapping[str, Any]) -> ReadAgain:
    data = line["data"]
    stored = {key: data.get(key) for key in COMPARED}
    return ReadAgain(
        n=line["n"],
        instrument=data["instrument"],
        stored=stored["value"],
        again=again["value"],
        changed=tuple(differences(stored, dict(again))),
    )

"""Opening what a run needs: its journal, rig, cameras and readers, for a new run or one that comes back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from api.bench import CameraGaugeReader, CameraLevelReader, Look, gauges_of
from api.lock import BenchLock
from api.records import FRAMES
from api.settings import Configuration
from api.station_cameras import KeptFrames, StationCameras
from api.watch import Watch
from control.clock import ScaledClock
from control.journal import Journal
from control.observers import Listener
from control.resume import Standing, standing_of
from control.rig import Rig
from control.sequence import Run
from control.steps.plan import plan
from vision.station import SightGlass

RECORDED_LIBRARIES = ("tankcal", "numpy", "scipy", "opencv-python-headless", "pymodbus")


@dataclass(frozen=True)
class Senses:
    """Who hears what the run tells, and sees what its cameras show."""

    hear: Listener
    see: Callable[[Look], None]
    see_gauge: Callable[[str, Look], None]


@dataclass(frozen=True)
class OpenRun:
    """A run with everything that it holds open."""

    watch: Watch
    folder: Path
    journal: Journal
    rig: Rig
    cameras: StationCameras
    lock: BenchLock


@dataclass(frozen=True)
class _Begun:
    """A journal with its first line to be or as it stands, and where an interrupted run stood."""

    journal: Journal
    settings: Mapping[str, Any]
    started_utc: datetime
    standing: Standing | None = None
    began_s: float | None = None


def open_new(
    run_id: str,
    configuration: Configuration,
    lock: BenchLock,
    senses: Senses,
    *,
    data: Path,
    serial: str | None,
    seed: int | None,
    simulated: bool,
) -> OpenRun:
    """A new run in a folder of its own; `serial` takes the place of the measure's, `seed` is the twin's.

    Raises `control.errors.RecordError` where the folder cannot be written.
    """
    folder = data / run_id
    clock = ScaledClock()
    plain = configuration.plain()
    item = {key: plain["measure"][key] for key in ("name", "make", "model", "serial")}
    settings = {
        **plain,
        "run": run_id,
        "operator": configuration.choice.operator,
        "item": {**item, "serial": serial or item["serial"]},
        "versions": _versions(),
        "simulation": {"seed": seed} if simulated else None,
    }
    begun = _Begun(Journal.create(folder, clock, senses.hear), settings, datetime.now(UTC))
    return _assembled(run_id, configuration, lock, senses, folder, clock, begun)


def open_again(
    run_id: str, configuration: Configuration, lock: BenchLock, senses: Senses, *, data: Path
) -> OpenRun:
    """An interrupted run, at its last checkpoint. Raises `control.errors.RecordError` for a record that is
    not as this version writes it.
    """
    folder = data / run_id
    clock = ScaledClock()
    journal, record, torn = Journal.resume(folder, clock, senses.hear)
    first = record.lines[0]
    try:
        standing = standing_of(record, plan(configuration.procedure))
        journal.append(
            "resumed",
            {
                "torn": torn.name if torn is not None else None,
                "torn_bytes": len(record.torn),
                "place": standing.place,
                "versions": _versions(),
            },
        )
    except BaseException:
        journal.close()
        raise
    began_s = clock.now() - record.lines[-1].t_s
    begun = _Begun(journal, first.data, datetime.fromisoformat(first.t_utc), standing, began_s)
    return _assembled(run_id, configuration, lock, senses, folder, clock, begun)


def _assembled(  # noqa: PLR0917 - the parts of a run, each once
    run_id: str,
    configuration: Configuration,
    lock: BenchLock,
    senses: Senses,
    folder: Path,
    clock: ScaledClock,
    begun: _Begun,
) -> OpenRun:
    plain = configuration.plain()
    rig = Rig(configuration.rig, clock=clock)
    station = configuration.station
    cameras, kept = StationCameras(station), KeptFrames(folder / FRAMES)
    reader = CameraLevelReader(station, cameras, kept, senses.see)
    run = Run(
        rig,
        configuration.procedure,
        measure=plain["measure"],
        rules=plain["rules"],
        level=reader,
        gauges=gauges_of(station),
        gauge_reader=CameraGaugeReader(station, cameras, kept, senses.see_gauge),
        journal=begun.journal,
        listener=senses.hear,
        settings=begun.settings,
        resume=begun.standing,
    )
    instrument = reader.instrument.instrument
    scale = instrument.scale if isinstance(instrument, SightGlass) else None
    watch = Watch(
        run_id=run_id,
        run=run,
        configuration=configuration,
        settings=begun.settings,
        started_utc=begun.started_utc,
        scale=(scale.first, scale.last) if scale is not None else (None, None),
        clock_zero_s=begun.began_s,
    )
    return OpenRun(watch, folder, begun.journal, rig, cameras, lock)


def _versions() -> dict[str, str]:
    return {name: version(name) for name in RECORDED_LIBRARIES}

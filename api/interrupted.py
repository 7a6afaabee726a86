"""Runs that a kill has interrupted: which one comes back, with what, and what was left undone."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from api import lock
from api.errors import ApiError, RecordError
from api.records import RESULT, Record, canonical_json, load_record, run_folders, write_durably
from api.results import result_of
from api.settings import Choice, Configuration, TwinPorts

KINDS = ("rig", "station", "measure", "procedure", "rules")
_log = logging.getLogger(__name__)


def latest_interrupted(data: Path) -> str | None:
    """The newest run of the data folder, where it has no end: the one that was under way.

    Older ones without an end have been left behind on purpose: another run was started after them.
    """
    folders = run_folders(data)
    if not folders or lock.is_held(data):
        return None
    try:
        record = load_record(folders[-1], allow_torn=True)
    except ApiError as problem:
        _log.warning("%s is not a whole record: %s", folders[-1], problem)
        return None
    return record.run if record.end is None and record.run == folders[-1].name else None


def choice_of(record: Record) -> Choice:
    """The names of what the run uses, as its record's first line has them. Raises `RecordError`."""
    settings = record.settings
    try:
        names = {kind: str(settings[kind]["name"]) for kind in KINDS}
        return Choice(operator=str(settings["operator"]), **names)
    except (KeyError, TypeError):
        raise RecordError(f"{record.folder}: the record's settings do not name {', '.join(KINDS)}") from None


def what_changed(record: Record, configuration: Configuration, twin: TwinPorts | None) -> list[str]:
    """The parts of the configuration that are not as the run began with them.

    A simulated rig may listen at another port, but must be the same twin: another seed is another measure.
    """
    now = configuration.plain()
    changed = [
        kind
        for kind in KINDS
        if _without_ports(kind, record.settings[kind]) != _without_ports(kind, now[kind])
    ]
    simulated = record.settings.get("simulation")
    before = simulated.get("seed") if isinstance(simulated, Mapping) else None
    if (simulated is None) != (twin is None) or (twin is not None and before != twin.seed):
        changed.append("the simulated rig")
    return changed


def store_missing_results(data: Path) -> None:
    """Compute the result of every run that has its end and no result: it was killed between the two."""
    if lock.is_held(data):
        return
    for folder in run_folders(data):
        if (folder / RESULT).exists():
            continue
        try:
            record = load_record(folder)
            if record.end is not None:
                write_durably(folder / RESULT, canonical_json(result_of(record)))
        except (ApiError, KeyError, TypeError, ValueError) as problem:
            _log.warning("%s: no result was stored: %s", folder, problem)


def _without_ports(kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values without the port at which rig and cameras listen: it says where they are, not what."""
    if kind == "rig":
        return {key: value for key, value in values.items() if key != "port"}
    if kind == "station" and isinstance(values.get("cameras"), Mapping):
        cameras = {name: _camera_without_port(camera) for name, camera in values["cameras"].items()}
        return {**values, "cameras": cameras}
    return dict(values)


def _camera_without_port(camera: Mapping[str, Any]) -> dict[str, Any]:
    parts = urlsplit(str(camera.get("address", "")))
    return {**camera, "address": (parts.scheme, parts.hostname, parts.path)}

"""From the records on disk to the rows of the index: after a run, and on start for what the index lacks."""

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from api import lock
from api.errors import ApiError
from api.records import Record, load_record, read_result, run_folders
from api.results import summary_of
from api.storage.runs import RunIndex
from api.storage.tables import ReadingRow, RunRow
from control.states import ENDED, State

INTERRUPTED = "Interrupted"
DAMAGED = "Damaged"
ENDED_STATES = frozenset({*(str(state) for state in ENDED), INTERRUPTED, DAMAGED})
STATES = (*(str(state) for state in State if state is not State.IDLE), INTERRUPTED, DAMAGED)
_OUTCOMES = {
    "complete": str(State.COMPLETE),
    "stopped": str(State.STOPPED),
    "aborted": str(State.ABORTED),
}
_log = logging.getLogger(__name__)


def item_of(settings: Mapping[str, Any]) -> str:
    """The item under test in one line: make, model, serial number."""
    item = {**settings.get("measure", {}), **settings.get("item", {})}
    return " ".join(str(item[key]) for key in ("make", "model", "serial") if item.get(key))


def row_of(settings: Mapping[str, Any], state: str, started_utc: datetime) -> RunRow:
    """The row of a run that has just begun."""
    names = {
        kind: str(settings.get(kind, {}).get("name", ""))
        for kind in ("measure", "procedure", "station", "rig", "rules")
    }
    return RunRow(
        id=settings["run"],
        item=item_of(settings),
        operator=str(settings.get("operator", "")),
        state=state,
        reason="",
        started_utc=started_utc,
        ended_utc=None,
        nominal_l=settings.get("measure", {}).get("nominal_l"),
        verdict=None,
        error_ml=None,
        u_ml=None,
        expanded_ml=None,
        record_head=None,
        **names,
    )


def rows_of(record: Record, result: Mapping[str, Any] | None) -> tuple[RunRow, list[ReadingRow]]:
    """The rows of a run that is over, as its record tells it."""
    first, last = record.lines[0], record.lines[-1]
    end = record.end
    state = _OUTCOMES.get(str(end.get("outcome")), DAMAGED) if end is not None else INTERRUPTED
    summary = summary_of(result)
    row = row_of(record.settings, state, _moment(first["t_utc"]))
    row.ended_utc = _moment(last["t_utc"])
    row.reason = str(end.get("reason", "")) if end is not None else "the program that ran it was interrupted"
    row.reason = row.reason or summary.problem
    row.verdict = summary.verdict
    row.error_ml = summary.error_ml
    row.u_ml = summary.standard_uncertainty_ml
    row.expanded_ml = summary.expanded_uncertainty_ml
    row.record_head = record.head
    return row, [_reading(record.run, line) for line in record.of_kind("observation") if _counts(line)]


def index_folders(index: RunIndex, data: Path) -> Sequence[str]:
    """Bring the index up to what is on the disk; returns the runs that were put in or changed.

    A run that did not come to an end shows as interrupted, a record that was changed as damaged; a run that
    another program is carrying out right now is left alone.
    """
    known = index.known()
    busy = lock.is_held(data)
    changed = []
    for folder in run_folders(data):
        state = known.get(folder.name)
        if state in ENDED_STATES or (busy and state is not None):
            continue
        try:
            record = load_record(folder, allow_torn=True)
            if busy and record.end is None:
                continue
            row, readings = rows_of(record, read_result(folder))
            if row.id != folder.name:
                raise ApiError(f"{folder}: the record is of another run, {row.id}")
        except (ApiError, KeyError, TypeError, ValueError) as problem:
            _log.warning("%s is not a whole record: %s", folder, problem)
            row, readings = _damaged(folder, str(problem)), []
        index.put(row, readings)
        changed.append(folder.name)
    return changed


def _counts(line: Mapping[str, Any]) -> bool:
    return bool(line["data"].get("frames"))


def _reading(run: str, line: Mapping[str, Any]) -> ReadingRow:
    data = line["data"]
    return ReadingRow(
        run_id=run,
        n=line["n"],
        instrument=data["instrument"],
        purpose=data["purpose"],
        repeat=data.get("repeat"),
        target=data.get("target"),
        value=data.get("value"),
        unit=data["unit"],
        standard_uncertainty=data.get("standard_uncertainty"),
        reason=data.get("reason") or "",
        frames=len(data["frames"]),
    )


def _damaged(folder: Path, problem: str) -> RunRow:
    started = datetime.strptime(folder.name[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    row = row_of({"run": folder.name}, DAMAGED, started)
    row.reason = problem
    return row


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)

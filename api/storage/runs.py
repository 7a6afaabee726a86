"""The index of runs: put in, changed, listed page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, func, or_, select

from api.errors import NotFoundError
from api.storage.database import Database
from api.storage.tables import ReadingRow, RunRow


@dataclass(frozen=True)
class RunFilter:
    """What a list of runs is narrowed to; None does not. `text` is sought in item, operator and id."""

    state: str | None = None
    verdict: str | None = None
    item: str | None = None
    operator: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The filter as SQL conditions."""
        wanted: list[ColumnElement[bool]] = []
        for column, value in (
            (RunRow.state, self.state),
            (RunRow.verdict, self.verdict),
            (RunRow.item, self.item),
            (RunRow.operator, self.operator),
        ):
            if value is not None:
                wanted.append(column == value)
        if self.since is not None:
            wanted.append(RunRow.started_utc >= self.since)
        if self.until is not None:
            wanted.append(RunRow.started_utc < self.until)
        if self.text:
            sought = self.text.casefold()
            wanted.append(
                or_(
                    func.lower(RunRow.item).contains(sought, autoescape=True),
                    func.lower(RunRow.operator).contains(sought, autoescape=True),
                    RunRow.id.contains(sought, autoescape=True),
                )
            )
        return wanted


@dataclass(frozen=True)
class Page:
    """Runs from the newest on; `after` is the id from which the next page goes on, None at the end."""

    runs: tuple[RunRow, ...]
    after: str | None


class RunIndex:
    """The runs that the database knows. Rows that come out are detached copies."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, run: RunRow, readings: Sequence[ReadingRow] = ()) -> None:
        """Put a run in, or put it in again with what is known now, with its readings."""
        with self._database.writing() as session:
            session.execute(delete(ReadingRow).where(ReadingRow.run_id == run.id))
            session.merge(run)
            session.flush()
            session.add_all(readings)

    def change(self, run: str, **values: Any) -> None:
        """Change columns of one run. Raises `NotFoundError` when there is none of that id."""
        with self._database.writing() as session:
            row = session.get(RunRow, run)
            if row is None:
                raise NotFoundError(f"there is no run {run!r}")
            for name, value in values.items():
                setattr(row, name, value)

    def get(self, run: str) -> RunRow:
        """The run of that id. Raises `NotFoundError` when there is none."""
        with self._database.reading() as session:
            row = session.get(RunRow, run)
        if row is None:
            raise NotFoundError(f"there is no run {run!r}")
        return row

    def readings(self, run: str) -> tuple[ReadingRow, ...]:
        """The run's readings in the record's order."""
        query = select(ReadingRow).where(ReadingRow.run_id == run).order_by(ReadingRow.n)
        with self._database.reading() as session:
            return tuple(session.scalars(query))

    def known(self) -> dict[str, str]:
        """The state of every run in the index, by id."""
        with self._database.reading() as session:
            return {row.id: row.state for row in session.execute(select(RunRow.id, RunRow.state))}

    def page(self, wanted: RunFilter, *, limit: int, after: str | None = None) -> Page:
        """At most `limit` runs, newest first, that come after the run `after`."""
        query = select(RunRow).where(*wanted.conditions()).order_by(RunRow.id.desc()).limit(limit + 1)
        if after is not None:
            query = query.where(RunRow.id < after)
        with self._database.reading() as session:
            rows = tuple(session.scalars(query))
        more = len(rows) > limit
        return Page(runs=rows[:limit], after=rows[limit - 1].id if more else None)

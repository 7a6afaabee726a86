"""api/storage and api/indexing.py"""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sample_run import ABORTED, COMPLETE, INTERRUPTED
from sqlalchemy.exc import IntegrityError

from api.errors import NotFoundError, SettingsError
from api.indexing import index_folders
from api.storage.database import Database
from api.storage.runs import RunFilter, RunIndex
from api.storage.tables import Base, ReadingRow, RunRow

STARTED = datetime(2026, 11, 24, 2, 10, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty database."""
    database = Database.in_folder(tmp_path)
    yield database
    database.close()


def run_row(run: str, **values: object) -> RunRow:
    known: dict[str, object] = {
        "item": "tankcal 20 L SIM-0020",
        "measure": "demo-20l",
        "procedure": "verify-measure",
        "station": "demo",
        "rig": "twin",
        "rules": "tw",
        "operator": "J. Lin",
        "state": "Complete",
        "reason": "",
        "started_utc": STARTED,
    }
    return RunRow(id=run, **{**known, **values})


def reading_row(run: str, n: int) -> ReadingRow:
    return ReadingRow(run_id=run, n=n, instrument="neck", purpose="measure", unit="mL", reason="", frames=5)


def test_the_migrations_make_the_tables(database: Database) -> None:
    """A migrated database is what the tables' classes describe: nothing missing, nothing left over."""
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_sqlite_is_set_up_to_survive(database: Database) -> None:
    """Every connection has WAL, foreign keys and full synchronisation."""
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


def test_a_database_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    """A file that is no database, one of a later version, and a folder that is a file are named."""
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(SettingsError, match="file"):
        Database.in_folder(tmp_path / "file")
    (tmp_path / "tankcal.db").write_bytes(b"this is no database, whatever its name says" * 100)
    with pytest.raises(SettingsError, match=r"tankcal\.db: cannot be used"):
        Database.in_folder(tmp_path)
    later = tmp_path / "later"
    database = Database.in_folder(later)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    with pytest.raises(SettingsError, match="later version"):
        Database.in_folder(later)


def test_concurrent_updates_lose_none(database: Database) -> None:
    """300 updates from eight threads that read, add one and write: 300 are there at the end."""
    index = RunIndex(database)
    index.put(run_row("a", nominal_l=0.0))

    def add_one(_: int) -> None:
        with database.writing() as session:
            row = session.get(RunRow, "a")
            assert row is not None and row.nominal_l is not None
            row.nominal_l = row.nominal_l + 1.0

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(add_one, range(300)))
    assert index.get("a").nominal_l == 300.0


def test_readers_do_not_wait_for_a_writer(database: Database) -> None:
    """While a transaction writes, others read what was there before."""
    index = RunIndex(database)
    index.put(run_row("a", state="Execute"))
    with database.writing() as session:
        row = session.get(RunRow, "a")
        assert row is not None
        row.state = "Held"
        session.flush()
        assert index.get("a").state == "Execute"
    assert index.get("a").state == "Held"


def test_a_failed_change_leaves_nothing(database: Database) -> None:
    """A transaction that raises is rolled back whole."""
    index = RunIndex(database)
    index.put(run_row("a"), [reading_row("a", 3)])
    with pytest.raises(IntegrityError):
        index.put(run_row("a", state="Held"), [reading_row("a", 4), reading_row("a", 4)])
    assert index.get("a").state == "Complete"
    assert [reading.n for reading in index.readings("a")] == [3]


def test_times_come_back_in_utc(database: Database) -> None:
    """A moment in any zone comes back as the same moment in UTC; one without a zone is refused."""
    index = RunIndex(database)
    taipei = STARTED.astimezone(tz=None)
    index.put(run_row("a", started_utc=taipei))
    assert index.get("a").started_utc == STARTED
    assert index.get("a").started_utc.utcoffset() == timedelta(0)
    with pytest.raises(Exception, match="time zone"):
        index.put(run_row("b", started_utc=STARTED.replace(tzinfo=None)))


def test_pages_go_through_all_runs_once(database: Database) -> None:
    """Following the cursor gives every run once, newest first, also when runs come in between."""
    index = RunIndex(database)
    runs = [f"20261124-02{n:02}00-0000" for n in range(23)]
    for run in runs:
        index.put(run_row(run))
    seen: list[str] = []
    after = None
    while True:
        page = index.page(RunFilter(), limit=5, after=after)
        seen += [run.id for run in page.runs]
        index.put(run_row(f"20261125-000000-{len(seen):04}"))
        after = page.after
        if after is None:
            break
    assert seen == sorted(runs, reverse=True)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (RunFilter(), ["b", "a"]),
        (RunFilter(state="Aborted"), ["b"]),
        (RunFilter(verdict="pass"), ["a"]),
        (RunFilter(operator="M. Chen"), ["b"]),
        (RunFilter(text="chen"), ["b"]),
        (RunFilter(text="%"), []),
        (RunFilter(since=STARTED + timedelta(minutes=1)), ["b"]),
        (RunFilter(until=STARTED + timedelta(minutes=1)), ["a"]),
    ],
)
def test_filters_narrow(database: Database, wanted: RunFilter, found: list[str]) -> None:
    """Each filter narrows to what it says; a wildcard of SQL is a plain letter."""
    index = RunIndex(database)
    index.put(run_row("a", verdict="pass"))
    index.put(run_row("b", state="Aborted", operator="M. Chen", started_utc=STARTED + timedelta(minutes=2)))
    assert [run.id for run in index.page(wanted, limit=10).runs] == found


def test_an_unknown_run_is_not_found(database: Database) -> None:
    """Asking for or changing a run that isn't there says so."""
    index = RunIndex(database)
    with pytest.raises(NotFoundError):
        index.get("a")
    with pytest.raises(NotFoundError):
        index.change("a", state="Held")


def test_runs_on_the_disk_are_indexed(recorded: Path, database: Database) -> None:
    """The index is made from the folders, endings and readings too; a second time changes nothing."""
    index = RunIndex(database)
    assert index_folders(index, recorded) == [COMPLETE, ABORTED, INTERRUPTED]
    assert index.known() == {COMPLETE: "Complete", ABORTED: "Aborted", INTERRUPTED: "Interrupted"}
    complete = index.get(COMPLETE)
    assert complete.verdict == "pass"
    assert complete.error_ml is not None and complete.expanded_ml is not None
    assert complete.operator == "J. Lin"
    assert len(index.readings(COMPLETE)) == 7
    assert index.get(INTERRUPTED).verdict is None
    assert index.get(ABORTED).verdict == "none"
    assert index_folders(index, recorded) == []


def test_a_damaged_record_is_shown_as_such(recorded: Path, database: Database, tmp_path: Path) -> None:
    """A record that was changed does not stop the others, and says what is wrong with it."""
    data = tmp_path / "data"
    shutil.copytree(recorded, data)
    path = data / COMPLETE / "record.jsonl"
    path.write_bytes(path.read_bytes().replace(b"J. Lin", b"J. Lim", 1))
    index = RunIndex(database)
    index_folders(index, data)
    damaged = index.get(COMPLETE)
    assert damaged.state == "Damaged"
    assert "line" in damaged.reason
    assert index.get(ABORTED).state == "Aborted"

"""The database: opened, brought to the newest schema, and used in short transactions."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session, sessionmaker

from api.errors import SettingsError

DATABASE_FILE = "tankcal.db"
BUSY_TIMEOUT_S = 30
_READ_ONLY = "tankcal_read_only"
# Alembic keeps its environment in module globals, so two databases are migrated one after the other.
_migrating = threading.Lock()


class Database:
    """A database of runs. `url` as SQLAlchemy takes it; the schema is brought up to date on opening."""

    def __init__(self, url: str) -> None:
        self._engine = _open(url)
        upgrade(self._engine)
        self._write = sessionmaker(self._engine, expire_on_commit=False)
        reading = self._engine.execution_options(**{_READ_ONLY: True})
        self._read = sessionmaker(reading, expire_on_commit=False)

    @classmethod
    def in_folder(cls, data: Path) -> "Database":
        """The SQLite database of a data folder, which is made where it is missing.

        Raises `SettingsError` where it cannot be opened, is no database, or is of a later version.
        """
        path = (data / DATABASE_FILE).resolve()
        try:
            data.mkdir(parents=True, exist_ok=True)
            return cls(f"sqlite:///{path}")
        except OSError as problem:
            raise SettingsError(f"{data}: {problem.strerror}; expected a folder to write to") from problem
        except DatabaseError as problem:
            raise SettingsError(f"{path}: cannot be used as the database: {problem.orig}") from problem
        except CommandError as problem:
            raise SettingsError(f"{path}: was written by a later version of tankcal: {problem}") from problem

    @property
    def engine(self) -> Engine:
        """The engine, for tests and migrations."""
        return self._engine

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction that may write; committed at the end, rolled back when the block raises."""
        with self._write.begin() as session:
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A transaction that only reads: it waits for nobody."""
        with self._read() as session:
            yield session

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()


def upgrade(engine: Engine) -> None:
    """Bring the schema to the newest version; does nothing when it is."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    with _migrating, engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _open(url: str) -> Engine:
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    assert isinstance(connection, sqlite3.Connection)
    connection.isolation_level = None  # the driver would begin by itself, and too late: see _begin_sqlite
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    # With SQLite's default a transaction takes the write lock at its first write, after it has read: what it
    # read may be old by then and updates are lost. One that means to write takes the lock at its begin.
    read_only = connection.get_execution_options().get(_READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

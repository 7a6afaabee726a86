"""The tables: an index of the runs on disk, for lists, search and pages. Nothing here is evidence."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    TypeDecorator,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

NAMING = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcTime(TypeDecorator[datetime]):
    """A moment in UTC. SQLite has no time zones: it is stored without one and comes back with UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The moment as the database takes it. Raises `ValueError` for one without a time zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment must carry its time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """The moment in UTC."""
        if not isinstance(value, datetime):
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """What all tables share: names of constraints that a migration can refer to on every database."""

    metadata = MetaData(naming_convention=NAMING)


class RunRow(Base):
    """One run. `error_ml`, `u_ml`, `expanded_ml` are null until there is a result."""

    __tablename__ = "runs"
    __table_args__ = (
        Index("ix_runs_state_id", "state", "id"),
        Index("ix_runs_verdict_id", "verdict", "id"),
        Index("ix_runs_item_id", "item", "id"),
        Index("ix_runs_operator_id", "operator", "id"),
    )

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    item: Mapped[str] = mapped_column(String(200))
    measure: Mapped[str] = mapped_column(String(64))
    procedure: Mapped[str] = mapped_column(String(64))
    station: Mapped[str] = mapped_column(String(64))
    rig: Mapped[str] = mapped_column(String(64))
    rules: Mapped[str] = mapped_column(String(64))
    operator: Mapped[str] = mapped_column(String(100))
    state: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(Text, default="")
    started_utc: Mapped[datetime] = mapped_column(UtcTime)
    ended_utc: Mapped[datetime | None] = mapped_column(UtcTime)
    nominal_l: Mapped[float | None] = mapped_column(Float)
    verdict: Mapped[str | None] = mapped_column(String(20))
    error_ml: Mapped[float | None] = mapped_column(Float)
    u_ml: Mapped[float | None] = mapped_column(Float)
    expanded_ml: Mapped[float | None] = mapped_column(Float)
    record_head: Mapped[str | None] = mapped_column(String(64))

    readings: Mapped[list["ReadingRow"]] = relationship(
        back_populates="run", cascade="all, delete-orphan", order_by="ReadingRow.n", passive_deletes=True
    )


class ReadingRow(Base):
    """One observation that is evidence: line `n` of the run's record. Refused ones have no value."""

    __tablename__ = "readings"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    n: Mapped[int] = mapped_column(Integer, primary_key=True)
    instrument: Mapped[str] = mapped_column(String(64))
    purpose: Mapped[str] = mapped_column(String(20))
    repeat: Mapped[int | None] = mapped_column(Integer)
    target: Mapped[float | None] = mapped_column(Float)
    value: Mapped[float | None] = mapped_column(Float)
    unit: Mapped[str] = mapped_column(String(20))
    standard_uncertainty: Mapped[float | None] = mapped_column(Float)
    reason: Mapped[str] = mapped_column(String(40), default="")
    frames: Mapped[int] = mapped_column(Integer, default=0)

    run: Mapped[RunRow] = relationship(back_populates="readings")

"""A procedure from `configs/procedures/*.toml`: what a run does, how often, and within which limits."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar

from control.blocks import (
    Block,
    Confirm,
    Deliveries,
    Dry,
    LeakTest,
    Metered,
    Neck,
    Receive,
    take_blocks,
    targets_of,
)
from control.toml_table import TomlTable, plain

LIMITS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "gravimetric": ("repeat_range_ml",),
        "gravimetric-neck": (),
        "leak-test": ("leak_ml_per_h",),
        "master-meter": ("repeat_range_ml",),
        "transfer": ("repeat_range_ml",),
        "unmeasured": (),
    }
)
"""What the record of a run can be evaluated as, and the figures in `[limits]` that each needs."""
GAUGE_FRAMES: Final = 3  # where a procedure does not say it

_L = TypeVar("_L")


@dataclass(frozen=True)
class Soak:
    """Temperatures that must agree before water is weighed; waited for `wait_s` of the rig's clock."""

    air_range_c: tuple[float, float]
    water_vessel_limit_c: float
    air_water_limit_c: float
    wait_s: float


@dataclass(frozen=True)
class Fill:
    """How the level approaches its target from below."""

    coarse_speed_pct: float
    fine_speed_pct: float
    coarse_stop_short_ml: float
    fine_stop_short_ml: float
    tolerance_ml: float
    doses_max: int
    time_limit_s: float


@dataclass(frozen=True)
class Settle:
    """When a level counts as steady: its slope over `frames` looks, `wait_s` apart, is zero."""

    frames: int
    wait_s: float
    slope_limit_ml_s: float
    time_limit_s: float


@dataclass(frozen=True)
class Weigh:
    """How the balance is read: `count` steady indications, `interval_s` apart."""

    count: int
    interval_s: float
    time_limit_s: float


@dataclass(frozen=True)
class Read:
    """`frames` pictures make a reading of the level, `gauge_frames` one of a gauge that the result needs."""

    frames: int
    gauge_frames: int


@dataclass(frozen=True)
class Drain:
    """How long a stream may take until it breaks into drops."""

    time_limit_s: float


@dataclass(frozen=True)
class Procedure:
    """What a run does: its blocks in their order, and the figures that they need.

    Targets in scale units, times in seconds of the rig's clock. `source` is the file as plain values, for
    the record.
    """

    name: str
    method: str
    blocks: tuple[Block, ...]
    tables: Mapping[type, object]
    source: Mapping[str, Any]

    def having(self, *tables: object) -> "Procedure":
        """The same procedure with other figures."""
        changed = {**self.tables, **{type(table): table for table in tables}}
        return replace(self, tables=MappingProxyType(changed))

    @property
    def highest_target(self) -> float:
        """The highest level that is asked for; the nominal mark at least."""
        return max((target for block in self.blocks for target in targets_of(block)), default=0.0)

    @property
    def soak(self) -> Soak:
        """Figures of the soak."""
        return self._table(Soak)

    @property
    def fill(self) -> Fill:
        """Figures of a fill."""
        return self._table(Fill)

    @property
    def settle(self) -> Settle:
        """Figures of settling."""
        return self._table(Settle)

    @property
    def read(self) -> Read:
        """Figures of a reading."""
        return self._table(Read)

    @property
    def weigh(self) -> Weigh:
        """Figures of a weighing."""
        return self._table(Weigh)

    @property
    def drain(self) -> Drain:
        """Figures of a drain."""
        return self._table(Drain)

    def _table(self, kind: type[_L]) -> _L:
        found = self.tables.get(kind)
        if not isinstance(found, kind):
            raise LookupError(f"{self.name} has no block that needs [{kind.__name__.lower()}]")
        return found


def load_procedure(path: Path) -> Procedure:
    """The procedure in the file. Raises `ConfigurationError`: file, key and what is expected.

    The tables that its blocks need must be there, others must not.
    """
    root = TomlTable.load(path)
    source = plain({name: root.peek(name) for name in root.names()})
    name = root.take_text("name")
    method = root.take_text("method", choices=tuple(LIMITS))
    blocks = take_blocks(root)
    needed = {kind for block in blocks for kind in needs_of(block)}
    tables = {kind: take(root) for kind, take in TABLES.items() if kind in needed}
    if LIMITS[method]:
        limits = root.take_table("limits")
        for figure in LIMITS[method]:
            limits.take_number(figure, above=0.0)
        limits.finish(", ".join(LIMITS[method]) or "nothing")
    root.finish()
    return Procedure(name, method, blocks, MappingProxyType(tables), MappingProxyType(source))


def needs_of(block: Block) -> tuple[type, ...]:
    """The figures that a block's steps use."""
    match block:
        case Confirm():
            return ()
        case Deliveries() | Neck():
            return (Fill, Settle, Read, Weigh, Drain)
        case Metered() | LeakTest():
            return (Fill, Settle, Read, Drain)
        case Receive():
            return (Settle, Read, Drain)
        case Dry():
            return (Drain,)
        case _:
            return {"empty": (Drain,), "soak": (Soak,), "prewet": (Fill, Drain)}[block.do]


def _take_soak(root: TomlTable) -> Soak:
    table = root.take_table("soak")
    soak = Soak(
        air_range_c=table.take_range("air_range_c"),
        water_vessel_limit_c=table.take_number("water_vessel_limit_c", above=0.0),
        air_water_limit_c=table.take_number("air_water_limit_c", above=0.0),
        wait_s=table.take_number("wait_s", least=0.0),
    )
    table.finish()
    return soak


def _take_fill(root: TomlTable) -> Fill:
    table = root.take_table("fill")
    fill = Fill(
        coarse_speed_pct=table.take_number("coarse_speed_pct", above=0.0, most=100.0),
        fine_speed_pct=table.take_number("fine_speed_pct", above=0.0, most=100.0),
        coarse_stop_short_ml=table.take_number("coarse_stop_short_ml", above=0.0),
        fine_stop_short_ml=table.take_number("fine_stop_short_ml", above=0.0),
        tolerance_ml=table.take_number("tolerance_ml", above=0.0),
        doses_max=table.take_int("doses_max", 1, 100),
        time_limit_s=table.take_number("time_limit_s", above=0.0),
    )
    table.finish()
    if fill.fine_stop_short_ml > fill.tolerance_ml:
        raise table.error("fine_stop_short_ml", "expected at most tolerance_ml, or no dose ever arrives")
    return fill


def _take_settle(root: TomlTable) -> Settle:
    table = root.take_table("settle")
    settle = Settle(
        frames=table.take_int("frames", 3, 1000),
        wait_s=table.take_number("wait_s", above=0.0),
        slope_limit_ml_s=table.take_number("slope_limit_ml_s", above=0.0),
        time_limit_s=table.take_number("time_limit_s", above=0.0),
    )
    table.finish()
    return settle


def _take_read(root: TomlTable) -> Read:
    table = root.take_table("read")
    frames = table.take_int("frames", 1, 1000)
    read = Read(frames, table.take_int("gauge_frames", 1, 1000, default=GAUGE_FRAMES))
    table.finish()
    return read


def _take_weigh(root: TomlTable) -> Weigh:
    table = root.take_table("weigh")
    weigh = Weigh(
        count=table.take_int("count", 2, 1000),
        interval_s=table.take_number("interval_s", above=0.0),
        time_limit_s=table.take_number("time_limit_s", above=0.0),
    )
    table.finish()
    return weigh


def _take_drain(root: TomlTable) -> Drain:
    table = root.take_table("drain")
    drain = Drain(table.take_number("time_limit_s", above=0.0))
    table.finish()
    return drain


TABLES: Final[Mapping[type, Callable[[TomlTable], object]]] = MappingProxyType(
    {
        Soak: _take_soak,
        Fill: _take_fill,
        Settle: _take_settle,
        Read: _take_read,
        Weigh: _take_weigh,
        Drain: _take_drain,
    }
)

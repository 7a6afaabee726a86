"""A procedure from `configs/procedures/*.toml`: what a run does, how often, and within which limits."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

from control.toml_table import TomlTable, plain

GAUGE_FRAMES = 3  # where a procedure does not say it


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
class Procedure:
    """The procedure *verify measure*. Targets in scale units, rising; times in seconds of the rig's clock.

    `read_frames` pictures make a reading of the level, `gauge_frames` one of a gauge that the result needs.
    `source` is the file as plain values, for the record.
    """

    name: str
    method: str
    repeats: int
    targets: tuple[float, ...]
    neck_targets: tuple[float, ...]
    prewet: bool
    soak: Soak
    fill: Fill
    settle: Settle
    read_frames: int
    gauge_frames: int
    weigh: Weigh
    drain_time_limit_s: float
    repeat_range_ml: float
    source: Mapping[str, Any]


def load_procedure(path: Path) -> Procedure:
    """The procedure in the file. Raises `ConfigurationError`: file, key and what is expected."""
    root = TomlTable.load(path)
    source = plain({name: root.peek(name) for name in root.names()})
    soak, fill, settle = (root.take_table(name) for name in ("soak", "fill", "settle"))
    read, weigh, drain, limits = (root.take_table(name) for name in ("read", "weigh", "drain", "limits"))
    procedure = Procedure(
        name=root.take_text("name"),
        method=root.take_text("method", choices=("gravimetric",)),
        repeats=root.take_int("repeats", 1, 100),
        targets=_rising(root, "targets", 1),
        neck_targets=_rising(root, "neck_targets", 0),
        prewet=root.take_bool("prewet"),
        soak=Soak(
            air_range_c=soak.take_range("air_range_c"),
            water_vessel_limit_c=soak.take_number("water_vessel_limit_c", above=0.0),
            air_water_limit_c=soak.take_number("air_water_limit_c", above=0.0),
            wait_s=soak.take_number("wait_s", least=0.0),
        ),
        fill=Fill(
            coarse_speed_pct=fill.take_number("coarse_speed_pct", above=0.0, most=100.0),
            fine_speed_pct=fill.take_number("fine_speed_pct", above=0.0, most=100.0),
            coarse_stop_short_ml=fill.take_number("coarse_stop_short_ml", above=0.0),
            fine_stop_short_ml=fill.take_number("fine_stop_short_ml", above=0.0),
            tolerance_ml=fill.take_number("tolerance_ml", above=0.0),
            doses_max=fill.take_int("doses_max", 1, 100),
            time_limit_s=fill.take_number("time_limit_s", above=0.0),
        ),
        settle=Settle(
            frames=settle.take_int("frames", 3, 1000),
            wait_s=settle.take_number("wait_s", above=0.0),
            slope_limit_ml_s=settle.take_number("slope_limit_ml_s", above=0.0),
            time_limit_s=settle.take_number("time_limit_s", above=0.0),
        ),
        read_frames=read.take_int("frames", 1, 1000),
        gauge_frames=read.take_int("gauge_frames", 1, 1000, default=GAUGE_FRAMES),
        weigh=Weigh(
            count=weigh.take_int("count", 2, 1000),
            interval_s=weigh.take_number("interval_s", above=0.0),
            time_limit_s=weigh.take_number("time_limit_s", above=0.0),
        ),
        drain_time_limit_s=drain.take_number("time_limit_s", above=0.0),
        repeat_range_ml=limits.take_number("repeat_range_ml", above=0.0),
        source=MappingProxyType(source),
    )
    for table in (soak, fill, settle, read, weigh, drain, limits, root):
        table.finish()
    if procedure.fill.fine_stop_short_ml > procedure.fill.tolerance_ml:
        raise fill.error("fine_stop_short_ml", "expected at most tolerance_ml, or no dose ever arrives")
    return procedure


def _rising(root: TomlTable, name: str, least: int) -> tuple[float, ...]:
    targets = root.take_numbers(name, least=least, most=1000)
    if any(not low < high for low, high in pairwise(targets)):
        raise root.error(name, "expected levels that rise: each is approached from below")
    return targets

"""Fixtures of the control room: maps and procedures as shipped, and a bench with the twin's plant and PLC."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from rig_bench import CONFIGS, TWIN, Bench, RunBench, prepared_run, running_bench

from control.blocks import Deliveries, Once
from control.procedure import Procedure, load_procedure
from control.registers import RegisterMap, load_register_map
from control.rig import Rig


@pytest.fixture
def register_map() -> RegisterMap:
    """The twin's map, as the project ships it."""
    return load_register_map(TWIN)


@pytest.fixture
def procedure() -> Procedure:
    """A short form of the shipped procedure: one repeat at nominal, no prewet."""
    whole = load_procedure(CONFIGS / "procedures" / "verify-measure.toml")
    return replace(whole, blocks=(Once("empty"), Once("soak"), Deliveries(1, (0.0,))))


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    """A running plant and PLC behind a real Modbus server."""
    async with running_bench() as bench:
        yield bench


@pytest.fixture
async def rig(bench: Bench) -> AsyncIterator[Rig]:
    """A connected rig on the bench."""
    rig = Rig(bench.registers)
    await rig.connect()
    yield rig
    await rig.close()


@pytest.fixture
async def run_bench(bench: Bench, procedure: Procedure, tmp_path: Path) -> AsyncIterator[RunBench]:
    """A run on a rig that is not connected yet."""
    async with prepared_run(bench, procedure, tmp_path / "run") as prepared:
        yield prepared

"""A bench for tests: the twin's plant and PLC behind a real server, and a reader that sees its level."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

from control.errors import HeldError
from control.gauges import Certificate, Gauge, gauge_of
from control.journal import Journal, Record, read_record
from control.observers import Observation
from control.procedure import Procedure
from control.registers import RegisterMap
from control.rig import Rig
from control.sequence import Run
from control.simulator.configuration import load_twin_configuration
from control.simulator.device import Device
from control.simulator.hydraulics import STEP_S
from control.simulator.plant import Plant
from control.simulator.server import RigServer
from control.simulator.truth import draw_truth
from control.toml_table import TomlTable

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
TWIN = CONFIGS / "rigs" / "twin.toml"
FACTOR = 120.0
ML_PER_MM = 20.0 / 2.546479


@dataclass
class Bench:
    """A running plant and PLC; `frozen` stops the scan while the server goes on answering."""

    plant: Plant
    device: Device
    server: RigServer
    registers: RegisterMap
    frozen: bool = False
    factor: float = FACTOR
    most_open: set[str] = field(default_factory=set)

    @property
    def level_ml(self) -> float:
        """The level in the glass, scale units of the demo's measure."""
        return self.plant.vessel.seen_level_mm * ML_PER_MM

    @property
    def closed(self) -> bool:
        """Whether every valve is closed."""
        return self.plant.hydraulics.inlets_closed and self.plant.drain.closed

    async def scan(self) -> None:
        """Step the plant along the wall's clock, `factor` times as fast."""
        started = time.monotonic()
        steps = 0
        while True:
            due = int((time.monotonic() - started) * self.factor / STEP_S)
            for _ in range(min(due - steps, 400)):
                if not self.frozen:
                    self.device.step(time.monotonic())
                    hydraulics = self.plant.hydraulics
                    if not hydraulics.inlets_closed and not self.plant.drain.closed:
                        self.most_open.add("inlet and drain")
            # A slow machine makes the rig late, never a jump.
            steps = due
            await asyncio.sleep(0.004)


class PlantReader:
    """Reads the plant's true level with a little noise; can be told to fail."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.random = Random(7)
        self.dead = False
        self.refusing = 0
        self.looks = 0
        self.hook: Callable[[int], None] | None = None

    async def read_level(self, frames: int, *, keep: bool) -> Observation:
        """The level in mL, or a refusal outside the scale."""
        self.looks += 1
        if self.hook is not None:
            self.hook(self.looks)
        if self.dead:
            raise HeldError("camera neck does not answer")
        await asyncio.sleep(0.005 * frames)
        level = self.bench.level_ml + self.random.gauss(0.0, 0.2)
        if self.refusing > 0 or not -400.0 <= level <= 400.0:
            self.refusing = max(0, self.refusing - 1)
            return Observation("neck", "mL", None, None, "no-meniscus", "no meniscus in the glass")
        names = tuple(f"{self.looks:064x}" for _ in range(frames)) if keep else ()
        return Observation("neck", "mL", level, 0.4, terms={"edges": 0.4}, frames=names)


class PlantGauges:
    """Reads what the plant's gauges would show, by the names of `gauges`; can be told to fail."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.off: dict[str, float] = {}  # by name: added to what is read
        self.times: dict[str, float] = {}  # likewise: multiplied with it
        self.refusing: dict[str, int] = {}  # likewise: pictures to refuse
        self.dead: set[str] = set()
        self.read: list[tuple[str, int]] = []

    async def read_gauge(self, name: str, frames: int) -> Observation:
        """The plant's value in the gauge's unit."""
        self.read.append((name, frames))
        if name in self.dead:
            raise HeldError(f"camera of {name} does not answer")
        await asyncio.sleep(0.002)
        plant = self.bench.plant
        unit, value, u = {
            "water": ("degC", plant.vessel.water_c, 0.01),
            "scales": ("kg", plant.balance.indication_g / 1000.0, 0.0),
            "dial": ("bar", plant.hydraulics.line_pressure_kpa / 100.0, 0.005),
        }[name]
        if self.refusing.get(name, 0) > 0:
            self.refusing[name] -= 1
            return Observation(name, unit, None, None, "blurred", "the picture is blurred")
        value = value * self.times.get(name, 1.0) + self.off.get(name, 0.0)
        names = tuple(f"{len(self.read):063x}{n}" for n in range(frames))
        return Observation(name, unit, value, u, terms={"reading": u}, frames=names)


def gauges(due: date = date(2036, 12, 31)) -> tuple[Gauge, ...]:
    """A thermometer, a balance's display and a dial, as a station would have them."""
    return tuple(
        gauge_of(name, shows, unit, Certificate(f"the {name}", "T-1", due, u), "station")
        for name, shows, unit, u in (
            ("water", "water_temperature", "degC", 0.03),
            ("scales", "balance", "kg", 0.00015),
            ("dial", "line_pressure", "bar", 0.012),
        )
    )


@dataclass
class RunBench:
    """A run that can be started on the bench, and its record read back."""

    run: Run
    reader: PlantReader
    bench: Bench
    rig: Rig
    journal: Journal
    folder: Path
    heard: list[tuple[str, dict[str, Any]]]
    gauges: PlantGauges

    def record(self) -> Record:
        """The record so far, its chain verified."""
        return read_record(self.folder)

    def kinds(self, kind: str) -> list[dict[str, Any]]:
        """The data of every line of one kind."""
        return [dict(line.data) for line in self.record().lines if line.kind == kind]

    async def until_state(self, state: str, limit_s: float = 30.0) -> None:
        """Wait until the run is in `state` (wall seconds)."""
        await until(lambda: self.run.state == state, limit_s)


async def until(condition: Callable[[], bool], limit_s: float = 30.0) -> None:
    """Wait (wall seconds) until a condition holds."""
    async with asyncio.timeout(limit_s):
        while not condition():  # noqa: ASYNC110 - it lies in the plant or the run, which tell nobody
            await asyncio.sleep(0.002)


def shipped(folder: str, name: str) -> dict[str, Any]:
    """A shipped configuration file as a plain mapping."""
    root = TomlTable.load(CONFIGS / folder / f"{name}.toml")
    return {key: root.peek(key) for key in root.names()}


@asynccontextmanager
async def running_bench() -> AsyncIterator[Bench]:
    """A twin's plant and PLC on a free port of the loopback, `FACTOR` times as fast as the wall."""
    configuration = load_twin_configuration(
        TWIN, CONFIGS / "stations" / "demo.toml", CONFIGS / "measures" / "demo-20l.toml"
    )
    registers = configuration.registers
    plant = Plant(draw_truth(3, configuration.measure, configuration.standards))
    device = Device(
        plant,
        heartbeat_s=registers.link.heartbeat_s,
        time_factor=FACTOR,
        opcodes=registers.commands.opcodes,
    )
    server = RigServer(registers, device)
    port = await server.start(0)
    bench = Bench(plant, device, server, replace(registers, link=replace(registers.link, port=port)))
    scanning = asyncio.create_task(bench.scan())
    try:
        yield bench
    finally:
        scanning.cancel()
        await asyncio.gather(scanning, return_exceptions=True)
        await server.stop()


@asynccontextmanager
async def prepared_run(
    bench: Bench, procedure: Procedure, folder: Path, with_gauges: tuple[Gauge, ...] = ()
) -> AsyncIterator[RunBench]:
    """A run on a rig that is not connected yet."""
    rig = Rig(bench.registers)
    heard: list[tuple[str, dict[str, Any]]] = []

    def listener(kind: str, data: Any) -> None:
        heard.append((kind, dict(data)))

    journal = Journal.create(folder, rig.clock, listener)
    reader, read_gauges = PlantReader(bench), PlantGauges(bench)
    run = Run(
        rig,
        procedure,
        measure=shipped("measures", "demo-20l"),
        rules=shipped("rules", "tw-owner-standard-measure"),
        level=reader,
        gauges=with_gauges,
        gauge_reader=read_gauges,
        journal=journal,
        listener=listener,
        settings={"run": "test"},
    )
    try:
        yield RunBench(run, reader, bench, rig, journal, folder, heard, read_gauges)
    finally:
        await rig.close()
        journal.close()

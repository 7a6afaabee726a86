"""A day's work on the simulator's clock: measures in a row, on one rig; what grows, what time is wasted?

`python -m benchmarks.soak --runs 100 --write`. The overhead of a run is its time on the rig's clock less
what physics and procedure prescribe: the time in which a valve is open (filling, draining, the item's drip
time), the waits of settling and the intervals of weighing.
"""

import argparse
import gc
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.fills import CONFIGS, PlantReader, configuration
from control.blocks import Deliveries, Once
from control.journal import Journal, Line, read_record
from control.procedure import Procedure, load_procedure
from control.rig import Rig
from control.sequence import Run
from control.simulator.hydraulics import STEP_S
from control.simulator.one_clock import OneClockTwin, SimulatedLoop, run_simulated
from control.toml_table import TomlTable

ROOT = CONFIGS.parent
REPORT = ROOT / "docs" / "reference" / "soak.md"
WARM_RUNS = 5  # after which nothing may grow any more
MOST_GROWTH_KIB = 4096
MOST_OVERHEAD = 0.05


@dataclass(frozen=True)
class Measured:
    """One run: its outcome, its length, what of it was prescribed, memory and open files after it."""

    outcome: str
    total_s: float
    prescribed_s: float
    resident_kib: int
    files: int

    @property
    def overhead(self) -> float:
        """What the run takes longer, as a share of what is prescribed."""
        return self.total_s / self.prescribed_s - 1.0


def soak(runs: int, seed: int = 3) -> list[Measured]:
    """So many runs of one repeat on one rig, one after the other."""
    whole = load_procedure(CONFIGS / "procedures" / "verify-measure.toml")
    procedure = replace(whole, blocks=(Once("empty"), Once("soak"), Deliveries(1, (0.0,))))
    return run_simulated(lambda loop: _soak(loop, seed, runs, procedure))


async def _soak(loop: SimulatedLoop, seed: int, runs: int, procedure: Procedure) -> list[Measured]:
    twin = OneClockTwin(configuration(), seed, loop)
    open_s = 0.0

    def watch() -> None:
        nonlocal open_s
        open_s += STEP_S * (not (twin.plant.hydraulics.inlets_closed and twin.plant.drain.closed))

    twin.watchers.append(watch)
    twin.start()
    done: list[Measured] = []
    for number in range(runs):
        with TemporaryDirectory() as folder:
            open_s = 0.0
            outcome, lines = await _one(twin, seed, procedure, Path(folder) / "run")
            total_s = lines[-1].t_s - lines[0].t_s
            prescribed_s = open_s + _waits_s(lines, procedure)
        gc.collect()
        done.append(Measured(outcome, total_s, prescribed_s, _resident_kib(), _open_files()))
        measured = done[-1]
        print(
            f"run {number + 1}: {measured.outcome}, {measured.total_s:.0f} s, "
            f"overhead {measured.overhead:.1%}, {measured.resident_kib} KiB, {measured.files} files"
        )
    await twin.stop()
    return done


async def _one(
    twin: OneClockTwin, seed: int, procedure: Procedure, folder: Path
) -> tuple[str, Sequence[Line]]:
    rig = Rig(twin.registers, clock=twin.clock(), link=twin.link())
    with Journal.create(folder, rig.clock) as journal:
        run = Run(
            rig,
            procedure,
            measure=_shipped("measures", "demo-20l"),
            rules=_shipped("rules", "tw-owner-standard-measure"),
            level=PlantReader(twin, seed),
            journal=journal,
            settings={"run": "soak"},
        )
        try:
            outcome = await run.execute()
        finally:
            await rig.close()
    return outcome, read_record(folder).lines


def _waits_s(lines: Sequence[Line], procedure: Procedure) -> float:
    """What the procedure makes a run wait for with its valves closed, less what it dripped too long."""
    settles = sum(line.kind == "step" and line.data["step"] == "settle" for line in lines)
    weighings = sum(int(line.data["count"]) for line in lines if line.kind == "weighing")
    excess_s = sum(line.data["waited_s"] - line.data["required_s"] for line in lines if line.kind == "drip")
    settle_s = (procedure.settle.frames - 1) * procedure.settle.wait_s
    return settles * settle_s + weighings * procedure.weigh.interval_s - excess_s


def _shipped(kind: str, name: str) -> Mapping[str, Any]:
    root = TomlTable.load(CONFIGS / kind / f"{name}.toml")
    return {key: root.peek(key) for key in root.names()}


def _resident_kib() -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise OSError("/proc/self/status has no VmRSS")


def _open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - counted, not read


def report(done: Sequence[Measured]) -> str:
    """The figures, as Markdown."""
    warm, last = done[min(WARM_RUNS, len(done) - 1)], done[-1]
    hours = sum(measured.total_s for measured in done) / 3600.0
    return "\n".join(
        [
            "# A day of runs",
            "",
            "Made by `make soak`: *verify measure* with one repeat, again and again on one rig, bench and",
            "twin on the simulator's clock. Overhead is what a run takes longer than its physics (valves",
            "open) and the waits that the procedure prescribes.",
            "",
            "| | |",
            "|---|---|",
            f"| runs | {len(done)}, complete {sum(m.outcome == 'complete' for m in done)} |",
            f"| time on the rig's clock, h | {hours:.1f} |",
            f"| memory since run {WARM_RUNS + 1}, KiB | {last.resident_kib - warm.resident_kib:+d} |",
            f"| open files since run {WARM_RUNS + 1} | {last.files - warm.files:+d} |",
            f"| overhead of a run: most | {max(m.overhead for m in done):.1%} |",
            "",
        ]
    )


def main() -> int:
    """Print each run; exit status 1 where something grows, a run does not complete, or wastes time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--write", action="store_true", help=f"renew {REPORT.relative_to(ROOT)}")
    given = parser.parse_args()
    done = soak(given.runs)
    if given.write:
        REPORT.write_text(report(done), encoding="utf-8")
    warm, last = done[min(WARM_RUNS, len(done) - 1)], done[-1]
    growth_kib, files = last.resident_kib - warm.resident_kib, last.files - warm.files
    worst = max(measured.overhead for measured in done)
    print(report(done))
    bad = growth_kib > MOST_GROWTH_KIB or files > 0 or worst > MOST_OVERHEAD
    return int(bad or any(measured.outcome != "complete" for measured in done))


if __name__ == "__main__":
    sys.exit(main())

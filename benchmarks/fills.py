"""Filling: 200 fills of random plants on the simulator's clock; where does the level end, in how many doses?

`python -m benchmarks.fills` prints the table of docs/reference/fills.md, `--write` renews it.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory

from control.errors import ControlError
from control.journal import Journal
from control.observers import Observation
from control.procedure import Procedure, load_procedure
from control.rig import Rig
from control.simulator.configuration import TwinConfiguration, load_twin_configuration
from control.simulator.one_clock import OneClockTwin, SimulatedLoop, run_simulated
from control.steps.drain import empty
from control.steps.fill import fill_to, prewet
from control.steps.settle import settle
from control.steps.step import Context, Memory, Vessel

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / "configs"
REPORT = ROOT / "docs" / "reference" / "fills.md"
DIVISION_ML = 20.0
LIMIT = 0.2  # divisions
LOOK_S = 0.15  # of a camera and its reader
READING_U_ML = 0.5


@dataclass(frozen=True)
class Filled:
    """One fill: by which plant, to which target, where the level ended (mL), in how many fine doses."""

    seed: int
    target_ml: float
    off_ml: float | None
    fine_doses: int
    high_high: bool
    overflow_ml: float
    problem: str = ""


class PlantReader:
    """Sees the plant's level as a camera would: after a while, with its uncertainty."""

    def __init__(self, twin: OneClockTwin, seed: int) -> None:
        self._twin = twin
        self._random = Random(seed)  # noqa: S311 - a campaign that repeats
        self._common_ml = self._random.gauss(0.0, READING_U_ML / 2.0)

    @property
    def level_ml(self) -> float:
        """Where the level stands, scale units."""
        return self._twin.plant.vessel.seen_level_mm * DIVISION_ML / 2.546479

    async def read_level(self, frames: int, *, keep: bool) -> Observation:
        """The level, or a refusal outside the scale."""
        await asyncio.sleep(LOOK_S * frames)
        seen = self.level_ml + self._common_ml + self._random.gauss(0.0, READING_U_ML)
        if not -400.0 <= seen <= 400.0:
            return Observation("neck", "mL", None, None, "no-meniscus", "no meniscus in the glass")
        return Observation("neck", "mL", seen, READING_U_ML, terms={"edges": READING_U_ML})


def configuration(rig: str = "twin") -> TwinConfiguration:
    """The demo's rig, or another one of those shipped, with the demo's station and measure."""
    return load_twin_configuration(
        CONFIGS / "rigs" / f"{rig}.toml",
        CONFIGS / "stations" / "demo.toml",
        CONFIGS / "measures" / "demo-20l.toml",
    )


def fills(seed: int, targets: Sequence[float], procedure: Procedure) -> list[Filled]:
    """One plant: prewet, then each target from an emptied measure."""
    return run_simulated(lambda loop: _fills(loop, seed, targets, procedure))


async def _fills(
    loop: SimulatedLoop, seed: int, targets: Sequence[float], procedure: Procedure
) -> list[Filled]:
    twin = OneClockTwin(configuration(), seed, loop)
    reader = PlantReader(twin, seed)
    done: list[Filled] = []
    seen_high = False

    def watch() -> None:
        nonlocal seen_high
        seen_high = seen_high or twin.plant.vessel.high_high

    twin.watchers.append(watch)
    twin.start()
    with TemporaryDirectory() as folder:
        rig = Rig(twin.registers, clock=twin.clock(), link=twin.link())
        journal = Journal.create(Path(folder), rig.clock)
        fine = 0

        def record(kind: str, data: object) -> None:
            nonlocal fine
            fine += kind == "command" and isinstance(data, dict) and data["opcode"] == "fill-fine"

        await rig.connect()
        rig.recorder = record
        context = Context(rig, procedure, Vessel(20.0, 30.0, 100.0), reader, journal, Memory())
        try:
            await empty(context)
            await prewet(context)
            for target in targets:
                await empty(context)
                fine, seen_high, problem = 0, False, ""
                off: float | None = None
                try:
                    await fill_to(context, target)
                    await settle(context, target)
                    off = reader.level_ml - target
                except ControlError as error:
                    problem = str(error)
                done.append(
                    Filled(seed, target, off, fine, seen_high, twin.plant.vessel.overflow_ml, problem)
                )
        finally:
            await rig.close_all()
            await rig.close()
            journal.close()
            await twin.stop()
    return done


def campaign(plants: int, per_plant: int = 4, first: int = 1) -> list[Filled]:
    """Fills to random targets within the scale, of as many random plants."""
    procedure = load_procedure(CONFIGS / "procedures" / "verify-measure.toml")
    done: list[Filled] = []
    for seed in range(first, first + plants):
        chance = Random(seed)  # noqa: S311 - a campaign that repeats
        targets = [0.0, *(round(chance.uniform(-240.0, 240.0)) for _ in range(per_plant - 1))]
        done += fills(seed, targets, procedure)
    return done


def report(done: Sequence[Filled]) -> str:
    """The figures, as Markdown."""
    off = sorted(fill.off_ml / DIVISION_ML for fill in done if fill.off_ml is not None)
    doses = [fill.fine_doses for fill in done]
    within = sum(abs(value) <= LIMIT for value in off)
    return "\n".join(
        [
            "# Fills",
            "",
            "Made by `make fills`: *verify measure*'s fills on the simulator's clock, by random plants",
            "(volume, meter, film) to random targets of the scale, each from a drained measure, after one",
            f"prewet. A division is {DIVISION_ML:g} mL; the level is read with a standard uncertainty of",
            f"{READING_U_ML:g} mL.",
            "",
            "| | |",
            "|---|---|",
            f"| fills | {len(done)} |",
            f"| level within ±{LIMIT:g} division of the target | {within} |",
            f"| lowest, median, highest end, divisions | {off[0]:+.3f}, {median(off):+.3f}, {off[-1]:+.3f} |",
            f"| fine doses: median, most | {median(doses):g}, {max(doses)} |",
            f"| above the high-high switch | {sum(fill.high_high for fill in done)} |",
            f"| held | {sum(bool(fill.problem) for fill in done)} |",
            "",
        ]
    )


def main() -> int:
    """Print the table; exit status 1 where a fill ended outside, or it took too many doses."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plants", type=int, default=50)
    parser.add_argument("--write", action="store_true", help=f"renew {REPORT.relative_to(ROOT)}")
    given = parser.parse_args()
    done = campaign(given.plants)
    text = report(done)
    print(text)
    for fill in done:
        if fill.problem or fill.off_ml is None or abs(fill.off_ml) > LIMIT * DIVISION_ML:
            print(fill)
    if given.write:
        REPORT.write_text(text, encoding="utf-8")
    bad = any(f.off_ml is None or abs(f.off_ml) > LIMIT * DIVISION_ML or f.high_high for f in done)
    return int(bad or median(f.fine_doses for f in done) > 3)


if __name__ == "__main__":
    sys.exit(main())

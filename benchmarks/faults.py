"""The fault campaign: every fault of the twin and every fault of the wire in every step of *verify measure*.

`python -m benchmarks.faults --write` does all of it and renews `docs/reference/faults.md`; `--every 40` does
every fortieth run. The plant, the PLC, the line and the run are the product's own, on a rig's clock that is
faster than the wall's. Faults of the wire happen on real sockets, before the twin's Modbus server; those of
the twin on the simulator's clock (`control.simulator.one_clock`), where a busy machine changes nothing. Only
the camera's pictures are not drawn: what is read is the plant's level with a reader's scatter, and what a
camera does wrong it does wrong here.

A fault begins in its step and stays until the run is held, or to its end. Then it is mended and the operator
lets the run go on, as often as `UNHOLDS`; after that he stops it.
"""

import argparse
import asyncio
import contextlib
import logging
import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from math import sqrt
from pathlib import Path
from random import Random
from typing import Any, Final

from api.records import load_record
from api.results import result_of
from api.settings import configure, load_settings
from control.clock import ScaledClock
from control.errors import ControlError, HeldError
from control.journal import Journal
from control.observers import Observation
from control.register_words import Table
from control.rig import Rig
from control.sequence import Run
from control.simulator.camera_state import CameraState
from control.simulator.configuration import load_twin_configuration
from control.simulator.device import Device, Result
from control.simulator.emptying import make_truth
from control.simulator.fault_board import FaultBoard
from control.simulator.faults import Rig as FaultyRig
from control.simulator.faults import describe_fault
from control.simulator.hydraulics import STEP_S
from control.simulator.one_clock import DirectLink, SimulatedLoop, run_simulated
from control.simulator.plant import Plant
from control.simulator.register_noise import RegisterNoise
from control.simulator.server import RigServer
from control.states import ENDED, State

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "control"))  # the proxy is test equipment

from fault_proxy import FaultProxy, WireFault  # noqa: E402 - found by the line above

REPORT: Final = ROOT / "docs" / "reference" / "faults.md"
SHORT: Final = "check-standard"  # two deliveries: every step of a verification occurs
FACTOR: Final = 60.0  # of the wire's runs, whose line is a real one on the wall's clock
SIMULATED_FACTOR: Final = 20.0  # of the twin's runs: the bench polls every two seconds of the rig's clock
WITNESS_STEPS: Final = 10
ML_PER_MM: Final = 20.0 / 2.546479
UNHOLDS: Final = 4
HELD_S: Final = 0.4  # wall: how long the operator takes
RUN_S: Final = 150.0  # wall: a run that has not ended then ends in no defined state
TIMEOUT_S: Final = 0.25
MOST_SIGMA: Final = 4.0  # a result further from the truth than this is as wrong as a verdict

TWIN_FAULTS: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    *(
        (name, {"valve": valve})
        for name in ("valve-stuck-open", "valve-stuck-closed", "valve-slow")
        for valve in ("coarse", "fine", "drain")
    ),
    ("inlet-leak", {"flow_l_min": 0.3}),
    ("drain-leak", {"flow_l_min": 0.3}),
    ("pump-trip", {}),
    ("meter-dropout", {}),
    ("meter-drift", {"ratio": -0.1}),
    ("meter-drift", {"ratio": 0.1}),
    ("balance-unstable", {"scatter_g": 20.0}),
    ("sensor-frozen", {"sensor": "balance"}),
    ("sensor-frozen", {"sensor": "water"}),
    *(
        ("level-switch-stuck", {"switch": switch, "says": says})
        for switch in ("high-high", "empty")
        for says in ("on", "off")
    ),
    ("plc-restart", {}),
    ("register-garbage", {"share": 0.5}),
    ("camera-frozen", {}),
    ("camera-black", {}),
    ("camera-late", {"late_s": 1.0}),
)
# A step, and how the campaign knows that it has begun.
STEPS: Final[dict[str, Callable[["Stand"], bool]]] = {
    "empty": lambda s: s.in_step("empty", 0),
    "soak": lambda s: s.in_step("soak", 0) or s.later("soak", 0),
    "prewet": lambda s: s.in_step("prewet", 0) and s.coarse > 0.0,
    "fill, coarse": lambda s: s.in_step("fill", 1) and s.coarse > 0.9,
    "fill, fine": lambda s: s.in_step("fill", 1) and s.fine > 0.0,
    "settle": lambda s: s.in_step("settle", 1),
    "read": lambda s: s.in_step("read", 1),
    "weigh, full": lambda s: s.in_step("weigh", 1) and s.target is not None,
    "drain": lambda s: s.in_step("drain", 1) and s.plant.vessel.stream,
    "drip": lambda s: s.in_step("drain", 1) and s.plant.drain.open and s.plant.vessel.empty,
    "weigh, drained": lambda s: s.in_step("weigh", 1) and s.target is None,
}
ZEROS: Final = {
    "overflow": "overflows",
    "open": "valves open longer than the watchdog + 1 s after contact was lost",
    "both": "an inlet told to open with the drain not closed",
    "twice": "commands executed twice",
    "lost": "recorded lines lost or changed",
    "verdict": "wrong verdicts, or results further from the truth than 4 standard uncertainties",
    "undefined": "runs that ended in no defined state",
}


@dataclass(frozen=True)
class Case:
    """One run of the campaign: a fault of the twin with its parameters, or of the wire, or neither."""

    number: int
    step: str
    twin: tuple[str, dict[str, Any]] | None = None
    wire: str | None = None

    @property
    def label(self) -> str:
        """The fault, for the table."""
        if self.wire is not None:
            return f"wire: {self.wire}"
        if self.twin is None:
            return "none"
        name, parameters = self.twin
        words = [value for value in parameters.values() if isinstance(value, str)]
        return " ".join([name, *words, *([f"{parameters['ratio']:+g}"] if "ratio" in parameters else [])])


@dataclass
class Told:
    """What became of a run."""

    case: Case
    outcome: str = ""
    began: bool = False
    reasons: list[str] = field(default_factory=list)
    verdict: str = ""
    sigmas: float | None = None
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def holds(self) -> int:
        """How often the run was held."""
        return len(self.reasons)


class Watched(Device):
    """The twin's PLC with a witness: what it executed, and what must never be."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.wrong: set[str] = set()
        self._done: set[tuple[int, int]] = set()
        self._life = 0

    def restart(self) -> None:
        """Its numbers begin anew."""
        super().restart()
        self._life += 1

    def command(self, words: Any, wall_s: float) -> Result:
        """Note what is executed."""
        before = self.executed
        result = super().command(words, wall_s)
        if self.executed > before:
            key = (self._life, words[0])
            if key in self._done:
                self.wrong.add("twice")
            self._done.add(key)
        return result

    def step(self, wall_s: float) -> None:
        """Look at the plant five times in a second of its clock."""
        super().step(wall_s)
        plant = self.plant
        if plant.steps % WITNESS_STEPS:
            return
        valves = (plant.hydraulics.coarse, plant.hydraulics.fine, plant.drain)
        # A valve that is stuck cannot obey; whether it was told to close, and the pump to stop, counts.
        open_now = any(v.open or (v.position > 0.0 and v.can_close) for v in valves)
        open_now = open_now or plant.hydraulics.pump.setpoint > 0.0
        beat_s = self._heartbeat_wall_s
        if open_now and beat_s is not None and wall_s - beat_s > self.heartbeat_s + 1.0:
            self.wrong.add("open")
        inlet_told = plant.hydraulics.coarse.open or plant.hydraulics.fine.open
        if inlet_told and not plant.drain.closed:
            self.wrong.add("both")
        if plant.vessel.overflow_g > 0.0:
            self.wrong.add("overflow")


class SpoiledLink(DirectLink):
    """The line of a simulated run, with the PLC's garbage on it."""

    noise: RegisterNoise

    async def read(self, table: Table, address: int, count: int) -> tuple[int, ...]:
        """What the device says, perhaps spoiled."""
        words = list(await super().read(table, address, count))
        if table is Table.INPUT:
            self.noise.spoil(words)
        return tuple(words)


class Eye:
    """The neck's camera as the bench sees it: the plant's level, and what a camera does wrong."""

    def __init__(self, plant: Plant, seed: int) -> None:
        self.state = CameraState.OK
        self.late_s = 0.0
        self.name = "neck"
        self.path = "/"
        self._plant = plant
        self._random = Random(f"reader {seed}")  # noqa: S311 - a campaign that repeats
        self._looks = 0

    def warm_up(self) -> None:
        """Nothing is drawn."""

    def snapshot(self) -> bytes:
        """Nobody asks for it here."""
        raise NotImplementedError

    async def read_level(self, frames: int, *, keep: bool) -> Observation:
        """As `api.bench` answers: a level, a refusal, or a `HeldError`."""
        self._looks += 1
        level_ml = self._plant.vessel.seen_level_mm * ML_PER_MM
        await asyncio.sleep(0.004 * frames)
        if self.state is CameraState.FROZEN:
            raise HeldError("neck: the camera sends the same picture again and again")
        if self.state is CameraState.LATE:
            await asyncio.sleep(self.late_s)
        if self.state is CameraState.BLACK:
            return Observation("neck", "mL", None, None, "too-dark", "the picture is black")
        if not -400.0 <= level_ml <= 400.0:
            return Observation("neck", "mL", None, None, "no-meniscus", "no meniscus in the glass")
        scatter = 0.4 / sqrt(frames)
        names = tuple(f"{self._looks:060x}{n:04x}" for n in range(frames)) if keep else ()
        level_ml += self._random.gauss(0.0, scatter)
        return Observation("neck", "mL", level_ml, scatter, terms={"edges": scatter}, frames=names)


class Stand:
    """The bench of one case."""

    def __init__(self, case: Case, folder: Path, loop: SimulatedLoop | None) -> None:
        self.case = case
        self.loop = loop
        self.now = time.monotonic if loop is None else loop.time
        self.factor = FACTOR if loop is None else SIMULATED_FACTOR
        self.folder = folder
        self.told = Told(case)
        configs = ROOT / "configs"
        configuration = load_twin_configuration(
            configs / "rigs/twin.toml", configs / "stations/demo.toml", configs / "measures/demo-20l.toml"
        )
        self.registers = configuration.registers
        self.plant = Plant(make_truth(1000 + case.number, configuration.measure, configuration.standards))
        self.device = Watched(
            self.plant,
            heartbeat_s=self.registers.link.heartbeat_s,
            time_factor=self.factor,
            opcodes=self.registers.commands.opcodes,
        )
        self.eye = Eye(self.plant, case.number)
        self.noise = RegisterNoise(case.number)
        self.board = FaultBoard(FaultyRig(self.device, self.noise, {"neck": self.eye}))
        self.server: RigServer | None = None
        self.run: Run | None = None

    # ---- where the run is ----
    def in_step(self, step: str, repeat: int) -> bool:
        """Whether the run executes that step."""
        assert self.run is not None
        status = self.run.status()
        return bool(self.run.state is State.EXECUTE and (status["step"], status["repeat"]) == (step, repeat))

    def later(self, step: str, repeat: int) -> bool:
        """Whether that step may have been too short to be seen: the next one has begun."""
        return step == "soak" and self.in_step("prewet", repeat)

    @property
    def target(self) -> float | None:
        """The step's target."""
        assert self.run is not None
        target = self.run.status()["target"]
        return None if target is None else float(target)

    @property
    def coarse(self) -> float:
        """Position of the coarse valve."""
        return self.plant.hydraulics.coarse.position

    @property
    def fine(self) -> float:
        """Position of the fine valve."""
        return self.plant.hydraulics.fine.position

    # ---- the run ----
    async def carry_out(self) -> Told:
        """Do it."""
        began_s = time.monotonic()
        rig, proxy = await self._rig()
        scan = asyncio.create_task(self._scan())
        heard: list[tuple[str, dict[str, Any]]] = []
        journal = Journal.create(self.folder, rig.clock, lambda kind, data: heard.append((kind, dict(data))))
        settings = load_settings()
        plain = configure(settings, settings.choose(operator="campaign", procedure=SHORT)).plain()
        configuration = configure(settings, settings.choose(procedure=SHORT))
        item = {key: plain["measure"][key] for key in ("name", "make", "model", "serial")}
        self.run = Run(
            rig,
            configuration.procedure,
            measure=configuration.measure,
            rules=configuration.rules,
            level=self.eye,
            journal=journal,
            settings={**plain, "run": self.folder.name, "operator": "campaign", "item": item, "versions": {}},
        )
        running = asyncio.create_task(self.run.execute())
        try:
            async with asyncio.timeout(RUN_S):
                await self._accompany(proxy, running)
        except TimeoutError:
            self.told.wrong.append("undefined")
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            self.board.end_all()
            if proxy is not None:
                proxy.mend()
            await asyncio.sleep(0.1)
            await rig.close()
            journal.close()
            scan.cancel()
            await asyncio.gather(scan, return_exceptions=True)
            if proxy is not None and self.server is not None:
                await proxy.stop()
                await self.server.stop()
        self._judge(heard)
        self.told.seconds = time.monotonic() - began_s
        return self.told

    async def _rig(self) -> tuple[Rig, FaultProxy | None]:
        if self.loop is not None:
            link = SpoiledLink(self.registers, self.device, self.loop)
            link.noise = self.noise
            return Rig(self.registers, ScaledClock(timer=self.loop.time), link), None
        self.server = RigServer(self.registers, self.device, self.noise)
        proxy = FaultProxy(await self.server.start(0), late_s=1.5 * TIMEOUT_S, seed=self.case.number)
        await proxy.start()
        settings = replace(self.registers.link, port=proxy.port, timeout_s=TIMEOUT_S)
        return Rig(replace(self.registers, link=settings)), proxy

    async def _scan(self) -> None:
        last, due = self.now(), 0.0
        while True:
            await asyncio.sleep(0.01)
            now = self.now()
            due += min(now - last, 0.1) * self.factor / STEP_S
            last = now
            while due >= 1.0:
                due -= 1.0
                self.board.step()
                self.device.step(self.now())

    async def _accompany(self, proxy: FaultProxy | None, running: "asyncio.Task[str]") -> None:
        case, run, told = self.case, self.run, self.told
        assert run is not None
        mend_s: float | None = None
        held = False
        while not running.done():
            await asyncio.sleep(0.01)
            if not told.began and STEPS[case.step](self):
                told.began = True
                mend_s = self._begin(proxy)
            if mend_s is not None and proxy is not None and self.now() > mend_s:
                mend_s = None
                proxy.mend()
            if run.state in (State.HELD, State.SUSPENDED) and not running.done():
                if run.state is State.HELD and not held:
                    told.reasons.append(run.reason)
                held = run.state is State.HELD
                await asyncio.sleep(HELD_S)
                self.board.end_all()
                if run.state is State.HELD and mend_s is None:
                    await asyncio.sleep(HELD_S)
                    with contextlib.suppress(ControlError, TimeoutError):
                        run.command("unhold" if told.holds <= UNHOLDS else "stop")
                        async with asyncio.timeout(5.0):
                            while run.state is State.HELD:  # noqa: ASYNC110 - a run tells nobody of its state
                                await asyncio.sleep(0.01)
                            held = False
        told.outcome = await running

    def _begin(self, proxy: FaultProxy | None) -> float | None:
        case = self.case
        if case.wire is not None and proxy is not None:
            proxy.begin(WireFault(case.wire))
            # In one half of the runs shorter than the bench's patience, else longer than the watchdog's.
            return self.now() + (0.6 if case.number % 2 else 3.5)
        if case.twin is not None:
            self.board.begin(describe_fault(*case.twin, self.board.cameras))
        return None

    # ---- what became of it ----
    def _judge(self, heard: Sequence[tuple[str, dict[str, Any]]]) -> None:
        told, run = self.told, self.run
        assert run is not None
        told.wrong += sorted(self.device.wrong)
        record = load_record(self.folder)
        kept = [(str(line["kind"]), line["data"]) for line in record.lines]
        said = [(kind, data) for kind, data in heard if kind != "poll"]
        if [kind for kind, _ in kept] != [kind for kind, _ in said]:
            told.wrong.append("lost")
        ended = run.state in ENDED and kept[-1][0] == "end" and kept[-1][1]["outcome"] == told.outcome
        plant = self.plant
        told_closed = not (plant.hydraulics.coarse.open or plant.hydraulics.fine.open or plant.drain.open)
        if not (ended and told_closed) and "undefined" not in told.wrong:
            told.wrong.append("undefined")
        if told.outcome != "complete":
            return
        result = result_of(record)
        if "problem" in result:
            told.verdict = "no result"
            return
        told.verdict = result["verdict"]["outcome"]
        truth_ml = self.plant.truth.error_ml
        off_ml = result["error_ml"] - truth_ml
        told.sigmas = off_ml / result["standard_uncertainty_ml"]
        limit_ml = 20.0  # the rule pack's: one smallest division
        sure = abs(abs(truth_ml) - limit_ml) > result["expanded_uncertainty_ml"]
        decided = told.verdict in ("pass", "fail")
        wrong = decided and sure and (told.verdict == "pass") != (abs(truth_ml) <= limit_ml)
        if decided and (wrong or abs(told.sigmas) > MOST_SIGMA):
            told.wrong.append("verdict")


def cases() -> list[Case]:
    """Every run of the campaign."""
    faults: list[tuple[tuple[str, dict[str, Any]] | None, str | None]] = [(None, None)]
    faults += [(fault, None) for fault in TWIN_FAULTS]
    faults += [(None, str(fault)) for fault in WireFault]
    pairs = [(fault, step) for fault in faults for step in STEPS]
    return [Case(number, step, twin, wire) for number, ((twin, wire), step) in enumerate(pairs, start=1)]


def carry_out(case: Case) -> Told:
    """One case, in a process of its own."""
    logging.disable(logging.CRITICAL)
    # In memory where there is such a place: 400 records, each line synced, are a disk's work of minutes.
    memory = Path("/dev/shm")  # noqa: S108 - the folder below it is made for this run alone
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        try:
            place = Path(folder) / f"case-{case.number:04d}"
            if case.wire is not None:
                return asyncio.run(Stand(case, place, None).carry_out())
            return run_simulated(lambda loop: Stand(case, place, loop).carry_out())
        except Exception as error:
            return Told(case, outcome=f"{type(error).__name__}: {error}", wrong=["undefined"])


def campaign(chosen: Sequence[Case], workers: int, say: Callable[[Told], None]) -> list[Told]:
    """The runs, several at once."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        told = []
        for one in pool.map(carry_out, chosen):
            say(one)
            told.append(one)
        return told


def count(told: Sequence[Told]) -> dict[str, int]:
    """How often each thing happened that must not."""
    found = Counter(wrong for one in told for wrong in one.wrong)
    return {kind: found[kind] for kind in ZEROS}


def report(told: Sequence[Told], minutes: float) -> str:
    """`docs/reference/faults.md`."""
    found = count(told)
    by_fault: dict[str, list[Told]] = {}
    for one in told:
        by_fault.setdefault(one.case.label, []).append(one)
    lines = [
        "# What faults do to a run",
        "",
        f"Made by `make faults` ({len(told)} runs in {minutes:.0f} minutes): every fault of the twin and of",
        f"the wire, begun in every step of *verify measure* ({', '.join(STEPS)}). A fault stays",
        "until the run is held; then it is mended and the operator lets the run go on. Faults of the wire",
        "last 0.6 s or 3.5 s, and spoil every answer for as long.",
        "",
        "| must not happen | times |",
        "|---|---|",
        *(f"| {sentence} | {found[kind]} |" for kind, sentence in ZEROS.items()),
        "",
        "| fault | runs | begun | complete | stopped | aborted | held at least once | no verdict | "
        "furthest from the truth, in u |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for label, runs in by_fault.items():
        outcomes = Counter(one.outcome for one in runs)
        sigmas = [abs(one.sigmas) for one in runs if one.sigmas is not None]
        held = sum(one.holds > 0 for one in runs)
        no_result = sum(one.outcome == "complete" and one.verdict not in ("pass", "fail") for one in runs)
        lines.append(
            f"| {label} | {len(runs)} | {sum(one.began for one in runs)} | {outcomes['complete']} | "
            f"{outcomes['stopped']} | {outcomes['aborted']} | {held} | {no_result} | "
            f"{f'{max(sigmas):.1f}' if sigmas else ''} |"
        )
    lines += [
        "",
        "*begun*: the run came to the step, and the fault into the run. *no verdict*: the run completed, but",
        "calibration gives no verdict and says why (repeats too far apart, for instance).",
        "",
        "The first reason for which each fault held a run:",
        "",
        "| fault | step | reason |",
        "|---|---|---|",
    ]
    for label, runs in by_fault.items():
        first = next((one for one in runs if one.reasons), None)
        if first is not None:
            reason = first.reasons[0].replace("|", "/").replace("127.0.0.1:", "the rig's port ")
            lines.append(f"| {label} | {first.case.step} | {reason} |")
    return "\n".join([*lines, ""])


def main() -> int:
    """Carry the campaign out; exit status 1 where something happened that must not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="every how-manieth run only")
    parser.add_argument("--first", type=int, default=0, help="from which on")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--write", action="store_true", help="renew docs/reference/faults.md")
    given = parser.parse_args()
    chosen = cases()[given.first :: given.every]
    began_s = time.monotonic()

    def say(one: Told) -> None:
        wrong = f"  WRONG: {', '.join(one.wrong)}" if one.wrong else ""
        sigmas = f"{one.sigmas:+.1f} u" if one.sigmas is not None else ""
        print(
            f"{one.case.number:4d} {one.case.label:32} {one.case.step:14} {one.outcome:9} "
            f"{one.verdict:9} {sigmas:7} {one.holds} holds {one.seconds:5.1f} s{wrong}",
            flush=True,
        )
        for reason in one.reasons:
            print(f"       {reason[:150]}", flush=True)

    told = campaign(chosen, given.workers, say)
    minutes = (time.monotonic() - began_s) / 60.0
    found = count(told)
    print(f"{len(told)} runs in {minutes:.1f} min: {found}")
    if given.write:
        REPORT.write_text(report(told, minutes), encoding="utf-8")
    return int(any(found.values()))


if __name__ == "__main__":
    sys.exit(main())

"""The kill campaign: the service is killed at random moments of runs, started again, and told to go on.

`python -m benchmarks.kills --runs 200 --write` renews `docs/reference/kills.md`. The rig's twin lives on in a
process of its own and watches for itself: what it executed, whether water was let in with the drain open, how
long a valve stayed open without a heartbeat, what ran over.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from api.records import RESULT, Record, canonical_json, load_record, read_result
from api.replay import replay
from api.results import result_of

ROOT = Path(__file__).resolve().parents[1]
REPORT = ROOT / "docs" / "reference" / "kills.md"
TIME_FACTOR = 100.0
ANSWER_S = 60.0
RUN_S = 180.0
UNHOLDS = 20
REPLAYED_EVERY = 10
ZEROS = {
    "overflow": "overflows",
    "open": "valves open longer than the watchdog + 1 s without a heartbeat",
    "both": "an inlet open with the drain open",
    "twice": "commands executed twice, or executed without standing in the record",
    "lost": "recorded lines lost or changed",
    "verdict": "wrong verdicts",
    "undefined": "runs that ended in no defined state",
}


@dataclass
class Killed:
    """What became of one run: the step in which the kill fell, how it went on, and what went wrong."""

    run: str
    step: str
    outcome: str = ""
    discards: bool | None = None
    torn: bool = False
    valid: bool = False
    reasons: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def write_configuration(folder: Path, modbus_port: int, camera_port: int) -> Path:
    """A short *verify measure* on a rig that is at these ports; returns its settings file."""
    for kind in ("rigs", "stations", "measures", "procedures", "rules"):
        (folder / kind).mkdir(parents=True)
    configs = ROOT / "configs"
    rig = (configs / "rigs" / "twin.toml").read_text(encoding="utf-8")
    (folder / "rigs" / "twin.toml").write_text(
        rig.replace("port = 5020", f"port = {modbus_port}"), encoding="utf-8"
    )
    (folder / "stations" / "demo.toml").write_text(_neck_alone(camera_port), encoding="utf-8")
    for kind, name in (("measures", "demo-20l"), ("rules", "tw-owner-standard-measure")):
        (folder / kind / f"{name}.toml").write_bytes((configs / kind / f"{name}.toml").read_bytes())
    (folder / "procedures" / "verify-measure.toml").write_text(_short_procedure(), encoding="utf-8")
    settings = folder / "demo.toml"
    settings.write_text(
        (configs / "demo.toml").read_text(encoding="utf-8").replace("enabled = true", "enabled = false"),
        encoding="utf-8",
    )
    return settings


def _neck_alone(camera_port: int) -> str:
    """The demo's station with its neck only, at another port."""
    text = (ROOT / "configs" / "stations" / "demo.toml").read_text(encoding="utf-8")
    kept: list[str] = []
    wanted = True
    for line in text.splitlines():
        if line.startswith("["):
            wanted = line.split("]")[0].lstrip("[").split(".")[1:2] == ["neck"]
        if wanted:
            kept.append(line)
    found = "\n".join(kept) + "\n"
    host = "http://127.0.0.1:"
    at = found.index(host) + len(host)
    end = found.index("/", at)
    return found[:at] + str(camera_port) + found[end:]


def _short_procedure() -> str:
    text = (ROOT / "configs" / "procedures" / "check-standard.toml").read_text(encoding="utf-8")
    text = text.replace('name = "check-standard"', 'name = "verify-measure"')
    text = text.replace('[[steps]]\ndo = "prewet"\n', "")
    # Limits of time are the rig's: a busy machine needs many of its seconds to read one picture.
    short = {"time_limit_s": "time_limit_s = 6000.0", "count": "count = 4"}
    lines = [short.get(line.split("=")[0].strip(), line) for line in text.splitlines()]
    return "\n".join(lines) + "\n"


class Twin:
    """The rig's twin in its own process, and the log that it writes of what it did."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.log = folder / "twin.jsonl"
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [
                *(sys.executable, "-m", "benchmarks.watched_twin"),
                *("--seed", str(seed), "--time-factor", f"{TIME_FACTOR:g}", "--log", str(self.log)),
            ],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        assert self._process.stdout is not None
        said = json.loads(self._process.stdout.readline())
        self.modbus_port, self.camera_port = int(said["modbus_port"]), int(said["camera_port"])
        self.true_error_ml = float(said["true_error_ml"])

    def lines(self) -> list[dict[str, Any]]:
        """What it has logged so far."""
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]

    def end(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(30)
        assert self._process.stdout is not None
        self._process.stdout.close()


class Service:
    """`tankcal serve` over one data folder; can be killed, and started again."""

    def __init__(self, settings: Path, data: Path) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [
                *(sys.executable, "-m", "api.cli", "serve", "--json", "--port", "0"),
                *("--config", str(settings), "--data", str(data)),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"tankcal serve ended with {self._process.wait(10)}")
        self.web = httpx2.Client(base_url=json.loads(line)["address"], trust_env=False, timeout=ANSWER_S)

    def live(self) -> dict[str, Any]:
        """The bench now."""
        answer: dict[str, Any] = self.web.get("api/v1/live").json()
        return answer

    def end(self, number: int) -> None:
        """Send it a signal, and wait until it is gone."""
        self._process.send_signal(number)
        self._process.wait(30)
        self.web.close()
        assert self._process.stdout is not None
        self._process.stdout.close()


@contextmanager
def bench(seed: int) -> Iterator[tuple[Twin, Path, Path]]:
    """A twin, the settings of its bench, and a data folder."""
    with tempfile.TemporaryDirectory(prefix="tankcal-kills-") as name:
        folder = Path(name)
        twin = Twin(folder, seed)
        try:
            settings = write_configuration(folder / "configs", twin.modbus_port, twin.camera_port)
            yield twin, settings, folder / "runs"
        finally:
            twin.end()


def campaign(seed: int, runs: int, until_s: float = float("inf")) -> list[Killed]:
    """`runs` runs on one twin, each killed once at a random moment and told to go on.

    None is begun after `until_s` of the monotonic clock.
    """
    chance = random.Random(seed)  # noqa: S311 - a campaign that repeats
    done: list[Killed] = []
    with bench(seed) as (twin, settings, data):
        service = Service(settings, data)
        try:
            length_s = _undisturbed(service)
            for number in range(runs):
                if time.monotonic() > until_s:
                    break
                killed, service = _one(
                    service,
                    twin,
                    settings,
                    data,
                    chance.uniform(0.0, length_s),
                    replayed=number % REPLAYED_EVERY == 0,
                )
                print(killed, file=sys.stderr, flush=True)
                done.append(killed)
        finally:
            service.end(signal.SIGTERM)
        _judge_the_rig(done, twin, data)
    return done


def _undisturbed(service: Service) -> float:
    """One run to its end: how long they take, s."""
    started = time.monotonic()
    service.web.post("api/v1/runs", json={}).raise_for_status()
    state = _until_over(service, [])
    if state != "Complete":
        raise RuntimeError(f"a run that nobody disturbs ends {state}: {service.live()['reason']}")
    return time.monotonic() - started


def _one(
    service: Service, twin: Twin, settings: Path, data: Path, moment_s: float, *, replayed: bool
) -> tuple[Killed, Service]:
    run = service.web.post("api/v1/runs", json={}).json()["id"]
    time.sleep(moment_s)
    service.end(signal.SIGKILL)
    folder = data / run
    before = load_record(folder, allow_torn=True)
    steps = [line["data"] for line in before.of_kind("step")]
    step = "ended" if before.end is not None else steps[-1]["step"] if steps else "start"
    killed = Killed(run, step, torn=before.torn)
    service = Service(settings, data)
    if before.complete:  # it was killed between the end of its record and its result, or later
        killed.outcome = "Complete"
        _until_stored(folder)
    else:
        killed.outcome = _until_over(service, killed.reasons)
    try:
        _judge(killed, before, load_record(folder), twin.true_error_ml, folder, replayed=replayed)
    except Exception as problem:
        killed.faults.append(f"lost: {problem}")
    if killed.outcome not in ("Complete", "Stopped", "Aborted"):
        killed.faults.append("undefined")
        service.end(signal.SIGKILL)
        raise RuntimeError(f"{killed}: ended in no defined state")
    if killed.outcome == "Aborted" and "clear" in service.live()["commands"]:
        service.web.post("api/v1/live/commands", json={"command": "clear"}).raise_for_status()
    return killed, service


def _until_stored(folder: Path) -> None:
    """Wait for the result that the service makes when it starts; its judge sees whether it came."""
    deadline = time.monotonic() + ANSWER_S
    while not (folder / RESULT).exists() and time.monotonic() < deadline:
        time.sleep(0.1)


def _until_over(service: Service, reasons: list[str]) -> str:
    """Wait for the end; a run that is held is let go on, a few times, and its reasons are noted."""
    deadline = time.monotonic() + RUN_S
    unholds = 0
    while time.monotonic() < deadline:
        live = service.live()
        if live["run"] is None or "clear" in live["commands"]:
            return str(live["state"])
        if live["state"] == "Held":
            word = "unhold" if unholds < UNHOLDS else "stop"
            service.web.post("api/v1/live/commands", json={"command": word})
            reasons.append(live["reason"])
            unholds += 1
            time.sleep(0.3)
        time.sleep(0.1)
    return str(service.live()["state"])


def _judge(
    killed: Killed, before: Record, after: Record, true_error_ml: float, folder: Path, *, replayed: bool
) -> None:
    compared = [line["data"]["discards"] for line in after.of_kind("compared")]
    killed.discards = compared[-1] if compared else None
    if after.lines[: len(before.lines)] != before.lines:
        killed.faults.append("lost")
    numbers = [line["data"]["sequence"] for line in after.of_kind("command")]
    if len(set(numbers)) != len(numbers):
        killed.faults.append("twice")
    stored = read_result(folder)
    if killed.outcome != "Complete" or stored is None or "problem" in stored:
        return
    killed.valid = canonical_json(result_of(after)) == (folder / RESULT).read_bytes()
    if replayed:
        killed.valid = killed.valid and replay(folder).identical
    verdict, limit = stored["verdict"]["outcome"], stored["verdict"]["limit_ml"]
    if verdict in ("pass", "fail") and (abs(true_error_ml) <= limit) != (verdict == "pass"):
        killed.faults.append("verdict")


def _judge_the_rig(done: Sequence[Killed], twin: Twin, data: Path) -> None:
    """What the twin has seen, against every record of its bench."""
    recorded = Counter(
        line["data"]["sequence"]
        for folder in sorted(data.iterdir())
        if (folder / "record.jsonl").exists()
        for line in load_record(folder, allow_torn=True).of_kind("command")
    )
    executed = Counter()
    for line in twin.lines():
        if line["kind"] == "executed":
            executed[line["sequence"]] += 1
        else:
            done[-1].faults.append(line["kind"])
    for number, times in executed.items():
        if times > 1 or recorded[number] != 1:
            done[-1].faults.append("twice")


def report(done: Sequence[Killed]) -> str:
    """The table of outcomes, as Markdown."""
    valid = sum(killed.valid for killed in done)
    faults = Counter(fault.split(":")[0] for killed in done for fault in killed.faults)
    rows = []
    for step in sorted({killed.step for killed in done}):
        here = [killed for killed in done if killed.step == step]
        rows.append(
            f"| {step} | {len(here)} | {sum(k.discards is False for k in here)} | "
            f"{sum(k.discards is True for k in here)} | {sum(k.valid for k in here)} |"
        )
    others = Counter(killed.outcome for killed in done if not killed.valid)
    return "\n".join(
        [
            "# Kills",
            "",
            "Made by `make kills`: a short *verify measure* (two repeats at nominal) on the twin at",
            f"×{TIME_FACTOR:g}. In each run the service gets SIGKILL once, at a moment drawn evenly from",
            "the length of an undisturbed run; it is started again over the same data folder, and who",
            "reads the reason of *Held* says `unhold`. The twin lives on in its own process, and keeps",
            "its own log. Valid means: the result is there, it is what the record gives when computed",
            f"again, and in every {REPLAYED_EVERY}th run what its frames give when read again.",
            "",
            f"{len(done)} kills, {valid} runs with a valid result afterwards"
            + (f"; the others: {dict(others)}" if others else "")
            + f". A torn last line was left {sum(k.torn for k in done)} times.",
            "",
            "| killed in | kills | went on from the checkpoint | repeat begun over | valid result |",
            "|---|---|---|---|---|",
            *rows,
            "",
            "| must be zero | found |",
            "|---|---|",
            *(f"| {words} | {faults[kind]} |" for kind, words in ZEROS.items()),
            "",
        ]
    )


def main() -> int:
    """Carry the campaign out and print its table; exit status 1 where a zero is none or too few are valid."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--benches", type=int, default=2, help="twins that are used at the same time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=1e6, help="begin no run after this time")
    parser.add_argument("--write", action="store_true", help=f"renew {REPORT.relative_to(ROOT)}")
    given = parser.parse_args()
    shares = [given.runs // given.benches + (n < given.runs % given.benches) for n in range(given.benches)]
    with ThreadPoolExecutor(given.benches) as pool:
        until_s = time.monotonic() + 60.0 * given.minutes
        seeds = range(given.seed, given.seed + given.benches)
        parts = pool.map(campaign, seeds, shares, [until_s] * given.benches)
        done = [killed for part in parts for killed in part]
    text = report(done)
    print(text)
    if given.write:
        REPORT.write_text(text, encoding="utf-8")
    good = sum(killed.valid for killed in done) >= 0.9 * len(done)
    return 0 if good and not any(killed.faults for killed in done) else 1


if __name__ == "__main__":
    sys.exit(main())

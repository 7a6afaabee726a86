"""The command as a user starts it: its own process, on free ports, with its own data folder."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

COMMAND = [sys.executable, "-m", "api.cli"]
ANSWER_LIMIT_S = 120.0


def start(*arguments: str, temporary: Path, stderr: int = subprocess.DEVNULL) -> "subprocess.Popen[str]":
    """Start `tankcal` with its temporary files under `temporary`."""
    return subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        env={**os.environ, "TMPDIR": str(temporary), "OMP_NUM_THREADS": "1"},
    )


def twins_of(parent: int) -> list[str]:
    """The command lines of simulated rigs that a process has started and that are still there."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode("utf-8", "replace").split("\0")
        except OSError:
            continue
        if "simulate-rig" in words and str(parent) in words:
            found.append(" ".join(words))
    return found


@dataclass(frozen=True)
class Service:
    """A running `tankcal serve`."""

    process: "subprocess.Popen[str]"
    address: str
    data: Path

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to stop; returns its exit status."""
        self.process.send_signal(number)
        return self.process.wait(30)


@contextmanager
def serving(
    folder: Path, *, data: Path | None = None, time_factor: float = 100.0, seed: int = 4
) -> Iterator[Service]:
    """`tankcal serve` on free ports, over a data folder (`folder / runs`), until the end of the block."""
    data = data or folder / "runs"
    temporary = folder / "tmp"
    temporary.mkdir(parents=True)
    process = start(
        *("serve", "--port", "0", "--free-ports", "--json", "--data", str(data)),
        *("--time-factor", f"{time_factor:g}", "--seed", str(seed)),
        temporary=temporary,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"tankcal serve ended with {process.wait(10)}"
        yield Service(process, json.loads(line)["address"], data)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(30)
        if process.stdout is not None:
            process.stdout.close()

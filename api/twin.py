"""The rig's twin as a process beside this one: started, waited for, and ended, whatever happens here."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from api.errors import TwinError
from api.settings import Choice, Settings, TwinPorts

START_LIMIT_S = 60.0  # a cold import of everything on a slow, busy machine
STOP_LIMIT_S = 10.0
COMPLAINT_BYTES = 4000


@asynccontextmanager
async def simulated_rig(
    settings: Settings,
    choice: Choice,
    *,
    seed: int,
    time_factor: float,
    free_ports: bool,
    truth_file: Path | None = None,
) -> AsyncIterator[TwinPorts]:
    """Starts `tankcal simulate-rig` and yields where it listens; ends it at the end of the block.

    `free_ports` lets the system choose; else the rig's and the station's files say. `truth_file` is where the
    twin leaves what was true, after the block. Raises `TwinError` when it doesn't start, with what it said.
    """
    arguments = _arguments(settings, choice, free_ports=free_ports)
    arguments += ["--seed", str(seed), "--time-factor", str(time_factor)]
    if truth_file is not None:
        arguments += ["--truth-file", str(truth_file)]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "api.cli",
        "simulate-rig",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        # A Ctrl-C on the terminal must reach the run alone, which closes the valves of a rig that answers.
        start_new_session=True,
    )
    complaint = asyncio.create_task(_listen(process))
    try:
        yield replace(await _ready(process, complaint), seed=seed)
    finally:
        await asyncio.shield(_end(process))
        complaint.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await complaint


def _arguments(settings: Settings, choice: Choice, *, free_ports: bool) -> list[str]:
    arguments = ["--json", "--parent-pid", str(os.getpid()), "--config", str(settings.file)]
    for option, kind, name in (
        ("--rig", "rigs", choice.rig),
        ("--station", "stations", choice.station),
        ("--measure", "measures", choice.measure),
    ):
        arguments += [option, str(settings.find(kind, name))]
    return [*arguments, "--modbus-port", "0", "--camera-port", "0"] if free_ports else arguments


async def _ready(process: asyncio.subprocess.Process, complaint: "asyncio.Task[str]") -> TwinPorts:
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), START_LIMIT_S)
    except TimeoutError:
        raise TwinError(f"the simulated rig did not start within {START_LIMIT_S:g} s") from None
    try:
        said = json.loads(line)
        return TwinPorts(modbus=int(said["modbus_port"]), camera=int(said["camera_port"]))
    except (ValueError, KeyError, TypeError):
        await process.wait()
        reason = (await complaint).removeprefix("tankcal: ") or f"exit status {process.returncode}"
        raise TwinError(f"the simulated rig did not start: {reason}") from None


async def _listen(process: asyncio.subprocess.Process) -> str:
    """What the twin has to say on standard error, its end; read all along, or a full pipe would stop it."""
    assert process.stderr is not None
    said = b""
    while part := await process.stderr.read(4096):
        said = (said + part)[-COMPLAINT_BYTES:]
    return " ".join(said.decode("utf-8", "replace").split())


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_LIMIT_S)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()

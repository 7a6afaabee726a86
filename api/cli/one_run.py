"""One run from the command line: started, shown as it goes, stored; Ctrl-C aborts it in good order."""

import asyncio
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from api.cli.output import Output
from api.cli.progress import RunProgress
from api.records import read_result
from api.runs import Runs
from api.settings import Choice, Settings, TwinPorts
from api.storage.database import Database
from api.storage.runs import RunIndex


@dataclass(frozen=True)
class Finished:
    """A run that is over and stored; `outcome` is its last state, `result` as stored or None."""

    run: str
    folder: Path
    outcome: str
    reason: str
    result: Mapping[str, Any] | None


async def carry_out(
    settings: Settings,
    data: Path,
    choice: Choice,
    output: Output,
    *,
    twin: TwinPorts | None = None,
    serial: str | None = None,
    resume: str | None = None,
    events_as_json: bool = False,
) -> Finished:
    """Carry a run out, a new one or the interrupted one that `resume` names.

    One that is held asks the person on the terminal; where there is none it is stopped. Raises what
    `Runs.start` and `Runs.resume` raise, and `KeyboardInterrupt` after a run that Ctrl-C has aborted.
    """
    database = await asyncio.to_thread(Database.in_folder, data)
    try:
        with RunProgress(output, events_as_json=events_as_json) as progress:
            runs = Runs(settings, data, RunIndex(database), twin=twin, listener=progress.hear)
            await runs.index_disk()
            progress.follow(runs)
            try:
                if resume is None:
                    run = await runs.start(choice, serial=serial)
                else:
                    run = await runs.resume(resume)
                with _aborting_on_signal(runs) as interrupted:
                    await runs.wait()
            finally:
                await runs.close()
    finally:
        await asyncio.to_thread(database.close)
    if interrupted.is_set():
        raise KeyboardInterrupt
    assert runs.watch is not None
    live = runs.watch.live()
    folder = data / run
    return Finished(run, folder, live.state, live.reason, read_result(folder))


@contextmanager
def _aborting_on_signal(runs: Runs) -> Iterator[asyncio.Event]:
    """While the block runs, Ctrl-C and a request to end abort the run instead of tearing it."""
    interrupted = asyncio.Event()
    loop = asyncio.get_running_loop()

    def abort() -> None:
        interrupted.set()
        if runs.running is not None and "abort" in runs.live().commands:
            runs.command("abort")

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, abort)
    try:
        yield interrupted
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

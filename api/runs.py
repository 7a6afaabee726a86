"""The one run at a time: started, watched, told what to do, and stored, however it ends."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from api.bench import Look, level_instrument
from api.errors import ApiError, BusyError, NotNowError, RecordError, SettingsError
from api.events import EventStream
from api.indexing import index_folders, rows_of
from api.interrupted import choice_of, latest_interrupted, store_missing_results, what_changed
from api.lock import BenchLock
from api.models import GiveAnswer, Live
from api.opening import OpenRun, Senses, open_again, open_new
from api.records import RESULT, canonical_json, find_run, load_record, new_run_id, write_durably
from api.results import result_of
from api.settings import Choice, Configuration, Settings, TwinPorts, configure
from api.storage.runs import RunIndex
from api.watch import IDLE, Watch
from calibration.errors import CalibrationError
from control.errors import ControlError, TransitionError
from control.errors import RecordError as ControlRecordError
from control.observers import Listener
from control.states import ENDED, State
from vision.errors import VisionError

LIVE_PERIOD_S = 0.2
_log = logging.getLogger(__name__)


class Runs:
    """The bench as the service and the command line use it. All calls from one event loop.

    `twin` is where the simulated rig listens, None for the rig as configured. `listener` hears of everything
    that happens in a run, beside the viewers of `events`.
    """

    def __init__(
        self,
        settings: Settings,
        data: Path,
        index: RunIndex,
        *,
        events: EventStream | None = None,
        twin: TwinPorts | None = None,
        listener: Listener | None = None,
    ) -> None:
        self.settings = settings
        self.data = data
        self.index = index
        self.events = events or EventStream()
        self.twin = twin
        self._listener = listener
        self._watch: Watch | None = None
        self._task: asyncio.Task[None] | None = None
        # One thread, so that the changes of a run reach the index in their order and never wait in the loop.
        self._indexing = ThreadPoolExecutor(max_workers=1, thread_name_prefix="index")

    @property
    def running(self) -> str | None:
        """The id of the run that is under way."""
        return self._watch.run_id if self._watch is not None and self._task is not None else None

    @property
    def watch(self) -> Watch | None:
        """What is known of the run that is under way, or was last."""
        return self._watch

    def live(self) -> Live:
        """The bench now."""
        if self._watch is None:
            return IDLE
        live = self._watch.live()
        if self._task is not None:
            return live
        return live.model_copy(update={"run": live.run if self._needs_clearing else None})

    async def index_disk(self) -> None:
        """Put the runs into the index that are on the disk and not in it."""
        await asyncio.to_thread(store_missing_results, self.data)
        changed = await asyncio.to_thread(index_folders, self.index, self.data)
        if changed:
            _log.info("indexed %d runs from %s", len(changed), self.data)

    def configuration(self, choice: Choice) -> Configuration:
        """The configuration of a run, moved to the simulated rig where there is one. Opens nothing.

        Raises `SettingsError`, `ConfigurationError`, `StationError` or `RuleError`.
        """
        configuration = configure(self.settings, choice)
        level_instrument(configuration.station)
        if self.twin is not None:
            configuration = configuration.moved_to(self.twin.modbus, self.twin.camera)
        return configuration

    async def start(self, choice: Choice, *, serial: str | None = None) -> str:
        """Start a run and return its id; it goes on in the background, see `wait`.

        Raises `BusyError` while there is one, `NotNowError` while an aborted one was not cleared, and what
        `configuration` raises. A rig or camera that does not answer is no error here: the run is then Held.
        """
        self._refuse_while_busy()
        configuration = self.configuration(choice)
        run_id = new_run_id()
        carried = self._take_bench(
            run_id,
            lambda lock: open_new(
                run_id,
                configuration,
                lock,
                self._senses,
                data=self.data,
                serial=serial,
                seed=self.twin.seed if self.twin is not None else None,
                simulated=self.twin is not None,
            ),
        )
        self._watch = carried.watch
        self._task = asyncio.create_task(self._carry_out(carried), name=f"run {run_id}")
        self._publish("started", {})
        await self._indexed()  # who has the id may ask for the run
        return run_id

    async def resume(self, run: str) -> str:
        """Bring an interrupted run back, and return its id: Held at its last checkpoint, the rig closed.

        It goes on in the background, see `wait`; nothing opens before it is told `unhold`. Raises `BusyError`
        and `NotNowError` as `start` does, `NotFoundError` where there is no such run, `RecordError` where its
        record has its end or was changed, `SettingsError` where the configuration is not the one that the run
        began with.
        """
        self._refuse_while_busy()
        folder = find_run(self.data, run)
        record = await asyncio.to_thread(load_record, folder, allow_torn=True)
        if record.end is not None:
            raise RecordError(f"the run {record.run} has come to its end; there is nothing to resume")
        configuration = self.configuration(choice_of(record))
        changed = what_changed(record, configuration, self.twin)
        if changed:
            raise SettingsError(
                f"the run {record.run} cannot be resumed: {', '.join(changed)} changed since it began; "
                "expected the configuration that its record holds"
            )
        carried = self._take_bench(
            record.run,
            lambda lock: open_again(record.run, configuration, lock, self._senses, data=self.data),
        )
        self._watch = carried.watch
        self._task = asyncio.create_task(self._carry_out(carried), name=f"run {record.run}")
        self._publish("started", {})
        await self._indexed()
        return record.run

    async def resume_interrupted(self) -> str | None:
        """Bring back the run that was under way when the program ended, if one was; returns its id.

        One that cannot be brought back stays interrupted, and the log says why.
        """
        run = await asyncio.to_thread(latest_interrupted, self.data)
        if run is None:
            return None
        try:
            return await self.resume(run)
        except (ApiError, ControlError, VisionError, CalibrationError) as problem:
            _log.warning("the run %s stays interrupted: %s", run, problem)
            return None

    async def wait(self) -> None:
        """Wait until the run that is under way is over and stored."""
        if self._task is not None:
            await asyncio.shield(self._task)

    def command(self, word: str, run: str | None = None) -> None:
        """Tell the run hold, unhold, stop, abort or clear; the effect follows.

        Raises `NotNowError` when nothing runs, another run than `run` does, or the state does not take it.
        """
        if self._watch is None or (self._task is None and word != "clear"):
            raise NotNowError("nothing is running")
        if run is not None and run != self._watch.run_id:
            raise NotNowError(f"the run {run} is not the one on the bench")
        try:
            self._watch.run.command(word)
        except TransitionError as problem:
            raise NotNowError(str(problem)) from problem
        self._publish("command", {"command": word})
        self._show()

    def answer(self, given: GiveAnswer) -> None:
        """Answer the prompt that the run waits on.

        Raises `NotNowError` when nothing or another run is on the bench, `AnswerError` for an answer that is
        not whole or whose prompt does not wait.
        """
        if self._watch is None or self._task is None:
            raise NotNowError("nothing is running")
        if given.run is not None and given.run != self._watch.run_id:
            raise NotNowError(f"the run {given.run} is not the one on the bench")
        self._watch.run.answer(given.number, given.person, given.confirmed, given.values)
        self._show()

    async def close(self) -> None:
        """Abort what is running, store it, and let go of everything."""
        if self._task is not None and self._watch is not None:
            with contextlib.suppress(TransitionError):
                self._watch.run.command("abort")
            await asyncio.shield(self._task)
        self.events.close()
        await asyncio.to_thread(self._indexing.shutdown)

    @property
    def _needs_clearing(self) -> bool:
        return self._watch is not None and self._watch.run.state is State.ABORTED

    def _refuse_while_busy(self) -> None:
        if self._task is not None and self._watch is not None:
            raise BusyError(f"busy: the run {self._watch.run_id} is under way", self._watch.run_id)
        if self._needs_clearing and self._watch is not None:
            raise NotNowError(
                f"the run {self._watch.run_id} was aborted: look at the bench, then clear it "
                "before another run starts"
            )

    def _take_bench(self, run_id: str, open_it: Callable[[BenchLock], OpenRun]) -> OpenRun:
        lock = BenchLock.take(self.data, run_id)
        try:
            opened = open_it(lock)
        except BaseException as problem:
            lock.release()
            if isinstance(problem, ControlRecordError):
                raise RecordError(str(problem)) from problem
            raise
        self._index(lambda: self.index.put(opened.watch.row()))
        return opened

    @property
    def _senses(self) -> Senses:
        return Senses(self._hear, self._see, self._see_gauge)

    async def _carry_out(self, carried: OpenRun) -> None:
        viewers = asyncio.create_task(self._show_regularly(), name="live view")
        try:
            await self._execute(carried)
        finally:
            viewers.cancel()
            try:
                await self._store(carried)
            finally:
                carried.lock.release()
                self._task = None
                self._publish("finished", {"state": str(carried.watch.run.state)})
                self._show()

    async def _execute(self, carried: OpenRun) -> None:
        try:
            await carried.watch.run.execute()
        except ControlError as problem:
            _log.warning("run %s: %s", carried.watch.run_id, problem)
        except Exception:
            _log.exception("run %s failed", carried.watch.run_id)
        finally:
            for let_go in (carried.rig.close, partial(asyncio.to_thread, carried.cameras.close)):
                try:
                    await let_go()
                except Exception:
                    _log.exception("run %s: closing failed", carried.watch.run_id)
            carried.journal.close()

    async def _store(self, carried: OpenRun) -> None:
        try:
            record = await asyncio.to_thread(load_record, carried.folder, allow_torn=True)
            result = await asyncio.to_thread(result_of, record)
            await asyncio.to_thread(write_durably, carried.folder / RESULT, canonical_json(result))
            row, readings = rows_of(record, result)
        except Exception:
            # The record is what counts, and it is whole; the index takes it from there at the next start.
            _log.exception("run %s: no result was stored", carried.watch.run_id)
            return
        self._index(lambda: self.index.put(row, readings))
        await self._indexed()

    def _hear(self, kind: str, data: Mapping[str, Any]) -> None:
        if self._watch is None:
            return
        self._watch.hear(kind, data)
        if self._listener is not None:
            self._listener(kind, data)
        if kind == "poll":
            return
        if kind == "state" and self._watch.run.state not in ENDED:
            run, state, reason = self._watch.run_id, str(data["to"]), str(data["reason"])
            self._index(lambda: self.index.change(run, state=state, reason=reason))
        if kind != "settings":
            self._publish(kind, data)

    def _see(self, look: Look) -> None:
        if self._watch is not None:
            self._watch.see(look)

    def _see_gauge(self, name: str, look: Look) -> None:
        if self._watch is not None:
            self._watch.see_gauge(name, look)

    def _publish(self, kind: str, data: Mapping[str, Any]) -> None:
        run = self._watch.run_id if self._watch is not None else None
        self.events.publish(kind, {**data, "run": run})

    def _show(self) -> None:
        self.events.publish("live", self.live().model_dump(mode="json"), latest_only=True)

    async def _show_regularly(self) -> None:
        while True:
            self._show()
            await asyncio.sleep(LIVE_PERIOD_S)

    async def _indexed(self) -> None:
        """Wait until the index has taken in everything so far."""
        await asyncio.wrap_future(self._indexing.submit(lambda: None))

    def _index(self, job: Callable[[], None]) -> None:
        """Change the index in its own thread; a failure there must not touch the run."""

        def carefully() -> None:
            try:
                job()
            except Exception:
                _log.exception("the index was not changed")

        self._indexing.submit(carefully)

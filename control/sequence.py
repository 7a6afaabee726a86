"""A run of *verify measure*: its steps in order, its states, what holds it and what ends it."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from control.alarms import Alarm
from control.errors import HeldError, LinkError, RecordError, RigError, SuspendedError, TransitionError
from control.gauges import Gauge
from control.journal import Journal, tell
from control.observers import GaugeReader, LevelReader, Listener
from control.orders import Order, Orders, order_of, order_of_door
from control.procedure import Procedure
from control.prompts import Desk
from control.resume import Standing, checkpoint_line, compare_rig
from control.rig import SHORTEST_WAIT_S, Rig
from control.snapshot import Snapshot
from control.states import ENDED, Command, State, after, allowed
from control.steps.check import faults_before_water, vessel_of
from control.steps.plan import first_of_repeat, plan
from control.steps.ready import close_everything, make_ready
from control.steps.step import Context, Memory, NoGauges, Step

OPERATOR: Final = (Command.HOLD, Command.UNHOLD, Command.STOP, Command.ABORT)
SUSPENDED_LOOK_S: Final = 5.0  # of the rig's clock: how often a suspended run looks whether it may go on
_OUTCOMES: Final = {State.COMPLETE: "complete", State.STOPPED: "stopped", State.ABORTED: "aborted"}
_log = logging.getLogger(__name__)


class Run:
    """One run on one rig. `await execute()` ends with its outcome: `complete`, `stopped` or `aborted`.

    `measure`, `rules` and `settings` are plain mappings as the record keeps them; `settings` becomes line 0
    of an empty journal. `gauges` are read by `gauge_reader`. The journal belongs to the caller, who closes
    it. The rig may be connected already. With `resume` the run comes back Held at its last checkpoint; its
    journal is then the interrupted one.
    """

    def __init__(
        self,
        rig: Rig,
        procedure: Procedure,
        *,
        measure: Mapping[str, Any],
        rules: Mapping[str, Any],
        level: LevelReader,
        journal: Journal,
        gauges: Sequence[Gauge] = (),
        gauge_reader: GaugeReader | None = None,
        listener: Listener | None = None,
        settings: Mapping[str, Any] | None = None,
        resume: Standing | None = None,
    ) -> None:
        self.rig = rig
        self.procedure = procedure
        self.journal = journal
        self.state = State.IDLE
        self.reason = ""
        self._measure = measure
        self._rules = rules
        self._level = level
        self._gauges = gauges
        self._gauge_reader = gauge_reader or NoGauges()
        self._settings = settings
        self._listener = listener
        self._plan = plan(procedure)
        self._standing = resume
        self._compared = resume is None
        self._at = 0 if resume is None else resume.place
        self._discard = False
        self._context: Context | None = None
        self._orders = Orders()
        self._desk = Desk()
        self._alarm_failure: Exception | None = None
        self._told_wall_s = float("-inf")

    # ---- for the roof ----

    def command(self, word: str) -> None:
        """Give the operator's command: hold, unhold, stop, abort, clear.

        Raises `TransitionError` for a word that the state does not know. The effect follows; see `state`.
        To be called in the event loop that executes the run.
        """
        try:
            command = Command(word)
        except ValueError:
            raise TransitionError(f"a run knows no command {word!r}") from None
        if command not in (*OPERATOR, Command.CLEAR):
            raise TransitionError(f"{word} is not an operator's command; {', '.join(OPERATOR)}, clear are")
        if command not in self.commands():
            after(self.state, command)
            raise TransitionError(f"this run has ended ({self.state}); nothing is left to {word}")
        if command is Command.CLEAR:
            # The record has ended; clearing is the bench's business.
            self.rig.alarms.clear()
            self.state = after(after(self.state, command), Command.ADVANCE)
            self._tell("state", {"from": State.ABORTED, "to": self.state, "command": command, "reason": ""})
            return
        self._orders.put(Order(command, "the operator's command"))

    def commands(self) -> tuple[Command, ...]:
        """The operator's commands that mean something now; of a run that has ended, only clear."""
        useful = (Command.CLEAR,) if self.state in ENDED else OPERATOR
        return tuple(command for command in allowed(self.state) if command in useful)

    def status(self) -> dict[str, Any]:
        """What a page shows: state and reason, step, progress, target, level, alarms, tags with ages."""
        step = self._plan[min(self._at, len(self._plan) - 1)]
        following = self._plan[self._at + 1].label if self._at + 1 < len(self._plan) else ""
        memory = self._context.memory if self._context else Memory()
        snapshot = self.rig.snapshot
        return {
            "state": str(self.state),
            "reason": self.reason,
            "commands": [str(command) for command in self.commands()],
            "step": step.name,
            "repeat": step.repeat,
            "repeats": self._plan[-1].repeat,
            "target": step.target,
            "next_step": following,
            "prompt": self._asked(),
            "level": memory.level,
            "level_unit": memory.unit,
            "progress": self._at / len(self._plan),
            "alarms": [
                {
                    "name": alarm.name,
                    "detail": alarm.detail,
                    "order": alarm.order,
                    "active": alarm.active,
                    "acknowledged": alarm.acknowledged,
                }
                for alarm in self.rig.alarms.first_out()
            ],
            "tags": dict(snapshot.values) if snapshot else {},
            "ages_s": self.rig.ages_s(),
            "connected": self.rig.connected,
        }

    def answer(self, number: int, person: str, confirmed: Sequence[int], values: Mapping[str, float]) -> None:
        """Answer the prompt `number` for `person` as `control.prompts.Desk` does. Raises `AnswerError`."""
        self._desk.answer(number, person, confirmed, values)

    def _asked(self) -> dict[str, Any] | None:
        asked = self._desk.open
        return None if asked is None else {"number": asked[0], **asked[1].plain()}

    async def execute(self) -> str:
        """Run to the end. Whatever happens, the valves are told to close and the record gets its end.

        Raises what was no fault of rig, camera or operator (after aborting), and `TransitionError` when
        called twice.
        """
        if self.state is not State.IDLE:
            raise TransitionError(f"a run is executed once; this one is {self.state}")
        self.rig.recorder = self.journal.append
        self.rig.watchers.append(self._on_snapshot)
        self.rig.alarm_watchers.append(self._on_alarm)
        try:
            return await self._govern()
        except asyncio.CancelledError:
            if self.state not in ENDED:
                await asyncio.shield(self._end(Command.ABORT, "the program that ran it was stopped"))
            raise
        except Exception as error:
            if self.state not in ENDED:
                await self._end(Command.ABORT, str(error) or type(error).__name__)
            raise
        finally:
            self.rig.recorder = None
            self.rig.watchers.remove(self._on_snapshot)
            self.rig.alarm_watchers.remove(self._on_alarm)

    # ---- states ----

    async def _govern(self) -> str:
        if self.journal.count == 0:
            if self._settings is None:
                raise RecordError("a record begins with the run's settings; none were given")
            self.journal.append("settings", self._settings)
        if self._standing is None:
            self._move(Command.START, "the operator's command")
        today = self.rig.clock.utc().date()
        faults = faults_before_water(
            self.rig.map.standards,
            self._measure,
            self._rules,
            today,
            self._gauges,
            self.procedure.method,
            self.rig.map.tags,
        )
        if faults:
            return await self._end(Command.STOP, "; ".join(faults))
        self._context = Context(
            self.rig,
            self.procedure,
            vessel_of(self._measure),
            self._level,
            self.journal,
            Memory() if self._standing is None else self._standing.memory,
            self._gauges,
            self._gauge_reader,
            self._desk,
        )
        order = None if self._standing is None else await self._come_back(self._context, self._standing)
        while True:
            if order is None or order.command is Command.UNHOLD:
                order = await self._work_until_ordered(self._context)
                if order is None:
                    return await self._complete()
            if order.command is Command.SUSPEND:
                order = await self._suspend(order)
            elif order.command is Command.HOLD:
                await self._rest(Command.HOLD, order.reason)
                order = await self._wait_while_held()
            else:
                return await self._end(order.command, order.reason)

    async def _work_until_ordered(self, context: Context) -> Order | None:
        """Do the steps until they are done (None) or something or somebody orders otherwise."""
        worker = asyncio.create_task(self._work(context), name="the run's steps")
        waiter = asyncio.create_task(self._orders.get(), name="the run's orders")
        try:
            await asyncio.wait({worker, waiter}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (worker, waiter):
                task.cancel()
            await asyncio.gather(worker, waiter, return_exceptions=True)
        if not waiter.cancelled():
            return self._gravest(waiter.result())
        error = worker.exception()
        if error is None:
            return None
        if isinstance(error, SuspendedError):
            return self._gravest(Order(Command.SUSPEND, str(error), error))
        if isinstance(error, HeldError | RigError):
            # A step that an open door breaks off fails for the door's sake: that is waited for.
            door = order_of_door(self.rig.snapshot)
            return self._gravest(door or Order(Command.HOLD, str(error)))
        raise error

    def _gravest(self, order: Order) -> Order:
        order = self._orders.gravest(order)
        if order.command is Command.SUSPEND and self.state is not State.EXECUTE:
            return Order(Command.HOLD, order.reason)  # only what is under way can wait
        return order

    async def _come_back(self, context: Context, standing: Standing) -> Order:
        """Be Held where the record of an interrupted run ends, with everything closed, and wait there."""
        where = (
            f"after {standing.after} of repeat {standing.repeat}" if standing.after else "at the beginning"
        )
        try:
            told = await self._compare(context, standing)
        except (HeldError, RigError) as error:
            told = f"the rig cannot be compared with the record yet ({error})"
        self._move(Command.RESUME, f"the program was interrupted; its last checkpoint is {where}. {told}")
        self._note_tags()
        return await self._wait_while_held()

    async def _compare(self, context: Context, standing: Standing) -> str:
        findings = await compare_rig(context, standing)
        self._compared = True
        self._discard = not findings.intact and self._at < len(self._plan)
        step = self._plan[min(self._at, len(self._plan) - 1)]
        goes_on = f"repeat {step.repeat} begins over" if self._discard else f"goes on with {step.label}"
        context.record(
            "compared",
            {
                "differences": [difference.sentence for difference in findings.told],
                "discards": self._discard,
                "place": self._at,
            },
        )
        return f"{findings}; unhold: {goes_on}"

    async def _suspend(self, order: Order) -> Order | None:
        """Wait, with everything closed, until what is waited for has come (None), or an order ends that."""
        assert order.cause is not None
        await self._rest(Command.SUSPEND, order.reason)
        cause, clock, quiet = order.cause, self.rig.clock, 0
        started_s = clock.now()
        while quiet < 2:
            try:
                async with asyncio.timeout(max(SUSPENDED_LOOK_S / clock.factor, SHORTEST_WAIT_S)):
                    other = self._orders.gravest(await self._orders.get())
                if other.command is not Command.SUSPEND:
                    return other
            except TimeoutError:
                pass
            try:
                lasts = cause.lasts(await self.rig.refresh())
            except (LinkError, HeldError) as error:
                return Order(Command.HOLD, str(error))
            quiet = 0 if lasts else quiet + 1
            if lasts and cause.limit_s is not None and clock.now() - started_s > cause.limit_s:
                return Order(Command.HOLD, f"{lasts}, after {cause.limit_s:g} s")
        self.rig.alarms.clear()
        self._move(Command.UNSUSPEND, "what was waited for has come")
        return None

    async def _rest(self, command: Command, reason: str) -> None:
        closed = await close_everything(self.rig)
        step = self._plan[self._at] if self._at < len(self._plan) else None
        memory = self._context.memory if self._context else Memory()
        self._discard = self._discard or memory.dosing or (step is not None and step.discards)
        self._move(command, f"{reason}; {closed}" if closed else reason)
        self._note_tags()

    async def _wait_while_held(self) -> Order:
        while True:
            order = await self._orders.get()
            if order.command in (Command.STOP, Command.ABORT):
                return order
            if order.command is Command.UNHOLD:
                self.rig.alarms.clear()
                self._move(Command.UNHOLD, order.reason)
                return order

    async def _complete(self) -> str:
        self._move(Command.ADVANCE, "")
        closed = await close_everything(self.rig)
        self._note_tags()
        self._move(Command.ADVANCE, closed)
        self.journal.append("end", {"outcome": _OUTCOMES[self.state], "reason": closed})
        return _OUTCOMES[self.state]

    async def _end(self, command: Command, reason: str) -> str:
        """Stop or abort: close everything first, then write what happened."""
        self._move(command, reason)
        closed = await close_everything(self.rig)
        self._move(Command.ADVANCE, closed)
        outcome = _OUTCOMES[self.state]
        full = f"{reason}; {closed}" if closed else reason
        try:
            self.journal.append("end", {"outcome": outcome, "reason": full})
        except RecordError:
            _log.exception("the end of the run was not recorded")
        self.reason = full
        return outcome

    def _move(self, command: Command, reason: str) -> None:
        before, self.state = self.state, after(self.state, command)
        if reason or self.state is State.EXECUTE:
            self.reason = reason if self.state not in (State.STARTING, State.EXECUTE) else ""
        data = {"from": before, "to": self.state, "command": command, "reason": reason}
        try:
            self.journal.append("state", data)
        except RecordError:
            # A record that cannot be written must not keep a run from ending with its valves closed.
            if self.state not in (State.STOPPING, State.STOPPED, State.ABORTING, State.ABORTED):
                raise
            _log.exception("a change of state was not recorded")

    # ---- work ----

    async def _work(self, context: Context) -> None:
        if self._alarm_failure is not None:
            raise self._alarm_failure
        fresh = self.state is State.STARTING
        if not self._compared and self._standing is not None:
            # The rig was out of reach when the run came back: now a person reads what differs first.
            raise HeldError(await self._compare(context, self._standing))
        await self._make_ready(fresh=fresh)
        if fresh:
            self._move(Command.ADVANCE, "")
        elif self._discard:
            self._at = first_of_repeat(self._plan, self._at)
            self._discard = False
            context.memory.meter_empty_l, context.memory.wet, context.memory.dosing = None, True, False
        while self._at < len(self._plan):
            step = self._plan[self._at]
            await self._do(context, step)
            self._at += 1

    async def _do(self, context: Context, step: Step) -> None:
        context.repeat = step.repeat
        self.journal.append(
            "step",
            {"step": step.name, "repeat": step.repeat, "target": step.target, "detail": step.detail},
        )
        await step.action(context)
        if step.checkpoint:
            line = checkpoint_line(step, self._at, context.memory, self.rig.snapshot)
            self.journal.append("checkpoint", line)

    async def _make_ready(self, *, fresh: bool) -> None:
        self.journal.append("step", {"step": "make-ready", "repeat": 0, "target": None, "detail": ""})
        await make_ready(self.rig, fresh=fresh)
        self._note_tags()

    # ---- what the rig tells ----

    def _on_snapshot(self, snapshot: Snapshot) -> None:
        # Where timing matters the steps read far more often than a page can use.
        if snapshot.at_wall_s - self._told_wall_s >= self.rig.map.link.poll_s:
            self._told_wall_s = snapshot.at_wall_s
            self._tell("poll", snapshot.values)

    def _on_alarm(self, alarm: Alarm) -> None:
        # After some alarms nobody knows what the measure contains.
        self._discard = self._discard or alarm.discards
        self._orders.put(order_of(alarm, self.rig.snapshot))
        try:
            self.journal.append("alarm", {"name": alarm.name, "detail": alarm.detail})
            self._note_tags()
        except RecordError as error:
            self._alarm_failure = error

    def _note_tags(self) -> None:
        if self.rig.snapshot is not None:
            self.journal.append("tags", dict(self.rig.snapshot.values))

    def _tell(self, kind: str, data: Mapping[str, Any]) -> None:
        if self._listener is not None:
            tell(self._listener, kind, data)

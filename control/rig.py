"""The rig by the names of its things: a supervisor that watches it, and commands that are given once.

The supervisor polls every tag, writes the heartbeat, watches the device's own counter, checks the interlocks
and closes everything when one trips. Commands go through the device's command block: journaled before they
are sent, accepted by the echo of their sequence, resolved by reading that back where an answer is lost.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev
from types import MappingProxyType
from typing import Any, Final

from control.alarms import Alarm, Alarms
from control.block_values import BlockValues
from control.clock import ScaledClock
from control.errors import CommandRefusedError, HeldError, LinkError, RigError
from control.interlocks import FILLS, OPENING, Health, Interlocks, Limits
from control.link import Link
from control.registers import Decoded, RegisterMap, Value, plan_reads
from control.remote_io import line_of
from control.rig_tags import RESULTS, word
from control.snapshot import Snapshot

Recorder = Callable[[str, Mapping[str, Any]], None]

STEP_S: Final = 0.5  # of the rig's clock: how often a wait looks again
SHORTEST_WAIT_S: Final = 0.005  # of the wall's: a fast clock must not turn a wait into a busy loop
FINE_C: Final = 0.001  # a thermometer that says so little never says the same for long
CLOSE_ATTEMPTS: Final = 3  # closing is the one command that is asked for again, under its own sequence
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Weighing:
    """The mean of `count` steady indications in g, and the standard deviation of that mean."""

    mean_g: float
    scatter_g: float
    count: int


class Rig:
    """One rig. `recorder`, while a run sets it, hears every command before it is sent, and its answer.

    `watchers` hear every snapshot, `alarm_watchers` every new alarm after closing has begun.
    """

    def __init__(
        self, register_map: RegisterMap, clock: ScaledClock | None = None, link: Link | None = None
    ) -> None:
        settings = register_map.link
        self.map = register_map
        self.clock = clock or ScaledClock()
        self.alarms = Alarms()
        self.recorder: Recorder | None = None
        self.watchers: list[Callable[[Snapshot], None]] = []
        self.alarm_watchers: list[Callable[[Alarm], None]] = []
        self._link = link or line_of(register_map)
        # The device closes at T by itself; the bench calls the line lost at T/2, before it does.
        half = settings.heartbeat_s / 2
        fine = abs(register_map.tags["water_temperature"].scale) <= FINE_C
        self._interlocks = Interlocks(Limits(link_s=half, counter_s=half, fine_thermometer=fine))
        plan = register_map.plan()
        self._requests = tuple((request.table, request.address, request.count) for request in plan)
        self._blocks = tuple(BlockValues(request) for request in plan)
        self._echo_plan = plan_reads(
            (register_map.tags["accepted_sequence"], register_map.tags["command_result"])
        )
        self._snapshot: Snapshot | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[bool] | None = None
        self._poll_lock = asyncio.Lock()
        self._command_lock = asyncio.Lock()
        self._sequence = 0
        self._continues = False
        self._beat = 0
        self._beat_wall_s = float("-inf")
        self._counter: object = None
        self._counter_wall_s = 0.0
        self._accepted: object = None  # what the device called its last command when it was last asked
        self._foreign: int | None = None
        self._lost = False
        self._drain_told_open = False
        self._reason = ""

    # ---- connection ----

    @property
    def connected(self) -> bool:
        """Whether the rig is being watched and answers."""
        return self._supervisor is not None and not self._lost

    @property
    def watched(self) -> bool:
        """Whether the supervisor runs: it reconnects by itself after the line was lost."""
        return self._supervisor is not None

    @property
    def snapshot(self) -> Snapshot | None:
        """What is known of the rig, however old; None before the first answer."""
        return self._snapshot

    async def connect(self) -> None:
        """Open the line, take over clock factor and sequence, and begin to watch. Raises `LinkError`."""
        if self._supervisor is not None:
            return
        await self._link.connect()
        try:
            snapshot = await self._poll()
            factor = snapshot.number("time_factor")
            accepted = snapshot.number("accepted_sequence")
            if factor is None or accepted is None:
                raise LinkError("the rig answers, but its time factor or accepted sequence is out of range")
            self.clock.set_factor(factor)
            if not self._continues:
                self._sequence = int(accepted)
            self._beat = int(snapshot.number("heartbeat") or 0)
            self._lost = False
            await self._write_heartbeat()
        except BaseException:
            await self._link.close()
            raise
        self._supervisor = asyncio.create_task(self._supervise(), name=f"supervisor of {self.map.name}")

    async def close(self) -> None:
        """Stop watching and close the line. Valves are the caller's: `close_all` first."""
        tasks = [task for task in (self._supervisor, self._closing) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._supervisor = self._closing = None
        await self._link.close()

    async def __aenter__(self) -> "Rig":
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def ages_s(self) -> dict[str, float]:
        """Wall seconds since each tag was read."""
        now = self.clock.wall()
        return (
            {}
            if self._snapshot is None
            else {name: self._snapshot.age_s(name, now) for name in self._snapshot.values}
        )

    # ---- reading ----

    async def refresh(self) -> Snapshot:
        """A snapshot read now. Reading is repeated until the line counts as lost: then `LinkError`."""
        started = self.clock.wall()
        while True:
            try:
                await self._link.connect()
                return await self._poll()
            except LinkError:
                if self._lost or self.clock.wall() - started > self.map.link.heartbeat_s / 2:
                    raise
                await asyncio.sleep(self.map.link.poll_s)

    async def wait_for(
        self, condition: Callable[[Snapshot], bool], limit_s: float, what: str, step_s: float = STEP_S
    ) -> Snapshot:
        """Look every `step_s` until `condition` holds; returns the snapshot in which it does.

        Raises `HeldError` after `limit_s` of the rig's clock, `LinkError` where the line is lost.
        """
        started = self.clock.now()
        while True:
            snapshot = await self.refresh()
            if condition(snapshot):
                return snapshot
            if self.clock.now() - started > limit_s:
                raise HeldError(f"{what}: not so within {limit_s:g} s")
            await self.pause(step_s)

    async def pause(self, seconds: float) -> None:
        """Wait on the rig's clock, but never so short on the wall's that the wait becomes a busy loop."""
        await self.clock.sleep(max(seconds, SHORTEST_WAIT_S * self.clock.factor))

    def hands_at_work(self, working: bool) -> None:
        """Say whether a technician lets water out just now: what the measure loses then is no leak."""
        self._interlocks.hands_at_work = working

    async def weigh(self, count: int, interval_s: float, limit_s: float) -> Weighing:
        """Wait until the balance is stable, then average `count` indications that all were.

        Raises `HeldError` where that takes longer than `limit_s` of the rig's clock.
        """
        started = self.clock.now()
        readings: list[float] = []
        while len(readings) < count:
            snapshot = await self.refresh()
            grams = snapshot.number("balance")
            if snapshot.flag("balance_stable") and grams is not None:
                readings.append(grams)
            else:
                readings.clear()
            if self.clock.now() - started > limit_s:
                raise HeldError(f"the balance was not steady within {limit_s:g} s")
            await self.pause(interval_s)
        scatter = stdev(readings) / sqrt(count) if count > 1 else 0.0
        return Weighing(fmean(readings), scatter, count)

    # ---- commands ----

    def continue_after(self, sequence: int) -> None:
        """Number the commands on from `sequence`, the last one in a record that goes on.

        The device's own echo would do where its last command arrived; where it did not, its number must not
        be used for another one. To be called before `connect`, which then does not take over the echo's.
        """
        self._sequence = sequence
        self._continues = True

    async def close_all(self) -> None:
        """Pump off, every valve closed. Needs no permission. Raises `LinkError` where nothing answers."""
        await self._command("close-all")

    async def fill_coarse(self, volume_l: float, speed_pct: float) -> None:
        """Open the coarse valve until `volume_l` have passed the meter; returns when accepted."""
        await self._command("fill-coarse", volume_l, speed_pct)

    async def fill_fine(self, volume_l: float, speed_pct: float) -> None:
        """Likewise through the fine valve."""
        await self._command("fill-fine", volume_l, speed_pct)

    async def open_drain(self) -> None:
        """Begin to empty the measure."""
        await self._command("open-drain")

    async def close_drain(self) -> None:
        """Close the drain; returns once the device has accepted, not when the valve has arrived."""
        await self._command("close-drain")

    async def reset(self) -> None:
        """Clear the device's latch. Raises `CommandRefusedError` while its cause lasts."""
        await self._command("reset")

    async def ensure_closed(self) -> None:
        """`close_all`, unless an interlock's own closing is under way and succeeds. Raises `RigError`."""
        closing = self._closing
        if closing is not None and not closing.done() and await asyncio.shield(closing):
            return
        if self._lost:
            # It was tried when the line was lost, and is when it comes back: no use in waiting for it here.
            raise LinkError(self._reason or "the line is down")
        await self.close_all()

    async def _command(self, opcode: str, first: float = 0.0, second: float = 0.0) -> None:
        async with self._command_lock:
            if opcode in OPENING:
                refusal = self._refusal(opcode, await self.refresh())
                if refusal:
                    raise CommandRefusedError(f"{opcode} is not given: {refusal}")
            sequence = self._next_sequence()
            words = self.map.commands.encode(sequence, opcode, first, second)
            arguments = [first, second] if opcode.startswith("fill") else []
            self._note("command", {"sequence": sequence, "opcode": opcode, "arguments": arguments}, opcode)
            self._sequence = sequence
            if opcode == "open-drain":
                self._drain_told_open = True
            if opcode in FILLS and self._snapshot is not None:
                self._interlocks.expect_dose(first, self._snapshot)
            result = await self._send(opcode, sequence, words)
            self._accepted = sequence
            self._note("accepted", {"sequence": sequence, "result": result}, opcode)
            if opcode in {"close-all", "close-drain"} or (opcode == "open-drain" and result):
                self._drain_told_open = False
            if result:
                raise CommandRefusedError(f"{opcode}: the device refuses: {word(RESULTS, result)}")

    def _refusal(self, opcode: str, snapshot: Snapshot) -> str:
        if not self.connected:
            return "the rig is not being watched"
        # A valve that was just told to open may not have moved yet: its feedback says closed.
        if self._drain_told_open and opcode in FILLS:
            return "the drain was told to open"
        reason = self._interlocks.permission(opcode, snapshot)
        active = self.alarms.active()
        return reason or (active[0].detail if active else "")

    def _note(self, kind: str, data: Mapping[str, Any], opcode: str) -> None:
        if self.recorder is None:
            return
        try:
            self.recorder(kind, data)
        except Exception:
            # A full disk stops every command but the one that makes the bench safe.
            if opcode != "close-all":
                raise
            _log.exception("close-all was not recorded")

    def _next_sequence(self) -> int:
        accepted = self._snapshot.values.get("accepted_sequence") if self._snapshot else None
        following = self._sequence % 0xFFFF + 1
        # After a restart of the device its echo may stand on any number; a repeated one would do nothing.
        return following % 0xFFFF + 1 if following == accepted else following

    async def _send(self, opcode: str, sequence: int, words: tuple[int, ...]) -> int:
        failure: LinkError | None = None
        for _ in range(CLOSE_ATTEMPTS if opcode == "close-all" and not self._lost else 1):
            try:
                await self._link.connect()
                await self._link.write_registers(self.map.commands.address, words)
            except LinkError as error:
                failure = error
            result = await self._echo(opcode, sequence)
            if result is not None:
                return result
        detail = f": {failure}" if failure else ""
        raise LinkError(f"{opcode}: the device does not confirm command {sequence}{detail}") from failure

    async def _echo(self, opcode: str, sequence: int) -> int | None:
        """The device's result once it names `sequence`; None where it doesn't within two time-outs."""
        deadline = self.clock.wall() + 2.0 * self.map.link.timeout_s
        while True:
            try:
                await self._link.connect()
                decoded: dict[str, Decoded] = {}
                for request in self._echo_plan:
                    words = await self._link.read(request.table, request.address, request.count)
                    decoded |= request.decode(words)
                if decoded["accepted_sequence"].value == sequence:
                    result = decoded["command_result"].value
                    if result is None:
                        raw = decoded["command_result"].raw
                        raise LinkError(f"{opcode}: the device answers with unknown result {raw}")
                    return int(result)
            except LinkError as error:
                self._reason = str(error)
            if self.clock.wall() > deadline:
                return None
            await asyncio.sleep(SHORTEST_WAIT_S)

    # ---- supervision ----

    async def _poll(self) -> Snapshot:
        async with self._poll_lock:
            values: dict[str, Value | None] = {}
            # No value is taken for younger than its request.
            asked = self.clock.wall()
            answers = await self._link.read_all(self._requests)
            for block, words in zip(self._blocks, answers, strict=True):
                values |= block.values(words)
            read = dict.fromkeys(values, asked)
            wall = self.clock.wall()
            snapshot = Snapshot(
                MappingProxyType(values),
                MappingProxyType(read),
                self.clock.now(),
                wall,
            )
            if snapshot.values["device_counter"] != self._counter or self._snapshot is None:
                self._counter = snapshot.values["device_counter"]
                self._counter_wall_s = wall
            self._snapshot = snapshot
            self._watch_sequence(snapshot)
        self._check()
        for watcher in self.watchers:
            watcher(snapshot)
        return snapshot

    def _watch_sequence(self, snapshot: Snapshot) -> None:
        # A number that we have never given: the device forgot ours, or somebody else gives it commands.
        accepted = snapshot.number("accepted_sequence")
        if accepted is None or self._supervisor is None or accepted == self._sequence:
            self._foreign = None
        elif accepted != self._accepted:
            self._foreign = int(accepted)
        self._accepted = accepted

    def _check(self) -> None:
        if self._snapshot is None:
            return
        wall = self.clock.wall()
        age = wall - self._snapshot.at_wall_s
        health = Health(
            age, self._snapshot.at_wall_s - self._counter_wall_s, self._reason if age else "", self._foreign
        )
        trips = self._interlocks.check(self._snapshot, health)
        if any(trip.name == "link-lost" for trip in trips):
            self._lost = True
        raised = self.alarms.update(trips, self.clock.now())
        if raised and self._supervisor is not None:
            if self._closing is None or self._closing.done():
                self._closing = asyncio.create_task(self._close_after_trip(), name="closing after a trip")
            for alarm in raised:
                for watcher in self.alarm_watchers:
                    watcher(alarm)

    async def _close_after_trip(self) -> bool:
        try:
            await self.close_all()
        except RigError as error:
            # The device closes by itself when the heartbeat stays away; `_recover` closes when it can.
            _log.warning("closing after an interlock: %s", error)
            return False
        return True

    async def _supervise(self) -> None:
        due_s = self.clock.wall()
        while True:
            try:
                await self._link.connect()
                await self._poll()
                if self._lost:
                    await self._recover()
                if self.clock.wall() - self._beat_wall_s >= self.map.link.heartbeat_s / 8:
                    await self._write_heartbeat()
            except RigError as error:
                self._reason = str(error)
            except Exception:
                # Whatever fails here must not end the watch in silence.
                _log.exception("the supervisor of %s failed", self.map.name)
            self._check()
            # The rate is kept, but a poll that came late is not made up for.
            now_s = self.clock.wall()
            due_s = max(due_s + self.map.link.poll_s, now_s + SHORTEST_WAIT_S)
            await asyncio.sleep(due_s - now_s)

    async def _recover(self) -> None:
        # Contact is back, for watching only: before the heartbeat beats again, everything is closed, so that
        # no fill that outlived the silence goes on.
        await self.close_all()
        await self._write_heartbeat()
        self._lost = False

    async def _write_heartbeat(self) -> None:
        self._beat = (self._beat + 1) % 0x10000
        tag = self.map.tags["heartbeat"]
        await self._link.write_registers(tag.address, tag.encode(self._beat))
        self._beat_wall_s = self.clock.wall()

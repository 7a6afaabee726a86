"""Where an interrupted run stood: what its record says of it and of its rig, and what the rig says to that.

Reading the record is a pure function (`standing_of`), and so is comparing (`differences`); `compare_rig`
makes contact, closes everything and looks. Nothing here opens a valve.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, Protocol

from control.errors import HeldError, RecordError
from control.interlocks import CLOSED_PCT, VALVES
from control.journal import Record
from control.observers import Observation
from control.rig_tags import DOSE_RUNNING, LATCHES, word
from control.snapshot import Snapshot
from control.steps.drain import VALVE_WAIT_S, all_closed
from control.steps.look import look
from control.steps.step import Context, Memory, Step

METER_L: Final = 0.005  # more than the meter's resolution and what a closed valve lets pass in its travel
BALANCE_SHARE: Final = 2e-4  # of nominal: what may evaporate or drip in a break without touching the content
OPENING: Final = frozenset({"fill-coarse", "fill-fine", "open-drain"})
HEARTBEAT_LATCH: Final = LATCHES.index("heartbeat")


class Teller(Protocol):
    """Takes a sentence about a difference."""

    def __call__(self, sentence: str, *, content: bool) -> None:
        """Note one difference."""
        ...


@dataclass(frozen=True)
class Standing:
    """An interrupted run as its record tells it.

    `place` is the step of the plan that follows the last checkpoint; `after` names that checkpoint. `memory`,
    `meter_l`, `balance_g` and `clock_s` are what was known there (None where nothing was). `opened` are the
    opening commands given since; `unanswered` is the last command, where the record has no answer to it.
    `sequence` is the number of the last command of the record, None where there was none.
    """

    place: int
    after: str
    repeat: int
    memory: Memory
    meter_l: float | None
    balance_g: float | None
    clock_s: float | None
    sequence: int | None
    opened: tuple[str, ...]
    unanswered: Mapping[str, Any] | None


@dataclass(frozen=True)
class Difference:
    """A sentence about what is not as the record says. `content`: it may concern the water in the measure."""

    sentence: str
    content: bool


@dataclass(frozen=True)
class Findings:
    """What the comparison told. `intact`: the run goes on from its checkpoint; else it repeats."""

    told: tuple[Difference, ...]
    intact: bool

    def __str__(self) -> str:
        """For people."""
        return (
            "; ".join(difference.sentence for difference in self.told) or "the rig stands as the record says"
        )


def checkpoint_line(step: Step, place: int, memory: Memory, snapshot: Snapshot | None) -> dict[str, Any]:
    """The data of a checkpoint's line: where the run is, what it knows, and how the rig stands."""

    def number(tag: str) -> float | None:
        return None if snapshot is None else snapshot.number(tag)

    return {
        "step": step.name,
        "repeat": step.repeat,
        "place": place,
        "memory": {field.name: getattr(memory, field.name) for field in fields(Memory)},
        "meter_l": number("meter_volume"),
        "balance_g": number("balance") if snapshot is not None and snapshot.flag("balance_stable") else None,
        "clock_s": number("clock"),
    }


def standing_of(record: Record, steps: Sequence[Step]) -> Standing:
    """Where the run of this record stood when it was interrupted.

    Raises `RecordError` for a record that has its end, or whose checkpoints do not belong to these steps.
    """
    if record.lines and record.lines[-1].kind == "end":
        raise RecordError("the run has come to its end; there is nothing to resume")
    checkpoint: Mapping[str, Any] | None = None
    sequence: int | None = None
    unanswered: Mapping[str, Any] | None = None
    opened: list[str] = []
    for line in record.lines:
        if line.kind == "checkpoint":
            checkpoint, opened = line.data, []
        elif line.kind == "command":
            sequence, unanswered = int(line.data["sequence"]), line.data
            if line.data["opcode"] in OPENING:
                opened.append(str(line.data["opcode"]))
        elif line.kind == "accepted":
            unanswered = None
    if checkpoint is None:
        return Standing(0, "", 0, Memory(), None, None, None, sequence, tuple(opened), unanswered)
    try:
        done = int(checkpoint["place"])
        step = steps[done]
        memory = Memory(**checkpoint["memory"])
    except (KeyError, TypeError, ValueError, IndexError):
        raise RecordError(
            "its checkpoints are not as this version writes them; it cannot be resumed"
        ) from None
    if (step.name, step.repeat) != (checkpoint["step"], checkpoint["repeat"]):
        raise RecordError(
            f"its checkpoint {checkpoint['step']} of repeat {checkpoint['repeat']} "
            "is not a step of this procedure"
        )
    return Standing(
        done + 1,
        step.label,
        step.repeat,
        memory,
        checkpoint["meter_l"],
        checkpoint["balance_g"],
        checkpoint["clock_s"],
        sequence,
        tuple(opened),
        unanswered,
    )


def differences(
    standing: Standing, found: Snapshot, at_rest: Snapshot, nominal_l: float
) -> tuple[Difference, ...]:
    """What the rig says against the record: `found` when contact was made, `at_rest` once all was closed."""
    told: list[Difference] = []

    def tell(sentence: str, *, content: bool) -> None:
        told.append(Difference(sentence, content))

    restarted = _restarted(standing, found)
    if restarted:
        tell(restarted, content=True)
    else:
        _compare_command(standing, found, tell)
    if found.values["dose_state"] == DOSE_RUNNING:
        tell("a dose was running, and was broken off", content=True)
    for valve in VALVES:
        position = found.number(valve)
        if position is None or position > CLOSED_PCT:
            where = "at an unknown place" if position is None else f"{position:.0f} % open"
            tell(f"the {valve.replace('_', ' ')} was {where}, and was closed", content=True)
    latch = found.values["latch"]
    if latch not in (0, HEARTBEAT_LATCH):
        tell(f"the device has latched: {word(LATCHES, latch)}", content=True)
    meter_l = at_rest.number("meter_volume")
    if standing.meter_l is not None and not restarted:
        if meter_l is None:
            tell("the meter's total is unknown", content=True)
        elif abs(meter_l - standing.meter_l) > METER_L:
            moved = meter_l - standing.meter_l
            tell(f"{moved:+.3f} L have passed the meter since the last checkpoint", content=True)
    balance_g = at_rest.number("balance")
    if standing.balance_g is not None:
        limit_g = nominal_l * 1000.0 * BALANCE_SHARE
        if balance_g is None:
            tell("the balance's indication is unknown", content=True)
        elif abs(balance_g - standing.balance_g) > limit_g:
            moved = balance_g - standing.balance_g
            tell(f"the balance has changed by {moved:+.1f} g since the last checkpoint", content=True)
    return tuple(told)


async def compare_rig(context: Context, standing: Standing) -> Findings:
    """Make contact, see how the rig was left, close everything, and compare with the record.

    The first command takes a number that the record has not used, so that the device cannot take it for a
    repeat of one that it knows. Raises `RigError` or `HeldError` where the rig does not come to rest.
    """
    rig, procedure = context.rig, context.procedure
    if standing.sequence is not None and not rig.watched:
        rig.continue_after(standing.sequence)
    if not rig.watched:
        await rig.connect()
    found = rig.snapshot or await rig.refresh()
    await rig.close_all()
    at_rest = await rig.wait_for(all_closed, VALVE_WAIT_S, "every valve was told to close")
    told = list(differences(standing, found, at_rest, context.vessel.nominal_l))
    before, unit = standing.memory.level, standing.memory.unit
    if before is not None:
        try:
            seen = await look(context, "resume", None)
        except HeldError:
            seen = None
        # The look wrote what it saw into the run's memory, which is that of the checkpoint. It is for
        # comparing alone: what the run knew is put back.
        context.memory.level, context.memory.unit = before, unit
        level = level_difference(
            before, seen, context.vessel.ml_per_unit(unit), procedure.fill.tolerance_ml / 2.0
        )
        told += [level] if level is not None else []
    return Findings(tuple(told), content_intact(standing, found, told))


def level_difference(
    before: float, seen: Observation | None, ml_per_unit: float, limit_ml: float
) -> Difference | None:
    """Whether the level stands where it stood `before`, at the checkpoint; `seen` None: a silent camera."""
    if seen is None or seen.value is None:
        why = "the camera does not answer" if seen is None else f"the picture was refused ({seen.reason})"
        return Difference(f"the level cannot be compared: {why}", content=False)
    moved_ml = (seen.value - before) * ml_per_unit
    if abs(moved_ml) <= limit_ml + 3.0 * (seen.standard_uncertainty or 0.0) * ml_per_unit:
        return None
    return Difference(
        f"the level stands at {seen.value:.2f} {seen.unit}, and stood at {before:.2f} {seen.unit}",
        content=True,
    )


def _restarted(standing: Standing, found: Snapshot) -> str:
    clock_s = found.number("clock")
    if standing.clock_s is not None and clock_s is not None and clock_s < standing.clock_s:
        return "the device was restarted: its clock stands before that of the last checkpoint"
    return ""


def _compare_command(standing: Standing, found: Snapshot, tell: Teller) -> None:
    if standing.sequence is None:
        return
    accepted = found.values["accepted_sequence"]
    if standing.unanswered is not None and accepted != standing.sequence:
        tell(
            f"the last command ({standing.unanswered['opcode']}, number {standing.sequence}) was recorded "
            "but never reached the device; it is not given again",
            content=False,
        )
    elif accepted != standing.sequence:
        tell(
            f"the device's last command has the number {accepted}, the record's {standing.sequence}: "
            "somebody else has driven the rig",
            content=True,
        )


def content_intact(standing: Standing, found: Snapshot, told: Sequence[Difference]) -> bool:
    """Whether the run may go on from its checkpoint: nothing was opened since, and nothing has changed.

    An opening command that never reached the device has opened nothing.
    """
    opened = len(standing.opened)
    if (
        standing.unanswered is not None
        and standing.unanswered["opcode"] in OPENING
        and found.values["accepted_sequence"] != standing.sequence
    ):
        opened -= 1
    return opened == 0 and not any(difference.content for difference in told)

"""A run as it goes, for a person on a terminal or, as JSON Lines, for a program."""

import asyncio
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from api.cli.hands import LANGUAGE, HandsOnTerminal
from api.cli.output import Output
from api.models import Live
from api.numbers import number, signed
from api.runs import Runs
from control.states import State

TOLD = ("state", "step", "alarm", "end")
QUESTION = "held: r = resume, s = stop, a = abort, then Enter"


class RunProgress:
    """Shows steps and levels on standard error. When the run is held it asks what to do, or stops the run.

    With `events_as_json` states, steps, readings and alarms go to standard output, a line each.
    """

    def __init__(self, output: Output, *, events_as_json: bool = False) -> None:
        self._output = output
        self._events_as_json = events_as_json
        self._runs: Runs | None = None
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._asking = False
        self._hands: HandsOnTerminal | None = None

    def __enter__(self) -> Self:
        if not self._output.as_json and self._output.errors.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.fields[level]}"),
                TimeElapsedColumn(),
                console=self._output.errors,
                transient=True,
            )
            self._task = self._bar.add_task("starting", total=1.0, level="")
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        self._ask_no_more()

    def follow(self, runs: Runs) -> None:
        """Show the runs of this bench, and tell them what the person answers."""
        self._runs = runs

    def hear(self, kind: str, data: Mapping[str, Any]) -> None:
        """Take one event of the run."""
        if self._events_as_json and (kind in TOLD or (kind == "observation" and data["frames"])):
            self._output.record({"event": kind, **data})
        if kind == "state":
            self._heard_state(str(data["to"]), str(data["reason"]))
        elif kind == "prompt":
            # The prompt waits for its answer once the run's task has come to rest.
            asyncio.get_running_loop().call_soon(self._ask_for_hands)
        elif kind == "alarm":
            self._say(f"alarm: {data['detail']}")
        elif kind == "observation" and data["purpose"] == "gauge":
            if data["value"] is None:
                self._say(f"{data['instrument']}: refused ({data['reason']}): {data['detail']}")
        elif kind == "observation" and data["frames"]:
            self._heard_reading(data)
        elif kind == "step" and self._bar is None:
            target = "" if data["target"] is None else f" {data['target']:g}"
            self._say(f"repeat {data['repeat']}: {data['step']}{target}")
        if self._runs is not None and self._bar is not None and self._task is not None:
            self._show(self._bar, self._task, self._runs.live())

    def _show(self, bar: Progress, task: TaskID, live: Live) -> None:
        target = "" if live.target is None else f" {live.target:g}"
        level = live.level
        bar.update(
            task,
            completed=live.progress or 0.0,
            description=f"{live.state}: repeat {live.repeat} of {live.repeats}, {live.step}{target}",
            level="" if level is None else f"{number(level.value)} {level.unit}",
        )

    def _heard_state(self, state: str, reason: str) -> None:
        if reason and state not in (State.STARTING, State.COMPLETE, State.COMPLETING):
            self._say(f"{state}: {reason}")
        if state == State.HELD and self._runs is not None:
            self._ask()
        else:
            self._ask_no_more()

    def _heard_reading(self, data: Mapping[str, Any]) -> None:
        where = f"repeat {data['repeat']}, target {signed(data['target'], 0)}"
        if data["value"] is None:
            self._say(f"{where}: refused ({data['reason']}): {data['detail']}")
        else:
            u = number(data["standard_uncertainty"])
            self._say(f"{where}: read {signed(data['value'])} {data['unit']}, u {u}")

    def _ask(self) -> None:
        loop = asyncio.get_running_loop()
        if self._output.as_json or not sys.stdin.isatty():
            self._say("nobody is there to resume it: the run is stopped")
            loop.call_soon(self._tell, "stop")
            return
        if not self._asking:
            self._say(QUESTION)
            self._listen()

    def _listen(self) -> None:
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), self._answered)
        self._asking = True

    def _ask_for_hands(self) -> None:
        live = self._runs.live() if self._runs is not None else None
        if live is None or live.prompt is None:
            return
        if self._output.as_json or not sys.stdin.isatty():
            self._say("nobody is there to answer a prompt: the run is stopped")
            self._tell("stop")
            return
        self._hands = HandsOnTerminal(live.prompt, live.operator)
        self._say(live.prompt.text[LANGUAGE])
        self._go_on_with_hands(self._hands)
        if not self._asking:
            self._listen()

    def _go_on_with_hands(self, hands: HandsOnTerminal) -> None:
        if hands.question:
            self._say(hands.question)
            return
        self._ask_no_more()
        if self._runs is not None:
            self._runs.answer(hands.answer())

    def _answered(self) -> None:
        if self._hands is not None:
            self._hands.take(sys.stdin.readline())
            self._go_on_with_hands(self._hands)
            return
        answer = sys.stdin.readline().strip().lower()
        word = {"r": "unhold", "s": "stop", "a": "abort"}.get(answer[:1])
        if word is None:
            self._say(QUESTION)
            return
        self._tell(word)

    def _ask_no_more(self) -> None:
        if self._asking:
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            self._asking = False
        self._hands = None

    def _tell(self, word: str) -> None:
        if self._runs is not None and word in self._runs.live().commands:
            self._runs.command(word)

    def _say(self, sentence: str) -> None:
        if not self._output.as_json:
            self._output.note(sentence)

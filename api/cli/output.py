"""What the commands print: rich text for people, JSON Lines for programs, and never both on one stream."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Item = TypeVar("Item")

PLAIN_WIDTH = 132  # of text that goes to a file or a pipe, where there is no terminal to ask


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    return console


@dataclass(frozen=True)
class Output:
    """One command's output: `as_json` puts JSON Lines, and nothing else, on standard output."""

    as_json: bool
    console: Console = field(default_factory=lambda: _console(stderr=False))
    errors: Console = field(default_factory=lambda: _console(stderr=True))

    def record(self, record: Mapping[str, Any]) -> None:
        """Print one JSON line, flushed so that a program on the other end sees it at once; silent for people.

        Raises `ValueError` for a number that is not finite: JSON has none.
        """
        if self.as_json:
            line = json.dumps(record, ensure_ascii=False, allow_nan=False)
            sys.stdout.write(line + "\n")
            sys.stdout.flush()

    def show(self, thing: RenderableType) -> None:
        """Print a sentence or a table for people on standard output; silent with `as_json`."""
        if not self.as_json:
            self.console.print(thing)

    def note(self, sentence: str) -> None:
        """Say something beside the result, on standard error; brackets in it are no markup."""
        self.errors.print(sentence, markup=False)

    def progress(self, items: Iterable[Item], what: str, total: int | None) -> Iterator[Item]:
        """Pass `items` through, with a bar on standard error if that is a terminal and nobody parses."""
        if self.as_json or not self.errors.is_terminal:
            yield from items
            return
        with self.bar() as bar:
            yield from bar.track(items, total=total, description=what)

    @contextmanager
    def bar(self) -> Iterator[Progress]:
        """A rich progress display on standard error that leaves nothing behind; invisible with `as_json`."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        quiet = self.as_json or not self.errors.is_terminal
        with Progress(*columns, console=self.errors, transient=True, disable=quiet) as progress:
            yield progress

"""What a technician's hands do in a run: a prompt says what to do and to check, an answer says who did it.

A run waits on a prompt with everything closed. Question and answer are lines of the record.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

from control.errors import AnswerError
from control.toml_table import TomlTable

LANGUAGES: Final = ("en", "zh-TW")

Words = Mapping[str, str]
"""A text in each of `LANGUAGES`."""


@dataclass(frozen=True)
class Question:
    """A number that the technician enters: `name` in the record, within `low` to `high` of `unit`."""

    name: str
    text: Words
    unit: str
    low: float
    high: float


@dataclass(frozen=True)
class Prompt:
    """What to do (`text`), what to see to (`checks`, each to be confirmed), what to enter (`questions`)."""

    name: str
    text: Words
    checks: tuple[Words, ...] = ()
    questions: tuple[Question, ...] = ()

    def plain(self) -> dict[str, Any]:
        """The prompt as JSON takes it, for record and page."""
        return {
            "name": self.name,
            "text": dict(self.text),
            "checks": [dict(check) for check in self.checks],
            "questions": [
                {
                    "name": question.name,
                    "text": dict(question.text),
                    "unit": question.unit,
                    "low": question.low,
                    "high": question.high,
                }
                for question in self.questions
            ],
        }


@dataclass(frozen=True)
class Answer:
    """Who did what a prompt asks for, and the numbers entered, by the questions' names."""

    person: str
    values: Mapping[str, float]


class Desk:
    """Where a run asks and a person answers; one prompt at a time, each with a number of its own."""

    def __init__(self) -> None:
        self._number = 0
        self._open: tuple[int, Prompt, asyncio.Future[Answer]] | None = None

    @property
    def open(self) -> tuple[int, Prompt] | None:
        """The prompt that waits for its answer, with its number."""
        return None if self._open is None else self._open[:2]

    async def ask(self, prompt: Prompt) -> Answer:
        """Ask, and wait for the answer. Who stops waiting takes the prompt away."""
        self._number += 1
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._open = (self._number, prompt, future)
        try:
            return await future
        finally:
            self._open = None

    def answer(self, number: int, person: str, confirmed: Sequence[int], values: Mapping[str, float]) -> None:
        """Give the answer to prompt `number`: `confirmed` are the places of the checks that were seen to.

        Raises `AnswerError` with one sentence where that prompt does not wait, or the answer is not whole.
        """
        if self._open is None or self._open[0] != number:
            raise AnswerError("this prompt does not wait for an answer (any more)")
        _, prompt, future = self._open
        if not person.strip():
            raise AnswerError("an answer needs the name of the person who gives it")
        missing = [check["en"] for at, check in enumerate(prompt.checks) if at not in confirmed]
        if missing:
            raise AnswerError(f"not confirmed yet: {'; '.join(missing)}")
        known = {question.name: question for question in prompt.questions}
        if unknown := sorted(set(values) - set(known)):
            raise AnswerError(f"the prompt does not ask for {', '.join(unknown)}")
        for name, question in known.items():
            value = values.get(name)
            if value is None or not isfinite(value) or not question.low <= value <= question.high:
                raise AnswerError(
                    f"{question.text['en']}: expected a number from {question.low:g} to {question.high:g} "
                    f"{question.unit}, not {'nothing' if value is None else format(value, 'g')}"
                )
        if not future.done():
            future.set_result(Answer(person.strip(), dict(values)))


def take_prompt(table: TomlTable) -> Prompt:
    """The prompt in a step's table: `name`, `text`, `checks`, `ask`. Raises `ConfigurationError`."""
    return Prompt(
        table.take_text("name"),
        take_words(table.take_table("text")),
        tuple(take_words(check) for check in table.take_tables("checks")),
        tuple(_take_question(question) for question in table.take_tables("ask")),
    )


def take_words(table: TomlTable) -> Words:
    """A text in every language."""
    words = {language: table.take_text(language) for language in LANGUAGES}
    table.finish(", ".join(LANGUAGES))
    return words


def _take_question(table: TomlTable) -> Question:
    name, unit = table.take_text("name"), table.take_text("unit")
    text = take_words(table.take_table("text"))
    low, high = table.take_range("range")
    table.finish("name, unit, text, range")
    return Question(name, text, unit, low, high)

"""Reading a mapping that came from a TOML file or a record: every value is asked for by key and checked."""

from collections.abc import Mapping, Sequence
from math import inf, isfinite
from typing import Any

from calibration.errors import CalibrationError, UnknownQuantityError


class Section:
    """A mapping with the place where it stands, for messages: `where` a file or record, `path` the keys down
    to it.

    What is missing raises `missing`, what is wrong raises `wrong`, with one sentence: place, key, what is
    expected.
    """

    def __init__(
        self,
        content: Any,
        where: str,
        path: str = "",
        *,
        missing: type[CalibrationError] = CalibrationError,
        wrong: type[CalibrationError] = CalibrationError,
    ) -> None:
        self.where, self.path, self._missing, self._wrong = where, path, missing, wrong
        if not isinstance(content, Mapping):
            raise wrong(f"{self._place()} must be a table, not {content!r}")
        self._content: Mapping[str, Any] = content
        self._asked: set[str] = set()

    def has(self, key: str) -> bool:
        """Whether the key is there (and not null)."""
        self._asked.add(key)
        return self._content.get(key) is not None

    def keys(self) -> tuple[str, ...]:
        """The keys there are, in their order."""
        return tuple(self._content)

    def section(self, key: str) -> "Section":
        """The table under `key`; raises where it is missing."""
        return self._below(self._required(key, "a table"), key)

    def optional_section(self, key: str) -> "Section | None":
        """The table under `key`, or None."""
        return self.section(key) if self.has(key) else None

    def sections(self, key: str) -> tuple["Section", ...]:
        """The tables of the list under `key`, at least one."""
        found = self._required(key, "a list of tables")
        if not isinstance(found, Sequence) or isinstance(found, str) or not found:
            raise self._wrong(f"{self._place(key)} must be a list of tables, not {found!r}")
        return tuple(self._below(entry, f"{key}[{i}]") for i, entry in enumerate(found))

    def text(self, key: str, among: Sequence[str] = ()) -> str:
        """The text under `key`, not empty, one of `among` if given."""
        expected = f"one of {', '.join(among)}" if among else "a text"
        found = self._required(key, expected)
        if not isinstance(found, str) or not found or (among and found not in among):
            raise self._wrong(f"{self._place(key)} must be {expected}, not {found!r}")
        return found

    def optional_text(self, key: str) -> str:
        """The text under `key`, or an empty one."""
        return self.text(key) if self.has(key) and self._content[key] != "" else ""

    def flag(self, key: str, default: bool) -> bool:
        """True or false under `key`, or the default."""
        if not self.has(key):
            return default
        found = self._content[key]
        if not isinstance(found, bool):
            raise self._wrong(f"{self._place(key)} must be true or false, not {found!r}")
        return found

    def number(self, key: str, *, above: float = -inf, at_least: float = -inf, at_most: float = inf) -> float:
        """The finite number under `key`, within the bounds."""
        bounds = [f"above {above:g}"] * (above > -inf) + [f"at least {at_least:g}"] * (at_least > -inf)
        bounds += [f"at most {at_most:g}"] * (at_most < inf)
        expected = " ".join(["a number", *bounds])
        found = self._required(key, expected)
        if isinstance(found, bool) or not isinstance(found, int | float) or not isfinite(found):
            raise self._wrong(f"{self._place(key)} must be {expected}, not {found!r}")
        if not (found > above and at_least <= found <= at_most):
            raise self._wrong(f"{self._place(key)} must be {expected}, not {found!r}")
        return float(found)

    def optional_number(self, key: str, *, above: float = -inf, at_least: float = -inf) -> float | None:
        """The finite number under `key` within the bounds, or None."""
        return self.number(key, above=above, at_least=at_least) if self.has(key) else None

    def integer(self, key: str, *, at_least: int) -> int:
        """The whole number under `key`."""
        found = self._required(key, f"a whole number, at least {at_least}")
        if isinstance(found, bool) or not isinstance(found, int) or found < at_least:
            raise self._wrong(
                f"{self._place(key)} must be a whole number, at least {at_least}, not {found!r}"
            )
        return found

    def numbers(self, key: str) -> tuple[float, ...]:
        """The list of finite numbers under `key`, possibly empty."""
        found = self._required(key, "a list of numbers")
        if not isinstance(found, Sequence) or isinstance(found, str):
            raise self._wrong(f"{self._place(key)} must be a list of numbers, not {found!r}")
        for entry in found:
            if isinstance(entry, bool) or not isinstance(entry, int | float) or not isfinite(entry):
                raise self._wrong(f"{self._place(key)} must be a list of numbers, not {found!r}")
        return tuple(float(entry) for entry in found)

    def rows(self, key: str) -> tuple[tuple[float, ...], ...]:
        """The list of lists of finite numbers under `key`."""
        found = self._required(key, "a list of lists of numbers")
        if not isinstance(found, Sequence) or isinstance(found, str):
            raise self._wrong(f"{self._place(key)} must be a list of lists of numbers, not {found!r}")
        inner = self._below({f"[{i}]": row for i, row in enumerate(found)}, key)
        return tuple(inner.numbers(f"[{i}]") for i in range(len(found)))

    def texts(self, key: str) -> tuple[str, ...]:
        """The list of texts under `key`, possibly empty."""
        found = self._required(key, "a list of texts")
        if (
            not isinstance(found, Sequence)
            or isinstance(found, str)
            or not all(isinstance(t, str) for t in found)
        ):
            raise self._wrong(f"{self._place(key)} must be a list of texts, not {found!r}")
        return tuple(found)

    def finish(self) -> None:
        """Raise for a key that was never asked for: it is misspelt, or means something we do not know."""
        for key in self._content:
            if key not in self._asked:
                known = ", ".join(sorted(self._asked))
                raise self._wrong(f"{self._place(key)} is not known here; expected are {known}")

    def fail(self, key: str, expected: str) -> CalibrationError:
        """The exception for a value that is wrong for a reason of the caller's."""
        return self._wrong(f"{self._place(key)} {expected}")

    def _below(self, content: Any, key: str) -> "Section":
        path = f"{self.path}.{key}" if self.path else key
        return Section(content, self.where, path, missing=self._missing, wrong=self._wrong)

    def _required(self, key: str, expected: str) -> Any:
        if not self.has(key):
            raise self._missing(f"{self._place(key)} is missing: expected {expected}")
        return self._content[key]

    def _place(self, key: str = "") -> str:
        full = ".".join(part for part in (self.path, key) if part)
        return f"{self.where}: {full}" if full else self.where


def line_section(line: Mapping[str, Any]) -> Section:
    """The data of a record's line; what is missing there was not measured."""
    return Section(
        line.get("data", {}),
        f"record: line {line.get('n')}",
        missing=UnknownQuantityError,
        wrong=CalibrationError,
    )


def settings_section(data: Any) -> Section:
    """The data of a record's first line, the settings of its run."""
    return Section(data, "record: settings", missing=UnknownQuantityError, wrong=CalibrationError)

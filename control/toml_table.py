"""Strict reading of TOML: every key is asked for, and a key nobody asked for is an error."""

import datetime
import tomllib
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from control.errors import ConfigurationError


class TomlTable:
    """One table of a TOML file; each `take_…` checks and consumes a key, `finish` refuses what is left.

    Every error is a `ConfigurationError` whose sentence names the file, the key and what is expected.
    """

    def __init__(self, values: Mapping[str, Any], file: str, path: str = "") -> None:
        self._left = dict(values)
        self.file = file
        self.path = path

    @classmethod
    def load(cls, path: Path) -> "TomlTable":
        """The file's root table. Raises `ConfigurationError` where it cannot be read or is not TOML."""
        try:
            return cls(tomllib.loads(path.read_text(encoding="utf-8")), str(path))
        except OSError as error:
            raise ConfigurationError(f"{path}: cannot be read ({error.strerror or error})") from error
        except UnicodeDecodeError as error:
            raise ConfigurationError(f"{path}: is not UTF-8 text (byte {error.start})") from error
        except tomllib.TOMLDecodeError as error:
            raise ConfigurationError(f"{path}: is not TOML: {error}") from error

    def key(self, name: str) -> str:
        """The key's full name, for messages."""
        return f"{self.path}.{name}" if self.path else name

    def error(self, name: str, expected: str) -> ConfigurationError:
        """The sentence for a key that is not as expected."""
        return ConfigurationError(f"{self.file}: {self.key(name)}: {expected}")

    def __contains__(self, name: str) -> bool:
        return name in self._left

    def names(self) -> tuple[str, ...]:
        """The keys that are still to be taken, in the file's order."""
        return tuple(self._left)

    def peek(self, name: str) -> Any:
        """The key's value as the file has it, unchecked and not consumed."""
        return self._left[name]

    def _take(self, name: str, expected: str) -> Any:
        if name not in self._left:
            raise self.error(name, f"missing; expected {expected}")
        return self._left.pop(name)

    def take_text(self, name: str, *, choices: Sequence[str] = (), default: str | None = None) -> str:
        """A text that is not empty; one of `choices` where they are given."""
        if default is not None and name not in self._left:
            return default
        expected = "one of " + ", ".join(choices) if choices else "a text that is not empty"
        value = self._take(name, expected)
        if not isinstance(value, str) or not value.strip() or (choices and value not in choices):
            raise self.error(name, f"expected {expected}, not {value!r}")
        return value

    def take_bool(self, name: str, *, default: bool | None = None) -> bool:
        """true or false."""
        if default is not None and name not in self._left:
            return default
        value = self._take(name, "true or false")
        if not isinstance(value, bool):
            raise self.error(name, f"expected true or false, not {value!r}")
        return value

    def take_int(self, name: str, low: int, high: int, *, default: int | None = None) -> int:
        """A whole number from `low` to `high`."""
        if default is not None and name not in self._left:
            return default
        expected = f"a whole number from {low} to {high}"
        value = self._take(name, expected)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.error(name, f"expected {expected}, not {value!r}")
        return value

    def take_number(
        self,
        name: str,
        *,
        above: float | None = None,
        least: float | None = None,
        most: float | None = None,
        default: float | None = None,
    ) -> float:
        """A finite number, greater than `above`, at least `least`, at most `most`."""
        if default is not None and name not in self._left:
            return default
        words = [
            *([f"greater than {above:g}"] if above is not None else []),
            *([f"at least {least:g}"] if least is not None else []),
            *([f"at most {most:g}"] if most is not None else []),
        ]
        expected = " ".join(["a finite number", ", ".join(words)]).strip()
        value = self._take(name, expected)
        number = _finite(value)
        if (
            number is None
            or (above is not None and not number > above)
            or (least is not None and not number >= least)
            or (most is not None and not number <= most)
        ):
            raise self.error(name, f"expected {expected}, not {value!r}")
        return number

    def take_numbers(self, name: str, *, least: int, most: int) -> tuple[float, ...]:
        """A list of `least` to `most` finite numbers."""
        expected = f"a list of {least} finite numbers" if least == most else "a list of finite numbers"
        value = self._take(name, expected)
        numbers = [_finite(item) for item in value] if isinstance(value, list) else []
        found = tuple(number for number in numbers if number is not None)
        if not isinstance(value, list) or len(found) != len(value) or not least <= len(found) <= most:
            raise self.error(name, f"expected {expected}, not {value!r}")
        return found

    def take_range(self, name: str) -> tuple[float, float]:
        """Two finite numbers, the lower one first."""
        low, high = self.take_numbers(name, least=2, most=2)
        if not low < high:
            raise self.error(name, f"expected [low, high] with low < high, not [{low:g}, {high:g}]")
        return low, high

    def take_constant(self, name: str, constant: object) -> None:
        """A value that can only be this one, said for who reads the file."""
        value = self._take(name, f"{constant!r}")
        if value != constant:
            raise self.error(name, f"expected {constant!r}, not {value!r}")

    def take_date(self, name: str) -> datetime.date:
        """A date (2036-12-31), without quotes and without a time."""
        value = self._take(name, "a date such as 2036-12-31, without quotes")
        if isinstance(value, datetime.datetime) or not isinstance(value, datetime.date):
            raise self.error(name, f"expected a date such as 2036-12-31, without quotes, not {value!r}")
        return value

    def take_table(self, name: str) -> "TomlTable":
        """A table below this one."""
        value = self._take(name, "a table")
        if not isinstance(value, dict):
            raise self.error(name, f"expected a table, not {value!r}")
        return TomlTable(value, self.file, self.key(name))

    def take_tables(self, name: str, *, least: int = 0) -> tuple["TomlTable", ...]:
        """A list of tables, `[[name]]`; where none are needed it may be left out."""
        if least == 0 and name not in self._left:
            return ()
        value = self._take(name, f"a list of {least} or more tables")
        if (
            not isinstance(value, list)
            or len(value) < least
            or not all(isinstance(item, dict) for item in value)
        ):
            raise self.error(name, f"expected a list of {least} or more tables, not {value!r}")
        return tuple(
            TomlTable(item, self.file, f"{self.key(name)}[{place}]") for place, item in enumerate(value)
        )

    def finish(self, known: str = "") -> None:
        """Refuse the keys that nobody took. `known` may list what there is, for the message."""
        if self._left:
            name = next(iter(self._left))
            raise self.error(name, "unknown key" + (f"; expected {known}" if known else ""))


def plain(value: Any) -> Any:
    """`value` from a TOML file as JSON takes it: dates become ISO 8601 text, the rest stays."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return value


def _finite(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if isfinite(number) else None

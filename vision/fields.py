"""One table of a description, read strictly key by key."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from vision.errors import StationError


class Fields:
    """One mapping of a description, read key by key; says which key is wrong, where, and what is expected."""

    def __init__(self, value: object, where: str, keys: Sequence[str]) -> None:
        if not isinstance(value, Mapping):
            raise StationError(f"{where}: expected a table with the keys {', '.join(keys)}, not {value!r}")
        self._values: Mapping[str, Any] = value
        self._where = where
        for key in value:
            if key not in keys:
                raise StationError(f"{where}: unknown key {key!r}; expected one of {', '.join(keys)}")

    def wrong(self, key: str, expected: str) -> StationError:
        """The exception for a key whose value cannot be used."""
        if self._values.get(key) is None:
            return StationError(f"{self._where}: {key} is missing; expected {expected}")
        return StationError(f"{self._where}: {key} is {self._values[key]!r}; expected {expected}")

    def raw(self, key: str) -> Any:
        """The value as it stands, None where it is not stated."""
        return self._values.get(key)

    def number(self, key: str, expected: str = "a number", *, positive: bool = False) -> float | None:
        """A finite number, None where it is not stated."""
        value = self._values.get(key)
        if value is None:
            return None
        if not is_number(value) or (positive and value <= 0):
            raise self.wrong(key, expected)
        return float(value)

    def count(self, key: str) -> int | None:
        """A whole number of at least one, None where it is not stated."""
        value = self.number(key, "a whole number of at least 1", positive=True)
        if value is None:
            return None
        if value != int(value):
            raise self.wrong(key, "a whole number of at least 1")
        return int(value)

    def word(self, key: str, words: Sequence[str]) -> str | None:
        """One of `words`, None where it is not stated."""
        value = self._values.get(key)
        if value is None:
            return None
        if not isinstance(value, str) or value not in words:
            raise self.wrong(key, "one of " + ", ".join(words))
        return str(value)


def is_number(value: object) -> bool:
    """Whether this is a finite number; a truth value is not."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def is_list(value: object) -> bool:
    """Whether this is a list; text is not."""
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)

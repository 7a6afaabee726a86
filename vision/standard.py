"""What a certificate says of an instrument that a camera reads; its reader needs nothing of it."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from vision.fields import Fields

TEXTS = ("name", "serial", "certificate", "source")
KEYS = (*TEXTS, "due", "standard_uncertainty")


@dataclass(frozen=True)
class Standard:
    """An instrument's certificate, which holds up to the day `due`.

    `standard_uncertainty` is that of the instrument when it is read without an error, in its own unit.
    """

    name: str
    serial: str
    certificate: str
    source: str
    due: date
    standard_uncertainty: float

    def mapping(self) -> dict[str, Any]:
        """The table as `standard_from` takes it, in plain JSON-able values (the date as ISO 8601 text)."""
        return {
            **{key: getattr(self, key) for key in TEXTS},
            "due": self.due.isoformat(),
            "standard_uncertainty": self.standard_uncertainty,
        }


def standard_from(value: object, where: str) -> Standard:
    """The certificate that a table of a station file, or its copy in a run's record, states.

    Raises `StationError` for a missing or unknown key, an empty text, a day that is none, or an uncertainty
    that is not a number of at least 0: unknown is not zero.
    """
    table = Fields(value, where, KEYS)
    texts: dict[str, str] = {}
    for key in TEXTS:
        text = table.raw(key)
        if not isinstance(text, str) or not text.strip():
            raise table.wrong(key, "a text that is not empty")
        texts[key] = text
    u = table.number("standard_uncertainty", "a number of at least 0")
    if u is None or u < 0:
        raise table.wrong("standard_uncertainty", "a number of at least 0, in the unit of the instrument")
    return Standard(**texts, due=_day(table), standard_uncertainty=u)


def _day(table: Fields) -> date:
    value = table.raw("due")
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str):  # as a record has it
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise table.wrong("due", "a date such as 2036-12-31, without quotes")

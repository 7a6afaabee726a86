"""Gauges without a wire that a camera reads for the run: what they show, and what their certificates say."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from control.errors import ConfigurationError


class Shown(StrEnum):
    """The quantities of a rig that a gauge may show, by the names of the tags that say them by wire."""

    WATER_TEMPERATURE = "water_temperature"
    BALANCE = "balance"
    LINE_PRESSURE = "line_pressure"


@dataclass(frozen=True)
class Quantity:
    """A quantity as the rig's tag has it: its unit, and what one of each unit of a gauge is in it.

    `needed`: the result is made with the gauge's reading too; without it the run does not go on.
    """

    unit: str
    factors: Mapping[str, float]
    needed: bool


QUANTITIES: Final[Mapping[Shown, Quantity]] = MappingProxyType(
    {
        Shown.WATER_TEMPERATURE: Quantity("degC", {"degC": 1.0}, needed=True),
        Shown.BALANCE: Quantity("g", {"g": 1.0, "kg": 1000.0}, needed=False),
        Shown.LINE_PRESSURE: Quantity(
            "kPa", {"kPa": 1.0, "mbar": 0.1, "bar": 100.0, "MPa": 1000.0}, needed=False
        ),
    }
)


@dataclass(frozen=True)
class Certificate:
    """What is known of a gauge: `standard_uncertainty` in its own unit, holding up to the day `due`."""

    name: str
    serial: str
    due: datetime.date
    standard_uncertainty: float


@dataclass(frozen=True)
class Gauge:
    """A gauge of the station: `name` is its instrument's, `unit` that of its readings."""

    name: str
    shows: Shown
    unit: str
    certificate: Certificate

    @property
    def quantity(self) -> Quantity:
        """The quantity that it shows."""
        return QUANTITIES[self.shows]

    def in_tag_unit(self, value: float) -> float:
        """A reading (or its uncertainty) in the unit of the rig's tag."""
        return value * self.quantity.factors[self.unit]


def gauge_of(name: str, shows: str, unit: str, certificate: Certificate | None, where: str) -> Gauge:
    """The gauge that a station's instrument is for a run.

    Raises `ConfigurationError` with `where` (the instrument's place in its file) for a quantity that no run
    asks for, a unit that is none of it, or a missing certificate.
    """
    if shows not in [*Shown]:
        raise ConfigurationError(f"{where}: shows is {shows!r}; expected one of {', '.join(Shown)}")
    factors = QUANTITIES[Shown(shows)].factors
    if unit not in factors:
        raise ConfigurationError(
            f"{where}: unit is {unit!r}; expected one of {', '.join(factors)} for {shows}"
        )
    if certificate is None:
        raise ConfigurationError(
            f"{where}: standard is missing; expected the certificate of an instrument that shows {shows}"
        )
    return Gauge(name, Shown(shows), unit, certificate)

"""What a run needs from outside, as `control` defines it: `api` plugs cameras and readers in here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

NO_PICTURE: Final = (
    "no-picture"  # the reason of an observation without any frame; the others are the readers' words
)


@dataclass(frozen=True)
class Observation:
    """The answer of an instrument that is read by a camera.

    `value` and `standard_uncertainty` in `unit`, both None when refused; then `reason` is the reader's stable
    word and `detail` its sentence. `terms` splits the uncertainty by name. `frames` are the SHA-256 names of
    the frames that were kept as evidence.
    """

    instrument: str
    unit: str
    value: float | None
    standard_uncertainty: float | None
    reason: str = ""
    detail: str = ""
    terms: Mapping[str, float] | None = None
    notes: tuple[str, ...] = ()
    frames: tuple[str, ...] = ()


class LevelReader(Protocol):
    """Reads the level in the neck by camera, in scale units."""

    async def read_level(self, frames: int, *, keep: bool) -> Observation:
        """Read the level from `frames` fresh frames, combined; `keep` stores them as evidence.

        A picture that cannot be read comes back as a refused `Observation`. Raises `HeldError` when the
        camera does not answer.
        """
        ...


class GaugeReader(Protocol):
    """Reads gauges by camera: dials, displays, thermometers, each by its name in the station."""

    async def read_gauge(self, name: str, frames: int) -> Observation:
        """Read the gauge from `frames` fresh frames, combined, and keep them as evidence.

        A picture that cannot be read comes back as a refused `Observation`. Raises `HeldError` when the
        camera does not answer.
        """
        ...


class Listener(Protocol):
    """Hears of everything that happens in a run as it happens (for the page and the command line)."""

    def __call__(self, kind: str, data: Mapping[str, Any]) -> None:
        """Take one event; must return at once and never raise."""
        ...

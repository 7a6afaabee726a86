"""What the bench knew of its rig at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass

from control.registers import Value


@dataclass(frozen=True)
class Snapshot:
    """Tag name → value in the tag's unit, None where it is unknown (outside its range).

    `at_s` is the rig's clock at the bench, `at_wall_s` the wall's monotonic one when the last answer came;
    `read_wall_s` says it for every tag.
    """

    values: Mapping[str, Value | None]
    read_wall_s: Mapping[str, float]
    at_s: float
    at_wall_s: float

    def number(self, name: str) -> float | None:
        """The tag's value, or None where it is unknown or the rig has no such tag."""
        value = self.values.get(name)
        return None if value is None or isinstance(value, bool) else float(value)

    def flag(self, name: str) -> bool:
        """A switch's state."""
        return self.values.get(name) is True

    def age_s(self, name: str, wall_s: float) -> float:
        """Seconds (wall) since the tag was read."""
        return wall_s - self.read_wall_s[name]

"""The outputs of plain remote I/O: coils written together, the pump's speed, the watchdog's reset."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from control.errors import ConfigurationError
from control.register_words import Table
from control.toml_table import TomlTable

ORDER: Final = ("pump", "coarse_valve", "fine_valve", "drain_valve")
FIRST_OF_BENCH: Final = (
    60000  # input and holding addresses from here on are the bench's own, not the module's
)


@dataclass(frozen=True)
class Outputs:
    """Where a remote I/O module has its outputs: `ORDER` as coils from `address`, one after the other.

    `speed` names the writable tag with the pump's speed in %, `tripped` the flag that the module's watchdog
    has closed everything, `reset` the coil that lets it obey again.
    """

    address: int
    speed: str
    tripped: str
    reset: int

    def bits(self, *, pump: bool = False, open_valves: frozenset[str] = frozenset()) -> tuple[bool, ...]:
        """The coils in their order."""
        return (pump, *(valve in open_valves for valve in ORDER[1:]))


def take_outputs(table: TomlTable) -> Outputs:
    """The `[outputs]` of a rig's file. Raises `ConfigurationError` that names the key."""
    table.take_text("table", choices=(Table.COIL,))
    table.take_constant("order", list(ORDER))  # said in the file for who wires the module
    outputs = Outputs(
        address=table.take_int("address", 0, 9990),
        speed=table.take_text("speed"),
        tripped=table.take_text("tripped"),
        reset=table.take_int("reset", 0, 9999),
    )
    table.finish("table, order, address, speed, tripped, reset")
    if outputs.address <= outputs.reset < outputs.address + len(ORDER):
        raise table.error("reset", "expected a coil of its own")
    return outputs


def check_outputs(file: str, outputs: Outputs, tags: Mapping[str, object]) -> None:
    """Raises `ConfigurationError` where a tag that the outputs name is not there."""
    for key, name in (("speed", outputs.speed), ("tripped", outputs.tripped)):
        if name not in tags:
            raise ConfigurationError(f"{file}: outputs.{key}: expected the name of a tag, not {name!r}")

"""Plain remote I/O driven as if it were a PLC with a command block: the bench's own program on the line.

A remote I/O module has coils, registers and a watchdog, and no program. `RemoteIoLink` stands between
`control.rig` and the module: it takes the command block, sets the coils, reads them back, closes doses by the
meter, and answers the addresses from `FIRST_OF_BENCH` on (the echo, the result, the latch, the dose). All
else passes to the module. So the rig has the same names, permissions and interlocks for both kinds of device.
What must hold without the bench is the module's: its watchdog closes every output when the heartbeat stalls.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from control.errors import LinkError
from control.link import Link, Request, open_link
from control.outputs import FIRST_OF_BENCH, Outputs
from control.register_words import Table
from control.registers import RegisterMap, Tag
from control.rig_tags import DOSE_BROKEN_OFF, DOSE_COMPLETE, DOSE_NONE, DOSE_RUNNING, LATCHES, RESULTS

LONGEST_LOOK_S: Final = 0.02  # wall: between two looks at the meter while a dose runs ...
LOOKS_LEFT: Final = 4.0  # ... and never more than this part of the time that the dose still takes
SPEED_RANGE_PCT: Final = (10.0, 100.0)
_ACCEPTED: Final = 0
_UNKNOWN: Final = RESULTS.index("unknown command")
_LATCHED: Final = RESULTS.index("latched")
_DRAIN: Final = RESULTS.index("the drain is not closed")
_ARGUMENT: Final = RESULTS.index("an argument is out of range")
_INLET: Final = RESULTS.index("an inlet valve is not closed")
FILLS: Final = {"fill-coarse": "coarse_valve", "fill-fine": "fine_valve"}
_HEARTBEAT: Final = LATCHES.index("heartbeat")
_NO_VALVES: Final[frozenset[str]] = frozenset()
_log = logging.getLogger(__name__)


def line_of(register_map: RegisterMap) -> Link:
    """The line to the map's device, with the bench's own program on it where the device has none."""
    line = open_link(register_map.link)
    return line if register_map.outputs is None else RemoteIoLink(register_map, register_map.outputs, line)


class RemoteIoLink:
    """A line to a remote I/O module that looks like one to a PLC with a command block."""

    def __init__(self, register_map: RegisterMap, outputs: Outputs, line: Link) -> None:
        self._map = register_map
        self._outputs = outputs
        self._line = line
        self._names = {number: name for name, number in register_map.commands.opcodes.items()}
        self._lock = asyncio.Lock()  # of the outputs: one change at a time
        self._sequence = 0
        self._result = _ACCEPTED
        self._latch = 0
        self._dose_state = DOSE_NONE
        self._open = _NO_VALVES
        self._dose: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """Whether requests can be made."""
        return self._line.connected

    async def connect(self) -> None:
        """Open the line."""
        await self._line.connect()

    async def close(self) -> None:
        """Close the line; a dose that runs is left to the module's watchdog."""
        await self._end_dose()
        await self._line.close()

    async def read(self, table: Table, address: int, count: int) -> tuple[int, ...]:
        """`count` bits or registers from `address`; the bench's own are answered here."""
        return (await self.read_all(((table, address, count),)))[0]

    async def read_all(self, requests: Sequence[Request]) -> list[tuple[int, ...]]:
        """Several reads; before the bench's own are answered, the module is asked for its watchdog."""
        tripped = self._map.tags[self._outputs.tripped]
        asked = [request for request in requests if request[1] < FIRST_OF_BENCH]
        *answers, (bit,) = await self._line.read_all([*asked, (tripped.table, tripped.address, 1)])
        if bit:
            await self._trip()
        from_module = iter(answers)
        return [
            next(from_module) if address < FIRST_OF_BENCH else self._own(table, address, count)
            for table, address, count in requests
        ]

    async def write_registers(self, address: int, words: Sequence[int]) -> None:
        """A command block is carried out, the rest goes to the module.

        Raises `LinkError` where the outputs could not be set, or do not read back as they were set: then the
        command counts as not accepted.
        """
        if address != self._map.commands.address:
            await self._line.write_registers(address, words)
            return
        sequence, number, first, second = self._map.commands.decode(words)
        if sequence == self._sequence:
            return
        async with self._lock:
            result = await self._carry_out(self._names.get(number, ""), first, second)
            self._result = result
            self._sequence = sequence

    async def write_bits(self, address: int, bits: Sequence[bool]) -> None:
        """Coils, past the program."""
        await self._line.write_bits(address, bits)

    # ---- the program ----

    def _own(self, table: Table, address: int, count: int) -> tuple[int, ...]:
        values: dict[str, int] = {
            "accepted_sequence": self._sequence,
            "command_result": self._result,
            "latch": self._latch,
            "dose_state": self._dose_state,
        }
        words = [0] * count
        for tag in self._map.tags.values():
            if tag.table is table and address <= tag.address < address + count:
                encoded = tag.encode(values[tag.name])
                words[tag.address - address : tag.address - address + len(encoded)] = encoded
        return tuple(words)

    async def _carry_out(self, opcode: str, first: float, second: float) -> int:
        if opcode in FILLS:
            return await self._fill(FILLS[opcode], first, second)
        commands = {
            "close-all": self._close,
            "close-drain": self._close_drain,
            "open-drain": self._open_drain,
            "reset": self._reset,
        }
        return await commands[opcode]() if opcode in commands else _UNKNOWN

    async def _close_drain(self) -> int:
        await self._set(self._open - {"drain_valve"})
        return _ACCEPTED

    async def _open_drain(self) -> int:
        if self._latch:
            return _LATCHED
        if self._open - {"drain_valve"}:
            return _INLET
        await self._set(frozenset({"drain_valve"}))
        return _ACCEPTED

    async def _fill(self, valve: str, volume_l: float, speed_pct: float) -> int:
        low, high = SPEED_RANGE_PCT
        obstacles = (
            (self._latch != 0, _LATCHED),
            ("drain_valve" in self._open, _DRAIN),
            (bool(self._open), _INLET),
            (not (volume_l > 0.0 and low <= speed_pct <= high), _ARGUMENT),
        )
        refusal = next((result for holds, result in obstacles if holds), _ACCEPTED)
        if refusal:
            return refusal
        meter = self._map.tags["meter_volume"]
        until_l = await self._value(meter) + volume_l
        speed = self._map.tags[self._outputs.speed]
        await self._line.write_registers(speed.address, speed.encode(speed_pct))
        if abs(await self._value(speed) - speed_pct) > abs(speed.scale):
            raise LinkError(f"{speed.name} does not read back as it was set")
        await self._end_dose()
        self._dose_state = DOSE_RUNNING
        try:
            await self._set(frozenset({valve}), pump=True)
        except LinkError:
            self._dose_state = DOSE_BROKEN_OFF
            raise
        self._dose = asyncio.create_task(
            self._watch_dose(meter, volume_l, until_l), name="a dose by the bench"
        )
        return _ACCEPTED

    async def _watch_dose(self, meter: Tag, volume_l: float, until_l: float) -> None:
        """Close at the volume. Where the line fails, the module's watchdog closes; the dose is broken off.

        What passes between the last look and the closing must be the same each time, or the in-flight volume
        that is learned from one dose is wrong for the next: towards the end the meter is read without pause.
        """
        now_s = asyncio.get_running_loop().time
        began_s = heard_s = now_s()
        while True:
            pause_s = LONGEST_LOOK_S
            try:
                await self._line.connect()
                left_l = until_l - await self._value(meter)
                if left_l <= 0.0:
                    async with self._lock:
                        await self._set(_NO_VALVES)
                    self._dose_state = DOSE_COMPLETE
                    return
                heard_s = now_s()
                passed_l = volume_l - left_l
                # Before anything has passed, the time so far stands for what the whole dose may take.
                left_s = (heard_s - began_s) * (left_l / passed_l if passed_l > 0.0 else 1.0)
                pause_s = min(LONGEST_LOOK_S, left_s / LOOKS_LEFT)
            except LinkError as error:
                if now_s() - heard_s > self._map.link.heartbeat_s / 2.0:
                    _log.warning("a dose is given up: %s", error)
                    self._dose_state = DOSE_BROKEN_OFF
                    return
            await asyncio.sleep(pause_s)

    async def _close(self) -> int:
        await self._end_dose()
        await self._set(_NO_VALVES)
        return _ACCEPTED

    async def _end_dose(self) -> None:
        dose, self._dose = self._dose, None
        if dose is not None and not dose.done():
            dose.cancel()
            await asyncio.gather(dose, return_exceptions=True)
        if self._dose_state == DOSE_RUNNING:
            self._dose_state = DOSE_BROKEN_OFF

    async def _trip(self) -> None:
        if self._latch == 0:
            self._latch = _HEARTBEAT
            self._open = _NO_VALVES
            await self._end_dose()

    async def _reset(self) -> int:
        await self._close()
        await self._line.write_bits(self._outputs.reset, (True,))
        tripped = self._map.tags[self._outputs.tripped]
        (bit,) = await self._line.read(tripped.table, tripped.address, 1)
        if bit:
            return _LATCHED
        self._latch = 0
        return _ACCEPTED

    async def _set(self, valves: frozenset[str], *, pump: bool = False) -> None:
        """Write the outputs together and read them back."""
        wanted = tuple(int(bit) for bit in self._outputs.bits(pump=pump, open_valves=valves))
        await self._line.write_bits(self._outputs.address, tuple(bool(bit) for bit in wanted))
        found = await self._line.read(Table.COIL, self._outputs.address, len(wanted))
        if found != wanted:
            raise LinkError(f"the outputs were set to {wanted}, but read back as {found}")
        self._open = valves

    async def _value(self, tag: Tag) -> float:
        decoded = tag.decode(await self._line.read(tag.table, tag.address, tag.width))
        if decoded.value is None:
            raise LinkError(f"{tag.name} is outside its range ({decoded.raw})")
        return float(decoded.value)

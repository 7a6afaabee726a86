"""The twin's Modbus TCP server: lays the register map out and hands reads and writes to the PLC."""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from itertools import pairwise
from typing import Any

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from control.errors import ConfigurationError
from control.outputs import FIRST_OF_BENCH, ORDER, Outputs
from control.register_words import Table
from control.registers import RegisterMap, Tag
from control.simulator.device import Device
from control.simulator.register_noise import RegisterNoise
from control.simulator.remote_io import RemoteIoModule

logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # a peer's wrong request is answered, not logged

HOST = "127.0.0.1"  # a simulated rig is nobody else's business

READ_COILS, READ_DISCRETE, READ_HOLDING, READ_INPUT = 1, 2, 3, 4
WRITE_ONE, WRITE_MANY, WRITE_COIL, WRITE_COILS = 6, 16, 5, 15
BIT_TABLES = {READ_COILS: Table.COIL, READ_DISCRETE: Table.DISCRETE}
NO_COILS = 16  # bits of a device without coils: pymodbus wants a block, and every request for it is refused


class RigServer:
    """Serves one device. Every read answers from the plant's present state; there is no copy to grow old.

    The only writes are the heartbeat alone, and the command block in one request; anything else is answered
    with an exception and changes nothing.
    """

    def __init__(
        self,
        registers: RegisterMap,
        device: Device,
        noise: RegisterNoise | None = None,
        catch_up: Callable[[], None] | None = None,
    ) -> None:
        """Lay the map out; `catch_up` is called before each request, to bring the plant up to now."""
        known = device.tags()
        for name in registers.tags:
            if name not in known:
                raise ConfigurationError(
                    f"{registers.file}: tags.{name}: the twin has no such value; it has {', '.join(known)}"
                )
        self._device = device
        self._noise = noise
        self._catch_up = catch_up
        self._commands = registers.commands
        self._outputs = registers.outputs
        self._by_table: Mapping[Table, list[Tag]] = {
            table: [
                tag
                for tag in registers.tags.values()
                if tag.table is table and not (self._outputs and tag.address >= FIRST_OF_BENCH)
            ]
            for table in Table
        }
        self._heartbeat = registers.tags.get("heartbeat")
        self._speed = registers.tags.get(self._outputs.speed) if self._outputs is not None else None
        self._sim_device = SimDevice(
            id=registers.link.device_id,
            simdata=(
                [SimData(0, values=[False] * self._coils(), datatype=DataType.BITS)],
                [SimData(0, values=[False] * self._bits(), datatype=DataType.BITS)],
                self._blocks(Table.HOLDING),
                self._blocks(Table.INPUT),
            ),
            action=self._answer,
        )
        self._server: ModbusTcpServer | None = None

    async def start(self, port: int) -> int:
        """Listen on the loopback; returns the port (a free one where 0 was asked for).

        Raises `ConfigurationError` where the port cannot be had.
        """
        server = ModbusTcpServer(self._sim_device, address=(HOST, port))
        try:
            await server.serve_forever(background=True)
        except (RuntimeError, OSError) as error:
            raise ConfigurationError(
                f"port {port} of {HOST} cannot be opened for Modbus; expected a free port, or 0 for any"
            ) from error
        self._server = server
        listening: Any = server.transport  # asyncio's Server, which pymodbus declares as a plain transport
        return int(listening.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._server is not None:
            shutdown: Callable[[], Awaitable[None]] = self._server.shutdown  # has no annotations
            await shutdown()
            self._server = None

    def _blocks(self, table: Table) -> list[SimData]:
        # One SimData for each run of addresses without a gap: pymodbus shifts what overlaps after a gap.
        taken = sorted(
            address
            for tag in self._by_table[table]
            for address in range(tag.address, tag.address + tag.width)
        )
        if self._commands.table is table and self._outputs is None:
            first = self._commands.address
            taken = sorted({*taken, *range(first, first + self._commands.WIDTH)})
        if not taken:
            raise ConfigurationError(f"the register map has nothing in its {table} registers")
        breaks = [0, *(i + 1 for i, (a, b) in enumerate(pairwise(taken)) if b != a + 1), len(taken)]
        return [
            SimData(taken[start], values=[0] * (end - start), datatype=DataType.REGISTERS)
            for start, end in pairwise(breaks)
        ]

    def _coils(self) -> int:
        outputs = self._outputs
        return NO_COILS if outputs is None else max(outputs.reset, outputs.address + len(ORDER)) + 1

    def _bits(self) -> int:
        return max((tag.address + 1 for tag in self._by_table[Table.DISCRETE]), default=1)

    async def _answer(  # noqa: PLR0917 - pymodbus calls it so
        self,
        function: int,
        start: int,
        address: int,
        count: int,
        registers: list[int],
        values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        """pymodbus' hook on every request: renew what is read, or take what is written."""
        if self._catch_up is not None:
            self._catch_up()
        if function in BIT_TABLES and (function == READ_DISCRETE or self._outputs is not None):
            self._show_bits(BIT_TABLES[function], start, registers)
            return None
        if function in (READ_INPUT, READ_HOLDING) and values is None:
            self._show_registers(Table.INPUT if function == READ_INPUT else Table.HOLDING, start, registers)
            return None
        if function in (WRITE_ONE, WRITE_MANY, WRITE_COIL, WRITE_COILS) and values is None:
            return None  # the read-back that pymodbus makes of its own write
        if function in (WRITE_ONE, WRITE_MANY) and values is not None:
            return self._take(address, [int(value) for value in values])
        if function in (WRITE_COIL, WRITE_COILS) and values is not None and self._outputs is not None:
            return self._take_bits(self._outputs, address, [bool(value) for value in values])
        return ExcCodes.ILLEGAL_FUNCTION

    def _show_registers(self, table: Table, start: int, registers: list[int]) -> None:
        tags = self._device.tags()
        for tag in self._by_table[table]:
            low, high = tag.range
            words = tag.encode(min(max(tags[tag.name], low), high))
            at = tag.address - start
            registers[at : at + len(words)] = words
        if self._noise is not None and table is Table.INPUT:
            self._noise.spoil(registers)

    def _show_bits(self, table: Table, start: int, registers: list[int]) -> None:
        tags = self._device.tags()
        bits = 0
        for tag in self._by_table[table]:
            bits |= int(bool(tags[tag.name])) << tag.address
        if table is Table.COIL and self._outputs is not None:
            for at, name in enumerate(ORDER, self._outputs.address):
                bits |= int(bool(tags[f"{name}_output"])) << at
        for index in range(len(registers)):
            registers[index] = bits >> (16 * (start + index)) & 0xFFFF

    def _take(self, address: int, values: list[int]) -> ExcCodes | None:
        wall_s = time.monotonic()
        heartbeat, commands = self._heartbeat, self._commands
        if heartbeat is not None and address == heartbeat.address and len(values) == 1:
            self._device.beat(values[0], wall_s)
            return None
        module, outputs = self._device, self._outputs
        if outputs is not None and isinstance(module, RemoteIoModule):
            speed = self._speed
            if speed is not None and address == speed.address and len(values) == speed.width:
                value = speed.decode(values).value
                if value is None:
                    return ExcCodes.ILLEGAL_VALUE
                module.setpoint_pct = float(value)
                return None
            return ExcCodes.ILLEGAL_ADDRESS
        if address == commands.address and len(values) == commands.WIDTH:
            self._device.command(commands.decode(values), wall_s)
            return None
        return ExcCodes.ILLEGAL_ADDRESS

    def _take_bits(self, outputs: Outputs, address: int, values: list[bool]) -> ExcCodes | None:
        module, wall_s = self._device, time.monotonic()
        if not isinstance(module, RemoteIoModule):
            return ExcCodes.ILLEGAL_FUNCTION
        if address == outputs.address and len(values) == len(ORDER):
            module.write_outputs(values, wall_s)
            return None
        if address == outputs.reset and len(values) == 1:
            if values[0]:
                module.reset_watchdog(wall_s)
            return None
        return ExcCodes.ILLEGAL_ADDRESS

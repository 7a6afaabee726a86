"""Test equipment: a proxy before a Modbus TCP server that lets what the server answers go wrong."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from random import Random


class WireFault(StrEnum):
    """What may happen to an answer on its way."""

    DELAY = "delay"  # it comes after the client's time-out
    DROP = "drop"  # it never comes
    HALF_OPEN = "half-open"  # nothing comes any more, in either direction, and nobody closes
    DRIBBLE = "dribble"  # it comes a byte at a time, too slowly to be whole in time
    WRONG_TRANSACTION = "wrong-transaction"  # it has another request's number
    DUPLICATE = "duplicate"  # it comes twice
    TRUNCATE = "truncate"  # only its first half comes
    RESET = "reset"  # the connection is reset instead
    GARBAGE = "garbage"  # random bytes come


class FaultProxy:
    """Passes everything on until `fault` is set; then what passes is spoiled, `left` times (None: always).

    With `commands_only` only answers to command blocks (writes of six registers) are. `sequences` counts how
    often the command block of each number went out. `framed` is Modbus TCP's; without it what comes in one
    piece is taken for one answer (RTU).
    """

    def __init__(self, target_port: int, *, framed: bool = True, late_s: float = 0.4, seed: int = 1) -> None:
        self._target = target_port
        self._framed = framed
        self._late_s = late_s
        self._random = Random(seed)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._command_transactions: set[int] = set()
        self._deaf: set[asyncio.StreamWriter] = set()
        self.port = 0
        self.fault: WireFault | None = None
        self.left: int | None = None
        self.commands_only = False
        self.afflicted = 0
        self.connections = 0
        self.open_connections = 0
        self.sequences: dict[int, int] = {}

    def begin(self, fault: WireFault, left: int | None = None, *, commands_only: bool = False) -> None:
        """Spoil the next `left` answers, or all."""
        self.fault, self.left, self.commands_only = fault, left, commands_only

    def mend(self) -> None:
        """Pass everything on again; a connection that is half open stays so."""
        self.fault = self.left = None

    async def start(self) -> None:
        """Listen on a free port of the loopback."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close everything."""
        if self._server is not None:
            self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.connections += 1
        self.open_connections += 1
        ends = [writer]
        ways: list[asyncio.Task[None]] = []
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target)
            ends.append(there_writer)
            ways = [
                asyncio.create_task(self._outward(reader, there_writer, writer)),
                asyncio.create_task(self._back(there_reader, writer)),
            ]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        except (OSError, asyncio.CancelledError):
            pass  # the proxy stops, or the device is gone: so is this connection
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for end in ends:
                end.transport.abort()
            self._deaf.discard(writer)
            self.open_connections -= 1

    async def _piece(self, reader: asyncio.StreamReader) -> bytes:
        if not self._framed:
            data = await reader.read(512)
            if not data:
                raise asyncio.IncompleteReadError(b"", None)
            return data
        head = await reader.readexactly(6)
        return head + await reader.readexactly(struct.unpack(">H", head[4:6])[0])

    async def _outward(
        self, reader: asyncio.StreamReader, there: asyncio.StreamWriter, here: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                data = await self._piece(reader)
                if self._framed and data[7] == 16 and struct.unpack(">H", data[10:12])[0] == 6:
                    (sequence,) = struct.unpack(">H", data[13:15])
                    self.sequences[sequence] = self.sequences.get(sequence, 0) + 1
                    self._command_transactions.add(struct.unpack(">H", data[:2])[0])
                if here in self._deaf:
                    continue
                there.write(data)
                await there.drain()

    async def _back(self, reader: asyncio.StreamReader, here: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                data = await self._piece(reader)
                fault = self._fault_of(data)
                if here in self._deaf:
                    continue
                if fault is None:
                    here.write(data)
                else:
                    await self._spoil(fault, data, here)
                await here.drain()

    def _fault_of(self, data: bytes) -> WireFault | None:
        of_command = False
        if self._framed:
            (transaction,) = struct.unpack(">H", data[:2])
            of_command = transaction in self._command_transactions and data[7] & 0x7F == 16
            self._command_transactions.discard(transaction)
        if self.fault is None or self.left == 0 or (self.commands_only and not of_command):
            return None
        if self.left is not None:
            self.left -= 1
        self.afflicted += 1
        return self.fault

    async def _spoil(self, fault: WireFault, data: bytes, here: asyncio.StreamWriter) -> None:
        match fault:
            case WireFault.DELAY:
                await asyncio.sleep(self._late_s)
                here.write(data)
            case WireFault.DROP:
                pass
            case WireFault.HALF_OPEN:
                self._deaf.add(here)
            case WireFault.DRIBBLE:
                for at in range(len(data)):
                    here.write(data[at : at + 1])
                    await here.drain()
                    await asyncio.sleep(2.0 * self._late_s / len(data))
            case WireFault.WRONG_TRANSACTION:
                here.write(struct.pack(">H", struct.unpack(">H", data[:2])[0] ^ 0x55) + data[2:])
            case WireFault.DUPLICATE:
                here.write(data + data)
            case WireFault.TRUNCATE:
                here.write(data[: len(data) // 2])
            case WireFault.RESET:
                here.transport.abort()
            case WireFault.GARBAGE:
                here.write(self._random.randbytes(len(data)))


@asynccontextmanager
async def fault_proxy(
    target_port: int, *, framed: bool = True, late_s: float = 0.4
) -> AsyncIterator[FaultProxy]:
    """A proxy before the port, closed at the end."""
    proxy = FaultProxy(target_port, framed=framed, late_s=late_s)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()

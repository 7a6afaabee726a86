"""Misbehaving ends of a Modbus line: a raw server with a script, a proxy with switchable faults."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

# (transaction, function, body of the request) → the bytes to answer with, after how many seconds.
Script = Callable[[int, int, bytes], tuple[bytes, float] | None]


def frame(transaction: int, pdu: bytes, device: int = 1) -> bytes:
    """A Modbus TCP frame."""
    return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, device) + pdu


@dataclass
class RawServer:
    """Counts what it was asked; answers by its script (None: closes the connection)."""

    port: int = 0
    requests: list[tuple[int, bytes]] = field(default_factory=list)
    connections: int = 0


@asynccontextmanager
async def raw_server(script: Script) -> AsyncIterator[RawServer]:
    """A TCP server on the loopback that parses requests and answers as the script says."""
    state = RawServer()
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        state.connections += 1
        writers.append(writer)
        pending: set[asyncio.Task[None]] = set()

        async def answer(data: bytes, delay: float) -> None:
            await asyncio.sleep(delay)
            writer.write(data)
            await writer.drain()

        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                transaction, _, length, _ = struct.unpack(">HHHB", await reader.readexactly(7))
                pdu = await reader.readexactly(length - 1)
                state.requests.append((pdu[0], pdu[1:]))
                reply = script(transaction, pdu[0], pdu[1:])
                if reply is None:
                    break
                pending.add(asyncio.create_task(answer(*reply)))
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    state.port = server.sockets[0].getsockname()[1]
    try:
        yield state
    finally:
        server.close()
        for writer in writers:
            writer.close()
        await asyncio.sleep(0.01)


class Proxy:
    """Stands between bench and device. `drop_answers` swallows what the device says to the next n writes;
    `cut` closes every connection and takes no new one until `mend`; `mute` lets nothing through."""

    def __init__(self, target_port: int) -> None:
        self._target = target_port
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.drop_answers = 0
        self.drop_requests = 0
        self.mute = False
        self.command_writes = 0
        self._swallow: set[int] = set()
        self._down = False

    async def start(self) -> None:
        """Listen on a free port of the loopback."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close everything."""
        self.cut()
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Break the line."""
        self._down = True
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def mend(self) -> None:
        """Take connections again."""
        self._down = False

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._down:
            writer.transport.abort()
            return
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers += [writer, there_writer]
        ways = [
            asyncio.create_task(self._pass(reader, there_writer, outward=True)),
            asyncio.create_task(self._pass(there_reader, writer, outward=False)),
        ]
        self._tasks.update(ways)
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for end in (writer, there_writer):
            end.transport.abort()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, outward: bool
    ) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readexactly(7)
                transaction, _, length, _ = struct.unpack(">HHHB", head)
                pdu = await reader.readexactly(length - 1)
                # A command is a write of six registers; the heartbeat is one of one.
                is_command = outward and pdu[0] == 16 and struct.unpack(">H", pdu[3:5])[0] == 6
                self.command_writes += is_command
                if self.mute:
                    continue
                if is_command and self.drop_requests > 0:
                    self.drop_requests -= 1
                    continue
                if is_command and self.drop_answers > 0:
                    self.drop_answers -= 1
                    self._swallow.add(transaction)
                if not outward and transaction in self._swallow:
                    self._swallow.discard(transaction)
                    continue
                writer.write(head + pdu)
                await writer.drain()

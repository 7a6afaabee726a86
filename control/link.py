"""The line to the device: Modbus TCP, RTU over TCP or serial. The one file of the bench with pymodbus.

pymodbus is used without its own retries and reconnection: with them a late answer makes it send the same
write twice and report success, and a second connection can leak. Here every request is made once, every
answer's length is checked, and after any fault the connection is thrown away, so that no late answer can be
taken for the next one. RTU has no transaction numbers, and a gateway or a bus outlives the connection: there
the line is listened to until it is quiet before it is opened again. Whoever calls decides what may be asked
again (`control.rig`).
"""

import asyncio
import logging
import termios
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Final, Protocol, TypeVar

from pymodbus import FramerType
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from control.errors import LinkError
from control.register_words import Table
from control.registers import LinkSettings

# Its warnings repeat what the LinkErrors of this file say, without saying where.
logging.getLogger("pymodbus").setLevel(logging.CRITICAL)

Client = AsyncModbusTcpClient | AsyncModbusSerialClient
Request = tuple[Table, int, int]  # table, address, count

Result = TypeVar("Result")

MOST_DRAIN: Final = 4.0  # time-outs: a line that never falls quiet is opened again all the same
_EXCEPTIONS = {
    1: "illegal function",
    2: "illegal address",
    3: "illegal value",
    4: "device failure",
    5: "acknowledge",
    6: "device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target does not answer",
}


class Link(Protocol):
    """What the rig needs of a line; each method raises `LinkError` with one sentence."""

    @property
    def connected(self) -> bool:
        """Whether requests can be made."""
        ...

    async def connect(self) -> None:
        """Open the line; a line that is open stays as it is."""
        ...

    async def close(self) -> None:
        """Close the line, and forget what was under way."""
        ...

    async def read(self, table: Table, address: int, count: int) -> tuple[int, ...]:
        """`count` bits or registers from `address`."""
        ...

    async def read_all(self, requests: Sequence[Request]) -> list[tuple[int, ...]]:
        """Several reads, one after the other, nothing in between."""
        ...

    async def write_registers(self, address: int, words: Sequence[int]) -> None:
        """Write holding registers in one request. After a `LinkError` it is unknown whether they arrived."""
        ...

    async def write_bits(self, address: int, bits: Sequence[bool]) -> None:
        """Write coils in one request, likewise."""
        ...


class ModbusLink:
    """One Modbus line. One request at a time; one that has begun is finished even if its caller is not."""

    def __init__(self, settings: LinkSettings) -> None:
        self._settings = settings
        self._client: Client | None = None
        self._lock = asyncio.Lock()
        self._asking: asyncio.Task[None] | None = None  # asyncio itself keeps no hold of a task
        self._heard_wall_s = 0.0

    @property
    def where(self) -> str:
        """The device's address, for messages."""
        settings = self._settings
        return settings.serial_port if settings.transport == "rtu" else f"{settings.host}:{settings.port}"

    @property
    def connected(self) -> bool:
        """Whether requests can be made."""
        return self._client is not None and self._client.connected

    async def connect(self) -> None:
        """Open the line. Raises `LinkError` where nothing answers at the address in time."""
        async with self._lock:
            if self.connected:
                return
            self._drop()
            client = self._new_client()
            try:
                opened = await asyncio.wait_for(client.connect(), self._settings.timeout_s)
            except (TimeoutError, OSError, ModbusException) as error:
                client.close()
                raise LinkError(f"no rig answers at {self.where} ({str(error) or 'timed out'})") from error
            except (termios.error, ValueError) as error:
                client.close()
                set_as = f"{self._settings.baudrate} baud, parity {self._settings.parity}"
                raise LinkError(f"{self.where} cannot be set to {set_as} ({error})") from error
            except BaseException:
                client.close()
                raise
            if not opened:
                client.close()
                raise LinkError(f"no rig answers at {self.where}")
            self._client = client

    async def close(self) -> None:
        """Close the line once the request under way has ended."""
        async with self._lock:
            self._drop()

    async def read(self, table: Table, address: int, count: int) -> tuple[int, ...]:
        """`count` bits or registers from `address`; bits come as 0 and 1."""
        return (await self.read_all(((table, address, count),)))[0]

    async def read_all(self, requests: Sequence[Request]) -> list[tuple[int, ...]]:
        """Several reads, one after the other; what `read` says holds of each."""

        async def ask() -> list[tuple[int, ...]]:
            return [await self._read(table, address, count) for table, address, count in requests]

        return await self._exchange(ask())

    async def _read(self, table: Table, address: int, count: int) -> tuple[int, ...]:
        is_bits = table.is_bits
        # Bits come in whole bytes, filled up with zeros; registers exactly as many as were asked for.
        expected = -(-count // 8) * 8 if is_bits else count

        def request(client: Client) -> Awaitable[ModbusPDU]:
            device_id = self._settings.device_id
            match table:
                case Table.INPUT:
                    return client.read_input_registers(address, count=count, device_id=device_id)
                case Table.HOLDING:
                    return client.read_holding_registers(address, count=count, device_id=device_id)
                case Table.COIL:
                    return client.read_coils(address, count=count, device_id=device_id)
                case Table.DISCRETE:
                    return client.read_discrete_inputs(address, count=count, device_id=device_id)

        def check(answer: ModbusPDU) -> str:
            found = len(answer.bits if is_bits else answer.registers)
            return "" if found == expected else f"{expected} values expected, {found} came"

        answer = await self._ask(("read", count, "from", table, address), request, check)
        return tuple(map(int, answer.bits[:count])) if is_bits else tuple(answer.registers)

    async def write_registers(self, address: int, words: Sequence[int]) -> None:
        """Write holding registers in one request; the device must name the same place and number."""

        def request(client: Client) -> Awaitable[ModbusPDU]:
            return client.write_registers(address, list(words), device_id=self._settings.device_id)

        await self._write(Table.HOLDING, address, len(words), request)

    async def write_bits(self, address: int, bits: Sequence[bool]) -> None:
        """Write coils in one request; likewise."""

        def request(client: Client) -> Awaitable[ModbusPDU]:
            return client.write_coils(address, list(bits), device_id=self._settings.device_id)

        await self._write(Table.COIL, address, len(bits), request)

    async def _write(
        self, table: Table, address: int, count: int, request: Callable[[Client], Awaitable[ModbusPDU]]
    ) -> None:
        def check(answer: ModbusPDU) -> str:
            if (answer.address, answer.count) == (address, count):
                return ""
            return f"the device answers for {answer.count} at {answer.address}"

        async def ask() -> None:
            await self._ask(("write", count, "to", table, address), request, check)

        await self._exchange(ask())

    async def _exchange(self, asking: Coroutine[Any, Any, Result]) -> Result:
        # A caller may be cancelled at any time (hold, abort). While it waits for its turn its request is not
        # made at all; once made, it must not be torn off in the middle, or its late answer would meet the
        # next request: the lock is held until it has ended, whoever is still there to hear of it.
        try:
            await self._lock.acquire()
        except BaseException:
            asking.close()
            raise
        answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._asking = asyncio.ensure_future(self._finish(asking, answer))
        return await answer

    async def _finish(self, asking: Coroutine[Any, Any, Result], answer: "asyncio.Future[Result]") -> None:
        # What `asyncio.shield` does, with one turn of the loop less: there are twenty polls a second.
        try:
            result = await asking
        except Exception as error:
            # Where the caller was cancelled nobody is there to hear of it.
            if not answer.done():
                answer.set_exception(error)
        except BaseException:
            answer.cancel()
            raise
        else:
            if not answer.done():
                answer.set_result(result)
        finally:
            self._lock.release()

    async def _ask(
        self,
        what: tuple[str, int, str, Table, int],
        request: Callable[[Client], Awaitable[ModbusPDU]],
        check: Callable[[ModbusPDU], str],
    ) -> ModbusPDU:
        """One request and its answer; `check` says what is wrong with it, nothing where it is in order."""
        client = self._client
        if client is None or not client.connected:
            self._drop()
            raise LinkError(f"{self._at(what)}: not connected")
        try:
            answer = await request(client)
            if answer.isError():
                code = getattr(answer, "exception_code", 0)
                # The device is there and understood: the line is kept.
                raise _DeviceExceptionError(
                    f"{self._at(what)}: the device answers with "
                    f"exception {code} ({_EXCEPTIONS.get(code, 'unknown')})"
                )
            fault = check(answer)
            if fault:
                await self._drain()
                raise LinkError(f"{self._at(what)}: {fault}")
            return answer
        except (ModbusException, OSError, TimeoutError) as error:
            await self._drain()
            limit = self._settings.timeout_s
            raise LinkError(f"{self._at(what)}: no usable answer within {limit:g} s") from error

    def _at(self, what: tuple[str, int, str, Table, int]) -> str:
        verb, count, way, table, address = what
        return f"{self.where}: {verb} of {count} {way} {table} {address}"

    def _new_client(self) -> Client:
        settings = self._settings
        if settings.transport == "rtu":
            return AsyncModbusSerialClient(
                settings.serial_port,
                framer=FramerType.RTU,
                baudrate=settings.baudrate,
                parity=settings.parity,
                stopbits=settings.stop_bits,
                timeout=settings.timeout_s,
                retries=0,
                reconnect_delay=0,
                trace_packet=self._hear,
            )
        return AsyncModbusTcpClient(
            settings.host,
            framer=FramerType.SOCKET if settings.transport == "tcp" else FramerType.RTU,
            port=settings.port,
            timeout=settings.timeout_s,
            retries=0,
            reconnect_delay=0,
            trace_packet=self._hear if settings.transport != "tcp" else None,
        )

    def _hear(self, sending: bool, data: bytes) -> bytes:
        if not sending:
            self._heard_wall_s = time.monotonic()
        return data

    async def _drain(self) -> None:
        """Throw the connection away; on RTU only after the line was quiet for one time-out."""
        if self._settings.transport != "tcp":
            began = time.monotonic()
            timeout_s = self._settings.timeout_s
            while (now := time.monotonic()) - began < MOST_DRAIN * timeout_s:
                quiet_s = now - max(began, self._heard_wall_s)
                if quiet_s >= timeout_s or not self.connected:
                    break
                await asyncio.sleep(timeout_s - quiet_s)
        self._drop()

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


class _DeviceExceptionError(LinkError):
    """The device answered with a Modbus exception: an answer, although not one that can be used."""


def open_link(settings: LinkSettings) -> Link:
    """The link for the map's transport."""
    return ModbusLink(settings)

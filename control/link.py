"""The line to the device: Modbus over TCP. The one file of the bench that knows pymodbus.

pymodbus is used without its own retries and reconnection: with them a late answer makes it send the same
write twice and report success, and a second connection can leak. Here every request is made once, every
answer's length is checked, and after any fault the connection is thrown away, so that no late answer can be
taken for the next one. Whoever calls decides what may be asked again (`control.rig`).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from control.errors import LinkError
from control.register_words import Table
from control.registers import LinkSettings

# Its warnings repeat what the LinkErrors of this file say, without saying where.
logging.getLogger("pymodbus").setLevel(logging.CRITICAL)

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

    async def write_registers(self, address: int, words: Sequence[int]) -> None:
        """Write holding registers in one request. After a `LinkError` it is unknown whether they arrived."""
        ...


class ModbusTcpLink:
    """Modbus TCP. One request at a time; one that has begun is finished even if its caller is cancelled."""

    def __init__(self, settings: LinkSettings) -> None:
        self._settings = settings
        self._client: AsyncModbusTcpClient | None = None
        self._lock = asyncio.Lock()

    @property
    def where(self) -> str:
        """The device's address, for messages."""
        return f"{self._settings.host}:{self._settings.port}"

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

        def request(client: AsyncModbusTcpClient) -> Awaitable[ModbusPDU]:
            methods: dict[Table, Callable[..., Awaitable[ModbusPDU]]] = {
                Table.HOLDING: client.read_holding_registers,
                Table.INPUT: client.read_input_registers,
                Table.COIL: client.read_coils,
                Table.DISCRETE: client.read_discrete_inputs,
            }
            return methods[table](address, count=count, device_id=self._settings.device_id)

        what = f"read of {count} from {table} {address}"

        def values(answer: ModbusPDU) -> tuple[int, ...]:
            # Bits come in whole bytes, filled up with zeros; registers exactly as many as were asked for.
            expected = -(-count // 8) * 8 if table.is_bits else count
            found: Sequence[int] = answer.bits if table.is_bits else answer.registers
            if len(found) != expected:
                raise LinkError(f"{self.where}: {what}: {expected} values expected, {len(found)} came")
            return tuple(int(value) for value in found[:count])

        return await self._exchange(what, request, values)

    async def write_registers(self, address: int, words: Sequence[int]) -> None:
        """Write holding registers in one request; the device must name the same place and number."""

        def request(client: AsyncModbusTcpClient) -> Awaitable[ModbusPDU]:
            return client.write_registers(address, list(words), device_id=self._settings.device_id)

        what = f"write of {len(words)} to holding {address}"

        def check(answer: ModbusPDU) -> tuple[int, ...]:
            if (answer.address, answer.count) != (address, len(words)):
                raise LinkError(
                    f"{self.where}: {what}: the device answers for {answer.count} at {answer.address}"
                )
            return ()

        await self._exchange(what, request, check)

    async def _exchange(
        self,
        what: str,
        request: Callable[[AsyncModbusTcpClient], Awaitable[ModbusPDU]],
        check: Callable[[ModbusPDU], tuple[int, ...]],
    ) -> tuple[int, ...]:
        # A caller may be cancelled at any time (hold, abort). While it waits for its turn its request is not
        # made at all; once made, it must not be torn off in the middle, or its late answer would meet the
        # next request: the lock is held until it has ended, whoever is still there to hear of it.
        await self._lock.acquire()
        task = asyncio.ensure_future(self._ask(what, request, check))
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: "asyncio.Future[tuple[int, ...]]") -> None:
        self._lock.release()
        if not task.cancelled():
            # Where the caller was cancelled nobody else asks, and asyncio would complain of it.
            task.exception()

    async def _ask(
        self,
        what: str,
        request: Callable[[AsyncModbusTcpClient], Awaitable[ModbusPDU]],
        check: Callable[[ModbusPDU], tuple[int, ...]],
    ) -> tuple[int, ...]:
        client = self._client
        if client is None or not client.connected:
            self._drop()
            raise LinkError(f"{self.where}: {what}: not connected")
        try:
            answer = await request(client)
            if answer.isError():
                code = getattr(answer, "exception_code", 0)
                # The device is there and understood: the line is kept.
                raise _DeviceExceptionError(
                    f"{self.where}: {what}: the device answers with "
                    f"exception {code} ({_EXCEPTIONS.get(code, 'unknown')})"
                )
            return check(answer)
        except _DeviceExceptionError:
            raise
        except LinkError:
            self._drop()
            raise
        except (ModbusException, OSError, TimeoutError) as error:
            self._drop()
            limit = self._settings.timeout_s
            raise LinkError(f"{self.where}: {what}: no usable answer within {limit:g} s") from error

    def _new_client(self) -> AsyncModbusTcpClient:
        settings = self._settings
        return AsyncModbusTcpClient(
            settings.host, port=settings.port, timeout=settings.timeout_s, retries=0, reconnect_delay=0
        )

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


class _DeviceExceptionError(LinkError):
    """The device answered with a Modbus exception: an answer, although not one that can be used."""


def open_link(settings: LinkSettings) -> Link:
    """The link for the map's transport. Serial and RTU over TCP will stand beside `tcp` here."""
    links: dict[str, Callable[[LinkSettings], Link]] = {"tcp": ModbusTcpLink}
    return links[settings.transport](settings)

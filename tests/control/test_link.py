"""The line: one request, one answer of the right length, and nothing late, short or foreign taken for one."""

import asyncio
import struct
from dataclasses import replace

import pytest
from modbus_fakes import frame, raw_server
from rig_bench import Bench

from control.errors import LinkError
from control.link import ModbusLink, open_link
from control.register_words import Table
from control.registers import LinkSettings, RegisterMap

READ_INPUT, WRITE_MANY = 4, 16


@pytest.fixture
def line(register_map: RegisterMap) -> LinkSettings:
    """The shipped settings with a shorter time-out."""
    return replace(register_map.link, timeout_s=0.2)


def registers(transaction: int, count: int, value: int = 7) -> bytes:
    """An answer with `count` input registers."""
    return frame(transaction, bytes([READ_INPUT, 2 * count]) + struct.pack(">H", value) * count)


async def test_a_real_server_is_read_and_written(bench: Bench) -> None:
    """Bits and registers arrive as they are, a written heartbeat comes back."""
    link = open_link(bench.registers.link)
    await link.connect()
    assert link.connected
    await link.write_registers(0, (1234,))
    assert (1234,) == await link.read(Table.HOLDING, 0, 1)
    assert 30 == len(await link.read(Table.INPUT, 0, 30))
    # empty, door closed: bits 1 and 2 of 7
    assert (0, 1, 1) == (await link.read(Table.DISCRETE, 0, 7))[:3]
    await link.close()
    assert not link.connected


async def test_an_address_that_is_not_there_is_the_devices_answer(bench: Bench) -> None:
    """A Modbus exception is named, and the line stays open: the device is there and understood."""
    link = open_link(bench.registers.link)
    await link.connect()
    with pytest.raises(LinkError, match=r"read of 1 from input 5000: .* exception 2 \(illegal address\)"):
        await link.read(Table.INPUT, 5000, 1)
    assert link.connected
    await link.close()


async def test_nobody_there_is_said_in_one_sentence(line: LinkSettings) -> None:
    """A refused connection is a LinkError that names the address."""
    link = ModbusLink(replace(line, port=1))
    with pytest.raises(LinkError, match=r"no rig answers at 127\.0\.0\.1:1"):
        await link.connect()
    assert not link.connected
    with pytest.raises(LinkError, match="not connected"):
        await link.read(Table.INPUT, 0, 1)


async def test_an_answer_with_too_few_registers_is_refused(line: LinkSettings) -> None:
    """pymodbus takes such an answer; the link doesn't, and starts on a fresh connection."""
    async with raw_server(lambda t, f, b: (registers(t, 2), 0.0)) as server:
        link = ModbusLink(replace(line, port=server.port))
        await link.connect()
        with pytest.raises(LinkError, match="4 values expected, 2 came"):
            await link.read(Table.INPUT, 0, 4)
        assert not link.connected
        await link.close()


async def test_a_write_echo_for_another_place_is_refused(line: LinkSettings) -> None:
    """The device must confirm the address and the number of registers that were written."""
    async with raw_server(
        lambda t, f, b: (frame(t, bytes([WRITE_MANY]) + struct.pack(">HH", 11, 6)), 0.0)
    ) as server:
        link = ModbusLink(replace(line, port=server.port))
        await link.connect()
        with pytest.raises(LinkError, match="the device answers for 6 at 11"):
            await link.write_registers(10, (1, 2, 3, 4, 5, 6))
        await link.close()


async def test_a_late_answer_is_not_taken_for_the_next(line: LinkSettings) -> None:
    """After a time-out the connection is thrown away, and with it what still comes on it."""
    values = iter([1, 2])
    delays = iter([0.3, 0.0])
    async with raw_server(lambda t, f, b: (registers(t, 1, next(values)), next(delays))) as server:
        link = ModbusLink(replace(line, port=server.port))
        await link.connect()
        with pytest.raises(LinkError, match=r"no usable answer within 0\.2 s"):
            await link.read(Table.INPUT, 0, 1)
        await link.connect()
        await asyncio.sleep(0.15)
        assert (2,) == await link.read(Table.INPUT, 0, 1)
        assert 2 == server.connections
        await link.close()


async def test_a_write_is_sent_once_however_late_its_answer(line: LinkSettings) -> None:
    """Nothing is replayed: the server sees one write although its answer never comes in time."""
    echo = bytes([WRITE_MANY]) + struct.pack(">HH", 10, 6)
    async with raw_server(lambda t, f, b: (frame(t, echo), 0.35)) as server:
        link = ModbusLink(replace(line, port=server.port))
        await link.connect()
        with pytest.raises(LinkError, match="no usable answer"):
            await link.write_registers(10, (1, 2, 3, 4, 5, 6))
        await asyncio.sleep(0.4)
        assert [WRITE_MANY] == [function for function, _ in server.requests]
        await link.close()


async def test_a_foreign_transaction_is_not_an_answer(line: LinkSettings) -> None:
    """An answer with another transaction number is no answer to this request."""
    async with raw_server(lambda t, f, b: (registers(t + 1, 1), 0.0)) as server:
        link = ModbusLink(replace(line, port=server.port))
        await link.connect()
        with pytest.raises(LinkError, match="no usable answer"):
            await link.read(Table.INPUT, 0, 1)
        await link.close()


async def test_a_connection_closed_by_the_device_is_noticed_within_one_timeout(line: LinkSettings) -> None:
    """Not after retries and back-off: 0.2 s, and the next connect is a fresh one."""
    async with raw_server(lambda t, f, b: None) as server:
        link = ModbusLink(replace(line, port=server.port))
        await link.connect()
        async with asyncio.timeout(0.5):
            with pytest.raises(LinkError):
                await link.read(Table.INPUT, 0, 1)
        assert not link.connected
        await link.close()


async def test_a_cancelled_caller_leaves_the_line_in_order(line: LinkSettings) -> None:
    """The request under way is finished and its answer thrown away; one that still waited is never sent."""
    async with raw_server(lambda t, f, b: (registers(t, 1, b[1]), 0.1)) as server:
        link = ModbusLink(replace(line, port=server.port))
        await link.connect()
        first = asyncio.create_task(link.read(Table.INPUT, 1, 1))
        second = asyncio.create_task(link.read(Table.INPUT, 2, 1))
        await asyncio.sleep(0.03)
        first.cancel()
        second.cancel()
        await asyncio.gather(first, second, return_exceptions=True)
        assert (3,) == await link.read(Table.INPUT, 3, 1)
        assert [1, 3] == [body[1] for _, body in server.requests]
        await link.close()


async def test_connecting_twice_keeps_the_one_connection(line: LinkSettings) -> None:
    """A second connect neither opens nor leaks a socket."""
    async with raw_server(lambda t, f, b: (registers(t, 1), 0.0)) as server:
        link = ModbusLink(replace(line, port=server.port))
        await asyncio.gather(link.connect(), link.connect(), link.connect())
        await link.read(Table.INPUT, 0, 1)
        assert 1 == server.connections
        await link.close()

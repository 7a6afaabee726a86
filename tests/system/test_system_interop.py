"""Our link against devices of other makes, each a process: libmodbus (C), pyModbusTCP, modbus-tk."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from modbus_peers import BITS, TAGS, VALUES, WORDS, Peer, compiled_server, script

from control.errors import LinkError
from control.link import ModbusLink
from control.register_words import Table
from control.registers import Decoded, ReadRequest, plan_reads

pytestmark = pytest.mark.interop

REQUESTS, MOST, STUBBORN, EXCEPTIONS = 40, 30, 31, 200  # of libmodbus_server.c
PLAN = plan_reads(TAGS)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The libmodbus server, compiled."""
    return compiled_server(tmp_path_factory.mktemp("libmodbus"))


@pytest.fixture
def libmodbus(program: Path) -> Iterator[Peer]:
    """It runs, with its peculiar registers."""
    yield from running(Peer("libmodbus", (str(program),)))


@pytest.fixture(params=["libmodbus", "pymodbustcp_server", "modbus_tk_server"])
def peer(request: pytest.FixtureRequest) -> Iterator[Peer]:
    """Each of the three in turn."""
    if request.param == "libmodbus":
        yield request.getfixturevalue("libmodbus")
    else:
        yield from running(Peer(request.param, script(request.param)))


def running(peer: Peer) -> Iterator[Peer]:
    """Started, and killed afterwards."""
    peer.start()
    try:
        yield peer
    finally:
        peer.kill()


async def read_all(link: ModbusLink, plan: Sequence[ReadRequest] = PLAN) -> dict[str, Decoded]:
    """Every tag by the plan's requests."""
    answers = await link.read_all([(request.table, request.address, request.count) for request in plan])
    values: dict[str, Decoded] = {}
    for request, words in zip(plan, answers, strict=True):
        values |= request.decode(words)
    return values


async def test_every_kind_of_value_arrives_by_few_requests(peer: Peer) -> None:
    """Bits, 16 and 32 bits, floats, both word orders, scales: as the other library has laid them out."""
    assert 5 == len(PLAN)
    link = ModbusLink(peer.line)
    await link.connect()
    values = await read_all(link)
    assert VALUES == {name: decoded.value for name, decoded in values.items()}
    await link.close()


async def test_what_is_written_reads_back(peer: Peer) -> None:
    """Registers and coils, several in one request; nothing beside them has changed."""
    tags = {tag.name: tag for tag in TAGS}
    link = ModbusLink(peer.line)
    await link.connect()
    words = (
        *tags["setpoint"].encode(0.1),
        *tags["little_setpoint"].encode(-1e6),
        *tags["limit"].encode(65535),
    )
    await link.write_registers(10, words)
    await link.write_bits(2, (True, False, True))
    values = {name: decoded.value for name, decoded in (await read_all(link)).items()}
    changed = {name: value for name, value in values.items() if value != VALUES[name]}
    assert {
        "setpoint": pytest.approx(0.1),
        "little_setpoint": -1e6,
        "limit": 65535,
        "output_2": True,
        "output_3": False,
        "output_4": True,
    } == changed
    assert (0, 0) == (await link.read(Table.HOLDING, 9, 1) + await link.read(Table.HOLDING, 15, 1))
    await link.close()


async def test_an_address_that_is_not_there_is_the_devices_answer(peer: Peer) -> None:
    """Reading or writing past a table's end is exception 2; the line stays open and goes on."""
    link = ModbusLink(peer.line)
    await link.connect()
    for table, end in (
        (Table.HOLDING, WORDS),
        (Table.INPUT, WORDS),
        (Table.COIL, BITS),
        (Table.DISCRETE, BITS),
    ):
        with pytest.raises(LinkError, match=rf"read of 2 from {table} {end - 1}: .*exception 2 "):
            await link.read(table, end - 1, 2)
    with pytest.raises(LinkError, match=rf"write of 1 to holding {WORDS}: .*exception 2 "):
        await link.write_registers(WORDS, (1,))
    with pytest.raises(LinkError, match=rf"write of 1 to coil {BITS}: .*exception 2 "):
        await link.write_bits(BITS, (True,))
    assert link.connected
    assert (52000,) == await link.read(Table.INPUT, 0, 1)
    await link.close()


async def test_a_device_that_was_killed_is_found_again(peer: Peer) -> None:
    """One sentence while it is gone, a fresh connection when it is back, and what it forgot is seen."""
    link = ModbusLink(peer.line)
    await link.connect()
    await link.write_registers(14, (99,))
    peer.kill()
    with pytest.raises(LinkError, match="read of 1 from holding 14"):
        await link.read(Table.HOLDING, 14, 1)
    assert not link.connected
    with pytest.raises(LinkError, match=f"no rig answers at 127.0.0.1:{peer.port}"):
        await link.connect()
    peer.start()
    await link.connect()
    assert (0,) == await link.read(Table.HOLDING, 14, 1)
    await link.close()


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (1, "illegal function"),
        (2, "illegal address"),
        (3, "illegal value"),
        (4, "device failure"),
        (6, "device busy"),
        (10, "gateway path unavailable"),
        (11, "gateway target does not answer"),
    ],
)
async def test_every_exception_has_its_words(libmodbus: Peer, code: int, meaning: str) -> None:
    """For reads and writes alike, and the connection is kept."""
    link = ModbusLink(libmodbus.line)
    await link.connect()
    with pytest.raises(LinkError, match=rf"read of 1 .* exception {code} \({meaning}\)"):
        await link.read(Table.HOLDING, EXCEPTIONS + code, 1)
    with pytest.raises(LinkError, match=rf"write of 1 .* exception {code} \({meaning}\)"):
        await link.write_registers(EXCEPTIONS + code, (5,))
    assert link.connected
    await link.close()


async def test_a_value_that_the_device_did_not_take_shows_on_reading_back(libmodbus: Peer) -> None:
    """A device may confirm a write and keep another value: that is why writes that matter are read back."""
    link = ModbusLink(libmodbus.line)
    await link.connect()
    await link.write_registers(MOST, (4000,))
    await link.write_registers(STUBBORN, (4000,))
    assert (1000, 17) == await link.read(Table.HOLDING, MOST, 2)
    await link.close()


async def test_the_plan_costs_as_many_requests_as_it_says(libmodbus: Peer) -> None:
    """The device counts them: every read once; where gaps may be read over, one request less."""
    link = ModbusLink(libmodbus.line)
    await link.connect()
    for plan, requests in ((PLAN, 5), (plan_reads(TAGS, gap=12), 4)):
        (before,) = await link.read(Table.INPUT, REQUESTS, 1)
        values = await read_all(link, plan)
        (after,) = await link.read(Table.INPUT, REQUESTS, 1)
        assert requests + 1 == after - before
        assert VALUES == {name: decoded.value for name, decoded in values.items()}
    await link.close()


async def test_two_lines_at_once_do_not_mix(libmodbus: Peer) -> None:
    """Each connection gets its own answers, and goes on when the other one is closed."""
    first, second = ModbusLink(libmodbus.line), ModbusLink(libmodbus.line)
    await first.connect()
    await second.connect()
    await first.write_registers(14, (1,))
    assert (1,) == await second.read(Table.HOLDING, 14, 1)
    await first.close()
    assert (52000,) == await second.read(Table.INPUT, 0, 1)
    await second.close()

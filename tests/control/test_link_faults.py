"""The line when the wire fails: what was measured of Modbus lines, and that none of it gets through."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from fault_proxy import FaultProxy, WireFault, fault_proxy
from pymodbus import FramerType
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice
from rig_bench import Bench, until

from control.errors import ConfigurationError, LinkError
from control.link import ModbusLink
from control.register_words import Table
from control.registers import LinkSettings, RegisterMap, load_register_map
from control.rig import Rig

TIMEOUT_S = 0.2
ONE_ANSWER = [fault for fault in WireFault if fault is not WireFault.DUPLICATE]


def open_files() -> int:
    """Files and sockets that this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
async def wire(bench: Bench) -> AsyncIterator[FaultProxy]:
    """A wire to the twin that can fail."""
    async with fault_proxy(bench.registers.link.port, late_s=1.5 * TIMEOUT_S) as proxy:
        yield proxy


@pytest.fixture
def line(register_map: RegisterMap, wire: FaultProxy) -> LinkSettings:
    """Settings for a line over the wire."""
    return replace(register_map.link, port=wire.port, timeout_s=TIMEOUT_S)


@pytest.fixture
async def far_rig(bench: Bench, line: LinkSettings) -> AsyncIterator[Rig]:
    """A rig at the other end of the wire."""
    rig = Rig(replace(bench.registers, link=line))
    await rig.connect()
    yield rig
    await rig.close()


@pytest.mark.parametrize("fault", ONE_ANSWER)
async def test_a_spoiled_answer_is_a_link_error_in_time_and_no_value(
    bench: Bench, wire: FaultProxy, line: LinkSettings, fault: WireFault
) -> None:
    """Within one time-out; the next request on a fresh connection has its own, right answer."""
    link = ModbusLink(line)
    await link.connect()
    await link.write_registers(0, (4711,))
    wire.begin(fault, 1)
    started = time.monotonic()
    with pytest.raises(LinkError, match=r"127\.0\.0\.1"):
        await link.read(Table.INPUT, 0, 30)
    assert time.monotonic() - started < 1.5 * TIMEOUT_S
    wire.mend()
    await link.connect()
    assert (4711,) == await link.read(Table.HOLDING, 0, 1)
    await asyncio.sleep(2.5 * TIMEOUT_S)  # whatever still comes, comes now
    assert (4711,) == await link.read(Table.HOLDING, 0, 1)
    assert 7 == len(await link.read(Table.DISCRETE, 0, 7))
    assert (2, 1) == (wire.connections, wire.afflicted)
    await link.close()


async def test_a_doubled_answer_is_not_the_next_ones(
    wire: FaultProxy, line: LinkSettings, bench: Bench
) -> None:
    """The second copy never stands for another request's answer, even of the same shape."""
    link = ModbusLink(line)
    await link.connect()
    await link.write_registers(0, (7,))
    wire.begin(WireFault.DUPLICATE)
    for value in range(20):
        try:
            await link.connect()
            await link.write_registers(0, (value,))
            assert (value,) == await link.read(Table.HOLDING, 0, 1)
        except LinkError:
            continue  # refused is in order; wrong is not
    assert wire.afflicted >= 20
    await link.close()


async def test_no_socket_is_left_behind_by_fifty_reconnections(
    wire: FaultProxy, line: LinkSettings, bench: Bench
) -> None:
    """Connect, lose, connect: afterwards there are as many open files as before, and one connection."""
    link = ModbusLink(replace(line, timeout_s=0.05))
    await link.connect()
    await link.read(Table.INPUT, 0, 3)
    gc.collect()
    before = open_files()
    for turn in range(50):
        wire.begin((WireFault.RESET, WireFault.TRUNCATE, WireFault.WRONG_TRANSACTION)[turn % 3], 1)
        with pytest.raises(LinkError):
            await link.read(Table.INPUT, 0, 3)
        await asyncio.gather(link.connect(), link.connect())
    await until(lambda: wire.open_connections == 1, 2.0)
    assert 51 == wire.connections
    assert before == open_files()
    await link.close()


async def test_a_first_connect_that_fails_can_be_tried_again(bench: Bench, line: LinkSettings) -> None:
    """pymodbus doesn't; here the same link connects once somebody is there."""
    await bench.server.stop()
    link = ModbusLink(replace(line, port=bench.registers.link.port))
    for _ in range(3):
        with pytest.raises(LinkError, match="no rig answers"):
            await link.connect()
    await bench.server.start(bench.registers.link.port)
    await link.connect()
    assert 1 == len(await link.read(Table.HOLDING, 0, 1))
    await link.close()


@pytest.mark.parametrize("fault", list(WireFault))
async def test_a_command_is_given_once_whatever_happens_to_its_answer(
    bench: Bench, wire: FaultProxy, far_rig: Rig, fault: WireFault
) -> None:
    """The device acts once; the bench knows it by the echo, without sending it again."""
    wire.begin(fault, 1, commands_only=True)
    await far_rig.fill_fine(0.05, 40.0)
    assert {1: 1} == wire.sequences
    assert 1 == bench.device.executed
    await until(lambda: bench.closed and bench.device.dose_state == 2)


@pytest.mark.parametrize("fault", [WireFault.DROP, WireFault.HALF_OPEN, WireFault.GARBAGE])
async def test_a_wire_that_fails_for_good_is_an_alarm_and_the_device_closes(
    bench: Bench, wire: FaultProxy, far_rig: Rig, fault: WireFault
) -> None:
    """Link lost within T/2, everything closed within T and a second, and a fresh start after the mending."""
    await far_rig.fill_coarse(19.0, 10.0)
    wire.begin(fault)
    began = time.monotonic()
    await until(lambda: "link-lost" in [alarm.name for alarm in far_rig.alarms.first_out()], 3.0)
    assert not far_rig.connected
    await until(lambda: bench.closed, 5.0)
    assert time.monotonic() - began < bench.registers.link.heartbeat_s + 1.0
    wire.mend()
    await until(lambda: far_rig.connected, 5.0)
    assert all(count <= 3 for count in wire.sequences.values())
    assert bench.closed
    assert "link-lost" in [alarm.name for alarm in far_rig.alarms.first_out()]  # until somebody has looked


async def test_every_value_has_its_age(bench: Bench, wire: FaultProxy, far_rig: Rig) -> None:
    """While the wire is dead each tag grows older; the last values stay to be seen, with their age."""
    assert max(far_rig.ages_s().values()) < 0.5
    wire.begin(WireFault.DROP)
    await asyncio.sleep(0.8)
    ages = far_rig.ages_s()
    assert set(bench.registers.tags) == set(ages)
    assert min(ages.values()) > 0.6
    assert far_rig.snapshot is not None


class RtuServer:
    """RTU frames over TCP, as a serial gateway speaks them."""

    def __init__(self) -> None:
        block = SimData(0, values=list(range(100, 140)), datatype=DataType.REGISTERS)
        bits = [SimData(0, values=[False] * 16, datatype=DataType.BITS)]
        self.server = ModbusTcpServer(
            SimDevice(id=1, simdata=(bits, bits, [block], [block])),
            address=("127.0.0.1", 0),
            framer=FramerType.RTU,
        )

    async def start(self) -> int:
        """Listen; returns the port."""
        await self.server.serve_forever(background=True)
        return int(self.server.transport.sockets[0].getsockname()[1])  # type: ignore[union-attr]  # asyncio's


@pytest.fixture
async def gateway(register_map: RegisterMap) -> AsyncIterator[tuple[FaultProxy, ModbusLink]]:
    """A link that speaks RTU over TCP, through a wire that can fail."""
    server = RtuServer()
    port = await server.start()
    async with fault_proxy(port, framed=False, late_s=1.4 * TIMEOUT_S) as proxy:
        settings = replace(register_map.link, transport="rtu-tcp", port=proxy.port, timeout_s=TIMEOUT_S)
        link = ModbusLink(settings)
        await link.connect()
        yield proxy, link
        await link.close()
    await server.server.shutdown()


async def test_rtu_over_tcp_is_read_and_written(gateway: tuple[FaultProxy, ModbusLink]) -> None:
    """The same requests in other frames."""
    _, link = gateway
    assert tuple(range(100, 110)) == await link.read(Table.INPUT, 0, 10)
    await link.write_registers(3, (7, 8))
    assert (102, 7, 8, 105) == await link.read(Table.HOLDING, 2, 4)


@pytest.mark.parametrize("fault", [WireFault.DELAY, WireFault.TRUNCATE, WireFault.GARBAGE, WireFault.DROP])
async def test_rtu_is_drained_after_a_fault(gateway: tuple[FaultProxy, ModbusLink], fault: WireFault) -> None:
    """RTU has no transaction number: a late answer of the same shape must not be the next one's."""
    wire, link = gateway
    wire.begin(fault, 1)
    started = time.monotonic()
    with pytest.raises(LinkError, match=r"no usable answer within 0\.2 s"):
        await link.read(Table.INPUT, 0, 2)
    assert 2.0 * TIMEOUT_S <= time.monotonic() - started < 5.0 * TIMEOUT_S
    wire.mend()
    await link.connect()
    assert (110, 111) == await link.read(Table.INPUT, 10, 2)
    assert (120, 121) == await link.read(Table.INPUT, 20, 2)


async def test_a_serial_port_that_is_not_there_is_one_sentence(register_map: RegisterMap) -> None:
    """It names the port."""
    link = ModbusLink(replace(register_map.link, transport="rtu", serial_port="/dev/no-such-port"))
    with pytest.raises(LinkError, match="no rig answers at /dev/no-such-port"):
        await link.connect()
    assert not link.connected


def test_a_serial_rig_is_configured_by_its_port(tmp_path: Path, register_map: RegisterMap) -> None:
    """host and port are TCP's; a serial line has its port, speed, parity and stop bits."""
    text = Path(register_map.file).read_text(encoding="utf-8")
    serial = text.replace('transport = "tcp"\nhost = "127.0.0.1"\nport = 5020', 'transport = "rtu"')
    file = tmp_path / "rig.toml"
    file.write_text(serial)
    with pytest.raises(ConfigurationError, match=r"rig.toml: serial_port: missing"):
        load_register_map(file)
    file.write_text(
        serial.replace('transport = "rtu"', 'transport = "rtu"\nserial_port = "/dev/ttyS0"\nparity = "N"')
    )
    link = load_register_map(file).link
    assert ("rtu", "/dev/ttyS0", 19200, "N", 1) == (
        link.transport,
        link.serial_port,
        link.baudrate,
        link.parity,
        link.stop_bits,
    )

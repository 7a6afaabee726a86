"""RTU: our link on one end of a socat pair of terminals, libmodbus on the other, noise in between."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from modbus_peers import TAGS, VALUES, Peer, compiled_server, need

from control.errors import LinkError
from control.link import ModbusLink
from control.register_words import Table
from control.registers import LinkSettings, plan_reads

pytestmark = pytest.mark.interop

TIMEOUT_S = 0.3
PLAN = plan_reads(TAGS)
REQUESTS = [(request.table, request.address, request.count) for request in PLAN]


@dataclass
class Serial:
    """The line's two ends, and the device at the far one."""

    near: Path
    far: Path
    device: Peer

    @property
    def line(self) -> LinkSettings:
        """How our link reaches it. Terminals of this kind have no parity bit."""
        place = replace(self.device.line, transport="rtu", serial_port=str(self.near), parity="N", port=0)
        return replace(place, timeout_s=TIMEOUT_S)

    def noise(self, data: bytes, end: Path) -> None:
        """Bytes that nobody sent arrive at the other end."""
        terminal = os.open(end, os.O_WRONLY | os.O_NOCTTY)
        os.write(terminal, data)
        os.close(terminal)


@contextmanager
def socat(*ends: str) -> Iterator["subprocess.Popen[str]"]:
    """socat between two ends; what it says comes on its standard error."""
    process = subprocess.Popen(["socat", "-d", "-d", *ends], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)
        process.stderr.close()


def heard(process: "subprocess.Popen[str]", words: str) -> str:
    """The first line of its standard error with these words."""
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return line.strip()
    raise AssertionError(f"socat ended with {process.wait(10)} and never said {words!r}")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The libmodbus server, compiled."""
    need("socat")
    return compiled_server(tmp_path_factory.mktemp("libmodbus"))


@pytest.fixture
def serial(program: Path, tmp_path: Path) -> Iterator[Serial]:
    """A pair of terminals and a device on it."""
    near, far = tmp_path / "near", tmp_path / "far"
    with socat(f"pty,raw,echo=0,link={near}", f"pty,raw,echo=0,link={far}") as process:
        heard(process, "starting data transfer loop")
        device = Peer("libmodbus", (str(program),))
        device.begin("rtu", str(far))
        try:
            yield Serial(near, far, device)
        finally:
            device.kill()


async def values(link: ModbusLink) -> dict[str, object]:
    """Every tag by the plan's requests."""
    found: dict[str, object] = {}
    for request, words in zip(PLAN, await link.read_all(REQUESTS), strict=True):
        found |= {name: decoded.value for name, decoded in request.decode(words).items()}
    return found


async def test_values_pass_the_serial_line_both_ways(serial: Serial) -> None:
    """All four tables are read, registers and coils written and read back."""
    link = ModbusLink(serial.line)
    await link.connect()
    assert VALUES == await values(link)
    await link.write_registers(10, (1, 2, 3, 4, 5))
    await link.write_bits(4, (True, True))
    assert (1, 2, 3, 4, 5) == await link.read(Table.HOLDING, 10, 5)
    assert (1, 0, 0, 1, 1, 1, 1) == await link.read(Table.COIL, 0, 7)
    with pytest.raises(LinkError, match=r"exception 2 \(illegal address\)"):
        await link.read(Table.INPUT, 239, 2)
    assert link.connected
    await link.close()


async def test_noise_on_the_idle_line_changes_nothing(serial: Serial) -> None:
    """A byte that arrives between two frames is not taken for the beginning of the next answer."""
    link = ModbusLink(serial.line)
    await link.connect()
    for garbage in (b"\x55", b"\x01", b"\x01\x04", b"\xff\x00\xff"):
        serial.noise(garbage, serial.far)
        await asyncio.sleep(0.05)
        assert (52000, 53191) == await link.read(Table.INPUT, 0, 2)
    await link.close()


async def test_noise_before_an_answer_spoils_that_answer_alone(serial: Serial) -> None:
    """A byte between request and answer: no usable answer is said, never a wrong value; the next one is."""
    link = ModbusLink(serial.line)
    for garbage in (b"\x55", b"\x01", b"\x01\x04\x04"):
        await link.connect()
        serial.device.signal(signal.SIGSTOP)
        asked = asyncio.create_task(link.read(Table.INPUT, 0, 2))
        await asyncio.sleep(0.05)
        serial.noise(garbage, serial.far)
        serial.device.signal(signal.SIGCONT)
        with pytest.raises(LinkError, match="no usable answer"):
            await asked
        assert not link.connected
        await link.connect()
        assert (52000, 53191) == await link.read(Table.INPUT, 0, 2)
    await link.close()


async def test_noise_before_a_request_costs_at_most_that_request(serial: Serial) -> None:
    """The device discards what it cannot read; what was written shows on reading back."""
    link = ModbusLink(serial.line)
    await link.connect()
    serial.noise(b"\x55", serial.near)
    with pytest.raises(LinkError, match="no usable answer"):
        await link.write_registers(10, (7,))
    await link.connect()
    assert (0,) == await link.read(Table.HOLDING, 10, 1)
    await link.write_registers(10, (7,))
    assert (7,) == await link.read(Table.HOLDING, 10, 1)
    await link.close()


async def test_an_answer_that_comes_late_is_never_the_next_ones(serial: Serial) -> None:
    """RTU has no numbers: what arrives after the time-out is thrown away with the connection."""
    link = ModbusLink(serial.line)
    await link.connect()
    serial.device.signal(signal.SIGSTOP)
    began = time.monotonic()
    with pytest.raises(LinkError, match=r"no usable answer within 0\.3 s"):
        await link.read(Table.INPUT, 0, 1)
    assert time.monotonic() - began >= 2 * TIMEOUT_S  # the answer's time, and a quiet one after it
    serial.device.signal(signal.SIGCONT)
    await asyncio.sleep(0.1)
    await link.connect()
    assert (7,) == await link.read(Table.INPUT, 20, 1)
    await link.close()


async def test_a_device_that_loses_power_is_found_again(serial: Serial) -> None:
    """Silence is said in one sentence; the device answers again once it is back."""
    link = ModbusLink(serial.line)
    await link.connect()
    serial.device.kill()
    with pytest.raises(LinkError, match=f"{serial.near}: read of 1 from input 0: no usable answer"):
        await link.read(Table.INPUT, 0, 1)
    serial.device.begin("rtu", str(serial.far))
    await link.connect()
    assert (52000,) == await link.read(Table.INPUT, 0, 1)
    await link.close()


async def test_another_number_on_the_bus_is_not_ours(serial: Serial) -> None:
    """A device of another number keeps silent; so does the bus."""
    link = ModbusLink(replace(serial.line, device_id=9))
    await link.connect()
    with pytest.raises(LinkError, match="no usable answer"):
        await link.read(Table.INPUT, 0, 1)
    await link.close()


async def test_a_serial_port_that_is_not_there_is_one_sentence(serial: Serial) -> None:
    """The port is named."""
    link = ModbusLink(replace(serial.line, serial_port=str(serial.near.with_name("none"))))
    with pytest.raises(LinkError, match=r"no rig answers at .*none"):
        await link.connect()


async def test_a_serial_port_that_cannot_be_set_so_is_one_sentence(serial: Serial) -> None:
    """What it was to be set to is named."""
    link = ModbusLink(replace(serial.line, parity="E"))
    with pytest.raises(LinkError, match="near cannot be set to 19200 baud, parity E"):
        await link.connect()
    assert not link.connected


async def test_rtu_through_a_gateway(program: Path, tmp_path: Path) -> None:
    """RTU frames over TCP, as a serial device server passes them on."""
    far = tmp_path / "far"
    with socat("tcp-listen:0,bind=127.0.0.1,reuseaddr,fork", f"pty,raw,echo=0,link={far}") as process:
        port = int(heard(process, "listening on").rsplit(":", 1)[1])
        device = Peer("libmodbus", (str(program),), port)
        link = ModbusLink(replace(device.line, transport="rtu-tcp", timeout_s=TIMEOUT_S))
        await link.connect()
        heard(process, "starting data transfer loop")
        device.begin("rtu", str(far))
        try:
            assert VALUES == await values(link)
            await link.write_registers(14, (4321,))
            assert (4321,) == await link.read(Table.HOLDING, 14, 1)
        finally:
            await link.close()
            device.kill()

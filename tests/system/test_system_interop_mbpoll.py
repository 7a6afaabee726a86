"""mbpoll, a stranger with the register map in its hand, reads and drives the twin."""

import asyncio
import re
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from modbus_peers import need

from control.outputs import FIRST_OF_BENCH, ORDER
from control.register_words import Table, Type
from control.registers import RegisterMap, Tag
from control.simulator.configuration import load_twin_configuration
from control.simulator.device import Device, DoseState
from control.simulator.emptying import make_truth
from control.simulator.plant import Plant
from control.simulator.remote_io import RemoteIoModule
from control.simulator.server import RigServer

pytestmark = pytest.mark.interop

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
TABLES = {Table.COIL: "0", Table.DISCRETE: "1", Table.INPUT: "3", Table.HOLDING: "4"}
KINDS = {Type.UINT32: ":int", Type.INT32: ":int", Type.FLOAT32: ":float"}
BITS = {Type.UINT16: 16, Type.UINT32: 32}
SHOWN = re.compile(
    r"^\[(\d+)\]:\s+(\S+)", re.MULTILINE
)  # a register above 32767 has its signed value behind it


@dataclass
class Twin:
    """A plant that stands still, and its server."""

    registers: RegisterMap
    device: Device
    port: int

    async def mbpoll(self, *words: str) -> tuple[int, str]:
        """Exit status and output of one call; addresses count from 0."""
        process = await asyncio.create_subprocess_exec(
            *("mbpoll", "-0", "-1", "-a", str(self.registers.link.device_id), "-p", str(self.port)),
            *words,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await asyncio.wait_for(process.communicate(), 10.0)
        return process.returncode or 0, out.decode()

    async def read(
        self, table: Table, address: int, count: int, kind: str = "", order: str = ""
    ) -> list[float]:
        """`count` values from `address`, as mbpoll prints them."""
        options = ("-r", str(address), "-c", str(count), "-t", TABLES[table] + kind, *order.split())
        status, out = await self.mbpoll(*options, "127.0.0.1")
        assert status == 0, out
        return [float(value) for _, value in SHOWN.findall(out)]

    async def value(self, tag: Tag) -> float:
        """One tag by its line in the register map."""
        order = "-B" if tag.word_order == "big" else ""
        (raw,) = await self.read(tag.table, tag.address, 1, KINDS.get(tag.type, ""), order)
        if tag.type in BITS:
            raw %= 1 << BITS[tag.type]
        elif tag.type is Type.INT16 and raw > 0x7FFF:
            raw -= 0x10000
        return raw * tag.scale + tag.offset

    async def write(self, table: Table, address: int, *values: int) -> tuple[int, str]:
        """Write registers or coils in one request."""
        return await self.mbpoll(
            "-r", str(address), "-t", TABLES[table], "127.0.0.1", *(str(value) for value in values)
        )

    async def written(self, table: Table, address: int, *values: int) -> None:
        """Likewise; it must be taken."""
        status, out = await self.write(table, address, *values)
        assert (0, True) == (status, f"Written {len(values)} references" in out), out

    def pass_time(self, seconds: float) -> None:
        """The plant goes on for `seconds` of its clock, in no time of the wall's."""
        now_s = time.monotonic()
        for _ in range(round(seconds / 0.02)):
            self.device.step(now_s)


@asynccontextmanager
async def twin(rig: str) -> AsyncIterator[Twin]:
    """The twin of a shipped register map, on a free port."""
    need("mbpoll")
    configuration = load_twin_configuration(
        CONFIGS / "rigs" / f"{rig}.toml", CONFIGS / "stations/demo.toml", CONFIGS / "measures/demo-20l.toml"
    )
    registers = configuration.registers
    device = (Device if registers.outputs is None else RemoteIoModule)(
        Plant(make_truth(5, configuration.measure, configuration.standards)),
        heartbeat_s=registers.link.heartbeat_s,
        time_factor=1.0,
        opcodes=registers.commands.opcodes,
    )
    server = RigServer(registers, device)
    try:
        yield Twin(registers, device, await server.start(0))
    finally:
        await server.stop()


def argument(value: float) -> tuple[int, int]:
    """A float32 argument of a command, as a PLC programmer lays it out: high register first."""
    high, low = struct.unpack(">HH", struct.pack(">f", value))
    return high, low


@pytest.mark.parametrize("rig", ["twin", "remote-io"])
async def test_every_tag_reads_as_the_register_map_says(rig: str) -> None:
    """Table, address, type, word order and scale of each give what the device has, to its resolution."""
    async with twin(rig) as bench:
        device = bench.device
        now_s = time.monotonic()
        device.beat(1, now_s)
        if isinstance(device, RemoteIoModule):
            device.setpoint_pct = 50.0
            device.write_outputs([name in ("pump", "coarse_valve") for name in ORDER], now_s)
        else:
            device.command((300, bench.registers.commands.opcodes["fill-coarse"], 5.0, 50.0), now_s)
        bench.pass_time(3.0)
        actual = device.tags()
        assert actual["meter_volume"] > 0.0
        wrong = {}
        for tag in bench.registers.tags.values():
            if bench.registers.outputs is not None and tag.address >= FIRST_OF_BENCH:
                continue
            low, high = tag.range
            expected = float(min(max(actual[tag.name], low), high))
            value = await bench.value(tag)
            if value != pytest.approx(expected, abs=abs(tag.scale) * 0.501, rel=1e-6):
                wrong[tag.name] = (expected, value)
        assert {} == wrong


async def test_a_command_block_by_hand_is_obeyed_once() -> None:
    """Heartbeat, a fine dose, its echo; the same sequence again does nothing, closing does."""
    async with twin("twin") as bench:
        tags = bench.registers.tags
        block = bench.registers.commands.address
        opcodes = bench.registers.commands.opcodes
        await bench.written(Table.HOLDING, tags["heartbeat"].address, 41)
        assert 41.0 == await bench.value(tags["heartbeat"])
        fill = (7, opcodes["fill-fine"], *argument(0.5), *argument(40.0))
        await bench.written(Table.HOLDING, block, *fill)
        assert (7.0, 0.0) == tuple(await bench.read(Table.INPUT, tags["accepted_sequence"].address, 2))
        assert DoseState.RUNNING == await bench.value(tags["dose_state"])
        close = (8, opcodes["close-all"], 0, 0, 0, 0)
        await bench.written(Table.HOLDING, block, *close)
        assert DoseState.BROKEN_OFF == await bench.value(tags["dose_state"])
        await bench.written(Table.HOLDING, block, *close)
        assert 8.0 == await bench.value(tags["accepted_sequence"])
        await bench.written(Table.HOLDING, block, 9, 99, 0, 0, 0, 0)
        assert (9.0, 1.0) == tuple(await bench.read(Table.INPUT, tags["accepted_sequence"].address, 2))


async def test_what_the_map_does_not_have_is_refused_with_the_right_exception() -> None:
    """Unknown addresses, parts of the command block, and tables that the device lacks; nothing changes."""
    async with twin("twin") as bench:
        block = bench.registers.commands.address
        before = bench.device.tags()
        for table, address, values, reason in (
            (Table.HOLDING, 500, (9,), "Illegal data address"),
            (Table.HOLDING, block, (1, 2), "Illegal data address"),
            (Table.COIL, 0, (1,), "Illegal function"),
        ):
            status, out = await bench.write(table, address, *values)
            assert (1, True) == (status, reason in out), out
        status, out = await bench.mbpoll("-r", "500", "-t", "3", "127.0.0.1")
        assert (1, True) == (status, "Illegal data address" in out), out
        assert before == bench.device.tags()


async def test_the_coils_of_remote_io_are_outputs_until_the_watchdog_closes_them() -> None:
    """Written together, read back, closed when the heartbeat stays away, and free again after the reset."""
    async with twin("remote-io") as bench:
        outputs, tags = bench.registers.outputs, bench.registers.tags
        assert outputs is not None and isinstance(bench.device, RemoteIoModule)
        heartbeat, tripped = tags["heartbeat"], tags["watchdog_tripped"]
        drain = tuple(int(name == "drain_valve") for name in ORDER)
        await bench.written(Table.COIL, outputs.address, *drain)
        assert [0.0] * 4 == await bench.read(Table.COIL, outputs.address, 4)
        await bench.written(Table.HOLDING, heartbeat.address, 1)
        await bench.written(Table.COIL, outputs.address, *drain)
        assert list(drain) == await bench.read(Table.COIL, outputs.address, 4)
        bench.pass_time(1.0)
        assert await bench.value(tags["drain_valve"]) > 0.0
        bench.device.step(time.monotonic() + bench.registers.link.heartbeat_s + 0.1)
        assert 1.0 == await bench.value(tripped)
        assert [0.0] * 4 == await bench.read(Table.COIL, outputs.address, 4)
        await bench.written(Table.HOLDING, heartbeat.address, 2)
        await bench.written(Table.COIL, outputs.reset, 1)
        assert 0.0 == await bench.value(tripped)

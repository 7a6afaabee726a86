"""What polling costs: 50 tags at 20 Hz with trends at 1 Hz, and one poll against pymodbus' bare reads.

    python -m benchmarks.polling [--write]

Prints a table; exit status 1 where a figure passes its limit. The device is a process of its own: the twin's
server, or one that answers from a table as fast as it can, so that little of the time is the device's.
`--write` renews docs/reference/polling.md.
"""

import argparse
import asyncio
import struct
import subprocess
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import Any, Final

from pymodbus.client import AsyncModbusTcpClient

from control.register_words import Table, Type
from control.registers import RegisterMap, Tag, Value, load_register_map
from control.rig import Rig
from control.simulator.configuration import load_twin_configuration
from control.simulator.device import Device
from control.simulator.emptying import make_truth
from control.simulator.plant import Plant
from control.simulator.server import RigServer

ROOT = Path(__file__).resolve().parents[1]
REPORT = ROOT / "docs" / "reference" / "polling.md"
TABLE, TWIN = "table", "twin"  # kinds of device
TAGS = 50
POLL_S = 0.05
TREND_S = 1.0
DAY = 86_400
MOST_LOAD = 0.10  # of one core
MOST_RATIO = 1.3
READS: Final = {1: Table.COIL, 2: Table.DISCRETE, 3: Table.HOLDING, 4: Table.INPUT}
WRITE_MANY: Final = 16
FIRST_MORE: Final = 100  # input register of the tags beyond the twin's own: a block of their own
AT_REST: Mapping[str, Value] = {
    "time_factor": 1.0,
    "door_closed": True,
    "level_empty": True,
    "balance_stable": True,
    "air_pressure": 1013.2,
    "humidity": 50.0,
    "water_temperature": 20.0,
    "vessel_temperature": 20.0,
    "air_temperature": 21.0,
}


@dataclass(frozen=True)
class Compared:
    """Seconds of a poll and of the bare reads (medians), against one kind of device."""

    device: str
    poll_s: float
    bare_s: float

    @property
    def ratio(self) -> float:
        """A poll over the bare reads."""
        return self.poll_s / self.bare_s


@dataclass(frozen=True)
class Figures:
    """What was measured: the load as share of one core, and the comparisons."""

    tags: int
    requests: int
    load: float
    seconds: float
    polls: int
    compared: tuple[Compared, ...]
    pairs: int

    @property
    def good(self) -> bool:
        """Whether all figures are within their limits, at the rate that was asked for."""
        kept = self.polls >= 0.98 * self.seconds / POLL_S
        return kept and self.load <= MOST_LOAD and all(one.ratio <= MOST_RATIO for one in self.compared)


def register_map(port: int) -> RegisterMap:
    """The twin's map with further sensors, up to `TAGS`, of all types and scales in use."""
    own = load_register_map(ROOT / "configs" / "rigs" / "twin.toml")
    tags = dict(own.tags)
    kinds = ((Type.FLOAT32, 1.0), (Type.INT16, 0.01), (Type.UINT16, 0.1), (Type.INT32, 0.001))
    address = FIRST_MORE
    while len(tags) < TAGS:
        kind, scale = kinds[len(tags) % len(kinds)]
        name = f"sensor_{len(tags)}"
        tags[name] = Tag(name, Table.INPUT, address, kind, "1", (-100.0, 100.0), scale)
        address += tags[name].width
    link = replace(own.link, port=port, poll_s=POLL_S)
    return replace(own, link=link, tags=MappingProxyType(tags))


# ---- the device ----


class TableDevice(asyncio.Protocol):
    """Answers reads from tables, counts its own counter up, echoes commands; nothing moves."""

    def __init__(self, registers: RegisterMap) -> None:
        self._words = {table: [0] * 256 for table in Table}
        self._counter = registers.tags["device_counter"].address
        self._echo = registers.tags["accepted_sequence"].address
        self._commands = registers.commands.address
        self._transport: Any = None
        for tag in registers.tags.values():
            value = AT_REST.get(tag.name, False if tag.type is Type.BOOL else 0)
            self._words[tag.table][tag.address : tag.address + tag.width] = tag.encode(value)

    def connection_made(self, transport: Any) -> None:
        """A bench has connected."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Requests come whole, one after the other: the bench waits for each answer."""
        transaction, _, _, unit, function, address, count = struct.unpack(">HHHBBHH", data[:12])
        if function == WRITE_MANY:
            words = struct.unpack(f">{count}H", data[13:])
            self._words[Table.HOLDING][address : address + count] = words
            if address == self._commands:
                self._words[Table.INPUT][self._echo] = words[0]
            body = struct.pack(">HH", address, count)
        else:
            body = self._read(READS[function], address, count)
        answer = bytes((unit, function)) + body
        self._transport.write(struct.pack(">HHH", transaction, 0, len(answer)) + answer)

    def _read(self, table: Table, address: int, count: int) -> bytes:
        if table is Table.INPUT:
            words = self._words[table]
            words[self._counter] = (words[self._counter] + 1) % 0x10000
        found = self._words[table][address : address + count]
        if table.is_bits:
            bits = sum(bit << at for at, bit in enumerate(found))
            return bytes((-(-count // 8),)) + bits.to_bytes(-(-count // 8), "little")
        return bytes((2 * count,)) + struct.pack(f">{count}H", *found)


class WideTwin(Device):
    """The twin's PLC with the further sensors."""

    def tags(self) -> dict[str, bool | int | float]:
        """What the PLC says, and zeros."""
        return dict.fromkeys(register_names(), 0.0) | super().tags()


@cache
def register_names() -> tuple[str, ...]:
    """The names of all tags."""
    return tuple(register_map(1).tags)


async def serve(kind: str) -> None:
    """The device's process: prints its port, serves until it is ended."""
    registers = register_map(1)
    if kind == TABLE:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: TableDevice(registers), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
    else:
        configs = ROOT / "configs"
        twin = load_twin_configuration(
            configs / "rigs/twin.toml", configs / "stations/demo.toml", configs / "measures/demo-20l.toml"
        )
        plc = WideTwin(
            Plant(make_truth(3, twin.measure, twin.standards)),
            heartbeat_s=registers.link.heartbeat_s,
            time_factor=1.0,
            opcodes=registers.commands.opcodes,
        )
        port = await RigServer(registers, plc).start(0)
    print(port, flush=True)
    await asyncio.Event().wait()


@contextmanager
def device(kind: str) -> Iterator[RegisterMap]:
    """The device runs; yields the map with its port."""
    process = subprocess.Popen(  # noqa: S603 - this very program
        [sys.executable, "-m", "benchmarks.polling", "--serve", kind],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield register_map(int(process.stdout.readline()))
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


# ---- what is measured ----


async def load(registers: RegisterMap, seconds: float) -> tuple[float, float, int]:
    """(share of one core, seconds, polls) of a watched rig: poll, decode, interlocks, heartbeat, trends."""
    rig = Rig(registers)
    polls = 0
    trends: dict[str, deque[tuple[float, float]]] = {name: deque(maxlen=DAY) for name in registers.tags}

    def count(_: object) -> None:
        nonlocal polls
        polls += 1

    async def keep_trends() -> None:
        while True:
            await asyncio.sleep(TREND_S)
            snapshot = rig.snapshot
            assert snapshot is not None
            for name, trend in trends.items():
                number = snapshot.number(name)
                if number is not None:
                    trend.append((snapshot.at_s, number))

    await rig.connect()
    rig.watchers.append(count)
    keeping = asyncio.create_task(keep_trends())
    await asyncio.sleep(1.0)
    polls, began_s, used_s = 0, time.monotonic(), time.process_time()
    await asyncio.sleep(seconds)
    used_s, took_s, counted = time.process_time() - used_s, time.monotonic() - began_s, polls
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    assert rig.alarms.first_out() == (), rig.alarms.first_out()
    assert all(len(trends[name]) >= seconds - 1.0 for name in ("balance", f"sensor_{TAGS - 1}"))
    await rig.close()
    return used_s / took_s, took_s, counted


async def compare(registers: RegisterMap, pairs: int) -> tuple[float, float]:
    """Median seconds of one poll as the rig makes it, and of the same requests by pymodbus alone, in turn."""
    link = registers.link
    rig = Rig(registers)
    bare = AsyncModbusTcpClient(
        link.host, port=link.port, timeout=link.timeout_s, retries=0, reconnect_delay=0
    )
    await bare.connect()
    functions: dict[Table, Callable[..., Awaitable[Any]]] = {
        Table.COIL: bare.read_coils,
        Table.DISCRETE: bare.read_discrete_inputs,
        Table.HOLDING: bare.read_holding_registers,
        Table.INPUT: bare.read_input_registers,
    }
    requests = [(functions[request.table], request.address, request.count) for request in registers.plan()]

    async def read_bare() -> None:
        for function, address, count in requests:
            answer = await function(address, count=count, device_id=link.device_id)
            assert not answer.isError()

    times: tuple[list[float], list[float]] = ([], [])
    for at in range(pairs + 50):
        for kept, call in zip(times, (rig.refresh, read_bare), strict=True):
            began = time.perf_counter()
            await call()
            if at >= 50:  # the first ones warm everything up
                kept.append(time.perf_counter() - began)
    snapshot = await rig.refresh()
    assert all(value is not None for value in snapshot.values.values())
    assert len(snapshot.values) == TAGS
    await rig.close()
    bare.close()
    return median(times[0]), median(times[1])


def measure(seconds: float, pairs: int) -> Figures:
    """All figures, each against a fresh device."""
    with device(TABLE) as registers:
        share, took_s, polls = asyncio.run(load(registers, seconds))
    compared = []
    for kind in (TABLE, TWIN):
        with device(kind) as registers:
            compared.append(Compared(kind, *asyncio.run(compare(registers, pairs))))
    return Figures(
        tags=len(registers.tags),
        requests=len(registers.plan()),
        load=share,
        seconds=took_s,
        polls=polls,
        compared=tuple(compared),
        pairs=pairs,
    )


def table(figures: Figures) -> str:
    """The figures as Markdown."""
    rows = [
        ("tags, requests for all of them", f"{figures.tags}, {figures.requests}", ""),
        ("polls in the time measured", f"{figures.polls} in {figures.seconds:.0f} s", f"{1 / POLL_S:.0f} Hz"),
        (
            f"cost of polling at {1 / POLL_S:.0f} Hz with trends at {1 / TREND_S:.0f} Hz, share of one core",
            f"{figures.load:.1%}",
            f"≤ {MOST_LOAD:.0%}",
        ),
    ]
    for one in figures.compared:
        rows += [
            (f"{one.device}: one poll, median of {figures.pairs}", f"{1000 * one.poll_s:.2f} ms", ""),
            (f"{one.device}: the same requests by pymodbus alone", f"{1000 * one.bare_s:.2f} ms", ""),
            (f"{one.device}: ratio", f"{one.ratio:.2f}", f"≤ {MOST_RATIO:g}"),
        ]
    lines = ["| | measured | limit |", "|---|---|---|"]
    lines += [f"| {what} | {found} | {limit} |" for what, found, limit in rows]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit status."""
    parser = argparse.ArgumentParser(description="What polling costs.")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long the load is measured")
    parser.add_argument("--pairs", type=int, default=5000, help="polls compared with bare reads")
    parser.add_argument("--write", action="store_true", help=f"renew the table in {REPORT.name}")
    parser.add_argument("--serve", choices=(TABLE, TWIN), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.serve:
        asyncio.run(serve(options.serve))
        return 0
    figures = measure(options.seconds, options.pairs)
    text = table(figures)
    print(text)
    if options.write:
        head, _, _ = REPORT.read_text(encoding="utf-8").partition("| | measured")
        REPORT.write_text(f"{head}{text}\n", encoding="utf-8")
    return 0 if figures.good else 1


if __name__ == "__main__":
    sys.exit(main())

"""The register map of a rig, from `configs/rigs/*.toml`: names, tables, addresses, types, units, ranges.

Pure: nothing here opens a connection. Both ends of the line use it: the rig's client and the rig's twin.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from control.errors import ConfigurationError, RigError
from control.outputs import Outputs, check_outputs, take_outputs
from control.register_words import LAYOUT, Table, Type, decode_words, encode_words
from control.rig_tags import FLAGS, OPTIONAL, REQUIRED
from control.toml_table import TomlTable, plain

Value = bool | int | float

ADDRESSES: Final = 65536
UNITS: Final = (
    *(
        "1",
        "%",
        "s",
        "ms",
        "Hz",
        "L",
        "mL",
        "m3",
        "L/min",
        "L/h",
        "mL/s",
        "m3/h",
        "1/L",
        "g",
        "kg",
        "mm",
        "m",
    ),
    *("degC", "Pa", "hPa", "kPa", "bar", "V", "mA"),
)
TRANSPORTS: Final = ("tcp", "rtu-tcp", "rtu")  # Modbus TCP; RTU frames over TCP; RTU on a serial line
WORD_ORDERS: Final = ("big", "little")
OPCODES: Final = ("close-all", "fill-coarse", "fill-fine", "open-drain", "close-drain", "reset")
STANDARD_TEXTS: Final = ("name", "serial", "certificate", "source")
FIGURES: Final[Mapping[str, tuple[str, ...]]] = {
    "balance": ("resolution_g", "standard_uncertainty_g", "reference_density_kg_m3"),
    "thermometers": (
        "water_standard_uncertainty_c",
        "vessel_standard_uncertainty_c",
        "air_standard_uncertainty_c",
    ),
    "barometer": ("pressure_standard_uncertainty_hpa", "humidity_standard_uncertainty_pct"),
    "meter": (
        "k_relative_standard_uncertainty",
        "repeatability_relative_standard_uncertainty",
        "thermometer_standard_uncertainty_c",
    ),
}
METER_CURVE: Final = ("flows_l_min", "k_factors_per_l")  # of the standard `meter`: linear between the flows
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Decoded:
    """What a tag's registers say: `value` in the tag's unit, or None where it is outside its range (or not a
    number) and therefore unknown; `raw` is what stood there, for messages."""

    value: Value | None
    raw: Value

    @property
    def good(self) -> bool:
        """True where the value may be used."""
        return self.value is not None


@dataclass(frozen=True)
class Tag:
    """One named value of the device. value = raw × scale + offset, in `unit`, within `range` (both ends)."""

    name: str
    table: Table
    address: int
    type: Type
    unit: str
    range: tuple[float, float]
    scale: float = 1.0
    offset: float = 0.0
    writable: bool = False
    describe: str = ""
    word_order: str = "big"

    @property
    def width(self) -> int:
        """Addresses that the tag takes: bits of a bit table, registers of a register table."""
        return 2 if self.type in (Type.UINT32, Type.INT32, Type.FLOAT32) else 1

    @property
    def is_whole(self) -> bool:
        """True where every value is a whole number (no scale, no offset, an integer type)."""
        return self.type not in (Type.FLOAT32, Type.BOOL) and self.scale == 1.0 and self.offset == 0.0

    def decode(self, words: Sequence[int] | Sequence[bool]) -> Decoded:
        """The value that `words` (as many as `width`) stand for. Raises `RigError` for another number."""
        if len(words) != self.width:
            raise RigError(f"{self.name}: {self.width} words expected, {len(words)} came")
        if self.type is Type.BOOL:
            return Decoded(bool(words[0]), bool(words[0]))
        raw = decode_words(words, self.type, self.word_order)
        if not isfinite(raw):
            return Decoded(None, raw)
        if self.is_whole:
            value: Value = int(raw)
        else:
            # Dividing by 10 gives the double next to the decimal value, multiplying by 0.1 often does not.
            inverse = round(1.0 / self.scale) if abs(self.scale) < 1.0 else 0
            scaled = raw / inverse if inverse and 1.0 / inverse == self.scale else raw * self.scale
            value = scaled + self.offset
        low, high = self.range
        return Decoded(value if low <= value <= high else None, raw)

    def encode(self, value: Value) -> tuple[int, ...]:
        """The words that stand for `value` in the tag's unit, rounded to its resolution.

        Raises `RigError` where the value is not finite, outside the tag's range, or of the wrong kind.
        """
        if self.type is Type.BOOL:
            if not isinstance(value, bool):
                raise RigError(f"{self.name}: true or false expected, not {value!r}")
            return (int(value),)
        low, high = self.range
        if isinstance(value, bool) or not isfinite(value) or not low <= value <= high:
            raise RigError(f"{self.name}: {low:g} to {high:g} {self.unit} expected, not {value!r}")
        if self.is_whole and value == int(value):
            return encode_words(int(value), self.type, self.word_order)
        raw = (value - self.offset) / self.scale
        return encode_words(raw if self.type is Type.FLOAT32 else round(raw), self.type, self.word_order)


@dataclass(frozen=True)
class Commands:
    """The command block: one write of six registers {sequence, opcode, argument 1, argument 2}, the arguments
    float32 in the map's word order."""

    table: Table
    address: int
    opcodes: Mapping[str, int]
    word_order: str = "big"

    WIDTH: Final = 6

    def encode(self, sequence: int, opcode: str, first: float = 0.0, second: float = 0.0) -> tuple[int, ...]:
        """The six registers of a command. Raises `RigError` for an unknown name or an unfit number."""
        if opcode not in self.opcodes:
            raise RigError(f"the device has no command {opcode!r}; it has {', '.join(self.opcodes)}")
        if not 0 <= sequence <= 0xFFFF:
            raise RigError(f"a command's sequence is a number from 0 to 65535, not {sequence}")
        return (
            sequence,
            self.opcodes[opcode],
            *encode_words(first, Type.FLOAT32, self.word_order),
            *encode_words(second, Type.FLOAT32, self.word_order),
        )

    def decode(self, words: Sequence[int]) -> tuple[int, int, float, float]:
        """(sequence, opcode number, argument 1, argument 2) of a written block: the device's side."""
        if len(words) != self.WIDTH:
            raise RigError(f"command block: {self.WIDTH} registers expected, {len(words)} came")
        first = decode_words(words[2:4], Type.FLOAT32, self.word_order)
        second = decode_words(words[4:6], Type.FLOAT32, self.word_order)
        return words[0], words[1], first, second


@dataclass(frozen=True)
class LinkSettings:
    """How the device is reached: `host` and `port` over TCP, or the `serial_port` and how it is set.

    Times in seconds of the wall's clock.
    """

    transport: str
    host: str
    port: int
    device_id: int
    timeout_s: float
    poll_s: float
    heartbeat_s: float
    serial_port: str = ""
    baudrate: int = 19200
    parity: str = "E"
    stop_bits: int = 1
    read_gap: int = 0
    max_registers: int = 125
    max_bits: int = 2000


@dataclass(frozen=True)
class RegisterMap:
    """A rig's map. `outputs` are those of plain remote I/O, None for a device with a command block.

    `standards` are its instruments with certificate and due date (`datetime.date`); `source` is the file as
    plain values, for the record of a run.
    """

    name: str
    file: str
    link: LinkSettings
    tags: Mapping[str, Tag]
    commands: Commands
    outputs: Outputs | None
    standards: Mapping[str, Mapping[str, Any]]
    source: Mapping[str, Any]

    def plan(self) -> tuple["ReadRequest", ...]:
        """The few requests that read every tag."""
        link = self.link
        tags = tuple(self.tags.values())
        return plan_reads(tags, gap=link.read_gap, max_registers=link.max_registers, max_bits=link.max_bits)


@dataclass(frozen=True)
class ReadRequest:
    """One request: `count` bits or registers from `address`, and the tags that lie in them."""

    table: Table
    address: int
    count: int
    tags: tuple[Tag, ...]

    def decode(self, words: Sequence[int] | Sequence[bool]) -> dict[str, Decoded]:
        """Each tag's value from the request's answer. Raises `RigError` for a short or long answer."""
        if len(words) != self.count:
            raise RigError(f"{self.table} {self.address}: {self.count} values expected, {len(words)} came")
        starts = {tag: tag.address - self.address for tag in self.tags}
        return {tag.name: tag.decode(words[at : at + tag.width]) for tag, at in starts.items()}


def plan_reads(
    tags: Sequence[Tag], *, gap: int = 0, max_registers: int = 125, max_bits: int = 2000
) -> tuple[ReadRequest, ...]:
    """Merge the tags' addresses into few requests: never across tables, never longer than the limits, and
    over at most `gap` addresses that no tag has (a device may refuse those)."""
    requests: list[ReadRequest] = []
    for table in Table:
        limit = max_bits if table.is_bits else max_registers
        block: list[Tag] = []
        for tag in sorted((tag for tag in tags if tag.table is table), key=lambda tag: tag.address):
            if block and (
                tag.address - _end(block[-1]) > gap or tag.address + tag.width - block[0].address > limit
            ):
                requests.append(_request(block))
                block = []
            block.append(tag)
        if block:
            requests.append(_request(block))
    return tuple(requests)


def _end(tag: Tag) -> int:
    return tag.address + tag.width


def _request(block: Sequence[Tag]) -> ReadRequest:
    return ReadRequest(block[0].table, block[0].address, _end(block[-1]) - block[0].address, tuple(block))


def load_register_map(path: Path) -> RegisterMap:
    """The map in the file. Raises `ConfigurationError`: one sentence with file, key and what is expected."""
    root = TomlTable.load(path)
    source = plain({name: root.peek(name) for name in root.names()})
    name = root.take_text("name")
    order = root.take_text("word_order", choices=WORD_ORDERS, default="big")
    link = _link(root)
    standards = _standards(root.take_table("standards")) if "standards" in root else {}
    commands = _commands(root.take_table("commands"), order)
    outputs = take_outputs(root.take_table("outputs")) if "outputs" in root else None
    table = root.take_table("tags")
    tags = {tag: _tag(tag, table.take_table(tag), order) for tag in table.names()}
    root.finish()
    _refuse_missing(str(path), tags)
    _refuse_overlaps(str(path), tags, commands)
    if outputs is not None:
        check_outputs(str(path), outputs, tags)
    return RegisterMap(
        name=name,
        file=str(path),
        link=link,
        tags=MappingProxyType(tags),
        commands=commands,
        outputs=outputs,
        standards=MappingProxyType(standards),
        source=MappingProxyType(source),
    )


def _link(root: TomlTable) -> LinkSettings:
    transport = root.take_text("transport", choices=TRANSPORTS)
    serial = transport == "rtu"
    settings = LinkSettings(
        transport=transport,
        host="" if serial else root.take_text("host"),
        port=0 if serial else root.take_int("port", 1, 65535),
        serial_port=root.take_text("serial_port") if serial else "",
        baudrate=root.take_int("baudrate", 300, 4_000_000, default=19200) if serial else 19200,
        parity=root.take_text("parity", choices=("N", "E", "O"), default="E") if serial else "E",
        stop_bits=root.take_int("stop_bits", 1, 2, default=1) if serial else 1,
        device_id=root.take_int("device_id", 0, 255),
        timeout_s=root.take_number("timeout_s", above=0.0, most=60.0),
        poll_s=root.take_number("poll_s", above=0.0, most=60.0),
        heartbeat_s=root.take_number("heartbeat_s", above=0.0, most=60.0),
        read_gap=root.take_int("read_gap", 0, 124, default=0),
        max_registers=root.take_int("max_registers", 2, 125, default=125),
        max_bits=root.take_int("max_bits", 1, 2000, default=2000),
    )
    if settings.timeout_s >= settings.heartbeat_s:
        raise root.error("timeout_s", f"expected less than heartbeat_s ({settings.heartbeat_s:g} s)")
    return settings


def _commands(table: TomlTable, order: str) -> Commands:
    where = Table(table.take_text("table", choices=(Table.HOLDING,)))
    address = table.take_int("address", 0, ADDRESSES - Commands.WIDTH)
    codes = table.take_table("opcodes")
    opcodes = {name: codes.take_int(name, 1, 0xFFFF) for name in OPCODES}
    codes.finish(", ".join(OPCODES))
    if len(set(opcodes.values())) != len(opcodes):
        raise table.error("opcodes", "expected a different number for each command")
    table.finish("table, address, opcodes")
    return Commands(where, address, MappingProxyType(opcodes), order)


def _standards(table: TomlTable) -> dict[str, Mapping[str, Any]]:
    standards: dict[str, Mapping[str, Any]] = {}
    for name in table.names():
        entry = table.take_table(name)
        values: dict[str, Any] = {key: entry.take_text(key) for key in STANDARD_TEXTS}
        values["due"] = entry.take_date("due")
        # Figures from the certificate, with the unit in the key; those of unforeseen instruments are open.
        for key in FIGURES.get(name, entry.names()):
            values[key] = entry.take_number(key, least=0.0)
        curve = METER_CURVE if name == "meter" else ()
        if curve:
            values.update(zip(curve, _meter_curve(entry), strict=True))
        entry.finish(", ".join((*STANDARD_TEXTS, "due", *FIGURES.get(name, ()), *curve)))
        standards[name] = MappingProxyType(values)
    return standards


def _meter_curve(entry: TomlTable) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The flows of a meter's certificate, rising, and its K-factor at each of them."""
    flows_key, factors_key = METER_CURVE
    flows = entry.take_numbers(flows_key, least=1, most=100)
    if flows[0] <= 0.0 or any(not low < high for low, high in pairwise(flows)):
        raise entry.error(flows_key, "expected positive flows that rise")
    factors = entry.take_numbers(factors_key, least=len(flows), most=len(flows))
    if any(factor <= 0.0 for factor in factors):
        raise entry.error(factors_key, "expected positive K-factors")
    return flows, factors


def _tag(name: str, table: TomlTable, order: str) -> Tag:
    if not _NAME.fullmatch(name):
        raise ConfigurationError(f"{table.file}: tags.{name}: expected a name of a-z, 0-9 and _")
    where = Table(table.take_text("table", choices=tuple(Table)))
    kind = Type(table.take_text("type", choices=tuple(Type)))
    if where.is_bits != (kind is Type.BOOL):
        expected = "bool" if where.is_bits else "one of uint16, int16, uint32, int32, float32"
        raise table.error("type", f"expected {expected} in table {where}, not {kind}")
    writable = table.take_bool("writable", default=False)
    if writable and not where.is_writable:
        raise table.error("writable", f"expected false: table {where} can only be read")
    number = kind is not Type.BOOL
    tag = Tag(
        name=name,
        table=where,
        address=table.take_int("address", 0, ADDRESSES - 1),
        type=kind,
        unit=table.take_text("unit", choices=UNITS),
        range=table.take_range("range") if number else (0.0, 1.0),
        scale=table.take_number("scale", default=1.0) if number else 1.0,
        offset=table.take_number("offset", default=0.0) if number else 0.0,
        writable=writable,
        describe=table.take_text("describe"),
        word_order=table.take_text("word_order", choices=WORD_ORDERS, default=order) if number else order,
    )
    unit = {**REQUIRED, **OPTIONAL}.get(name, tag.unit)
    if tag.unit != unit:
        raise table.error("unit", f"expected {unit!r} for this tag, not {tag.unit!r}")
    if name in {**REQUIRED, **OPTIONAL} and (name in FLAGS) != (kind is Type.BOOL):
        raise table.error("type", f"expected {'bool' if name in FLAGS else 'a number type'}, not {kind}")
    table.finish("table, address, type, unit, range, scale, offset, writable, describe, word_order")
    if tag.address + tag.width > ADDRESSES:
        raise table.error(
            "address", f"expected at most {ADDRESSES - tag.width} for {kind}, not {tag.address}"
        )
    if number:
        if tag.scale == 0.0:
            raise table.error("scale", "expected a number other than 0")
        _, low, high = LAYOUT[kind]
        ends = [(end - tag.offset) / tag.scale for end in tag.range]
        if not (low <= min(ends) and max(ends) <= high):
            raise table.error("range", f"expected what {kind} can hold with this scale and offset")
        if tag.unit == "1" and tag.is_whole and any(end != int(end) for end in tag.range):
            raise table.error("range", f"expected whole numbers for {kind} without a scale")
    return tag


def _refuse_missing(file: str, tags: Mapping[str, Tag]) -> None:
    for name, unit in REQUIRED.items():
        if name not in tags:
            raise ConfigurationError(f"{file}: tags.{name}: missing; expected a tag in unit {unit!r}")
    heartbeat = tags["heartbeat"]
    if heartbeat.table is not Table.HOLDING or heartbeat.type is not Type.UINT16 or not heartbeat.writable:
        raise ConfigurationError(f"{file}: tags.heartbeat: expected a writable uint16 in table holding")


def _refuse_overlaps(file: str, tags: Mapping[str, Tag], commands: Commands) -> None:
    spans = [(tag.table, tag.address, tag.width, f"tags.{tag.name}") for tag in tags.values()]
    spans.append((commands.table, commands.address, Commands.WIDTH, "commands"))
    spans.sort(key=lambda span: (span[0], span[1]))
    for (table, start, width, key), (other, address, _, name) in pairwise(spans):
        if table is other and address < start + width:
            raise ConfigurationError(
                f"{file}: {name}.address: expected an address of its own; {table} {address} belongs to {key}"
            )

"""The register map: strict loading, values in and out of registers, few requests."""

import math
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rig_bench import TWIN

from control.errors import ConfigurationError, RigError
from control.register_words import Table, Type, decode_words, encode_words
from control.registers import RegisterMap, Tag, load_register_map, plan_reads


def edited(tmp_path: Path, old: str, new: str) -> Path:
    """The shipped map with one passage changed."""
    text = TWIN.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "rig.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


METER = '[tags.meter_volume]\ntable = "input"\naddress = 11\ntype = "float32"\nunit = "L"\n'
HEART = '[tags.heartbeat]\ntable = "holding"\naddress = 0\ntype = "uint16"\nunit = "1"\n'
EMPTY = '[tags.level_empty]\ntable = "discrete"\naddress = 1\ntype = "bool"\n'


@pytest.mark.parametrize(
    ("old", "new", "key", "expected"),
    [
        ('name = "twin"', 'name = "twin"\ncolour = "red"', "colour", "unknown key"),
        ("[standards.balance]", "[standards.balance]\ncolour = 1", "standards.balance.colour", "unknown key"),
        ("[commands]", "[commands]\ncolour = 1", "commands.colour", "unknown key"),
        ("reset = 6", "reset = 6, burst = 7", "commands.opcodes.burst", "unknown key"),
        (METER, METER + 'colour = "red"\n', "tags.meter_volume.colour", "unknown key"),
        (METER, METER.replace('"L"', '"gallons"'), "tags.meter_volume.unit", "expected one of"),
        (METER, METER.replace('"L"', '"mL"'), "tags.meter_volume.unit", "expected 'L'"),
        (METER, METER.replace("float32", "float64"), "tags.meter_volume.type", "expected one of"),
        (METER, METER.replace("float32", "bool"), "tags.meter_volume.type", "expected one of uint16"),
        (METER, METER.replace('"input"', '"output"'), "tags.meter_volume.table", "expected one of"),
        (METER, METER.replace("11", "-1"), "tags.meter_volume.address", "0 to 65535"),
        (METER, METER.replace("11", "65536"), "tags.meter_volume.address", "0 to 65535"),
        (METER, METER.replace("11", "65535"), "tags.meter_volume.address", "at most 65534"),
        (METER, METER.replace("11", "11.0"), "tags.meter_volume.address", "whole number"),
        (METER, METER.replace("11", "true"), "tags.meter_volume.address", "whole number"),
        (METER, METER.replace("11", "12"), "tags.meter_flow.address", "belongs to tags.meter_volume"),
        (METER, METER.replace("11", "8"), "tags.meter_volume.address", "belongs to tags.dose_state"),
        (HEART, HEART.replace("address = 0", "address = 12"), "tags.heartbeat.address", "commands"),
        (METER, METER + "writable = true\n", "tags.meter_volume.writable", "only be read"),
        (METER, METER + "scale = inf\n", "tags.meter_volume.scale", "finite number"),
        (METER, METER + "scale = nan\n", "tags.meter_volume.scale", "finite number"),
        (METER, METER + "scale = 0.0\n", "tags.meter_volume.scale", "other than 0"),
        (METER, METER + 'offset = "2"\n', "tags.meter_volume.offset", "finite number"),
        (EMPTY, EMPTY.replace("bool", "uint16"), "tags.level_empty.type", "expected bool"),
        (EMPTY, EMPTY + "range = [0, 1]\n", "tags.level_empty.range", "unknown key"),
        ("range = [0.0, 32.0]", "range = [0.0, 33.0]", "tags.water_temperature.range", "int16 can hold"),
        ("range = [0.0, 32.0]", "range = [32.0, 0.0]", "tags.water_temperature.range", "low < high"),
        ("range = [0.0, 32.0]", "range = [0.0, nan]", "tags.water_temperature.range", "finite numbers"),
        ("range = [0.0, 32.0]", "", "tags.water_temperature.range", "missing"),
        (EMPTY, EMPTY.replace("level_empty", "level_blank"), "tags.level_empty", "missing"),
        (EMPTY, EMPTY.replace("level_empty", "door_closed"), "", "is not TOML"),
        (EMPTY, EMPTY.replace("level_empty", "Empty"), "tags.Empty", "a-z, 0-9 and _"),
        ('transport = "tcp"', 'transport = "pigeon"', "transport", "expected one of tcp"),
        ("port = 5020", "port = 0", "port", "1 to 65535"),
        ("timeout_s = 0.5", "timeout_s = 0", "timeout_s", "greater than 0"),
        ("timeout_s = 0.5", "timeout_s = 2.5", "timeout_s", "less than heartbeat_s"),
        ("heartbeat_s = 2.0", "", "heartbeat_s", "missing"),
        ("due = 2036-12-31", 'due = "2036-12-31"', "standards.balance.due", "a date such as"),
        ("due = 2036-12-31", "due = 2036-12-31T00:00:00", "standards.balance.due", "a date such as"),
        ('serial = "SIM-B-0032"', 'serial = " "', "standards.balance.serial", "not empty"),
        ("resolution_g = 0.1", "resolution_g = -0.1", "standards.balance.resolution_g", "at least 0"),
        ("open-drain = 4", "open-drain = 3", "commands.opcodes", "different number"),
        ("open-drain = 4, ", "", "commands.opcodes.open-drain", "missing"),
        ("address = 10 ", "address = 65531 ", "commands.address", "0 to 65530"),
        ('word_order = "big"', 'word_order = "middle"', "word_order", "big, little"),
    ],
)
def test_a_map_that_cannot_be_used_is_refused_in_one_sentence(
    tmp_path: Path, old: str, new: str, key: str, expected: str
) -> None:
    """Whatever is wrong, the message is one line with file, key and what is expected."""
    path = edited(tmp_path, old, new)
    with pytest.raises(ConfigurationError) as refusal:
        load_register_map(path)
    message = str(refusal.value)
    assert "\n" not in message
    assert message.startswith(str(path))
    assert f"{key}" in message
    assert expected in message


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A missing or unreadable file is one sentence, not a traceback."""
    with pytest.raises(ConfigurationError, match=r"none\.toml: cannot be read"):
        load_register_map(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe9"')
    with pytest.raises(ConfigurationError, match="is not UTF-8"):
        load_register_map(tmp_path / "latin.toml")


def test_the_shipped_map_is_read_in_three_requests(register_map: RegisterMap) -> None:
    """The twin's tables are contiguous: one request each for holding, input and discrete."""
    expected = [(Table.HOLDING, 0, 1), (Table.INPUT, 0, 31), (Table.DISCRETE, 0, 7)]
    assert expected == [(request.table, request.address, request.count) for request in register_map.plan()]


def test_the_source_is_what_json_takes(register_map: RegisterMap) -> None:
    """The record keeps the whole file; dates in it are ISO text."""
    assert register_map.source["standards"]["balance"]["due"] == "2036-12-31"
    assert set(register_map.source["tags"]) == set(register_map.tags)


def number_tags() -> st.SearchStrategy[Tag]:
    """Number tags of every type, order, scale and offset, with the range that their type allows."""

    def tag(kind: Type, scale: float, offset: float, order: str) -> Tag:
        low, high = {
            Type.UINT16: (0, 0xFFFF),
            Type.INT16: (-0x8000, 0x7FFF),
            Type.UINT32: (0, 0xFFFFFFFF),
            Type.INT32: (-0x80000000, 0x7FFFFFFF),
        }.get(kind, (-1e6, 1e6))
        return Tag(
            "t",
            Table.INPUT,
            0,
            kind,
            "1",
            (low * scale + offset, high * scale + offset),
            scale,
            offset,
            word_order=order,
        )

    return st.builds(
        tag,
        st.sampled_from([kind for kind in Type if kind is not Type.BOOL]),
        st.sampled_from([1.0, 0.1, 0.01, 0.001, 2.5]),
        st.sampled_from([0.0, -40.0, 12.5]),
        st.sampled_from(["big", "little"]),
    )


@given(number_tags(), st.floats(0.0, 1.0))
def test_a_value_comes_back_within_its_resolution(tag: Tag, share: float) -> None:
    """decode(encode(x)) is x to half a raw step (integers) or to single precision (float32)."""
    low, high = tag.range
    value = low + share * (high - low)
    decoded = tag.decode(tag.encode(min(max(value, low), high)))
    step = abs(tag.scale) if tag.type is not Type.FLOAT32 else max(abs(value), 1.0) * 2e-7 * 3
    assert decoded.value is None or abs(decoded.value - value) <= 0.5 * step + 1e-9 * max(abs(low), abs(high))
    assert decoded.value is not None or share < 1e-6 or share > 1.0 - 1e-6


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))
def test_words_and_numbers_are_one_to_one(first: int, second: int) -> None:
    """Every pair of registers is a number of each 32-bit type, and that number gives the registers back."""
    for kind in (Type.UINT32, Type.INT32):
        for order in ("big", "little"):
            assert (first, second) == encode_words(decode_words((first, second), kind, order), kind, order)


def test_a_value_outside_its_range_is_unknown(register_map: RegisterMap) -> None:
    """Out of range, NaN and infinity decode to None with the raw value beside it; never to a number."""
    water = register_map.tags["water_temperature"]
    assert water.decode((0x8000,)).value is None
    assert water.decode((0x8000,)).raw == -32768
    assert water.decode((20001,)).value == 20.001
    meter = register_map.tags["meter_volume"]
    for bad in (math.nan, math.inf, -1.0):
        words = struct.unpack(">HH", struct.pack(">f", bad))
        assert not meter.decode(words).good


def test_tenths_decode_to_the_decimal_number(register_map: RegisterMap) -> None:
    """279241 tenths of a gram are 27924.1 g, not 27924.100000000002."""
    assert register_map.tags["balance"].decode(encode_words(279241, Type.INT32, "big")).value == 27924.1


@pytest.mark.parametrize("value", [math.nan, math.inf, -1, 65536, True])
def test_a_value_that_does_not_fit_is_not_written(register_map: RegisterMap, value: float) -> None:
    """Nothing is clipped or wrapped on its way to the device."""
    with pytest.raises(RigError, match="heartbeat"):
        register_map.tags["heartbeat"].encode(value)


def test_an_answer_of_another_length_is_refused(register_map: RegisterMap) -> None:
    """A short or long block is an error, not a shifted reading."""
    request = register_map.plan()[1]
    for count in (request.count - 1, request.count + 1):
        with pytest.raises(RigError, match="values expected"):
            request.decode([0] * count)


def test_the_command_block_is_read_as_it_was_written(register_map: RegisterMap) -> None:
    """The device's side decodes what the bench encodes."""
    words = register_map.commands.encode(513, "fill-fine", 0.25, 40.0)
    assert (513, 3, 0.25, 40.0) == register_map.commands.decode(words)
    with pytest.raises(RigError, match="no command 'burst'"):
        register_map.commands.encode(1, "burst")
    with pytest.raises(RigError, match="float32"):
        register_map.commands.encode(1, "fill-fine", math.nan)


@given(
    st.lists(st.tuples(st.integers(0, 600), st.sampled_from(["uint16", "float32"])), max_size=60),
    st.integers(0, 20),
    st.integers(2, 125),
)
def test_every_tag_is_read_once_and_no_request_is_too_long(
    places: list[tuple[int, str]], gap: int, limit: int
) -> None:
    """Each tag lies in exactly one request, within the limits, over no wider gap than allowed."""
    tags: list[Tag] = []
    free = 0
    for address, kind in sorted(places):
        tag = Tag(f"t{len(tags)}", Table.INPUT, max(address, free), Type(kind), "1", (0.0, 1.0))
        free = tag.address + tag.width
        tags.append(tag)
    requests = plan_reads(tags, gap=gap, max_registers=limit)
    assert [tag.name for tag in tags] == [tag.name for request in requests for tag in request.tags]
    for request in requests:
        assert 1 <= request.count <= limit
        free = request.address
        for tag in request.tags:
            assert tag.address - free <= gap
            free = tag.address + tag.width
        assert free == request.address + request.count


def test_bits_are_planned_up_to_their_own_limit() -> None:
    """2 000 bits go into one request, 2 001 into two."""

    def make(n: int) -> Callable[[], list[Tag]]:
        return lambda: [Tag(f"b{i}", Table.COIL, i, Type.BOOL, "1", (0.0, 1.0)) for i in range(n)]

    assert [2000] == [request.count for request in plan_reads(make(2000)())]
    assert [2000, 1] == [request.count for request in plan_reads(make(2001)())]

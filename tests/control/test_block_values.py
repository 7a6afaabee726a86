"""Many values decoded at once are those that each tag's own decoding gives."""

import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.block_values import BlockValues
from control.errors import RigError
from control.register_words import Table, Type
from control.registers import ReadRequest, RegisterMap, Tag, plan_reads

KINDS = tuple(kind for kind in Type if kind is not Type.BOOL)


@st.composite
def requests(draw: st.DrawFn) -> ReadRequest:
    """One request over tags of every type, scale and word order, with gaps between them."""
    tags: list[Tag] = []
    address = draw(st.integers(0, 50))
    for at in range(draw(st.integers(1, 12))):
        address += draw(st.integers(0, 3))
        low = draw(st.floats(-1e6, 1e6))
        tag = Tag(
            name=f"tag_{at}",
            table=Table.INPUT,
            address=address,
            type=draw(st.sampled_from(KINDS)),
            unit="1",
            range=(low, low + draw(st.floats(1.0, 1e9))),
            scale=draw(st.sampled_from((1.0, 0.1, 0.01, 0.001, 0.3, 2.5, -0.5))),
            offset=draw(st.sampled_from((0.0, -40.0, 0.125))),
            word_order=draw(st.sampled_from(("big", "little"))),
        )
        tags.append(tag)
        address += tag.width
    (request,) = plan_reads(tags, gap=3)
    return request


@given(requests(), st.data())
def test_all_at_once_is_as_one_by_one(request_: ReadRequest, data: st.DataObject) -> None:
    """Every bit pattern: the same value to the last digit and of the same kind, or unknown for both."""
    words = data.draw(st.lists(st.integers(0, 0xFFFF), min_size=request_.count, max_size=request_.count))
    expected = {name: decoded.value for name, decoded in request_.decode(words).items()}
    values = BlockValues(request_).values(words)
    assert list(expected.items()) == list(values.items())
    assert [type(value) for value in expected.values()] == [type(value) for value in values.values()]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("word_order", ["big", "little"])
def test_what_is_no_number_is_unknown(number: float, word_order: str) -> None:
    """Whatever the range is."""
    tag = Tag("flow", Table.INPUT, 3, Type.FLOAT32, "1", (-1e30, 1e30), word_order=word_order)
    (request,) = plan_reads((tag, replace(tag, name="beside", address=5)))
    words = struct.unpack(">HH", struct.pack(">f", number))
    ordered = words if word_order == "big" else words[::-1]
    assert {"flow": None, "beside": 0.0} == BlockValues(request).values((*ordered, 0, 0))


def test_the_shipped_map_bits_and_registers(register_map: RegisterMap) -> None:
    """Each planned request of the shipped map, at rest and with all bits set."""
    for request in register_map.plan():
        for word in (0, 1):
            words = (word,) * request.count
            expected = {name: decoded.value for name, decoded in request.decode(words).items()}
            assert expected == BlockValues(request).values(words)


def test_an_answer_of_another_length_is_refused(register_map: RegisterMap) -> None:
    """Short or long: nothing is shifted in silence."""
    request = register_map.plan()[0]
    for count in (request.count - 1, request.count + 1):
        with pytest.raises(RigError, match=rf"{request.count} values expected, {count} came"):
            BlockValues(request).values((0,) * count)

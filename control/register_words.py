"""The four tables of a Modbus device, and how numbers lie in its 16-bit registers."""

import struct
from collections.abc import Mapping, Sequence
from enum import StrEnum
from math import isfinite
from typing import Final

from control.errors import RigError


class Table(StrEnum):
    """The four tables of a Modbus device."""

    HOLDING = "holding"
    INPUT = "input"
    COIL = "coil"
    DISCRETE = "discrete"

    @property
    def is_bits(self) -> bool:
        """True for a table of bits, False for one of 16-bit registers."""
        return self in (Table.COIL, Table.DISCRETE)

    @property
    def is_writable(self) -> bool:
        """True for a table that the bench can write."""
        return self in (Table.HOLDING, Table.COIL)


class Type(StrEnum):
    """How a value lies in its bits or registers."""

    BOOL = "bool"
    UINT16 = "uint16"
    INT16 = "int16"
    UINT32 = "uint32"
    INT32 = "int32"
    FLOAT32 = "float32"


# Type → struct format, least and greatest raw value.
LAYOUT: Final[Mapping[Type, tuple[str, float, float]]] = {
    Type.UINT16: (">H", 0, 0xFFFF),
    Type.INT16: (">h", -0x8000, 0x7FFF),
    Type.UINT32: (">I", 0, 0xFFFFFFFF),
    Type.INT32: (">i", -0x80000000, 0x7FFFFFFF),
    Type.FLOAT32: (">f", -3.4028234663852886e38, 3.4028234663852886e38),
}


def encode_words(value: float, kind: Type, word_order: str) -> tuple[int, ...]:
    """The 16-bit words of a raw number. Raises `RigError` where the type cannot hold it."""
    layout, low, high = LAYOUT[kind]
    if not (isfinite(value) and low <= value <= high):
        raise RigError(f"{value!r} does not fit into {kind}")
    data = struct.pack(layout, value)
    words = tuple(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))
    return words if word_order == "big" else words[::-1]


def decode_words(words: Sequence[int] | Sequence[bool], kind: Type, word_order: str) -> int | float:
    """The raw number that 16-bit words stand for."""
    ordered = words if word_order == "big" else words[::-1]
    number: int | float = struct.unpack(
        LAYOUT[kind][0], b"".join(int(w).to_bytes(2, "big") for w in ordered)
    )[0]
    return number

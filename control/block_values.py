"""The values of one request's tags all at once: what `Tag.decode` says of each, without its cost.

A poll decodes every tag twenty times a second; one by one that took most of a poll's time.
"""

import struct
from collections.abc import Sequence
from typing import Final

from control.errors import RigError
from control.register_words import LAYOUT
from control.registers import ReadRequest, Tag, Value

# Name, whether whole, divisor, scale, offset, least and greatest value: value = raw / divisor + offset, or
# raw × scale + offset where the divisor is 0. A plain tuple: it is unpacked a thousand times a second.
_Figures = tuple[str, bool, int, float, float, float, float]


class BlockValues:
    """Decodes the answers of one planned request."""

    def __init__(self, request: ReadRequest) -> None:
        self._request: Final = request
        self._bits = [(tag.name, tag.address - request.address) for tag in request.tags]
        if request.table.is_bits:
            return
        self._pack = struct.Struct(f">{request.count}H").pack
        self._unpack = struct.Struct(_layout(request)).unpack
        self._swapped = [
            tag.address - request.address
            for tag in request.tags
            if tag.width == 2 and tag.word_order == "little"
        ]
        self._figures = [_figures(tag) for tag in request.tags]

    def values(self, words: Sequence[int]) -> dict[str, Value | None]:
        """Tag name → value in the tag's unit, None where it is outside its range or not a number.

        Raises `RigError` for a short or long answer.
        """
        request = self._request
        if len(words) != request.count:
            raise RigError(
                f"{request.table} {request.address}: {request.count} values expected, {len(words)} came"
            )
        if request.table.is_bits:
            return {name: bool(words[at]) for name, at in self._bits}
        if self._swapped:
            words = list(words)
            for at in self._swapped:
                words[at], words[at + 1] = words[at + 1], words[at]
        raws = self._unpack(self._pack(*words))
        # Nothing that is not a number is within a range.
        return {
            name: value
            if low
            <= (value := raw if is_whole else (raw / divisor if divisor else raw * scale) + offset)
            <= high
            else None
            for (name, is_whole, divisor, scale, offset, low, high), raw in zip(
                self._figures, raws, strict=True
            )
        }


def _layout(request: ReadRequest) -> str:
    """struct's format of the whole answer; registers that no tag has are passed over."""
    layout, at = ">", request.address
    for tag in request.tags:
        layout += "xx" * (tag.address - at) + LAYOUT[tag.type][0].lstrip(">")
        at = tag.address + tag.width
    return layout + "xx" * (request.address + request.count - at)


def _figures(tag: Tag) -> _Figures:
    # As in `Tag.decode`: dividing by 10 gives the double next to the decimal value.
    inverse = round(1.0 / tag.scale) if abs(tag.scale) < 1.0 else 0
    divisor = inverse if inverse and 1.0 / inverse == tag.scale else 0
    low, high = tag.range
    return tag.name, tag.is_whole, divisor, tag.scale, tag.offset, low, high

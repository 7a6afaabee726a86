"""`modbus_tk_server.py tcp PORT`: modbus-tk serves the tables of `modbus_peers`; prints its port."""

import struct
import sys

from modbus_peers import (
    BITS,
    FLOAT_BIG,
    FLOAT_LITTLE,
    INT16,
    INT32_LITTLE,
    UINT32_BIG,
    WORDS,
)
from modbus_tk.defines import ANALOG_INPUTS, COILS, DISCRETE_INPUTS, HOLDING_REGISTERS
from modbus_tk.modbus_tcp import TcpServer


class Server(TcpServer):
    """Says where it listens."""

    def _do_init(self) -> None:
        super()._do_init()
        sys.stdout.write(f"{self._sock.getsockname()[1]}\n")
        sys.stdout.flush()


def words(layout: str, value: float) -> list[int]:
    """The two registers of a 32-bit number, high one first."""
    return list(struct.unpack(">HH", struct.pack(layout, value)))


server = Server(int(sys.argv[2]), "127.0.0.1")
unit = server.add_slave(1)
for name, kind, size in (
    ("coils", COILS, BITS),
    ("discrete", DISCRETE_INPUTS, BITS),
    ("holding", HOLDING_REGISTERS, WORDS),
    ("input", ANALOG_INPUTS, WORDS),
):
    unit.add_block(name, kind, 0, size)
unit.set_values("coils", 0, [int(at % 3 == 0) for at in range(BITS)])
unit.set_values("discrete", 0, [int(at % 5 == 0) for at in range(BITS)])
unit.set_values("input", 0, [52000, INT16 & 0xFFFF])
unit.set_values("input", 2, words(">f", FLOAT_BIG) + words(">f", FLOAT_LITTLE)[::-1])
unit.set_values("input", 6, words(">I", UINT32_BIG) + words(">i", INT32_LITTLE)[::-1])
unit.set_values("input", 20, [7])
server.start()

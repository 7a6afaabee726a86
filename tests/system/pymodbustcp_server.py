"""`pymodbustcp_server.py tcp PORT`: pyModbusTCP serves the tables of `modbus_peers`; prints its port."""

import sys
from threading import Event

from modbus_peers import (
    BITS,
    FLOAT_BIG,
    FLOAT_LITTLE,
    INT16,
    INT32_LITTLE,
    UINT32_BIG,
    WORDS,
)
from pyModbusTCP.server import DataBank, ModbusServer
from pyModbusTCP.utils import encode_ieee, long_list_to_word

bank = DataBank(coils_size=BITS, d_inputs_size=BITS, h_regs_size=WORDS, i_regs_size=WORDS)
bank.set_coils(0, [at % 3 == 0 for at in range(BITS)])
bank.set_discrete_inputs(0, [at % 5 == 0 for at in range(BITS)])
bank.set_input_registers(0, [52000, INT16 & 0xFFFF])
bank.set_input_registers(2, long_list_to_word([encode_ieee(FLOAT_BIG)]))
bank.set_input_registers(4, long_list_to_word([encode_ieee(FLOAT_LITTLE)], big_endian=False))
bank.set_input_registers(6, long_list_to_word([UINT32_BIG]))
bank.set_input_registers(8, long_list_to_word([INT32_LITTLE & 0xFFFFFFFF], big_endian=False))
bank.set_input_registers(20, [7])

server = ModbusServer("127.0.0.1", int(sys.argv[2]), no_block=True, data_bank=bank)
server.start()
sys.stdout.write(f"{server._service.server_address[1]}\n")
sys.stdout.flush()
Event().wait()

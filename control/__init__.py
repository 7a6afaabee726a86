"""The rig: tags over Modbus, interlocks, the sequence of a run, its journal."""

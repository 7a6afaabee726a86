"""The rig's twin: a plant, the PLC that drives it and the camera that looks at it, in a process of its own.

Product, not test code: `tankcal simulate-rig` serves it over Modbus TCP and HTTP on the loopback. It shares
no formula with `vision` or `calibration`, so that a fault in one cannot hide in the other.
"""

"""The rig's twin: a plant, a Modbus device and cameras in a process of their own."""

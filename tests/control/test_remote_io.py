"""Plain remote I/O: the same names as a PLC, doses closed by the bench, outputs by the module's watchdog."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest
from fault_proxy import FaultProxy, WireFault, fault_proxy
from rig_bench import CONFIGS, Bench, until

from control.errors import CommandRefusedError, ConfigurationError, LinkError
from control.registers import RegisterMap, load_register_map
from control.remote_io import line_of
from control.rig import Rig
from control.simulator.configuration import load_twin_configuration
from control.simulator.emptying import make_truth
from control.simulator.plant import Plant
from control.simulator.remote_io import RemoteIoModule
from control.simulator.server import RigServer

FACTOR = 20.0


@dataclass
class RemoteBench:
    """A running module, the wire to it, and a connected rig."""

    plant: Plant
    module: RemoteIoModule
    wire: FaultProxy
    registers: RegisterMap
    rig: Rig

    @property
    def closed(self) -> bool:
        """Whether every valve is closed."""
        return self.plant.hydraulics.inlets_closed and self.plant.drain.closed


@pytest.fixture
async def remote() -> AsyncIterator[RemoteBench]:
    """A plant behind remote I/O, and a rig at the other end of a wire."""
    configuration = load_twin_configuration(
        CONFIGS / "rigs/remote-io.toml", CONFIGS / "stations/demo.toml", CONFIGS / "measures/demo-20l.toml"
    )
    registers = configuration.registers
    plant = Plant(make_truth(6, configuration.measure, configuration.standards))
    module = RemoteIoModule(
        plant,
        heartbeat_s=registers.link.heartbeat_s,
        time_factor=FACTOR,
        opcodes=registers.commands.opcodes,
    )
    server = RigServer(registers, module)
    port = await server.start(0)
    bench = Bench(plant, module, server, registers, factor=FACTOR)
    scanning = asyncio.create_task(bench.scan())
    async with fault_proxy(port) as wire:
        far = replace(registers, link=replace(registers.link, port=wire.port, timeout_s=0.25))
        rig = Rig(far)
        await rig.connect()
        yield RemoteBench(plant, module, wire, far, rig)
        await rig.close()
    scanning.cancel()
    await asyncio.gather(scanning, return_exceptions=True)
    await server.stop()


async def test_a_dose_is_closed_by_the_bench_by_the_meter(remote: RemoteBench) -> None:
    """The volume passes, a little more is in flight, and the dose says that it is complete."""
    before = remote.plant.hydraulics.meter.volume_l
    await remote.rig.fill_fine(0.3, 40.0)
    snapshot = await remote.rig.wait_for(lambda s: s.values["dose_state"] != 1, 120.0, "the dose")
    assert 2 == snapshot.values["dose_state"]
    await until(lambda: remote.closed)
    assert 0.3 <= remote.plant.hydraulics.meter.volume_l - before < 0.4
    assert () == remote.rig.alarms.first_out()


async def test_commands_have_the_names_and_refusals_of_a_plc(remote: RemoteBench) -> None:
    """Drain and inlets exclude each other, arguments have limits, a repeated number does nothing."""
    rig = remote.rig
    await rig.open_drain()
    await until(lambda: remote.plant.drain.position > 0.0)
    with pytest.raises(CommandRefusedError, match="the drain was told to open"):
        await rig.fill_fine(0.1, 40.0)
    await rig.close_drain()
    await until(lambda: remote.closed)
    with pytest.raises(CommandRefusedError, match="an argument is out of range"):
        await rig.fill_fine(0.1, 3.0)
    line = line_of(remote.registers)
    await line.connect()
    words = remote.registers.commands.encode(7, "fill-fine", 0.0, 40.0)
    await line.write_registers(remote.registers.commands.address, words)
    assert (7, 7) == await line.read(remote.registers.tags["accepted_sequence"].table, 60000, 2)
    await line.close()
    assert remote.closed


async def test_the_watchdog_closes_a_dose_that_nobody_watches(remote: RemoteBench) -> None:
    """The wire dies in a dose: the module closes within T, the bench calls it broken off, and resets it."""
    await remote.rig.fill_coarse(19.0, 20.0)
    await until(lambda: remote.plant.hydraulics.coarse.position == 1.0)
    remote.wire.begin(WireFault.HALF_OPEN)
    async with asyncio.timeout(remote.registers.link.heartbeat_s + 1.0):
        await until(lambda: remote.closed)
    await until(lambda: remote.module.tripped, remote.registers.link.heartbeat_s + 1.0)
    remote.wire.mend()
    await until(lambda: remote.rig.connected)
    snapshot = await remote.rig.refresh()
    assert (1, 3) == (snapshot.values["latch"], snapshot.values["dose_state"])
    with pytest.raises(CommandRefusedError, match="latched"):
        await remote.rig.fill_fine(0.1, 40.0)
    await remote.rig.reset()
    remote.rig.alarms.clear()
    await until(lambda: remote.rig.alarms.active() == ())
    await remote.rig.fill_fine(0.1, 40.0)
    assert remote.module.coils[0]


async def test_the_emergency_stop_is_wired_past_every_program(remote: RemoteBench) -> None:
    """Pump and inlets lose their power, whatever the coils say; the bench sees it and closes."""
    await remote.rig.fill_coarse(19.0, 20.0)
    await until(lambda: remote.plant.hydraulics.coarse.position == 1.0)
    remote.plant.emergency_stop = True
    await until(lambda: remote.plant.hydraulics.inlets_closed, 2.0)
    await until(lambda: "emergency-stop" in [alarm.name for alarm in remote.rig.alarms.first_out()])
    await until(lambda: remote.module.coils == (False,) * 4)


async def test_outputs_that_do_not_read_back_are_a_link_error(remote: RemoteBench) -> None:
    """A module that does not obey is found out: the command is not accepted."""
    remote.module.write_outputs = lambda bits, wall_s: None  # type: ignore[method-assign]  # a dead output stage
    with pytest.raises(LinkError, match="does not confirm"):
        await remote.rig.open_drain()
    assert remote.closed


def test_outputs_are_checked_like_the_rest_of_the_map(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Another order, a reset among the outputs or a tag that is not there is one sentence."""
    text = (CONFIGS / "rigs/remote-io.toml").read_text(encoding="utf-8")
    file = tmp_path_factory.mktemp("rigs") / "rig.toml"
    for old, new, reason in (
        ('order = ["pump", "coarse', 'order = ["drain", "coarse', "outputs.order: expected"),
        ("reset = 8", "reset = 2", "outputs.reset: expected a coil of its own"),
        ('speed = "pump_setpoint"', 'speed = "speed"', "outputs.speed: expected the name of a tag"),
    ):
        assert old in text
        file.write_text(text.replace(old, new))
        with pytest.raises(ConfigurationError, match=reason):
            load_register_map(file)

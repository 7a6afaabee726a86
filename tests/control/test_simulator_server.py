"""The twin over real Modbus TCP: the map as the rig file lays it out, commands, refusals, the heartbeat."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pymodbus.client import AsyncModbusTcpClient

from control.errors import ConfigurationError
from control.register_words import Table
from control.registers import RegisterMap, Value
from control.simulator.configuration import load_twin_configuration
from control.simulator.device import Device, Latch, Result
from control.simulator.emptying import make_truth
from control.simulator.plant import Plant
from control.simulator.server import RigServer
from control.simulator.twin import Twin

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
CONFIGURATION = load_twin_configuration(
    CONFIGS / "rigs/twin.toml", CONFIGS / "stations/demo.toml", CONFIGS / "measures/demo-20l.toml"
)
HEARTBEAT_S = 1.0


class Client:
    """A plain Modbus client with the register map in its hand."""

    def __init__(self, port: int, registers: RegisterMap) -> None:
        self.modbus = AsyncModbusTcpClient("127.0.0.1", port=port, retries=0, reconnect_delay=0, timeout=2.0)
        self.registers = registers
        self.sequence = 0
        self.beat = 0

    async def tags(self) -> dict[str, Value | None]:
        """Every tag, decoded; None where it is out of its range."""
        functions: dict[Table, Any] = {
            Table.INPUT: self.modbus.read_input_registers,
            Table.HOLDING: self.modbus.read_holding_registers,
            Table.DISCRETE: self.modbus.read_discrete_inputs,
        }
        values: dict[str, Value | None] = {}
        for request in self.registers.plan():
            answer = await functions[request.table](request.address, count=request.count, device_id=1)
            assert not answer.isError(), (request.table, request.address, answer)
            words = answer.bits[: request.count] if request.table.is_bits else answer.registers
            values.update({name: decoded.value for name, decoded in request.decode(words).items()})
        return values

    async def command(self, opcode: str, first: float = 0.0, second: float = 0.0) -> dict[str, Value | None]:
        """Send a command block with a new sequence; returns all tags after it."""
        self.sequence += 1
        words = self.registers.commands.encode(self.sequence, opcode, first, second)
        answer = await self.modbus.write_registers(self.registers.commands.address, list(words), device_id=1)
        assert not answer.isError()
        return await self.tags()

    async def dose_ended(self) -> dict[str, Value | None]:
        """All tags once no dose runs any more."""
        for _ in range(500):
            values = await self.tags()
            if values["dose_state"] != 1:
                return values
            await asyncio.sleep(0.02)
        pytest.fail("the dose does not end")

    async def heartbeat(self) -> None:
        """Change the heartbeat register once."""
        self.beat = (self.beat + 1) & 0xFFFF
        answer = await self.modbus.write_register(
            self.registers.tags["heartbeat"].address, self.beat, device_id=1
        )
        assert not answer.isError()

    async def keep_beating(self) -> None:
        """Beat until cancelled."""
        while True:
            await self.heartbeat()
            await asyncio.sleep(HEARTBEAT_S / 4.0)


@pytest.fixture
async def twin() -> AsyncIterator[tuple[Twin, Client]]:
    """A twin at 60 times the wall's speed with a short T, and a client connected to it."""
    registers = CONFIGURATION.registers
    quick = replace(registers, link=replace(registers.link, heartbeat_s=HEARTBEAT_S))
    twin = Twin(replace(CONFIGURATION, registers=quick), seed=4, time_factor=60.0)
    ports = await twin.start(0, 0)
    clock = asyncio.create_task(twin.run_clock())
    client = Client(ports.modbus, registers)
    assert await client.modbus.connect()
    yield twin, client
    client.modbus.close()
    clock.cancel()
    with suppress(asyncio.CancelledError):
        await clock
    await twin.stop()


async def test_every_tag_of_the_map_is_served_in_its_range(twin: tuple[Twin, Client]) -> None:
    """No tag is missing, none decodes to something outside the range that the map states."""
    _, client = twin
    values = await client.tags()
    assert set(client.registers.tags) == set(values)
    assert [] == [name for name, value in values.items() if value is None]
    assert values["time_factor"] == 60.0
    assert values["door_closed"] is True
    assert values["level_empty"] is True


async def test_served_values_are_the_plants(twin: tuple[Twin, Client]) -> None:
    """Values over the wire agree with the plant within their resolution, each in its own place."""
    twin_, client = twin
    plant = twin_.plant
    values = await client.tags()
    assert values["reservoir"] == pytest.approx(plant.hydraulics.reservoir_l, abs=1e-4)
    assert values["balance"] == pytest.approx(plant.truth.tare_g, abs=1.5)
    assert values["air_pressure"] == pytest.approx(plant.room.pressure_hpa, abs=3.0)
    assert values["humidity"] == pytest.approx(plant.room.humidity_pct, abs=15.0)
    assert values["water_temperature"] == pytest.approx(plant.vessel.water_c, abs=0.15)


async def test_a_dose_over_the_wire(twin: tuple[Twin, Client]) -> None:
    """Heartbeat, command, echo, dose complete, water in the measure, clock and counter going on."""
    twin_, client = twin
    beating = asyncio.create_task(client.keep_beating())
    await asyncio.sleep(0.05)
    before = await client.command("fill-coarse", 6.0, 100.0)
    assert (before["accepted_sequence"], before["command_result"]) == (1, Result.ACCEPTED)
    values = await client.dose_ended()
    beating.cancel()
    assert values["dose_state"] == 2
    meter_l = values["meter_volume"]
    assert isinstance(meter_l, float)
    assert 6.0 <= meter_l <= 6.4
    assert 5.8 <= twin_.plant.vessel.content_g / 1000.0 <= 6.5
    assert values["device_counter"] != before["device_counter"]
    clocks = (before["clock"], values["clock"])
    assert isinstance(clocks[0], float) and isinstance(clocks[1], float) and clocks[0] < clocks[1]


async def test_a_repeated_block_is_not_done_twice(twin: tuple[Twin, Client]) -> None:
    """The same six registers written twice make one dose."""
    twin_, client = twin
    beating = asyncio.create_task(client.keep_beating())
    await asyncio.sleep(0.05)
    words = list(client.registers.commands.encode(9, "fill-fine", 0.05, 40.0))
    for _ in range(2):
        await client.modbus.write_registers(client.registers.commands.address, words, device_id=1)
        await client.dose_ended()
    beating.cancel()
    assert twin_.device.executed == 1
    assert (await client.tags())["meter_volume"] == pytest.approx(0.05, abs=0.01)


async def test_a_stalled_heartbeat_closes_all_within_the_walls_time(twin: tuple[Twin, Client]) -> None:
    """T counts on the wall's clock although the rig's runs sixty times faster; then all closes."""
    twin_, client = twin
    await client.heartbeat()
    await client.command("fill-coarse", 1.0, 20.0)
    await client.command("open-drain")  # refused: the inlet is not closed
    assert (await client.tags())["command_result"] == Result.INLET_NOT_CLOSED
    await asyncio.sleep(HEARTBEAT_S / 2.0)
    assert (await client.tags())["latch"] == Latch.NONE
    await asyncio.sleep(HEARTBEAT_S)
    values = await client.tags()
    assert values["latch"] == Latch.HEARTBEAT
    assert [values[name] for name in ("coarse_valve", "fine_valve", "drain_valve")] == [0.0, 0.0, 0.0]
    assert twin_.plant.hydraulics.pump.setpoint == 0.0


async def test_what_the_device_does_not_have_is_an_exception(twin: tuple[Twin, Client]) -> None:
    """Addresses and functions outside the map are answered with the Modbus code, and nothing changes."""
    twin_, client = twin
    modbus = client.modbus
    answers = [
        await modbus.read_input_registers(31, count=1, device_id=1),
        await modbus.read_input_registers(29, count=4, device_id=1),
        await modbus.read_holding_registers(5, count=1, device_id=1),
        await modbus.write_register(5, 1, device_id=1),
        await modbus.write_register(10, 77, device_id=1),
        await modbus.write_registers(10, [77, 2], device_id=1),
        await modbus.write_registers(0, [1, 2], device_id=1),
    ]
    assert [2] * len(answers) == [answer.exception_code for answer in answers]
    assert (await modbus.read_coils(0, count=1, device_id=1)).exception_code == 1
    assert (await modbus.write_coil(0, True, device_id=1)).exception_code == 1
    assert twin_.device.accepted_sequence == 0
    assert (await client.tags())["accepted_sequence"] == 0


async def test_a_port_that_is_taken_is_one_sentence(twin: tuple[Twin, Client]) -> None:
    """The second twin on the same port says which port and what is expected."""
    _, client = twin
    other = Twin(CONFIGURATION, seed=1, time_factor=1.0)
    with pytest.raises(ConfigurationError, match=r"port \d+ of 127.0.0.1 .* expected a free port"):
        await other.start(client.modbus.comm_params.port, 0)


async def test_a_tag_that_the_twin_does_not_know_is_refused() -> None:
    """A map that names something else is refused before anything is opened, by file and key."""
    registers = CONFIGURATION.registers
    strange = replace(registers.tags["balance"], name="second_balance", address=200)
    plant = Plant(make_truth(1, CONFIGURATION.measure, CONFIGURATION.standards))
    device = Device(plant, heartbeat_s=1.0, time_factor=1.0, opcodes=registers.commands.opcodes)
    with pytest.raises(ConfigurationError, match=r"twin\.toml: tags\.second_balance: "):
        RigServer(replace(registers, tags={**registers.tags, "second_balance": strange}), device)


@pytest.mark.parametrize("factor", [0.0, -1.0, 5000.0, float("nan")])
def test_a_time_factor_that_the_register_cannot_say_is_refused(factor: float) -> None:
    """Both sides agree on the factor through a register: it must fit the register's range."""
    with pytest.raises(ConfigurationError, match=r"time factor: expected 0\.1 to 1000"):
        Twin(CONFIGURATION, seed=1, time_factor=factor)

"""The twin's PLC: doses by its own meter, interlocks, latch, commands that are done once."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from control.simulator.configuration import TwinConfiguration, load_twin_configuration
from control.simulator.device import Device, DoseState, Latch, Opcode, Result
from control.simulator.emptying import make_truth
from control.simulator.hydraulics import STEP_S
from control.simulator.plant import LevelSwitch, Plant

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
HEARTBEAT_S = 2.0


@pytest.fixture(scope="module")
def configuration() -> TwinConfiguration:
    """The demonstration's files."""
    return load_twin_configuration(
        CONFIGS / "rigs/twin.toml", CONFIGS / "stations/demo.toml", CONFIGS / "measures/demo-20l.toml"
    )


class Bench:
    """A bench in front of the device: it numbers its commands, and its wall clock runs as the rig's."""

    def __init__(self, configuration: TwinConfiguration) -> None:
        truth = make_truth(2, configuration.measure, configuration.standards)
        self.plant = Plant(replace(truth, film_scatter=0.0))
        self.numbers = configuration.registers.commands.opcodes
        self.device = Device(self.plant, heartbeat_s=HEARTBEAT_S, time_factor=1.0, opcodes=self.numbers)
        self.sequence = 0
        self.wall_s = 100.0
        self.beats = True

    def send(self, opcode: Opcode, first: float = 0.0, second: float = 0.0) -> Result:
        """One command with a new sequence."""
        self.sequence += 1
        return self.device.command((self.sequence, self.numbers[opcode], first, second), self.wall_s)

    def run(self, seconds: float) -> None:
        """Let both clocks run, with or without a heartbeat."""
        for _ in range(round(seconds / STEP_S)):
            self.wall_s += STEP_S
            if self.beats:
                self.device.beat(int(self.wall_s * 4) & 0xFFFF, self.wall_s)
            self.device.step(self.wall_s)

    @property
    def all_closed(self) -> bool:
        """Pump told to stop, every valve closed."""
        plant = self.plant
        return plant.hydraulics.inlets_closed and plant.drain.closed and plant.hydraulics.pump.setpoint == 0.0


@pytest.fixture
def bench(configuration: TwinConfiguration) -> Bench:
    """A bench whose heartbeat the device has seen."""
    bench = Bench(configuration)
    bench.run(1.0)
    return bench


@pytest.mark.parametrize(
    ("opcode", "volume_l", "speed", "most_over_ml"),
    [
        (Opcode.FILL_COARSE, 12.0, 100.0, 400.0),
        (Opcode.FILL_COARSE, 5.0, 60.0, 400.0),
        (Opcode.FILL_FINE, 0.2, 40.0, 4.0),
        (Opcode.FILL_FINE, 0.01, 40.0, 4.0),
    ],
)
def test_a_dose_is_closed_by_the_meter(
    bench: Bench, opcode: Opcode, volume_l: float, speed: float, most_over_ml: float
) -> None:
    """A dose reaches its volume by the device's meter; only what the valve's travel lets by comes on top."""
    before = bench.plant.hydraulics.meter.volume_l
    assert bench.send(opcode, volume_l, speed) is Result.ACCEPTED
    assert bench.device.dose_state is DoseState.RUNNING
    while bench.device.dose_state is DoseState.RUNNING:
        bench.run(0.1)
    assert bench.device.dose_state is DoseState.COMPLETE
    over_ml = 1000.0 * (bench.plant.hydraulics.meter.volume_l - before - volume_l)
    assert 0.0 <= over_ml <= most_over_ml
    assert bench.all_closed


def test_a_repeated_command_does_nothing(bench: Bench) -> None:
    """The same sequence again, even with other arguments, starts no second dose."""
    bench.send(Opcode.FILL_FINE, 0.05, 40.0)
    bench.run(15.0)
    assert bench.device.dose_state is DoseState.COMPLETE
    pulses, executed = bench.plant.hydraulics.meter.pulses, bench.device.executed
    words = (bench.sequence, bench.numbers["fill-fine"], 0.5, 40.0)
    assert bench.device.command(words, bench.wall_s) is Result.ACCEPTED
    bench.run(5.0)
    assert bench.plant.hydraulics.meter.pulses == pulses
    assert bench.device.executed == executed


def test_a_refused_command_is_echoed_and_not_executed(bench: Bench) -> None:
    """The echo says that the command arrived, the result that it was refused."""
    executed = bench.device.executed
    assert bench.send(Opcode.FILL_FINE, -1.0, 40.0) is Result.ARGUMENT
    assert bench.device.accepted_sequence == bench.sequence
    assert bench.device.executed == executed
    assert bench.all_closed


def test_an_unknown_opcode_is_refused(bench: Bench) -> None:
    """A number that the map does not name."""
    assert bench.device.command((500, 99, 0.0, 0.0), bench.wall_s) is Result.UNKNOWN_OPCODE


@pytest.mark.parametrize(
    ("volume_l", "speed"),
    [
        (0.0, 50.0),
        (26.0, 50.0),
        (math.nan, 50.0),
        (math.inf, 50.0),
        (1.0, 0.0),
        (1.0, 101.0),
        (1.0, math.nan),
    ],
)
def test_arguments_out_of_range_are_refused(bench: Bench, volume_l: float, speed: float) -> None:
    """Nothing opens on a volume or speed that makes no sense."""
    assert bench.send(Opcode.FILL_COARSE, volume_l, speed) is Result.ARGUMENT
    bench.run(1.0)
    assert bench.all_closed


def test_inlet_and_drain_exclude_each_other(bench: Bench) -> None:
    """No filling while the drain is not closed, no draining while an inlet is not closed, travel included."""
    assert bench.send(Opcode.OPEN_DRAIN) is Result.ACCEPTED
    bench.run(3.0)
    assert bench.send(Opcode.FILL_COARSE, 1.0, 50.0) is Result.DRAIN_NOT_CLOSED
    bench.send(Opcode.CLOSE_DRAIN)
    bench.run(0.5)
    assert bench.plant.drain.position > 0.0
    assert bench.send(Opcode.FILL_COARSE, 1.0, 50.0) is Result.DRAIN_NOT_CLOSED
    bench.run(2.0)
    assert bench.send(Opcode.FILL_COARSE, 1.0, 50.0) is Result.ACCEPTED
    bench.run(0.2)
    assert bench.send(Opcode.OPEN_DRAIN) is Result.INLET_NOT_CLOSED
    assert not bench.plant.drain.open


def test_a_heartbeat_that_stalls_closes_everything_and_latches(bench: Bench) -> None:
    """T after the last change all is told to close; the latch stays until reset, with a heartbeat again."""
    bench.send(Opcode.FILL_COARSE, 10.0, 100.0)
    bench.run(3.0)
    bench.beats = False
    bench.run(HEARTBEAT_S - 0.3)
    assert bench.device.latch is Latch.NONE
    bench.run(0.6)
    assert bench.device.latch is Latch.HEARTBEAT
    assert bench.device.dose_state is DoseState.BROKEN_OFF
    bench.run(1.0)
    assert bench.all_closed
    assert bench.send(Opcode.FILL_FINE, 0.1, 40.0) is Result.HEARTBEAT_MISSING
    assert bench.send(Opcode.RESET) is Result.HEARTBEAT_MISSING
    bench.beats = True
    bench.run(0.5)
    assert bench.device.latch is Latch.HEARTBEAT
    assert bench.send(Opcode.FILL_FINE, 0.1, 40.0) is Result.LATCHED
    assert bench.send(Opcode.OPEN_DRAIN) is Result.LATCHED
    assert bench.send(Opcode.RESET) is Result.ACCEPTED
    assert bench.send(Opcode.FILL_FINE, 0.1, 40.0) is Result.ACCEPTED


def test_nothing_opens_before_the_first_heartbeat(configuration: TwinConfiguration) -> None:
    """A device that has never heard its bench refuses to open, without a latch."""
    bench = Bench(configuration)
    bench.beats = False
    bench.run(5.0)
    assert bench.device.latch is Latch.NONE
    assert bench.send(Opcode.FILL_FINE, 0.1, 40.0) is Result.HEARTBEAT_MISSING
    assert bench.send(Opcode.OPEN_DRAIN) is Result.HEARTBEAT_MISSING
    assert bench.send(Opcode.CLOSE_ALL) is Result.ACCEPTED


def test_high_high_level_closes_the_inlets_in_time(bench: Bench) -> None:
    """Two doses that together are far too much: all closes, nothing overflows, draining frees it."""
    bench.send(Opcode.FILL_COARSE, 19.0, 100.0)
    bench.run(35.0)
    assert bench.send(Opcode.FILL_COARSE, 10.0, 100.0) is Result.ACCEPTED
    bench.run(20.0)
    assert bench.device.latch is Latch.HIGH_HIGH
    assert bench.all_closed
    assert bench.plant.vessel.overflow_ml == 0.0
    assert bench.plant.vessel.high_high
    assert bench.send(Opcode.FILL_FINE, 0.1, 40.0) is Result.HIGH_HIGH
    assert bench.send(Opcode.RESET) is Result.HIGH_HIGH
    assert bench.send(Opcode.OPEN_DRAIN) is Result.ACCEPTED
    bench.run(10.0)
    assert bench.send(Opcode.RESET) is Result.ACCEPTED
    assert bench.device.latch is Latch.NONE


def test_the_emergency_stop_closes_everything_at_any_time(bench: Bench) -> None:
    """Pressed while draining: all closes, and reset waits for its release."""
    bench.send(Opcode.OPEN_DRAIN)
    bench.run(2.0)
    bench.plant.emergency_stop = True
    bench.run(2.0)
    assert bench.device.latch is Latch.EMERGENCY_STOP
    assert bench.all_closed
    assert bench.send(Opcode.RESET) is Result.EMERGENCY_STOP
    assert bench.send(Opcode.OPEN_DRAIN) is Result.EMERGENCY_STOP
    bench.plant.emergency_stop = False
    assert bench.send(Opcode.RESET) is Result.ACCEPTED


def test_the_door_latches_while_something_runs_and_only_refuses_at_rest(bench: Bench) -> None:
    """A door opened at rest forbids filling and needs no reset; opened while water moves it closes all."""
    bench.plant.door_closed = False
    bench.run(1.0)
    assert bench.device.latch is Latch.NONE
    assert bench.send(Opcode.FILL_COARSE, 1.0, 50.0) is Result.DOOR_OPEN
    bench.plant.door_closed = True
    assert bench.send(Opcode.FILL_COARSE, 5.0, 50.0) is Result.ACCEPTED
    bench.run(2.0)
    bench.plant.door_closed = False
    bench.run(2.0)
    assert bench.device.latch is Latch.DOOR
    assert bench.all_closed
    assert bench.send(Opcode.RESET) is Result.DOOR_OPEN


def test_a_dry_pump_stops(bench: Bench) -> None:
    """With the reservoir run out the pump is stopped and the cause is kept."""
    bench.plant.hydraulics.reservoir_g = 6000.0
    bench.send(Opcode.FILL_COARSE, 10.0, 100.0)
    bench.run(10.0)
    assert bench.device.latch is Latch.PUMP_DRY
    assert bench.all_closed
    assert bench.plant.hydraulics.low
    assert bench.send(Opcode.RESET) is Result.LATCHED


def test_the_first_cause_is_the_one_that_is_kept(bench: Bench) -> None:
    """A second cause after the first does not take its place."""
    bench.send(Opcode.FILL_COARSE, 5.0, 50.0)
    bench.run(1.0)
    bench.plant.door_closed = False
    bench.run(0.5)
    bench.plant.emergency_stop = True
    bench.run(0.5)
    assert bench.device.latch is Latch.DOOR


def test_close_all_breaks_a_dose_off(bench: Bench) -> None:
    """Closing needs no permission, and the dose says that it was not completed."""
    bench.send(Opcode.FILL_COARSE, 10.0, 100.0)
    bench.run(2.0)
    assert bench.send(Opcode.CLOSE_ALL) is Result.ACCEPTED
    bench.run(2.0)
    assert bench.device.dose_state is DoseState.BROKEN_OFF
    assert bench.all_closed


def test_no_inlet_is_ever_open_with_the_drain(bench: Bench) -> None:
    """Whatever is asked in whatever order, an inlet and the drain are never away from closed together."""
    asked = [
        (Opcode.FILL_COARSE, 1.0, 100.0),
        (Opcode.OPEN_DRAIN, 0.0, 0.0),
        (Opcode.FILL_FINE, 0.3, 40.0),
        (Opcode.CLOSE_DRAIN, 0.0, 0.0),
        (Opcode.OPEN_DRAIN, 0.0, 0.0),
        (Opcode.CLOSE_ALL, 0.0, 0.0),
    ]
    for round_number in range(60):
        opcode, first, second = asked[(round_number * 7 + round_number // 6) % len(asked)]
        bench.send(opcode, first, second)
        for _ in range(12):
            bench.run(0.1)
            assert bench.plant.hydraulics.inlets_closed or bench.plant.drain.closed


def test_a_dose_without_flow_is_broken_off(bench: Bench) -> None:
    """No pulses, no pump or a valve that sticks: after six seconds everything is closed and latched."""
    bench.plant.hydraulics.meter.counting = False
    bench.send(Opcode.FILL_FINE, 1.0, 100.0)
    bench.run(5.0)
    assert Latch.NONE is bench.device.latch
    bench.run(3.0)
    assert (Latch.NO_FLOW, DoseState.BROKEN_OFF, True) == (
        bench.device.latch,
        bench.device.dose_state,
        bench.all_closed,
    )
    assert Result.ACCEPTED is bench.send(Opcode.RESET)


def test_a_leaking_inlet_latches_until_it_has_ended_and_lets_the_drain_open(bench: Bench) -> None:
    """Water comes although everything is closed: nothing is filled, but draining is the way out."""
    bench.plant.hydraulics.leak_ml_s = 10.0
    bench.run(17.0)
    assert Latch.FLOW_ALTHOUGH_CLOSED is bench.device.latch
    assert Result.LATCHED is bench.send(Opcode.FILL_FINE, 0.1, 100.0)
    assert Result.LATCHED is bench.send(Opcode.RESET)
    assert Result.ACCEPTED is bench.send(Opcode.OPEN_DRAIN)
    bench.send(Opcode.CLOSE_DRAIN)
    bench.plant.hydraulics.leak_ml_s = 0.0
    bench.run(3.0)
    assert Result.ACCEPTED is bench.send(Opcode.RESET)


def test_an_inlet_that_did_not_close_keeps_the_other_one_closed(bench: Bench) -> None:
    """The coarse valve sticks open: a fine dose would be a coarse one."""
    bench.send(Opcode.FILL_COARSE, 1.0, 100.0)
    bench.run(3.0)
    bench.plant.hydraulics.coarse.can_close = False
    bench.send(Opcode.CLOSE_ALL)
    bench.run(3.0)
    assert Result.INLET_NOT_CLOSED is bench.send(Opcode.FILL_FINE, 0.1, 100.0)


def test_a_drain_that_comes_open_in_a_dose_closes_the_inlets(bench: Bench) -> None:
    """Both ends open is the one thing that must not last."""
    bench.send(Opcode.FILL_COARSE, 5.0, 100.0)
    bench.run(3.0)
    bench.plant.drain.position = 0.3
    bench.run(0.1)
    assert Latch.DRAIN_NOT_CLOSED is bench.device.latch
    bench.run(3.0)
    assert bench.all_closed


def test_a_dose_that_never_ends_is_broken_off(bench: Bench) -> None:
    """A meter that counts a hundredth keeps flow alive; the dose has its longest time."""
    bench.plant.hydraulics.meter.drift = -0.9
    bench.plant.stuck_switches[LevelSwitch.HIGH_HIGH] = False
    bench.send(Opcode.FILL_FINE, 10.0, 25.0)
    bench.run(905.0)
    assert Latch.DOSE_TOO_LONG is bench.device.latch
    assert bench.all_closed

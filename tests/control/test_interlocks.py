"""The bench's interlocks: what trips, what may be opened, and that no order of commands opens both ends."""

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from rig_bench import CONFIGS, TWIN

from control.interlocks import OPENING, Health, Interlocks, Limits
from control.simulator.configuration import load_twin_configuration
from control.simulator.device import Device, Result
from control.simulator.plant import Plant
from control.simulator.truth import draw_truth
from control.snapshot import Snapshot

CALM: dict[str, Any] = {
    "latch": 0,
    "dose_state": 0,
    "meter_flow": 0.0,
    "meter_volume": 0.0,
    "balance": 8000.0,
    "water_temperature": 20.0,
    "vessel_temperature": 20.0,
    "air_temperature": 20.0,
    "coarse_valve": 0.0,
    "fine_valve": 0.0,
    "drain_valve": 0.0,
    "level_high_high": False,
    "door_closed": True,
    "emergency_stop": False,
    "reservoir_low": False,
}
WELL = Health(0.0, 0.0)
LIMITS = Limits(link_s=1.0, counter_s=1.0)


def seen(at_s: float = 0.0, **changes: Any) -> Snapshot:
    """A quiet bench, with some values changed."""
    values = {**CALM, **changes}
    return Snapshot(MappingProxyType(values), MappingProxyType(dict.fromkeys(values, 0.0)), at_s, 0.0)


def names(interlocks: Interlocks, snapshot: Snapshot, health: Health = WELL) -> list[str]:
    """The names of what trips."""
    return [trip.name for trip in interlocks.check(snapshot, health)]


def test_a_quiet_bench_trips_nothing_and_may_open() -> None:
    """No alarm without a cause."""
    interlocks = Interlocks(LIMITS)
    assert [] == names(interlocks, seen())
    assert ["", "", ""] == [
        interlocks.permission(opcode, seen()) for opcode in ("fill-coarse", "fill-fine", "open-drain")
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"emergency_stop": True}, ["emergency-stop"]),
        ({"level_high_high": True, "dose_state": 1}, ["high-high-level"]),
        ({"level_high_high": True, "fine_valve": 20.0}, ["high-high-level"]),
        ({"level_high_high": True}, []),
        ({"latch": 1}, ["device-latched"]),
        ({"latch": None}, ["device-latched"]),
        ({"door_closed": False}, ["door-open"]),
        ({"coarse_valve": 40.0, "drain_valve": 3.0}, ["inlet-and-drain-open"]),
        ({"coarse_valve": 40.0, "drain_valve": None}, ["inlet-and-drain-open"]),
        ({"dose_state": 1, "reservoir_low": True}, ["reservoir-low"]),
        ({"reservoir_low": True}, []),
    ],
)
def test_what_trips_at_once(changes: dict[str, Any], expected: list[str]) -> None:
    """These conditions need no second look."""
    assert expected == names(Interlocks(LIMITS), seen(**changes))


def test_only_emergency_stop_and_high_high_abort() -> None:
    """The others hold the run."""
    every = seen(emergency_stop=True, level_high_high=True, dose_state=1, latch=2, door_closed=False)
    trips = Interlocks(LIMITS).check(every, Health(0.0, 2.0))
    assert {"emergency-stop": True, "high-high-level": True} == {t.name: True for t in trips if t.aborts}
    assert {"device-latched", "door-open", "device-stalled"} == {t.name for t in trips if not t.aborts}


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"dose_state": 1, "fine_valve": 100.0, "meter_flow": 0.0}, "no-flow"),
        ({"meter_flow": 1.0}, "flow-although-closed"),
        ({"water_temperature": None}, "water-temperature-unknown"),
        ({"drain_valve": None}, "drain-valve-unknown"),
        ({"balance": None}, "balance-unknown"),
    ],
)
def test_what_must_last_trips_after_its_time_and_several_polls(changes: dict[str, Any], name: str) -> None:
    """Neither one long poll nor many short ones are enough; a moment without it begins anew."""
    interlocks = Interlocks(LIMITS)
    assert [] == names(interlocks, seen(0.0, **changes))
    assert [] == names(interlocks, seen(100.0, **changes))
    assert [name] == names(interlocks, seen(101.0, **changes))
    assert [] == names(interlocks, seen(102.0))
    assert [] == names(interlocks, seen(103.0, **changes))
    assert [[]] * 20 == [names(interlocks, seen(103.0 + n / 10, **changes)) for n in range(20)]


def test_a_lost_line_trips_and_old_values_are_not_looked_at() -> None:
    """What held when the line broke is taken to hold still; nothing new is concluded from old values."""
    interlocks = Interlocks(LIMITS)
    assert ["door-open"] == names(interlocks, seen(door_closed=False))
    assert ["door-open", "link-lost"] == names(interlocks, seen(), Health(1.5, 0.0, "cable"))
    assert ["door-open", "link-lost"] == names(interlocks, seen(latch=1), Health(2.5, 0.0))
    assert [] == names(interlocks, seen())


def test_a_device_that_answers_but_stands_still_trips() -> None:
    """The device's own counter is watched like its answers."""
    assert ["device-stalled"] == names(Interlocks(LIMITS), seen(), Health(0.0, 1.5))


@pytest.mark.parametrize(
    ("opcode", "changes", "reason"),
    [
        ("fill-coarse", {"drain_valve": 2.0}, "the drain is not closed"),
        ("fill-fine", {"drain_valve": None}, "the drain is not closed"),
        ("fill-fine", {"level_high_high": True}, "high-high"),
        ("fill-fine", {"reservoir_low": True}, "reservoir"),
        ("fill-fine", {"door_closed": False}, "door"),
        ("fill-fine", {"emergency_stop": True}, "emergency stop"),
        ("fill-fine", {"latch": 3}, "latched (door)"),
        ("open-drain", {"fine_valve": 2.0}, "an inlet valve is not closed"),
        ("open-drain", {"coarse_valve": None}, "an inlet valve is not closed"),
        ("open-drain", {"door_closed": False}, "door"),
    ],
)
def test_opening_is_refused_with_its_reason(opcode: str, changes: dict[str, Any], reason: str) -> None:
    """An unknown position is not a closed valve."""
    assert reason in Interlocks(LIMITS).permission(opcode, seen(**changes))


@pytest.mark.parametrize("opcode", ["close-all", "close-drain", "reset"])
def test_closing_needs_no_permission(opcode: str) -> None:
    """Whatever the bench looks like."""
    worst = seen(emergency_stop=True, latch=4, door_closed=False, coarse_valve=None, drain_valve=50.0)
    assert "" == Interlocks(LIMITS).permission(opcode, worst)


def test_seeping_inlets_are_seen_by_the_meters_total() -> None:
    """A flow below the flow limit adds up: 6 mL within half a minute, everything closed."""
    interlocks = Interlocks(LIMITS)
    rate_l_s = 0.02 / 60.0  # L/min, a fifth of the flow limit
    seen_at = [
        (at, names(interlocks, seen(float(at), meter_volume=5.0 + rate_l_s * at, meter_flow=0.02)))
        for at in range(0, 40, 2)
    ]
    first = next(at for at, tripped in seen_at if tripped)
    assert ["flow-although-closed"] == dict(seen_at)[first]
    assert 15 < first < 30
    # A dose that runs may move the meter; after it the total stands and nothing trips.
    assert [] == names(
        interlocks, seen(50.0, meter_volume=8.0, dose_state=1, fine_valve=100.0, meter_flow=1.0)
    )
    assert [] == names(interlocks, seen(52.0, meter_volume=9.0))
    assert [] == names(interlocks, seen(54.0, meter_volume=9.0))
    # So may one that began and ended between two polls: the device has had a command since.
    after = [names(interlocks, seen(at, meter_volume=9.1, accepted_sequence=8)) for at in (56.0, 58.0, 60.0)]
    assert [[], [], []] == after


def test_water_that_a_technician_lets_out_is_no_leak() -> None:
    """As long as hands are at work; what is lost afterwards trips again."""
    interlocks = Interlocks(LIMITS)
    interlocks.hands_at_work = True
    let_out = [names(interlocks, seen(float(at), balance=28000.0 - 4.0 * at)) for at in range(0, 60, 3)]
    assert [[]] * 20 == let_out
    interlocks.hands_at_work = False
    after = [names(interlocks, seen(60.0 + at, balance=27760.0 - 0.8 * at)) for at in range(0, 60, 3)]
    assert ([], ["measure-leaks"]) == (after[5], after[-1])


def test_a_measure_that_loses_water_at_rest_is_seen_by_the_balance() -> None:
    """A seat that drips trips; lifting the measure from the balance doesn't."""
    interlocks = Interlocks(LIMITS)
    losing = [names(interlocks, seen(float(at), balance=28000.0 - 0.8 * at)) for at in range(0, 60, 3)]
    assert [] == losing[5]
    assert ["measure-leaks"] == losing[-1]
    interlocks = Interlocks(LIMITS)
    assert [[]] * 10 == [names(interlocks, seen(float(at), balance=28000.0)) for at in range(10)]
    assert [[]] * 10 == [names(interlocks, seen(float(at), balance=0.0)) for at in range(10, 20)]
    draining = [
        names(interlocks, seen(float(at), balance=28000.0 - 200.0 * at, drain_valve=100.0))
        for at in range(30)
    ]
    assert [[]] * 30 == draining


@pytest.mark.parametrize(
    "moving",
    [
        {"dose_state": 1, "coarse_valve": 100.0, "meter_flow": 40.0},
        {"drain_valve": 100.0, "drain_stream": True},
    ],
)
def test_a_balance_that_does_not_feel_the_water_is_frozen(moving: dict[str, Any]) -> None:
    """It stands for five seconds while water comes or goes; at rest it may stand as long as it likes."""
    interlocks = Interlocks(LIMITS)
    assert [[]] * 20 == [names(interlocks, seen(float(at))) for at in range(20)]
    frozen = [names(interlocks, seen(20.0 + at, **moving)) for at in range(8)]
    assert ([], ["balance-frozen"]) == (frozen[4], frozen[7])
    interlocks = Interlocks(LIMITS)
    feeling = [names(interlocks, seen(float(at), balance=8000.0 + 10.0 * at, **moving)) for at in range(20)]
    assert [[]] * 20 == feeling


def test_a_fine_thermometer_that_says_the_same_is_frozen() -> None:
    """Twelve equal values in a stream; one of coarse steps may say the same for as long as it likes."""
    flowing = {"dose_state": 1, "coarse_valve": 100.0, "meter_flow": 40.0}
    for fine, expected in ((True, ["water-temperature-frozen"]), (False, [])):
        interlocks = Interlocks(replace(LIMITS, fine_thermometer=fine))
        seen_at = [
            names(interlocks, seen(float(at), balance=8000.0 + 600.0 * at, **flowing)) for at in range(14)
        ]
        assert ([], expected) == (seen_at[11], seen_at[13])


def test_equal_values_within_a_moment_are_no_frozen_thermometer() -> None:
    """Polls that come faster than the thermometer looks see the same value again: not so for seconds."""
    flowing = {"dose_state": 1, "coarse_valve": 100.0, "meter_flow": 40.0}
    interlocks = Interlocks(replace(LIMITS, fine_thermometer=True))
    fast = [names(interlocks, seen(0.1 * at, balance=8000.0 + 60.0 * at, **flowing)) for at in range(40)]
    assert ([], ["water-temperature-frozen"]) == (fast[28], fast[33])


@pytest.mark.parametrize(("passed_l", "expected"), [(1.3, []), (1.75, ["dose-overrun"])])
def test_a_dose_that_goes_on_beyond_its_volume_aborts(passed_l: float, expected: list[str]) -> None:
    """What is in flight at the flow seen is allowed; more means that the device does not close."""
    interlocks = Interlocks(LIMITS)
    interlocks.expect_dose(1.0, seen(0.0, meter_volume=7.0))
    flowing = {"dose_state": 1, "coarse_valve": 100.0, "meter_flow": 6.0}
    assert [] == names(interlocks, seen(1.0, meter_volume=7.5, **flowing))
    tripped = interlocks.check(seen(2.0, meter_volume=7.0 + passed_l, **flowing), WELL)
    assert [(name, True) for name in expected] == [(trip.name, trip.aborts) for trip in tripped]
    # It is over: the next poll, and the next dose, begin anew.
    assert [] == names(interlocks, seen(3.0, meter_volume=9.0))
    assert [] == names(interlocks, seen(4.0, meter_volume=12.0, **flowing))


def test_temperatures_out_of_range_or_drifting_trip() -> None:
    """5 to 40 °C for what is measured; the air moves at most 1 °C within an hour."""
    interlocks = Interlocks(LIMITS)
    cold = [names(interlocks, seen(at * 3.0, vessel_temperature=3.0)) for at in range(4)]
    assert [[], [], ["vessel-temperature-out-of-range"], ["vessel-temperature-out-of-range"]] == cold
    interlocks = Interlocks(LIMITS)
    warming = {
        minute: names(interlocks, seen(minute * 60.0, air_temperature=20.0 + minute * 2.0 / 60.0))
        for minute in range(60)
    }
    assert [] == warming[30]
    assert ["air-temperature-drifting"] == warming[40]
    interlocks = Interlocks(LIMITS)
    slow = [names(interlocks, seen(m * 60.0, air_temperature=20.0 + m * 0.9 / 60.0)) for m in range(300)]
    assert [[]] * 300 == slow


def test_a_command_that_is_not_ours_trips_and_discards() -> None:
    """The device forgot our number, or obeys somebody else: what was known of the water may be wrong."""
    (trip,) = Interlocks(LIMITS).check(seen(), Health(0.0, 0.0, foreign_sequence=0))
    assert ("device-restarted", False, True) == (trip.name, trip.aborts, trip.discards)


CONFIGURATION = load_twin_configuration(
    TWIN, CONFIGS / "stations" / "demo.toml", CONFIGS / "measures" / "demo-20l.toml"
)
OPCODES = CONFIGURATION.registers.commands.opcodes


class BenchAndDevice(RuleBasedStateMachine):
    """Any order of commands, waits, doors, stops, silences and restarts on the twin's PLC and plant.

    Some commands are given with the bench's permission, some without: the device must refuse alone.
    """

    def __init__(self) -> None:
        super().__init__()
        self.plant = Plant(draw_truth(5, CONFIGURATION.measure, CONFIGURATION.standards))
        self.wall_s = 0.0
        self.beating = True
        self.interlocks = Interlocks(LIMITS)
        self.sequence = 0
        self.beats = 0
        self.restart()

    def snapshot(self) -> Snapshot:
        """What the bench would read."""
        tags = self.device.tags()
        return Snapshot(tags, dict.fromkeys(tags, 0.0), self.plant.clock_s, self.wall_s)

    @rule()
    def restart(self) -> None:
        """The PLC restarts: outputs off, its memory gone."""
        if hasattr(self, "device"):
            self.device.close_all()
        self.device = Device(self.plant, heartbeat_s=2.0, time_factor=1.0, opcodes=OPCODES)
        self.beats += 1
        self.device.beat(self.beats, self.wall_s)

    @rule(
        opcode=st.sampled_from(sorted(OPCODES)),
        volume=st.sampled_from([0.01, 0.5, 19.0, 24.0]),
        asks=st.booleans(),
        repeat=st.booleans(),
    )
    def command(self, opcode: str, volume: float, asks: bool, repeat: bool) -> None:
        """Give a command, perhaps without permission, perhaps one that was given before."""
        if asks and self.interlocks.permission(opcode, self.snapshot()):
            return
        executed = self.device.executed
        if not repeat:
            self.sequence = self.sequence % 0xFFFF + 1
        again = self.sequence == self.device.accepted_sequence
        result = self.device.command((self.sequence, OPCODES[opcode], volume, 100.0), self.wall_s)
        if again:
            assert executed == self.device.executed
        elif asks and self.beating and opcode in OPENING:
            # What the bench permits, the device does not refuse for what both of them see.
            assert result not in (Result.DOOR_OPEN, Result.EMERGENCY_STOP, Result.HIGH_HIGH)

    @rule(seconds=st.sampled_from([0.02, 0.4, 1.0, 3.0]))
    def wait(self, seconds: float) -> None:
        """Time passes; the heartbeat beats unless the bench has fallen silent."""
        for _ in range(round(seconds / 0.02)):
            self.wall_s += 0.02
            if self.beating:
                self.beats = (self.beats + 1) % 0x10000
                self.device.beat(self.beats, self.wall_s)
            self.device.step(self.wall_s)
            self.never_both_open()

    @rule(closed=st.booleans())
    def door(self, closed: bool) -> None:
        """The door is opened or closed."""
        self.plant.door_closed = closed

    @rule(pressed=st.booleans())
    def emergency(self, pressed: bool) -> None:
        """The emergency stop is pressed or released."""
        self.plant.emergency_stop = pressed

    @rule(beating=st.booleans())
    def silence(self, beating: bool) -> None:
        """The bench falls silent, or comes back."""
        self.beating = beating

    @invariant()
    def never_both_open(self) -> None:
        """An inlet is never open, or told to open, while the drain is."""
        hydraulics, drain = self.plant.hydraulics, self.plant.drain
        for inlet in (hydraulics.coarse, hydraulics.fine):
            assert not (inlet.open and (drain.open or drain.position > 0.0))
        assert 0.0 == self.plant.vessel.overflow_g

    @invariant()
    def a_latch_keeps_everything_closing(self) -> None:
        """While latched no inlet is told to be open."""
        if self.device.latch:
            assert not self.plant.hydraulics.coarse.open
            assert not self.plant.hydraulics.fine.open


TestBenchAndDevice = BenchAndDevice.TestCase
TestBenchAndDevice.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)

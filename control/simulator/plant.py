"""The plant: everything that the PLC does not decide, stepped at one small step of the rig's clock."""

from dataclasses import dataclass
from enum import StrEnum
from random import Random

from control.simulator.hydraulics import DRAIN_TRAVEL_S, STEP_S, Hydraulics, Valve
from control.simulator.instruments import Balance, Room, Sensor
from control.simulator.truth import Truth
from control.simulator.vessel import Vessel

SLOW_STEPS = 5  # heat, room and balance every 100 ms


class LevelSwitch(StrEnum):
    """The switches at the measure."""

    HIGH_HIGH = "high-high"
    EMPTY = "empty"


@dataclass(frozen=True)
class Account:
    """Where all the water is, g: the sum never changes."""

    reservoir_g: float
    line_g: float
    measure_g: float
    overflow_g: float

    @property
    def total_g(self) -> float:
        """All water of the rig, g."""
        return self.reservoir_g + self.line_g + self.measure_g + self.overflow_g


class Plant:
    """Reservoir, pump, valves, meter, measure, balance, sensors, door and emergency stop of one twin.

    Deterministic: the same truth and the same sequence of actuator settings give the same plant. Faults have
    their places: each valve, sensor, switch and the meter is an object or property of its own.
    """

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self._random = Random(f"noise {truth.seed}")  # noqa: S311 - a simulation that must repeat
        self.hydraulics = Hydraulics(truth)
        self.vessel = Vessel(truth)
        self.drain = Valve(DRAIN_TRAVEL_S)
        self.balance = Balance(truth, self._random)
        self.room = Room(truth, self._random)
        # With a scatter of its own, so that the others' is the same with and without it.
        own = Random(f"meter's thermometer {truth.seed}")  # noqa: S311 - likewise
        self.meter_thermometer = Sensor(own, truth.meter_error_c, 0.002)
        self.door_closed = True
        self.emergency_stop = False
        self.stuck_switches: dict[LevelSwitch, bool] = {}
        self.drip_ml_s = 0.0  # past the seat of the closed drain, back into the reservoir
        self.steps = 0
        self._slow()

    @property
    def clock_s(self) -> float:
        """The rig's own clock, s since power-on."""
        return self.steps * STEP_S

    def account(self) -> Account:
        """Where all the water is."""
        return Account(
            reservoir_g=self.hydraulics.reservoir_g,
            line_g=self.hydraulics.line_g,
            measure_g=self.vessel.content_g,
            overflow_g=self.vessel.overflow_g,
        )

    @property
    def high_high(self) -> bool:
        """What the high-high switch says."""
        return self.stuck_switches.get(LevelSwitch.HIGH_HIGH, self.vessel.high_high)

    @property
    def level_empty(self) -> bool:
        """What the switch in the outlet says."""
        return self.stuck_switches.get(LevelSwitch.EMPTY, self.vessel.empty)

    def open_drain(self) -> None:
        """Tell the drain valve to open."""
        if not self.drain.open:
            self.drain.open = True
            self.vessel.start_drain(self._random.gauss(0.0, 1.0))

    def step(self) -> None:
        """Advance by one step of `STEP_S` seconds."""
        self.steps += 1
        drain = self.drain
        drain.step(STEP_S)
        inflow_g = self.hydraulics.step(STEP_S)
        left_g = self.vessel.step(STEP_S, inflow_g, self.hydraulics.reservoir_c, drain.position)
        if self.drip_ml_s > 0.0:
            left_g += self.vessel.lose(self.drip_ml_s * STEP_S)
        if left_g > 0.0:
            self.hydraulics.take_back(left_g)
        if self.steps % SLOW_STEPS == 0:
            self._slow()

    def _slow(self) -> None:
        dt = STEP_S * SLOW_STEPS
        vessel, room = self.vessel, self.room
        self.hydraulics.drift(self.clock_s)
        vessel.exchange_heat(dt, room.air_c)
        room.read(self.clock_s, vessel.water_c, vessel.wall_c)
        self.meter_thermometer.read(self.hydraulics.reservoir_c)
        self.balance.load(dt, vessel.content_g, vessel.density_g_ml, room.air_g_ml)

"""The PLC of the twin: its command block, its doses, its interlocks and what it answers in its registers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from math import isfinite

from control.simulator.hydraulics import STEP_S
from control.simulator.plant import Plant

CommandWords = tuple[int, int, float, float]
DOSE_MOST = 1.25  # of nominal: the most that one dose may ask for
SPEED_RANGE_PCT = (10.0, 100.0)
NO_FLOW_L_MIN = 0.05  # of a 20 L rig
NO_FLOW_S = 6.0  # an open inlet and no flow for so long: no pulses, no pump, a valve that sticks
LEAK_L_MIN = 0.1
LEAK_S = 15.0
DOSE_S = 900.0


class Opcode(StrEnum):
    """What a command block may ask for; the register map gives each its number."""

    CLOSE_ALL = "close-all"
    FILL_COARSE = "fill-coarse"
    FILL_FINE = "fill-fine"
    OPEN_DRAIN = "open-drain"
    CLOSE_DRAIN = "close-drain"
    RESET = "reset"


class Result(IntEnum):
    """What the device says of the last command."""

    ACCEPTED = 0
    UNKNOWN_OPCODE = 1
    LATCHED = 2
    DRAIN_NOT_CLOSED = 3
    HIGH_HIGH = 4
    DOOR_OPEN = 5
    EMERGENCY_STOP = 6
    ARGUMENT = 7
    HEARTBEAT_MISSING = 8
    INLET_NOT_CLOSED = 9


class Latch(IntEnum):
    """The first cause that closed everything, kept until `reset`."""

    NONE = 0
    HEARTBEAT = 1
    HIGH_HIGH = 2
    DOOR = 3
    EMERGENCY_STOP = 4
    PUMP_DRY = 5
    DRAIN_NOT_CLOSED = 6
    NO_FLOW = 7
    FLOW_ALTHOUGH_CLOSED = 8
    DOSE_TOO_LONG = 9


class DoseState(IntEnum):
    """How the last dose stands."""

    NONE = 0
    RUNNING = 1
    COMPLETE = 2
    BROKEN_OFF = 3


@dataclass
class _Dose:
    until_pulses: int
    reached: bool = False


class Device:
    """The PLC: takes commands, scans the plant once a step, closes everything when it must.

    Closing needs no permission: `close-all` and `close-drain` are always accepted. Opening is refused by the
    first of: emergency stop, door, heartbeat missing, high-high level (inlets only), latch, the other side
    not closed, arguments. A latch closes everything and stays until `reset`, which is refused while its cause
    lasts; with a latch from high-high level or a leaking inlet the drain may be opened, since draining is the
    way out. A fill is also refused while the other inlet was told to close and has not.

    The heartbeat's T runs on the wall's clock (`wall_s`), since it watches a program that lives there; all
    else runs on the rig's. Before the first heartbeat nothing is latched, and nothing can be opened.
    The door latches only while something runs: at rest it is opened to work inside.
    """

    def __init__(
        self,
        plant: Plant,
        *,
        heartbeat_s: float,
        time_factor: float,
        opcodes: Mapping[str, int],
    ) -> None:
        self.plant = plant
        self.heartbeat_s = heartbeat_s
        self.time_factor = time_factor
        self._opcodes = {number: Opcode(name) for name, number in opcodes.items()}
        self.accepted_sequence = 0
        self.result = Result.ACCEPTED
        self.latch = Latch.NONE
        self.dose_state = DoseState.NONE
        self.executed = 0
        self._dose: _Dose | None = None
        self._heartbeat: int | None = None
        self._heartbeat_wall_s: float | None = None
        self._restart_steps = 0
        self._dry_s = 0.0
        self._leak_s = 0.0
        self._dose_s = 0.0

    # ---- what the bench writes -----------------------------------------------------------------------------
    def beat(self, value: int, wall_s: float) -> None:
        """The heartbeat register was written. Only a change counts; the first write makes the start."""
        if value != self._heartbeat:
            self._heartbeat = value
            self._heartbeat_wall_s = wall_s

    def command(self, words: CommandWords, wall_s: float) -> Result:
        """A command block was written: act, or refuse. A repeated sequence changes nothing.

        The sequence is echoed in either case; 0 is its power-on value and therefore a repeat at first.
        """
        sequence, number, first, second = words
        if sequence == self.accepted_sequence:
            return self.result
        self.result = self._execute(number, first, second, wall_s)
        if self.result is Result.ACCEPTED:
            self.executed += 1
        self.accepted_sequence = sequence
        return self.result

    def restart(self) -> None:
        """The PLC loses its power for a moment: outputs off, its memory as at power-on.

        The meter's totaliser is the meter's own and keeps its total.
        """
        self._end_inlets()
        self.plant.drain.open = False
        self.accepted_sequence = 0
        self.result = Result.ACCEPTED
        self.latch = Latch.NONE
        self.dose_state = DoseState.NONE
        self._dose = None
        self._heartbeat = None
        self._heartbeat_wall_s = None
        self._restart_steps = self.plant.steps

    # ---- the scan ------------------------------------------------------------------------------------------
    def step(self, wall_s: float) -> None:
        """One scan and one step of the plant."""
        self._watch(wall_s)
        self._control_dose()
        self.plant.step()

    def heartbeat_missing(self, wall_s: float) -> bool:
        """True where the heartbeat has not changed for T, or never came."""
        return self._heartbeat_wall_s is None or wall_s - self._heartbeat_wall_s > self.heartbeat_s

    def close_all(self) -> None:
        """Stop the pump and close every valve; a running dose is broken off."""
        plant = self.plant
        self._end_inlets()
        plant.drain.open = False
        if self.dose_state is DoseState.RUNNING:
            self.dose_state = DoseState.BROKEN_OFF
        self._dose = None

    def _watch(self, wall_s: float) -> None:
        plant = self.plant
        if plant.emergency_stop:
            self._trip(Latch.EMERGENCY_STOP)
        if plant.high_high and not plant.hydraulics.inlets_closed:
            self._trip(Latch.HIGH_HIGH)
        if not plant.door_closed and self._busy:
            self._trip(Latch.DOOR)
        if plant.hydraulics.dry and plant.hydraulics.pump.setpoint > 0.0:
            self._trip(Latch.PUMP_DRY)
        if not plant.hydraulics.inlets_closed and not plant.drain.closed:
            self._trip(Latch.DRAIN_NOT_CLOSED)
        self._watch_flow()
        if self._heartbeat_wall_s is not None and self.heartbeat_missing(wall_s):
            self._trip(Latch.HEARTBEAT)

    def _watch_flow(self) -> None:
        hydraulics = self.plant.hydraulics
        flow_l_min = hydraulics.meter.flow_ml_s * 60.0 / 1000.0
        dosing = self._dose is not None
        self._dry_s = self._dry_s + STEP_S if dosing and flow_l_min < NO_FLOW_L_MIN * hydraulics.size else 0.0
        self._dose_s = self._dose_s + STEP_S if dosing else 0.0
        leaks = hydraulics.inlets_closed and flow_l_min > LEAK_L_MIN * hydraulics.size
        self._leak_s = self._leak_s + STEP_S if leaks else 0.0
        if self._dry_s > NO_FLOW_S:
            self._trip(Latch.NO_FLOW)
        if self._dose_s > DOSE_S:
            self._trip(Latch.DOSE_TOO_LONG)
        if self._leak_s > LEAK_S:
            self._trip(Latch.FLOW_ALTHOUGH_CLOSED)

    @property
    def _busy(self) -> bool:
        hydraulics = self.plant.hydraulics
        return hydraulics.pump.setpoint > 0.0 or not (hydraulics.inlets_closed and self.plant.drain.closed)

    def _trip(self, cause: Latch) -> None:
        if self.latch is Latch.NONE:
            self.latch = cause
        self.close_all()

    def _control_dose(self) -> None:
        dose = self._dose
        if dose is None:
            return
        hydraulics = self.plant.hydraulics
        if not dose.reached and hydraulics.meter.pulses >= dose.until_pulses:
            dose.reached = True
            self._end_inlets()
        if dose.reached and hydraulics.inlets_closed:
            self.dose_state = DoseState.COMPLETE
            self._dose = None

    def _end_inlets(self) -> None:
        hydraulics = self.plant.hydraulics
        hydraulics.coarse.open = False
        hydraulics.fine.open = False
        hydraulics.pump.setpoint = 0.0

    # ---- commands ------------------------------------------------------------------------------------------
    def _execute(self, number: int, first: float, second: float, wall_s: float) -> Result:
        opcode = self._opcodes.get(number)
        if opcode is None:
            return Result.UNKNOWN_OPCODE
        if opcode is Opcode.CLOSE_ALL:
            self.close_all()
            return Result.ACCEPTED
        if opcode is Opcode.CLOSE_DRAIN:
            self.plant.drain.open = False
            return Result.ACCEPTED
        if opcode is Opcode.RESET:
            return self._reset(wall_s)
        if opcode is Opcode.OPEN_DRAIN:
            return self._open_drain(wall_s)
        return self._fill(opcode, first, second, wall_s)

    def _standing(self, wall_s: float) -> Result:
        if self.plant.emergency_stop:
            return Result.EMERGENCY_STOP
        if not self.plant.door_closed:
            return Result.DOOR_OPEN
        if self.heartbeat_missing(wall_s):
            return Result.HEARTBEAT_MISSING
        return Result.ACCEPTED

    def _fill(self, opcode: Opcode, volume_l: float, speed_pct: float, wall_s: float) -> Result:
        plant = self.plant
        if (standing := self._ready_to_fill(opcode, wall_s)) is not Result.ACCEPTED:
            return standing
        most_l = DOSE_MOST * plant.truth.nominal_ml / 1000.0
        low, high = SPEED_RANGE_PCT
        # Written so that a NaN fails too.
        if not (isfinite(volume_l) and 0.0 < volume_l <= most_l and low <= speed_pct <= high):
            return Result.ARGUMENT
        hydraulics = plant.hydraulics
        hydraulics.coarse.open = opcode is Opcode.FILL_COARSE
        hydraulics.fine.open = opcode is Opcode.FILL_FINE
        hydraulics.pump.setpoint = speed_pct / 100.0
        meter = hydraulics.meter
        self._dose = _Dose(until_pulses=meter.pulses + max(1, round(volume_l * meter.set_k_per_l)))
        self.dose_state = DoseState.RUNNING
        return Result.ACCEPTED

    def _ready_to_fill(self, opcode: Opcode, wall_s: float) -> Result:
        plant = self.plant
        other = plant.hydraulics.fine if opcode is Opcode.FILL_COARSE else plant.hydraulics.coarse
        obstacles = (
            (plant.high_high, Result.HIGH_HIGH),
            (self.latch is not Latch.NONE, Result.LATCHED),
            (not plant.drain.closed, Result.DRAIN_NOT_CLOSED),
            # It was told to close and has not: it would fill along.
            (other.position > 0.0 and not other.open, Result.INLET_NOT_CLOSED),
        )
        if (standing := self._standing(wall_s)) is not Result.ACCEPTED:
            return standing
        return next((result for holds, result in obstacles if holds), Result.ACCEPTED)

    def _open_drain(self, wall_s: float) -> Result:
        if (standing := self._standing(wall_s)) is not Result.ACCEPTED:
            return standing
        if self.latch not in (Latch.NONE, Latch.HIGH_HIGH, Latch.FLOW_ALTHOUGH_CLOSED):
            return Result.LATCHED
        if not self.plant.hydraulics.inlets_closed:
            return Result.INLET_NOT_CLOSED
        self.plant.open_drain()
        return Result.ACCEPTED

    def _reset(self, wall_s: float) -> Result:
        lasting: dict[Latch, tuple[Callable[[], bool], Result]] = {
            Latch.EMERGENCY_STOP: (lambda: self.plant.emergency_stop, Result.EMERGENCY_STOP),
            Latch.DOOR: (lambda: not self.plant.door_closed, Result.DOOR_OPEN),
            Latch.HIGH_HIGH: (lambda: self.plant.high_high, Result.HIGH_HIGH),
            Latch.HEARTBEAT: (lambda: self.heartbeat_missing(wall_s), Result.HEARTBEAT_MISSING),
            Latch.PUMP_DRY: (lambda: self.plant.hydraulics.dry, Result.LATCHED),
            Latch.DRAIN_NOT_CLOSED: (
                lambda: not self.plant.hydraulics.inlets_closed and not self.plant.drain.closed,
                Result.DRAIN_NOT_CLOSED,
            ),
            Latch.FLOW_ALTHOUGH_CLOSED: (lambda: self._leak_s > 0.0, Result.LATCHED),
        }
        # What is not named here is over once everything is closed.
        if self.latch in lasting:
            lasts, refusal = lasting[self.latch]
            if lasts():
                return refusal
        self.latch = Latch.NONE
        return Result.ACCEPTED

    # ---- what the device answers ---------------------------------------------------------------------------
    def tags(self) -> dict[str, bool | int | float]:
        """Every tag's value in its unit, by the name in the register map."""
        plant = self.plant
        hydraulics, vessel, room, meter = plant.hydraulics, plant.vessel, plant.room, plant.hydraulics.meter
        return {
            "heartbeat": self._heartbeat or 0,
            "accepted_sequence": self.accepted_sequence,
            "command_result": int(self.result),
            "device_counter": (plant.steps - self._restart_steps)
            & 0xFFFF,  # counts scans: it stands where the scan stands
            "latch": int(self.latch),
            "time_factor": self.time_factor,
            "clock": (plant.steps - self._restart_steps) * STEP_S,
            "dose_state": int(self.dose_state),
            "meter_pulses": meter.pulses & 0xFFFFFFFF,
            "meter_volume": meter.volume_l,
            "meter_flow": meter.flow_ml_s * 60.0 / 1000.0,
            "meter_temperature": plant.meter_thermometer.indication,
            "balance": plant.balance.indication_g,
            "water_temperature": room.water.indication,
            "vessel_temperature": room.vessel.indication,
            "air_temperature": room.air.indication,
            "air_pressure": room.pressure.indication,
            "humidity": room.humidity.indication,
            "pump_speed": 100.0 * hydraulics.pump.speed,
            "coarse_valve": 100.0 * hydraulics.coarse.position,
            "fine_valve": 100.0 * hydraulics.fine.position,
            "drain_valve": 100.0 * plant.drain.position,
            "reservoir": hydraulics.reservoir_l,
            "line_pressure": hydraulics.line_pressure_kpa,
            "level_high_high": plant.high_high,
            "level_empty": plant.level_empty,
            "door_closed": plant.door_closed,
            "emergency_stop": plant.emergency_stop,
            "balance_stable": plant.balance.stable,
            "drain_stream": vessel.stream,
            "reservoir_low": hydraulics.low,
        }

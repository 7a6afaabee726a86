"""The faults that a twin can have: a typed list of names and parameters, and what each does to the rig."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from types import MappingProxyType
from typing import Final

from control.simulator.camera_state import CameraState, SimulatedCamera
from control.simulator.device import Device
from control.simulator.hydraulics import Valve
from control.simulator.instruments import Balance, Sensor
from control.simulator.plant import LevelSwitch
from control.simulator.register_noise import RegisterNoise

VALVES: Final = ("coarse", "fine", "drain")
SENSORS: Final = ("water", "vessel", "air", "pressure", "humidity", "balance")

Parameter = str | float
Undo = Callable[[], None]


class FaultName(StrEnum):
    """What can befall the twin."""

    VALVE_STUCK_OPEN = "valve-stuck-open"
    VALVE_STUCK_CLOSED = "valve-stuck-closed"
    VALVE_SLOW = "valve-slow"
    INLET_LEAK = "inlet-leak"
    DRAIN_LEAK = "drain-leak"
    PUMP_TRIP = "pump-trip"
    METER_DROPOUT = "meter-dropout"
    METER_DRIFT = "meter-drift"
    BALANCE_UNSTABLE = "balance-unstable"
    SENSOR_FROZEN = "sensor-frozen"
    LEVEL_SWITCH_STUCK = "level-switch-stuck"
    PLC_RESTART = "plc-restart"
    REGISTER_GARBAGE = "register-garbage"
    CAMERA_FROZEN = "camera-frozen"
    CAMERA_BLACK = "camera-black"
    CAMERA_LATE = "camera-late"


@dataclass(frozen=True)
class Choice:
    """A parameter that is one of some words; the first is taken where none is given and `required` is not."""

    words: tuple[str, ...]
    required: bool = True

    @property
    def expected(self) -> str:
        """For messages."""
        return "one of " + ", ".join(self.words)

    def check(self, value: object) -> Parameter | None:
        """The value, or None where it is not one."""
        return value if isinstance(value, str) and value in self.words else None


@dataclass(frozen=True)
class Number:
    """A parameter that is a number within limits, with a default."""

    low: float
    high: float
    default: float

    @property
    def expected(self) -> str:
        """For messages."""
        return f"a number from {self.low:g} to {self.high:g}"

    def check(self, value: object) -> Parameter | None:
        """The value, or None where it is not one. A text is taken for the number that it writes."""
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
            return None
        return float(value) if self.low <= value <= self.high else None


@dataclass(frozen=True)
class Rig:
    """Everything of a twin that a fault can take hold of."""

    device: Device
    noise: RegisterNoise
    cameras: Mapping[str, SimulatedCamera]


@dataclass(frozen=True)
class Fault:
    """One fault with its parameters, checked: `describe_fault` makes it."""

    name: FaultName
    parameters: Mapping[str, Parameter]

    def word(self, key: str) -> str:
        """A parameter that is a word."""
        return str(self.parameters[key])

    def number(self, key: str) -> float:
        """A parameter that is a number."""
        return float(self.parameters[key])

    @property
    def place(self) -> tuple[str, ...]:
        """What it takes hold of: two faults of one place cannot be there at once."""
        if "camera" in self.parameters:
            return ("camera", self.word("camera"))
        return (
            self.name,
            *(self.word(key) for key in ("valve", "sensor", "switch") if key in self.parameters),
        )

    @property
    def label(self) -> str:
        """For people: the name and its parameters."""
        return " ".join([self.name, *(f"{key}={value}" for key, value in self.parameters.items())])


@dataclass(frozen=True)
class Kind:
    """What there is to know of one name: its parameters, a sentence, and how it begins.

    `begin` returns what ends it again; a fault that is over in a moment returns nothing to do.
    """

    parameters: Mapping[str, Choice | Number]
    sentence: str
    begin: Callable[[Rig, Fault], Undo]


def describe_fault(name: object, parameters: Mapping[str, object], cameras: Sequence[str]) -> Fault:
    """The fault of that name. Raises `ValueError`, one sentence, for what is unknown, missing or unfit.

    `cameras` are the twin's, in their order; the first is the neck's.
    """
    if not isinstance(name, str) or name not in tuple(FaultName):
        raise ValueError(f"fault: expected one of {', '.join(FaultName)}, not {name!r}")
    kind = KINDS[FaultName(name)]
    taken: dict[str, Parameter] = {}
    for key, parameter in kind.parameters.items():
        known = Choice(tuple(cameras), required=False) if key == "camera" else parameter
        if key not in parameters:
            if isinstance(known, Number):
                taken[key] = known.default
                continue
            if not known.required:
                taken[key] = known.words[0]
                continue
            raise ValueError(f"{key}: missing; {name} expects {known.expected}")
        value = known.check(parameters[key])
        if value is None:
            raise ValueError(f"{key}: {name} expects {known.expected}, not {parameters[key]!r}")
        taken[key] = value
    for key in parameters:
        if key not in kind.parameters:
            known_keys = ", ".join(kind.parameters) or "none"
            raise ValueError(f"{key}: {name} has no such parameter; it has {known_keys}")
    return Fault(FaultName(name), MappingProxyType(taken))


def catalogue() -> list[dict[str, object]]:
    """Every fault as a page can offer it: `fault`, `sentence`, and what its parameters expect."""
    return [
        {
            "fault": str(name),
            "sentence": kind.sentence,
            "parameters": {
                key: parameter.expected for key, parameter in kind.parameters.items() if key != "camera"
            },
            "of_a_camera": "camera" in kind.parameters,
        }
        for name, kind in KINDS.items()
    ]


# ---- what they do ------------------------------------------------------------------------------------------
def _valve(rig: Rig, fault: Fault) -> Valve:
    plant = rig.device.plant
    valves = {"coarse": plant.hydraulics.coarse, "fine": plant.hydraulics.fine, "drain": plant.drain}
    return valves[fault.word("valve")]


def _stuck_open(rig: Rig, fault: Fault) -> Undo:
    valve = _valve(rig, fault)
    valve.can_close = False

    def undo() -> None:
        valve.can_close = True

    return undo


def _stuck_closed(rig: Rig, fault: Fault) -> Undo:
    valve = _valve(rig, fault)
    valve.can_open = False

    def undo() -> None:
        valve.can_open = True

    return undo


def _slow(rig: Rig, fault: Fault) -> Undo:
    valve, times = _valve(rig, fault), fault.number("times")
    valve.travel_s *= times

    def undo() -> None:
        valve.travel_s /= times

    return undo


def _inlet_leak(rig: Rig, fault: Fault) -> Undo:
    hydraulics, leak_ml_s = rig.device.plant.hydraulics, fault.number("flow_l_min") * 1000.0 / 60.0
    hydraulics.leak_ml_s += leak_ml_s

    def undo() -> None:
        hydraulics.leak_ml_s = max(0.0, hydraulics.leak_ml_s - leak_ml_s)

    return undo


def _drain_leak(rig: Rig, fault: Fault) -> Undo:
    plant, leak_ml_s = rig.device.plant, fault.number("flow_l_min") * 1000.0 / 60.0
    plant.drip_ml_s += leak_ml_s

    def undo() -> None:
        plant.drip_ml_s = max(0.0, plant.drip_ml_s - leak_ml_s)

    return undo


def _pump_trip(rig: Rig, fault: Fault) -> Undo:
    pump = rig.device.plant.hydraulics.pump
    pump.tripped = True

    def undo() -> None:
        pump.tripped = False

    return undo


def _meter_dropout(rig: Rig, fault: Fault) -> Undo:
    meter = rig.device.plant.hydraulics.meter
    meter.counting = False

    def undo() -> None:
        meter.counting = True

    return undo


def _meter_drift(rig: Rig, fault: Fault) -> Undo:
    meter, drift = rig.device.plant.hydraulics.meter, fault.number("ratio")
    meter.drift += drift

    def undo() -> None:
        meter.drift -= drift

    return undo


def _balance_unstable(rig: Rig, fault: Fault) -> Undo:
    balance, shaken_g = rig.device.plant.balance, fault.number("scatter_g")
    balance.shaken_g += shaken_g

    def undo() -> None:
        balance.shaken_g = max(0.0, balance.shaken_g - shaken_g)

    return undo


def _sensor_frozen(rig: Rig, fault: Fault) -> Undo:
    room = rig.device.plant.room
    sensors: dict[str, Sensor | Balance] = {
        "water": room.water,
        "vessel": room.vessel,
        "air": room.air,
        "pressure": room.pressure,
        "humidity": room.humidity,
        "balance": rig.device.plant.balance,
    }
    sensor = sensors[fault.word("sensor")]
    sensor.frozen = True

    def undo() -> None:
        sensor.frozen = False

    return undo


def _switch_stuck(rig: Rig, fault: Fault) -> Undo:
    stuck, switch = rig.device.plant.stuck_switches, LevelSwitch(fault.word("switch"))
    stuck[switch] = fault.word("says") == "on"

    def undo() -> None:
        stuck.pop(switch, None)

    return undo


def _plc_restart(rig: Rig, fault: Fault) -> Undo:
    rig.device.restart()
    return lambda: None


def _garbage(rig: Rig, fault: Fault) -> Undo:
    noise = rig.noise
    noise.share = fault.number("share")

    def undo() -> None:
        noise.share = 0.0

    return undo


def _camera(state: CameraState) -> Callable[[Rig, Fault], Undo]:
    def begin(rig: Rig, fault: Fault) -> Undo:
        camera = rig.cameras[fault.word("camera")]
        camera.state = state
        if state is CameraState.LATE:
            camera.late_s = fault.number("late_s")

        def undo() -> None:
            camera.state = CameraState.OK

        return undo

    return begin


_OF_A_VALVE = {"valve": Choice(VALVES)}
_FLOW = {"flow_l_min": Number(0.001, 5.0, 0.3)}
_OF_A_CAMERA: Mapping[str, Choice | Number] = {"camera": Choice((), required=False)}

KINDS: Final[Mapping[FaultName, Kind]] = MappingProxyType(
    {
        FaultName.VALVE_STUCK_OPEN: Kind(
            _OF_A_VALVE, "the valve no longer closes, wherever it stands", _stuck_open
        ),
        FaultName.VALVE_STUCK_CLOSED: Kind(_OF_A_VALVE, "the valve no longer opens further", _stuck_closed),
        FaultName.VALVE_SLOW: Kind(
            {**_OF_A_VALVE, "times": Number(1.0, 100.0, 10.0)}, "the valve takes so many times as long", _slow
        ),
        FaultName.INLET_LEAK: Kind(_FLOW, "water passes the closed inlets, through the meter", _inlet_leak),
        FaultName.DRAIN_LEAK: Kind(_FLOW, "water leaves the measure past the closed drain", _drain_leak),
        FaultName.PUMP_TRIP: Kind({}, "the pump runs out, whatever it is told", _pump_trip),
        FaultName.METER_DROPOUT: Kind({}, "the meter gives no pulses", _meter_dropout),
        FaultName.METER_DRIFT: Kind(
            {"ratio": Number(-0.9, 0.9, 0.02)}, "the meter counts so much more", _meter_drift
        ),
        FaultName.BALANCE_UNSTABLE: Kind(
            {"scatter_g": Number(0.1, 1000.0, 20.0)}, "the balance is shaken", _balance_unstable
        ),
        FaultName.SENSOR_FROZEN: Kind(
            {"sensor": Choice(SENSORS)}, "the sensor goes on saying what it said", _sensor_frozen
        ),
        FaultName.LEVEL_SWITCH_STUCK: Kind(
            {"switch": Choice(tuple(LevelSwitch)), "says": Choice(("on", "off"))},
            "the level switch says the same for ever",
            _switch_stuck,
        ),
        FaultName.PLC_RESTART: Kind({}, "the PLC loses its power for a moment, and its memory", _plc_restart),
        FaultName.REGISTER_GARBAGE: Kind(
            {"share": Number(0.01, 1.0, 0.5)},
            "such a share of the reads of input registers is answered with random words",
            _garbage,
        ),
        FaultName.CAMERA_FROZEN: Kind(
            _OF_A_CAMERA, "the camera sends its last picture again and again", _camera(CameraState.FROZEN)
        ),
        FaultName.CAMERA_BLACK: Kind(_OF_A_CAMERA, "the lens is covered", _camera(CameraState.BLACK)),
        FaultName.CAMERA_LATE: Kind(
            {**_OF_A_CAMERA, "late_s": Number(0.1, 60.0, 5.0)},
            "pictures arrive so many seconds of the wall's clock after they were taken",
            _camera(CameraState.LATE),
        ),
    }
)

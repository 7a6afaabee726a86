"""What goes wrong with the twin: every fault shows in the plant, ends again, and can be scripted or set."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rig_bench import CONFIGS, TWIN

from control.errors import ConfigurationError
from control.simulator.camera_state import CameraState
from control.simulator.cameras import BenchServer
from control.simulator.configuration import load_twin_configuration
from control.simulator.device import Device, Latch
from control.simulator.emptying import make_truth
from control.simulator.fault_board import FaultBoard, Scripted
from control.simulator.fault_script import load_fault_script
from control.simulator.faults import KINDS, FaultName, Rig, describe_fault
from control.simulator.hydraulics import STEP_S
from control.simulator.plant import Plant
from control.simulator.register_noise import RegisterNoise

CONFIGURATION = load_twin_configuration(
    TWIN, CONFIGS / "stations" / "demo.toml", CONFIGS / "measures" / "demo-20l.toml"
)
OPCODES = CONFIGURATION.registers.commands.opcodes
TRUTH = make_truth(4, CONFIGURATION.measure, CONFIGURATION.standards)


class Eye:
    """A camera that numbers its pictures."""

    def __init__(self, name: str) -> None:
        self.state = CameraState.OK
        self.late_s = 0.0
        self.name = name
        self.path = f"/cameras/{name}.jpg"
        self.pictures = 0

    def warm_up(self) -> None:
        """Nothing to draw."""

    def snapshot(self) -> bytes:
        """The next number; a covered lens shows nothing."""
        self.pictures += 1
        return b"black" if self.state is CameraState.BLACK else b"%d" % self.pictures


class Faulty:
    """A plant and its PLC with a board of faults, on one clock."""

    def __init__(self, *script: Scripted) -> None:
        self.plant = Plant(TRUTH)
        self.device = Device(self.plant, heartbeat_s=2.0, time_factor=1.0, opcodes=OPCODES)
        self.noise = RegisterNoise(1)
        self.eyes = {name: Eye(name) for name in ("neck", "display")}
        self.board = FaultBoard(Rig(self.device, self.noise, dict(self.eyes)), script)
        self.wall_s = 0.0
        self.sequence = 0
        self.run(0.1)

    def begin(self, name: str, for_s: float | None = None, **parameters: Any) -> int:
        """Let something go wrong."""
        return self.board.begin(describe_fault(name, parameters, self.board.cameras), for_s)

    def send(self, opcode: str, first: float = 0.0, second: float = 100.0) -> int:
        """One command with a new number; the device's result."""
        self.sequence += 1
        return self.device.command((self.sequence, OPCODES[opcode], first, second), self.wall_s)

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        """Let time pass, with a heartbeat, until a condition holds."""
        for _ in range(round(seconds / STEP_S)):
            self.wall_s += STEP_S
            self.device.beat(int(self.wall_s * 10) & 0xFFFF, self.wall_s)
            self.board.step()
            self.device.step(self.wall_s)
            if until():
                return

    def tag(self, name: str) -> Any:
        """What the device says."""
        return self.device.tags()[name]


@pytest.mark.parametrize(("valve", "opcode"), [("coarse", "fill-coarse"), ("fine", "fill-fine")])
def test_a_valve_that_sticks_stays_where_it_is(valve: str, opcode: str) -> None:
    """Stuck open it does not close, stuck closed it does not open; mended it obeys again."""
    bench = Faulty()
    number = bench.begin("valve-stuck-closed", valve=valve)
    assert 0 == bench.send(opcode, 1.0)
    bench.run(3.0)
    assert (0.0, 1) == (bench.tag(f"{valve}_valve"), bench.tag("dose_state"))
    bench.board.end(number)
    bench.run(1.0)
    assert 100.0 == bench.tag(f"{valve}_valve")
    number = bench.begin("valve-stuck-open", valve=valve)
    bench.send("close-all")
    bench.run(5.0)
    assert 100.0 == bench.tag(f"{valve}_valve")
    assert 0.0 == pytest.approx(bench.tag("meter_flow"), abs=1e-3)  # the pump stands: the second barrier
    bench.board.end(number)
    bench.run(1.0)
    assert 0.0 == bench.tag(f"{valve}_valve")


def test_a_drain_that_sticks_or_leaks_empties_the_measure() -> None:
    """Open it does not close; closed but leaking it loses water that no meter sees."""
    bench = Faulty()
    bench.send("fill-coarse", 5.0)
    bench.run(15.0)
    before = bench.plant.vessel.content_g
    number = bench.begin("drain-leak", flow_l_min=0.6)
    bench.run(10.0)
    assert 100.0 == pytest.approx(before - bench.plant.vessel.content_g, rel=0.02)
    assert 0.0 == bench.tag("drain_valve")
    bench.board.end(number)
    bench.begin("valve-stuck-open", valve="drain")
    bench.send("open-drain")
    bench.run(2.0)
    bench.send("close-drain")
    bench.run(5.0)
    assert 100.0 == bench.tag("drain_valve")
    assert 3 == bench.send("fill-fine", 0.1)


def test_a_slow_valve_takes_its_time() -> None:
    """Ten times as long, and its own time once mended."""
    bench = Faulty()
    number = bench.begin("valve-slow", valve="coarse", times=10.0)
    bench.send("fill-coarse", 5.0)
    bench.run(4.0)
    assert 50.0 == pytest.approx(bench.tag("coarse_valve"), abs=1.0)
    bench.board.end(number)
    bench.run(0.5)
    assert 100.0 == bench.tag("coarse_valve")


def test_an_inlet_that_leaks_is_seen_by_the_meter() -> None:
    """Water comes although everything is closed; no water is made of nothing."""
    bench = Faulty()
    total_g = bench.plant.account().total_g
    bench.begin("inlet-leak", flow_l_min=0.3, for_s=20.0)
    bench.run(10.0)
    assert 0.3 == pytest.approx(bench.tag("meter_flow"), rel=0.02)
    assert bench.plant.hydraulics.inlets_closed
    bench.run(15.0)
    assert (0.0, []) == (round(bench.tag("meter_flow"), 3), bench.board.active())
    assert total_g == pytest.approx(bench.plant.account().total_g, abs=1e-6)


def test_a_pump_that_trips_runs_out() -> None:
    """The dose stays unfinished with its valve open and no flow."""
    bench = Faulty()
    bench.send("fill-coarse", 5.0)
    bench.run(4.0)
    bench.begin("pump-trip")
    bench.run(5.0)
    assert (0.0, 100.0, 1) == (bench.tag("pump_speed"), bench.tag("coarse_valve"), bench.tag("dose_state"))


def test_a_meter_that_drops_out_or_drifts_lets_more_through() -> None:
    """Without pulses flow is not seen; with -20 % a dose of 1 L lets 1.25 L through."""
    bench = Faulty()
    bench.begin("meter-drift", ratio=-0.2)
    bench.send("fill-fine", 1.0)
    bench.run(60.0, until=lambda: bench.tag("dose_state") == 2)
    bench.run(2.0)
    in_flight_ml = 10.0
    expected_ml = 1000.0 / 0.8
    assert expected_ml == pytest.approx(
        bench.plant.vessel.content_g / bench.plant.hydraulics.density_g_ml, abs=in_flight_ml
    )
    before = bench.tag("meter_pulses")
    bench.begin("meter-dropout")
    bench.send("fill-fine", 0.1)
    bench.run(5.0)
    assert (before, 0.0) == (bench.tag("meter_pulses"), round(bench.tag("meter_flow"), 3))
    assert bench.plant.hydraulics.fine.position == 1.0


def test_a_shaken_balance_is_not_stable() -> None:
    """It scatters and says so; calmed it comes to rest."""
    bench = Faulty()
    bench.run(5.0)
    assert bench.tag("balance_stable")
    number = bench.begin("balance-unstable", scatter_g=20.0)
    seen = []
    for _ in range(40):
        bench.run(0.2)
        seen.append(bench.tag("balance"))
    assert max(seen) - min(seen) > 20.0
    assert not bench.tag("balance_stable")
    bench.board.end(number)
    bench.run(3.0)
    assert bench.tag("balance_stable")


@pytest.mark.parametrize(
    ("sensor", "tag"),
    [
        ("water", "water_temperature"),
        ("vessel", "vessel_temperature"),
        ("air", "air_temperature"),
        ("pressure", "air_pressure"),
        ("humidity", "humidity"),
        ("balance", "balance"),
    ],
)
def test_a_frozen_sensor_says_the_same(sensor: str, tag: str) -> None:
    """Not even its scatter moves, whatever flows."""
    bench = Faulty()
    bench.begin("sensor-frozen", sensor=sensor)
    before = bench.tag(tag)
    bench.send("fill-coarse", 5.0)
    bench.run(8.0)
    assert before == bench.tag(tag)
    bench.board.end_all()
    bench.run(1.0)
    assert before != bench.tag(tag)


def test_a_stuck_level_switch_is_believed() -> None:
    """Stuck on, nothing is filled; stuck off, the device does not see the measure is full."""
    bench = Faulty()
    number = bench.begin("level-switch-stuck", switch="high-high", says="on")
    assert 4 == bench.send("fill-fine", 0.1)
    bench.board.end(number)
    bench.begin("level-switch-stuck", switch="empty", says="off")
    assert not bench.tag("level_empty")
    bench.begin("level-switch-stuck", switch="empty", says="on")
    assert bench.tag("level_empty")
    assert 1 == len(bench.board.active())


def test_a_plc_that_restarts_forgets_and_closes() -> None:
    """Outputs off, sequence and dose forgotten, its clock begins anew; the meter keeps its total."""
    bench = Faulty()
    bench.send("fill-coarse", 5.0)
    bench.run(4.0)
    total = bench.tag("meter_volume")
    bench.begin("plc-restart")
    assert (0, 0, 0, 0.0) == tuple(
        bench.tag(name) for name in ("accepted_sequence", "dose_state", "latch", "clock")
    )
    bench.run(2.0)
    assert bench.plant.hydraulics.inlets_closed
    assert total < bench.tag("meter_volume")
    assert Latch.NONE is bench.device.latch


def test_garbage_spoils_its_share_of_the_reads() -> None:
    """About half of them, and none once mended."""
    bench = Faulty()
    bench.begin("register-garbage", share=0.5)
    spoiled = 0
    for _ in range(400):
        words = [1, 2, 3]
        bench.noise.spoil(words)
        spoiled += words != [1, 2, 3]
    assert 150 < spoiled < 250
    bench.board.end_all()
    words = [1, 2, 3]
    bench.noise.spoil(words)
    assert [1, 2, 3] == words


def test_a_fault_takes_the_place_of_one_of_its_kind() -> None:
    """A camera is black or late, not both; mending gives back what was there before."""
    bench = Faulty()
    bench.begin("camera-black", camera="display")
    bench.begin("camera-late", camera="display", late_s=2.0)
    assert ["camera-late"] == [item["fault"] for item in bench.board.active()]
    assert (CameraState.LATE, CameraState.OK) == (bench.eyes["display"].state, bench.eyes["neck"].state)
    bench.board.end_all()
    assert CameraState.OK is bench.eyes["display"].state
    with pytest.raises(ValueError, match="no fault 9 is active"):
        bench.board.end(9)


def test_a_script_waits_for_its_moment() -> None:
    """At a time, or in the second coarse fill and a second later, and for as long as it says."""
    trip = describe_fault("pump-trip", {}, ())
    leak = describe_fault("inlet-leak", {"flow_l_min": 0.1}, ())
    bench = Faulty(
        Scripted(leak, at_s=2.0, for_s=1.0),
        Scripted(trip, during="fill-coarse", after_s=1.0, occurrence=2),
    )
    bench.run(2.5)
    assert ["inlet-leak"] == [item["fault"] for item in bench.board.active()]
    bench.run(1.0)
    for tripped in (False, True):
        bench.send("fill-coarse", 1.0)
        bench.run(0.5)
        assert not bench.plant.hydraulics.pump.tripped
        bench.run(1.0)
        assert tripped == bench.plant.hydraulics.pump.tripped
        bench.run(8.0)


SCRIPT = """
[[faults]]
fault = "valve-stuck-open"
valve = "coarse"
during = "fill-coarse"
after_s = 2
occurrence = 2
for_s = 20.0

[[faults]]
fault = "camera-black"
at_s = 120.0
"""


def test_a_script_is_read_from_its_file(tmp_path: Path) -> None:
    """Names, parameters and times as the file gives them; a camera that is not named is the neck's."""
    file = tmp_path / "faults.toml"
    file.write_text(SCRIPT)
    first, second = load_fault_script(file, ("neck", "display"))
    assert (FaultName.VALVE_STUCK_OPEN, "coarse", "fill-coarse", 2.0, 2, 20.0, None) == (
        first.fault.name,
        first.fault.word("valve"),
        first.during,
        first.after_s,
        first.occurrence,
        first.for_s,
        first.at_s,
    )
    assert ("neck", 120.0, None) == (second.fault.word("camera"), second.at_s, second.for_s)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "faults: missing; expected at least one"),
        ("faults = 3", "faults: expected at least one"),
        ("x = 1\n[[faults]]\nfault = 'pump-trip'\nat_s = 1.0", "x: unknown key"),
        ("[[faults]]\nfault = 'flood'\nat_s = 1.0", r"faults\[1\]\.fault: expected one of valve-stuck-open"),
        ("[[faults]]\nfault = 'pump-trip'", "at_s: expected either at_s or during"),
        ("[[faults]]\nfault = 'pump-trip'\nat_s = 1.0\noccurrence = 2", "occurrence: expected only together"),
        ("[[faults]]\nfault = 'pump-trip'\nduring = 'tea'", "during: expected one of fill-coarse"),
        ("[[faults]]\nfault = 'valve-slow'\nat_s = 1.0", "valve: missing; valve-slow expects one of coarse"),
        ("[[faults]]\nfault = 'pump-trip'\nat_s = 1.0\nvalve = 'fine'", "pump-trip has no such parameter"),
        ("[[faults]]\nfault = 'meter-drift'\nat_s = 1.0\nratio = 7", "ratio: meter-drift expects a number"),
    ],
)
def test_a_wrong_script_is_one_sentence(tmp_path: Path, text: str, reason: str) -> None:
    """It names the file, the place and what is expected."""
    file = tmp_path / "faults.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=f"faults.toml: .*{reason}"):
        load_fault_script(file, ("neck",))


@pytest.fixture
def served() -> Iterator[tuple[Faulty, Callable[..., Any]]]:
    """A faulty bench behind its HTTP side, and a way to ask it."""
    bench = Faulty()
    server = BenchServer(list(bench.eyes.values()), bench.plant, 0, bench.board)
    server.start()

    def ask(path: str, method: str = "POST") -> Any:
        request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", method=method)
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                data = answer.read()
        except urllib.error.HTTPError as error:
            with error:
                data = error.read()
        return json.loads(data) if data.startswith(b"{") else data

    yield bench, ask
    server.stop()


def test_faults_are_listed_set_and_mended_by_http(served: tuple[Faulty, Callable[..., Any]]) -> None:
    """Everything has its name there; what is wrong is named, and a wrong request changes nothing."""
    bench, ask = served
    listed = ask("/simulation/faults", "GET")
    assert sorted(KINDS) == sorted(entry["fault"] for entry in listed["faults"])
    answer = ask("/simulation/faults?fault=inlet-leak&flow_l_min=0.5&for_s=30")
    assert [("inlet-leak", {"flow_l_min": 0.5}, 30.1)] == [
        (item["fault"], item["parameters"], item["until_s"]) for item in answer["faults"]
    ]
    for wrong in ("fault=flood", "fault=inlet-leak&flow_l_min=wet", "fault=pump-trip&for_s=-1", ""):
        assert "expect" in ask(f"/simulation/faults?{wrong}")["error"]
    assert 1 == len(bench.board.active())
    assert [] == ask("/simulation/faults/mend?number=1")["faults"]
    assert "no fault 1" in ask("/simulation/faults/mend?number=1")["error"]
    ask("/simulation/faults?fault=pump-trip")
    assert [] == ask("/simulation/faults/mend")["faults"]
    assert not bench.plant.hydraulics.pump.tripped


def test_a_frozen_camera_repeats_and_a_late_one_lags(served: tuple[Faulty, Callable[..., Any]]) -> None:
    """Frozen: the very same bytes. Late: taken when it was asked for, and sent afterwards."""
    bench, ask = served
    assert b"1" == ask("/cameras/neck.jpg", "GET")
    ask("/simulation/faults?fault=camera-frozen")
    assert [b"1", b"1"] == [ask("/cameras/neck.jpg", "GET") for _ in range(2)]
    ask("/simulation/faults?fault=camera-black")
    assert b"black" == ask("/cameras/neck.jpg", "GET")
    ask("/simulation/faults?fault=camera-late&late_s=0.3")
    answers: list[bytes] = []
    asking = threading.Thread(target=lambda: answers.append(ask("/cameras/neck.jpg", "GET")))
    asking.start()
    asking.join(0.15)
    assert ([], 3) == (answers, bench.eyes["neck"].pictures)
    asking.join(5.0)
    assert [b"3"] == answers

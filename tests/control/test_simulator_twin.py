"""`tankcal simulate-rig` as a process: one line when ready, a clean end, the sealed envelope."""

import asyncio
import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from control.errors import ConfigurationError
from control.simulator.configuration import load_twin_configuration
from control.simulator.emptying import make_truth
from control.simulator.plant import Plant
from control.simulator.truth_file import check_truth_file, write_truth_file
from control.simulator.twin import Twin

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
CONFIGURATION = load_twin_configuration(
    CONFIGS / "rigs/twin.toml", CONFIGS / "stations/demo.toml", CONFIGS / "measures/demo-20l.toml"
)
COMMAND = [sys.executable, "-c", "from api.cli import main; main()", "simulate-rig"]
PORTS = ["--modbus-port", "0", "--camera-port", "0"]


class Processes:
    """Starts twins and leaves none behind."""

    def __init__(self) -> None:
        self.started: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A twin with free ports and these arguments."""
        process = subprocess.Popen(
            [*COMMAND, *PORTS, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.started.append(process)
        return process

    def ready(self, *arguments: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
        """A twin that has said where it listens."""
        process = self.start("--json", *arguments)
        assert process.stdout is not None
        return process, json.loads(process.stdout.readline())


@pytest.fixture
def processes() -> Iterator[Processes]:
    """A starter of twins that ends them all."""
    processes = Processes()
    yield processes
    for process in processes.started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_listens_and_ends_cleanly(
    processes: Processes, tmp_path: Path, number: signal.Signals
) -> None:
    """One JSON line with ports and pid, a picture on the camera's port, exit 0, the truth written."""
    envelope = tmp_path / "truth.json"
    process, line = processes.ready("--seed", "7", "--time-factor", "30", "--truth-file", str(envelope))
    assert set(line) == {"modbus_port", "camera_port", "pid"}
    assert line["pid"] == process.pid
    with urllib.request.urlopen(
        f"http://127.0.0.1:{line['camera_port']}/cameras/neck.jpg", timeout=10
    ) as answer:
        assert answer.read(2) == b"\xff\xd8"
    assert not envelope.exists()
    process.send_signal(number)
    rest, errors = process.communicate(timeout=20)
    assert (process.returncode, rest, errors) == (0, "", "")
    truth = json.loads(envelope.read_text())
    expected = make_truth(7, CONFIGURATION.measure, CONFIGURATION.standards)
    assert truth == {
        "seed": 7,
        "overflow_ml": 0.0,
        "true_error_ml": expected.error_ml,
        "true_volume_l": expected.delivered_ml / 1000.0,
    }
    assert list(tmp_path.iterdir()) == [envelope]


def test_it_ends_with_its_parent(processes: Processes) -> None:
    """A demo that is killed leaves no twin behind."""
    parent = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        process, _ = processes.ready("--parent-pid", str(parent.pid))
        assert process.poll() is None
    finally:
        parent.kill()
        parent.wait()
    assert process.wait(timeout=20) == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--time-factor", "0"), "time factor: expected 0.1 to 1000, not 0"),
        (("--rig", "no-such-rig.toml"), "no-such-rig.toml: cannot be read"),
        (("--truth-file", "no/such/folder/truth.json"), "expected a file name in a folder that exists"),
    ],
)
def test_a_users_mistake_is_one_sentence(
    processes: Processes, arguments: tuple[str, ...], sentence: str
) -> None:
    """Exit 2, one line on standard error that names what is wrong, nothing on standard output."""
    process = processes.start(*arguments)
    output, errors = process.communicate(timeout=30)
    assert process.returncode == 2
    assert output == ""
    assert sentence in errors
    assert 1 == errors.count("\n")


def test_a_station_that_the_twin_cannot_draw_is_refused(tmp_path: Path) -> None:
    """The sentence names file, key and what is expected."""
    text = (CONFIGS / "stations/demo.toml").read_text().replace('"card"', '"room"')
    station = tmp_path / "dim.toml"
    station.write_text(text)
    with pytest.raises(
        ConfigurationError, match=r"dim\.toml: instruments\.neck\.lighting: expected one of card"
    ):
        load_twin_configuration(CONFIGS / "rigs/twin.toml", station, CONFIGS / "measures/demo-20l.toml")


def test_the_envelope_replaces_an_old_one_whole(tmp_path: Path) -> None:
    """A truth of an earlier twin is replaced, and its file is never half written."""
    path = tmp_path / "truth.json"
    path.write_text("old")
    check_truth_file(path)
    write_truth_file(path, Plant(make_truth(3, CONFIGURATION.measure, CONFIGURATION.standards)))
    assert json.loads(path.read_text())["seed"] == 3
    with pytest.raises(ConfigurationError, match="expected a file name"):
        check_truth_file(tmp_path)


async def test_the_rigs_clock_runs_with_the_walls() -> None:
    """The clock's task moves the rig's clock on, never faster than wall times factor."""
    twin = Twin(CONFIGURATION, seed=1, time_factor=20.0)
    wall_s = time.monotonic()
    clock = asyncio.create_task(twin.run_clock())
    await asyncio.sleep(0.3)
    rig_s, wall_s = twin.plant.clock_s, time.monotonic() - wall_s
    clock.cancel()
    with suppress(asyncio.CancelledError):
        await clock
    assert 0.0 < rig_s <= 20.0 * wall_s


def test_a_step_of_the_wall_is_a_step_of_the_rig_times_the_factor() -> None:
    """Many small advances add up without loss: a second of the wall at factor 60 is a minute."""
    twin = Twin(CONFIGURATION, seed=1, time_factor=60.0)
    for tick in range(97):
        twin.advance(1.0 / 97.0, tick / 97.0)
    assert twin.plant.clock_s == pytest.approx(60.0, abs=0.021)


def test_what_a_sleeping_machine_missed_is_not_made_up_for() -> None:
    """After a minute without the processor the plant goes on by a quarter of a second, not by sixty."""
    twin = Twin(CONFIGURATION, seed=1, time_factor=10.0)
    twin.advance(60.0, 60.0)
    assert twin.plant.clock_s == pytest.approx(2.5)

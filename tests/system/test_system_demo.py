"""`tankcal demo`, as a newcomer runs it."""

import json
import signal
import subprocess
from pathlib import Path

import pytest
from processes import ANSWER_LIMIT_S, start, twins_of

from api.cli import run as run_command
from api.records import load_record, run_folders

KEYS = {
    "run",
    "nominal_l",
    "error_ml",
    "expanded_uncertainty_ml",
    "true_error_ml",
    "verdict",
    "seconds",
}


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """Where the demo may put temporary files."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    return folder


@pytest.mark.slow
def test_the_demo_finds_the_truth_and_its_digits_again(
    tmp_path: Path, temporary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One JSON line, E_n at most 1, U below 0.02 %; the replay reproduces it; nothing is left over."""
    data = tmp_path / "runs"
    arguments = ("demo", "--seed", "7", "--time-factor", "100", "--json", "--data", str(data))
    process = start(*arguments, temporary=temporary)
    out, _ = process.communicate(timeout=ANSWER_LIMIT_S)
    assert process.returncode == 0
    (line,) = out.splitlines()
    said = json.loads(line)
    assert said.keys() == KEYS
    assert abs(said["error_ml"] - said["true_error_ml"]) <= said["expanded_uncertainty_ml"]
    assert said["expanded_uncertainty_ml"] < 0.0002 * 1000 * said["nominal_l"]
    assert said["verdict"] in ("pass", "fail")
    assert list(temporary.iterdir()) == []
    assert twins_of(process.pid) == []
    assert run_command(["replay", said["run"], "--data", str(data), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["identical"] is True


def test_interrupting_the_demo_leaves_a_closed_rig_and_a_whole_record(
    tmp_path: Path, temporary: Path
) -> None:
    """Ctrl-C in the middle: the run is aborted and stored, twin and temporary files are gone, status 130."""
    data = tmp_path / "runs"
    process = start(
        *("demo", "--time-factor", "100", "--data", str(data)), temporary=temporary, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "prewet" in line:
            break
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=ANSWER_LIMIT_S)[1]
    assert process.returncode == 130, rest
    (folder,) = run_folders(data)
    record = load_record(folder)
    assert record.end is not None and record.end["outcome"] == "aborted"
    assert (folder / "result.json").is_file()
    last_command = [line["data"]["opcode"] for line in record.of_kind("command")][-1]
    assert last_command == "close-all"
    assert list(temporary.iterdir()) == []
    assert twins_of(process.pid) == []


def test_a_twin_that_cannot_start_is_one_sentence(tmp_path: Path, temporary: Path) -> None:
    """A configuration that cannot be used ends with status 2 and one sentence, before anything is opened."""
    process = start(
        *("demo", "--config", str(tmp_path / "none.toml"), "--data", str(tmp_path / "runs")),
        temporary=temporary,
        stderr=subprocess.PIPE,
    )
    out, said = process.communicate(timeout=ANSWER_LIMIT_S)
    assert process.returncode == 2
    assert out == ""
    assert "none.toml" in said and said.count("\n") == 1
    assert not (tmp_path / "runs").exists()

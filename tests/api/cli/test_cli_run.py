"""`tankcal run`, `demo` and `serve`: usage, and a rig that isn't there."""

import json
import shutil
import socket
from pathlib import Path

import pytest

from api.cli import run as run_command
from api.records import load_record

CONFIGS = Path(__file__).resolve().parents[3] / "configs"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The project's settings, with a rig at a port where nobody listens."""
    configs = Path(shutil.copytree(CONFIGS, tmp_path / "configs"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    rig = configs / "rigs" / "twin.toml"
    rig.write_text(rig.read_text(encoding="utf-8").replace("port = 5020", f"port = {port}"), encoding="utf-8")
    return configs / "demo.toml"


def test_a_rig_that_is_not_there_is_status_3_and_a_record(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Held with the reason, stopped since nobody is there to resume it; JSON Lines and nothing else."""
    data = tmp_path / "runs"
    arguments = ["run", "verify-measure", "--config", str(config), "--data", str(data), "--json"]
    assert run_command([*arguments, "--operator", "J. Lin", "--serial", "A-1042"]) == 3
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["to"] for line in lines if line.get("event") == "state"] == [
        "Starting",
        "Held",
        "Stopping",
        "Stopped",
    ]
    last = lines[-1]
    assert (last["state"], last["verdict"], last["error_ml"]) == ("Stopped", None, None)
    record = load_record(data / last["run"])
    assert record.settings["operator"] == "J. Lin"
    assert record.settings["item"]["serial"] == "A-1042"
    assert (data / last["run"] / "result.json").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "no-such-procedure"], "procedures/no-such-procedure.toml"),
        (["run", "verify-measure", "--measure", "../x"], "'../x'"),
        (["run", "verify-measure", "--rules", "none"], "tw-owner-standard-measure"),
        (["demo", "--seed", "-1"], "--seed"),
        (["demo", "--time-factor", "0"], "--time-factor"),
        (["serve", "--port", "70000"], "--port"),
        (["replay", "20260101-000000-0000"], "20260101-000000-0000"),
        (["table", "check"], "FILE.csv"),
    ],
)
def test_a_users_mistake_is_one_sentence_and_status_2(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What is wrong is named, nothing is opened, nothing is left behind."""
    monkeypatch.chdir(tmp_path)
    assert run_command(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert "Traceback" not in captured.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("spoiled", ["overlap", "unknown"])
def test_a_spoiled_rig_file_stops_every_command_before_anything_is_opened(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], spoiled: str
) -> None:
    """Overlapping addresses or an unknown key: status 2, one sentence with file and key, no data folder."""
    rig = config.parent / "rigs" / "twin.toml"
    text = rig.read_text(encoding="utf-8")
    if spoiled == "overlap":
        text = text.replace("address = 1\n", "address = 0\n", 1)
    else:
        text = text.replace("[tags.heartbeat]", "[tags.heartbeat]\ncolour = 1")
    rig.write_text(text, encoding="utf-8")
    data = tmp_path / "runs"
    for command in (["run", "verify-measure"], ["demo"], ["serve", "--port", "0"]):
        assert run_command([*command, "--config", str(config), "--data", str(data)]) == 2
        said = capsys.readouterr().err
        assert str(rig) in said
        assert "tags." in said
        assert said.count("\n") == 1
    assert not data.exists()


def test_a_port_that_is_taken_is_named(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`serve` on a port of another program: one sentence."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        data = tmp_path / "runs"
        status = run_command(["serve", "--port", port, "--config", str(config), "--data", str(data)])
    assert status == 2
    assert port in capsys.readouterr().err


def test_a_run_is_either_new_or_resumed(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither, both, or a resumed one with other settings: one sentence, status 2."""
    assert run_command(["run"]) == 2
    assert run_command(["run", "verify-measure", "--resume", "20200101-000000-abcd"]) == 2
    assert capsys.readouterr().err.count("expected either the name of a PROCEDURE or --resume RUN") == 2
    assert run_command(["run", "--resume", "20200101-000000-abcd", "--serial", "7"]) == 2
    assert "goes on with what it began with" in capsys.readouterr().err


def test_an_interrupted_run_is_resumed_by_its_name(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its record goes on after the last whole line; what was torn lies beside it; an ended run is refused."""
    data = tmp_path / "runs"
    where = ["--config", str(config), "--data", str(data), "--json"]
    assert run_command(["run", "verify-measure", *where]) == 3
    run = json.loads(capsys.readouterr().out.splitlines()[-1])["run"]
    file = data / run / "record.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:3]) + lines[3][:17])
    assert run_command(["run", "--resume", run, *where]) == 3
    record = load_record(data / run)
    resumed = next(record.of_kind("resumed"))
    assert (3, 17) == (resumed["n"], resumed["data"]["torn_bytes"])
    assert lines[3][:17] == (data / run / resumed["data"]["torn"]).read_bytes()
    states = [line["data"]["to"] for line in record.of_kind("state")][-3:]
    assert ["Held", "Stopping", "Stopped"] == states
    capsys.readouterr()
    assert run_command(["run", "--resume", run, *where]) == 1
    assert "has come to its end; there is nothing to resume" in capsys.readouterr().err

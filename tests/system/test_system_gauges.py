"""Gauges in a run as a user has it: the twin's pictures, the readers, the record, the replay."""

import json
import shutil
import time
from pathlib import Path

import httpx2
import pytest
from processes import ANSWER_LIMIT_S, serving, start

from api.records import load_record, read_result
from api.replay import replay

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
LIMIT_S = 90.0


@pytest.fixture
def short(tmp_path: Path) -> Path:
    """The settings of the demo with a procedure of two repeats at the mark."""
    folder = shutil.copytree(CONFIGS, tmp_path / "configs")
    demo = folder / "demo.toml"
    text = demo.read_text(encoding="utf-8")
    demo.write_text(text.replace('"verify-measure"', '"check-standard"'), encoding="utf-8")
    return demo


@pytest.mark.slow
def test_a_runs_gauges_are_in_its_record_and_are_read_again(short: Path, tmp_path: Path) -> None:
    """Thermometer, display and dial beside the wire; the frames give the same digits, the same result."""
    data, temporary = tmp_path / "runs", tmp_path / "tmp"
    temporary.mkdir()
    process = start(
        *("demo", "--seed", "6", "--config", str(short), "--json", "--data", str(data)), temporary=temporary
    )
    out, _ = process.communicate(timeout=ANSWER_LIMIT_S)
    assert process.returncode == 0
    folder = data / json.loads(out)["run"]
    seen: dict[str, list[str]] = {}
    for line in load_record(folder).of_kind("observation"):
        data_of = line["data"]
        if data_of["purpose"] == "gauge" and data_of["value"] is not None:
            seen.setdefault(data_of["instrument"], []).append(data_of["at"])
            assert data_of["frames"] != []
    assert ["full", "full"] == seen["water_thermometer"]
    assert ["full", "drained"] * 2 == seen["balance_display"]
    assert {"filling": 3, "rest": 2} == {at: seen["line_gauge"].count(at) for at in ("filling", "rest")}
    again = replay(folder)
    assert again.identical
    read_again = {one.instrument for one in again.observations}
    assert {"neck", "water_thermometer", "balance_display", "line_gauge"} == read_again
    result = read_result(folder)
    assert result is not None
    (thermometer,) = result["water_temperature"]["thermometers"]
    assert 0.2 < thermometer["weight"] < 0.4
    checks = {gauge["instrument"]: gauge for gauge in result["gauges"]}
    assert abs(checks["balance_display"]["largest_difference"]) < 1.0
    assert abs(checks["water_thermometer"]["mean_difference"]) < 3.0 * 0.04
    assert abs(checks["line_gauge"]["largest_difference"]) < 3.0 * 1.6


@pytest.mark.slow
def test_a_dead_thermometers_camera_holds_the_run_until_it_is_back(tmp_path: Path) -> None:
    """The result needs it: Held with the camera's address; alive again, the run goes on from there."""
    with (
        serving(tmp_path) as service,
        httpx2.Client(base_url=service.address, trust_env=False, timeout=LIMIT_S) as web,
    ):
        run = web.post("api/v1/runs", json={}).json()["id"]
        settings = json.loads(web.get(f"api/v1/runs/{run}/record").text.splitlines()[0])["data"]
        cameras = settings["station"]["cameras"]
        hands = str(cameras["thermometer"]["address"]).removesuffix("/cameras/thermometer.jpg")
        dead, alive = (
            f"{hands}/simulation/camera?name=thermometer&state={state}" for state in ("dead", "ok")
        )
        httpx2.post(dead, trust_env=False).raise_for_status()
        assert "thermometer.jpg" in _state(web, "Held")
        httpx2.post(alive, trust_env=False).raise_for_status()
        web.post("api/v1/live/commands", json={"command": "unhold"}).raise_for_status()
        _state(web, "Execute")
        _until_read(web, run)
        web.post("api/v1/live/commands", json={"command": "abort"}).raise_for_status()
        _state(web, "Aborted")


def _state(web: httpx2.Client, state: str) -> str:
    """Wait for a state; returns its reason."""
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        live = web.get("api/v1/live").json()
        if live["state"] == state:
            return str(live["reason"])
        time.sleep(0.1)
    pytest.fail(f"the run never was {state}, but {live['state']}: {live['reason']}")


def _until_read(web: httpx2.Client, run: str) -> None:
    """Wait until the record has a reading of the thermometer."""
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        lines = [json.loads(line)["data"] for line in web.get(f"api/v1/runs/{run}/record").text.splitlines()]
        if any(line.get("instrument") == "water_thermometer" and line.get("value") for line in lines):
            return
        time.sleep(0.2)
    pytest.fail("the thermometer was not read again")

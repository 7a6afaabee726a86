"""`tankcal serve` over real connections: streams that break, faults of the rig, and a quick end."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from processes import Service, serving, twins_of

from api.records import load_record

LIMIT_S = 60.0


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """The service on the simulated rig."""
    with serving(tmp_path) as service:
        yield service


def read_events(
    address: str, *, count: int, last_id: str | None = None, after: str | None = None
) -> list[dict[str, str]]:
    """The next `count` events but the pings, over a connection of its own."""
    headers = {"Last-Event-ID": last_id} if last_id is not None else {}
    params = {"after": after} if after is not None else {}
    events: list[dict[str, str]] = []
    event: dict[str, str] = {}
    with httpx2.stream(
        "GET", f"{address}api/v1/events", headers=headers, params=params, timeout=LIMIT_S, trust_env=False
    ) as stream:
        for line in stream.iter_lines():
            if not line and event:
                events.append(event)
                event = {}
                if len(events) == count:
                    break
            elif line and not line.startswith(":"):
                key, _, value = line.partition(": ")
                event[key] = value
    return events


def wait_for_state(web: httpx2.Client, *states: str) -> dict[str, object]:
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        live: dict[str, object] = web.get("api/v1/live").json()
        if live["state"] in states:
            return live
        time.sleep(0.05)
    pytest.fail(f"the run never was {states}, but {live['state']}: {live['reason']}")


def test_a_broken_stream_goes_on_where_it_broke(service: Service) -> None:
    """With Last-Event-ID every line of the record is told once, over as many connections as it takes."""
    with httpx2.Client(base_url=service.address, trust_env=False) as web:
        run = web.post("api/v1/runs", json={}).json()["id"]
        wait_for_state(web, "Execute")
        first = read_events(service.address, count=1)
        told = list(first)
        for _ in range(4):
            told += read_events(service.address, count=5, last_id=told[-1]["id"])
        web.post("api/v1/live/commands", json={"command": "stop", "run": run})
        wait_for_state(web, "Stopped")
        told += read_events(service.address, count=3, after=told[-1]["id"])
    ids = [int(event["id"].rpartition("-")[2]) for event in told]
    assert ids == sorted(set(ids))
    assert "reset" not in {event["event"] for event in told}
    lines = [(line["kind"], line["data"]) for line in load_record(service.data / run).lines]
    for event in told:
        if event["event"] not in ("live", "command", "finished"):
            data = json.loads(event["data"])
            assert data.pop("run") == run
            assert (event["event"], data) in lines


def test_it_stops_at_once_although_streams_are_open(service: Service) -> None:
    """SIGTERM with a run under way and a viewer: aborted, stored, nothing left, within seconds."""
    with httpx2.Client(base_url=service.address, trust_env=False) as web:
        run = web.post("api/v1/runs", json={}).json()["id"]
        wait_for_state(web, "Execute")
        with web.stream("GET", "api/v1/events", timeout=LIMIT_S) as stream:
            next(stream.iter_lines())
            started = time.monotonic()
            assert service.stop(signal.SIGTERM) == 0
            assert time.monotonic() - started < 8.0
    end = load_record(service.data / run).end
    assert end is not None and end["outcome"] == "aborted"
    assert (service.data / run / "result.json").is_file()
    assert twins_of(service.process.pid) == []


def test_a_killed_service_loses_nothing(tmp_path: Path) -> None:
    """Killed in a run: the record is whole to its last line, and the next start brings the run back, held."""
    with serving(tmp_path / "first") as service:
        with httpx2.Client(base_url=service.address, trust_env=False) as web:
            run = web.post("api/v1/runs", json={}).json()["id"]
            wait_for_state(web, "Execute")
        service.process.kill()
        service.process.wait(10)
        before = load_record(service.data / run, allow_torn=True)
        assert before.end is None
    deadline = time.monotonic() + 10.0
    while twins_of(service.process.pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert twins_of(service.process.pid) == []
    with (
        serving(tmp_path / "second", data=service.data) as again,
        httpx2.Client(base_url=again.address, trust_env=False) as web,
    ):
        held = wait_for_state(web, "Held")
        assert (held["run"], web.post("api/v1/runs", json={}).status_code) == (run, 409)
        assert "the program was interrupted" in str(held["reason"])
        assert web.get(f"api/v1/runs/{run}").json()["state"] == "Held"
        record = load_record(again.data / run)
        assert record.lines[: len(before.lines)] == before.lines
        # Its twin went with the service: a new one knows nothing of the water that the record speaks of.
        assert "somebody else" in str(held["reason"]) or "restarted" in str(held["reason"])
        web.post("api/v1/live/commands", json={"command": "stop", "run": run}).raise_for_status()
        wait_for_state(web, "Stopped")
        assert web.post("api/v1/runs", json={}).status_code == 201


def test_faults_of_the_rig_hold_or_abort_the_run_and_say_why(service: Service) -> None:
    """A dead camera holds the run until it is back; the emergency stop aborts it; nothing is lost."""
    with httpx2.Client(base_url=service.address, trust_env=False) as web:
        run = web.post("api/v1/runs", json={}).json()["id"]
        settings = json.loads(web.get(f"api/v1/runs/{run}/record").text.splitlines()[0])["data"]
        camera = str(settings["station"]["cameras"]["neck"]["address"]).removesuffix("/cameras/neck.jpg")
        httpx2.post(f"{camera}/simulation/camera?state=dead", trust_env=False).raise_for_status()
        held = wait_for_state(web, "Held")
        assert "neck.jpg" in str(held["reason"])
        assert web.post("api/v1/runs", json={}).status_code == 409
        httpx2.post(f"{camera}/simulation/camera?state=ok", trust_env=False).raise_for_status()
        web.post("api/v1/live/commands", json={"command": "unhold"}).raise_for_status()
        wait_for_state(web, "Execute")
        httpx2.post(f"{camera}/simulation/emergency-stop?pressed=1", trust_env=False).raise_for_status()
        ended = wait_for_state(web, "Aborted")
        assert "emergency" in str(ended["reason"])
        assert web.get("/live").status_code == 200
    record = load_record(service.data / run)
    assert record.end is not None and record.end["outcome"] == "aborted"
    states = [line["data"]["to"] for line in record.of_kind("state")]
    assert states[-2:] == ["Aborting", "Aborted"]
    assert "Held" in states

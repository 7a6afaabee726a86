"""api/runs.py, api/bench.py and the live routes, on a rig that isn't there"""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from sample_run import COMPLETE, write_run

from api.errors import BusyError, NotNowError
from api.events import EventStream
from api.lock import BenchLock
from api.records import load_record, read_result
from api.runs import Runs
from api.service import create_app
from api.settings import TwinPorts, load_settings
from api.storage.database import Database
from api.storage.runs import RunIndex


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def nobody() -> TwinPorts:
    """Ports at which nobody listens."""
    return TwinPorts(modbus=free_port(), camera=free_port())


@pytest.fixture
async def runs(tmp_path: Path, nobody: TwinPorts) -> AsyncIterator[Runs]:
    """A bench whose rig does not answer."""
    database = Database.in_folder(tmp_path)
    runs = Runs(load_settings(), tmp_path, RunIndex(database), twin=nobody)
    yield runs
    await runs.close()
    database.close()


async def until_state(runs: Runs, state: str) -> None:
    async with asyncio.timeout(30):
        async for _ in runs.events.since():
            if runs.live().state == state:
                return


async def test_a_rig_that_is_not_there_holds_the_run(runs: Runs) -> None:
    """The run is held with the reason, can be stopped, and everything about it is stored."""
    run = await runs.start(runs.settings.choose())
    await until_state(runs, "Held")
    live = runs.live()
    assert live.run == run
    assert "127.0.0.1" in live.reason
    assert {"unhold", "stop", "abort"} <= set(live.commands)
    runs.command("stop", run)
    await runs.wait()
    record = load_record(runs.data / run)
    assert record.end is not None and record.end["outcome"] == "stopped"
    row = runs.index.get(run)
    assert (row.state, row.record_head) == ("Stopped", record.head)
    assert row.ended_utc is not None
    result = read_result(runs.data / run)
    assert result is not None and "problem" in result
    assert runs.live().run is None
    assert runs.live().last_run == run


async def test_one_run_at_a_time(runs: Runs) -> None:
    """A second run is answered busy, with the first one's id; after the first there may be another."""
    first = await runs.start(runs.settings.choose())
    with pytest.raises(BusyError) as caught:
        await runs.start(runs.settings.choose())
    assert caught.value.run == first
    await until_state(runs, "Held")
    runs.command("stop")
    await runs.wait()
    second = await runs.start(runs.settings.choose())
    assert second != first
    await until_state(runs, "Held")
    runs.command("stop")
    await runs.wait()


async def test_another_program_keeps_the_bench_busy(runs: Runs) -> None:
    """A run of another program on the same data folder is respected."""
    held = BenchLock.take(runs.data, COMPLETE)
    with pytest.raises(BusyError, match=COMPLETE):
        await runs.start(runs.settings.choose())
    held.release()
    assert runs.running is None
    assert [path.name for path in runs.data.iterdir() if path.is_dir()] == []


async def test_after_an_abort_somebody_looks_at_the_bench_first(runs: Runs) -> None:
    """An aborted run must be cleared before another one starts."""
    run = await runs.start(runs.settings.choose())
    await until_state(runs, "Held")
    runs.command("abort")
    await runs.wait()
    assert runs.live().state == "Aborted"
    with pytest.raises(NotNowError, match="clear"):
        await runs.start(runs.settings.choose())
    runs.command("clear", run)
    assert runs.live().run is None
    await runs.start(runs.settings.choose())


async def test_a_command_is_for_the_run_that_was_meant(runs: Runs) -> None:
    """A command for another run, or one that the state does not take, changes nothing."""
    await runs.start(runs.settings.choose())
    await until_state(runs, "Held")
    with pytest.raises(NotNowError, match="not the one"):
        runs.command("abort", COMPLETE)
    with pytest.raises(NotNowError, match="Held"):
        runs.command("hold")
    assert runs.live().state == "Held"


async def test_closing_aborts_and_stores(runs: Runs) -> None:
    """A service that stops leaves a record that has its end."""
    run = await runs.start(runs.settings.choose())
    await until_state(runs, "Held")
    await runs.close()
    end = load_record(runs.data / run).end
    assert end is not None and end["outcome"] == "aborted"
    assert runs.index.get(run).state == "Aborted"


async def test_the_serial_number_of_the_item_is_recorded(runs: Runs) -> None:
    """The item's own serial number stands in the record and in the list."""
    run = await runs.start(runs.settings.choose(), serial="A-1042")
    await until_state(runs, "Held")
    assert load_record(runs.data / run).settings["item"]["serial"] == "A-1042"
    assert runs.index.get(run).item.endswith("A-1042")


async def test_an_index_that_fails_does_not_touch_the_run(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that cannot be written costs the list an entry until the next start, and nothing else."""

    def broken(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(RunIndex, "put", broken)
    run = await runs.start(runs.settings.choose())
    await until_state(runs, "Held")
    runs.command("stop")
    await runs.wait()
    monkeypatch.undo()
    assert read_result(runs.data / run) is not None
    await runs.index_disk()
    assert runs.index.get(run).state == "Stopped"


async def test_a_listener_hears_the_lines_of_the_record(tmp_path: Path, nobody: TwinPorts) -> None:
    """What is written is told, in order; the stream says when it is over."""
    database = Database.in_folder(tmp_path)
    heard: list[str] = []
    events = EventStream()
    runs = Runs(
        load_settings(),
        tmp_path,
        RunIndex(database),
        events=events,
        twin=nobody,
        listener=lambda kind, _: heard.append(kind),
    )
    start = events.last_id
    run = await runs.start(runs.settings.choose())
    await until_state(runs, "Held")
    runs.command("stop")
    await runs.wait()
    await runs.close()
    database.close()
    written = [line["kind"] for line in load_record(tmp_path / run).lines]
    assert [kind for kind in heard if kind != "poll"] == written
    told = [event.kind async for event in events.since(start)]
    assert told[0] == "started"
    assert [kind for kind in told if kind in written] == written[1:]
    assert "finished" in told


@pytest.fixture
async def web(tmp_path: Path, nobody: TwinPorts) -> AsyncIterator[httpx2.AsyncClient]:
    """The service, over ASGI, with a rig that does not answer."""
    write_run(tmp_path, COMPLETE)
    app = create_app(load_settings(), tmp_path, twin=nobody)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://127.0.0.1") as client,
    ):
        yield client


async def state_at(web: httpx2.AsyncClient, address: str, state: str) -> None:
    for _ in range(1000):
        if (await web.get(address)).json()["state"] == state:
            return
        await asyncio.sleep(0.02)
    pytest.fail(f"{address} never was {state}")


async def test_the_web_starts_watches_and_stops_a_run(web: httpx2.AsyncClient) -> None:
    """201 with a place, 409 with the run that keeps the bench busy, 202 for a command."""
    started = await web.post("/api/v1/runs", json={"operator": "J. Lin"})
    assert started.status_code == 201
    run = started.json()["id"]
    assert started.headers["location"] == f"/api/v1/runs/{run}"
    busy = await web.post("/api/v1/runs", json={})
    assert busy.status_code == 409
    assert busy.headers["content-type"] == "application/problem+json"
    assert busy.json()["run"] == run
    await state_at(web, "/api/v1/live", "Held")
    told = await web.post("/api/v1/live/commands", json={"command": "stop", "run": run})
    assert told.status_code == 202
    await state_at(web, "/api/v1/live", "Stopped")
    await state_at(web, f"/api/v1/runs/{run}", "Stopped")
    assert (await web.get(f"/api/v1/runs/{run}")).json()["operator"] == "J. Lin"
    assert "problem" in (await web.get(f"/api/v1/runs/{run}/result")).json()
    assert (await web.get(f"/runs/{run}")).status_code == 200

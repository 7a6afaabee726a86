"""Runs: listed, started, looked into. The evidence is served as it lies on the disk."""

from datetime import datetime
from http import HTTPStatus
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import FileResponse

from api.errors import NotFoundError
from api.models import Result, Run, RunDetail, RunId, RunPage, RunReading, Sha256, StartRun
from api.pictures import MEDIA_TYPE, draw_recorded
from api.problems import describe
from api.records import MEDIA_TYPES, RECORD, RESULT, frame_path
from api.routes.bench import Bench
from api.runs import Runs
from api.storage.runs import RunFilter
from api.storage.tables import ReadingRow, RunRow

router = APIRouter(tags=["runs"])

RECORD_TYPE = "application/x-ndjson"
IMMUTABLE = {"Cache-Control": "private, max-age=31536000, immutable"}
OneRun = Annotated[RunId, Path(description="Id of the run.")]
OneFrame = Annotated[Sha256, Path(description="SHA-256 of the frame's bytes: its name in the record.")]
Text = Annotated[str | None, Query(max_length=200)]


@router.get("/runs")
def list_runs(
    bench: Bench,
    *,
    state: Text = None,
    verdict: Text = None,
    item: Text = None,
    operator: Text = None,
    since: Annotated[datetime | None, Query(description="Started at or after this moment.")] = None,
    until: Annotated[datetime | None, Query(description="Started before this moment.")] = None,
    q: Annotated[str | None, Query(max_length=200, description="Sought in item, operator and id.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    after: Annotated[RunId | None, Query(description="Cursor: `after` of the page before.")] = None,
) -> RunPage:
    """Runs, newest first, page by page."""
    wanted = RunFilter(
        state=state, verdict=verdict, item=item, operator=operator, since=since, until=until, text=q
    )
    page = bench.index.page(wanted, limit=limit, after=after)
    return RunPage(runs=[run_of(row) for row in page.runs], after=page.after)


@router.post("/runs", status_code=HTTPStatus.CREATED, responses=describe(HTTPStatus.CONFLICT))
async def start_run(bench: Bench, asked: StartRun, response: Response) -> Run:
    """Start a run. While there is one, the answer is 409 with the id of the run that keeps the bench busy."""
    choice = bench.settings.choose(
        rig=asked.rig,
        station=asked.station,
        measure=asked.measure,
        procedure=asked.procedure,
        rules=asked.rules,
        operator=asked.operator,
    )
    run = await bench.start(choice, serial=asked.serial)
    response.headers["Location"] = f"/api/v1/runs/{run}"
    assert bench.watch is not None
    return run_of(bench.watch.row())


@router.get("/runs/{run}", responses=describe(HTTPStatus.NOT_FOUND))
def get_run(bench: Bench, run: OneRun) -> RunDetail:
    """One run with its readings."""
    row = bench.index.get(run)
    readings = [reading_of(reading) for reading in bench.index.readings(run)]
    return RunDetail(**run_of(row).model_dump(), record_head=row.record_head, readings=readings)


@router.get("/runs/{run}/result", responses=describe(HTTPStatus.NOT_FOUND), response_model=Result)
def get_result(bench: Bench, run: OneRun) -> Any:
    """The result as it was stored, byte for byte."""
    path = folder_of(bench, run) / RESULT
    if not path.is_file():
        raise NotFoundError(f"the run {run} has no result")
    return FileResponse(path, media_type="application/json")


@router.get(
    "/runs/{run}/record",
    responses={**describe(HTTPStatus.NOT_FOUND), 200: {"content": {RECORD_TYPE: {}}}},
    response_class=Response,
)
def get_record(bench: Bench, run: OneRun) -> Response:
    """The record as it was written, byte for byte, one JSON object a line; of a live run, what is written."""
    data = (folder_of(bench, run) / RECORD).read_bytes()
    whole = data[: data.rfind(b"\n") + 1]  # a line that is being written is not there yet
    headers = {"Content-Disposition": f'attachment; filename="{run}.jsonl"'}
    return Response(whole, media_type=RECORD_TYPE, headers=headers)


@router.get(
    "/runs/{run}/frames/{frame}",
    responses={
        **describe(HTTPStatus.NOT_FOUND),
        200: {"content": {kind: {} for kind in MEDIA_TYPES.values()}},
    },
    response_class=FileResponse,
)
def get_frame(bench: Bench, run: OneRun, frame: OneFrame) -> FileResponse:
    """A frame exactly as the camera sent it."""
    path = frame_path(folder_of(bench, run), frame)
    return FileResponse(path, media_type=MEDIA_TYPES[path.suffix], headers=IMMUTABLE)


@router.get(
    "/runs/{run}/overlay/{frame}",
    responses={**describe(HTTPStatus.NOT_FOUND), 200: {"content": {MEDIA_TYPE: {}}}},
    response_class=Response,
)
def get_overlay(bench: Bench, run: OneRun, frame: OneFrame) -> Response:
    """A frame with its reading drawn in: read again, now."""
    drawn = draw_recorded(folder_of(bench, run), frame)
    return Response(drawn, media_type=MEDIA_TYPE, headers={"Cache-Control": "private, max-age=3600"})


def folder_of(bench: Runs, run: str) -> FilePath:
    """The folder of a run on the disk. Raises `NotFoundError` where there is none."""
    folder = bench.data / run
    if not (folder / RECORD).is_file():
        raise NotFoundError(f"there is no run {run!r}")
    return folder


def run_of(row: RunRow) -> Run:
    """A row of the index as the interface gives it."""
    return Run(
        id=row.id,
        item=row.item,
        measure=row.measure,
        procedure=row.procedure,
        station=row.station,
        rig=row.rig,
        rules=row.rules,
        operator=row.operator,
        state=row.state,
        reason=row.reason,
        started_utc=row.started_utc,
        ended_utc=row.ended_utc,
        nominal_l=row.nominal_l,
        verdict=row.verdict,
        error_ml=row.error_ml,
        standard_uncertainty_ml=row.u_ml,
        expanded_uncertainty_ml=row.expanded_ml,
    )


def reading_of(row: ReadingRow) -> RunReading:
    """A reading of the index as the interface gives it."""
    return RunReading(
        n=row.n,
        instrument=row.instrument,
        purpose=row.purpose,
        repeat=row.repeat,
        target=row.target,
        value=row.value,
        unit=row.unit,
        standard_uncertainty=row.standard_uncertainty,
        reason=row.reason,
        frames=row.frames,
    )

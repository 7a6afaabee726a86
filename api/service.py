"""The service: REST, events and pages over one bench."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from api import problems, security
from api.events import EventStream
from api.routes import events, health, live, pages, runs, setup
from api.runs import Runs
from api.settings import Settings, TwinPorts
from api.storage.database import Database
from api.storage.runs import RunIndex

PREFIX = "/api/v1"
STATIC = Path(__file__).parent / "pages" / "static"


def create_app(
    settings: Settings,
    data: Path,
    *,
    twin: TwinPorts | None = None,
    hosts: Sequence[str] = security.LOOPBACK,
    events_stream: EventStream | None = None,
) -> FastAPI:
    """The application for one data folder. It opens database and bench when it starts, not before.

    `events_stream` may be handed in by who must end the open streams when the server stops.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        database = Database.in_folder(data)
        try:
            bench = Runs(settings, data, RunIndex(database), events=events_stream, twin=twin)
            await bench.index_disk()
            await bench.resume_interrupted()
            app.state.runs = bench
            app.state.database = database
            try:
                yield
            finally:
                await bench.close()
        finally:
            database.close()

    app = FastAPI(
        title="tankcal",
        version=version("tankcal"),
        summary="Calibrates volumetric measures and tanks with computer vision.",
        lifespan=lifespan,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,  # the usual pages load their scripts from elsewhere
        redoc_url=None,
        responses=problems.describe(422),
        generate_unique_id_function=lambda route: route.name,
    )
    for router in (runs.router, live.router, events.router, setup.router):
        app.include_router(router, prefix=PREFIX)
    app.include_router(health.router)
    app.include_router(pages.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    problems.install(app, page=pages.error_page)
    security.install(app, hosts)
    return app

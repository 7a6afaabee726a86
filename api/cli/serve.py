"""`tankcal serve`: the service and its pages, by default on the simulated rig."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated

import typer

from api.cli.output import Output
from api.events import EventStream
from api.security import LOOPBACK
from api.server import address_of, listen
from api.server import serve as serve_app
from api.service import create_app
from api.settings import Settings, configure, load_settings
from api.twin import simulated_rig


def serve(
    *,
    config: Annotated[Path | None, typer.Option(help="Settings; the nearest demo.toml by default.")] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    data: Annotated[Path | None, typer.Option(help="Folder of the runs.", show_default="from config")] = None,
    time_factor: Annotated[
        float | None,
        typer.Option(min=0.1, max=1000.0, help="Of the simulated rig.", show_default="from config"),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of the simulated rig.", show_default="from config")
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="A further name under which the pages may be asked for; repeatable."),
    ] = None,
    free_ports: Annotated[
        bool, typer.Option("--free-ports", help="Let the system choose the simulated rig's ports.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Say the address as one JSON line.")] = False,
) -> None:
    """Serve the pages and the REST interface until Ctrl-C; a run under way is then aborted and stored.

    With `simulation.enabled` in the settings the simulated rig is started too, and ended at the end.

    Example: `tankcal serve --port 8000`
    """
    settings = load_settings(config)
    configure(settings, settings.choose())
    simulation = settings.simulation
    asyncio.run(
        _serve(
            settings,
            (data or settings.data).resolve(),
            Output(as_json),
            host=host,
            port=port,
            hosts=(*LOOPBACK, host, *(allow_host or ())),
            time_factor=simulation.time_factor if time_factor is None else time_factor,
            seed=simulation.seed if seed is None else seed,
            free_ports=free_ports,
        )
    )


async def _serve(
    settings: Settings,
    data: Path,
    output: Output,
    *,
    host: str,
    port: int,
    hosts: Sequence[str],
    time_factor: float,
    seed: int,
    free_ports: bool,
) -> None:
    events = EventStream()
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(listen(host, port))
        twin = None
        if settings.simulation.enabled:
            output.note("starting the simulated rig")
            twin = await stack.enter_async_context(
                simulated_rig(
                    settings,
                    settings.defaults,
                    seed=seed,
                    time_factor=time_factor,
                    free_ports=free_ports,
                )
            )
        app = create_app(settings, data, twin=twin, hosts=hosts, events_stream=events)
        output.record({"address": address_of(listener), "data": str(data)})
        output.show(f"tankcal is at {address_of(listener)} (runs in {data}). Ctrl-C ends it.")
        await serve_app(app, events, listener)

"""`tankcal simulate-rig`: the rig's twin as a process of its own."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from api.cli.output import Output
from api.settings import Settings, load_settings
from control.simulator.configuration import TwinConfiguration, load_twin_configuration
from control.simulator.twin import Ports, run_twin

MOST_REMOTE_FACTOR = 20.0


def simulate_rig(
    *,
    config: Annotated[Path | None, typer.Option(help="Settings that name rig, station, measure.")] = None,
    rig: Annotated[Path | None, typer.Option(help="Rig instead of the settings': a file, or a name.")] = None,
    station: Annotated[Path | None, typer.Option(help="Station file, likewise.")] = None,
    measure: Annotated[Path | None, typer.Option(help="Measure file, likewise.")] = None,
    modbus_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="0 takes a free one.", show_default="the rig file's")
    ] = None,
    camera_port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="0: a free one.", show_default="the station file's"),
    ] = None,
    time_factor: Annotated[
        float | None,
        typer.Option(
            help="Rig's seconds in a wall's.", show_default="the settings', at most 20 for remote I/O"
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Which twin: its volumes and errors.", show_default="the settings'"),
    ] = None,
    truth_file: Annotated[
        Path | None, typer.Option(help="Where to leave the truth as JSON when the twin ends.")
    ] = None,
    faults: Annotated[
        Path | None, typer.Option(help="A script (TOML) of what goes wrong, when, for how long.")
    ] = None,
    parent_pid: Annotated[int | None, typer.Option(min=1, help="End when this process is gone.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say where it listens as one JSON line.")] = False,
) -> None:
    """Serve a simulated rig (Modbus TCP) and its camera (HTTP) on the loopback until it is told to end.

    Example: `tankcal simulate-rig --modbus-port 0 --camera-port 0 --time-factor 60 --seed 7 --json`
    """
    settings = load_settings(config)
    configuration = _configuration(settings, rig, station, measure)
    output = Output(as_json)

    def ready(ports: Ports) -> None:
        output.record({"modbus_port": ports.modbus, "camera_port": ports.camera, "pid": os.getpid()})
        output.show(
            f"The rig's twin listens: Modbus TCP on 127.0.0.1:{ports.modbus}, camera at "
            f"http://127.0.0.1:{ports.camera}{configuration.camera.path}. Ctrl-C ends it."
        )

    asyncio.run(
        run_twin(
            configuration,
            seed=settings.simulation.seed if seed is None else seed,
            time_factor=_default_factor(settings, configuration) if time_factor is None else time_factor,
            modbus_port=configuration.registers.link.port if modbus_port is None else modbus_port,
            camera_port=configuration.camera.port if camera_port is None else camera_port,
            truth_file=truth_file,
            parent_pid=parent_pid,
            faults=faults,
            ready=ready,
        )
    )


def _default_factor(settings: Settings, configuration: TwinConfiguration) -> float:
    """The settings' factor, as far as the rig bears it.

    Where the bench closes the doses, the time in which it reacts on the wall's clock is multiplied by the
    factor, and what flows meanwhile is not the same each time.
    """
    factor = settings.simulation.time_factor
    return factor if configuration.registers.outputs is None else min(factor, MOST_REMOTE_FACTOR)


def _configuration(
    settings: Settings, rig: Path | None, station: Path | None, measure: Path | None
) -> TwinConfiguration:
    names = settings.defaults
    return load_twin_configuration(
        _file_or_name(settings, rig) or settings.find("rigs", names.rig),
        station or settings.find("stations", names.station),
        measure or settings.find("measures", names.measure),
    )


def _file_or_name(settings: Settings, rig: Path | None) -> Path | None:
    """`rig` as a file; a word without a suffix that is no file is the name of one in `configs/rigs`."""
    if rig is None or rig.is_file() or rig.suffix or rig.name != str(rig):
        return rig
    return settings.find("rigs", rig.name)

"""`tankcal record`: an image set from a station's live cameras."""

from pathlib import Path
from typing import Annotated

import typer

from api.cli.output import Output


def record(
    station: Annotated[
        str, typer.Argument(metavar="STATION", help="Station file (TOML), or its name.", show_default=False)
    ],
    *,
    out: Annotated[
        Path,
        typer.Option(metavar="SET", help="Folder of the image set; a set is carried on.", show_default=False),
    ],
    frames: Annotated[int, typer.Option(min=1, help="Pictures of each camera.")] = 10,
    interval: Annotated[float, typer.Option(min=0.0, metavar="S", help="Seconds between pictures.")] = 1.0,
    instrument: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this instrument; repeatable.", show_default="all"),
    ] = None,
    camera_port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Port of the IP cameras instead of the station's."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="Settings beside which stations are sought by name.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line a picture and instrument.")] = False,
) -> None:
    """Record an image set from live cameras: every instrument of a station, as it looks now.

    Every picture is on the disk before it is said to be; after a break the same command carries on. An
    engineer then reads the pictures with `tankcal annotate`.

    Example: `tankcal record demo --frames 20 --interval 5 --out sets/bench`
    """
    from api.recording import record_set
    from api.settings import load_settings, with_camera_port
    from vision.station_file import load_station

    output = Output(as_json)
    file = Path(station)
    if not file.is_file():
        file = load_settings(config).find("stations", station)
    loaded = load_station(file)
    if camera_port is not None:
        loaded = with_camera_port(loaded, camera_port)
    names = instrument or list(loaded.instruments)
    chosen = [loaded.instrument(name, str(file)) for name in dict.fromkeys(names)]
    total = frames * len(chosen)
    count = 0
    lines = record_set(loaded, chosen, out, frames=frames, interval_s=interval)
    for kept in output.progress(lines, "recording", total):
        count += 1
        output.record({"image": kept.image, "instrument": kept.instrument, "taken_utc": kept.taken_utc})
    output.show(
        f"{count} lines for {', '.join(seen.name for seen in chosen)} in {out}; "
        f"what they show is entered with: tankcal annotate {out}"
    )

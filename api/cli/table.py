"""`tankcal table`: the calibration table of a run."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from api.cli import AnswerIsNoError
from api.cli.output import Output
from api.numbers import decimals, number, signed
from api.records import find_run, read_result
from api.settings import load_settings


def table(
    run: Annotated[str, typer.Argument(help="Id of the run, or its folder.")],
    *,
    config: Annotated[Path | None, typer.Option(help="Settings; the nearest demo.toml by default.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of the runs.", show_default="from config")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line a row, with all digits.")] = False,
) -> None:
    """Print the volume that belongs to each graduation of the neck, with its standard uncertainty.

    Exit status 1 when the run has no table; the sentence says why.

    Example: `tankcal table 20261124-021000-7f3a`
    """
    folder = find_run((data or load_settings(config).data).resolve(), run)
    result = read_result(folder)
    if result is None or "problem" in result:
        raise AnswerIsNoError(f"{folder}: {(result or {}).get('problem', 'the run has no result')}")
    curve = result["curve"]
    if curve is None or not curve["table"]:
        why = next((note for note in result["notes"] if note.startswith("No ")), "the run has no table")
        raise AnswerIsNoError(f"{folder}: {why}")
    output = Output(as_json)
    shown = Table(title=f"{result['item']['serial']}: volume at {result['reference_temperature_c']:g} °C")
    shown.add_column(f"reading / {curve['unit']}", justify="right")
    shown.add_column("volume / L", justify="right")
    shown.add_column("standard uncertainty / mL", justify="right")
    for row in curve["table"]:
        output.record({"unit": curve["unit"], **row})
        digits = decimals(row["standard_uncertainty_ml"])
        shown.add_row(
            signed(row["reading"], 0),
            number(row["volume_l"], digits + 3),
            number(row["standard_uncertainty_ml"], digits),
        )
    output.show(shown)

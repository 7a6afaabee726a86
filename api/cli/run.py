"""`tankcal run`: one run on the configured rig, from the command line."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from api.cli import AnswerIsNoError, ExitStatus
from api.cli.one_run import Finished, carry_out
from api.cli.output import Output
from api.cli.result_table import result_table
from api.errors import SettingsError
from api.settings import configure, load_settings
from control.states import State


def run(
    procedure: Annotated[
        str | None, typer.Argument(help="Name of the procedure, such as verify-measure.")
    ] = None,
    *,
    resume: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="Go on with a run that was interrupted, instead of a new one."),
    ] = None,
    measure: Annotated[str | None, typer.Option(help="The item.", show_default="from config")] = None,
    serial: Annotated[
        str | None, typer.Option(help="Serial number of the item.", show_default="the measure file's")
    ] = None,
    station: Annotated[str | None, typer.Option(show_default="from config")] = None,
    rig: Annotated[str | None, typer.Option(show_default="from config")] = None,
    rules: Annotated[str | None, typer.Option(show_default="from config")] = None,
    operator: Annotated[str | None, typer.Option(show_default="from config")] = None,
    config: Annotated[Path | None, typer.Option(help="Settings; the nearest demo.toml by default.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of the runs.", show_default="from config")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Events and result as JSON Lines.")] = False,
) -> ExitStatus:
    """Carry out PROCEDURE on the rig and print its result. Ctrl-C aborts the run: valves closed, record kept.

    A run that is held asks on the terminal whether to go on; where there is none it is stopped. With
    `--resume` an interrupted run comes back held: what differs on the rig is said first. Exit status: 0 the
    item passed; 1 it failed, or there is no verdict; 3 the rig or a camera failed.

    Example: `tankcal run verify-measure --operator "J. Lin" --serial A-1042`
    """
    if (procedure is None) == (resume is None):
        raise SettingsError("expected either the name of a PROCEDURE or --resume RUN")
    named = (measure, serial, station, rig, rules, operator)
    if resume is not None and any(name is not None for name in named):
        raise SettingsError(f"the run {resume} goes on with what it began with: no other option is expected")
    settings = load_settings(config)
    choice = settings.choose(
        rig=rig, station=station, measure=measure, procedure=procedure, rules=rules, operator=operator
    )
    configure(settings, choice)
    output = Output(as_json)
    folder = (data or settings.data).resolve()
    finished = asyncio.run(
        carry_out(settings, folder, choice, output, serial=serial, resume=resume, events_as_json=as_json)
    )
    return _report(finished, output)


def _report(finished: Finished, output: Output) -> ExitStatus:
    result = finished.result
    has_result = result is not None and "problem" not in result
    told = result if has_result and result is not None else {}
    output.record(
        {
            "run": finished.run,
            "state": finished.outcome,
            "reason": finished.reason,
            "error_ml": told.get("error_ml"),
            "expanded_uncertainty_ml": told.get("expanded_uncertainty_ml"),
            "verdict": told["verdict"]["outcome"] if told else None,
        }
    )
    if has_result and result is not None:
        output.show(result_table(result))
    output.show(f"run {finished.run}: {finished.folder}")
    if finished.outcome != State.COMPLETE:
        output.note(f"{finished.outcome}: {finished.reason}")
        return ExitStatus.RIG
    if not has_result or result is None:
        raise AnswerIsNoError(str((result or {}).get("problem", "the run has no result")))
    return ExitStatus.DONE if result["verdict"]["outcome"] == "pass" else ExitStatus.NO

"""`tankcal replay`: a run once more from its record."""

from pathlib import Path
from typing import Annotated

import typer

from api.cli import AnswerIsNoError
from api.cli.output import Output
from api.records import find_run
from api.replay import Replay
from api.replay import replay as replay_run
from api.settings import load_settings

SHOWN = 20


def replay(
    run: Annotated[str, typer.Argument(help="Id of the run, or its folder.")],
    *,
    config: Annotated[Path | None, typer.Option(help="Settings; the nearest demo.toml by default.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of the runs.", show_default="from config")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line.")] = False,
) -> None:
    """Read the recorded frames again, compute again, and compare with the stored result, byte for byte.

    Verifies the record's hash chain and the hash of every frame first. Needs no database and no rig. Exit
    status 0 when the result is reproduced, 1 when anything was changed or comes out otherwise.

    Example: `tankcal replay runs/20261124-021000-7f3a`
    """
    folder = Path(run)
    if not (folder / "record.jsonl").is_file():
        folder = find_run((data or load_settings(config).data).resolve(), run)
    output = Output(as_json)
    with output.bar() as bar:
        task = bar.add_task("reading the frames again", total=None)
        again = replay_run(folder, lambda done, total: bar.update(task, completed=done, total=total))
    output.record(
        {
            "run": again.run,
            "identical": again.identical,
            "frames": again.frames,
            "readings": len(again.observations),
            "changed_readings": len(again.changed_readings),
            "differences": [
                {"where": one.where, "stored": one.stored, "again": one.again} for one in again.differences
            ],
        }
    )
    _show(again, output)
    if not again.identical:
        raise AnswerIsNoError(f"run {again.run}: the result is not reproduced")


def _show(again: Replay, output: Output) -> None:
    output.show(
        f"run {again.run}: record and {again.frames} frames unchanged, "
        f"{len(again.observations)} readings made again"
    )
    if again.identical:
        output.show("identical: result.json is reproduced byte for byte")
        return
    for reading in again.changed_readings[:SHOWN]:
        for change in reading.changed:
            output.show(f"line {reading.n}, {reading.instrument}: {change}")
    for difference in again.differences[:SHOWN]:
        output.show(f"result: {difference}")
    if len(again.differences) > SHOWN:
        output.show(f"… and {len(again.differences) - SHOWN} more")
    if not again.differences:
        output.show("result: the numbers are the same, the bytes are not: the file was written otherwise")

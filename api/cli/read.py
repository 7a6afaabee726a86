"""`tankcal read`: pictures and image sets into readings."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli import AnswerIsNoError, ReaderFaultError, UsageError
from api.cli.output import Output

if TYPE_CHECKING:  # OpenCV takes its time to load, and --help does without it
    from collections.abc import Sequence

    from rich.table import Table

    from api.readings.accuracy import Family, Score
    from api.readings.jobs import Outcome
    from api.readings.sources import Source


def read(
    what: Annotated[
        list[Path],
        typer.Argument(
            metavar="IMAGE… | SET", help="Pictures, or folders with a manifest.jsonl.", show_default=False
        ),
    ],
    station: Annotated[
        Path | None,
        typer.Option(help="Station file (TOML) that says what the pictures show.", metavar="FILE"),
    ] = None,
    instrument: Annotated[
        str | None,
        typer.Option(help="Which of the station's instruments, if it has several.", metavar="NAME"),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON line a picture on standard output.")
    ] = False,
    overlay: Annotated[
        Path | None, typer.Option(help="Folder for the pictures with the readings drawn in.", metavar="DIR")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(help="Report with errors by family and the worst pictures.", metavar="FILE.html"),
    ] = None,
    jobs: Annotated[int, typer.Option(help="Processes that read at the same time.", min=1)] = 1,
) -> None:
    """Read instruments in pictures: a value with its standard uncertainty, or a refusal with a reason.

    A picture that cannot be read is refused, never fatal. The exit status is 0 if all were read (or refused,
    where the manifest expects that), 1 if not, 2 if the manifest or station cannot be used.

    Example: `tankcal read runs/<run>/frames --json`, or `tankcal read neck.jpg --station bench.toml`
    """
    from api.readings.jobs import perform_all

    output = Output(as_json)
    source = _source(what, station, instrument, overlay)
    total = source.total
    if report is not None and not report.absolute().parent.is_dir():
        raise UsageError(f"--report {report}: there is no folder {report.parent}; expected one that exists")
    if overlay is not None:
        overlay.mkdir(parents=True, exist_ok=True)
    outcomes: list[Outcome] = []
    count, right, faults = 0, 0, [""][:0]
    for outcome in output.progress(perform_all(source, jobs), "reading", total):
        count += 1
        right += outcome.is_right
        if outcome.fault:
            faults.append(outcome.detail)
        output.record(outcome.record())
        if report is not None or not as_json:
            outcomes.append(outcome)
    if outcomes:
        _conclude(output, outcomes, report, ", ".join(str(path) for path in what))
    if faults:
        raise ReaderFaultError(f"{faults[0]}; {len(faults)} of {count} pictures in all")
    if right < count:
        raise AnswerIsNoError(
            "" if as_json else f"{count - right} of {count} pictures did not come out as expected"
        )


def _source(
    what: "Sequence[Path]", station: Path | None, instrument: str | None, overlay: Path | None
) -> "Source":
    from api.readings.sources import Description, Source
    from vision.station_file import load_station

    if station is None:
        if instrument is not None:
            raise UsageError(
                f"--instrument {instrument}: names an instrument of a station; expected --station FILE too"
            )
        return Source(what, overlays=overlay)
    loaded = load_station(station)
    return Source(
        what, Description(loaded, loaded.instrument(instrument, str(station)).name, str(station)), overlay
    )


def _conclude(output: Output, outcomes: "Sequence[Outcome]", report: Path | None, title: str) -> None:
    from api.readings.accuracy import by_family, is_judged, score

    scores = [score(outcome) for outcome in outcomes]
    output.show(_table(scores))
    if is_judged(scores):
        output.show(_summary(by_family(scores)))
    read = sum(outcome.is_read for outcome in outcomes)
    output.show(f"{len(outcomes)} pictures: {read} read, {len(outcomes) - read} refused")
    if report is not None:
        from api.readings.report import write_report

        write_report(report, scores, title)
        output.note(f"report: {report}")


def _table(scores: "Sequence[Score]") -> "Table":
    from rich.markup import escape
    from rich.table import Table

    from vision.overlay import decimals_of

    compared = any(one.error is not None for one in scores)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("picture", overflow="fold")
    table.add_column("status")
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("± U (k = 2)", justify="right", no_wrap=True)
    table.add_column("unit")
    if compared:
        table.add_column("error", justify="right", no_wrap=True)
    table.add_column("reason", overflow="fold")
    table.add_column("ms", justify="right")
    for one in scores:
        outcome = one.outcome
        value = expanded = error = ""
        if outcome.value is not None and outcome.standard_uncertainty is not None:
            digits = decimals_of(2 * outcome.standard_uncertainty)
            value, expanded = f"{outcome.value:.{digits}f}", f"{2 * outcome.standard_uncertainty:.{digits}f}"
        if one.error is not None:
            error = f"{one.error:+.3f} {one.error_unit}"
        cells = [
            escape(outcome.job.image),
            "read" if outcome.is_read else "[yellow]refused[/]",
            value,
            expanded,
        ]
        cells.append(escape(outcome.job.unit))
        if compared:
            beyond = one.normalised is not None and abs(one.normalised) > 2
            cells.append(f"[red]{error}[/]" if beyond else error)
        reason = f"{outcome.reason}: {outcome.detail}" if outcome.reason else "; ".join(outcome.notes)
        table.add_row(*cells, escape(reason), f"{outcome.elapsed_ms:.0f}")
    return table


def _summary(families: "Sequence[Family]") -> "Table":
    from rich.table import Table

    table = Table(title="by family", title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in ("family", "kind"):
        table.add_column(column)
    for column in ("pictures", "read", "as expected", "RMS", "largest", "median u"):
        table.add_column(column, justify="right")
    table.add_column("unit")
    table.add_column("|e| ≤ 2u", justify="right")
    for family in families:
        figures = (family.rms, family.largest, family.median_u)
        table.add_row(
            family.name or "–",
            family.kind,
            str(family.count),
            f"{100 * family.read / family.count:.1f} %",
            str(family.right),
            *("–" if figure is None else f"{figure:.3f}" for figure in figures),
            family.error_unit,
            "–" if family.within_2u is None else f"{100 * family.within_2u:.1f} %",
        )
    return table

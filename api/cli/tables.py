"""`tankcal table RUN` and `tankcal table check FILE`: a run's table, and one that someone else made."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from typer.core import TyperGroup

from api.cli import AnswerIsNoError, UsageError
from api.cli.output import Output
from api.cli.table import table


class _RunOrWord(TyperGroup):
    """A group whose first argument is a word of its own, or else the run that `of` takes."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        return super().resolve_command(ctx, args if args and args[0] in self.commands else ["of", *args])

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        known = args and (args[0] in self.commands or args[0] in ("--help", "-h"))
        return super().parse_args(ctx, args if known or not args else ["of", *args])


tables = typer.Typer(
    cls=_RunOrWord,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Print the calibration table of a run (`tankcal table RUN`), or check a tank table from elsewhere "
    "(`tankcal table check FILE.csv`).\n\nExample: `tankcal table check tank-7.csv`",
)
tables.command("of", help="The table of a run; `tankcal table RUN` is short for it.")(table)


@tables.command("check")
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="height_mm,volume_l", show_default=False)],
    *,
    full: Annotated[
        bool, typer.Option(help="The last row is the full tank, lying and level: its halves must be equal.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line with everything.")] = False,
) -> None:
    """Check a tank table: does it increase, are its steps plausible, does a row stand out, is it symmetric.

    Each finding is named with its height and size. Exit status 1 when there is any, 2 when the file cannot
    be read.

    Example: `tankcal table check tank-7.csv`
    """
    from calibration.data_table import parse_data_table
    from calibration.errors import CalibrationError
    from calibration.table_check import check_table

    output = Output(as_json)
    try:
        data = parse_data_table(file.read_text(encoding="utf-8"), str(file), increasing=False)
    except UnicodeDecodeError as error:
        raise UsageError(f"{file}: is not UTF-8 text: expected a CSV file") from error
    except CalibrationError as error:
        raise UsageError(str(error)) from error
    report = check_table(data, full=full)
    output.record(
        {
            "plausible": report.plausible,
            "rows": report.rows,
            "shape": report.shape,
            "dimensions": report.dimensions,
            "scatter": report.scatter,
            "threshold": report.threshold,
            "reading_unit": data.reading_unit,
            "volume_unit": data.volume_unit,
            "findings": [
                {"kind": f.kind.value, "reading": f.reading, "size": f.size, "detail": f.sentence}
                for f in report.findings
            ],
            "notes": list(report.notes),
        }
    )
    if not as_json:
        shape = ", ".join(f"{name} {value:.4g}" for name, value in report.dimensions.items())
        output.show(
            f"{report.rows} rows; closest shape: {report.shape} ({shape}), scatter {report.scatter:.3g}"
        )
        if report.findings:
            shown = Table(title="findings")
            shown.add_column(f"at / {data.reading_unit}", justify="right")
            shown.add_column(f"size / {data.volume_unit}", justify="right")
            shown.add_column("what")
            for finding in report.findings:
                shown.add_row(f"{finding.reading:g}", f"{finding.size:+.4g}", finding.sentence)
            output.show(shown)
        for note in report.notes:
            output.show(note)
    if not report.plausible:
        count = len(report.findings)
        found = f"{count} finding{'s' if count > 1 else ''}"
        raise AnswerIsNoError("" if as_json else f"{file}: {found}: the table is not plausible")

"""`tankcal qualify`: the calculations held against published numbers, on this machine."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from api.cli import AnswerIsNoError
from api.cli.output import Output


def qualify(
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON line a case, with every number; then one with the sum.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option(help="Also write all of it as one JSON file.", metavar="FILE.json")
    ] = None,
) -> None:
    """Compute every published case again and report how many significant digits agree.

    Evidence for ISO/IEC 17025:2017, 7.11: program version and platform stand in the report. Exit status 1
    when a number does not agree.

    Example: `tankcal qualify --report validation.json`
    """
    from api.documents import write_json
    from calibration.qualification.report import case_record, this_platform
    from calibration.qualification.report import qualify as cases

    output = Output(as_json)
    shown = Table(title="Agreement with published numbers")
    for column in ("", "case", "numbers", "worst", "digits", "published"):
        shown.add_column(column, justify="right" if column in ("numbers", "digits") else "left")
    records, disagreeing = [], []
    for case in output.progress(cases(), "computing", None):
        record = case_record(case)
        records.append(record)
        output.record(record)
        worst = case.worst
        if not case.agrees:
            disagreeing.append(
                f"{case.case}: {worst.quantity} is {worst.computed!r}, published {worst.published}"
            )
        shown.add_row(
            "[green]agrees[/green]" if case.agrees else "[red]differs[/red]",
            case.case,
            str(len(case.agreements)),
            worst.quantity,
            f"{worst.digits:.1f} of {worst.published_digits}",
            worst.published,
        )
    total = {"cases": len(records), "disagreeing": len(disagreeing), "platform": asdict(this_platform())}
    output.record(total)
    output.show(shown)
    here = this_platform()
    output.show(
        f"{len(records) - len(disagreeing)} of {len(records)} cases agree. tankcal {here.program}, "
        f"Python {here.python}, numpy {here.numpy}, scipy {here.scipy}, {here.system}"
    )
    if report is not None:
        write_json(report, {**total, "results": records})
    if disagreeing:
        raise AnswerIsNoError("; ".join(disagreeing))

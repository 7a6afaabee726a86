"""`tankcal annotate`: a person's readings of an image set, and the reader's against them."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli import AnswerIsNoError, UsageError
from api.cli.output import Output

if TYPE_CHECKING:  # these libraries take their time to load, and --help does without them
    from collections.abc import Sequence

    from rich.table import Table

    from api.readings.person import Compared


def annotate(
    image_set: Annotated[
        Path, typer.Argument(metavar="SET", help="Folder with a manifest.jsonl.", show_default=False)
    ],
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8010,
    compare: Annotated[
        bool, typer.Option("--compare", help="Read the pictures and compare with what was entered.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON Lines on standard output.")] = False,
) -> None:
    """Enter on a page what the pictures of a set show; then compare the program's readings with a person's.

    The page is served on this machine alone, until Ctrl-C. Each answer is in the manifest at once
    (`truth`, `truth_half_width`), and an interrupted session goes on where it stopped.

    With `--compare`: bias, scatter and E_n by instrument. Exit status 1 where more than one reading in
    twenty has |E_n| > 1, one was read that a person could not read, or nothing was entered.

    Example: `tankcal annotate sets/bench`, then `tankcal annotate sets/bench --compare`
    """
    from vision.image_set import ImageSet, is_image_set

    output = Output(as_json)
    if not is_image_set(image_set):
        raise UsageError(f"{image_set}: is no image set; expected a folder with a manifest.jsonl")
    count = sum(1 for _ in ImageSet(image_set))
    if compare:
        _compare(image_set, output)
    else:
        _serve(image_set.resolve(), port, count, output)


def _serve(image_set: Path, port: int, count: int, output: Output) -> None:
    from api.annotation.app import create_annotation_app
    from api.events import EventStream
    from api.server import address_of, listen
    from api.server import serve as serve_app

    async def serving() -> None:
        with listen("127.0.0.1", port) as listener:
            address = address_of(listener)
            output.record({"address": address, "pictures": count})
            output.show(f"{count} pictures of {image_set} are at {address}. Ctrl-C ends it.")
            await serve_app(create_annotation_app(image_set), EventStream(), listener)

    asyncio.run(serving())


def _compare(image_set: Path, output: Output) -> None:
    from api.readings.jobs import perform_all
    from api.readings.person import compare
    from api.readings.sources import Source

    source = Source([image_set])
    outcomes = list(output.progress(perform_all(source), "reading", source.total))
    found = compare(outcomes)
    for one in found:
        output.record(one.record())
    if not found:
        raise AnswerIsNoError(f"{image_set}: nobody has entered a reading yet; tankcal annotate {image_set}")
    output.show(_table(found))
    apart = [one.instrument or one.kind for one in found if not one.agrees]
    if apart:
        raise AnswerIsNoError("" if output.as_json else f"the readings do not agree: {', '.join(apart)}")
    output.show("The readings agree with the person's, within the uncertainties of both.")


def _table(found: "Sequence[Compared]") -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("instrument")
    table.add_column("kind")
    for column in ("compared", "refused", "bias", "scatter", "largest"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("unit")
    for column in ("largest |E_n|", "|E_n| > 1"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("agrees")
    for one in found:
        figures = (one.bias, one.scatter, one.largest)
        table.add_row(
            one.instrument or "–",
            one.kind,
            str(one.compared),
            str(one.refused),
            *("–" if figure is None else f"{figure:+.4g}" for figure in figures),
            one.unit,
            "–" if one.largest_e_n is None else f"{one.largest_e_n:.2f}",
            str(one.beyond),
            "yes" if one.agrees else "[red]no[/]",
        )
    return table

"""Reads the shared image sets and compares with their truth: the table by family, and the development loop.

    python -m benchmarks.accuracy [SET …] [--part developed|held-out|both] [--forget tube,camera] [--list]
                                  [--write]

Images are split by a hash of their names: two thirds were used while the readers were developed, one third
was kept for the last look. `--write` renews docs/reference/accuracy.md.
"""

import argparse
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

import cv2

from api.readings.accuracy import Family, Score, by_family, score
from api.readings.jobs import Job, perform
from api.readings.sources import Source
from benchmarks.shared import ROOT, shared_images

SETS = ("sight-glass", "tube-and-tape", "gauges", "field-dials")
HEAD = """# Accuracy of the readers

By `make accuracy`, on images that none of our own code drew. Errors of a sight glass in mm at the tube (a
tape: in its own unit), of a dial in per cent of span, of a thermometer in divisions, of a display in its own
unit; `median` is that of their sizes. "Developed on" are the two thirds that were looked at while the readers
were written, "held out" the rest.

"""
COLUMNS = (
    "| set | kind | family | images | read | RMS | median | largest | mean | within 2u | median u | unit |"
)


def held_out(name: str) -> bool:
    """Whether an image belongs to the third that was not looked at during development."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % 3 == 0


def jobs(name: str, forget: Sequence[str] = ()) -> Iterator[Job]:
    """The jobs of a set; `forget` names fields of `instrument` (or `camera`) to leave out."""
    for job in Source((shared_images() / name,)):
        known = {key: value for key, value in job.instrument.items() if key not in forget}
        yield replace(job, instrument=known, camera=None if "camera" in forget else job.camera)


def rows(name: str, scores: Sequence[Score]) -> list[str]:
    """A line of the table for each kind and family of a set."""
    return [_row(name, family) for family in by_family(scores)]


def _row(name: str, family: Family) -> str:
    def number(value: float | None, form: str = ".3f") -> str:
        return "—" if value is None else format(value, form)

    share = f"{100 * family.read / family.count:.0f} %"
    figures = [
        number(family.rms),
        number(family.median_error),
        number(family.largest),
        number(family.bias, "+.3f"),
    ]
    inside = "—" if family.within_2u is None else f"{100 * family.within_2u:.0f} %"
    cells = [name, family.kind, family.name, str(family.count), share, *figures, inside]
    return "| " + " | ".join([*cells, number(family.median_u), family.error_unit]) + " |"


def _said(one: Score) -> str:
    image, ms = one.outcome.job.image, one.outcome.elapsed_ms
    if one.error is None or one.u is None:
        return f"{image} {ms:5.1f} ms {one.outcome.reason}: {one.outcome.detail}"
    flag = "" if abs(one.error) <= 2 * one.u else " <-- outside 2u"
    return f"{image} {ms:5.1f} ms {one.error:+.3f} u {one.u:.3f}{flag}"


def main() -> None:
    """Prints the tables, and with --list every image."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"of {', '.join(SETS)}; all by default")
    parser.add_argument("--part", choices=("developed", "held-out", "both"), default="both")
    parser.add_argument("--forget", default="", help="fields to leave out: tube,camera,lighting")
    parser.add_argument("--list", action="store_true", help="every image")
    parser.add_argument("--write", action="store_true", help="renew docs/reference/accuracy.md")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    forget = tuple(word for word in options.forget.split(",") if word)
    parts = {"developed": [False], "held-out": [True], "both": [False, True]}[options.part]
    scores = [
        (name, score(perform(job)))
        for name in options.sets or SETS
        for job in jobs(name, forget)
        if held_out(job.image) in parts
    ]
    text = []
    for kept in parts:
        part = [(name, one) for name, one in scores if held_out(one.outcome.job.image) is kept]
        table = [COLUMNS, "|" + "---|" * COLUMNS.count(" | ") + "---|"]
        for name, group in groupby(part, key=lambda pair: pair[0]):
            of_set = [one for _, one in group]
            table.extend(rows(name, of_set))
            if options.list:
                print("\n".join(map(_said, of_set)))
        text.append(
            f"## {'Held out' if kept else 'Developed on'} ({len(part)} images)\n\n" + "\n".join(table)
        )
    print("\n\n".join(text))
    if options.write:
        (ROOT / "docs/reference/accuracy.md").write_text(HEAD + "\n\n".join(text) + "\n", "utf-8")


if __name__ == "__main__":
    main()

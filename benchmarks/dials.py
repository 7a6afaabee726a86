"""The dial reader on random dials that it was not developed on: see dial_designs.

    python -m benchmarks.dials [--count 300] [--first 80000] [--list] [--write]

Each dial is also described wrongly (as other scales of the list), which has to be refused. `--write` renews
docs/reference/dials.md.
"""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt

import cv2

from benchmarks.dial_designs import SCALES, Design, camera_matrix, jpeg, photograph, plain, random_design
from benchmarks.shared import ROOT
from vision.dial.reader import DialReader, dial_from
from vision.frame import Frame
from vision.reading import Reading
from vision.station import camera_from

GROSS = 2.0  # % of span: an error beyond is no error of measurement
HEAD = """# Dials of random design

By `python -m benchmarks.dials --write`. {count} dials of seeds from {first} on, drawn by chance in design,
view and light: numerals in five fonts, second scales, coloured bands, mirror rings, ticks inward and
outward, thick and thin needles with tails, counterweights and eyes, pivots beside the middle, unevenly
printed scales, sweeps of 180° to 300° from any zero, ranges from −1 to 0, shadows, and pictures that are
dim, blurred or noisy. "hard" are tilted up to 30° and a third of them has spots of glare; "plain" are half
of the same dials from the front, well lit. Half of the stations know the needle's height and half the
camera. "photograph" are two thirds of them as small parts of photographs on site: a ring of 75 to 150 pixels,
faint minor ticks, print in the ticks' ink, half in the shade, often with the needle at its stop, and nothing
known of camera and needle. The drawing shares no code with the reader, and the reader was not changed after
these seeds were first drawn. How far pivots stand beside the middle (0.3 % of the ring's radius) is assumed,
not taken from a standard. Errors in per cent of the span; `gross` are those beyond 2 %.

"""
COLUMNS = "| family | dials | read | RMS | median | largest | within 2u | median u | gross |"


@dataclass(frozen=True)
class Outcome:
    """What was read of one dial, in per cent of its span; `error` and `u` None where it was refused."""

    seed: int
    error: float | None
    u: float | None
    said: str


def read(design: Design, **stated: object) -> Outcome:
    """The reading of one drawn dial, described as it is but for `stated`."""
    described = dial_from({**design.instrument, **stated}, str(design.seed))
    matrix = {"matrix": camera_matrix(design)} if design.camera_known else None
    reader = DialReader(described, camera_from(matrix, str(design.seed)))
    answer = reader.read(Frame(jpeg(design), str(design.seed)))
    if not isinstance(answer, Reading):
        return Outcome(design.seed, None, None, f"{answer.reason}: {answer.detail}")
    percent = 100 / (described.maximum - described.minimum)
    error = (answer.value - design.value) * percent
    return Outcome(design.seed, error, answer.standard_uncertainty * percent, "")


def wrongly_read(designs: Sequence[Design]) -> Iterator[tuple[Design, tuple[int, int] | None]]:
    """Each dial with each other number of ticks or of minors, where that was read; None where refused."""
    shapes = sorted({(round((high - low) / step) * minors, minors) for _, low, high, step, minors in SCALES})
    for design in designs:
        _, low, high, step, minors = design.scale
        own = (round((high - low) / step) * minors, minors)
        frame = Frame(jpeg(design), str(design.seed))
        for count, every in shapes:
            if (count, every) == own:
                continue
            said = {
                "kind": "dial",
                "unit": "1",
                "minimum": 0,
                "maximum": count,
                "major_step": every,
                "minor_per_major": every,
            }
            answer = DialReader(dial_from(said, "wrong"), camera_from(None, "wrong")).read(frame)
            yield design, (count, every) if isinstance(answer, Reading) else None


def row(family: str, outcomes: Sequence[Outcome]) -> str:
    """A line of the table."""
    known = [(one.error, one.u) for one in outcomes if one.error is not None and one.u is not None]
    sizes = sorted(abs(error) for error, _ in known)
    within = sum(abs(error) <= 2 * u for error, u in known)
    cells = [
        family,
        str(len(outcomes)),
        f"{100 * len(known) / len(outcomes):.1f} %",
        f"{sqrt(sum(size * size for size in sizes) / len(sizes)):.3f}",
        f"{sizes[len(sizes) // 2]:.3f}",
        f"{sizes[-1]:.3f}",
        f"{100 * within / len(known):.1f} %",
        f"{sorted(u for _, u in known)[len(known) // 2]:.3f}",
        str(sum(size > GROSS for size in sizes)),
    ]
    return "| " + " | ".join(cells) + " |"


def refusals(outcomes: Sequence[Outcome]) -> str:
    """How many were refused for which reason, as a line each."""
    reasons = Counter(one.said for one in outcomes if one.error is None)
    return "\n".join(f"- {count} × {said}" for said, count in reasons.most_common())


def main() -> None:
    """Prints the table and the reasons of refusals, and with --list every dial."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=300, help="how many dials (default 300)")
    parser.add_argument("--first", type=int, default=80_000, help="the first seed (default 80000)")
    parser.add_argument("--wrong", type=int, default=40, help="how many are described wrongly (default 40)")
    parser.add_argument("--list", action="store_true", help="every dial")
    parser.add_argument("--write", action="store_true", help="renew docs/reference/dials.md")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    designs = [random_design(options.first + number) for number in range(options.count)]
    hard = [read(design) for design in designs]
    easy = [read(plain(design)) for design in designs[::2]]
    small = [read(photograph(design)) for design in designs[: 2 * options.count // 3]]
    wrong = list(wrongly_read([plain(design) for design in designs[: options.wrong]]))
    if options.list:
        for family, outcomes in (("hard", hard), ("plain", easy), ("photograph", small)):
            for one in outcomes:
                figures = one.said if one.error is None else f"{one.error:+.3f} u {one.u:.3f}"
                print(family, one.seed, figures)
        for design, shape in wrong:
            if shape is not None:
                print("wrong", design.seed, design.scale, "read as", shape)
    rows = [row("plain", easy), row("hard", hard), row("photograph", small)]
    table = [COLUMNS, "|" + "---|" * (COLUMNS.count("|") - 1), *rows]
    believed = sum(shape is not None for _, shape in wrong)
    text = [
        "\n".join(table),
        f"Of {len(wrong)} wrong descriptions (of ticks, of long ticks) {believed} were read.",
        f"Refused of the plain ones:\n\n{refusals(easy) or '- none'}",
        f"Refused of the hard ones:\n\n{refusals(hard) or '- none'}",
        f"Refused of the photographs:\n\n{refusals(small) or '- none'}",
    ]
    print("\n\n".join(text))
    if options.write:
        head = HEAD.format(count=options.count, first=options.first)
        (ROOT / "docs/reference/dials.md").write_text(head + "\n\n".join(text) + "\n", "utf-8")


if __name__ == "__main__":
    main()

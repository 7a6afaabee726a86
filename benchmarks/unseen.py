"""Cases that the calibration core was not built on, drawn at random by kind: the share that is judged right.

    python -m benchmarks.unseen [--cases 200] [--first-seed 0] [--write]

Lines that are right and lines that χ² must reject; measurement models whose first order is wrong or right;
tank tables that are right or have one bad row; tilted tanks. Exit status 1 where a share is outside of what
is asked for. `--write` renews docs/reference/unseen.md.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.shared import ROOT
from benchmarks.unseen_lines import FAULTS, WEIGHTINGS, line
from benchmarks.unseen_models import EITHER, RIGHT, WRONG, judged
from benchmarks.unseen_tables import NOT_NAMED, accused, clean_table, missed, spoil
from benchmarks.unseen_tilted import TILT_MATTERS, held, refused, tilt_matters, tilted_case

HEAD = """# Unseen cases

By `python -m benchmarks.unseen --write`: cases drawn at random, {cases} seeds a kind, and the share that is
judged as it must be. Right lines and right tanks are to be accepted by a test at 5 % in about 95 %.

| kind | cases | judged right | asked for |
|---|---|---|---|
"""


@dataclass(frozen=True)
class Share:
    """How many of the cases of a kind are judged right, and between which shares that must lie."""

    kind: str
    right: int
    cases: int
    lowest: float
    highest: float = 1.0

    @property
    def within(self) -> bool:
        """Whether the share is one that is asked for, up to three of its own standard deviations."""
        limit = self.lowest if self.right < self.lowest * self.cases else self.highest
        slack = 3 * np.sqrt(limit * (1 - limit) * self.cases)
        return self.lowest * self.cases - slack <= self.right <= self.highest * self.cases + slack


def lines(seeds: range) -> Iterator[Share]:
    """Lines of each weighting, right and wrong."""
    for k, weighting in enumerate(WEIGHTINGS):
        for f, fault in enumerate((None, *FAULTS)):
            accepted = [
                line(np.random.default_rng([1, k, f, s]), weighting, fault).fit().suitable() for s in seeds
            ]
            if fault is None:
                yield Share(f"line, {weighting}: accepted", sum(accepted), len(accepted), 0.95, 0.95)
            else:
                rejected = len(accepted) - sum(accepted)
                yield Share(f"line, {weighting}, {fault}: rejected", rejected, len(accepted), 0.99)


def models(seeds: range) -> Iterator[Share]:
    """Models whose first order is wrong, right, or either."""
    for name, makers in (("wrong", WRONG), ("right", RIGHT), ("wrong or right", EITHER)):
        right = cases = 0
        for s in seeds:
            case = makers[s % len(makers)](np.random.default_rng([5, s]))
            trouble, holds = judged(case, s)
            if holds is None and not trouble:
                continue
            cases += 1
            right += not _said("model", s, trouble)
        yield Share(f"model whose first order is {name}", right, cases, 0.99)


def tables(seeds: range) -> Iterator[Share]:
    """Tables as they are, and with one bad row."""
    clean = alone = named = 0
    for s in seeds:
        rng = np.random.default_rng([3, s])
        table = clean_table(rng)
        clean += not _said("table", s, accused(table))
        spoilt, bad = spoil(rng, table)
        trouble = missed(spoilt, bad)
        alone += not _said("bad row", s, trouble and f"{bad.fault}: {trouble}")
        named += not trouble.startswith(NOT_NAMED)
    yield Share("tank table without a fault: not accused", clean, len(seeds), 0.99)
    yield Share("tank table with one bad row: it alone is named, with its size", alone, len(seeds), 0.95)
    yield Share("tank table with one bad row: it is named", named, len(seeds), 0.98)


def tilted(seeds: range) -> Iterator[Share]:
    """Tilted tanks with heads: the curve at other heights, χ², and the untilted shape."""
    within: list[bool] = []
    accepted, level = [], []
    for s in seeds:
        rng = np.random.default_rng([11, s])
        case = tilted_case(rng)
        accepted.append(not refused(case.fitted(tilted=True)))
        within += held(case, rng)
        if tilt_matters(case) > TILT_MATTERS:
            level.append(refused(case.fitted(tilted=False)))
    yield Share("tilted tank: curve within its U at other heights", sum(within), len(within), 0.93, 0.97)
    yield Share("tilted tank: accepted with its tilt", sum(accepted), len(accepted), 0.95, 0.95)
    yield Share("tilted tank, where it matters: refused as level", sum(level), len(level), 0.99)


KINDS: tuple[Callable[[range], Iterator[Share]], ...] = (lines, models, tables, tilted)


def _said(kind: str, seed: int, trouble: str) -> bool:
    if trouble:
        print(f"{kind} {seed}: {trouble}", file=sys.stderr, flush=True)
    return bool(trouble)


def main() -> int:
    """Judge every kind, print the table, write it where asked, and say whether all is as asked for."""
    parser = argparse.ArgumentParser(description="cases of every kind, at random")
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--write", action="store_true", help="renew docs/reference/unseen.md")
    arguments = parser.parse_args()
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.cases)
    shares = [share for kind in KINDS for share in kind(seeds)]
    rows = []
    for share in shares:
        lowest, highest = 100 * share.lowest, 100 * share.highest
        asked = f"{lowest:g} %" if lowest == highest else f"{lowest:g} to {highest:g} %"
        if share.highest == 1.0:
            asked = f"{lowest:g} % or more"
        asked += "" if share.within else ", missed"
        found = f"{100 * share.right / max(share.cases, 1):.1f} %"
        rows.append(f"| {share.kind} | {share.cases} | {found} | {asked} |")
    text = HEAD.format(cases=arguments.cases) + "\n".join(rows) + "\n"
    print(text)
    if arguments.write:
        (ROOT / "docs" / "reference" / "unseen.md").write_text(text, encoding="utf-8")
    return 0 if all(share.within for share in shares) else 1


if __name__ == "__main__":
    sys.exit(main())

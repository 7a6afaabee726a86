"""Cases drawn at random by kind, in short: `python -m benchmarks.unseen` judges more of them."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from api.cli import run
from calibration.monte_carlo import compare, simulate
from calibration.propagation import Input, Model, propagate
from calibration.stated import Method, stated

ROOT = Path(__file__).resolve().parents[2]
CASES = 25
FIRST_SEED = 50_000  # other cases than those of the benchmark


@pytest.fixture(scope="module")
def unseen() -> Iterator[SimpleNamespace]:
    """The benchmark's kinds, by their path: it is no package that is installed."""
    sys.path.insert(0, str(ROOT))
    try:
        from benchmarks import unseen_lines, unseen_models, unseen_tables, unseen_tilted

        yield SimpleNamespace(
            lines=unseen_lines, models=unseen_models, tables=unseen_tables, tilted=unseen_tilted
        )
    finally:
        sys.path.remove(str(ROOT))


def mirrored_abs(x: Any) -> Any:
    """An absolute value whose complex step is finite and wrong."""
    return 2 * x + abs(x) - 2 * x


def seeds(count: int = CASES) -> range:
    """The seeds of a kind."""
    return range(FIRST_SEED, FIRST_SEED + count)


@pytest.mark.parametrize("weighting", ["weighted", "errors in both", "full covariance"])
@pytest.mark.parametrize("fault", [None, "understated", "curved", "gross point"])
def test_lines(unseen: SimpleNamespace, weighting: str, fault: str | None) -> None:
    """χ² accepts right lines in 95 % and rejects what no line with these uncertainties can be."""
    lines: ModuleType = unseen.lines
    accepted = sum(
        lines.line(np.random.default_rng([2, s]), weighting, fault).fit().suitable() for s in seeds(60)
    )
    if fault is None:
        # Of 60 lines accepted with 95 %, 50 or fewer are in one case of 1000 (binomial distribution).
        assert 50 < accepted <= 60
    else:
        assert accepted <= 1


def test_models(unseen: SimpleNamespace) -> None:
    """Where first order is wrong the simulated interval counts, where it is right its own does."""
    models: ModuleType = unseen.models
    makers = (*models.WRONG, *models.RIGHT, *models.EITHER)
    found = [
        models.judged(makers[s % len(makers)](np.random.default_rng([6, s])), s)
        for s in seeds(3 * len(makers))
    ]
    assert [] == [trouble for trouble, _ in found if trouble]
    assert {True, False} <= {holds for _, holds in found}


def test_tables_without_a_fault(unseen: SimpleNamespace) -> None:
    """Printed tables of any shape, unit, step and rounding are not accused."""
    tables: ModuleType = unseen.tables
    accused = [tables.accused(tables.clean_table(np.random.default_rng([4, s]))) for s in seeds()]
    assert [] == [a for a in accused if a]


def test_tables_with_one_bad_row(unseen: SimpleNamespace) -> None:
    """The row alone is named, with about its size; near an end a small one may be missed."""
    tables: ModuleType = unseen.tables
    missed = []
    for s in seeds():
        rng = np.random.default_rng([4, s])
        spoilt, bad = tables.spoil(rng, tables.clean_table(rng))
        missed.append(tables.missed(spoilt, bad))
    assert sum(bool(m) for m in missed) <= 3
    assert [] == [m for m in missed if "others too" in m or "is said to be" in m]


def test_tilted_tanks(unseen: SimpleNamespace) -> None:
    """Curves of tilted tanks with heads hold the truth at other heights; level shapes are refused."""
    tilted: ModuleType = unseen.tilted
    within: list[bool] = []
    refused_level = []
    for s in seeds(20):
        rng = np.random.default_rng([12, s])
        case = tilted.tilted_case(rng)
        within += tilted.held(case, rng)
        if tilted.tilt_matters(case) > tilted.TILT_MATTERS:
            refused_level.append(tilted.refused(case.fitted(tilted=False)))
    # Five heights of a tank go together: of 20 tanks' 100 heights, fewer than 82 are a rarity at 95 %.
    assert sum(within) >= 82
    assert refused_level
    assert all(refused_level)


def test_a_square_at_zero_has_an_interval() -> None:
    """First order knows no uncertainty there (JCGM 101, 9.4); the simulation counts, with a factor of its
    own.
    """
    model = Model(lambda q: q["x"] ** 2, (Input("x", 0.0, 0.5, "mL"),))
    first = propagate(model, 0.95)
    found = stated(model, first, 3)
    assert (0.0, Method.MONTE_CARLO) == (first.u, found.method)
    # The 97.5 % quantile of χ² with one degree of freedom is 5.0239.
    assert found.high == pytest.approx(0.25 * 5.0239, rel=0.02)
    assert found.coverage_factor == pytest.approx(found.expanded / found.simulated.u)
    assert not compare(first, simulate(model, 0.95, trials=10_000), 1).validated


@pytest.mark.parametrize("function", [abs, np.abs, lambda x: np.maximum(x, -x), mirrored_abs])
def test_what_is_not_analytic_has_its_derivative(function: Callable[[Any], Any]) -> None:
    """An absolute value far from zero has the slope of its side, whichever way it is written."""
    model = Model(lambda q: function(q["x"]), (Input("x", -3.0, 0.1, "mL"),))
    assert [-1.0] == pytest.approx(model.jacobian().tolist())


def test_the_command_names_the_row(
    unseen: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`tankcal table check` says the same of a file: exit status 1, and one line with height and size."""
    tables: ModuleType = unseen.tables
    for s in seeds(3):
        rng = np.random.default_rng([14, s])
        clean = tables.clean_table(rng)
        spoilt, bad = tables.spoil(rng, clean)
        for table, status in ((clean, 0), (spoilt, 1)):
            file = tmp_path / "tank.csv"
            rows = [f"{h:.10g},{v:.10g}" for h, v in zip(table.readings, table.volumes, strict=True)]
            header = f"height_{table.reading_unit},volume_{table.volume_unit}"
            file.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
            assert status == run(["table", "check", str(file), "--json"])
            said = json.loads(capsys.readouterr().out.splitlines()[0])
            named = [f["reading"] for f in said["findings"]]
            assert named == ([] if status == 0 else [table.readings[bad.index]])

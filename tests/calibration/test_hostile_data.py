"""Random data, hostile ones among them: a sound curve or result, or one sentence that says why not."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import synthetic_run as synthetic
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calibration.data_table import parse_data_table
from calibration.errors import CalibrationError
from calibration.evaluate import evaluate
from calibration.fitted import Points
from calibration.model_choice import fit_model
from calibration.monte_carlo import simulate
from calibration.propagation import Input, Model, propagate
from calibration.table_check import check_table

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
NUMBERS = st.one_of(
    st.floats(-1e3, 1e3),
    st.sampled_from([0.0, 1.0, 1.0, 1e-300, -1e-300, 1e300, 1e15, float("nan"), float("inf"), -float("inf")]),
)
UNCERTAINTIES = st.sampled_from([0.0, 1e-12, 1e-3, 1.0, 1e6, float("nan"), float("inf")])


def curve_or_sentence(make: Callable[[], Any]) -> None:
    """A curve whose numbers are all finite and that does not fall, or an error of this room that says why."""
    with np.errstate(all="ignore"):
        try:
            curve = make().curve
            grid = np.linspace(*curve.domain, 50)
            volumes, u = curve.volume(grid), curve.standard_uncertainty(grid)
        except CalibrationError as error:
            assert str(error)
            return
    assert np.all(np.isfinite(volumes))
    assert np.all(np.isfinite(u))
    assert np.min(np.diff(volumes)) >= -1e-12 * np.max(np.abs(volumes))


@pytest.mark.parametrize("model", ["line", "polynomial-2", "spline-1", "tank-lying"])
@QUICK
@given(
    rows=st.lists(st.tuples(NUMBERS, NUMBERS), min_size=0, max_size=9),
    u_v=UNCERTAINTIES,
    u_x=UNCERTAINTIES,
    exact=st.booleans(),
)
def test_fits_of_anything(
    model: str, rows: list[tuple[float, float]], u_v: float, u_x: float, exact: bool
) -> None:
    """Duplicates, unsorted, huge, tiny, constant, not a number: a sound curve or a sentence."""

    def make() -> Any:
        x, v = (np.array([row[i] for row in rows]) for i in (0, 1))
        u = np.eye(len(rows))
        points = Points(x, v, np.diag(np.full(len(rows), u_v**2)), None if exact else u * u_x**2)
        return fit_model(points, model, 1e-6)

    curve_or_sentence(make)


@QUICK
@given(rows=st.lists(st.tuples(NUMBERS, NUMBERS), max_size=12))
def test_tables_of_anything(rows: list[tuple[float, float]]) -> None:
    """A table is read and checked with finite findings, or refused in a sentence that names file and row."""
    text = "height_mm,volume_l\n" + "\n".join(f"{h},{v}" for h, v in rows)
    with np.errstate(all="ignore"):
        try:
            report = check_table(parse_data_table(text, "tank.csv", increasing=False))
        except CalibrationError as error:
            assert "tank.csv" in str(error) or "rows" in str(error)
            return
    assert all(np.isfinite(f.size) and np.isfinite(f.reading) and f.sentence for f in report.findings)
    if any(b[1] < a[1] for a, b in pairwise(rows)):
        assert not report.plausible


@QUICK
@given(value=NUMBERS, u=UNCERTAINTIES, power=st.integers(-3, 5))
def test_models_of_anything(value: float, u: float, power: int) -> None:
    """First order and Monte Carlo give finite numbers, or say that there are none."""
    with np.errstate(all="ignore"):
        try:
            model = Model(lambda q: np.asarray(q["x"]) ** float(power), (Input("x", value, u, "mL"),))
            first = propagate(model, 0.95)
            simulated = simulate(model, 0.95, trials=1000, seed=1)
        except CalibrationError as error:
            assert str(error)
            return
    assert np.all(np.isfinite([first.value, first.u, first.expanded]))
    assert np.all(np.isfinite([simulated.value, simulated.low, simulated.high]))
    assert simulated.low <= simulated.high


SPOILT = st.one_of(NUMBERS, st.none(), st.text(max_size=3), st.booleans(), st.just([]), st.just({}))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(place=st.integers(0, 10_000), spoilt=SPOILT, drop=st.booleans())
def test_records_of_anything(place: int, spoilt: Any, drop: bool) -> None:
    """One field of a record is spoilt or taken away: a result of finite numbers, or a sentence."""
    data = synthetic.settings()
    data["procedure"]["neck_targets"] = [0.0]
    lines = synthetic.record(synthetic.Truth(1), data)
    line = lines[1 + place % (len(lines) - 1)]
    key = sorted(line["data"])[place // len(lines) % len(line["data"])]
    if drop:
        del line["data"][key]
    else:
        line["data"][key] = spoilt
    with np.errstate(all="ignore"):
        try:
            result = evaluate(lines)
        except CalibrationError as error:
            assert "record" in str(error) or str(error)
            return
    assert np.all(np.isfinite([result["error_ml"], result["expanded_uncertainty_ml"]]))
    assert result["verdict"]["outcome"] in ("pass", "fail", "none")

"""Monte Carlo against the examples of JCGM 101 and 102, and what the adaptive procedure promises."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from calibration.errors import CalibrationError, UnsuitableModelError
from calibration.monte_carlo import (
    CHUNK,
    compare,
    numerical_tolerance,
    outputs,
    simulate,
    simulate_jointly,
    simulate_until_stable,
)
from calibration.propagation import Distribution, Input, Model, bounded, propagate, propagate_jointly

ROOT3 = 3**0.5


def total(inputs: tuple[Input, ...]) -> Model:
    """The sum of the inputs."""
    return Model(lambda q: sum(q[i.symbol] for i in inputs), inputs)


def mass_calibration() -> Model:
    """JCGM 101:2008, 9.3: deviation in mg of a mass from 100 g, weighed in air."""

    def deviation(q: Any) -> Any:
        buoyancy = (q["rho_a"] - 1.2) * (1 / q["rho_w"] - 1 / q["rho_r"])
        return (q["m_r"] + q["delta"]) * (1 + buoyancy) - 100000.0

    inputs = (
        Input("m_r", 100000.0, 0.050, "mg"),
        Input("delta", 1.234, 0.020, "mg"),
        bounded("rho_a", 1.20, 0.10, unit="kg/m³"),
        bounded("rho_w", 8000.0, 1000.0, unit="kg/m³"),
        bounded("rho_r", 8000.0, 50.0, unit="kg/m³"),
    )
    return Model(deviation, inputs)


@pytest.mark.parametrize(
    ("case", "inputs"),
    [
        ("9.2.2", tuple(Input(f"x{i}", 0.0, 1.0) for i in range(4))),
        ("9.2.3", tuple(bounded(f"x{i}", 0.0, ROOT3) for i in range(4))),
        ("9.2.4", tuple(bounded(f"x{i}", 0.0, ROOT3 * (10.0 if i == 3 else 1.0)) for i in range(4))),
    ],
)
def test_jcgm_101_additive_models(oracle: Callable[[str], Any], case: str, inputs: tuple[Input, ...]) -> None:
    """JCGM 101, 9.2: standard uncertainty and interval to every published digit, one in the last."""
    expected = oracle("gum_examples.json")["JCGM101"][case]
    result = simulate(total(inputs), 0.95, trials=1_000_000, seed=1)
    last = 0.1 if case == "9.2.4" else 0.01
    assert result.value == pytest.approx(0.0, abs=5 * result.u / 1000.0)
    assert result.u == pytest.approx(expected["u"], abs=max(last, 0.005))
    assert [result.low, result.high] == pytest.approx(expected["ci95"], abs=1.5 * last)


def test_jcgm_101_mass_calibration() -> None:
    """JCGM 101, 9.3: first order gives 0.0539, Monte Carlo 0.0755; first order is not validated."""
    model = mass_calibration()
    first = propagate(model, 0.95)
    simulated = simulate_until_stable(model, 0.95, digits=2, seed=1)
    assert (first.value, first.u) == pytest.approx((1.2340, 0.0539), abs=5e-5)
    assert simulated.stable
    assert simulated.u == pytest.approx(0.0755, abs=2e-4)
    assert (simulated.low, simulated.high) == pytest.approx((1.0845, 1.3837), abs=2e-3)
    comparison = compare(first, simulated, digits=1)
    assert not comparison.validated
    assert (comparison.low, comparison.high) == (simulated.low, simulated.high)


def test_first_order_is_validated_where_it_holds() -> None:
    """For a model that is all but linear first order holds, and its interval is the one that counts."""
    model = Model(
        lambda q: q["a"] + 2 * q["b"] + q["a"] * q["b"] * 1e-6,
        (Input("a", 1.0, 0.3), Input("b", 2.0, 0.2)),
    )
    first = propagate(model, 0.95)
    comparison = compare(first, simulate_until_stable(model, 0.95, digits=1, seed=3), digits=1)
    assert comparison.validated
    assert (comparison.low, comparison.high) == (first.value - first.expanded, first.value + first.expanded)


def test_same_seed_same_digits() -> None:
    """A seed fixes every digit, and another seed gives others."""
    model = mass_calibration()
    once, again, other = (simulate(model, 0.95, trials=50_000, seed=s) for s in (7, 7, 8))
    assert once == again
    assert once != other


def test_shortest_interval_of_a_skewed_output() -> None:
    """For an exponential-like output the shortest interval begins near zero and is shorter."""
    result = simulate(Model(lambda q: q["x"] ** 2, (Input("x", 0.0, 1.0),)), 0.95, trials=200_000, seed=1)
    assert result.shortest[0] == pytest.approx(0.0, abs=1e-3)
    assert result.shortest[1] == pytest.approx(3.8415, rel=0.03)
    assert result.shortest[1] - result.shortest[0] < result.high - result.low


@pytest.mark.parametrize("distribution", list(Distribution))
def test_draws_have_the_stated_uncertainty(distribution: Distribution) -> None:
    """Whatever the distribution, value and standard uncertainty of the draws are those stated."""
    values = outputs(
        Model(
            lambda q: q["x"] + 0 * q["y"], (Input("x", 3.0, 0.5, distribution=distribution), Input("y", 0, 1))
        ),
        400_000,
        np.random.default_rng(2),
    )
    assert values.mean() == pytest.approx(3.0, abs=0.005)
    assert values.std() == pytest.approx(0.0 if distribution is Distribution.EXACT else 0.5, abs=0.003)


def test_few_degrees_of_freedom_widen_the_draws() -> None:
    """Student's t for normal inputs, and limits that are themselves uncertain for rectangular ones."""
    student = simulate(total((Input("x", 0.0, 1.0, dof=9),)), 0.95, trials=400_000, seed=1)
    assert student.high == pytest.approx(2.262, abs=0.02)
    inexact = simulate(total((bounded("x", 0.0, 1.0, dof=50),)), 0.95, trials=400_000, seed=1)
    exact = simulate(total((bounded("x", 0.0, 1.0),)), 0.95, trials=400_000, seed=1)
    assert exact.high == pytest.approx(0.95, abs=0.002)
    assert exact.high < inexact.high < 1.1


def test_correlated_inputs_are_drawn_together() -> None:
    """A correlation of one makes a difference vanish; a shared Student's t keeps its quantiles."""
    pair = (Input("a", 1.0, 0.3), Input("b", 1.0, 0.3))
    model = Model(lambda q: q["a"] - q["b"], pair, {("a", "b"): 1.0})
    assert np.abs(outputs(model, 1000, np.random.default_rng(1))).max() < 1e-12
    t_pair = (Input("a", 0.0, 1.0, dof=4), Input("b", 0.0, 1.0, dof=4))
    joint = Model(lambda q: q["a"] + q["b"], t_pair, {("a", "b"): 0.5})
    result = simulate(joint, 0.95, trials=400_000, seed=1)
    assert result.high == pytest.approx(2.776 * ROOT3, rel=0.02)
    mixed = (bounded("a", 0.0, 1.0), Input("b", 0.0, 1.0))
    with pytest.raises(UnsuitableModelError, match="a, b are correlated: only normal or Student's"):
        simulate(Model(lambda q: q["a"] + q["b"], mixed, {("a", "b"): 0.5}), 0.95, trials=1000, seed=1)


def test_jcgm_102_several_outputs() -> None:
    """Means, covariance and coverage regions of a linear model are those of its normal distribution."""
    inputs = (Input("a", 1.0, 0.1), Input("b", 2.0, 0.2))
    model = Model(lambda q: np.stack([q["a"] + q["b"], q["a"] - q["b"]], axis=-1), inputs)
    values, covariance = propagate_jointly(model)
    result = simulate_jointly(model, 0.95, trials=400_000, seed=1)
    assert result.values == pytest.approx(values, abs=2e-3)
    assert result.covariance == pytest.approx(covariance, abs=5e-4)
    assert result.ellipsoid_factor == pytest.approx(5.9915**0.5, rel=5e-3)
    assert 1.96 < result.rectangle_factor < 2.24


def test_memory_is_bounded_by_results_and_one_chunk() -> None:
    """A million trials of ten inputs need the results and little more, not the inputs."""
    model = total(tuple(Input(f"x{i}", 0.0, 1.0) for i in range(10)))
    tracemalloc.start()
    outputs(model, 1_000_000, np.random.default_rng(1))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8e6 + 25 * CHUNK * 8


@pytest.mark.parametrize(
    ("u", "digits", "expected"),
    [(0.00035, 2, 0.5e-5), (0.00035, 1, 0.5e-4), (2.0, 2, 0.05), (10.0, 1, 5.0), (0.0996, 2, 0.005)],
)
def test_numerical_tolerance(u: float, digits: int, expected: float) -> None:
    """Half a unit of the last digit that counts: JCGM 101, 7.9.2's example 1, and numbers that round up."""
    assert numerical_tolerance(u, digits) == pytest.approx(expected, rel=1e-9)


def test_what_cannot_be_simulated() -> None:
    """Too few trials, no finite output, three digits, an exact result: one sentence each."""
    model = total((Input("x", 0.0, 1.0),))
    with pytest.raises(CalibrationError, match="needs 400 trials or more, not 100"):
        simulate(model, 0.95, trials=100, seed=1)
    with pytest.raises(CalibrationError, match="one or two significant digits"):
        simulate_until_stable(model, 0.95, digits=3, seed=1)
    with (
        np.errstate(invalid="ignore"),
        pytest.raises(CalibrationError, match=r"not finite for \d+ of \d+ trials"),
    ):
        simulate(Model(lambda q: np.sqrt(q["x"]), (Input("x", 0.0, 1.0),)), 0.95, trials=1000, seed=1)
    with pytest.raises(CalibrationError, match="positive standard uncertainty"):
        simulate_until_stable(total((Input("x", 1.0, 0.0), Input("y", 0.0, 0.0))), 0.95, digits=1, seed=1)


def test_the_adaptive_procedure_says_when_it_gave_up() -> None:
    """With too few trials for the digits asked for, the result is marked as not stable."""
    result = simulate_until_stable(mass_calibration(), 0.95, digits=2, seed=1, trials_max=100_000)
    assert (result.stable, result.trials) == (False, 100_000)

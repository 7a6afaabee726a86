"""The interval that a result states, and the numbers it is simulated with."""

from math import inf

import numpy as np
import pytest

from calibration.portable_draws import PortableDraws
from calibration.propagation import Distribution, Input, Model, propagate
from calibration.stated import Method, stated


def test_draws_are_those_of_the_reference() -> None:
    """The first bits of a seed, as they were once: no machine and no version may change them."""
    draws = PortableDraws(12345)
    raw = [4193609425186963869, 5843160025838961886, 14708796524633321433]
    assert np.random.PCG64(12345).random_raw(3).tolist() == raw
    assert draws.random(3).tolist() == [((r >> 12) + 0.5) * 2.0**-52 for r in raw]


def test_draws_have_their_distributions() -> None:
    """Mean, standard deviation and tails of a hundred thousand draws, within four standard errors."""
    n = 100_000
    draws = PortableDraws(1)
    normal = draws.standard_normal(n)
    assert (normal.mean(), normal.std()) == (pytest.approx(0, abs=0.013), pytest.approx(1, abs=0.009))
    assert np.mean(np.abs(draws.standard_t(2, n)) > 4.302653) == pytest.approx(0.05, abs=0.0028)
    assert draws.chisquare(5, n).mean() == pytest.approx(5, abs=0.04)
    assert draws.random((3, 4)).shape == (3, 4)


def test_a_linear_normal_model_is_stated_to_first_order() -> None:
    """Where first order is exact, clause 8 validates it, and its interval counts."""
    model = Model(lambda q: q["a"] - q["b"], (Input("a", 5.0, 0.3), Input("b", 2.0, 0.4)))
    found = stated(model, propagate(model, 0.95), 1)
    assert (found.method, found.expanded) == (Method.FIRST_ORDER, found.first_order.expanded)
    assert found.coverage_factor == pytest.approx(1.959964)
    assert found.simulated.high == pytest.approx(3.0 + 1.96 * 0.5, abs=0.02)


def test_where_first_order_is_wrong_the_simulation_counts() -> None:
    """The square of a quantity near zero has no first-order uncertainty to speak of; its simulation has."""
    model = Model(lambda q: q["x"] ** 2, (Input("x", 0.1, 1.0),))
    found = stated(model, propagate(model, 0.95), 1)
    assert found.method is Method.MONTE_CARLO
    # (0.1 + z)² with z normal: 97.5 % quantile near 5.07, computed from the noncentral χ².
    assert found.high == pytest.approx(5.07, abs=0.05)
    assert found.expanded == pytest.approx(found.high - 0.01)


def test_few_repeats_widen_the_interval() -> None:
    """A Student part with two degrees of freedom beside a normal one: Welch–Satterthwaite is too narrow."""
    few = Input("s", 0.0, 0.2, distribution=Distribution.STUDENT, dof=2)
    model = Model(lambda q: q["s"] + q["c"], (few, Input("c", 0.0, 0.5, dof=inf)))
    found = stated(model, propagate(model, 0.95), 3)
    assert found.method is Method.MONTE_CARLO
    assert found.expanded > found.first_order.expanded


def test_the_seed_alone_makes_the_numbers() -> None:
    """The same seed gives the same interval, another one a slightly different one."""
    model = Model(lambda q: q["a"] ** 3, (Input("a", 1.0, 0.4),))
    first = propagate(model, 0.95)
    assert stated(model, first, 7).simulated == stated(model, first, 7).simulated
    assert stated(model, first, 7).simulated != stated(model, first, 8).simulated

"""Measurement models whose first order is wrong, and others for which it is right.

What JCGM 101, clause 8, must say is known from draws of our own: the distances of the ends of both intervals,
against half a unit in the one significant digit of the first-order uncertainty.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import floor, log10
from typing import Any

import numpy as np

from calibration.propagation import Distribution, Input, Model, propagate
from calibration.stated import Method, stated

PROBABILITY = 0.95
DRAWS = 1_000_000
UNDECIDED = 0.15  # of the tolerance: so near to it either answer is right
ENDS_MATCH = 0.03  # of the interval's width


@dataclass(frozen=True)
class ModelCase:
    """A model with independent inputs."""

    name: str
    function: Callable[[Any], Any]
    inputs: tuple[Input, ...]


def _normal(symbol: str, value: float, u: float) -> Input:
    return Input(symbol, value, u, "mL")


def _rectangular(symbol: str, value: float, half_width: float) -> Input:
    return Input(symbol, value, half_width / np.sqrt(3), "mL", Distribution.RECTANGULAR)


def _square(rng: np.random.Generator) -> ModelCase:
    near = 0.0 if rng.random() < 0.3 else rng.uniform(0, 1.5)
    u = 10.0 ** rng.uniform(-3, 3)
    return ModelCase("square near zero", lambda q: q["x"] ** 2, (_normal("x", near * u, u),))


def _sum_of_squares(rng: np.random.Generator) -> ModelCase:
    u = 10.0 ** rng.uniform(-3, 1)
    inputs = tuple(_normal(s, u * rng.choice([0.0, rng.uniform(0, 1)]), u) for s in ("a", "b"))
    return ModelCase("sum of squares near zero", lambda q: q["a"] ** 2 + q["b"] ** 2, inputs)


def _product(rng: np.random.Generator) -> ModelCase:
    u = 10.0 ** rng.uniform(-2, 2, 2)
    m = rng.choice([0.0, 1.0], 2) * rng.uniform(0, 0.7, 2)
    inputs = (_normal("a", m[0] * u[0], u[0]), _normal("b", m[1] * u[1], u[1]))
    return ModelCase("product of means near zero", lambda q: q["a"] * q["b"], inputs)


def _ratio(rng: np.random.Generator) -> ModelCase:
    share = rng.uniform(0.2, 0.57)
    inputs = (
        _normal("a", 10.0, 10.0 * rng.uniform(0.001, 0.1)),
        _rectangular("b", 3.0, 3.0 * share * np.sqrt(3) * 0.99),
    )
    return ModelCase("ratio with a large relative u", lambda q: q["a"] / q["b"], inputs)


def _exponential(rng: np.random.Generator) -> ModelCase:
    return ModelCase(
        "exp", lambda q: np.exp(q["x"]), (_normal("x", rng.normal(0, 2), rng.uniform(0.5, 1.5)),)
    )


def _logarithm(rng: np.random.Generator) -> ModelCase:
    value = 10.0 ** rng.uniform(-2, 3)
    return ModelCase(
        "ln", lambda q: np.log(q["x"]), (_rectangular("x", value, value * rng.uniform(0.9, 0.999)),)
    )


def _absolute(rng: np.random.Generator) -> ModelCase:
    u = 10.0 ** rng.uniform(-2, 2)
    return ModelCase(
        "abs", lambda q: abs(q["x"]), (_normal("x", u * rng.choice([0.0, rng.uniform(0, 0.8)]), u),)
    )


def _largest(rng: np.random.Generator) -> ModelCase:
    inputs = (_normal("a", 0.0, 1.0), _normal("b", rng.uniform(-0.2, 0.2), rng.uniform(0.5, 2)))
    return ModelCase("max", lambda q: np.maximum(q["a"], q["b"]), inputs)


def _difference(rng: np.random.Generator) -> ModelCase:
    inputs = tuple(_normal(s, rng.normal(0, 10), 10.0 ** rng.uniform(-1, 1)) for s in ("a", "b", "c"))
    return ModelCase("difference", lambda q: q["a"] - 2 * q["b"] + q["c"], inputs)


def _large_product(rng: np.random.Generator) -> ModelCase:
    m = 10.0 ** rng.uniform(-2, 2, 2)
    inputs = (
        _normal("a", m[0], m[0] * rng.uniform(1e-5, 1e-2)),
        _normal("b", m[1], m[1] * rng.uniform(1e-5, 1e-2)),
    )
    return ModelCase("product of large means", lambda q: q["a"] * q["b"], inputs)


def _small_ratio(rng: np.random.Generator) -> ModelCase:
    m = 10.0 ** rng.uniform(-2, 2, 2)
    inputs = (
        _normal("a", m[0], m[0] * rng.uniform(1e-5, 1e-2)),
        _normal("b", m[1], m[1] * rng.uniform(1e-5, 1e-2)),
    )
    return ModelCase("ratio with a small relative u", lambda q: q["a"] / q["b"], inputs)


def _far_absolute(rng: np.random.Generator) -> ModelCase:
    value = rng.choice([-1, 1]) * rng.uniform(6, 50)
    return ModelCase("abs far from zero", lambda q: abs(q["x"]), (_normal("x", value, 1.0),))


def _any_curvature(rng: np.random.Generator) -> ModelCase:
    return ModelCase(
        "exp, more or less curved",
        lambda q: np.exp(q["x"]) + q["y"],
        (_normal("x", 0.0, rng.uniform(0.02, 0.6)), _normal("y", 0.0, rng.uniform(0.0, 0.3) + 1e-6)),
    )


WRONG = (_square, _sum_of_squares, _product, _ratio, _exponential, _logarithm, _absolute, _largest)
RIGHT = (_difference, _large_product, _small_ratio, _far_absolute)
EITHER = (_any_curvature,)


def _drawn(case: ModelCase, rng: np.random.Generator) -> np.ndarray:
    quantities = {}
    for i in case.inputs:
        if i.distribution is Distribution.RECTANGULAR:
            half = i.u * np.sqrt(3)
            quantities[i.symbol] = rng.uniform(i.value - half, i.value + half, DRAWS)
        else:
            quantities[i.symbol] = rng.normal(i.value, i.u, DRAWS)
    return np.asarray(case.function(quantities))


def _first_order(case: ModelCase) -> tuple[float, float]:
    """Value and uncertainty, the derivatives by central differences."""
    values = {i.symbol: i.value for i in case.inputs}
    variance = 0.0
    for i in case.inputs:
        step = 1e-5 * i.u
        up, down = (float(case.function({**values, i.symbol: i.value + s})) for s in (step, -step))
        variance += ((up - down) / (2 * step) * i.u) ** 2
    return float(case.function(values)), float(np.sqrt(variance))


def judged(case: ModelCase, seed: int) -> tuple[str, bool | None]:
    """What is wrong with the statement, empty where nothing is, and whether first order holds (None:
    undecided).
    """
    ends = np.quantile(_drawn(case, np.random.default_rng([7, seed])), [0.025, 0.975])
    value, u = _first_order(case)
    holds: bool | None = False
    negligible = u <= 1e-4 * float(np.ptp(ends))
    if not negligible:
        digit = 10.0 ** floor(log10(float(f"{u:.0e}")))
        far = max(abs(value - 1.959964 * u - ends[0]), abs(value + 1.959964 * u - ends[1])) / (0.5 * digit)
        holds = None if abs(far - 1) <= UNDECIDED else far < 1
    model = Model(case.function, case.inputs)
    first = propagate(model, PROBABILITY)
    found = stated(model, first, seed)
    if abs(first.u - u) > 1e-3 * u + 1e-4 * float(np.ptp(ends)):
        return f"{case.name}: first order is {u:.4g}, said to be {first.u:.4g}", holds
    if holds is not None and (found.method is Method.FIRST_ORDER) != holds:
        return (
            f"{case.name}: first order {'holds' if holds else 'does not hold'}, said is {found.method}",
            holds,
        )
    counted = (
        ends if found.method is Method.MONTE_CARLO else np.array([value - 1.959964 * u, value + 1.959964 * u])
    )
    wide = max(float(np.ptp(ends)), 1e-300)
    if max(abs(found.low - counted[0]), abs(found.high - counted[1])) > ENDS_MATCH * wide:
        return f"{case.name}: {found.low:.4g} … {found.high:.4g} in place of {counted}", holds
    if not (np.isfinite(found.expanded) and found.expanded > 0):
        return f"{case.name}: expanded uncertainty {found.expanded}", holds
    return "", holds

"""Uncertainty of a result, from a measurement model that is written once.

A model is a plain function from named input quantities to one or several outputs, in arithmetic that numpy
broadcasts: the same function serves first-order propagation (its derivatives are taken by a complex step,
exact to rounding) and Monte Carlo (its inputs are then arrays of trials).
JCGM 100:2008 (GUM): law of propagation, Welch–Satterthwaite, expanded uncertainty, budget.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf, isfinite, isinf, sqrt
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from calibration.errors import CalibrationError, UnsuitableModelError

Quantities = Mapping[str, Any]
Function = Callable[[Quantities], Any]

_COMPLEX_STEP = 1e-30
_DIFFERENCE_STEP = 1e-3  # of an input's standard uncertainty
_CONTRADICTED = 0.01  # of a derivative; an analytic function does not bend by that over such a step
_ROUNDING = 1e-13  # of a value


class Distribution(StrEnum):
    """What is known of an input's distribution."""

    NORMAL = "normal"
    RECTANGULAR = "rectangular"
    TRIANGULAR = "triangular"
    ARCSINE = "arcsine"
    STUDENT = "student"
    EXACT = "exact"


# Standard uncertainty of a distribution of half-width 1. JCGM 100:2008, 4.3.7, 4.3.9; JCGM 101:2008, table 1.
_HALF_WIDTH_TO_U = {
    Distribution.RECTANGULAR: 1 / sqrt(3),
    Distribution.TRIANGULAR: 1 / sqrt(6),
    Distribution.ARCSINE: 1 / sqrt(2),
}


@dataclass(frozen=True)
class Input:
    """An input quantity: `value` and standard uncertainty `u` in `unit`, `dof` the degrees of freedom of `u`.

    `symbol` is its name in the model; `quantity` says in words what it is, `source` where its uncertainty
    comes from.
    Raises `CalibrationError` for a value or uncertainty that is not one.
    """

    symbol: str
    value: float
    u: float
    unit: str = "1"
    distribution: Distribution = Distribution.NORMAL
    dof: float = inf
    quantity: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        if not isfinite(self.value):
            raise CalibrationError(
                f"{self.symbol}: the value must be a finite number, not {self.value}{self._in_unit}"
            )
        if not (isfinite(self.u) and self.u >= 0):
            raise CalibrationError(
                f"{self.symbol}: the standard uncertainty must be finite and ≥ 0{self._in_unit}, not {self.u}"
            )
        if not self.dof > 0:
            raise CalibrationError(f"{self.symbol}: degrees of freedom must be positive, not {self.dof}")

    @property
    def _in_unit(self) -> str:
        return "" if self.unit == "1" else f" {self.unit}"


def bounded(
    symbol: str,
    value: float,
    half_width: float,
    distribution: Distribution = Distribution.RECTANGULAR,
    *,
    unit: str = "1",
    dof: float = inf,
    quantity: str = "",
    source: str = "",
) -> Input:
    """An input known to lie within `value` ± `half_width`. Raises `CalibrationError` for an unbounded
    distribution.
    """
    if distribution not in _HALF_WIDTH_TO_U:
        raise CalibrationError(f"{symbol}: a {distribution} distribution has no half-width")
    u = half_width * _HALF_WIDTH_TO_U[distribution]
    return Input(symbol, value, u, unit, distribution, dof, quantity, source)


@dataclass(frozen=True)
class Model:
    """A measurement function, its inputs, and the correlation coefficients between pairs of them.

    `function` takes a mapping symbol → value (numbers, or arrays of trials) and returns the output or, along
    a last axis of their own, several outputs. Where it is not analytic in an input (an absolute value, the
    larger of two) its derivative is taken by differences, and first order is seldom right.
    Raises `CalibrationError` for a repeated symbol or a correlation that cannot be.
    """

    function: Function
    inputs: tuple[Input, ...]
    correlations: Mapping[tuple[str, str], float] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        symbols = self.symbols
        if len(set(symbols)) != len(symbols):
            raise CalibrationError(f"input symbols must differ: {', '.join(symbols)}")
        for (first, second), r in self.correlations.items():
            if first not in symbols or second not in symbols or first == second:
                raise CalibrationError(
                    f"correlation between {first!r} and {second!r}: both must be inputs, and differ"
                )
            if not -1 <= r <= 1:
                raise CalibrationError(
                    f"correlation between {first!r} and {second!r} must lie in [-1, 1], not {r}"
                )
        if self.correlations and float(np.linalg.eigvalsh(self.correlation_matrix).min()) < -1e-9:
            raise CalibrationError(
                "the correlations contradict each other: their matrix is not positive semidefinite"
            )

    @property
    def symbols(self) -> tuple[str, ...]:
        """The inputs' symbols, in their order."""
        return tuple(i.symbol for i in self.inputs)

    @property
    def correlation_matrix(self) -> NDArray[np.float64]:
        """Correlation coefficients, shape (inputs, inputs)."""
        matrix = np.eye(len(self.inputs))
        index = {symbol: i for i, symbol in enumerate(self.symbols)}
        for (first, second), r in self.correlations.items():
            matrix[index[first], index[second]] = matrix[index[second], index[first]] = r
        return matrix

    @property
    def covariance_matrix(self) -> NDArray[np.float64]:
        """Covariances of the inputs, shape (inputs, inputs)."""
        u = np.array([i.u for i in self.inputs])
        return np.asarray(self.correlation_matrix * np.outer(u, u))

    def value(self) -> NDArray[np.float64]:
        """The function at the inputs' values: shape () or (outputs,)."""
        return np.asarray(self.function({i.symbol: i.value for i in self.inputs}), dtype=np.float64)

    def jacobian(self) -> NDArray[np.float64]:
        """Sensitivity coefficients ∂output/∂input at the inputs' values, shape (inputs,) or (outputs,
        inputs).

        By a complex step; by differences where the function is not analytic. Raises `CalibrationError` where
        one is not finite.
        """
        values: dict[str, Any] = {i.symbol: i.value for i in self.inputs}
        columns = []
        for i in self.inputs:
            column = self._derivative(values, i)
            if not np.all(np.isfinite(column)):
                raise CalibrationError(
                    f"the model has no finite sensitivity to {i.symbol} at {i.value:g} {i.unit}"
                )
            columns.append(column)
        return np.asarray(np.stack(columns, axis=-1), dtype=np.float64)

    def _derivative(self, values: dict[str, Any], i: "Input") -> NDArray[np.float64]:
        """∂output/∂input: the complex step's, unless differences over a thousandth of u contradict it."""
        try:
            stepped = np.asarray(self.function({**values, i.symbol: i.value + 1j * _COMPLEX_STEP}))
            exact = np.asarray(np.imag(stepped) / _COMPLEX_STEP, dtype=np.float64)
        except TypeError:  # a comparison, which complex numbers do not have
            exact = np.array(np.nan)
        if i.u == 0:
            return exact
        step = _DIFFERENCE_STEP * i.u
        with np.errstate(all="ignore"):
            up, down = (
                np.asarray(self.function({**values, i.symbol: i.value + s}), dtype=np.float64)
                for s in (step, -step)
            )
            differences = np.asarray((up - down) / (2 * step))
            size = np.maximum(np.abs(exact), np.abs(differences)) * step
            # What rounding of the values makes of the difference, and what bends between them.
            rounding = _ROUNDING * np.maximum(np.abs(up), np.abs(down))
            contradicted = np.abs(exact - differences) * step > _CONTRADICTED * size + rounding
            unknown = ~np.isfinite(exact) & np.isfinite(differences) & np.isnan(exact)
        return np.where((contradicted & np.isfinite(differences)) | unknown, differences, exact)


@dataclass(frozen=True)
class BudgetRow:
    """One input's part in the uncertainty of the result.

    `sensitivity` is ∂y/∂x; `contribution` |∂y/∂x|·u(x) in the result's unit; `share` the part of the variance
    (with correlated inputs: with half of each of its covariances, so that all shares still add up to 1).
    """

    quantity: str
    symbol: str
    value: float
    unit: str
    standard_uncertainty: float
    distribution: Distribution
    sensitivity: float
    contribution: float
    share: float
    dof: float
    source: str


@dataclass(frozen=True)
class Propagated:
    """A result of first-order propagation.

    `value` ± `expanded` holds the true value with `probability`; `expanded` = `coverage_factor` · `u`; `dof`
    are the effective degrees of freedom (infinite where all inputs' are).
    """

    value: float
    u: float
    dof: float
    probability: float
    coverage_factor: float
    budget: tuple[BudgetRow, ...]

    @property
    def expanded(self) -> float:
        """Expanded uncertainty, in the result's unit."""
        return self.coverage_factor * self.u


def coverage_factor(probability: float, dof: float = inf) -> float:
    """Half-width of the symmetric interval of `probability` in standard uncertainties: Student's t, or
    normal.

    JCGM 100:2008, G.3 (fractional degrees of freedom interpolate, G.4.2). The level is always explicit: 0.95
    and 0.9545 differ (2.093 and 2.140 at 19 degrees of freedom).
    Raises `CalibrationError` for a probability outside (0, 1) or degrees of freedom that are not positive.
    """
    if not 0 < probability < 1:
        raise CalibrationError(f"a coverage probability lies between 0 and 1, not {probability}")
    if not dof > 0:
        raise CalibrationError(f"degrees of freedom must be positive, not {dof}")
    upper = (1 + probability) / 2
    return float(ndtri(upper)) if isinf(dof) else float(stdtrit(dof, upper))


def propagate(model: Model, probability: float) -> Propagated:
    """First-order uncertainty of a model with one output. JCGM 100:2008, eq. (13), (G.2b), G.6.4.

    Raises `CalibrationError` for a model with several outputs, `UnsuitableModelError` where the effective
    degrees of freedom are not defined (`effective_dof`).
    """
    value = model.value()
    if value.ndim:
        raise CalibrationError(f"this model has {value.size} outputs, where one is expected")
    c = model.jacobian()
    covariance = model.covariance_matrix
    parts = c * (covariance @ c)
    variance = float(parts.sum())
    if not (isfinite(float(value)) and isfinite(variance)):
        raise CalibrationError(
            "the model gives no finite result at its inputs: "
            + ", ".join(f"{i.symbol} = {i.value:g} {i.unit}" for i in model.inputs)
        )
    u = sqrt(max(variance, 0.0))
    dof = effective_dof(model, c)
    budget = tuple(
        BudgetRow(
            quantity=i.quantity or i.symbol,
            symbol=i.symbol,
            value=i.value,
            unit=i.unit,
            standard_uncertainty=i.u,
            distribution=i.distribution,
            sensitivity=float(s),
            contribution=abs(float(s)) * i.u,
            share=float(part) / variance if variance > 0 else 0.0,
            dof=i.dof,
            source=i.source,
        )
        for i, s, part in zip(model.inputs, c, parts, strict=True)
    )
    return Propagated(float(value), u, dof, probability, coverage_factor(probability, dof), budget)


def propagate_jointly(model: Model) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values, shape (n,), and covariance matrix, shape (n, n), of a model with n outputs. JCGM 102:2011, 6.2.

    Raises `CalibrationError` for a model with one scalar output.
    """
    values = model.value()
    if values.ndim != 1:
        raise CalibrationError(
            f"a model with several outputs returns one row of them, not {values.ndim} dimensions"
        )
    c = model.jacobian()
    return values, np.asarray(c @ model.covariance_matrix @ c.T)


def effective_dof(model: Model, sensitivities: NDArray[np.float64]) -> float:
    """Effective degrees of freedom by Welch–Satterthwaite, JCGM 100:2008, eq. (G.2b); infinite where all
    inputs' are.

    Correlated inputs count as one contribution where they share their degrees of freedom (quantities
    evaluated from the same observations).
    Raises `UnsuitableModelError` where correlated inputs have different degrees of freedom: the formula
    holds for independent contributions only.
    """
    covariance = model.covariance_matrix
    total = float(sensitivities @ covariance @ sensitivities)
    denominator = 0.0
    for group in correlated_groups(model):
        dofs = {model.inputs[i].dof for i in group}
        if len(dofs) > 1:
            names = ", ".join(model.inputs[i].symbol for i in group)
            raise UnsuitableModelError(
                f"{names} are correlated and have different degrees of freedom: "
                "Welch–Satterthwaite does not hold"
            )
        (dof,) = dofs
        if isinf(dof):
            continue
        c = sensitivities[group]
        denominator += float(c @ covariance[np.ix_(group, group)] @ c) ** 2 / dof
    return total**2 / denominator if denominator > 0 else inf


def correlated_groups(model: Model) -> Sequence[list[int]]:
    """Indices of the inputs, grouped so that inputs of different groups are independent."""
    linked = model.correlation_matrix != 0
    remaining = list(range(len(model.inputs)))
    groups: list[list[int]] = []
    while remaining:
        group = [remaining.pop(0)]
        for member in group:
            joining = [i for i in remaining if linked[member, i]]
            group.extend(joining)
            remaining = [i for i in remaining if i not in joining]
        groups.append(sorted(group))
    return groups

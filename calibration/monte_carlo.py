"""Propagation of distributions by Monte Carlo, and its comparison with first order.

JCGM 101:2008: drawing from the inputs' distributions (6.4), the adaptive procedure (7.9), coverage intervals
(7.7), validation of the GUM's framework (clause 8). JCGM 102:2011: several outputs (clause 7). The same seed
gives the same numbers; memory is bounded by the results and one chunk of inputs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, floor, inf, isfinite, isinf, log10, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.errors import CalibrationError, UnsuitableModelError
from calibration.portable_draws import Draws
from calibration.propagation import Distribution, Input, Model, Propagated, correlated_groups

Array = NDArray[np.float64]

CHUNK = 16_384  # trials that are drawn and evaluated at once: their inputs stay in the processor's cache
RUN = 10_000  # trials of one run of the adaptive procedure, JCGM 101:2008, 7.9.4 b)
RUNS_MIN = 10  # with the two runs that would do, a small scatter between them is often chance
TRIALS_MAX = 5_000_000

_HALF_WIDTHS = {
    Distribution.RECTANGULAR: sqrt(3),
    Distribution.TRIANGULAR: sqrt(6),
    Distribution.ARCSINE: sqrt(2),
}
_ELLIPTICAL = (Distribution.NORMAL, Distribution.STUDENT)


@dataclass(frozen=True)
class Simulated:
    """The distribution of an output, from `trials` trials.

    `low` … `high` is the probabilistically symmetric coverage interval, `shortest` the shortest one (JCGM
    101:2008, 7.7). `stable` says whether the adaptive procedure reached `tolerance` (None: the number of
    trials was given).
    `u` is the standard deviation of the trials; where an input has so few degrees of freedom that its
    distribution has none, it is a property of the draw only.
    """

    value: float
    u: float
    probability: float
    low: float
    high: float
    shortest: tuple[float, float]
    trials: int
    tolerance: float | None = None
    stable: bool | None = None


def simulate(
    model: Model, probability: float, *, trials: int, seed: int = 0, draws: Draws | None = None
) -> Simulated:
    """The distribution of a model's output from a given number of trials. JCGM 101:2008, 7.2 to 7.7.

    Drawn from numpy's generator of that seed, or from `draws` in its place.

    Raises `CalibrationError` for too few trials for the probability, or an output that is not finite;
    `UnsuitableModelError` for correlated inputs that cannot be drawn (`draw`).
    """
    fewest = ceil(20 / (1 - probability))
    if trials < fewest:
        raise CalibrationError(
            f"a coverage probability of {probability} needs {fewest} trials or more, not {trials}"
        )
    values = outputs(model, trials, draws or np.random.default_rng(seed))
    return _summary(values, probability)


def simulate_until_stable(
    model: Model, probability: float, *, digits: int, seed: int, trials_max: int = TRIALS_MAX
) -> Simulated:
    """The distribution of a model's output, until its numbers are stable. JCGM 101:2008, 7.9.4.

    `digits`: significant decimal digits of the standard uncertainty that count (1 or 2). Trials go on, in
    runs, until value, standard uncertainty and both ends of the interval are known to the tolerance that
    this means (twice the standard deviation of their means over ten runs or more), or `trials_max` are done,
    and then `stable` is False.
    Raises as `simulate`.
    """
    if digits not in (1, 2):
        raise CalibrationError(
            f"one or two significant digits are meaningful in an uncertainty, not {digits}"
        )
    run = max(RUN, ceil(100 / (1 - probability)))
    rng = np.random.default_rng(seed)
    runs: list[Array] = []
    summaries: list[tuple[float, float, float, float]] = []
    while True:
        values = outputs(model, run, rng)
        runs.append(values)
        one = _summary(values, probability)
        summaries.append((one.value, one.u, one.low, one.high))
        h = len(runs)
        if h < RUNS_MIN:
            continue
        tolerance = numerical_tolerance(float(np.sqrt(np.mean([s[1] ** 2 for s in summaries]))), digits)
        stable = bool(np.all(2 * np.std(summaries, axis=0, ddof=1) / sqrt(h) < tolerance))
        if stable or (h + 1) * run > trials_max:
            break
    whole = _summary(np.concatenate(runs), probability)
    return Simulated(
        whole.value,
        whole.u,
        probability,
        whole.low,
        whole.high,
        whole.shortest,
        whole.trials,
        numerical_tolerance(whole.u, digits),
        stable,
    )


@dataclass(frozen=True)
class Comparison:
    """Whether first order holds: the distances between the ends of both intervals, and the tolerance.

    `low`, `high`: the interval that counts: first order's where it is validated, otherwise Monte Carlo's.
    """

    low_distance: float
    high_distance: float
    tolerance: float
    low: float
    high: float

    @property
    def validated(self) -> bool:
        """Both distances are within the tolerance (JCGM 101:2008, 8.1.3)."""
        return self.low_distance <= self.tolerance and self.high_distance <= self.tolerance


def compare(first_order: Propagated, simulated: Simulated, digits: int) -> Comparison:
    """First order against Monte Carlo. JCGM 101:2008, 8.1.

    Where first order knows no uncertainty (a square at zero: JCGM 101:2008, 9.4.2) the tolerance is that of
    the simulated one. Raises `CalibrationError` where the two are at different coverage probabilities.
    """
    if first_order.probability != simulated.probability:
        raise CalibrationError(
            f"intervals of {first_order.probability} and {simulated.probability} cannot be compared"
        )
    low, high = first_order.value - first_order.expanded, first_order.value + first_order.expanded
    tolerance = numerical_tolerance(first_order.u or simulated.u, digits)
    distances = abs(low - simulated.low), abs(high - simulated.high)
    if max(distances) > tolerance:
        low, high = simulated.low, simulated.high
    return Comparison(*distances, tolerance, low, high)


def numerical_tolerance(u: float, digits: int) -> float:
    """Half a unit in the last of `digits` significant digits of u. JCGM 101:2008, 7.9.2.

    Raises `CalibrationError` for an uncertainty that is not positive.
    """
    if not (u > 0 and isfinite(u)):
        raise CalibrationError(f"a numerical tolerance needs a positive standard uncertainty, not {u}")
    exponent = floor(log10(u)) - digits + 1
    # An uncertainty that rounds up to the next power of ten has its last digit one place higher.
    if round(u / 10.0**exponent) >= 10**digits:
        exponent += 1
    return 0.5 * 10.0**exponent


@dataclass(frozen=True)
class JointlySimulated:
    """Means, shape (n,), and covariance, shape (n, n), of n outputs.

    `ellipsoid_factor`: k such that the ellipsoid (y - mean)ᵀ U⁻¹ (y - mean) ≤ k² holds `probability` of the
    trials (JCGM 102:2011, 7.7.2); `rectangle_factor`: k such that the box mean ± k·u holds it (7.7.3).
    """

    values: Array
    covariance: Array
    probability: float
    ellipsoid_factor: float
    rectangle_factor: float
    trials: int


def simulate_jointly(model: Model, probability: float, *, trials: int, seed: int) -> JointlySimulated:
    """The joint distribution of a model's outputs (the last axis of what its function returns). JCGM
    102:2011, 7.

    Raises `CalibrationError` for a model with one output, or outputs that depend on each other exactly.
    """
    values = outputs(model, trials, np.random.default_rng(seed))
    if values.ndim != 2:
        raise CalibrationError("a joint distribution needs a model with several outputs")
    mean, covariance = values.mean(axis=0), np.cov(values, rowvar=False)
    u = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(u, u)
    if float(np.linalg.eigvalsh(correlation).min()) < 1e-12:
        raise CalibrationError("the outputs depend on each other exactly: no ellipsoid holds them")
    standardised = (values - mean) / u
    distance = np.linalg.norm(np.linalg.solve(np.linalg.cholesky(correlation), standardised.T), axis=0)
    return JointlySimulated(
        mean,
        covariance,
        probability,
        float(np.quantile(distance, probability)),
        float(np.quantile(np.abs(standardised).max(axis=1), probability)),
        trials,
    )


def outputs(model: Model, trials: int, rng: Draws) -> Array:
    """The model's output for `trials` draws of its inputs, shape (trials,) or (trials, outputs).

    Raises `CalibrationError` where an output is not finite.
    """
    kept: Array | None = None
    done = 0
    for drawn, size in _chunks(model, trials, rng):
        values = np.asarray(model.function(drawn), dtype=np.float64)
        if values.shape[:1] != (size,):
            values = np.broadcast_to(values, (size, *values.shape[1:]))
        if not np.all(np.isfinite(values)):
            bad = int(np.count_nonzero(~np.isfinite(values).reshape(size, -1).all(axis=1)))
            raise CalibrationError(f"the model gives an output that is not finite for {bad} of {size} trials")
        if kept is None:
            kept = np.empty((trials, *values.shape[1:]))
        kept[done : done + size] = values
        done += size
    if kept is None:
        raise CalibrationError("a simulation needs at least one trial")
    return kept


def _chunks(model: Model, trials: int, rng: Draws) -> Iterator[tuple[dict[str, Array], int]]:
    sampler = _Sampler(model)
    for start in range(0, trials, CHUNK):
        size = min(CHUNK, trials - start)
        yield sampler.draw(size, rng), size


class _Sampler:
    """Draws a model's inputs, the correlated ones together."""

    def __init__(self, model: Model) -> None:
        self._inputs = model.inputs
        self._single: list[Input] = []
        self._groups: list[tuple[list[Input], Array]] = []
        covariance = model.covariance_matrix
        for group in correlated_groups(model):
            members = [model.inputs[i] for i in group]
            if len(members) == 1:
                self._single.append(members[0])
                continue
            _demand_elliptical(members)
            self._groups.append((members, _root(covariance[np.ix_(group, group)])))

    def draw(self, size: int, rng: Draws) -> dict[str, Any]:
        drawn: dict[str, Any] = {i.symbol: _draw_one(i, size, rng) for i in self._single}
        for members, root in self._groups:
            standard = root @ rng.standard_normal((len(members), size))
            dof = members[0].dof
            if not isinf(dof):
                standard = standard / np.sqrt(rng.chisquare(dof, size) / dof)
            for member, deviation in zip(members, standard, strict=True):
                drawn[member.symbol] = member.value + deviation
        return drawn


def _draw_one(i: Input, size: int, rng: Draws) -> Any:
    """Trials of one input. JCGM 101:2008, 6.4.2 (rectangular), 6.4.3 (inexact limits), 6.4.5 to 6.4.9."""
    if i.u == 0 or i.distribution is Distribution.EXACT:
        return i.value
    if i.distribution in _ELLIPTICAL:
        standard = rng.standard_normal(size) if isinf(i.dof) else rng.standard_t(i.dof, size)
        return i.value + i.u * standard
    half = i.u * _HALF_WIDTHS[i.distribution]
    uniform = rng.random(size)
    if i.distribution is Distribution.RECTANGULAR:
        shape = 2 * uniform - 1
    elif i.distribution is Distribution.TRIANGULAR:
        shape = uniform + rng.random(size) - 1
    else:
        shape = np.sin(2 * np.pi * uniform)
    if isinf(i.dof):
        return i.value + half * shape
    # Limits known to a relative uncertainty of 1/√(2ν) (JCGM 100:2008, G.3): a half-width that varies by
    # that much.
    return i.value + half * (1 + (2 * rng.random(size) - 1) / sqrt(2 * i.dof)) * shape


def _demand_elliptical(members: list[Input]) -> None:
    names = ", ".join(member.symbol for member in members)
    if any(member.distribution not in _ELLIPTICAL for member in members):
        raise UnsuitableModelError(
            f"{names} are correlated: only normal or Student's distributions can be drawn so"
        )
    if len({member.dof for member in members}) > 1:
        raise UnsuitableModelError(
            f"{names} are correlated and have different degrees of freedom: cannot be drawn"
        )


def _root(covariance: Array) -> Array:
    """A square root of a covariance matrix that may be singular (fully correlated inputs)."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))


def _summary(values: Array, probability: float) -> Simulated:
    if values.ndim != 1:
        raise CalibrationError("this model has several outputs, where one is expected")
    if not 0 < probability < 1:
        raise CalibrationError(f"a coverage probability lies between 0 and 1, not {probability}")
    ordered = np.sort(values)
    m = ordered.size
    q = min(round(probability * m), m - 1)
    # JCGM 101:2008, 7.7.2: symmetric with r = (M - q)/2; 7.7.4: the shortest of all.
    r = (m - q) // 2
    widths = ordered[q:] - ordered[: m - q]
    shortest = int(np.argmin(widths))
    return Simulated(
        float(values.mean()),
        float(values.std(ddof=1)),
        probability,
        float(ordered[r]),
        float(ordered[r + q]) if r + q < m else inf,
        (float(ordered[shortest]), float(ordered[shortest + q])),
        m,
    )

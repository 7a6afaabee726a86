"""Speed and memory of the calculations, as ratios to the arithmetic that they cannot do without.

    python -m benchmarks.calibration_speed

Prints a table; exit status 1 where a ratio or the memory passes its limit. Ratios of times taken in turn, the
smallest of several: they depend little on the machine and on what else runs there.
"""

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline
from scipy.linalg import cholesky

from calibration.curve import Curve
from calibration.fitted import Points
from calibration.least_squares import fit_line
from calibration.monotone_spline import MonotoneSpline, fit_monotone_spline
from calibration.monte_carlo import simulate
from calibration.propagation import Input, Model, Quantities, bounded
from calibration.properties.air import air_density
from calibration.properties.water import water_density
from calibration.volumes import gravimetric_volume_l

TRIALS = 1_000_000
POINTS = 1_000
HEIGHTS = 1_000_000
ROUNDS = 5
MEMORY_MAX_MB = 500


@dataclass(frozen=True)
class Row:
    """One measurement: the figure, its limit, and what stands behind it."""

    what: str
    figure: float
    limit: float
    unit: str
    detail: str


def in_turn(first: Callable[[], Any], second: Callable[[], Any], rounds: int = ROUNDS) -> tuple[float, float]:
    """The shortest times in s of two calls, made in turn so that both meet the same machine."""
    shortest = [float("inf"), float("inf")]
    for _ in range(rounds):
        for index, call in enumerate((first, second)):
            begun = time.perf_counter()
            call()
            shortest[index] = min(shortest[index], time.perf_counter() - begun)
    return shortest[0], shortest[1]


def gravimetric_model() -> Model:
    """The volume in mL of a 20 L measure, from fifteen inputs; its thermometers are correlated."""

    def error_ml(q: Quantities) -> Any:
        water = water_density(q["t_w"], q["p"]) * (1 + q["k_w"])
        air = air_density(q["t_a"], q["p"], q["h"]) * (1 + q["k_a"])
        volume = gravimetric_volume_l(
            q["m_full"] - q["m_drained"] + q["evaporation"],
            water_density_kg_m3=water,
            air_density_kg_m3=air,
            weights_density_kg_m3=q["rho_b"],
            cubic_expansion_per_c=q["gamma"],
            vessel_temperature_c=q["t_v"],
            reference_temperature_c=20.0,
        )
        return 1000.0 * volume + q["meniscus"] + q["repeatability"] + q["film"]

    inputs = (
        Input("m_full", 28960.0, 0.15, "g"),
        Input("m_drained", 9000.0, 0.15, "g"),
        Input("t_w", 21.0, 0.02, "°C"),
        Input("t_v", 20.8, 0.1, "°C"),
        Input("t_a", 22.0, 0.2, "°C"),
        Input("p", 1004.0, 0.5, "hPa"),
        Input("h", 52.0, 3.0, "%"),
        Input("gamma", 47.7e-6, 2.4e-6, "1/°C"),
        Input("rho_b", 8000.0, 20.0, "kg/m³"),
        Input("k_w", 0.0, 1e-5),
        Input("k_a", 0.0, 2e-4),
        bounded("evaporation", 0.0, 0.1, unit="g"),
        Input("meniscus", 0.0, 0.4, "mL"),
        Input("film", 0.0, 0.25, "mL"),
        Input("repeatability", 0.0, 0.2, "mL"),
    )
    correlations = {("t_w", "t_v"): 0.6, ("t_v", "t_a"): 0.3, ("m_full", "m_drained"): 0.5}
    return Model(error_ml, inputs, correlations)


def draw_alone() -> NDArray[np.float64]:
    """As many numbers of the same kinds as the model's inputs, drawn and thrown away."""
    rng = np.random.default_rng(1)
    last = np.empty(0)
    for _ in range(14):
        last = rng.standard_normal(TRIALS)
    rng.random(TRIALS)
    return last


def monte_carlo() -> list[Row]:
    """A million trials against the drawing of their numbers, and the memory of the whole process."""
    model = gravimetric_model()
    simulate(model, 0.95, trials=TRIALS, seed=1)
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    ours, drawing = in_turn(lambda: simulate(model, 0.95, trials=TRIALS, seed=1), draw_alone)
    what = f"{TRIALS:.0e} trials, gravimetric, {len(model.inputs)} inputs, correlated"
    return [
        Row(what, ours / drawing, 3.0, "× drawing", f"{ours:.3f} s against {drawing:.3f} s"),
        Row("memory of the whole process in it", memory_mb, MEMORY_MAX_MB, "MB", "largest resident set"),
    ]


def line() -> list[Row]:
    """A line through points whose x and y are all correlated against one Cholesky factor of that matrix."""
    rng = np.random.default_rng(2)
    mixing = rng.standard_normal((2 * POINTS, 2 * POINTS)) / np.sqrt(2 * POINTS)
    whole = 1e-4 * (mixing @ mixing.T + np.eye(2 * POINTS))
    errors = cholesky(whole, lower=True) @ rng.standard_normal(2 * POINTS)
    true_x = np.linspace(0.0, 10.0, POINTS)
    x, y = true_x + errors[:POINTS], 1.0 + 2.0 * true_x + errors[POINTS:]

    def fit() -> Any:
        return fit_line(
            x,
            y,
            x_covariance=whole[:POINTS, :POINTS],
            y_covariance=whole[POINTS:, POINTS:],
            xy_covariance=whole[:POINTS, POINTS:],
        )

    ours, factor = in_turn(fit, lambda: cholesky(whole, lower=True))
    detail = f"{ours:.3f} s against {factor:.3f} s"
    return [
        Row(
            f"line, {POINTS} points, {2 * POINTS} × {2 * POINTS} covariance",
            ours / factor,
            12.0,
            "× Cholesky",
            detail,
        )
    ]


def curve() -> list[Row]:
    """Volumes and their standard uncertainties at a million heights against the bare spline."""
    x = np.linspace(0.0, 100.0, 80)
    fitted = fit_monotone_spline(Points(x, x**1.5 + 0.3 * x, np.eye(80) * 1e-4), 12).curve
    heights = np.random.default_rng(3).uniform(0.0, 100.0, HEIGHTS)
    bare = _bare(fitted)
    ours, alone = in_turn(
        lambda: (fitted.volume(heights), fitted.standard_uncertainty(heights)), lambda: bare(heights)
    )
    detail = f"{ours:.3f} s against {alone:.3f} s"
    return [
        Row(f"{HEIGHTS:.0e} heights, volume and uncertainty", ours / alone, 25.0, "× bare spline", detail)
    ]


def _bare(fitted: Curve) -> BSpline:
    assert isinstance(fitted.model, MonotoneSpline)
    return BSpline(np.array(fitted.model.knots), fitted.parameters, 3)


def main() -> int:
    """Measure, print, and say by the exit status whether all limits are kept."""
    rows = [*monte_carlo(), *line(), *curve()]
    for row in rows:
        kept = "kept  " if row.figure <= row.limit else "PASSED"
        print(f"{kept}  {row.what:62}  {row.figure:7.2f} (limit {row.limit:g}) {row.unit:15}  {row.detail}")
    return 0 if all(row.figure <= row.limit for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())

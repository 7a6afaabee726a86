"""Coverage of the stated uncertainties: calibrations whose truth is known, method by method.

    python -m benchmarks.coverage [--calibrations 2000] [--tanks 2000] [--write]

Every calibration draws a truth and the errors that its certificates state, computes what the instruments
would have shown, and asks the method for its 95 % interval. Exit status 1 where a method's intervals hold the
truth in less than 93 % or more than 97 % of the calibrations. `--write` renews docs/reference/coverage.md.
"""

import argparse
import os
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from math import pi

import numpy as np

from benchmarks.shared import ROOT
from calibration.curve import Curve
from calibration.deliveries import Ambient, Delivery, Level, Weighing
from calibration.fitted import Points
from calibration.gravimetric_run import GravimetricRun, reading_scale
from calibration.incremental import Increment, MasterMeter, Shell, incremental_model
from calibration.model_choice import fit_model
from calibration.propagation import Distribution, Input, coverage_factor, propagate, propagate_jointly
from calibration.properties.liquids import Water
from calibration.quantity import Measured
from calibration.run_settings import Item, Standards
from calibration.tank_curve import TankShape, fit_tank
from calibration.tanks import Orientation, Tank
from calibration.transfer import Receiver, StandardDelivery, StandardMeasure, transfer_model
from calibration.volumes import VolumeKind

PROBABILITY = 0.95
LOWEST, HIGHEST = 0.93, 0.97
K = coverage_factor(PROBABILITY)
T0 = 20.0

HEAD = """# Coverage of the stated uncertainties

By `make accuracy`: synthetic calibrations with known truth, method by method. "Held" is the share of 95 %
intervals that hold the truth; its own standard uncertainty for {n} calibrations is {u:.1f} %. Between 93 and
97 % is asked for.

| method | calibrations | held | |
|---|---|---|---|
"""


def tanaka(t: float) -> float:
    """Density of air-free water in kg/m³ (Tanaka 2001), written again so that no error is shared."""
    return 999.974950 * (1 - (t - 3.983035) ** 2 * (t + 301.797) / (522528.9 * (t + 69.34881)))


def moist_air(t: float, p_hpa: float, rh: float) -> float:
    """Density of air in kg/m³ by the approximation of OIML R 111-1, E.3."""
    return (0.34848 * p_hpa - 0.009 * rh * float(np.exp(0.061 * t))) / (273.15 + t)


def gravimetric(rng: np.random.Generator, kind: VolumeKind) -> bool:
    """A 20 L measure weighed in five repeats; delivered with a film that varies, contained without one."""
    delivered = kind is VolumeKind.DELIVERED
    repeats, gamma_u, film_u, noise_g = 5, 2.4e-6, 0.25, 0.1
    standards = Standards(
        0.15, 0.01, Measured(8000.0, 0.0), "balance", 0.02, 0.10, 0.20, "thermometers", 0.5, 3.0, "barometer"
    )
    item = Item("m", "", "", "", 20.0, kind, T0, Measured(47.7e-6, gamma_u), "certificate", 20.0, None, None)
    gamma = 47.7e-6 + rng.normal(0, gamma_u)
    volume_ml = 20000.0 + rng.normal(0, 8)
    full_bias, empty_bias = rng.normal(0, 0.15, 2)
    water_bias, vessel_bias, air_bias = rng.normal(0, [0.02, 0.10, 0.20])
    p_bias, h_bias = rng.normal(0, [0.5, 3.0])
    saturation, purity, common = rng.uniform(0, 1), rng.normal(0, 1e-5), rng.normal(0, 0.4)
    found = []
    for repeat in range(1, repeats + 1):
        t, level = 21.0 + rng.normal(0, 0.2), rng.uniform(-4, 4)
        tv, ta, p, rh = t - 0.3, 22.0 + rng.normal(0, 0.3), 1004.0 + rng.normal(0, 0.5), 52.0
        now_ml = (volume_ml + level) / (1 - gamma * (tv - T0))
        density = (tanaka(t) + saturation * (-0.004612 + 0.000106 * t)) * (1 + purity)
        density *= 1 + 4.59e-10 * (p - 1013.25) * 100
        air = moist_air(ta, p, rh)
        shown_g = now_ml / 1000.0 * (density - air) / (1 - air / 8000.0)
        # A thicker film stays behind in the drained measure: that much less was delivered.
        empty_g = 9000.0 + empty_bias + (rng.normal(0, film_u) if delivered else 0.0) + rng.normal(0, noise_g)
        reading = level + common + rng.normal(0, 0.2)
        found.append(
            Delivery(
                repeat,
                0.0,
                Level("neck", reading, "mL", 0.2, 0.4, ()),
                Weighing(9000.0 + shown_g + full_bias + rng.normal(0, noise_g), noise_g),
                Weighing(empty_g, noise_g),
                Ambient(t + water_bias, tv + vessel_bias, ta + air_bias, p + p_bias, rh + h_bias),
                30.0,
                30.0,
            )
        )
    run = GravimetricRun(tuple(found), item, standards, reading_scale(item, "mL"))
    errors = 20000.0 + np.array([d.level.value for d in found]) - run.volumes_model().value()
    repeatability = Input(
        "repeatability",
        0.0,
        float(errors.std(ddof=1)) / np.sqrt(repeats),
        "mL",
        Distribution.STUDENT,
        dof=repeats - 1,
    )
    result = propagate(run.error_model(found, repeatability, Input("r", 0.0, 0.4, "mL")), PROBABILITY)
    return abs(result.value - (20000.0 - volume_ml)) <= result.expanded


def transfer(rng: np.random.Generator) -> bool:
    """A 100 L vessel from five deliveries of a 20 L standard, one thermometer for both."""
    volume_s, gamma_s, gamma_x, u_t = 20.0 + rng.normal(0, 0.001), 47.7e-6, 33.5e-6, 0.03
    true_gamma_s, true_gamma_x = gamma_s + rng.normal(0, 2.4e-6), gamma_x + rng.normal(0, 3e-6)
    bias, t_x = rng.normal(0, u_t), 22.5
    deliveries, mass = [], 0.0
    for t in 20.5 + rng.uniform(0, 1, 5):
        reading = rng.uniform(-20, 20)
        mass += (volume_s + reading / 1000) * (1 + true_gamma_s * (t - T0)) * tanaka(t)
        seen = Measured(reading + rng.normal(0, 0.4), 0.4)
        deliveries.append(StandardDelivery(seen, t + bias))
    neck = rng.uniform(-50, 50)
    true_l = mass / tanaka(t_x) * (1 - true_gamma_x * (t_x - T0)) - neck / 1000
    model = transfer_model(
        StandardMeasure(Measured(20.0, 0.001), Measured(gamma_s, 2.4e-6), T0, "certificate"),
        deliveries,
        Receiver(
            Measured(neck + rng.normal(0, 2.0), 2.0), t_x + bias, Measured(gamma_x, 3e-6), T0, "drawing"
        ),
        thermometer_u_c=u_t,
        same_thermometer=True,
    )
    result = propagate(model, PROBABILITY)
    return abs(result.value - true_l) <= result.expanded


def incremental(rng: np.random.Generator) -> bool:
    """Eight increments of 500 L through a meter; the volume between the second and the last level."""
    k_u, rep_u, t_u, gamma = 2e-4, 1e-4, 0.05, 33.5e-6
    meter = MasterMeter((100.0, 400.0), (50.0, 50.2), k_u, rep_u, "certificate")
    meter_bias, tank_bias, k_error = rng.normal(0, t_u), rng.normal(0, t_u), rng.normal(0, k_u)
    true_gamma, start = gamma + rng.normal(0, 3e-6), 100.0 + rng.normal(0, 0.2)
    t_first, tanks_t = 20.0, 20.0 + rng.uniform(0, 3, 8)
    mass = start * tanaka(t_first) * (1 + true_gamma * (t_first - T0))
    increments, true = [], []
    for t in tanks_t:
        pulses, t_m = 25_050.0, 19.0 + rng.uniform(0, 2)
        passed = pulses / meter.k_factor(250.0) * (1 + rng.normal(0, rep_u)) / (1 + k_error)
        mass += passed * tanaka(t_m)
        true.append(mass / tanaka(t) * (1 - true_gamma * (t - T0)))
        increments.append(
            Increment(pulses, 250.0, t_m + meter_bias, 1013.25, t + tank_bias, 1013.25, reading=0.0)
        )
    model = incremental_model(
        meter,
        increments,
        Shell(Measured(gamma, 3e-6), T0, Measured(100.0, 0.2), t_first + tank_bias, "drawing"),
        Water(),
        meter_thermometer_u_c=t_u,
        tank_thermometer_u_c=t_u,
    )
    values, covariance = propagate_jointly(model)
    step = np.zeros(8)
    step[[1, 7]] = -1.0, 1.0
    return bool(abs(step @ values - (true[7] - true[1])) <= K * np.sqrt(step @ covariance @ step))


def _held(curve: Curve, true: Callable[[float], float], rng: np.random.Generator) -> bool:
    low, high = curve.domain
    x = float(rng.uniform(low, high))
    return abs(float(curve.volume(x)) - true(x)) <= K * float(curve.standard_uncertainty(x))


def _points(
    rng: np.random.Generator, x: np.ndarray, true: Callable[[np.ndarray], np.ndarray], u_v: float, u_x: float
) -> Points:
    """Readings and volumes with errors of their own, and one that all volumes share."""
    shared = 0.5 * u_v
    volumes = true(x) + rng.normal(0, u_v, x.size) + rng.normal(0, shared)
    covariance = np.eye(x.size) * u_v**2 + shared**2
    if u_x == 0:
        return Points(x, volumes, covariance)
    return Points(x + rng.normal(0, u_x, x.size), volumes, covariance, np.eye(x.size) * u_x**2)


def line_fit(rng: np.random.Generator) -> bool:
    """A line through eleven points, errors in both and a shared one, at a random reading."""
    points = _points(rng, np.linspace(-100.0, 100.0, 11), lambda x: 20.0 + 7.85 * x, 1.0, 0.1)
    return _held(fit_model(points, "line").curve, lambda x: 20.0 + 7.85 * x, rng)


def polynomial_fit(rng: np.random.Generator) -> bool:
    """A cubic through twenty points, errors in both and a shared one."""

    def true(x: np.ndarray) -> np.ndarray:
        return 5.0 + 3.0 * x + 0.02 * x**2 - 5e-5 * x**3

    points = _points(rng, np.linspace(0.0, 200.0, 20), true, 0.3, 0.02)
    return _held(fit_model(points, "polynomial-3").curve, lambda x: float(true(np.array(x))), rng)


def spline_fit(rng: np.random.Generator) -> bool:
    """A monotone spline with four knots through thirty points of a cubic."""

    def true(x: np.ndarray) -> np.ndarray:
        return 5.0 + 3.0 * x + 0.02 * x**2 - 5e-5 * x**3

    points = _points(rng, np.linspace(0.0, 200.0, 30), true, 0.3, 0.0)
    return _held(fit_model(points, "spline-4").curve, lambda x: float(true(np.array(x))), rng)


def tank_fit(rng: np.random.Generator) -> bool:
    """A lying cylinder, fitted from its drawing, dipped at twelve heights."""
    tank = Tank(Orientation.LYING, 1000.0 + rng.normal(0, 5), 5000.0 + rng.normal(0, 20))
    points = _points(rng, np.linspace(100.0, 1900.0, 12), lambda x: 1e-6 * tank.volume(x), 5.0, 0.0)
    drawn = TankShape(Tank(Orientation.LYING, 1000.0, 5000.0), ("radius", "length", "offset"), 1e-6)
    return _held(fit_tank(points, drawn).curve, lambda x: float(1e-6 * tank.volume(x)), rng)


def tilted_tank_fit(rng: np.random.Generator) -> bool:
    """A lying cylinder that is tilted by 20 mrad, dipped at twelve heights."""
    level = Tank(Orientation.LYING, 1000.0 + rng.normal(0, 5), 5000.0 + rng.normal(0, 20))
    tank = replace(level, tilt=0.02 + rng.normal(0, 0.002))
    points = _points(rng, np.linspace(150.0, 1850.0, 12), lambda x: 1e-6 * tank.volume(x), 2.0, 0.0)
    drawn = Tank(Orientation.LYING, 1000.0, 5000.0, tilt=0.015)
    fitted = fit_tank(points, TankShape(drawn, ("radius", "length", "offset", "tilt"), 1e-6))
    return _held(fitted.curve, lambda x: float(1e-6 * tank.volume(x)), rng)


def dead_reckoned(rng: np.random.Generator) -> bool:
    """A standing cylinder by its line, and the difference of two of its heights."""
    area = 1e-6 * pi * 750.0**2
    points = _points(rng, np.linspace(0.0, 2000.0, 12), lambda x: area * x, 2.0, 0.3)
    curve = fit_model(points, "line").curve
    a, b = np.sort(rng.uniform(points.x.min(), points.x.max(), 2))
    found, u = curve.difference(float(b), float(a))
    return bool(abs(found - area * (b - a)) <= K * u)


METHODS: dict[str, Callable[[np.random.Generator], bool]] = {
    "gravimetric, delivered": lambda rng: gravimetric(rng, VolumeKind.DELIVERED),
    "gravimetric, contained": lambda rng: gravimetric(rng, VolumeKind.CONTAINED),
    "transfer from a standard": transfer,
    "incremental through a meter": incremental,
    "line, errors in both": line_fit,
    "line, volume between two heights": dead_reckoned,
    "polynomial": polynomial_fit,
    "monotone spline": spline_fit,
    "lying tank": tank_fit,
    "lying tank, tilted": tilted_tank_fit,
}


def held(name: str, first: int, count: int) -> int:
    """How many of `count` calibrations hold the truth; the seeds are the method's and `first` onwards."""
    index = list(METHODS).index(name)
    return sum(METHODS[name](np.random.default_rng([index, seed])) for seed in range(first, first + count))


def measured(counts: dict[str, int], workers: int | None) -> dict[str, float]:
    """Share of the calibrations whose interval holds the truth, by method; each is printed as it is done."""
    part, shares = 50, {}
    with ProcessPoolExecutor(max_workers=workers or os.cpu_count()) as pool:
        jobs = {
            name: [pool.submit(held, name, start, min(part, n - start)) for start in range(0, n, part)]
            for name, n in counts.items()
        }
        for name, parts in jobs.items():
            shares[name] = sum(job.result() for job in parts) / counts[name]
            print(f"{name}: {shares[name]:.4f} of {counts[name]}", file=sys.stderr, flush=True)
    return shares


def main() -> int:
    """Simulate, print the table, write it where asked, and say whether every method holds what it states."""
    parser = argparse.ArgumentParser(description="coverage of the stated uncertainties")
    parser.add_argument("--calibrations", type=int, default=2000)
    parser.add_argument("--tanks", type=int, help="calibrations of each tank, whose fits take the longest")
    parser.add_argument("--workers", type=int, help="processes; as many as processors without it")
    parser.add_argument("--write", action="store_true", help="renew docs/reference/coverage.md")
    arguments = parser.parse_args()
    tanks = arguments.tanks or arguments.calibrations
    counts = {name: tanks if "tank" in name else arguments.calibrations for name in METHODS}
    shares = measured(counts, arguments.workers)
    rows = [
        f"| {name} | {counts[name]} | {100 * share:.1f} % | "
        f"{'' if LOWEST <= share <= HIGHEST else 'outside of 93 to 97 %'} |"
        for name, share in shares.items()
    ]
    own = 100 * np.sqrt(PROBABILITY * (1 - PROBABILITY) / arguments.calibrations)
    text = HEAD.format(n=arguments.calibrations, u=own) + "\n".join(rows) + "\n"
    print(text)
    if arguments.write:
        (ROOT / "docs" / "reference" / "coverage.md").write_text(text, encoding="utf-8")
    return 0 if all(LOWEST <= share <= HIGHEST for share in shares.values()) else 1


if __name__ == "__main__":
    sys.exit(main())

"""The published cases, each computed with the functions that calibrations use."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import numpy as np

from calibration.curve import line_curve
from calibration.least_squares import LineFit, fit_line
from calibration.monte_carlo import simulate, simulate_until_stable
from calibration.nonlinear import AnalyticRegression, fit_nonlinear
from calibration.polynomial import fit_polynomial
from calibration.propagation import Distribution, Input, Model, bounded, coverage_factor, propagate
from calibration.properties.air import air_density
from calibration.properties.water import water_density
from calibration.qualification.agreement import Agreement, CaseReport
from calibration.qualification.nist_models import NIST_MODELS
from calibration.tank_ends import End, Head
from calibration.tanks import Orientation, Tank
from calibration.volumes import gravimetric_volume_l

# Digits that NIST's sets must agree in (they are certified to 11 and more).
LINEAR_DIGITS, LINEAR_ERROR_DIGITS, FILIP_DIGITS = 9.0, 8.0, 7.0
NONLINEAR_DIGITS = 6.0
TANK_DIGITS = 9.0

CUBIC_INCHES_PER_GALLON = 231.0
SEED = 20080101
TRIALS = 2_000_000


@cache
def reference(name: str) -> Mapping[str, Any]:
    """The published numbers of a file in `calibration/reference`, as text where their digits count."""
    text = files("calibration").joinpath("reference", f"{name}.json").read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    return MappingProxyType(content)


def water_cases() -> Iterator[CaseReport]:
    """Density of water at the published temperatures."""
    data = reference("water")
    found = [
        Agreement("water", "Tanaka 2001", f"{t} °C", text, float(water_density(float(t))))
        for t, text in data["density_kg_m3"].items()
    ]
    found.append(
        Agreement(
            "water",
            "Tanaka 2001",
            "20 °C",
            data["density_20_c_kg_m3"],
            float(water_density(20.0)),
            required=14.0,
        )
    )
    yield CaseReport("water", "Tanaka 2001", data["source"], tuple(found))


def air_cases() -> Iterator[CaseReport]:
    """Density of air in the published conditions that lie within the range of the formula."""
    data = reference("air")
    found = []
    for case in data["cases"]:
        t, p, h = case["temperature_c"], case["pressure_pa"], case["relative_humidity"]
        if t >= 15:
            density = float(air_density(t, p / 100.0, 100.0 * h))
            found.append(Agreement("air", "CIPM-2007", f"{t} °C", case["density_kg_m3"], density))
    yield CaseReport("air", "CIPM-2007", data["source"], tuple(found))


def gravimetric_cases() -> Iterator[CaseReport]:
    """cg-19's model: volume, uncertainty, effective degrees of freedom, coverage factor."""
    data = reference("gravimetric")
    given = data["inputs"]

    def volume_ml(q: Any) -> Any:
        litres = gravimetric_volume_l(
            q["IL"] - q["IE"],
            water_density_kg_m3=water_density(q["t"]),
            air_density_kg_m3=1000.0 * q["ra"],
            weights_density_kg_m3=1000.0 * q["rb"],
            cubic_expansion_per_c=q["gamma"],
            vessel_temperature_c=q["t"],
            reference_temperature_c=20.0,
        )
        return 1000.0 * litres + q["men"] + q["rep"]

    read = [Input(s, given[s], given[f"u_{s}"]) for s in ("IL", "IE", "t", "ra", "rb", "gamma")]
    additive = [Input("men", 0.0, given["u_men"]), Input("rep", 0.0, given["u_rep"], dof=given["nu_rep"])]
    result = propagate(Model(volume_ml, (*read, *additive)), 0.95)
    computed = {
        "V0_mL": result.value,
        "u_mL": result.u,
        "nu_eff": result.dof,
        "k95": result.coverage_factor,
        "U95_mL": result.expanded,
    }
    yield _case(
        "gravimetric",
        "EURAMET cg-19",
        data["source"],
        data["expected"],
        computed,
        required={"u_mL": 10, "U95_mL": 10},
    )


def gum_cases() -> Iterator[CaseReport]:
    """GUM H.1 and H.3, JCGM 101 9.2 and 9.3."""
    data = reference("gum")
    yield _case("uncertainty", "GUM H.1", data["source"], data["h1"]["expected"], _h1())
    yield _case("uncertainty", "GUM H.3", data["source"], data["h3"]["expected"], _h3(data["h3"]))
    root3 = 3**0.5
    sums = {
        "9.2.2": tuple(Input(f"x{i}", 0.0, 1.0) for i in range(4)),
        "9.2.3": tuple(bounded(f"x{i}", 0.0, root3) for i in range(4)),
        "9.2.4": tuple(bounded(f"x{i}", 0.0, root3 * (10 if i == 3 else 1)) for i in range(4)),
    }
    for name, inputs in sums.items():
        result = simulate(Model(_total, inputs), 0.95, trials=TRIALS, seed=SEED)
        computed = {"u": result.u, "high": (result.high - result.low) / 2}
        yield _case("uncertainty", f"JCGM 101, {name}", data["source"], data["jcgm101"][name], computed)
    model = _mass_calibration()
    simulated = simulate_until_stable(model, 0.95, digits=2, seed=SEED)
    computed = {"u_first_order": propagate(model, 0.95).u, "u": simulated.u}
    yield _case("uncertainty", "JCGM 101, 9.3", data["source"], data["jcgm101"]["9.3"], computed)


def line_cases() -> Iterator[CaseReport]:
    """ISO/TS 28037's lines and what they predict; Pearson's data."""
    data = reference("lines")
    for case in data["cases"]:
        n = len(case["x"])
        fit = fit_line(
            case["x"],
            case["y"],
            y_covariance=case.get("y_covariance", case.get("u_y", [1.0] * n)),
            x_covariance=case.get("x_covariance", case.get("u_x")),
        )
        expected, computed = dict(case["expected"]), _line_numbers(fit)
        computed["chi2_unit_weights"] = fit.chi_squared
        if "u_y" in case:
            _predictions(case["predict"], fit, expected, computed)
        yield _case("lines", f"ISO/TS 28037, {case['name']}", data["source"], expected, computed)
    pearson = data["pearson_york"]
    fit = fit_line(
        pearson["x"],
        pearson["y"],
        y_covariance=np.power(pearson["wy"], -0.5),
        x_covariance=np.power(pearson["wx"], -0.5),
    )
    yield _case("lines", "Pearson–York", data["source"], pearson["expected"], _line_numbers(fit))


def polynomial_cases() -> Iterator[CaseReport]:
    """NIST's linear sets through the orthogonal basis."""
    data = reference("nist_linear")
    for name, case in data["datasets"].items():
        fit = fit_polynomial(case["x"], case["y"], case["degree"], y_covariance=np.ones(len(case["x"])))
        scale = fit.posterior_scale
        errors = np.sqrt(np.diag(fit.powers_covariance)) * scale
        digits = FILIP_DIGITS if name == "filip" else LINEAR_DIGITS
        label = f"NIST {name}"
        found = [
            Agreement("polynomials", label, f"b{k}", text, float(b), digits if len(text) > 8 else None)
            for k, (text, b) in enumerate(zip(case["beta"], fit.powers, strict=True))
        ]
        found += [
            Agreement("polynomials", label, f"s(b{k})", text, float(s), min(LINEAR_ERROR_DIGITS, digits))
            for k, (text, s) in enumerate(zip(case["se"], errors, strict=False))
        ]
        yield CaseReport("polynomials", label, data["source"], tuple(found))


def nonlinear_cases() -> Iterator[CaseReport]:
    """NIST's nonlinear sets from both starts, through the solver that fits tanks."""
    data = reference("nist_nonlinear")
    for name, case in data["datasets"].items():
        found = []
        for number, start in enumerate(case["starts"], start=1):
            fit = fit_nonlinear(
                AnalyticRegression(NIST_MODELS[name]),
                np.array(case["x"]),
                np.array(case["y"]),
                start,
                y_covariance=np.ones(len(case["y"])),
            )
            found += [
                Agreement(
                    "nonlinear fits",
                    f"NIST {name}",
                    f"b{k + 1} from start {number}",
                    text,
                    float(b),
                    NONLINEAR_DIGITS,
                )
                for k, (text, b) in enumerate(zip(case["certified"], fit.parameters, strict=True))
            ]
        yield CaseReport("nonlinear fits", f"NIST {name}", data["source"], tuple(found))


def tank_cases() -> Iterator[CaseReport]:
    """Jones' tanks."""
    data = reference("tanks")
    for case in data["tanks"]:
        end = End(Head(case["head"]), case["depth"])
        second = end if case["both_ends"] else End()
        orientation = Orientation(case["orientation"])
        tank = Tank(orientation, case["radius"], case["length"], end, second)
        label = f"Jones, {orientation.value}, {case['head']}{', inwards' if case['depth'] < 0 else ''}"
        found = tuple(
            Agreement(
                "tanks",
                label,
                f"{h} in",
                text,
                float(tank.volume(float(h))) / CUBIC_INCHES_PER_GALLON,
                TANK_DIGITS,
            )
            for h, text in case["gallons"].items()
        )
        yield CaseReport("tanks", label, data["source"], found)


CASES: tuple[Callable[[], Iterator[CaseReport]], ...] = (
    water_cases,
    air_cases,
    gravimetric_cases,
    gum_cases,
    line_cases,
    polynomial_cases,
    nonlinear_cases,
    tank_cases,
)


def _case(  # noqa: PLR0917  (one row of a report)
    group: str,
    name: str,
    source: str,
    expected: Mapping[str, str],
    computed: Mapping[str, float],
    required: Mapping[str, float] = MappingProxyType({}),
) -> CaseReport:
    found = tuple(
        Agreement(group, name, q, text, computed[q], required.get(q)) for q, text in expected.items()
    )
    return CaseReport(group, name, source, found)


def _line_numbers(fit: LineFit) -> dict[str, float]:
    u = np.sqrt(np.diag(fit.covariance))
    return {
        "a": fit.intercept,
        "b": fit.slope,
        "ua": float(u[0]),
        "ub": float(u[1]),
        "cov": float(fit.covariance[0, 1]),
        "chi2": fit.chi_squared,
    }


def _predictions(
    predict: Mapping[str, Any], fit: LineFit, expected: dict[str, str], computed: dict[str, float]
) -> None:
    """Adds what the line predicts forward and inverse, clause 11."""
    curve = line_curve(fit, (0.0, 10.0))
    for p in predict.get("forward", []):
        x, u = float(p["x"]), float(p["ux"])
        expected |= {f"y({x})": p["y"], f"u(y({x}))": p["uy"]}
        computed[f"y({x})"] = float(curve.volume(x))
        computed[f"u(y({x}))"] = float(curve.standard_uncertainty(x, u))
    for p in [predict["inverse"]] if "inverse" in predict else []:
        y, u = float(p["y0"]), float(p["u"])
        expected |= {f"x({y})": p["x"], f"u(x({y}))": p["ux"]}
        computed[f"x({y})"] = float(curve.reading(y))
        computed[f"u(x({y}))"] = float(curve.reading_standard_uncertainty(y, u))


def _total(q: Any) -> Any:
    return sum(q.values())


def _mass_calibration() -> Model:
    """JCGM 101:2008, 9.3."""

    def deviation(q: Any) -> Any:
        buoyancy = (q["rho_a"] - 1.2) * (1 / q["rho_w"] - 1 / q["rho_r"])
        return (q["m_r"] + q["delta"]) * (1 + buoyancy) - 100000.0

    inputs = (
        Input("m_r", 100000.0, 0.050),
        Input("delta", 1.234, 0.020),
        bounded("rho_a", 1.20, 0.10),
        bounded("rho_w", 8000.0, 1000.0),
        bounded("rho_r", 8000.0, 50.0),
    )
    return Model(deviation, inputs)


def _h1() -> dict[str, float]:
    """GUM H.1: the length of an end gauge in nm."""

    def length(q: Any) -> Any:
        d = q["d0"] + q["d1"] + q["d2"]
        theta = q["theta"] + q["delta"]
        return q["ls"] + d - q["ls"] * (q["d_alpha"] * theta + q["alpha_s"] * q["d_theta"])

    inputs = (
        Input("ls", 50000623, 25, dof=18),
        Input("d0", 215, 5.8, dof=24),
        Input("d1", 0, 3.9, dof=5),
        Input("d2", 0, 6.7, dof=8),
        bounded("alpha_s", 11.5e-6, 2e-6),
        bounded("d_alpha", 0, 1e-6, dof=50),
        bounded("d_theta", 0, 0.05, dof=2),
        Input("theta", -0.1, 0.2),
        bounded("delta", 0, 0.5, Distribution.ARCSINE),
    )
    result = propagate(Model(length, inputs), 0.99)
    # The GUM rounds uc to 32 nm and truncates its degrees of freedom to 16 before it goes on.
    u, k = float(round(result.u)), coverage_factor(0.99, int(result.dof))
    return {"l": result.value, "uc": result.u, "nu_eff": float(int(result.dof)), "k99": k, "U99": k * u}


def _h3(given: Mapping[str, Any]) -> dict[str, float]:
    """GUM H.3: the correction line of a thermometer."""
    x = np.array(given["t"]) - given["t0"]
    fit = fit_line(x, given["b"], y_covariance=np.ones(x.size))
    curve = line_curve(replace(fit, covariance=fit.covariance * fit.posterior_scale**2), (0.0, 12.0))
    u = np.sqrt(np.diag(curve.covariance))
    return {
        "y1": fit.intercept,
        "y2": fit.slope,
        "u1": float(u[0]),
        "u2": float(u[1]),
        "r": float(curve.covariance[0, 1] / (u[0] * u[1])),
        "s": fit.posterior_scale,
        "b30": float(curve.volume(10.0)),
        "u_b30": float(curve.standard_uncertainty(10.0)),
    }

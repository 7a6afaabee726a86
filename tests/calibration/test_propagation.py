"""First-order propagation against the GUM's and cg-19's own examples."""

from collections.abc import Callable
from math import inf, sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.errors import CalibrationError, UnsuitableModelError
from calibration.propagation import (
    Distribution,
    Input,
    Model,
    bounded,
    coverage_factor,
    propagate,
    propagate_jointly,
)
from calibration.properties.water import water_density
from calibration.volumes import gravimetric_volume_l


def cg19_model(inputs: dict[str, float]) -> Model:
    """The worked case in cg-19's form, through the project's own volume formula."""

    def v0(q: Any) -> Any:
        volume_l = gravimetric_volume_l(
            q["IL"] - q["IE"],
            water_density_kg_m3=water_density(q["t"]),
            air_density_kg_m3=1000.0 * q["ra"],
            weights_density_kg_m3=1000.0 * q["rb"],
            cubic_expansion_per_c=q["gamma"],
            vessel_temperature_c=q["t"],
            reference_temperature_c=20.0,
        )
        return 1000.0 * volume_l + q["men"] + q["rep"]

    read = [Input(s, inputs[s], inputs[f"u_{s}"]) for s in ("IL", "IE", "t", "ra", "rb", "gamma")]
    additive = [Input("men", 0.0, inputs["u_men"]), Input("rep", 0.0, inputs["u_rep"], dof=inputs["nu_rep"])]
    return Model(v0, (*read, *additive))


def test_cg19_case(oracle: Callable[[str], Any]) -> None:
    """Volume, uncertainty, degrees of freedom, factor and expanded uncertainty to every published digit."""
    case = oracle("gravimetric_cg19.json")["case"]
    expected, result = case["expected"], propagate(cg19_model(case["inputs"]), 0.95)
    assert result.value == pytest.approx(expected["V0_mL"], rel=1e-13)
    assert result.u == pytest.approx(expected["u_mL"], rel=1e-11)
    assert result.dof == pytest.approx(expected["nu_eff"], abs=5e-7)
    assert result.coverage_factor == pytest.approx(expected["k95"], abs=5e-8)
    assert result.expanded == pytest.approx(expected["U95_mL"], rel=1e-10)
    assert sum(row.share for row in result.budget) == pytest.approx(1.0, rel=1e-12)


def test_the_level_of_the_coverage_factor_is_explicit() -> None:
    """cg-19's k = 2.15 at 19 degrees of freedom belongs to 95.45 %; 95 % gives 2.09."""
    assert coverage_factor(0.95, 19) == pytest.approx(2.0930, abs=5e-5)
    assert coverage_factor(0.9545, 19) == pytest.approx(2.1405, abs=5e-4)
    assert coverage_factor(0.9545) == pytest.approx(2.0, abs=1e-4)
    assert coverage_factor(0.95, inf) == pytest.approx(1.95996398, abs=1e-8)


def test_gum_h1_end_gauge() -> None:
    """GUM H.1: l = 50 000 838 nm, uc = 32 nm, 16 degrees of freedom, U99 = 93 nm with k = 2.92."""

    def length(q: Any) -> Any:
        d = q["d0"] + q["d1"] + q["d2"]
        theta = q["theta"] + q["delta"]
        return q["ls"] + d - q["ls"] * (q["d_alpha"] * theta + q["alpha_s"] * q["d_theta"])

    result = propagate(
        Model(
            length,
            (
                Input("ls", 50000623, 25, dof=18),
                Input("d0", 215, 5.8, dof=24),
                Input("d1", 0, 3.9, dof=5),
                Input("d2", 0, 6.7, dof=8),
                bounded("alpha_s", 11.5e-6, 2e-6),
                bounded("d_alpha", 0, 1e-6, dof=50),
                bounded("d_theta", 0, 0.05, dof=2),
                Input("theta", -0.1, 0.2),
                bounded("delta", 0, 0.5, Distribution.ARCSINE),
            ),
        ),
        0.99,
    )
    assert round(result.value) == 50000838
    assert result.u == pytest.approx(31.6638791, abs=5e-8)
    assert int(result.dof) == 16
    assert round(coverage_factor(0.99, int(result.dof)), 2) == 2.92
    assert round(coverage_factor(0.99, int(result.dof)) * 32) == 93


def test_correlated_inputs() -> None:
    """Two equal corrections from one standard add up, and their difference vanishes (GUM 5.2.2, F.1.2.3)."""
    pair = (Input("a", 5.0, 0.3), Input("b", 5.0, 0.3))
    together = {("a", "b"): 1.0}
    assert propagate(Model(lambda q: q["a"] + q["b"], pair, together), 0.95).u == pytest.approx(0.6)
    assert propagate(Model(lambda q: q["a"] - q["b"], pair, together), 0.95).u == pytest.approx(
        0.0, abs=1e-12
    )
    half = propagate(Model(lambda q: q["a"] + q["b"], pair, {("b", "a"): 0.5}), 0.95)
    assert half.u == pytest.approx(0.3 * sqrt(3))
    assert [row.share for row in half.budget] == pytest.approx([0.5, 0.5])


def test_several_outputs_share_their_inputs() -> None:
    """GUM H.2: resistance, reactance and impedance with the published uncertainties and correlations."""
    inputs = (
        Input("V", 4.9990, 0.0032, "V"),
        Input("I", 19.6610e-3, 0.0095e-3, "A"),
        Input("phi", 1.04446, 0.00075, "rad"),
    )
    correlations = {("V", "I"): -0.36, ("V", "phi"): 0.86, ("I", "phi"): -0.65}

    def impedance(q: Any) -> Any:
        z = q["V"] / q["I"]
        return np.stack([z * np.cos(q["phi"]), z * np.sin(q["phi"]), z], axis=-1)

    values, covariance = propagate_jointly(Model(impedance, inputs, correlations))
    u = np.sqrt(np.diag(covariance))
    assert values == pytest.approx([127.732, 219.847, 254.260], abs=6e-4)
    assert u == pytest.approx([0.071, 0.295, 0.236], rel=0.02)
    assert covariance[0, 1] / (u[0] * u[1]) == pytest.approx(-0.588, abs=0.02)
    assert covariance[1, 2] / (u[1] * u[2]) == pytest.approx(0.993, abs=0.01)


def test_degrees_of_freedom_of_correlated_inputs() -> None:
    """Inputs from the same observations count as one; different degrees of freedom cannot be combined."""
    same = (Input("a", 1.0, 0.1, dof=5), Input("b", 2.0, 0.2, dof=5))
    result = propagate(Model(lambda q: q["a"] + q["b"], same, {("a", "b"): 0.7}), 0.95)
    assert result.dof == pytest.approx(5.0)
    different = (Input("a", 1.0, 0.1, dof=5), Input("b", 2.0, 0.2, dof=9))
    with pytest.raises(
        UnsuitableModelError, match="a, b are correlated and have different degrees of freedom"
    ):
        propagate(Model(lambda q: q["a"] + q["b"], different, {("a", "b"): 0.7}), 0.95)


def test_inputs_that_cannot_be_are_named() -> None:
    """A negative or unknown uncertainty, a repeated symbol, an impossible correlation: one sentence each."""
    with pytest.raises(
        CalibrationError, match="t_w: the standard uncertainty must be finite and ≥ 0 °C, not -1"
    ):
        Input("t_w", 20.0, -1.0, "°C")
    with pytest.raises(
        CalibrationError, match="t_w: the standard uncertainty must be finite and ≥ 0, not nan"
    ):
        Input("t_w", 20.0, float("nan"))
    with pytest.raises(CalibrationError, match="input symbols must differ: a, a"):
        Model(lambda q: q["a"], (Input("a", 1, 1), Input("a", 2, 1)))
    with pytest.raises(CalibrationError, match=r"must lie in \[-1, 1\], not 1.5"):
        Model(lambda q: q["a"], (Input("a", 1, 1), Input("b", 2, 1)), {("a", "b"): 1.5})
    with pytest.raises(CalibrationError, match="not positive semidefinite"):
        three = tuple(Input(s, 1, 1) for s in "abc")
        Model(lambda q: q["a"], three, {("a", "b"): 1.0, ("b", "c"): 1.0, ("a", "c"): -1.0})
    with pytest.raises(CalibrationError, match="a coverage probability lies between 0 and 1, not 95"):
        coverage_factor(95)


@given(
    value=st.floats(0.1, 100),
    u=st.floats(1e-6, 1),
    power=st.one_of(st.floats(-3, -0.01), st.floats(0.01, 3)),
)
def test_sensitivity_of_a_power(value: float, u: float, power: float) -> None:
    """The sensitivity of x^p is p·x^(p-1) to rounding, whatever x and p."""
    result = propagate(Model(lambda q: q["x"] ** power, (Input("x", value, u),)), 0.95)
    assert result.u == pytest.approx(abs(power) * value ** (power - 1) * u, rel=1e-12, abs=1e-300)

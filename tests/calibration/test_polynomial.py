"""Polynomials against NIST's linear reference sets, and the properties of their basis."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nist_strd import digits, linear

from calibration.errors import CalibrationError, UnsuitableModelError
from calibration.polynomial import fit_polynomial, orthogonal_basis

SETS = ["norris", "pontius", "filip", "wampler1", "wampler2", "wampler3", "wampler5"]


@pytest.mark.parametrize("name", SETS)
def test_nist_strd_linear(shared: Path, name: str) -> None:
    """Parameters agree to 12 digits, standard errors and the residual deviation to 12 (Filip's degree is
    10).
    """
    x, y, answers = linear(shared / "oracles", name)
    fit = fit_polynomial(x, y, answers["degree"], y_covariance=np.ones(x.size))
    scale = fit.posterior_scale
    assert digits(fit.powers, answers["beta"]) >= 12
    assert digits(np.sqrt(np.diag(fit.powers_covariance)) * scale, answers["se"]) >= 12
    assert digits(scale, answers["residual_sd"]) >= 12


def test_filip_holds_without_exact_refinement(shared: Path) -> None:
    """With a covariance matrix there is no exact refinement, and the orthogonal basis alone gives 7
    digits.
    """
    x, y, answers = linear(shared / "oracles", "filip")
    fit = fit_polynomial(x, y, 10, y_covariance=np.eye(x.size))
    assert digits(fit.powers, answers["beta"]) >= 7


def test_full_covariance_agrees_with_the_textbook() -> None:
    """With correlated y the fit is the generalised least squares solution, (XᵀU⁻¹X)⁻¹XᵀU⁻¹y."""
    rng = np.random.default_rng(5)
    x = np.linspace(0, 3, 9)
    root = rng.normal(size=(9, 9))
    covariance = root @ root.T + np.eye(9)
    y = 1 + x - 0.5 * x**2 + rng.normal(size=9)
    fit = fit_polynomial(x, y, 2, y_covariance=covariance)
    design = np.vander(x, 3, increasing=True)
    weights = np.linalg.inv(covariance)
    expected = np.linalg.inv(design.T @ weights @ design)
    assert fit.powers == pytest.approx(expected @ design.T @ weights @ y, rel=1e-9)
    assert fit.powers_covariance == pytest.approx(expected, rel=1e-9)
    assert fit.dof == 6


def test_basis_is_orthonormal_and_its_derivative_right() -> None:
    """The basis is orthonormal with its weights, and its derivatives are those of finite differences."""
    x = np.linspace(-3, 40, 60)
    weights = np.linspace(1, 5, 60)
    basis = orthogonal_basis(x, 8, weights)
    values = basis.values(x)
    assert values.T @ (weights[:, np.newaxis] * values) == pytest.approx(np.eye(9), abs=1e-10)
    step = 1e-5
    difference = (basis.values(x + step) - basis.values(x - step)) / (2 * step)
    assert basis.derivatives(x) == pytest.approx(difference, rel=1e-6, abs=1e-7)


@given(
    coefficients=st.lists(st.floats(-100, 100), min_size=1, max_size=7),
    low=st.floats(-1e3, 1e3),
    width=st.floats(0.1, 1e3),
)
def test_exact_polynomials_come_back(coefficients: list[float], low: float, width: float) -> None:
    """A polynomial's own values give the polynomial back, whatever its degree and the range of x."""
    x = low + width * np.linspace(0, 1, 12)
    t = (x - low) / width
    y = np.polynomial.polynomial.polyval(t, coefficients)
    fit = fit_polynomial(x, y, len(coefficients) - 1, y_covariance=np.ones(12))
    size = max(1e-6, float(np.abs(y).max()))
    assert np.abs(fit.basis.values(x) @ fit.coefficients - y).max() <= 1e-9 * size


def test_what_cannot_be_fitted() -> None:
    """Too few different x, a negative uncertainty, a covariance that is none: one sentence each."""
    with pytest.raises(UnsuitableModelError, match="degree 3 needs 4 different x, not 2"):
        fit_polynomial([0, 0, 1, 1], [0, 0, 1, 1], 3, y_covariance=np.ones(4))
    with pytest.raises(CalibrationError, match="every y needs a positive standard uncertainty"):
        fit_polynomial([0, 1, 2], [0, 1, 2], 1, y_covariance=[1, 0, 1])
    with pytest.raises(CalibrationError, match="not positive definite"):
        fit_polynomial([0, 1], [0, 1], 1, y_covariance=[[1, 2], [2, 1]])
    with pytest.raises(CalibrationError, match="lies between 0 and 20, not 21"):
        fit_polynomial([0, 1], [0, 1], 21, y_covariance=[1, 1])

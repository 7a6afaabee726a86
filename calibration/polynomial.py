"""Polynomials fitted in a basis that is orthogonal on the data, so that a high degree loses no digits.

G. E. Forsythe, Generation and use of orthogonal polynomials for data-fitting with a digital computer, J.
SIAM 5 (1957) 74-88, on x scaled to [-1, 1]. Powers of x come from the basis in exact rational arithmetic,
and so does one refinement of the solution: that is what makes NIST's StRD sets come out to ten digits and
more.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import sqrt
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import LinAlgError, cholesky, solve_triangular

from calibration.chi_squared import JudgedByChiSquared
from calibration.errors import CalibrationError, UnsuitableModelError

Array = NDArray[np.float64]

DEGREE_MAX = 20

# Exact arithmetic costs about a microsecond a term; beyond this many the double precision solution stands.
_EXACT_TERMS_MAX = 50_000
_REFINEMENTS = 3


@dataclass(frozen=True)
class PolynomialBasis:
    """Polynomials p_0 … p_d in t = (x - centre) / half_width, by a three-term recurrence.

    p_0 = 1 / norms[0] and norms[k + 1] · p_{k+1} = (t - shifts[k]) · p_k - norms[k] · p_{k-1}.
    """

    centre: float
    half_width: float
    shifts: tuple[float, ...]
    norms: tuple[float, ...]

    @property
    def degree(self) -> int:
        """The highest degree d."""
        return len(self.shifts)

    def values(self, x: Array) -> Array:
        """p_k(x), shape (n, d + 1)."""
        t = (x - self.centre) / self.half_width
        columns = [np.full_like(t, 1.0 / self.norms[0])]
        for k, shift in enumerate(self.shifts):
            following = (t - shift) * columns[k]
            if k:
                following = following - self.norms[k] * columns[k - 1]
            columns.append(following / self.norms[k + 1])
        return np.stack(columns, axis=-1)

    def derivatives(self, x: Array) -> Array:
        """dp_k/dx, shape (n, d + 1)."""
        t = (x - self.centre) / self.half_width
        values = self.values(x)
        columns = [np.zeros_like(t)]
        for k, shift in enumerate(self.shifts):
            following = (t - shift) * columns[k] + values[..., k]
            if k:
                following = following - self.norms[k] * columns[k - 1]
            columns.append(following / self.norms[k + 1])
        return np.stack(columns, axis=-1) / self.half_width

    def powers(self) -> list[list[Fraction]]:
        """Exact coefficients of x^j in p_k: row k, column j."""
        scale = 1 / Fraction(self.half_width)
        rows = [[1 / Fraction(self.norms[0])]]
        for k, shift in enumerate(self.shifts):
            offset = Fraction(self.centre) * scale + Fraction(shift)
            following = [Fraction(0)] * (k + 2)
            for j, c in enumerate(rows[k]):
                following[j + 1] += scale * c
                following[j] -= offset * c
            for j, c in enumerate(rows[k - 1] if k else []):
                following[j] -= Fraction(self.norms[k]) * c
            rows.append([c / Fraction(self.norms[k + 1]) for c in following])
        width = self.degree + 1
        return [[*row, *[Fraction(0)] * (width - len(row))] for row in rows]


@dataclass(frozen=True)
class PolynomialFit(JudgedByChiSquared):
    """A fitted polynomial Σ c_k p_k(x) with the covariance of c, shape (d + 1, d + 1).

    `powers`: its coefficients of 1, x, x² …; `powers_covariance` theirs. `residuals`: y less the polynomial.
    `dof` = n - d - 1.
    """

    through_all: ClassVar[str] = "a polynomial through every point says nothing about its uncertainties"

    basis: PolynomialBasis
    coefficients: Array
    covariance: Array
    powers: Array
    powers_covariance: Array
    chi_squared: float
    dof: int
    residuals: Array


def fit_polynomial(x: ArrayLike, y: ArrayLike, degree: int, *, y_covariance: ArrayLike) -> PolynomialFit:
    """Weighted least squares polynomial through n points with exact x.

    `y_covariance`: standard uncertainties, shape (n,), or a covariance matrix, shape (n, n).
    Raises `UnsuitableModelError` for fewer different x than coefficients, `CalibrationError` for data that
    cannot be.
    """
    xs, ys = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    given = np.asarray(y_covariance, dtype=np.float64)
    _demand_data(xs, ys, given, degree)
    root = np.diag(given) if given.ndim == 1 else _cholesky(given)
    basis = orthogonal_basis(xs, degree, 1.0 / given**2 if given.ndim == 1 else 1.0 / np.diag(given))
    whitened = solve_triangular(root, basis.values(xs), lower=True)
    q, r = np.linalg.qr(whitened)
    inverse = np.linalg.inv(r)
    coefficients = np.asarray(inverse @ (q.T @ solve_triangular(root, ys, lower=True)))
    covariance = np.asarray(inverse @ inverse.T)
    exact = [Fraction(c) for c in coefficients.tolist()]
    rows = basis.powers()
    if given.ndim == 1 and xs.size * (degree + 1) <= _EXACT_TERMS_MAX:
        exact, residuals = _refined(xs, ys, given, rows, coefficients=exact, covariance=covariance)
        coefficients = np.array([float(c) for c in exact])
    else:
        residuals = ys - basis.values(xs) @ coefficients
    powers = [
        sum((c * row[j] for c, row in zip(exact, rows, strict=True)), Fraction(0)) for j in range(degree + 1)
    ]
    to_powers = np.array([[float(c) for c in row] for row in rows]).T
    scaled = solve_triangular(root, residuals, lower=True)
    return PolynomialFit(
        basis=basis,
        coefficients=coefficients,
        covariance=covariance,
        powers=np.array([float(p) for p in powers]),
        powers_covariance=np.asarray(to_powers @ covariance @ to_powers.T),
        chi_squared=float(scaled @ scaled),
        dof=xs.size - degree - 1,
        residuals=residuals,
    )


def orthogonal_basis(x: Array, degree: int, weights: Array) -> PolynomialBasis:
    """Polynomials that are orthonormal on the points x with these weights (to rounding)."""
    low, high = float(x.min()), float(x.max())
    centre, half_width = (low + high) / 2, (high - low) / 2 or 1.0
    t = (x - centre) / half_width
    norms = [sqrt(float(weights.sum()))]
    columns = [np.full_like(t, 1.0 / norms[0])]
    shifts: list[float] = []
    for k in range(degree):
        shifts.append(float(weights @ (t * columns[k] ** 2)))
        following = (t - shifts[k]) * columns[k]
        if k:
            following = following - norms[k] * columns[k - 1]
        norms.append(sqrt(float(weights @ following**2)))
        columns.append(following / norms[k + 1])
    return PolynomialBasis(centre, half_width, tuple(shifts), tuple(norms))


def _refined(
    xs: Array,
    ys: Array,
    u: Array,
    rows: list[list[Fraction]],
    *,
    coefficients: list[Fraction],
    covariance: Array,
) -> tuple[list[Fraction], Array]:
    """The coefficients after refinement with exact residuals and an exact gradient, and the residuals."""
    x_exact, y_exact = [Fraction(v) for v in xs.tolist()], [Fraction(v) for v in ys.tolist()]
    weights = [1 / Fraction(v) ** 2 for v in u.tolist()]
    basis = [[_horner(row, x) for row in rows] for x in x_exact]
    for _ in range(_REFINEMENTS):
        residuals = _exact_residuals(basis, y_exact, coefficients)
        weighted = [w * r for w, r in zip(weights, residuals, strict=True)]
        gradient = [
            float(sum((row[k] * r for row, r in zip(basis, weighted, strict=True)), Fraction(0)))
            for k in range(len(coefficients))
        ]
        correction = covariance @ np.array(gradient)
        coefficients = [c + Fraction(d) for c, d in zip(coefficients, correction.tolist(), strict=True)]
    return coefficients, np.array([float(r) for r in _exact_residuals(basis, y_exact, coefficients)])


def _exact_residuals(
    basis: list[list[Fraction]], ys: list[Fraction], coefficients: list[Fraction]
) -> list[Fraction]:
    return [
        y - sum((c * p for c, p in zip(coefficients, row, strict=True)), Fraction(0))
        for y, row in zip(ys, basis, strict=True)
    ]


def _horner(row: list[Fraction], x: Fraction) -> Fraction:
    value = Fraction(0)
    for c in reversed(row):
        value = value * x + c
    return value


def _cholesky(matrix: Array) -> Array:
    try:
        return np.asarray(cholesky(matrix, lower=True))
    except LinAlgError:
        raise CalibrationError("the covariance of y is not positive definite") from None


def _demand_data(xs: Array, ys: Array, given: Array, degree: int) -> None:
    n = xs.size
    if not 0 <= degree <= DEGREE_MAX:
        raise CalibrationError(f"a polynomial's degree lies between 0 and {DEGREE_MAX}, not {degree}")
    if xs.ndim != 1 or ys.shape != xs.shape:
        raise CalibrationError(
            f"x and y must be rows of equal length, not of shapes {xs.shape} and {ys.shape}"
        )
    if given.shape not in ((n,), (n, n)):
        raise CalibrationError(f"y_covariance must have shape ({n},) or ({n}, {n}), not {given.shape}")
    for name, values in (("x", xs), ("y", ys), ("y_covariance", given)):
        if not np.all(np.isfinite(values)):
            at = np.argwhere(~np.isfinite(values))[0].tolist()
            raise CalibrationError(f"{name} holds a number that is not finite at {at}")
    if given.ndim == 1 and not np.all(given > 0):
        at = int(np.argmax(~(given > 0)))
        raise CalibrationError(f"every y needs a positive standard uncertainty: y[{at}] has {given[at]:g}")
    different = np.unique(xs).size
    if different < degree + 1:
        raise UnsuitableModelError(
            f"a polynomial of degree {degree} needs {degree + 1} different x, not {different}"
        )

"""Which model is chosen for data whose truth is known, and what is refused."""

import numpy as np
import pytest

from calibration.errors import CalibrationError, UnsuitableModelError
from calibration.fitted import Points
from calibration.model_choice import choose_model, fit_model
from calibration.tanks import Orientation, Tank


def points(v: np.ndarray, u: float, x: np.ndarray, *, known: bool = True, seed: int = 0) -> Points:
    """Points with normal errors of standard deviation u."""
    noisy = v + np.random.default_rng(seed).normal(0, u, v.size)
    return Points(x, noisy, np.eye(v.size) * u**2, None, known)


def test_a_line_is_called_a_line() -> None:
    """In 20 simulated necks the line is chosen nearly always, and the sentence says why."""
    x = np.linspace(-240, 240, 13)
    chosen = [choose_model(points(20000 + 1.001 * x, 0.3, x, seed=s)).chosen.name for s in range(20)]
    assert chosen.count("line") >= 16
    choice = choose_model(points(20000 + 1.001 * x, 0.3, x, seed=1))
    assert choice.sentence.startswith("line has the lowest AICc (")
    assert choice.chosen.cross_validated == pytest.approx(0.3, rel=0.6)


def test_a_lying_tank_is_recognised() -> None:
    """Volumes of a lying cylinder are described by the tank, with its dimensions; lines and parabolas are
    rejected.
    """
    x = np.linspace(0.02, 2.4, 40)
    truth = Tank(Orientation.LYING, 1.25, 6.0)
    choice = choose_model(points(truth.volume(x), 0.004, x), 1.0)
    assert choice.chosen.name == "tank-lying"
    assert choice.chosen.fitted is not None
    assert choice.chosen.fitted.curve.parameters[:2] == pytest.approx([1.25, 6.0], rel=5e-3)
    assert "χ² rejects line" in choice.sentence


def test_a_tilted_tank_is_recognised() -> None:
    """A tilt that the level tank cannot describe is found."""
    x = np.linspace(0.2, 2.3, 40)
    truth = Tank(Orientation.LYING, 1.25, 6.0, tilt=0.05)
    fitted = fit_model(points(truth.volume(x), 0.002, x), "tank-lying-tilted", 1.0)
    assert fitted.p_value is not None
    assert fitted.p_value > 1e-3
    assert abs(fitted.curve.parameters[3]) == pytest.approx(0.05, abs=0.003)
    level = fit_model(points(truth.volume(x), 0.002, x), "tank-lying", 1.0)
    assert level.p_value is not None
    assert level.p_value < 1e-6


def test_unknown_scale_comes_from_the_residuals() -> None:
    """Without stated uncertainties the covariance is scaled by the residuals, and χ² tests nothing."""
    x = np.linspace(0, 10, 40)
    raw = points(2 * x, 0.5, x)
    known = fit_model(raw, "line")
    unknown = fit_model(Points(raw.x, raw.v, np.eye(40), None, scale_known=False), "line")
    ratio = np.sqrt(unknown.curve.covariance[1, 1] / known.curve.covariance[1, 1])
    assert ratio == pytest.approx(1.0, abs=0.25)
    assert choose_model(Points(raw.x, raw.v, np.eye(40), None, scale_known=False)).chosen.suitable is None


def test_data_that_nothing_describes_are_refused() -> None:
    """Jumps that no model follows are refused with each model's reason, not reported with small numbers."""
    x = np.arange(12.0)
    jumps = np.cumsum([1, 9, 1, 9, 1, 9, 1, 9, 1, 9, 1, 9.0])
    with pytest.raises(UnsuitableModelError, match=r"no model describes the 12 points: line: χ² = .*p = "):
        choose_model(points(jumps, 0.01, x))


def test_names_that_are_no_models() -> None:
    """An unknown model, a tank without lengths, and too many parameters are named."""
    x = np.arange(5.0)
    with pytest.raises(
        CalibrationError, match=r"a model is one of auto, line, polynomial-N, .*, not 'circle'"
    ):
        fit_model(points(x, 0.1, x), "circle")
    with pytest.raises(CalibrationError, match="tank-lying needs readings that are lengths"):
        fit_model(points(x, 0.1, x), "tank-lying")
    with pytest.raises(UnsuitableModelError, match="degree 7 needs 8 different x, not 5"):
        fit_model(points(x, 0.1, x), "polynomial-7")

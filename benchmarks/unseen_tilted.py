"""Lying tanks that are tilted, with heads and noise: fitted from their drawing, judged at other heights."""

from dataclasses import dataclass, replace

import numpy as np

from benchmarks.unseen_tables import random_head
from calibration.fitted import FittedCurve, Points
from calibration.model_choice import SUITABILITY_LEVEL
from calibration.propagation import coverage_factor
from calibration.tank_curve import TankShape, fit_tank
from calibration.tanks import Orientation, Tank

HELD_OUT = 5
LITRES = 1e-6  # in a cubic millimetre
K = coverage_factor(0.95)
# Noncentrality of χ² with which the untilted shape misses the volumes without noise: from here on a test at
# 5 % with twenty degrees of freedom refuses it in more than 99 of 100 cases.
TILT_MATTERS = 60.0


@dataclass(frozen=True)
class TiltedCase:
    """A tank in mm, what was read of it, and its drawing: near to it, but level."""

    tank: Tank
    points: Points
    drawing: Tank
    u_volume_l: float

    def fitted(self, *, tilted: bool) -> FittedCurve:
        """The curve with radius, length and offset free, and the tilt with `tilted`."""
        if tilted:
            start = replace(self.drawing, tilt=0.01)
            return fit_tank(self.points, TankShape(start, ("radius", "length", "offset", "tilt"), LITRES))
        level = replace(self.drawing, tilt=0.0)
        return fit_tank(self.points, TankShape(level, ("radius", "length", "offset"), LITRES))


def tilted_case(rng: np.random.Generator) -> TiltedCase:
    """A tank of 1 to 3 m diameter with equal or different heads, tilted by 5 to 40 mrad either way, dipped at
    18 to 30 heights.
    """
    radius, tilt = rng.uniform(500, 1500), rng.choice([-1, 1]) * rng.uniform(0.005, 0.04)
    length = radius * rng.uniform(3, 8)
    first = random_head(rng, radius, inwards=False)
    second = first if rng.random() < 0.8 else random_head(rng, radius, inwards=False)
    tank = Tank(Orientation.LYING, radius, length, first, second, tilt=tilt)
    heights = np.linspace(rng.uniform(0.08, 0.15), rng.uniform(0.85, 0.93), int(rng.integers(18, 31)))
    heights = np.round(heights * 2 * radius)
    volumes = LITRES * tank.volume(heights)
    u = float(volumes[-1]) * 10.0 ** rng.uniform(-4.3, -3.3)
    shared = 0.3 * u  # what the flow meter adds to every volume alike
    n = heights.size
    seen = volumes + rng.normal(0, u, n) + rng.normal(0, shared)
    points = Points(heights, seen, u**2 * np.eye(n) + shared**2)
    drawing = replace(
        tank, radius=radius * (1 + rng.normal(0, 0.005)), length=length * (1 + rng.normal(0, 0.005))
    )
    return TiltedCase(tank, points, replace(drawing, tilt=0.0), u)


def held(case: TiltedCase, rng: np.random.Generator) -> list[bool]:
    """Whether the fitted curve is within its U of the truth, at heights that were not read."""
    curve = case.fitted(tilted=True).curve
    heights = rng.uniform(*curve.domain, HELD_OUT)
    miss = np.abs(curve.volume(heights) - LITRES * case.tank.volume(heights))
    return [bool(b) for b in miss <= K * curve.standard_uncertainty(heights)]


def tilt_matters(case: TiltedCase) -> float:
    """χ² of the untilted shape on the volumes without their noise."""
    exact = LITRES * case.tank.volume(case.points.x)
    return replace(case, points=replace(case.points, v=exact)).fitted(tilted=False).chi_squared


def refused(fitted: FittedCurve) -> bool:
    """Whether χ² refuses a fit at 5 %."""
    return fitted.p_value is not None and fitted.p_value < SUITABILITY_LEVEL

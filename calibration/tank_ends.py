"""The ends of tanks: their shapes, their depths, and the profile along the axis that the volume integral
needs.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import asin, cos, isfinite
from typing import Any

from calibration.errors import CalibrationError


class Head(StrEnum):
    """The shape of an end."""

    FLAT = "flat"
    CONICAL = "conical"
    ELLIPSOIDAL = "ellipsoidal"
    SPHERICAL = "spherical"
    TORISPHERICAL = "torispherical"


@dataclass(frozen=True)
class End:
    """A head: `depth` along the axis, positive outwards, negative for one that bulges into the tank.

    A torispherical head is given by `dish` and `knuckle`, its radii over the tank's diameter (ASME F&D: 1.0
    and 0.06); its depth follows from them.
    """

    head: Head = Head.FLAT
    depth: float = 0.0
    dish: float = 1.0
    knuckle: float = 0.06


FLAT_END = End()


def end_depth(end: End, radius: float) -> float:
    """Depth of a head along the axis, negative inwards. Raises `CalibrationError` for a shape that cannot
    be.
    """
    match end.head:
        case Head.FLAT:
            return 0.0
        case Head.TORISPHERICAL:
            if not (0 < end.knuckle < 0.5 and end.dish >= 0.5):
                raise CalibrationError(
                    f"a torispherical head has a knuckle below 0.5 and a dish of at least 0.5 diameters, "
                    f"not {end.knuckle:g} and {end.dish:g}"
                )
            crown, knuckle = toroid_depths(end, radius)
            return float(crown + knuckle)
        case Head.SPHERICAL if not 0 < abs(end.depth) <= radius * (1 + 1e-12):
            raise CalibrationError(
                f"a spherical head is at most {radius:g} deep, and not flat: not {end.depth:g}"
            )
        case _ if end.depth == 0 or not isfinite(end.depth):
            raise CalibrationError(f"a {end.head} head needs a depth that is not zero, not {end.depth:g}")
        case _:
            return end.depth


def toroid_depths(end: End, radius: Any) -> tuple[Any, Any]:
    """Depths of the crown and of the knuckle of a torispherical head."""
    alpha = asin((1 - 2 * end.knuckle) / (2 * (end.dish - end.knuckle)))
    return 2 * radius * end.dish * (1 - cos(alpha)), 2 * radius * end.knuckle * cos(alpha)


def profile(end: End, a: float, r: Any) -> list[tuple[Any, ...]]:
    """Start, stop, offset, square, linear and constant of a head's parts, of depth a on a cylinder of radius
    r.
    """
    match end.head:
        case Head.CONICAL:
            return [(0.0, a, 0.0, (r / a) ** 2, -2 * r**2 / a, r**2)]
        case Head.ELLIPSOIDAL:
            return [(0.0, a, 0.0, -((r / a) ** 2), 0.0, r**2)]
        case Head.SPHERICAL:
            back = (r**2 + a**2) / (2 * a) - a  # distance of the sphere's centre behind the tangent line
            return [(0.0, a, 0.0, -1.0, -2 * back, r**2)]
        case _:
            crown, knuckle = toroid_depths(end, r)
            small, large = 2 * r * end.knuckle, 2 * r * end.dish
            back = large - crown - knuckle
            return [
                (0.0, knuckle, r - small, -1.0, 0.0, small**2),
                (knuckle, knuckle + crown, 0.0, -1.0, -2 * back, large**2 - back**2),
            ]

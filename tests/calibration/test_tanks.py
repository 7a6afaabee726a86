"""Tank shapes against published volumes, closed forms, and their own derivatives."""

from collections.abc import Callable
from dataclasses import replace
from math import pi
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.errors import CalibrationError, OutOfRangeError
from calibration.tank_ends import End, Head
from calibration.tanks import Orientation, Tank

LYING, STANDING = Orientation.LYING, Orientation.STANDING
CUBIC_INCHES_PER_GALLON = 231.0


def jones_tank(group: str, shape: str) -> Tank:
    """The tank of a group and shape of Jones' examples, in inches."""
    kind = Head(shape.split("_", 1)[0])
    if group.startswith("horizontal"):
        end = End(kind) if kind is Head.TORISPHERICAL else End(kind, 42.0)
        return Tank(LYING, 54.0, 156.0, end, end)
    if "concave" in group:
        return Tank(STANDING, 56.5, 200.0, End(kind, -33.0))
    return Tank(STANDING, 66.0, 200.0, End(kind, 33.0))


def test_jones(oracle: Callable[[str], Any]) -> None:
    """Every published volume, all shapes and heights, to 1e-11."""
    checked = 0
    for group, shapes in oracle("tank_geometry_jones.json").items():
        for shape, volumes in shapes.items() if not group.startswith("_") else ():
            tank = jones_tank(group, shape)
            for height, gallons in volumes.items():
                actual = float(tank.volume(float(height))) / CUBIC_INCHES_PER_GALLON
                assert actual == pytest.approx(gallons, rel=1e-11)
                checked += 1
    assert checked == 31


def test_closed_forms() -> None:
    """A sphere, a cone, a half-full cylinder, an ellipsoid: what the textbook says."""
    sphere = Tank(LYING, 2.0, 0.0, End(Head.SPHERICAL, 2.0), End(Head.SPHERICAL, 2.0))
    assert float(sphere.volume(1.0)) == pytest.approx(pi * (6 - 1) / 3, rel=1e-12)
    assert sphere.capacity() == pytest.approx(4 / 3 * pi * 8, rel=1e-12)
    cone = Tank(STANDING, 1.0, 1.0, End(Head.CONICAL, 3.0))
    assert float(cone.volume(1.5)) == pytest.approx(pi * 0.5**2 * 1.5 / 3, rel=1e-12)
    assert float(Tank(LYING, 1.5, 4.0).volume(1.5)) == pytest.approx(pi * 1.5**2 * 2, rel=1e-13)
    ellipsoid = Tank(STANDING, 1.0, 0.0, End(Head.ELLIPSOIDAL, 0.5), End(Head.ELLIPSOIDAL, 0.5))
    assert ellipsoid.capacity() == pytest.approx(4 / 3 * pi * 0.5, rel=1e-12)


def test_a_tilted_cylinder_has_its_closed_form() -> None:
    """Dipped at its middle and half full, a tilted cylinder holds half; at its low end, the hoof of the
    textbook.
    """
    tank = Tank(LYING, 1.0, 6.0, tilt=0.05, gauge=3.0)
    assert float(tank.volume(1.0)) == pytest.approx(3 * pi, rel=1e-12)
    # A plane through the lowest point of one end and the axis' height at the other: the cylindrical wedge
    # 2/3 r² h.
    steep = Tank(LYING, 1.0, 2.0, tilt=np.arctan(0.5), gauge=0.0)
    assert float(steep.volume(1.0)) == pytest.approx(2 / 3 * 2.0, rel=1e-12)


def test_lying_and_standing_agree() -> None:
    """A cube-like cylinder on its side, tilted by 30°, holds what the leaning standing one holds below that
    plane.
    """
    angle = pi / 6
    lying = Tank(LYING, 1.0, 2.0, tilt=angle, gauge=1.0)
    standing = Tank(STANDING, 1.0, 2.0, tilt=0.2)
    assert float(lying.volume(1.0)) == pytest.approx(pi, rel=1e-12)
    assert float(standing.volume(1.0)) == pytest.approx(pi, rel=1e-12)


TANKS = [
    Tank(LYING, 1.5, 7.0, End(Head.TORISPHERICAL), End(Head.ELLIPSOIDAL, 0.5), tilt=0.03, gauge=2.0),
    Tank(LYING, 1.5, 7.0, End(Head.CONICAL, -0.4), End(Head.SPHERICAL, 0.6)),
    Tank(STANDING, 1.5, 4.0, End(Head.TORISPHERICAL), End(Head.CONICAL, 0.5)),
    Tank(STANDING, 1.5, 4.0, End(Head.ELLIPSOIDAL, -0.7), End(Head.SPHERICAL, 0.5)),
    Tank(STANDING, 1.5, 4.0, End(Head.ELLIPSOIDAL, 0.7), End(Head.SPHERICAL, -0.5), tilt=0.05),
]


@pytest.mark.parametrize("tank", TANKS, ids=[f"{i}" for i in range(len(TANKS))])
def test_derivatives(tank: Tank) -> None:
    """The surface and the sensitivities to every dimension are the slopes of the volume."""
    heights = np.linspace(0.01, tank.height - 0.05, 25)
    step = 1e-5
    slope = (tank.volume(heights + step) - tank.volume(heights - step)) / (2 * step)
    assert tank.surface(heights) == pytest.approx(slope, abs=1e-7 * float(np.max(slope)))
    for name in ("radius", "length", "tilt", "gauge"):
        if name == "tilt" and tank.upright:
            continue
        value = getattr(tank, name)
        above, below = (replace(tank, **{name: value + d}).volume(heights) for d in (step, -step))
        assert tank.sensitivity(heights, [name])[:, 0] == pytest.approx(
            (above - below) / (2 * step), abs=2e-5
        )


@settings(max_examples=60)
@given(
    radius=st.floats(0.1, 10),
    length=st.floats(0, 30),
    depth=st.floats(0.05, 1),
    tilt=st.floats(-0.1, 0.1),
    head=st.sampled_from([Head.CONICAL, Head.ELLIPSOIDAL, Head.SPHERICAL, Head.TORISPHERICAL]),
    orientation=st.sampled_from(list(Orientation)),
)
def test_volumes_grow_and_are_finite(  # noqa: PLR0917  (hypothesis names them)
    radius: float, length: float, depth: float, tilt: float, head: Head, orientation: Orientation
) -> None:
    """Whatever the tank, the volume never falls, is never negative, and is never more than the capacity."""
    end = End(head, depth * radius)
    tank = Tank(orientation, radius, length, end, end, tilt=tilt, gauge=length / 2)
    volumes = tank.volume(np.linspace(0, tank.height, 101))
    capacity = tank.capacity()
    assert np.all(np.isfinite(volumes))
    assert np.diff(volumes).min() >= -1e-11 * capacity
    assert volumes.min() >= -1e-12 * capacity
    assert volumes.max() <= capacity * (1 + 1e-11)


def test_impossible_tanks_are_named() -> None:
    """Dimensions that cannot be, and heights outside, are errors with the number in them."""
    with pytest.raises(CalibrationError, match="the radius of a tank must be positive, not 0"):
        Tank(LYING, 0.0, 1.0)
    with pytest.raises(CalibrationError, match=r"spherical head is at most 1 deep, and not flat: not 1\.5"):
        Tank(LYING, 1.0, 1.0, End(Head.SPHERICAL, 1.5))
    with pytest.raises(CalibrationError, match="a conical head needs a depth that is not zero"):
        Tank(LYING, 1.0, 1.0, End(Head.CONICAL))
    with pytest.raises(CalibrationError, match="heads that reach 3 inwards do not fit in a length of 2"):
        Tank(STANDING, 2.0, 2.0, End(Head.ELLIPSOIDAL, -1.5), End(Head.ELLIPSOIDAL, -1.5))
    with pytest.raises(OutOfRangeError, match=r"height 2\.1 is outside the tank's 0 to 2"):
        Tank(LYING, 1.0, 1.0).volume([1.0, 2.1])
    with pytest.raises(CalibrationError, match="'colour' is not a dimension"):
        Tank(LYING, 1.0, 1.0).sensitivity(1.0, ["colour"])

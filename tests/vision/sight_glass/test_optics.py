"""Glass and liquid displace what is seen as Snell's law says."""

from math import asin, atan, sin, tan

import pytest

from vision.sight_glass.optics import GLASS_INDEX, Column

COLUMN = Column(inner_radius_mm=7.5, outer_radius_mm=9.0, liquid_index=1.333)


def test_a_level_sight_displaces_nothing() -> None:
    """At right angles to the walls no ray bends."""
    assert COLUMN.sink_mm(0.0) == 0.0
    assert COLUMN.inside_slope(0.0) == 0.0


@pytest.mark.parametrize("rise", [0.05, -0.05, 0.01])
def test_the_axis_sinks_by_what_a_ray_loses_on_its_way(rise: float) -> None:
    """Followed face by face, a ray arrives at the axis lower than the straight line, by `sink_mm`."""
    angle = atan(rise)
    in_glass, in_liquid = asin(sin(angle) / GLASS_INDEX), asin(sin(angle) / 1.333)
    height = -9.0 * rise  # where the straight line that meets the axis at zero enters the glass
    height += (9.0 - 7.5) * tan(in_glass)
    height += 7.5 * tan(in_liquid)

    assert COLUMN.sink_mm(rise) == pytest.approx(-height)
    assert COLUMN.inside_slope(rise) == pytest.approx(tan(in_liquid))

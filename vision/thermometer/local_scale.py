"""A numbered scale in a turned picture: the reading at a place, corrected by the marks around it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vision.camera_model import Lens
from vision.graduation import Graduation
from vision.marks import MarkColumn
from vision.sight_glass.scene import mark_lines
from vision.station import Direction
from vision.thermometer.turned import Turn, TurnedLens

Points = NDArray[np.float64]
MarkLines = tuple[tuple[float, float, float, float, str], ...]

LOCAL_MARKS = 2.0  # standard deviation, in marks, of the neighbourhood that corrects the lattice
ASTRAY = 0.3  # divisions: a mark so far from its place is not one


@dataclass(frozen=True)
class Place:
    """What the scale says of a point: `divisions` from its zero with the standard uncertainty `u`.

    `spacing_px` is the distance of neighbouring marks there, in pixels of the picture; `upright` the ideal
    upright pixel (2,).
    """

    divisions: float
    u: float
    spacing_px: float
    upright: Points


@dataclass(frozen=True)
class LocalScale:
    """The `graduation` of the upright picture of `turn`, for points of the picture itself."""

    turn: Turn
    graduation: Graduation
    lens: Lens

    @property
    def grows_up(self) -> bool:
        """Whether values grow upwards in the upright picture."""
        return self.graduation.scale.increases is Direction.UP

    def ideal(self, points: Points) -> Points:
        """Ideal upright pixels (n, 2) of `points` (n, 2) of the picture."""
        if not self.lens.known:
            return self.turn.upright(points)
        return self.turn.upright(self.lens.ideal(points))

    @cached_property
    def _off(self) -> NDArray[np.float64]:
        """By how many divisions the lattice is beyond each mark."""
        column = self.graduation.column
        middles = TurnedLens.behind(self.lens, self.turn).ideal(0.5 * (column.near + column.far))
        return np.asarray(self.graduation.lattice.number(middles) - column.index, np.float64)

    def at(self, point: Points) -> Place:
        """The reading at a `point` (2,) of the picture.

        The lattice holds for the whole scale; the marks around the point correct it for what it leaves: a
        bent lens, a scale that is not evenly divided.
        """
        lattice, column = self.graduation.lattice, self.graduation.column
        upright = self.ideal(point[None])
        x, y = float(upright[0, 0]), float(upright[0, 1])
        number = float(lattice.number(upright)[0])
        weight = np.exp(-0.5 * ((column.index - number) / LOCAL_MARKS) ** 2) * (np.abs(self._off) < ASTRAY)
        total = float(weight.sum())
        correction = local_u = 0.0
        if total >= 1.0:  # else the point lies past the end marks
            correction = float(weight @ self._off) / total
            scatter = float(np.sqrt(weight @ (self._off - correction) ** 2 / total))
            local_u = scatter * float(np.sqrt(weight @ weight)) / total
        seen = float(self.graduation.division_at(upright)[0])
        return Place(
            divisions=seen + (correction if self.grows_up else -correction),
            u=float(np.hypot(lattice.number_u((x, y)), local_u)),
            spacing_px=lattice.pixels_per_mark((x, y)) / self.turn.scale,
            upright=upright[0],
        )

    @cached_property
    def marks(self) -> MarkLines:
        """The marks as lines in the picture, with the numbers of the numbered ones."""
        return marks_in_picture(self.graduation.column, self.graduation.labels, self.turn)


def marks_in_picture(column: MarkColumn, labels: tuple[str, ...], turn: Turn) -> MarkLines:
    """The marks as lines in the picture, with their labels, empty where `labels` has none."""
    lines = mark_lines(column, labels)
    ends = np.array([line[:4] for line in lines], np.float64).reshape(-1, 2)
    placed = turn.picture(ends).reshape(-1, 4).tolist()
    return tuple((x0, y0, x1, y1, line[4]) for (x0, y0, x1, y1), line in zip(placed, lines, strict=True))

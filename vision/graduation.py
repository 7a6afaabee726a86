"""A scale as a ruler: from the marks of a plate to the value that belongs to a point of the picture."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vision.camera_model import Lens
from vision.labels import BAD, FARTHEST, Labels, best_zero, printed_misfit
from vision.marks import MarkColumn
from vision.reading import Reason
from vision.station import Direction, Scale

FLOOR_PX = (
    0.01  # what the marks' centres may be wrong by together, beyond their scatter: an eighth of a gray step
)


@dataclass(frozen=True)
class Lattice:
    """Mark numbers over the picture: n = (p₀ + p₁x + p₂y + p₃xy)/(1 + p₄y), in centred, scaled ideal pixels.

    The term in y below the line is the tilt of the camera, the product the yaw. `covariance` (5, 5) is that
    of `terms`, `scatter_px` the robust standard deviation of a mark's centre about the lattice.
    """

    terms: NDArray[np.float64]
    covariance: NDArray[np.float64]
    centre: tuple[float, float]
    size: float
    scatter_px: float
    used: NDArray[np.bool_]

    def _scaled(self, points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return (points[:, 0] - self.centre[0]) / self.size, (points[:, 1] - self.centre[1]) / self.size

    def number(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """The mark number at ideal `points` (n, 2); fractions lie between marks."""
        x, y = self._scaled(points)
        p = self.terms
        return np.asarray((p[0] + p[1] * x + p[2] * y + p[3] * x * y) / (1 + p[4] * y), np.float64)

    def number_u(self, point: tuple[float, float]) -> float:
        """Standard uncertainty of `number` at an ideal point, from the scatter of the marks."""
        x, y = self._scaled(np.asarray([point], np.float64))
        n = self.number(np.asarray([point], np.float64))
        below = 1 + self.terms[4] * y
        slope = np.asarray([1.0, x[0], y[0], x[0] * y[0], -n[0] * y[0]]) / below[0]
        floor = FLOOR_PX / self.pixels_per_mark(point)
        return float(np.sqrt(slope @ self.covariance @ slope + floor**2))

    def pixels_per_mark(self, point: tuple[float, float]) -> float:
        """Distance between neighbouring marks along the plate, in pixels, at an ideal point."""
        here = np.asarray([point, (point[0] + 1, point[1]), (point[0], point[1] + 1)], np.float64)
        n = self.number(here)
        return float(1 / max(1e-9, np.hypot(n[1] - n[0], n[2] - n[0])))

    def y_at(self, number: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
        """The ideal y at which the mark `number` passes the ideal `x`."""
        p, s = self.terms, (x - self.centre[0]) / self.size
        y = (p[0] + p[1] * s - number) / (number * p[4] - p[2] - p[3] * s)
        return np.asarray(self.centre[1] + self.size * y, np.float64)


@dataclass(frozen=True)
class Graduation:
    """The plate of a station in one picture: `value` = (`zero_number` ± lattice number) · division."""

    scale: Scale
    column: MarkColumn
    lattice: Lattice
    zero_number: int
    notes: tuple[str, ...] = ()

    @property
    def _sense(self) -> int:
        """Lattice numbers grow downwards in the picture."""
        return 1 if self.scale.increases is Direction.DOWN else -1

    def division_at(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """The reading of the plate at ideal `points` (n, 2), in divisions from the scale's zero."""
        return self._sense * (self.lattice.number(points) - self.zero_number)

    def number_of(self, divisions: NDArray[np.float64]) -> NDArray[np.float64]:
        """The lattice number of a reading in divisions."""
        return np.asarray(self.zero_number + self._sense * divisions, np.float64)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The number on each mark of `column`, empty where the mark carries none."""
        every = self.scale.label_every or self.scale.major_every
        texts = []
        for number in self.column.index:
            division = round(self._sense * (int(number) - self.zero_number))
            numbered = every is not None and division % every == 0
            texts.append(f"{division * self.scale.division:g}" if numbered else "")
        return tuple(texts)


@dataclass(frozen=True)
class NumberingFault:
    """Why the marks could not be given their numbers."""

    reason: Reason
    detail: str


def fit_lattice(column: MarkColumn, lens: Lens) -> Lattice | None:
    """The lattice through the marks, robust against marks that are not; None when too few agree."""
    points = np.vstack((lens.ideal(column.near), lens.ideal(column.far)))
    n = np.concatenate((column.index, column.index)).astype(np.float64)
    centre = points.mean(axis=0)
    size = float(max(1.0, np.ptp(points[:, 1]) / 2))
    x, y = ((points - centre) / size).T
    one = np.ones_like(x)
    design = np.column_stack((one, x, y, x * y, -n * y))
    pixels = 2 * size / max(1.0, float(np.ptp(n)))
    # the camera's yaw and tilt are small: without this a short, noisy plate would invent them
    prior = np.diag([0.0, 0.0, 0.0, (pixels / size / 0.5) ** 2, (1 / 0.2) ** 2]) * (0.02 / pixels) ** 2
    weights = one.copy()
    terms = np.zeros(5)
    scatter = 1.0
    for _ in range(6):
        normal = design.T @ (design * weights[:, None]) + prior
        terms = np.linalg.solve(normal, design.T @ (weights * n))
        residual = (n - design @ terms) / (1 + terms[4] * y)
        typical = np.median(np.abs(residual[weights > 0]))
        scatter = max(1.4826 * float(typical), 0.002 / pixels)
        weights = np.clip(1 - (residual / (4.5 * scatter)) ** 2, 0, None) ** 2
        weights[np.abs(residual) > 0.3] = 0
    used = weights > 0.05
    if used.sum() < 0.6 * len(n) or scatter > 0.12:
        return None
    normal = design.T @ (design * weights[:, None]) + prior
    covariance = np.linalg.inv(normal) * scatter**2 * 2  # the halves of a mark err together
    return Lattice(
        terms=terms,
        covariance=np.asarray(covariance, np.float64),
        centre=(float(centre[0]), float(centre[1])),
        size=size,
        scatter_px=scatter * pixels,
        used=used[: column.count] & used[column.count :],
    )


def number_marks(
    column: MarkColumn,
    lattice: Lattice,
    scale: Scale,
    seen_rows: tuple[int, int],
    labels: Labels | None = None,
) -> Graduation | NumberingFault:
    """Gives the marks the station's numbers, checked against what is seen of the scale.

    `seen_rows` are the first and last row in which marks would be seen. Every numbering that puts the long
    marks where the station says, and keeps all marks between `first` and `last`, is a candidate; where the
    plate goes on blank beyond a last mark, that must be the end of the scale. The widths of the printed
    `labels` decide between candidates, and object to one that is off by a label or more.
    """
    if scale.increases is None:
        return NumberingFault(Reason.AMBIGUOUS, "the station does not say in which direction the scale grows")
    sense = 1 if scale.increases is Direction.DOWN else -1
    notes: tuple[str, ...] = ()
    phase = _long_phase(column, scale.major_every)
    if scale.first is None or scale.last is None:
        candidates = _any_zero(column, scale, phase)
        notes = ("first and last are not stated: the numbering follows the widths of the printed numbers",)
    else:
        candidates = _stated_zeros(column, scale, sense, phase, _blank_ends(column, seen_rows))
        if not candidates:
            return NumberingFault(
                Reason.INCONSISTENT_NUMBERING,
                f"the {column.index[-1] - column.index[0] + 1} marks in a row, the long ones among them and "
                f"where they end do not fit a scale from {scale.first:g} to {scale.last:g}",
            )
    zero = candidates[0] if len(candidates) == 1 else None
    if zero is None and labels is not None:
        zero = best_zero(labels, candidates, sense, scale.division)
    if zero is None:
        return NumberingFault(
            Reason.AMBIGUOUS, f"the {column.count} marks that are seen fit more than one numbering"
        )
    if labels is not None and scale.first is not None and _off_by_labels(labels, zero, sense, scale):
        return NumberingFault(
            Reason.INCONSISTENT_NUMBERING,
            "the numbers printed on the plate are not those that the station states",
        )
    if phase is None:
        notes = (*notes, "the numbering was not checked against long marks")
    return Graduation(scale=scale, column=column, lattice=lattice, zero_number=zero, notes=notes)


def _stated_zeros(
    column: MarkColumn, scale: Scale, sense: int, phase: int | None, blank: tuple[bool, bool]
) -> list[int]:
    """The lattice numbers of the zero that agree with `first`, `last`, the long marks and the ends."""
    assert scale.first is not None and scale.last is not None
    numbers = column.index
    low, high = round(scale.first / scale.division), round(scale.last / scale.division)
    count, seen = high - low + 1, int(numbers[-1] - numbers[0]) + 1
    top = low if sense > 0 else -high  # sense times the division of the topmost mark of the plate
    zeros = [int(numbers[0]) - top - shift for shift in range(count - seen + 1)]
    if phase is not None and scale.major_every:
        zeros = [zero for zero in zeros if (zero - phase) % scale.major_every == 0]
    if blank[0]:
        zeros = [zero for zero in zeros if int(numbers[0]) - zero == top]
    if blank[1]:
        zeros = [zero for zero in zeros if int(numbers[-1]) - zero == top + count - 1]
    return zeros


def _any_zero(column: MarkColumn, scale: Scale, phase: int | None) -> list[int]:
    """The zeros that are worth a try where the station does not say where the scale begins and ends."""
    if phase is None or not scale.major_every:
        return []
    span = FARTHEST * (scale.label_every or scale.major_every)
    low, high = int(column.index[0]) - span, int(column.index[-1]) + span
    return [zero for zero in range(low, high + 1) if (zero - phase) % scale.major_every == 0]


def _off_by_labels(labels: Labels, zero: int, sense: int, scale: Scale) -> bool:
    """Whether the printed widths speak for another numbering, and against this one."""
    every = scale.label_every or scale.major_every
    if every is None or printed_misfit(labels, zero, sense, scale.division) < BAD:
        return False
    others = [zero + k * every for k in range(-FARTHEST, FARTHEST + 1) if k]
    return best_zero(labels, others, sense, scale.division) is not None


def _long_phase(column: MarkColumn, every: int | None) -> int | None:
    """The remainder that the numbers of the long marks have modulo `every`; None where it does not show."""
    if every is None or every < 2 or column.count < 2 * every:
        return None
    groups = [column.length[column.index % every == phase] for phase in range(every)]
    medians = np.asarray([np.median(group) if len(group) else -np.inf for group in groups])
    order = np.argsort(medians)
    if medians[order[-1]] < 1.1 * medians[order[-2]]:
        return None
    return int(order[-1])


def _blank_ends(column: MarkColumn, seen_rows: tuple[int, int]) -> tuple[bool, bool]:
    """Whether there is room in the picture for another mark above the first and below the last."""
    y = 0.5 * (column.near[:, 1] + column.far[:, 1])
    room = 1.6 * column.period
    return bool(y[0] > seen_rows[0] + room), bool(y[-1] < seen_rows[1] - 1 - room)

"""Volume of liquid in tanks of physical shape: cylinders with heads, lying or standing, level or tilted.

Every tank here is a solid of revolution: a cylinder with a head at each end. The liquid is what lies under a
plane; the volume is the integral along the axis of the circular segment that the plane cuts from the
cross-section there. The closed forms of the literature (D. Jones, Computing fluid tank volumes) are special
cases of this integral; it is taken by the double exponential rule (H. Takahasi, M. Mori, 1974) between the
points where the plane enters or leaves the shell, to about 1e-13.
Lengths are in any one unit, volumes in its cube; angles in radians.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import isfinite, pi
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.errors import CalibrationError, OutOfRangeError
from calibration.tank_ends import FLAT_END, End, Head, end_depth, profile, toroid_depths

Array = NDArray[np.float64]

_STEP = 0.11  # of the double exponential rule
_REACH = 3.1
_U = np.arange(-_REACH, _REACH + _STEP / 2, _STEP)
# Nodes in [0, 1], kept as distances from both ends, and weights.
_FROM_LOW = 1 / (1 + np.exp(-pi * np.sinh(_U)))
_WEIGHTS = _STEP * pi * np.cosh(_U) * _FROM_LOW / (1 + np.exp(pi * np.sinh(_U)))
_COMPLEX_STEP = 1e-30
_CHUNK = 1024  # heights at once
_SPAN_MIN = 1e-12  # of the radius; a shorter part has no places within it
_LEAN_MIN = 1e-6  # rad; less lean changes a standing tank's volume by less than its square


class Orientation(StrEnum):
    """Whether the axis lies or stands."""

    LYING = "lying"
    STANDING = "standing"


@dataclass(frozen=True)
class Tank:
    """A cylinder of `radius` and `length` with a head at each end.

    Lying: `tilt` is the angle by which the second end is raised, `gauge` the distance of the dip from the
    first end's tangent line; the height is measured there, from the shell's lowest line, perpendicular to
    the axis. Standing: the first end is at the bottom, `tilt` the lean of the axis; the height is measured
    along the axis, from the lowest point of the bottom (from its rim where the head bulges inwards).
    Raises `CalibrationError` for dimensions that cannot be.
    """

    orientation: Orientation
    radius: float
    length: float
    first: End = FLAT_END
    second: End = FLAT_END
    tilt: float = 0.0
    gauge: float = 0.0

    def __post_init__(self) -> None:
        for name in ("radius", "length", "tilt", "gauge"):
            if not isfinite(getattr(self, name)):
                raise CalibrationError(
                    f"the {name} of a tank must be a finite number, not {getattr(self, name)}"
                )
        if not self.radius > 0:
            raise CalibrationError(f"the radius of a tank must be positive, not {self.radius:g}")
        if self.length < 0:
            raise CalibrationError(f"the length of a tank must not be negative, not {self.length:g}")
        if not abs(self.tilt) < pi / 4:
            raise CalibrationError(
                f"a tilt beyond 45° makes a lying tank a standing one: not {self.tilt:g} rad"
            )
        inwards = sum(max(-end_depth(end, self.radius), 0.0) for end in (self.first, self.second))
        if inwards > self.length:
            raise CalibrationError(
                f"heads that reach {inwards:g} inwards do not fit in a length of {self.length:g}"
            )

    @property
    def height(self) -> float:
        """The largest height that can be measured."""
        if self.orientation is Orientation.LYING:
            return 2 * self.radius
        outwards = [max(end_depth(end, self.radius), 0.0) for end in (self.first, self.second)]
        return self.length + sum(outwards)

    @property
    def upright(self) -> bool:
        """Whether this is a standing tank that does not lean (by a microradian or more)."""
        return self.orientation is Orientation.STANDING and abs(self.tilt) < _LEAN_MIN

    def capacity(self) -> float:
        """Volume of the whole tank."""
        upright = replace(self, orientation=Orientation.STANDING, tilt=0.0)
        return float(upright.volume(upright.height))

    def volume(self, height: ArrayLike) -> Array:
        """Volume under the liquid's plane at these heights, shape of `height`. Raises `OutOfRangeError`."""

        def part(cut: _Cut) -> Array:
            return _integrated(cut, _segment(cut.radius, cut.y))

        return self._summed(height, part)

    def surface(self, height: ArrayLike) -> Array:
        """Derivative of the volume with respect to the height, shape of `height`. Raises
        `OutOfRangeError`.
        """

        def part(cut: _Cut) -> Array:
            if cut.y_rate == 0:  # a level plane through a standing tank
                return pi * cut.edge_radius**2
            return _integrated(cut, _chord(cut.radius, cut.y) * cut.y_rate)

        return self._summed(height, part)

    def sensitivity(self, height: ArrayLike, names: Sequence[str]) -> Array:
        """∂V/∂(each of radius, length, tilt, gauge that is named) at these heights, shape (…, names).

        Exact: the derivatives of the parts, by a complex step, under the integral. Heads keep their depth (a
        torispherical one its proportions). Raises `OutOfRangeError`, and `CalibrationError` for another
        name, or the tilt of a standing tank that does not lean.
        """
        stepped = []
        for name in names:
            if name not in ("radius", "length", "tilt", "gauge"):
                raise CalibrationError(f"{name!r} is not a dimension of a tank")
            if name == "tilt" and self.upright:
                raise CalibrationError(
                    "the volume of a standing tank has no first derivative in its lean at zero"
                )
            d = self._dimensions()
            stepped.append(replace(d, **{name: getattr(d, name) + 1j * _COMPLEX_STEP}))

        def part(cut: _Cut) -> Array:
            segment, wetted, chord = (f(cut.radius, cut.y) for f in (_segment, _wetted, _chord))
            return np.stack([_varied(cut, self, d, segment, wetted, chord) for d in stepped], axis=-1)

        return self._summed(height, part)

    def _dimensions(self) -> "_Dimensions":
        return _Dimensions(self.radius, self.length, self.tilt, self.gauge)

    def _summed(self, height: ArrayLike, part: Callable[["_Cut"], Array]) -> Array:
        """The sum of `part` over the pieces, in chunks of heights that bound the memory."""
        heights = self._heights(height)
        flat, dimensions = heights.ravel(), self._dimensions()
        pieces = _pieces(self, dimensions)
        totals = [
            sum(piece.sign * part(_cut(self, dimensions, index, chunk)) for index, piece in enumerate(pieces))
            for chunk in np.array_split(flat, max(1, -(-flat.size // _CHUNK)))
        ]
        joined = np.concatenate(totals)
        return np.asarray(joined.reshape(heights.shape + joined.shape[1:]))

    def _heights(self, height: ArrayLike) -> Array:
        heights = np.asarray(height, dtype=np.float64)
        outside = ~((heights >= 0) & (heights <= self.height * (1 + 1e-12)))
        if np.any(outside):
            first = float(heights[outside].flat[0]) if heights.ndim else float(heights)
            raise OutOfRangeError(f"height {first:.6g} is outside the tank's 0 to {self.height:.6g}")
        return heights


@dataclass(frozen=True)
class _Dimensions:
    """The dimensions that derivatives are taken of; complex for a complex step."""

    radius: Any
    length: Any
    tilt: Any
    gauge: Any


@dataclass(frozen=True)
class _Piece:
    """A part of the shell, from x = `start` to `stop`, outwards from the tangent line at `origin`.

    `along` is +1 where outwards means along the axis; `sign` is -1 where the part is taken away (a head that
    bulges inwards). The radius r at x obeys (r - offset)² = square · x² + linear · x + constant.
    """

    sign: float
    along: float
    origin: Any
    start: Any
    stop: Any
    offset: Any
    square: Any
    linear: Any
    constant: Any

    def radius(self, x: Any) -> Any:
        inner = (self.square * x + self.linear) * x + self.constant
        return self.offset + np.sqrt(inner if np.iscomplexobj(inner) else np.maximum(inner, 0.0))


def _pieces(tank: Tank, d: _Dimensions) -> list[_Piece]:
    parts = [_Piece(1.0, 1.0, 0.0, 0.0, d.length, 0.0, 0.0, 0.0, d.radius**2)]
    for end, origin, outwards in ((tank.first, 0.0, -1.0), (tank.second, d.length, 1.0)):
        depth = end_depth(end, tank.radius)
        sign, along = (1.0, outwards) if depth > 0 else (-1.0, -outwards)
        for start, stop, *shape in profile(end, abs(depth), d.radius) if depth else ():
            parts.append(_Piece(sign, along, origin, start, stop, *shape))
    return parts


def _plane(tank: Tank, d: _Dimensions, piece: _Piece, heights: Array) -> tuple[Any, Any, Any]:
    """The liquid's plane in a piece's coordinates, its height above the axis at x: y = y0 + y1 · x, and
    ∂y0/∂height.

    A level plane through a standing tank has y1 = 0 and rate 0; then y0 is the x of the plane.
    """
    slope = np.sin(d.tilt) / np.cos(d.tilt)
    if tank.orientation is Orientation.LYING:
        return heights - d.radius + (d.gauge - piece.origin) * slope, -piece.along * slope, 1.0
    level = heights - _bottom(tank, d) - piece.origin
    if tank.upright:
        return piece.along * level, 0.0, 0.0
    if tank.tilt < 0:  # a cylinder that leans the other way holds the same
        slope = -slope
    return level / slope, -piece.along / slope, 1.0 / slope


def _bottom(tank: Tank, d: _Dimensions) -> Any:
    """Depth of the bottom head below its tangent line; that of a torispherical one goes with the radius."""
    if tank.first.head is Head.TORISPHERICAL:
        return sum(toroid_depths(tank.first, d.radius))
    return max(end_depth(tank.first, tank.radius), 0.0)


@dataclass(frozen=True)
class _Cut:
    """A piece cut by the planes of n heights, at the nodes of the integral: arrays of shape (n, nodes).

    `w`: the place of a node in the piece, 0 to 1; `weights` for the integral over w. `edge`: the w where a
    level plane cuts a standing piece, shape (n,), and `edge_radius` the radius there (0 outside of the
    piece).
    """

    index: int
    heights: Array
    span: float
    w: Array
    weights: Array
    radius: Array
    y: Array
    y_rate: float
    edge: Array
    edge_radius: Array


def _cut(tank: Tank, d: _Dimensions, index: int, heights: Array) -> _Cut:
    piece = _pieces(tank, d)[index]
    y0, y1, rate = _plane(tank, d, piece, heights)
    start, span = float(piece.start), float(piece.stop - piece.start)
    divisor = span if span > _SPAN_MIN * tank.radius else 1.0
    if rate and y1 == 0 and piece.square == 0 and piece.linear == 0:  # the same segment everywhere: one node
        w, weights = np.full((heights.size, 1), 0.5), np.ones((heights.size, 1))
    else:
        marks = _crossings(piece, y0, y1) if rate else y0[:, np.newaxis]
        places = np.sort(np.clip((marks - start) / divisor, 0.0, 1.0), axis=1)
        ends = np.concatenate([np.zeros((heights.size, 1)), places, np.ones((heights.size, 1))], axis=1)
        widths = np.diff(ends, axis=1)
        w = (ends[:, :-1, np.newaxis] + widths[:, :, np.newaxis] * _FROM_LOW).reshape(heights.size, -1)
        weights = (widths[:, :, np.newaxis] * _WEIGHTS).reshape(heights.size, -1)
    x = start + span * w
    radius = np.asarray(piece.radius(x), dtype=np.float64)
    edge = (y0 - start) / divisor
    if rate:
        y = y0[:, np.newaxis] + y1 * x
    else:
        wet = piece.along * (y0[:, np.newaxis] - x) > 0
        y = np.where(wet, np.inf, -np.inf)
    within = (edge >= 0) & (edge <= 1) & (span > 0)
    edge_radius = np.where(within, piece.radius(start + span * np.clip(edge, 0.0, 1.0)), 0.0)
    return _Cut(index, heights, span, w, weights, radius, y, float(rate), edge, np.asarray(edge_radius))


def _crossings(piece: _Piece, y0: Array, y1: float) -> Array:
    """The x where the plane may enter or leave the shell, |y| = r: shape (heights, 4), start where there is
    none.
    """
    found = []
    for side in (1.0, -1.0):
        shifted = y0 - side * piece.offset
        a = y1**2 - piece.square
        b = 2 * y1 * shifted - piece.linear
        c = shifted**2 - piece.constant
        with np.errstate(all="ignore"):
            # The root that does not cancel, and the other one from the product of both.
            q = -(b + np.where(b < 0, -1.0, 1.0) * np.sqrt(b**2 - 4 * a * c)) / 2
            found += [np.broadcast_to(q / a, y0.shape), np.broadcast_to(c / q, y0.shape)]
    roots = np.stack(found, axis=1)
    return np.where(np.isfinite(roots), roots, float(piece.start))


def _segment(r: Array, y: Array) -> Array:
    """Area of a circle of radius r below the height y above its centre."""
    with np.errstate(invalid="ignore", divide="ignore"):
        c = np.where(r > 0, np.clip(y / r, -1.0, 1.0), np.sign(y))
    return np.asarray(r**2 * (np.arccos(-c) + c * np.sqrt(np.maximum((1 - c) * (1 + c), 0.0))))


def _chord(r: Array, y: Array) -> Array:
    """Width of a circle at the height y: the derivative of `_segment` with respect to y."""
    inside = np.clip(y, -r, r)
    return np.asarray(2 * np.sqrt((r - inside) * (r + inside)))


def _wetted(r: Array, y: Array) -> Array:
    """Length of the arc below the height y: the derivative of `_segment` with respect to r."""
    with np.errstate(invalid="ignore", divide="ignore"):
        c = np.where(r > 0, np.clip(y / r, -1.0, 1.0), np.sign(y))
    return np.asarray(2 * r * np.arccos(-c))


def _integrated(cut: _Cut, values: Array) -> Array:
    return np.asarray(cut.span * np.sum(cut.weights * values, axis=1))


def _varied(  # noqa: PLR0917  (segment, wetted arc and chord are computed once for all dimensions)
    cut: _Cut, tank: Tank, stepped: _Dimensions, segment: Array, wetted: Array, chord: Array
) -> Array:
    """Derivative of a piece's volume with respect to the dimension that is stepped, at fixed heights.

    The nodes stay at their place w in the piece, so its ends need no terms of their own.
    """
    piece = _pieces(tank, stepped)[cut.index]
    span = piece.stop - piece.start
    x = piece.start + span * cut.w
    span_rate = float(np.imag(span)) / _COMPLEX_STEP
    with np.errstate(invalid="ignore", divide="ignore"):
        r_rate = np.nan_to_num(np.imag(piece.radius(x + 0j)) / _COMPLEX_STEP)
    y0, y1, rate = _plane(tank, stepped, piece, cut.heights)
    total = _integrated(cut, wetted * r_rate) + np.sum(cut.weights * segment, axis=1) * span_rate
    if rate:
        y_rate = np.imag((y0 + 0j)[:, np.newaxis] + y1 * x) / _COMPLEX_STEP
        return np.asarray(total + _integrated(cut, chord * y_rate))
    # A level plane in a standing tank: the plane moves against the shell at its edge.
    at_edge = np.imag(piece.start + span * cut.edge) / _COMPLEX_STEP
    moved = np.imag(y0 + 0j) / _COMPLEX_STEP - at_edge
    return np.asarray(total + piece.along * pi * cut.edge_radius**2 * moved)

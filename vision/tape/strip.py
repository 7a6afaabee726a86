"""Find a coloured measuring tape in a picture and lay it upright: its two long edges, its frame, its pixels.

A tape is found by its colour: yellow or green print, on its own ground or on black, is far from grey where
concrete, steel and clear tubes are near it. A tape without colour is not found.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]

ENLARGEMENT = 6  # samples of the upright strip per pixel of the picture
MARGIN = 1.3  # tape widths that the strip shows on either side of the tape
LEAST_WIDTH_PX = 10.0  # a narrower tape has numerals of two pixels a stroke at best
LEAST_CHROMA = 0.045  # of the brightest channel; grey walls in daylight stay below


@dataclass(frozen=True)
class TapeStrip:
    """A tape laid upright. Strip coordinates: `u` across (0 left edge, 1 right edge), `v` along, in pixels.

    `pixels` has shape (rows, columns, 3): row i is v = i / ENLARGEMENT, column j is u = u_first + j·u_step.
    `inside` says which samples are in the picture, `left_cut` and `right_cut` which edges are not. `frame`
    says where u and v are in the picture.
    """

    pixels: Pixels
    u_first: float
    u_step: float
    width_px: float
    frame: "_Frame"
    inside: NDArray[np.bool_]
    left_cut: bool
    right_cut: bool

    @property
    def u(self) -> Floats:
        """Across-coordinate of each column, shape (columns,)."""
        return np.asarray(self.u_first + self.u_step * np.arange(self.pixels.shape[1]), np.float64)

    def points(self, u: Floats, v: Floats) -> Floats:
        """Picture coordinates of strip points, shape (n, 2)."""
        return np.column_stack(self.frame.place(u, v))


@dataclass(frozen=True)
class _Frame:
    """Straight axis of a tape from `start` in direction `along`; its edges lie `left` and `right` beside it.

    `left` and `right` are (distance at v = 0, change per v). Along the axis v counts pixels: nothing that
    makes the edges converge, be it perspective or a wrong edge, stretches it.
    """

    start: Floats
    along: Floats
    left: tuple[float, float]
    right: tuple[float, float]

    def place(self, u: Floats, v: Floats) -> tuple[Floats, Floats]:
        """x and y in the picture of points whose `u` and `v` broadcast against each other."""
        left, right = self.left[0] + self.left[1] * v, self.right[0] + self.right[1] * v
        aside = left + (right - left) * u
        x = self.start[0] + self.along[0] * v + self.along[1] * aside
        y = self.start[1] + self.along[1] * v - self.along[0] * aside
        return np.asarray(x, np.float64), np.asarray(y, np.float64)


def chroma(image: Pixels) -> Floats:
    """How far each pixel is from grey towards yellow or green, as a share of its brightest channel; 0 … 1."""
    channels = image.astype(np.float64)
    blue, green, red = channels[..., 0], channels[..., 1], channels[..., 2]
    # Brown earth and wood are redder than green: what they have too much of red is taken off again.
    colour = np.minimum(green, np.maximum(red, 0.6 * green)) - blue - np.clip(red - green, 0.0, None)
    share = colour / (channels.max(axis=2) + 25.0)
    return np.asarray(cv2.GaussianBlur(np.clip(share, 0.0, None), (0, 0), 1.0), np.float64)


def find_tape(image: Pixels) -> TapeStrip | None:
    """The most coloured upright band of `image` (height, width, 3), laid upright; None without one."""
    height, width = image.shape[:2]
    colour = chroma(image)
    # Dark parts of a tape carry colour in their print alone: a few rows together bridge it.
    rows_together = max(3, height // 12) | 1
    smooth = np.asarray(cv2.blur(colour, (1, rows_together), borderType=cv2.BORDER_REPLICATE), np.float64)
    spans = _row_spans(smooth)
    if np.count_nonzero(np.isfinite(spans[:, 0])) < 0.5 * height:
        return None
    left_cut = float(np.nanmedian(spans[:, 0])) < 1.5
    right_cut = float(np.nanmedian(spans[:, 1])) > width - 2.5
    lines = _edges(spans, left_cut, right_cut)
    if lines is None:
        return None
    strip = _laid_upright(image, lines, (left_cut, right_cut))
    return strip if strip.width_px >= LEAST_WIDTH_PX else None


def _row_spans(smooth: Floats) -> Floats:
    """Left and right edge of the coloured band in each row, shape (height, 2); NaN where there is none."""
    height, width = smooth.shape
    columns = np.arange(width)
    # The band's columns over the whole picture first: a coloured stain elsewhere must not join in.
    spans = np.full((height, 2), np.nan)
    profile = np.minimum(smooth, np.quantile(smooth, 0.98)).mean(axis=0)
    peak = int(np.argmax(cv2.blur(profile.reshape(1, -1), (max(3, width // 12), 1)).ravel()))
    for row in range(height):
        values = smooth[row]
        near = np.abs(columns - peak) < 0.35 * width
        top = float(np.quantile(values[near], 0.9))
        if top < LEAST_CHROMA:
            continue
        level = 0.3 * top
        inside = values > level
        # The widest run of the row that comes near the peak; gaps under a sixth of the picture are print.
        run = _run_near(inside, peak, max(3, width // 10))
        if run is None:
            continue
        first, last = run
        spans[row, 0] = _cross(values, first, -1, level)
        spans[row, 1] = _cross(values, last, 1, level)
    return spans


def _run_near(inside: NDArray[np.bool_], peak: int, gap: int) -> tuple[int, int] | None:
    at = np.flatnonzero(inside)
    if len(at) == 0:
        return None
    groups = np.split(at, np.flatnonzero(np.diff(at) > gap) + 1)
    group = min(
        groups, key=lambda g: 0 if g[0] <= peak <= g[-1] else min(abs(g[0] - peak), abs(g[-1] - peak))
    )
    return int(group[0]), int(group[-1])


def _cross(values: Floats, at: int, step: int, level: float) -> float:
    outside = at + step
    if not 0 <= outside < len(values):
        return float(at)
    return at + step * float((values[at] - level) / max(values[at] - values[outside], 1e-9))


Line = tuple[float, float]


def _edges(spans: Floats, left_cut: bool, right_cut: bool) -> tuple[Line, Line] | None:
    """Left and right edge as (x at row 0, slope); an edge outside the picture runs along the other one."""
    left = None if left_cut else _line(spans[:, 0])
    right = None if right_cut else _line(spans[:, 1])
    if left is not None and right is not None:
        return left, right
    if left is not None:
        width = float(np.nanmax(spans[:, 1] - left[0] - left[1] * np.arange(len(spans))))
        return left, (left[0] + width, left[1])
    if right is not None:
        width = float(np.nanmax(right[0] + right[1] * np.arange(len(spans)) - spans[:, 0]))
        return (right[0] - width, right[1]), right
    return None


def _line(x: Floats) -> Line | None:
    """A straight line x(row) through the most rows (least median over row pairs, then least squares)."""
    rows = np.flatnonzero(np.isfinite(x))
    if len(rows) < 20:
        return None
    best: tuple[int, float, float] | None = None
    step = max(1, len(rows) // 40)
    picked = rows[::step]
    for i, a in enumerate(picked):
        for b in picked[i + 8 :]:
            slope = (x[b] - x[a]) / (b - a)
            if abs(slope) > 0.35:
                continue
            count = int(np.count_nonzero(np.abs(x[rows] - x[a] - slope * (rows - a)) < 0.8))
            if best is None or count > best[0]:
                best = (count, float(x[a] - slope * a), float(slope))
    if best is None or best[0] < 0.4 * len(rows):
        return None
    _, at, slope = best
    keep = rows[np.abs(x[rows] - at - slope * rows) < 1.2]
    slope, at = np.polyfit(keep, x[keep], 1)
    return float(at), float(slope)


def _laid_upright(image: Pixels, lines: tuple[Line, Line], cut: tuple[bool, bool]) -> TapeStrip:
    """Map the tape's quadrilateral, cut square to its axis, onto an upright strip."""
    height, width = image.shape[:2]
    (left_at, left_slope), (right_at, right_slope) = lines
    middle = 0.5 * (height - 1)
    slope = 0.5 * (left_slope + right_slope)
    across = (right_at + right_slope * middle) - (left_at + left_slope * middle)
    width_px = max(1.0, across / float(np.hypot(1.0, slope)))
    length = float(np.hypot(1.0, slope))
    along = np.array([slope, 1.0]) / length
    start = np.array([0.5 * (left_at + right_at), 0.0])

    def beside(at: float, edge_slope: float) -> tuple[float, float]:
        """Where start + v·along + t·normal meets x = at + edge_slope·y: t is linear in v."""
        across = along[1] + edge_slope * along[0]
        return float((at - start[0]) / across), float((edge_slope * along[1] - along[0]) / across)

    frame = _Frame(start, along, beside(left_at, left_slope), beside(right_at, right_slope))
    u_step = 1.0 / (width_px * ENLARGEMENT)
    u = -MARGIN + u_step * np.arange(round((1 + 2 * MARGIN) / u_step))
    v = np.arange(round((height - 1) * length * ENLARGEMENT) + 1) / ENLARGEMENT
    x, y = frame.place(u[None, :], v[:, None])
    pixels = cv2.remap(
        image,
        x.astype(np.float32),
        y.astype(np.float32),
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return TapeStrip(
        pixels=np.asarray(pixels, np.uint8),
        u_first=-MARGIN,
        u_step=u_step,
        width_px=width_px,
        frame=frame,
        inside=(x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5),
        left_cut=cut[0],
        right_cut=cut[1],
    )

"""The dark band of a meniscus, measured: its lower and upper edge on the axis, and the card's edge below it."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.edges import steps_up
from vision.strip import Strip
from vision.tube import Band, TubeWalls

Array = NDArray[np.float64]

COLUMN_PX = 4  # columns averaged into one profile
LEAST_STEP = 4.0  # gray values from band to liquid
CENTRAL = 0.36  # share of the outer radius on both sides of the axis that is fitted


@dataclass(frozen=True)
class BandEdges:
    """Edges in strip rows (growing downwards). NaN where an edge was not found.

    `lower` and `upper` are those of the band on the axis, `lower_u` and `upper_u` their standard
    uncertainties from the scatter of the columns about a parabola; `card` the upper edge of a black card
    under the band, on the axis; `contact` the contact line, where the view is
    as clear as in the empty tube. `curve_u`, `curve_lower`, `curve_upper` are the columns and their edges.
    `liquid`, `band`, `air` are gray values, `blur_px` the half-width of the lower edge.
    """

    lower: float
    lower_u: float
    upper: float
    upper_u: float
    card: float
    contact: float
    curve_u: Array
    curve_lower: Array
    curve_upper: Array
    liquid: float
    band: float
    air: float
    blur_px: float
    agreeing: float


def measure_band(strip: Strip, band: Band, walls: TubeWalls, pixels_per_mm: float) -> BandEdges | None:
    """Measures the band's edges, column by column; None when they cannot be told from the surroundings."""
    reach = CENTRAL * walls.width
    first = max(0, int(np.floor(walls.axis - reach)))
    count = int(2 * reach) // COLUMN_PX
    above, below = round(5.0 * pixels_per_mm), round(9.0 * pixels_per_mm)
    top, bottom = max(0, band.top - above), min(strip.image.shape[0], band.bottom + below)
    part = strip.image[top:bottom, first : first + count * COLUMN_PX]
    count = part.shape[1] // COLUMN_PX
    if count < 6 or part.shape[0] < 8:
        return None
    part = np.ascontiguousarray(part[:, : count * COLUMN_PX])
    columns = cv2.resize(part, (count, part.shape[0]), interpolation=cv2.INTER_AREA).astype(np.float64)
    columns = cv2.GaussianBlur(columns, (5, 1), 1.0)
    u = first + COLUMN_PX * (np.arange(count) + 0.5) - 0.5
    rows = np.arange(len(columns))
    inside = (rows >= band.top - top - 2) & (rows <= band.bottom - top + 2)
    dark_rows = np.argmin(np.where(inside[:, None], columns, 1e9), axis=0)
    near = round(0.9 * pixels_per_mm)
    last = np.minimum(dark_rows + 3 * near, len(columns) - 2)
    steps = steps_up(columns, dark_rows, last, LEAST_STEP)
    lower, liquid, dark = steps.position, steps.bright, steps.dark
    upper, air = np.full(count, np.nan), np.full(count, np.nan)
    for k in range(count):
        upper[k], air[k] = _upper_edge(columns[:, k], int(dark_rows[k]), dark[k], near)
    axis = (u - walls.axis) / walls.width
    low, low_u, agree = _on_axis(axis, lower)
    high, high_u, _ = _on_axis(axis, upper)
    if not np.isfinite(low):
        return None
    card = _card_edge(columns, u, walls, low, float(np.nanmedian(liquid)), float(np.nanmedian(dark)))
    contact = _contact_line(columns, u, walls, high if np.isfinite(high) else low)
    return BandEdges(
        lower=low + top,
        lower_u=low_u,
        upper=high + top,
        upper_u=high_u,
        card=card + top,
        contact=contact + top,
        curve_u=u,
        curve_lower=lower + top,
        curve_upper=upper + top,
        liquid=float(np.nanmedian(liquid)),
        band=float(np.nanmedian(dark)),
        air=float(np.nanmedian(air)),
        blur_px=float(np.nanmedian(steps.width)),
        agreeing=agree,
    )


def _upper_edge(profile: Array, dark_row: int, dark: float, near: int) -> tuple[float, float]:
    """(position, air's gray) of the first crossing of half the contrast above the band."""
    far = profile[max(0, dark_row - 5 * near) : max(1, dark_row - 3 * near)]
    if len(far) < 3 or not np.isfinite(dark):
        return float("nan"), float("nan")
    air = float(np.median(far))
    level = 0.5 * (air + dark)
    segment = profile[: dark_row + 1][::-1]
    over = np.flatnonzero(segment > level)
    if len(over) == 0 or over[0] == 0:
        return float("nan"), air
    i = int(over[0])
    part = (level - segment[i - 1]) / (segment[i] - segment[i - 1])
    return dark_row - (i - 1 + float(part)), air


def _on_axis(axis: Array, edge: Array) -> tuple[float, float, float]:
    """Robust even curve, tilted, through the edges of the columns: (value on the axis, its u, share that agree)."""
    good = np.isfinite(edge)
    if good.sum() < 6:
        return float("nan"), float("nan"), 0.0
    x, y = axis[good], edge[good]
    weights = np.ones_like(x)
    design = np.column_stack((np.ones_like(x), x, x**2, 4 * x**4))
    centre = np.median(y)
    weights = (np.abs(y - centre) < 4 * np.median(np.abs(y - centre)) + 2).astype(np.float64)
    scatter, terms = 1.0, np.zeros(4)
    for _ in range(5):
        normal = design.T @ (design * weights[:, None]) + 1e-9 * np.eye(4)
        terms = np.linalg.solve(normal, design.T @ (weights * y))
        residual = y - design @ terms
        scatter = max(0.02, 1.4826 * float(np.median(np.abs(residual[weights > 0.01]))))
        weights = np.clip(1 - (residual / (4.5 * scatter)) ** 2, 0, None) ** 2
    normal = design.T @ (design * weights[:, None]) + 1e-9 * np.eye(4)
    variance = np.linalg.inv(normal)[0, 0] * scatter**2 * 2  # neighbouring columns share blur
    return float(terms[0]), float(np.sqrt(variance)), float((weights > 0.05).sum() / len(axis))


def _card_edge(columns: Array, u: Array, walls: TubeWalls, low: float, liquid: float, dark: float) -> float:
    """The row under the band where the liquid's column turns dark for good, NaN without a card."""
    central = np.abs(u - walls.axis) < 0.2 * walls.width
    profile = np.median(columns[:, central], axis=1)
    start = int(low) + 3
    level = liquid - 0.5 * (liquid - dark)
    under = np.flatnonzero(profile[start:] < level)
    if len(under) == 0 or under[0] == 0:
        return float("nan")
    i = start + int(under[0])
    if np.mean(profile[i : i + 30] < level) < 0.9:
        return float("nan")
    return i - 1 + float((profile[i - 1] - level) / (profile[i - 1] - profile[i]))


def _contact_line(columns: Array, u: Array, walls: TubeWalls, upper: float) -> float:
    """The highest row at which the view through the tube differs from that through the empty tube above."""
    central = np.abs(u - walls.axis) < 0.22 * walls.width
    profile = columns[:, central].mean(axis=1)
    start = int(upper)
    clear = profile[: max(0, start - 2)]
    if len(clear) < 16:
        return float("nan")
    # the empty tube may be shaded along its length: a line through the upper half of what is seen of it
    rows = np.arange(len(clear), dtype=np.float64)
    far = rows < 0.5 * len(clear)
    line = np.polyfit(rows[far], clear[far], 1)
    level = np.polyval(line, np.arange(len(profile)))
    noise = float(np.std(clear[far] - level[: len(clear)][far]))
    contrast = float(level[start] - profile[start : start + 20].min())
    deviates = np.abs(profile - level) > max(0.03 * contrast, 4 * noise)
    row = start
    while row > 1 and (deviates[row] or deviates[row - 1]):
        row -= 1
    return float(row)

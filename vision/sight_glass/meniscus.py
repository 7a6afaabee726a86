"""The dark band of a meniscus, measured: its edges on the axis, and the card's edge below it."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.edges import steps_up
from vision.sight_glass.tube import Band, TubeWalls
from vision.strip import Strip

Array = NDArray[np.float64]

COLUMN_PX = 4  # columns averaged into one profile
LEAST_STEP = 4.0  # gray values from band to liquid
CARD_MM = 25.0  # how far under the band a card's edge is looked for
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
    above, below = round(5.0 * pixels_per_mm), round(3.0 * pixels_per_mm)
    top, bottom = max(0, band.top - above), min(strip.image.shape[0], band.bottom + below)
    part = strip.image[top:bottom, first : first + count * COLUMN_PX]
    count = part.shape[1] // COLUMN_PX
    if count < 6 or part.shape[0] < 8:
        return None
    part = np.ascontiguousarray(part[:, : count * COLUMN_PX])
    averaged = cv2.resize(part, (count, part.shape[0]), interpolation=cv2.INTER_AREA).astype(np.float64)
    columns = np.asarray(cv2.GaussianBlur(averaged, (5, 1), 1.0), np.float64)
    u = first + COLUMN_PX * (np.arange(count) + 0.5) - 0.5
    rows = np.arange(len(columns))
    inside = (rows >= band.top - top - 2) & (rows <= band.bottom - top + 2)
    dark_rows = np.argmin(np.where(inside[:, None], columns, 1e9), axis=0)
    near = round(0.9 * pixels_per_mm)
    last = np.minimum(dark_rows + 3 * near, len(columns) - 2)
    steps = steps_up(columns, dark_rows, last, LEAST_STEP)
    lower, liquid, dark = steps.position, steps.bright, steps.dark
    upper, air = _upper_edges(columns, dark_rows, dark, near)
    axis = (u - walls.axis) / walls.width
    low, low_u, agree = _on_axis(axis, lower)
    high, high_u, _ = _on_axis(axis, upper)
    if not np.isfinite(low):
        return None
    levels = float(np.nanmedian(liquid)), float(np.nanmedian(dark))
    contact = _contact_line(columns[:, np.abs(axis) < 0.22], high if np.isfinite(high) else low)
    return BandEdges(
        lower=low + top,
        lower_u=low_u,
        upper=high + top,
        upper_u=high_u,
        card=_card_edge(strip, walls, low + top, levels, pixels_per_mm),
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


def _upper_edges(columns: Array, dark_rows: NDArray[np.intp], dark: Array, near: int) -> tuple[Array, Array]:
    """For each column, where half the contrast above the band is first reached, and the air's gray; NaN where
    there is none."""
    count, m = columns.shape
    lane = np.arange(m)
    far = np.clip(dark_rows[None, :] - np.arange(3 * near, 5 * near)[:, None], 0, count - 1)
    air = np.median(columns[far, lane], axis=0)
    level = 0.5 * (air + dark)
    rows = np.arange(count)[:, None]
    over = (columns > level[None, :]) & (rows < dark_rows[None, :])
    first = count - 1 - np.argmax(over[::-1], axis=0)  # the lowest row that is bright, above the band
    found = over.any(axis=0) & np.isfinite(dark)
    below = np.minimum(first + 1, count - 1)
    bright, shade = columns[first, lane], columns[below, lane]
    part = np.divide(level - shade, bright - shade, out=np.zeros(m), where=bright > shade)
    return np.where(found, below - np.clip(part, 0, 1), np.nan), np.where(found, air, np.nan)


def _on_axis(axis: Array, edge: Array) -> tuple[float, float, float]:
    """Robust even curve, tilted, through the columns' edges: (value on the axis, its u, share that agree)."""
    good = np.isfinite(edge)
    if good.sum() < 6:
        return float("nan"), float("nan"), 0.0
    x, y = axis[good], edge[good]
    design = np.column_stack((np.ones_like(x), x, x**2, 4 * x**4))
    off = np.abs(y - np.median(y))
    weights = np.where(off < 4 * np.median(off) + 2, 1.0, 0.0)
    scatter = 1.0
    terms: Array = np.zeros(4)
    for _ in range(5):
        normal = design.T @ (design * weights[:, None]) + 1e-9 * np.eye(4)
        terms = np.asarray(np.linalg.solve(normal, design.T @ (weights * y)), np.float64)
        residual = y - design @ terms
        scatter = max(0.02, 1.4826 * float(np.median(np.abs(residual[weights > 0.01]))))
        weights = np.clip(1 - (residual / (4.5 * scatter)) ** 2, 0, None) ** 2
    normal = design.T @ (design * weights[:, None]) + 1e-9 * np.eye(4)
    variance = np.linalg.inv(normal)[0, 0] * scatter**2 * 2  # neighbouring columns share blur
    return float(terms[0]), float(np.sqrt(variance)), float((weights > 0.05).sum() / len(axis))


def _card_edge(
    strip: Strip, walls: TubeWalls, low: float, levels: tuple[float, float], pixels_per_mm: float
) -> float:
    """The row under the band where the liquid's column turns dark for good, NaN without a card.

    `levels` are the grays of the liquid and of the band.
    """
    start = int(low) + 3
    half = 0.2 * walls.width
    part = strip.image[
        start - 1 : start + round(CARD_MM * pixels_per_mm), int(walls.axis - half) : int(walls.axis + half)
    ]
    if len(part) < 8:
        return float("nan")
    profile = part.mean(axis=1)
    level = 0.5 * (levels[0] + levels[1])
    under = np.flatnonzero(profile < level)
    if len(under) == 0 or under[0] == 0:
        return float("nan")
    i = int(under[0])
    if np.mean(profile[i : i + 30] < level) < 0.9:
        return float("nan")
    return start - 2 + i + float((profile[i - 1] - level) / (profile[i - 1] - profile[i]))


def _contact_line(columns: Array, upper: float) -> float:
    """The highest row at which the view through the tube differs from that through the empty tube above.

    `columns` (n, m) from the middle of the tube, `upper` the row of the band's upper edge.
    """
    profile = columns.mean(axis=1)
    start = int(upper)
    clear = profile[: max(0, start - 2)]
    if len(clear) < 16:
        return float("nan")
    # the empty tube may be shaded along its length: a line through the upper half of what is seen of it
    far = len(clear) // 2
    rows = np.arange(len(profile), dtype=np.float64)
    slope, offset = np.polyfit(rows[:far], clear[:far], 1)
    away = profile - (slope * rows + offset)
    noise = float(np.std(away[:far]))
    contrast = float(-away[start : start + 20].min())
    deviates = np.abs(away) > max(0.03 * contrast, 4 * noise)
    clear_rows = np.flatnonzero(~(deviates[1 : start + 1] | deviates[:start]))
    return float(clear_rows[-1] + 1) if len(clear_rows) else 1.0

"""Reasons not to believe a picture, or the band that was found in it."""

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.marks import MarkColumn
from vision.reading import Reason
from vision.sight_glass.meniscus import BandEdges
from vision.sight_glass.tube import Band, TubeWalls
from vision.station import Side
from vision.strip import Strip

Gray = NDArray[np.uint8]
Doubt = tuple[Reason, str]

DARK = 45.0  # 95 % of the picture below this gray
BURNT_SHARE = 0.6  # of the picture at the top of the range
SOFT = 0.3  # sharpness below which marks cannot be told apart
FOAM_SHARE = 0.35  # of the view above the band that differs from the tube's stripes
RIVAL = 0.5
WIDEST_STEP_MM = 1.6  # from the band to the liquid
LEAST_AGREEING, MOST_SCATTER_MM = 0.5, 0.12
OTHER_SHADE = 0.18  # share by which the background may vary along the tube where nothing covers it


def of_picture(gray: Gray) -> Doubt:
    """Why no scale was found: too dark, too bright, out of focus, or not there."""
    coarse = cv2.resize(gray, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    bright = float(np.percentile(coarse, 95))
    if bright < DARK:
        return Reason.DARK, f"the picture is dark: 95 % of it is below gray {bright:.0f} of 255"
    burnt = float((coarse >= 252).mean())
    if burnt > BURNT_SHARE:
        return Reason.OVEREXPOSED, f"{100 * burnt:.0f} % of the picture is burnt out"
    if sharpness(gray) < SOFT:
        return Reason.BLURRED, "the picture is out of focus: marks cannot be told apart"
    return Reason.NO_SCALE, "there is no row of marks that could be a scale"


def sharpness(gray: Gray) -> float:
    """How steep the strongest edges of a picture are: about 1 for steps, towards 0 the further out of focus.

    The difference over four pixels against that over 32, each of its 999th thousandth, across and along; of
    the picture reduced to a quarter, in which noise is small.
    """
    quarter = cv2.resize(gray, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA).astype(np.int16)
    ratios = []
    for axis in (0, 1):
        fine = np.abs(np.diff(quarter, axis=axis))
        wide = np.abs(quarter[8:] - quarter[:-8] if axis == 0 else quarter[:, 8:] - quarter[:, :-8])
        ratios.append(float(np.quantile(fine, 0.999)) / max(1.0, float(np.quantile(wide, 0.999))))
    return max(ratios)


def of_missing_marks(gray: Gray, column: MarkColumn, missing: int) -> bool:
    """Whether something covers the picture beyond the first or last mark seen, where `missing` should be.

    What covers a part of the plate, a hand or a hose, crosses the background at the far side of the tube,
    too; the end of a plate that is shorter than stated does not.
    """
    if missing <= 0:
        return False
    margin = gray.shape[1] // 20
    behind = gray[:, :margin] if column.side is Side.RIGHT else gray[:, -margin:]
    shade = np.median(behind, axis=1).astype(np.float64)
    rows = 0.5 * (column.near[:, 1] + column.far[:, 1])
    first, last = int(rows[0]), int(rows[-1])
    typical = float(np.median(shade[max(0, first) : last + 1]))
    reach = int((missing + 1.5) * column.period)
    beyond = np.concatenate((shade[max(0, first - reach) : max(0, first)], shade[last + 1 : last + reach]))
    return bool(len(beyond)) and float(np.abs(beyond - typical).max()) > OTHER_SHADE * typical + 6


def of_band(
    strip: Strip, band: Band, walls: TubeWalls, edges: BandEdges, pixels_per_mm: float
) -> Doubt | None:
    """Why the band is not a meniscus that can be measured, or None."""
    if band.rival > RIVAL:
        return Reason.AMBIGUOUS, "there is more than one dark band across the tube"
    if _reaches_beyond(strip, band, walls, pixels_per_mm):
        return Reason.OCCLUDED, "something dark reaches across the tube and beyond it"
    top = edges.contact if np.isfinite(edges.contact) else float(band.top)
    contrast = max(20.0, edges.air - edges.band)
    if _roughness(strip, walls, (top - 8 * pixels_per_mm, top - 0.7 * pixels_per_mm), contrast) > FOAM_SHARE:
        return Reason.FOAM, "the tube above the liquid is not clear: foam"
    if edges.agreeing < LEAST_AGREEING or edges.lower_u > MOST_SCATTER_MM * pixels_per_mm:
        return Reason.FOAM, "the lower edge of the band is ragged: foam, or drops in the way"
    if edges.blur_px > WIDEST_STEP_MM * pixels_per_mm:
        return Reason.BLURRED, "the edge of the meniscus is out of focus"
    return None


def of_no_band(strip: Strip, pixels_per_mm: float, tube_width: float) -> Doubt:
    """Why there is no band across the tube."""
    walls = TubeWalls(axis=1.5 * pixels_per_mm + tube_width / 2, width=tube_width, sharpness=0.0)
    height, window = strip.image.shape[0], 8 * pixels_per_mm
    for low in np.arange(0, height - window, 0.5 * window):
        rows = (float(low), float(low + window))
        part = strip.image[int(low) : int(low + window)]
        contrast = max(40.0, float(np.percentile(part, 98)) - float(np.percentile(part, 2)))
        if _roughness(strip, walls, rows, contrast) > 0.5:
            return Reason.FOAM, "the tube is not clear: foam"
    return (
        Reason.NO_MENISCUS,
        "there is no dark band across the tube: it is empty, or full beyond what is seen",
    )


def _reaches_beyond(strip: Strip, band: Band, walls: TubeWalls, pixels_per_mm: float) -> bool:
    """Whether the band goes on in the background beside the tube, as no meniscus does."""
    start = int(walls.axis + walls.width / 2 + 1.5 * pixels_per_mm)
    away = int(4 * pixels_per_mm)
    beside = strip.image[band.top : band.bottom + 1, start:]
    above = strip.image[max(0, band.top - away) : max(1, band.top - away // 2), start:]
    if beside.size == 0 or above.size == 0:
        return False
    inside = slice(int(walls.axis - 0.3 * walls.width), int(walls.axis + 0.3 * walls.width))
    depth = float(
        np.median(strip.image[max(0, band.top - away) : max(1, band.top - away // 2), inside])
    ) - float(np.median(strip.image[band.top : band.bottom + 1, inside]))
    return float(np.median(above)) - float(np.median(beside)) > 0.35 * max(10.0, depth)


def _roughness(strip: Strip, walls: TubeWalls, rows: tuple[float, float], contrast: float) -> float:
    """The share of the tube's middle between `rows` that differs from its columns' medians.

    By a tenth of the contrast: walls, glare and the shades of a room run along the columns, drops are few,
    foam is everywhere.
    """
    half = 0.3 * walls.width
    low, high = max(0, int(rows[0])), max(0, int(rows[1]))
    part = strip.image[low:high, max(0, int(walls.axis - half)) : int(walls.axis + half)]
    if part.shape[0] < 8 or part.shape[1] < 4:
        return 0.0
    smooth = cv2.blur(part, (3, 3)).astype(np.float64)
    return float((np.abs(smooth - np.median(smooth, axis=0, keepdims=True)) > 0.1 * contrast).mean())

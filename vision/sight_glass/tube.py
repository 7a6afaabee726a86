"""Finds the tube beside the plate, and in it the dark band that the meniscus makes."""

from dataclasses import dataclass

import cv2
import numpy as np

from vision.edges import smoothed
from vision.strip import Strip

REDUCTION = 4  # columns averaged for the search
BAND_MM = 5.0  # no meniscus of water or fuel makes a higher dark band
LEAST_SHARE = 0.55  # of the tube's width that a band must span
LEAST_CONTRAST = 6.0  # gray values


@dataclass(frozen=True)
class Band:
    """A dark band across the tube, in strip pixels: rows `top`..`bottom`, columns `left`..`right`.

    `contrast` in gray values; `rival` is the score of the next best candidate as a share of this one's.
    """

    top: int
    bottom: int
    left: float
    right: float
    contrast: float
    rival: float

    @property
    def middle(self) -> float:
        """The row halfway."""
        return 0.5 * (self.top + self.bottom)


@dataclass(frozen=True)
class TubeWalls:
    """The tube around a row of the strip: its axis and outer width in pixels, and how sure that is.

    `sharpness` is the score of the walls found against the median score of all other places.
    """

    axis: float
    width: float
    sharpness: float


def find_band(strip: Strip, pixels_per_mm: float, tube_width: float | None) -> Band | None:
    """The darkest band that spans the tube, or None. `tube_width` in pixels where it is known."""
    reduced = cv2.resize(
        strip.image, (strip.image.shape[1] // REDUCTION, strip.image.shape[0]), interpolation=cv2.INTER_AREA
    )
    height = max(9, round(BAND_MM * pixels_per_mm)) | 1
    strength = cv2.morphologyEx(reduced, cv2.MORPH_BLACKHAT, np.ones((height, 1), np.uint8))
    strength = cv2.blur(strength, (3, 3))
    histogram = cv2.calcHist([strength], [0], None, [256], [0, 256]).ravel()
    strong = int(np.searchsorted(np.cumsum(histogram), 0.995 * histogram.sum()))
    threshold = max(LEAST_CONTRAST, 0.45 * strong)
    _, mask = cv2.threshold(strength, threshold, 255, cv2.THRESH_BINARY)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    wanted = LEAST_SHARE * tube_width if tube_width is not None else 6.0 * pixels_per_mm
    bands: list[tuple[float, int]] = []
    for k in range(1, count):
        wide, high = int(stats[k, cv2.CC_STAT_WIDTH]), int(stats[k, cv2.CC_STAT_HEIGHT])
        if wide * REDUCTION < wanted or high > 1.6 * height:
            continue
        bands.append((float(strength[labels == k].sum()), k))
    if not bands:
        return None
    bands.sort(reverse=True)
    best = bands[0][1]
    x, y, wide, high, area = (int(value) for value in stats[best])
    return Band(
        top=y,
        bottom=y + high - 1,
        left=float(x * REDUCTION),
        right=float((x + wide) * REDUCTION),
        contrast=bands[0][0] / max(1, area),
        rival=bands[1][0] / bands[0][0] if len(bands) > 1 else 0.0,
    )


def find_walls(strip: Strip, band: Band, pixels_per_mm: float, tube_width: float | None) -> TubeWalls | None:
    """The tube's outer walls near the band: the pair of vertical edges that is strongest above and below.

    The width is searched around `tube_width` (±4 %), or around the band's own width when it is unknown.
    """
    image = strip.image
    rows = image.shape[0]
    slab = max(6, round(1.2 * pixels_per_mm))
    edges = np.zeros(image.shape[1])
    offsets = (-4.5, -3.3, -2.1, 1.0, 2.2, 3.4, 4.6)
    starts = [round(band.top + o * pixels_per_mm) for o in offsets if o < 0]
    starts += [round(band.bottom + o * pixels_per_mm) for o in offsets if o > 0]
    starts.append(round(band.middle - slab / 2))
    for start in starts:
        low, high = max(0, start), min(rows, start + slab)
        if high - low < slab // 2:
            continue
        profile = smoothed(image[low:high].mean(axis=0), 1.2)
        slope = np.abs(np.gradient(profile))
        edges += np.minimum(slope / (np.quantile(slope, 0.8) + 0.15), 6.0)
    edges = smoothed(edges, 1.0)
    expected = tube_width if tube_width is not None else band.right - band.left
    spread = 0.04 if tube_width is not None else 0.15
    best = (-1.0, 0.0, 0.0)
    scores = []
    centre = 0.5 * (band.left + band.right)
    reach = 0.25 * expected
    places = np.arange(centre - reach, centre + reach, 0.5)
    u = np.arange(len(edges), dtype=np.float64)
    for width in expected * np.linspace(1 - spread, 1 + spread, 17):
        left = np.interp(places - width / 2, u, edges, left=0, right=0)
        right = np.interp(places + width / 2, u, edges, left=0, right=0)
        score = np.minimum(left, right) + 0.3 * (left + right)
        score *= np.exp(-0.5 * ((places - centre) / (0.5 * reach)) ** 2)
        k = int(np.argmax(score))
        scores.append(score)
        if score[k] > best[0]:
            best = (float(score[k]), float(places[k]), float(width))
    if best[0] <= 0:
        return None
    return TubeWalls(best[1], best[2], best[0] / max(1e-6, float(np.median(np.concatenate(scores)))))

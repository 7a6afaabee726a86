"""Positions of edges and lines in one-dimensional profiles, to a small part of a pixel."""

import cv2
import numpy as np
from numpy.typing import NDArray

Profile = NDArray[np.float64]


def smoothed(profile: Profile, sigma: float) -> Profile:
    """`profile` (shape (n,) or (n, m), along the first axis) convolved with a Gaussian of `sigma` samples."""
    if sigma <= 0:
        return profile
    length = 2 * max(1, round(3 * sigma)) + 1
    kernel = cv2.getGaussianKernel(length, sigma, cv2.CV_64F)
    columns = profile.reshape(profile.shape[0], -1)
    blurred = cv2.filter2D(columns, -1, kernel, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred, np.float64).reshape(profile.shape)


def line_strengths(profile: Profile, width: int) -> Profile:
    """How much darker each sample is than its surroundings: lines narrower than `width` samples stay.

    `profile` has shape (n,), or (n, m) for m profiles side by side. Negative values do not occur.
    """
    columns = np.ascontiguousarray(profile.reshape(profile.shape[0], -1), np.float32)
    kernel = np.ones((max(3, width) | 1, 1), np.uint8)
    closed = cv2.morphologyEx(columns, cv2.MORPH_BLACKHAT, kernel, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(closed, np.float64).reshape(profile.shape)


def peaks(strength: Profile, least: float, apart: float) -> NDArray[np.intp]:
    """Indices of the local maxima of `strength` that reach `least`, no two nearer than `apart` samples."""
    inner = strength[1:-1]
    found = np.flatnonzero((inner >= strength[:-2]) & (inner > strength[2:]) & (inner >= least)) + 1
    if len(found) < 2:
        return found
    taken: list[int] = []
    for index in found:
        if taken and index - taken[-1] < apart:
            if strength[index] > strength[taken[-1]]:
                taken[-1] = int(index)
        else:
            taken.append(int(index))
    return np.asarray(taken, np.intp)


def centroids(strength: Profile, at: NDArray[np.intp], half_width: int) -> Profile:
    """Centres of gravity of `strength` around the samples `at`, in samples; NaN where there is no strength.

    The lowest value in each window is taken off first, so that a raised background does not pull the centre
    to the middle of the window. The window is centred on the result of a first pass.
    """
    offsets = np.arange(-half_width, half_width + 1)
    centre = np.asarray(at, np.float64)
    for _ in range(2):
        middle = np.clip(np.rint(centre), 0, len(strength) - 1).astype(np.intp)
        rows = np.clip(middle[:, None] + offsets[None, :], 0, len(strength) - 1)
        weight = strength[rows]
        weight = weight - weight.min(axis=1, keepdims=True)
        total = weight.sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            centre = np.where(total > 0, middle + (weight * offsets).sum(axis=1) / total, np.nan)
        if np.isnan(centre).any():
            centre = np.where(np.isnan(centre), at, centre) if _ == 0 else centre
    return centre


def crossing(profile: Profile, level: float, start: int, stop: int) -> float:
    """Where `profile` first crosses `level` going from sample `start` to sample `stop` (either direction).

    Linear between samples; NaN when it does not cross.
    """
    step = 1 if stop > start else -1
    segment = profile[start : stop + 1] if step > 0 else profile[stop : start + 1][::-1]
    above = segment > level
    change = np.flatnonzero(above[1:] != above[:-1])
    if len(change) == 0:
        return float("nan")
    i = int(change[0])
    fraction = (level - segment[i]) / (segment[i + 1] - segment[i])
    return float(start + step * (i + fraction))


def step_positions(columns: Profile, low: Profile, high: Profile) -> Profile:
    """Position of one step in each of m profiles, from the area under it; shape (m,).

    `columns` (n, m) hold one monotone step each, between the plateaus `low` (first sample) and `high` (last
    sample), shape (m,). For a step blurred by any symmetric point spread the area is unbiased.
    """
    share = (high[None, :] - columns) / (high - low)[None, :]
    return np.asarray(np.clip(share, -0.5, 1.5).sum(axis=0) - 0.5, np.float64)

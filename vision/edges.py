"""Positions of edges and lines in one-dimensional profiles, to a small part of a pixel."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Profile = NDArray[np.float64]
Rows = NDArray[np.intp]

ENDED = 0.10  # a step has ended where it is less steep than this share of its steepest place
HALF_WINDOW = 9  # rows on both sides of the steepest place that belong to a step


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
    # lying down: along rows the same takes a tenth of the time
    rows = np.ascontiguousarray(profile.reshape(profile.shape[0], -1).T, np.float32)
    kernel = np.ones((1, max(3, width) | 1), np.uint8)
    closed = cv2.morphologyEx(rows, cv2.MORPH_BLACKHAT, kernel, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(closed.T, np.float64).reshape(profile.shape)


def peaks(strength: Profile, least: float, apart: float) -> Rows:
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


def centroids(strength: Profile, at: Rows, half_width: int) -> Profile:
    """Centres of gravity of `strength` around the samples `at`, in samples; NaN where there is no strength.

    The lowest value in each window is taken off first, so that a raised background does not pull the centre
    to the middle of the window. The window is centred on the result of a first pass.
    """
    offsets = np.arange(-half_width, half_width + 1)
    centre = np.asarray(at, np.float64)
    for _ in range(2):
        middle = np.rint(np.clip(np.where(np.isnan(centre), at, centre), 0, len(strength) - 1)).astype(
            np.intp
        )
        rows = np.clip(middle[:, None] + offsets[None, :], 0, len(strength) - 1)
        weight = strength[rows]
        weight = weight - weight.min(axis=1, keepdims=True)
        total = weight.sum(axis=1)
        shift = np.divide(
            (weight * offsets).sum(axis=1), total, out=np.full(len(at), np.nan), where=total > 0
        )
        centre = middle + shift
    return centre


@dataclass(frozen=True)
class Steps:
    """One step from dark to bright in each of m profiles; arrays of shape (m,), NaN where there is none.

    `position` in samples, `dark` and `bright` the levels at its foot and head, `width` how many samples lie
    between them.
    """

    position: Profile
    dark: Profile
    bright: Profile
    width: Profile


def steps_up(columns: Profile, first: Rows, last: Rows, least: float) -> Steps:
    """The first strong step from dark to bright in each column of `columns` (n, m), going down the rows.

    It is sought between the rows `first` and `last` (m,), and must climb by `least`. Its position is that of
    an ideal step with the same area between its own foot and head, where it ceases to be steep: shades
    further off do not pull it, and any symmetric blur leaves it in place.
    """
    count, m = columns.shape
    climb = np.diff(columns, axis=0)
    rows = np.arange(count - 1)[:, None]
    sought = np.where((rows >= first[None, :]) & (rows < last[None, :]), climb, -np.inf)
    best = sought.max(axis=0)
    lane = np.arange(m)
    start = np.argmax(sought > 0.6 * best[None, :], axis=0)
    ahead = np.clip(start[None, :] + np.arange(4)[:, None], 0, count - 2)
    steep = np.take_along_axis(ahead, np.argmax(climb[ahead, lane], axis=0)[None, :], axis=0)[0]
    reach = np.arange(-HALF_WINDOW, HALF_WINDOW + 1)
    window = np.clip(steep[None, :] + reach[:, None], 0, count - 2)
    ended = climb[window, lane] < ENDED * climb[steep, lane][None, :]
    before, after = ended[:HALF_WINDOW][::-1], ended[HALF_WINDOW + 1 :]
    up = np.where(before.any(axis=0), np.argmax(before, axis=0), HALF_WINDOW - 1)
    down = np.where(after.any(axis=0), np.argmax(after, axis=0), HALF_WINDOW - 1)
    foot = np.clip(steep - up, 0, count - 1)  # the last row before the climb
    head = np.clip(steep + 1 + down, 0, count - 1)  # the first row after it
    dark = 0.5 * (columns[foot, lane] + columns[np.maximum(foot - 1, 0), lane])
    bright = 0.5 * (columns[head, lane] + columns[np.minimum(head + 1, count - 1), lane])
    around = np.clip(steep[None, :] + np.arange(-HALF_WINDOW - 1, HALF_WINDOW + 2)[:, None], 0, count - 1)
    inside = (around >= foot[None, :]) & (around <= head[None, :])
    height = bright - dark
    found = np.isfinite(best) & (height >= least)
    safe = np.where(found, height, 1.0)
    share = np.where(inside, (bright[None, :] - columns[around, lane]) / safe[None, :], 0.0)
    position = np.where(found, foot + share.sum(axis=0) - 0.5, np.nan)
    nothing = np.full(m, np.nan)
    return Steps(
        position=position,
        dark=np.where(found, dark, nothing),
        bright=np.where(found, bright, nothing),
        width=np.where(found, (head - foot).astype(np.float64), nothing),
    )

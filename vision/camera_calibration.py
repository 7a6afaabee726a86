"""A camera's matrix and distortion from pictures of a board, with their uncertainties, or why they don't do.

Model and fit are OpenCV's (Zhang, IEEE Trans. PAMI 22 (2000) 1330–1334); what is added is the judgement
whether the views determine the parameters at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.errors import CameraCalibrationError
from vision.frame import Frame

Points = NDArray[np.float32]

LEAST_VIEWS = 6  # distinct ones; Zhang needs 3 without noise
LEAST_CORNERS = 12  # of a view: 8 unknowns of its homography, and something to contradict them
SAME_VIEW_SHARE = 0.02  # corners that moved less than this share of the picture's diagonal: the same view
LEAST_TILT_DEG = 12.0  # between two boards: parallel boards cannot tell focal length from distance
LEAST_COVERAGE = 0.4  # of the picture, by the hull of all corners: beyond it the distortion is extrapolated
MOST_FOCAL_SHARE = 0.01  # standard uncertainty of the focal length over it
MOST_RMS_PX = 1.0
OUTLYING_VIEW = 3.0  # a view's RMS over the median of all

PARAMETERS = ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2", "k3")


class Pattern(StrEnum):
    """What is printed on the board."""

    CHARUCO = "charuco"
    CHESSBOARD = "chessboard"


class Distortion(StrEnum):
    """Which terms of the lens are fitted; the others are 0."""

    NONE = "none"
    K1 = "k1"
    K1_K2 = "k1k2"
    TANGENTIAL = "k1k2p1p2"
    FULL = "k1k2p1p2k3"


@dataclass(frozen=True)
class Board:
    """A board of `columns` × `rows` squares with sides of `square_mm`.

    ChArUco boards carry markers of `marker_mm` from OpenCV's `dictionary` (`DICT_5X5_100` …); `legacy` is
    the layout of OpenCV before 4.6, which differs for an even number of rows. Raises
    `CameraCalibrationError` for a board that there is not.
    """

    pattern: Pattern
    columns: int
    rows: int
    square_mm: float
    marker_mm: float | None = None
    dictionary: str = "DICT_5X5_100"
    legacy: bool = False

    def __post_init__(self) -> None:
        if self.columns < 4 or self.rows < 4:
            raise CameraCalibrationError(
                f"a board has {self.columns} × {self.rows} squares; expected at least 4 × 4"
            )
        if not 0 < self.square_mm < 1e5:
            raise CameraCalibrationError(f"square_mm is {self.square_mm:g}; expected a length above 0")
        if self.pattern is Pattern.CHARUCO:
            if self.marker_mm is None or not 0 < self.marker_mm < self.square_mm:
                raise CameraCalibrationError(
                    f"marker_mm is {self.marker_mm}; expected a length above 0 and below square_mm "
                    f"({self.square_mm:g})"
                )
            if not hasattr(cv2.aruco, self.dictionary):
                raise CameraCalibrationError(
                    f"dictionary is {self.dictionary!r}; expected one of OpenCV's, such as DICT_5X5_100"
                )

    def charuco(self) -> cv2.aruco.CharucoBoard:
        """OpenCV's object for a ChArUco board; lengths in millimetres."""
        assert self.marker_mm is not None, "__post_init__ has seen to it"
        dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, self.dictionary))
        board = cv2.aruco.CharucoBoard((self.columns, self.rows), self.square_mm, self.marker_mm, dictionary)
        board.setLegacyPattern(self.legacy)
        return board

    def corners_mm(self) -> Points:
        """The inner corners on the board, (n, 3) in millimetres, numbered row by row; z is 0."""
        grid = np.mgrid[1 : self.columns, 1 : self.rows].T.reshape(-1, 2) * self.square_mm
        return np.column_stack([grid, np.zeros(len(grid))]).astype(np.float32)


@dataclass(frozen=True)
class View:
    """The board in one picture: its corners, each on the board, in the picture, and by number.

    `board_mm` (n, 3), `picture_px` (n, 2), `numbers` (n,) row by row over the board.
    """

    source: str
    size: tuple[int, int]  # width, height in pixels
    board_mm: Points
    picture_px: Points
    numbers: NDArray[np.int64]


@dataclass(frozen=True)
class CameraCalibration:
    """A camera by its board: `matrix` (3, 3) and `distortion` (5,) as OpenCV has them, for one `size`.

    `uncertainties` are the standard uncertainties of the fitted parameters by name (px, or 1), from the
    scatter of the corners alone. `rms_px` is over all corners, `view_rms_px` by view in the order of
    `views`. `coverage` is the share of the picture in which corners were seen, `tilt_deg` the largest angle
    between two boards.
    """

    matrix: NDArray[np.float64]
    distortion: NDArray[np.float64]
    uncertainties: dict[str, float]
    size: tuple[int, int]
    rms_px: float
    views: tuple[str, ...]
    view_rms_px: tuple[float, ...]
    coverage: float
    tilt_deg: float
    notes: tuple[str, ...]

    def parameters(self) -> dict[str, float]:
        """All parameters by name, fitted or not."""
        k = self.matrix
        values = [k[0, 0], k[1, 1], k[0, 2], k[1, 2], *self.distortion]
        return {name: float(value) for name, value in zip(PARAMETERS, values, strict=True)}

    def mapping(self) -> dict[str, Any]:
        """The keys of a camera in a station file."""
        return {"matrix": self.matrix.tolist(), "distortion": self.distortion.tolist()}


def find_board(frame: Frame, board: Board) -> View | None:
    """The board in a picture, or None where too little of it is seen. Raises `FrameError` for no picture."""
    gray = np.asarray(cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY), np.uint8)
    found = (
        _charuco_corners(gray, board)
        if board.pattern is Pattern.CHARUCO
        else _chessboard_corners(gray, board)
    )
    if found is None or len(found[0]) < LEAST_CORNERS:
        return None
    picture_px, numbers = found
    rows, columns = numbers // (board.columns - 1), numbers % (board.columns - 1)
    if len(set(rows.tolist())) < 3 or len(set(columns.tolist())) < 3:
        return None  # nearly on one line: such a view says nothing of the camera
    return View(
        frame.source, (gray.shape[1], gray.shape[0]), board.corners_mm()[numbers], picture_px, numbers
    )


def calibrate(views: Sequence[View], model: Distortion = Distortion.TANGENTIAL) -> CameraCalibration:
    """The camera that took `views` of a board.

    Raises `CameraCalibrationError`, saying what to photograph, where the views are too few, too alike, all
    from one direction, of different sizes, or do not fit.
    """
    size = _common_size(views)
    _refuse_too_alike(views, size)
    rms, fitted_matrix, terms, turns, _, deviations, _, errors = cv2.calibrateCameraExtended(
        [view.board_mm for view in views],
        [view.picture_px for view in views],
        size,
        np.eye(3),
        np.zeros(5),
        flags=_flags(model),
    )
    matrix = np.asarray(fitted_matrix, np.float64)
    distortion = np.asarray(terms, np.float64).ravel()[:5]
    named = dict(zip(PARAMETERS, np.asarray(deviations, np.float64).ravel(), strict=False))
    fitted = {name: float(u) for name, u in named.items() if name in _fitted(model)}
    if not (np.isfinite(matrix).all() and np.isfinite(distortion).all() and np.isfinite(rms)):
        raise CameraCalibrationError(
            "the fit does not converge; expected sharp views of the board as it is described"
        )
    tilt_deg = _largest_tilt_deg([np.asarray(turn, np.float64) for turn in turns])
    _refuse_undetermined(float(rms), matrix, fitted, tilt_deg)
    view_rms = tuple(float(error) for error in np.asarray(errors).ravel())
    coverage = _coverage(views, size)
    return CameraCalibration(
        matrix=matrix,
        distortion=distortion,
        uncertainties=fitted,
        size=size,
        rms_px=float(rms),
        views=tuple(view.source for view in views),
        view_rms_px=view_rms,
        coverage=coverage,
        tilt_deg=tilt_deg,
        notes=_notes(views, view_rms, coverage),
    )


def _charuco_corners(gray: NDArray[np.uint8], board: Board) -> tuple[Points, NDArray[np.int64]] | None:
    corners: Any  # None where nothing is found, whatever OpenCV's stubs say
    corners, numbers, _, _ = cv2.aruco.CharucoDetector(board.charuco()).detectBoard(gray)
    if corners is None:
        return None
    return np.asarray(corners, np.float32).reshape(-1, 2), np.asarray(numbers, np.int64).ravel()


def _chessboard_corners(gray: NDArray[np.uint8], board: Board) -> tuple[Points, NDArray[np.int64]] | None:
    inner = (board.columns - 1, board.rows - 1)
    there, corners = cv2.findChessboardCornersSB(gray, inner, flags=cv2.CALIB_CB_ACCURACY)
    if not there:
        return None
    points = np.asarray(corners, np.float32).reshape(-1, 2)
    return points, np.arange(len(points), dtype=np.int64)


def _fitted(model: Distortion) -> tuple[str, ...]:
    terms = {
        Distortion.NONE: (),
        Distortion.K1: ("k1",),
        Distortion.K1_K2: ("k1", "k2"),
        Distortion.TANGENTIAL: ("k1", "k2", "p1", "p2"),
        Distortion.FULL: ("k1", "k2", "p1", "p2", "k3"),
    }[model]
    return ("fx", "fy", "cx", "cy", *terms)


def _flags(model: Distortion) -> int:
    fixed = {
        "k1": cv2.CALIB_FIX_K1,
        "k2": cv2.CALIB_FIX_K2,
        "p1": cv2.CALIB_ZERO_TANGENT_DIST,
        "k3": cv2.CALIB_FIX_K3,
    }
    fitted = _fitted(model)
    return sum(flag for name, flag in fixed.items() if name not in fitted)


def _common_size(views: Sequence[View]) -> tuple[int, int]:
    if len(views) < LEAST_VIEWS:
        raise CameraCalibrationError(
            f"the board is found in {len(views)} pictures; expected at least {LEAST_VIEWS}, better 15"
        )
    size = views[0].size
    for view in views:
        if view.size != size:
            raise CameraCalibrationError(
                f"{view.source}: is {view.size[0]} × {view.size[1]} pixels, the first is {size[0]} × "
                f"{size[1]}; "
                "expected pictures of one camera at one setting"
            )
    return size


def _refuse_too_alike(views: Sequence[View], size: tuple[int, int]) -> None:
    near = SAME_VIEW_SHARE * float(np.hypot(*size))
    distinct: list[View] = []
    for view in views:
        if all(_moved_px(view, other) > near for other in distinct):
            distinct.append(view)
    if len(distinct) < LEAST_VIEWS:
        raise CameraCalibrationError(
            f"only {len(distinct)} of {len(views)} views differ from each other; expected at least "
            f"{LEAST_VIEWS} with "
            "the board in other places and at other angles"
        )


def _moved_px(one: View, other: View) -> float:
    """How far corners that both views show lie apart on average, in pixels; infinite without any."""
    _, mine, others = np.intersect1d(one.numbers, other.numbers, return_indices=True)
    if len(mine) == 0:
        return float("inf")
    apart = one.picture_px[mine] - other.picture_px[others]
    return float(np.hypot(apart[:, 0], apart[:, 1]).mean())


def _refuse_undetermined(
    rms_px: float, matrix: NDArray[np.float64], uncertainties: dict[str, float], tilt_deg: float
) -> None:
    if tilt_deg < LEAST_TILT_DEG:
        raise CameraCalibrationError(
            f"all views show the board from nearly one direction (within {tilt_deg:.0f}°), which does "
            "not determine "
            "the focal length; expected boards tilted by 20° to 40° about both axes"
        )
    if rms_px > MOST_RMS_PX:
        raise CameraCalibrationError(
            f"the corners lie {rms_px:.2f} px (RMS) from the fit; expected under {MOST_RMS_PX:g}: "
            "sharp pictures, a "
            "flat board, and columns, rows and sizes as they are"
        )
    for name, value in (("fx", matrix[0, 0]), ("fy", matrix[1, 1])):
        u = uncertainties[name]
        if not u <= MOST_FOCAL_SHARE * value:
            raise CameraCalibrationError(
                f"{name} = {value:.0f} ± {u:.0f} px is not determined to {100 * MOST_FOCAL_SHARE:g} "
                "%; expected more "
                "views, tilted by 20° to 40° about both axes"
            )


def _largest_tilt_deg(turns: Sequence[NDArray[np.float64]]) -> float:
    normals = [cv2.Rodrigues(turn)[0][:, 2] for turn in turns]
    cosines = [float(np.clip(a @ b, -1.0, 1.0)) for a, b in combinations(normals, 2)]
    return float(np.degrees(np.arccos(min(cosines))))


def _coverage(views: Sequence[View], size: tuple[int, int]) -> float:
    hull = cv2.convexHull(np.vstack([view.picture_px for view in views]))
    return float(cv2.contourArea(hull)) / (size[0] * size[1])


def _notes(views: Sequence[View], view_rms: Sequence[float], coverage: float) -> tuple[str, ...]:
    notes = []
    if coverage < LEAST_COVERAGE:
        notes.append(
            f"corners cover {100 * coverage:.0f} % of the picture: towards its border the distortion "
            "is extrapolated"
        )
    typical = float(np.median(view_rms))
    for view, rms in zip(views, view_rms, strict=True):
        if rms > OUTLYING_VIEW * typical:
            notes.append(
                f"{view.source}: {rms:.2f} px, the others {typical:.2f}: blurred, or not the same board?"
            )
    return tuple(notes)

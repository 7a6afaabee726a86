"""A camera comes back from pictures of a board, with honest uncertainties, or the views are refused."""

import re
from functools import cache

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vision.camera_calibration import (
    Board,
    CameraCalibration,
    Distortion,
    Pattern,
    View,
    calibrate,
    find_board,
)
from vision.errors import CameraCalibrationError, FrameError
from vision.frame import Frame

SIZE = (800, 600)
FINE = 2  # pictures are drawn so many times larger, and reduced
SCALE = 8  # pixels of the flat board a millimetre
MATRIX = np.array([[1020.0, 0.0, 408.0], [0.0, 1015.0, 292.0], [0.0, 0.0, 1.0]])
DISTORTION = np.array([-0.12, 0.06, 0.0008, -0.0005, 0.0])
TRUE = {
    "fx": 1020.0,
    "fy": 1015.0,
    "cx": 408.0,
    "cy": 292.0,
    "k1": -0.12,
    "k2": 0.06,
    "p1": 0.0008,
    "p2": -0.0005,
}
CHARUCO = Board(Pattern.CHARUCO, 9, 7, 20.0, 15.0)
CHESSBOARD = Board(Pattern.CHESSBOARD, 9, 7, 20.0)
TILTS = [(0, 0), (28, 5), (-28, 0), (3, 30), (0, -30), (22, 22), (-20, 24), (18, -26), (-24, -18), (32, -8)]


@cache
def _print(board: Board) -> NDArray[np.uint8]:
    """The board as a flat picture of SCALE pixels a millimetre, without a margin."""
    width, height = (round(n * board.square_mm * SCALE) for n in (board.columns, board.rows))
    if board.pattern is Pattern.CHARUCO:
        return np.asarray(board.charuco().generateImage((width, height)), np.uint8)
    rows, columns = np.mgrid[0:height, 0:width] // round(board.square_mm * SCALE)
    return np.where((rows + columns) % 2 == 0, 0, 255).astype(np.uint8)


@cache
def _rays() -> NDArray[np.float64]:
    """The line of sight (x, y, 1) of every pixel of a picture of FINE times SIZE, without distortion."""
    y, x = (np.mgrid[0 : SIZE[1] * FINE, 0 : SIZE[0] * FINE] + 0.5) / FINE - 0.5
    pixels = np.column_stack([x.ravel(), y.ravel()]).reshape(-1, 1, 2)
    ends = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 20, 1e-8)
    rays = cv2.undistortPoints(pixels, MATRIX, DISTORTION, criteria=ends)
    return np.column_stack([rays.reshape(-1, 2), np.ones(len(rays))])


def _photograph(
    board: Board,
    turn_deg: tuple[float, float, float],
    centre_px: tuple[float, float],
    distance_mm: float,
    seed: int,
) -> Frame:
    """The board as a camera with MATRIX and DISTORTION sees it, its middle imaged near `centre_px`."""
    flat = cv2.copyMakeBorder(_print(board), 160, 160, 160, 160, cv2.BORDER_CONSTANT, value=255)
    turn = cv2.Rodrigues(np.radians(turn_deg))[0]
    middle = np.array([board.columns * board.square_mm / 2, board.rows * board.square_mm / 2, 0.0])
    ray = np.linalg.solve(MATRIX, [*centre_px, 1.0])
    to_board = np.linalg.inv(np.column_stack([turn[:, 0], turn[:, 1], ray * distance_mm - turn @ middle]))
    on_board = _rays() @ to_board.T
    on_board = on_board[:, :2] / on_board[:, 2:] * SCALE - 0.5 + 160
    maps = [on_board[:, i].reshape(SIZE[1] * FINE, -1).astype(np.float32) for i in (0, 1)]
    seen = cv2.remap(flat, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=120)
    seen = cv2.resize(seen, SIZE, interpolation=cv2.INTER_AREA).astype(np.float64)
    noisy = 20 + 0.8 * seen + np.random.default_rng(seed).normal(0, 2.0, seen.shape)
    data = cv2.imencode(".png", np.clip(noisy, 0, 255).astype(np.uint8))[1].tobytes()
    return Frame(data, f"view-{seed}")


def _photographs(board: Board) -> list[Frame]:
    places = [(408, 292), (330, 250), (480, 330), (340, 340), (470, 250), (400, 300), (420, 280), (380, 320)]
    return [
        _photograph(board, (*tilt, 3.0 * number), places[number % len(places)], 330.0 + 9.0 * number, number)
        for number, tilt in enumerate(TILTS)
    ]


@pytest.fixture(scope="module")
def charuco_views() -> list[View]:
    """The ChArUco board found in ten pictures."""
    return [view for frame in _photographs(CHARUCO) if (view := find_board(frame, CHARUCO)) is not None]


def _misses(result: CameraCalibration) -> dict[str, float]:
    """By parameter, how many standard uncertainties it lies from the truth."""
    parameters = result.parameters()
    return {name: (parameters[name] - TRUE[name]) / u for name, u in result.uncertainties.items()}


def test_a_charuco_board_gives_the_camera_back(charuco_views: list[View]) -> None:
    """All ten views are found, and each parameter lies within four standard uncertainties of the true one."""
    result = calibrate(charuco_views)
    assert len(TILTS) == len(result.views)
    assert {} == {name: miss for name, miss in _misses(result).items() if abs(miss) > 4}
    assert result.rms_px < 0.15
    assert abs(result.parameters()["fx"] / 1020.0 - 1) < 0.003


def test_a_chessboard_gives_the_camera_back() -> None:
    """So does a plain chessboard."""
    views = [
        view for frame in _photographs(CHESSBOARD) if (view := find_board(frame, CHESSBOARD)) is not None
    ]
    result = calibrate(views)
    assert len(TILTS) == len(views)
    assert {} == {name: miss for name, miss in _misses(result).items() if abs(miss) > 4}
    assert result.rms_px < 0.15


def _points(seed: int, noise_px: float, tilts: list[tuple[int, int]] | None = None) -> list[View]:
    """Views made of projected corners with Gaussian noise, without pictures."""
    random = np.random.default_rng(seed)
    corners = CHARUCO.corners_mm()
    views = []
    for number, (about_x, about_y) in enumerate(tilts or TILTS):
        turn = cv2.Rodrigues(np.radians([about_x, about_y, 4.0 * number]))[0]
        middle = turn @ np.array([90.0, 70.0, 0.0])
        place = np.array([12.0 * (number % 3 - 1), 10.0 * (number % 2), 330.0 + 9.0 * number]) - middle
        pixels, _ = cv2.projectPoints(corners, cv2.Rodrigues(turn)[0], place, MATRIX, DISTORTION)
        noisy = pixels.reshape(-1, 2) + random.normal(0, noise_px, (len(corners), 2))
        numbers = np.arange(len(corners), dtype=np.int64)
        views.append(View(f"view-{number}", SIZE, corners, noisy.astype(np.float32), numbers))
    return views


def test_stated_uncertainties_are_the_actual_ones() -> None:
    """Over 40 simulated calibrations the errors scatter as the stated standard uncertainties say."""
    misses = [list(_misses(calibrate(_points(seed, 0.1))).values()) for seed in range(40)]
    spread = np.sqrt(np.mean(np.square(misses), axis=0))
    assert np.all((spread > 0.7) & (spread < 1.4)), spread
    assert 0.1 * np.sqrt(2) == pytest.approx(calibrate(_points(1, 0.1)).rms_px, rel=0.1)


@pytest.mark.parametrize("model", list(Distortion))
def test_only_the_chosen_terms_are_fitted(model: Distortion) -> None:
    """A model fits its own terms; the others are exactly 0 and have no uncertainty."""
    result = calibrate(_points(3, 0.1), model)
    fitted = set(result.uncertainties)
    zero = {name for name, value in result.parameters().items() if value == 0.0}
    assert {"fx", "fy", "cx", "cy"} <= fitted
    assert fitted.isdisjoint(zero)
    assert {"fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2", "k3"} == fitted | zero


def test_the_result_is_what_a_station_file_holds() -> None:
    """Matrix and distortion have the shapes that a station's camera takes."""
    from vision.station import camera_from

    result = calibrate(_points(3, 0.05))
    camera = camera_from(result.mapping(), "made")
    assert np.array_equal(result.matrix, np.array(camera.matrix))
    assert tuple(result.distortion.tolist()) == camera.distortion


def test_too_few_views_are_refused() -> None:
    """Five views do not do, and the message says how many do."""
    with pytest.raises(CameraCalibrationError, match="found in 5 pictures; expected at least 6"):
        calibrate(_points(3, 0.05)[:5])


def test_the_same_view_many_times_is_refused() -> None:
    """Twelve pictures of two places are two views."""
    views = [view for seed in range(6) for view in _points(seed, 0.05)[:2]]
    with pytest.raises(CameraCalibrationError, match="only 2 of 12 views differ"):
        calibrate(views)


def test_boards_that_all_face_the_camera_are_refused() -> None:
    """Without tilt the focal length cannot be told from the distance."""
    tilts = [(1, 0), (0, 2), (-1, 1), (2, -1), (0, 0), (1, 2), (-2, 0), (0, -2)]
    with pytest.raises(CameraCalibrationError, match=r"nearly one direction.*tilted by 20"):
        calibrate(_points(3, 0.05, tilts))


def test_a_wrongly_described_board_is_refused() -> None:
    """Corners that do not lie as the board says do not fit."""
    bend = np.float32([0.001, 0, 0])
    bent = [
        View(v.source, v.size, v.board_mm + bend * v.board_mm[:, 1:2] ** 2, v.picture_px, v.numbers)
        for v in _points(3, 0.05)
    ]
    with pytest.raises(CameraCalibrationError, match=r"px \(RMS\) from the fit"):
        calibrate(bent)


def test_pictures_of_different_sizes_are_refused() -> None:
    """One picture of another size is named."""
    views = _points(3, 0.05)
    odd = View("odd.png", (640, 480), views[0].board_mm, views[0].picture_px, views[0].numbers)
    with pytest.raises(
        CameraCalibrationError, match=r"odd\.png: is 640 × 480 pixels, the first is 800 × 600"
    ):
        calibrate([*views, odd])


def test_a_view_that_stands_out_is_named() -> None:
    """A blurred view among good ones comes in a note, and so does a picture that is hardly covered."""
    views = _points(3, 0.02)
    noise = np.random.default_rng(1).normal(0, 0.5, views[4].picture_px.shape).astype(np.float32)
    views[4] = View("bad.png", SIZE, views[4].board_mm, views[4].picture_px + noise, views[4].numbers)
    notes = calibrate(views).notes
    assert 1 == sum(note.startswith("bad.png: ") for note in notes)
    corner = [View(v.source, (1300, 1000), v.board_mm, v.picture_px, v.numbers) for v in _points(3, 0.02)]
    assert any("of the picture: towards its border" in note for note in calibrate(corner).notes)


def test_a_picture_without_the_board_has_no_view() -> None:
    """An empty picture gives nothing, for both patterns; bytes that are no picture are an error."""
    empty = Frame(cv2.imencode(".png", np.full((600, 800), 128, np.uint8))[1].tobytes(), "empty")
    assert find_board(empty, CHARUCO) is None
    assert find_board(empty, CHESSBOARD) is None
    with pytest.raises(FrameError):
        find_board(Frame(b"nothing", "broken"), CHARUCO)


def test_a_board_that_is_half_out_of_the_picture_still_counts() -> None:
    """Of a ChArUco board the corners that are seen are used, with their own numbers."""
    view = find_board(_photograph(CHARUCO, (20.0, 10.0, 5.0), (120.0, 320.0), 380.0, 1), CHARUCO)
    assert view is not None
    assert 12 <= len(view.numbers) < 48
    assert np.array_equal(CHARUCO.corners_mm()[view.numbers], view.board_mm)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"columns": 3}, "expected at least 4 × 4"),
        ({"square_mm": 0.0}, "square_mm is 0"),
        ({"square_mm": float("nan")}, "square_mm is nan"),
        ({"marker_mm": 20.0}, "marker_mm is 20.0; expected a length above 0 and below"),
        ({"marker_mm": None}, "marker_mm is None"),
        ({"dictionary": "DICT_9X9"}, "dictionary is 'DICT_9X9'"),
    ],
)
def test_a_board_that_there_is_not_is_refused(change: dict[str, object], expected: str) -> None:
    """Each impossible size or dictionary is named."""
    description = {"pattern": Pattern.CHARUCO, "columns": 9, "rows": 7, "square_mm": 20.0, "marker_mm": 15.0}
    with pytest.raises(CameraCalibrationError, match=re.escape(expected)):
        Board(**(description | change))  # type: ignore[arg-type] # the point is the wrong values

"""`tankcal station` hands over lines that a station file takes, or says what to do better."""

import json
import tomllib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from api.cli import ExitStatus, run
from vision.camera_calibration import Board, Pattern
from vision.station_file import load_station

BOARD = Board(Pattern.CHARUCO, 7, 5, 20.0, 15.0)
ARGUMENTS = ["--columns", "7", "--rows", "5", "--square-mm", "20", "--marker-mm", "15"]
FOCAL = 900.0


def _view(path: Path, about_x: float, about_y: float, shift_mm: float) -> None:
    """The board as an ideal camera with 640 × 480 pixels sees it."""
    flat = BOARD.charuco().generateImage((1120, 800))
    turn = cv2.Rodrigues(np.radians([about_x, about_y, 2.0]))[0]
    place = np.array([shift_mm, -shift_mm / 2, 260.0]) - turn @ np.array([70.0, 50.0, 0.0])
    matrix = np.array([[FOCAL, 0.0, 320.0], [0.0, FOCAL, 240.0], [0.0, 0.0, 1.0]])
    to_picture = matrix @ np.column_stack([turn[:, 0], turn[:, 1], place])
    pixels_to_mm = np.array([[0.125, 0.0, 0.0625], [0.0, 0.125, 0.0625], [0.0, 0.0, 1.0]])
    picture = cv2.warpPerspective(
        flat, to_picture @ pixels_to_mm, (640, 480), flags=cv2.INTER_AREA, borderValue=128
    )
    cv2.imwrite(str(path), cv2.GaussianBlur(picture, (0, 0), 0.7))


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with eight pictures of the board and one of nothing."""
    folder = tmp_path_factory.mktemp("board")
    tilts = [(25, 0), (-25, 5), (0, 28), (4, -28), (20, 20), (-18, 22), (16, -20), (0, 0)]
    for number, (about_x, about_y) in enumerate(tilts):
        _view(folder / f"{number}.png", about_x, about_y, 6.0 * (number - 3))
    cv2.imwrite(str(folder / "9.png"), np.full((480, 640), 128, np.uint8))
    return folder


def _out(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    (line,) = capsys.readouterr().out.splitlines()
    return dict(json.loads(line))


def test_a_camera_is_calibrated(board: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One JSON line with matrix, distortion, uncertainties, views; pictures without a board are named."""
    assert ExitStatus.DONE == run(["station", "calibrate", str(board), *ARGUMENTS, "--json"])
    result = _out(capsys)
    assert abs(result["matrix"][0][0] / FOCAL - 1) < 0.01
    assert [f"{number}.png" for number in range(8)] == [Path(view["image"]).name for view in result["views"]]
    assert {"fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2"} == set(result["standard_uncertainties"])
    assert 1 == len(result["not_used"])
    assert "9.png: the board is not found" in result["not_used"][0]


def test_the_lines_go_into_a_station_file(
    board: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--out` writes lines that `propose --camera` and a station file take, and overwrites nothing."""
    out = tmp_path / "camera.toml"
    arguments = ["station", "calibrate", str(board), *ARGUMENTS, "--distortion", "k1", "--out", str(out)]
    assert ExitStatus.DONE == run(arguments)
    text = capsys.readouterr().out
    assert "8 views" in text
    assert "not fitted" in text
    lines = tomllib.loads(out.read_text())
    assert {"matrix", "distortion"} == set(lines)
    assert [0.0] * 4 == lines["distortion"][1:]
    assert ExitStatus.CONFIGURATION == run(arguments)
    assert "is there already" in capsys.readouterr().err


def test_too_few_views_are_the_answer_no(board: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Three pictures end with 1 and a sentence that says how many it takes."""
    pictures = [str(board / f"{number}.png") for number in range(3)]
    assert ExitStatus.NO == run(["station", "calibrate", *pictures, *ARGUMENTS, "--json"])
    output = capsys.readouterr()
    assert "" == output.out
    assert "tankcal: the board is found in 3 pictures; expected at least 6, better 15\n" == output.err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["nowhere", *ARGUMENTS], "there is no such file or folder"),
        ([".", *ARGUMENTS, "--distortion", "k9"], "--distortion k9: expected one of none, k1"),
        ([".", *ARGUMENTS, "--dictionary", "X"], "dictionary is 'X'"),
        ([".", *ARGUMENTS[:-1], "25"], "marker_mm is 25.0"),
        ([".", "--columns", "7"], "--rows"),
    ],
)
def test_a_wrong_board_is_one_sentence(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be a board or a picture ends with 2 before anything is looked at."""
    assert ExitStatus.CONFIGURATION == run(["station", "calibrate", *arguments])
    error = capsys.readouterr().err
    assert expected in error
    assert 1 == error.count("\n")


def test_a_station_is_proposed(shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From one picture comes a station file with which that picture is read, and a drawing to check it by."""
    picture = shared / "images/sight-glass/card-01-000.jpg"
    out, drawing = tmp_path / "new.toml", tmp_path / "check.png"
    plate = ["--unit", "mL", "--division", "5", "--division-mm", "1.5", "--first", "-180", "--wall-mm", "1.1"]
    arguments = ["station", "propose", str(picture), *plate, "--lighting", "card"]
    assert ExitStatus.DONE == run([*arguments, "--out", str(out), "--overlay", str(drawing)])
    assert "with it this picture reads" in capsys.readouterr().out
    assert (1280, 960, 3) == cv2.imread(str(drawing)).shape
    assert ["neck"] == list(load_station(out).instruments)
    assert ExitStatus.DONE == run(["read", str(picture), "--station", str(out), "--json"])
    value = _out(capsys)["value"]
    assert ExitStatus.DONE == run([*arguments, "--json"])
    assert value == _out(capsys)["value"]


def test_a_proposal_needs_a_picture_of_a_scale(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A wall, a missing file and a wrong suffix are each one sentence."""
    wall = tmp_path / "wall.png"
    cv2.imwrite(str(wall), np.full((300, 200), 140, np.uint8))
    plate = ["--unit", "mL", "--division", "5"]
    cases = [
        ([str(wall), *plate], ExitStatus.CONFIGURATION, "shows no row of marks"),
        ([str(tmp_path / "x.png"), *plate], ExitStatus.CONFIGURATION, "there is no such file"),
        ([str(wall), *plate, "--overlay", "x.gif"], ExitStatus.CONFIGURATION, "expected a file .png or .jpg"),
        ([str(wall), *plate, "--camera", str(wall)], ExitStatus.CONFIGURATION, "not TOML"),
        ([str(wall), *plate, "--camera", str(tmp_path / "x")], ExitStatus.CONFIGURATION, "No such file"),
    ]
    for arguments, status, expected in cases:
        assert status == run(["station", "propose", *arguments])
        output = capsys.readouterr()
        assert ("", 1) == (output.out, output.err.count("\n"))
        assert expected in output.err

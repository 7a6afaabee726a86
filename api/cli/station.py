"""`tankcal station`: what a technician needs to set up a camera and the instrument that it looks at."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli import UsageError
from api.cli.output import Output

if TYPE_CHECKING:  # OpenCV takes its time to load, and --help does without it
    from collections.abc import Iterator, Sequence

    from rich.table import Table

    from vision.camera_calibration import CameraCalibration
    from vision.station_proposal import Proposal

station = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode="markdown")


@station.callback()
def _station() -> None:
    """Set up a station: its camera from pictures of a board, its file from a picture of the neck.

    Example: `tankcal station calibrate board/ --columns 9 --rows 7 --square-mm 20 --marker-mm 15`
    """


@station.command()
def calibrate(
    pictures: Annotated[
        list[Path],
        typer.Argument(metavar="IMAGE… | FOLDER", help="Pictures of the board.", show_default=False),
    ],
    columns: Annotated[int, typer.Option(help="Squares of the board across.", show_default=False)],
    rows: Annotated[int, typer.Option(help="Squares of the board down.", show_default=False)],
    square_mm: Annotated[float, typer.Option(help="Side of a square.", show_default=False)],
    marker_mm: Annotated[
        float | None, typer.Option(help="Side of a ChArUco board's marker; without it: a plain chessboard.")
    ] = None,
    dictionary: Annotated[str, typer.Option(help="Dictionary of the markers.")] = "DICT_5X5_100",
    legacy: Annotated[bool, typer.Option("--legacy", help="A board of OpenCV before 4.6.")] = False,
    distortion: Annotated[
        str, typer.Option(help="Terms of the lens: none, k1, k1k2, k1k2p1p2 or k1k2p1p2k3.")
    ] = "k1k2p1p2",
    out: Annotated[
        Path | None, typer.Option(help="File for the lines of the station file.", metavar="FILE")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line on standard output.")] = False,
) -> None:
    """Find a camera's matrix and distortion from pictures of a ChArUco board or a chessboard.

    Take 15 pictures with the station's camera at its final focus: the board in the middle and in every
    corner, tilted by 20° to 40° about both axes. Views that are too few or too alike are refused.

    Example: `tankcal station calibrate board/ --columns 9 --rows 7 --square-mm 20 --marker-mm 15`
    """
    from vision import camera_calibration as cc
    from vision.errors import CameraCalibrationError, FrameError
    from vision.image_set import read_frame

    output = Output(as_json)
    if distortion not in [*cc.Distortion]:
        raise UsageError(f"--distortion {distortion}: expected one of {', '.join(cc.Distortion)}")
    pattern = cc.Pattern.CHESSBOARD if marker_mm is None else cc.Pattern.CHARUCO
    try:
        board = cc.Board(pattern, columns, rows, square_mm, marker_mm, dictionary, legacy)
    except CameraCalibrationError as error:
        raise UsageError(str(error)) from error
    paths = list(_paths(pictures))
    views, without = [], []
    for path in output.progress(paths, "looking for the board", len(paths)):
        try:
            view = cc.find_board(read_frame(path, str(path)), board)
        except FrameError as error:
            without.append(str(error))
            continue
        if view is None:
            without.append(f"{path}: the board is not found, or too little of it")
        else:
            views.append(view)
    for sentence in without:
        output.note(sentence)
    result = cc.calibrate(views, cc.Distortion(distortion))
    output.record(_record(result, without))
    output.show(_table(result))
    output.show(
        f"{len(result.views)} views, RMS {result.rms_px:.3f} px, boards tilted by up to "
        f"{result.tilt_deg:.0f}° against "
        f"each other, corners over {100 * result.coverage:.0f} % of the picture"
    )
    for note in result.notes:
        output.show(f"note: {note}")
    _hand_over(output, _lines(result), out)


@station.command()
def propose(
    picture: Annotated[
        Path, typer.Argument(metavar="IMAGE", help="A sharp picture with liquid in the neck.")
    ],
    unit: Annotated[str, typer.Option(help="Unit of the scale: mL, L, mm, % …", show_default=False)],
    division: Annotated[float, typer.Option(help="Value between neighbouring marks.", show_default=False)],
    division_mm: Annotated[float | None, typer.Option(help="Length between neighbouring marks.")] = None,
    first: Annotated[float | None, typer.Option(help="Smallest value on the plate.")] = None,
    last: Annotated[float | None, typer.Option(help="Largest value on the plate.")] = None,
    increases: Annotated[str, typer.Option(help="Where the numbers grow: up or down.")] = "up",
    wall_mm: Annotated[float | None, typer.Option(help="Thickness of the tube's glass.")] = None,
    lighting: Annotated[str | None, typer.Option(help="card, panel or room.")] = None,
    liquid: Annotated[str | None, typer.Option(help="water or fuel.")] = None,
    camera: Annotated[
        Path | None, typer.Option(help="Lines written by station calibrate --out.", metavar="FILE")
    ] = None,
    address: Annotated[
        str, typer.Option(help="Where the camera's snapshots are.")
    ] = "http://127.0.0.1:8502/cameras/neck.jpg",
    name: Annotated[str, typer.Option(help="Name of the station.")] = "new",
    overlay: Annotated[
        Path | None,
        typer.Option(help="The picture with what was found, to check by eye.", metavar="FILE.png"),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The station file to write.", metavar="FILE")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line on standard output.")] = False,
) -> None:
    """Propose a station file from one picture of a graduated neck, drawn for checking.

    Side, marks, long marks, tube and (with a calibrated camera) distance are measured; what no picture
    shows is asked for by the options, and what is missing is said.

    Example: `tankcal station propose neck.png --unit mL --division 20 --first -400 --last 400 --overlay
    check.png`
    """
    from vision.image_set import read_frame
    from vision.overlay import draw, encode, value_text
    from vision.reading import Reading
    from vision.station_proposal import Stated, propose, toml_of

    output = Output(as_json)
    if overlay is not None and overlay.suffix not in (".png", ".jpg"):
        raise UsageError(f"--overlay {overlay}: expected a file .png or .jpg")
    if not picture.is_file():
        raise UsageError(f"{picture}: there is no such file; expected a picture of a graduated neck")
    stated = Stated(
        unit, division, division_mm, first, last, increases, wall_mm, lighting, liquid, _camera_lines(camera)
    )
    frame = read_frame(picture, str(picture))
    proposal = propose(frame, stated, name, {"driver": "http", "address": address})
    if overlay is not None:
        overlay.write_bytes(encode(draw(frame, proposal.answer), overlay.suffix))
    output.record(_proposal_record(proposal))
    for note in proposal.notes:
        output.show(f"note: {note}")
    answer = proposal.answer
    if isinstance(answer, Reading):
        output.show(f"with it this picture reads {value_text(answer)}")
    else:
        output.show(f"with it this picture is refused: {answer.reason}: {answer.detail}")
    _hand_over(output, toml_of(proposal.mapping, proposal.notes), out)


def _paths(pictures: "Sequence[Path]") -> "Iterator[Path]":
    from vision.image_set import pictures_in

    for path in pictures:
        if path.is_dir():
            yield from pictures_in(path)
        elif path.exists():
            yield path
        else:
            raise UsageError(f"{path}: there is no such file or folder; expected pictures of the board")


def _camera_lines(path: Path | None) -> dict[str, Any]:
    """The `camera` object of a manifest, from the lines that `calibrate --out` wrote."""
    import tomllib

    from vision.errors import StationError
    from vision.station import camera_from

    if path is None:
        return {}
    try:
        mapping = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StationError(f"{path}: not TOML: {error}") from error
    camera_from(mapping, str(path))
    return mapping


def _lines(result: "CameraCalibration") -> str:
    parameters = ", ".join(f"{name} ± {u:.2g}" for name, u in result.uncertainties.items())
    width, height = result.size
    return (
        f"# {len(result.views)} views of {width} × {height} pixels, RMS {result.rms_px:.3f} px; "
        "standard uncertainties: "
        f"{parameters}\nmatrix = {result.matrix.tolist()}\ndistortion = {result.distortion.tolist()}\n"
    )


def _hand_over(output: Output, text: str, out: Path | None) -> None:
    """The lines for a station file: to a file, which is never overwritten, or to people on the terminal."""
    from rich.text import Text

    if out is None:
        output.show(Text("\n" + text.rstrip()))
        return
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise UsageError(f"--out {out}: is there already; expected a new file") from error
    output.note(f"written: {out}")


def _record(result: "CameraCalibration", without: "Sequence[str]") -> dict[str, Any]:
    return {
        "matrix": result.matrix.tolist(),
        "distortion": result.distortion.tolist(),
        "standard_uncertainties": result.uncertainties,
        "width": result.size[0],
        "height": result.size[1],
        "rms_px": result.rms_px,
        "views": [
            {"image": image, "rms_px": rms}
            for image, rms in zip(result.views, result.view_rms_px, strict=True)
        ],
        "not_used": list(without),
        "coverage": result.coverage,
        "tilt_deg": result.tilt_deg,
        "notes": list(result.notes),
    }


def _proposal_record(proposal: "Proposal") -> dict[str, Any]:
    from vision.reading import Reading

    answer = proposal.answer
    value = answer.value if isinstance(answer, Reading) else None
    return {
        "station": proposal.mapping,
        "complete": proposal.is_complete,
        "notes": list(proposal.notes),
        "status": "refused" if value is None else "read",
        "value": value,
        "reason": None if isinstance(answer, Reading) else answer.reason.value,
    }


def _table(result: "CameraCalibration") -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("parameter")
    for column in ("value", "standard uncertainty"):
        table.add_column(column, justify="right")
    for name, value in result.parameters().items():
        u = result.uncertainties.get(name)
        digits = 2 if name in ("fx", "fy", "cx", "cy") else 5
        table.add_row(name, f"{value:.{digits}f}", "not fitted" if u is None else f"{u:.{digits}f}")
    return table

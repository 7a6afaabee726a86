"""`tankcal fit`: calibration data into a curve with uncertainties."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from api.cli import UsageError
from api.cli.output import Output
from api.numbers import decimals, number

if TYPE_CHECKING:  # scipy takes its time to load, and --help does without it
    from calibration.data_table import DataTable
    from calibration.fitted import FittedCurve, Points
    from calibration.model_choice import Candidate

TABLE_ROWS = 20


def fit(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA.csv", help="height_mm,volume_l,u_height_mm,u_volume_l", show_default=False
        ),
    ],
    *,
    model: Annotated[
        str,
        typer.Option(
            help="auto, line, polynomial-N, spline-N, tank-lying, tank-lying-tilted or tank-standing."
        ),
    ] = "auto",
    tank: Annotated[
        Path | None,
        typer.Option(help="A tank's drawing, whose free dimensions are fitted.", metavar="TANK.toml"),
    ] = None,
    step: Annotated[
        float | None, typer.Option(help="Step of the printed table, in units of the reading.", min=0.0)
    ] = None,
    save: Annotated[
        Path | None, typer.Option(help="Where to save the curve for later use.", metavar="FILE.json")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Where to draw curve, band and residuals.", metavar="FILE.svg")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line with everything.")] = False,
) -> None:
    """Fit a calibration curve V(reading) and say how well it describes the data.

    Every fit is tested by χ². A model that does not describe the data, or a curve that does not increase, is
    refused (exit status 1); data that cannot be used are named by their row (exit status 2).

    Example: `tankcal fit tank.csv --model auto --step 10 --save tank.json`
    """
    from api.documents import write_text
    from api.fit_charts import fit_svg
    from calibration.curve_json import StoredCurve, curve_to_json

    output = Output(as_json)
    table = _data(data)
    if tank is not None and model != "auto":
        raise UsageError("--tank and --model exclude each other: a tank's file is its model")
    fitted, candidates, sentence = _fitted(table, model) if tank is None else _fitted_tank(table, tank)
    stored = StoredCurve(fitted.curve, table.reading_unit, table.volume_unit)
    width = fitted.curve.domain[1] - fitted.curve.domain[0]
    step = step or width / TABLE_ROWS
    if save is not None:
        write_text(save, curve_to_json(stored))
    if plot is not None:
        write_text(plot, fit_svg(table, fitted))
    output.record(_record(table, fitted, candidates, sentence, step))
    if not as_json:
        _show(output, table, fitted, candidates, sentence, step)


def _data(path: Path) -> "DataTable":
    from calibration.data_table import parse_data_table
    from calibration.errors import CalibrationError

    try:
        return parse_data_table(_text(path), str(path))
    except CalibrationError as error:
        raise UsageError(str(error)) from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: is not UTF-8 text: expected a {path.suffix or 'text'} file") from error


def _fitted(table: "DataTable", model: str) -> "tuple[FittedCurve, list[Candidate], str]":
    """The curve, what else was tried, and a sentence. Raises `UnsuitableModelError`, `UsageError`."""
    from calibration.errors import CalibrationError, UnsuitableModelError
    from calibration.model_choice import choose_model, fit_model

    points = table.points()
    if model == "auto":
        choice = choose_model(points, table.cubic_factor)
        assert choice.chosen.fitted is not None  # a chosen model has a fit
        return choice.chosen.fitted, list(choice.candidates), choice.sentence
    try:
        fitted = fit_model(points, model, table.cubic_factor)
    except UnsuitableModelError:
        raise
    except CalibrationError as error:
        raise UsageError(f"--model {model}: {error}") from error
    return _judged(points, model, fitted)


def _fitted_tank(table: "DataTable", path: Path) -> "tuple[FittedCurve, list[Candidate], str]":
    """The tank of a file, fitted. Raises `UnsuitableModelError`, `UsageError`."""
    from calibration.errors import CalibrationError
    from calibration.model_choice import fit_shape
    from calibration.tank_file import parse_tank_file

    try:
        shape = parse_tank_file(_text(path), str(path), table.reading_unit, table.volume_unit)
    except CalibrationError as error:
        raise UsageError(str(error)) from error
    points = table.points()
    return _judged(points, shape.name, fit_shape(points, shape))


def _judged(
    points: "Points", model: str, fitted: "FittedCurve"
) -> "tuple[FittedCurve, list[Candidate], str]":
    from calibration.errors import UnsuitableModelError
    from calibration.model_choice import score

    one = score(points, model, fitted)
    if one.suitable is False:
        raise UnsuitableModelError(
            f"{model} does not describe the data within their uncertainties: χ² = {fitted.chi_squared:.4g} "
            f"with {fitted.dof} degrees of freedom has a probability of {fitted.p_value:.2g}"
        )
    tested = "χ² accepts it" if one.suitable else "without stated uncertainties χ² cannot test it"
    return fitted, [one], f"{model} was asked for; {tested}."


def _record(
    table: "DataTable", fitted: "FittedCurve", candidates: "list[Candidate]", sentence: str, step: float
) -> dict[str, Any]:
    curve = fitted.curve
    return {
        "model": curve.model.name,
        "sentence": sentence,
        "reading_unit": table.reading_unit,
        "volume_unit": table.volume_unit,
        "domain": list(curve.domain),
        "parameters": dict(zip(curve.model.parameter_names, curve.parameters.tolist(), strict=True)),
        "covariance": curve.covariance.tolist(),
        "chi_squared": fitted.chi_squared,
        "degrees_of_freedom": fitted.dof,
        "p_value": fitted.p_value if table.u_volume is not None else None,
        "uncertainties_stated": table.u_volume is not None,
        "points": [
            {"reading": x, "volume": v, "residual": r, "normalised_residual": n}
            for x, v, r, n in zip(
                table.reading.tolist(),
                table.volume.tolist(),
                fitted.residuals.tolist(),
                fitted.normalised_residuals.tolist(),
                strict=True,
            )
        ],
        "table": [
            {"reading": row.reading, "volume": row.volume, "standard_uncertainty": row.u}
            for row in curve.table(step)
        ],
        "candidates": [
            {
                "model": c.name,
                "aicc": c.aicc if c.fitted is not None and abs(c.aicc) < float("inf") else None,
                "bic": c.bic if c.fitted is not None else None,
                "suitable": c.suitable,
                "cross_validated": c.cross_validated,
                "reason": c.reason,
            }
            for c in candidates
        ],
    }


def _show(
    output: Output,
    table: "DataTable",
    fitted: "FittedCurve",
    candidates: "list[Candidate]",
    sentence: str,
    step: float,
) -> None:
    output.show(sentence)
    curve = fitted.curve
    if len(candidates) > 1:
        tried = Table(title="models")
        for column in ("model", "AICc", "BIC", "left-out deviation", "χ² accepts"):
            tried.add_column(column, justify="left" if column == "model" else "right")
        for c in candidates:
            accepts = {True: "yes", False: "no", None: "–"}[c.suitable]
            cross = "" if c.cross_validated is None else f"{c.cross_validated:.3g}"
            given = ("no fit", "") if c.fitted is None else (f"{c.aicc:.1f}", f"{c.bic:.1f}")
            tried.add_row(c.name, *given, cross, accepts)
        output.show(tried)
    shown = Table(title=f"{curve.model.name}: {table.volume_unit} against {table.reading_unit}")
    for column in (
        f"reading / {table.reading_unit}",
        f"volume / {table.volume_unit}",
        "standard uncertainty",
    ):
        shown.add_column(column, justify="right")
    for row in curve.table(step):
        digits = decimals(row.u) if row.u > 0 else 6
        shown.add_row(f"{row.reading:g}", number(row.volume, digits), number(row.u, digits))
    output.show(shown)
    p = "" if fitted.p_value is None or table.u_volume is None else f", probability {fitted.p_value:.3g}"
    worst = max(range(fitted.residuals.size), key=lambda i: abs(fitted.normalised_residuals[i]))
    output.show(
        f"χ² = {fitted.chi_squared:.4g} with {fitted.dof} degrees of freedom{p}; largest normalised residual "
        f"{fitted.normalised_residuals[worst]:+.2f} at {table.reading[worst]:g} {table.reading_unit}"
    )

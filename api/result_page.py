"""A result as its page shows it: figures with the digits that their uncertainty deserves, charts, tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from api.charts import Spec, curve_chart, error_chart, residual_chart, scale_chart
from api.numbers import brief, decimals, number


@dataclass(frozen=True)
class BudgetLine:
    """A row of the budget, figures as text; `percent` is its share of the variance."""

    quantity: str
    symbol: str
    value: str
    unit: str
    standard_uncertainty: str
    distribution: str
    contribution_ml: float
    percent: float
    source: str


@dataclass(frozen=True)
class Chart:
    """A chart, and its data as a table."""

    title: str
    describe: str
    spec: Spec
    head: tuple[str, ...]
    rows: tuple[tuple[float | str, ...], ...]
    digits: int


@dataclass(frozen=True)
class ResultPage:
    """What the page of a result shows with `template`; `result` is the result itself.

    A method without a page of its own has only those two, the verdict's class and its budget.
    """

    result: Mapping[str, Any]
    template: str
    outcome_class: str
    digits: int = 0
    error_chart: Spec | None = None
    charts: tuple[Chart, ...] = ()
    budget: tuple[BudgetLine, ...] = ()
    repeats: Sequence[Mapping[str, Any]] = ()
    temperatures: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    gauges: Sequence[Mapping[str, Any]] = ()


def result_page(result: Mapping[str, Any]) -> ResultPage:
    """The page of a stored result."""
    outcome_class = {"pass": "good", "fail": "bad"}.get(result["verdict"]["outcome"], "warn")
    if "findings" in result:
        budget = _budget(result) if "budget" in result else ()
        return ResultPage(result, "findings.html.j2", outcome_class, budget=budget)
    return ResultPage(
        result,
        "gravimetric.html.j2",
        outcome_class,
        digits=decimals(result["expanded_uncertainty_ml"]),
        error_chart=error_chart(result),
        charts=tuple(_charts(result)),
        budget=_budget(result),
        repeats=result["repeats"],
        temperatures=_spans(result["repeats"]),
        gauges=result.get("gauges", ()),  # which a result of earlier days does not have
    )


def _charts(result: Mapping[str, Any]) -> list[Chart]:
    curve = result["curve"]
    if curve is None:
        return []
    unit = curve["unit"]
    table = tuple((row["reading"], row["volume_l"], row["standard_uncertainty_ml"]) for row in curve["table"])
    points = curve["points"]
    charts = []
    if (spec := scale_chart(result)) is not None:
        charts.append(
            Chart(
                title="Error along the neck",
                describe="Error of the scale against the reading, with the band of its expanded uncertainty.",
                spec=spec,
                head=("repeat", f"reading / {unit}", "error of the scale / mL"),
                rows=tuple((p["repeat"], p["reading"], p["reading"] - p["volume_ml"]) for p in points),
                digits=2,
            )
        )
    if (spec := curve_chart(result)) is not None:
        charts.append(
            Chart(
                title="Neck curve",
                describe="Volume less nominal against the reading: points, fitted line and its band of ± U.",
                spec=spec,
                head=(f"reading / {unit}", "volume / L", "standard uncertainty / mL"),
                rows=table,
                digits=4,
            )
        )
    if (spec := residual_chart(result)) is not None:
        charts.append(
            Chart(
                title="Residuals",
                describe="Distance of each point from the line, with its standard uncertainty.",
                spec=spec,
                head=("repeat", f"reading / {unit}", "residual / mL", "residual / u"),
                rows=tuple(
                    (p["repeat"], p["reading"], p["residual_ml"], p["normalised_residual"]) for p in points
                ),
                digits=3,
            )
        )
    return charts


def _budget(result: Mapping[str, Any]) -> tuple[BudgetLine, ...]:
    lines = [
        BudgetLine(
            quantity=row["quantity"],
            symbol=row["symbol"],
            value=_as_exact_as(row["value"], row["standard_uncertainty"]),
            unit="" if row["unit"] == "1" else row["unit"],
            standard_uncertainty=brief(row["standard_uncertainty"], 2),
            distribution=row["distribution"],
            contribution_ml=row["contribution_ml"],
            percent=100.0 * row["share"],
            source=row["source"],
        )
        for row in result["budget"]
    ]
    return tuple(sorted(lines, key=lambda line: -line.percent))


def _as_exact_as(value: float, u: float) -> str:
    """The value with the digits that its standard uncertainty deserves."""
    if u <= 0 or (value != 0 and abs(value) < 1e-3):
        return brief(value)
    return number(value, min(decimals(u), 6)) if value != 0 else "0"


def _spans(repeats: Sequence[Mapping[str, Any]]) -> dict[str, tuple[float, float]]:
    names = {
        "water / °C": "water_c",
        "vessel / °C": "vessel_c",
        "air / °C": "air_c",
        "pressure / hPa": "pressure_hpa",
        "humidity / %": "humidity_pct",
    }
    return {
        title: (min(repeat[key] for repeat in repeats), max(repeat[key] for repeat in repeats))
        for title, key in names.items()
    }

"""A result as a small table for a terminal."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from api.numbers import decimals, number, signed


def result_table(result: Mapping[str, Any], more: Mapping[str, str] | None = None) -> Table:
    """Error, expanded uncertainty, limit and verdict of a stored result, and what `more` says."""
    verdict = result["verdict"]
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="dim")
    table.add_column()
    item = result["item"]
    table.add_row("item", f"{item['make']} {item['model']} {item['serial']}, {result['nominal_l']:g} L")
    if "findings" in result:
        for one in result["findings"]:
            digits = decimals(one["expanded_uncertainty"])
            uncertain = f"{signed(one['value'], digits)} ± {number(one['expanded_uncertainty'], digits)}"
            table.add_row(one["quantity"], f"{uncertain} {one['unit']}")
    else:
        _add_error(table, result)
    table.add_row("verdict", f"[bold]{verdict['outcome']}[/bold]: {verdict['sentence']}")
    for name, text in (more or {}).items():
        table.add_row(name, text)
    return table


def _add_error(table: Table, result: Mapping[str, Any]) -> None:
    digits = decimals(result["expanded_uncertainty_ml"])
    table.add_row("error", f"{signed(result['error_ml'], digits)} mL")
    table.add_row(
        "expanded uncertainty U",
        f"{number(result['expanded_uncertainty_ml'], digits)} mL "
        f"(k = {number(result['coverage_factor'])}, {100 * result['coverage_probability']:g} %)",
    )
    limit = result["verdict"]["limit_ml"]
    table.add_row("tolerance", "none in the rules" if limit is None else f"±{limit:g} mL")

"""Why a run can have no verdict, whatever its method, in words."""

from collections.abc import Mapping, Sequence
from typing import Any

from calibration.repeatability import Scatter
from calibration.run_settings import RunSettings


def run_obstacles(
    lines: Sequence[Mapping[str, Any]], repeats: int, settings: RunSettings, scatter: Scatter
) -> list[str]:
    """What keeps a run with so many complete `repeats` at the mark from a verdict; empty: nothing."""
    found = []
    ended = [line.get("data", {}) for line in lines if line.get("kind") == "end"]
    if ended and ended[-1].get("outcome") != "complete":
        found.append(f"the run was {ended[-1].get('outcome')}")
    plan = settings.plan
    if repeats < plan.repeats:
        found.append(f"{repeats} of the procedure's {plan.repeats} repeats are complete")
    if scatter.range is None:
        found.append("the repeatability is not known from one delivery")
    elif plan.repeat_range_ml is not None and scatter.range > plan.repeat_range_ml:
        found.append(
            f"the range of the repeats, {scatter.range:.2f} mL, exceeds "
            f"the procedure's limit of {plan.repeat_range_ml:.2f} mL"
        )
    return found


def item_obstacles(settings: RunSettings) -> list[str]:
    """What of the item itself keeps it from a verdict."""
    found = []
    item, pack = settings.item, settings.pack
    if "unverified" in item.expansion_source:
        found.append(
            "the vessel's coefficient of expansion is marked unverified, "
            "and may decide nothing until it is entered with its source"
        )
    coarsest = pack.division_relative_max
    if (
        coarsest is not None
        and item.division_ml is not None
        and item.division_ml > coarsest * item.nominal_l * 1000.0
    ):
        found.append(
            f"the scale's division of {item.division_ml:g} mL is coarser than "
            f"the {coarsest * item.nominal_l * 1000.0:g} mL that {pack.name} allows"
        )
    return found

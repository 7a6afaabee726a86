"""Why a run can have no verdict, whatever its method, in words."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from calibration.repeatability import Scatter
from calibration.run_settings import RunSettings


class Dripped(Protocol):
    """One of a repeat's volumes, and the drip that belongs to it: seconds, None where it was not recorded."""

    @property
    def repeat(self) -> int:
        """Its repeat."""
        ...

    @property
    def drip_required_s(self) -> float | None:
        """Asked for."""
        ...

    @property
    def drip_waited_s(self) -> float | None:
        """Waited."""
        ...


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


def drip_obstacles(ds: Sequence[Dripped], settings: RunSettings) -> list[str]:
    """What of the drip keeps delivered volumes from a verdict: the repeats' own, and the rules' drip time."""
    found = []
    for repeat in sorted({d.repeat for d in ds}):
        one = next(d for d in ds if d.repeat == repeat)
        if one.drip_waited_s is None or one.drip_required_s is None:
            found.append(f"the drip time of repeat {repeat} was not recorded")
        elif one.drip_waited_s < one.drip_required_s:
            found.append(
                f"repeat {repeat} dripped {one.drip_waited_s:.1f} s "
                f"of the required {one.drip_required_s:.1f} s"
            )
    return [*found, *_drip_rule_obstacles(ds, settings)]


def _drip_rule_obstacles(ds: Sequence[Dripped], settings: RunSettings) -> list[str]:
    """What keeps the rules' own drip time from being met; the item's, from its certificate, overrides it."""
    item, pack = settings.item, settings.pack
    seconds = None if pack.drip_times is None else pack.drip_times.seconds(item.nominal_l)
    if pack.drip_times is None or seconds is None or item.drip_time_s is not None:
        return []
    if pack.drip_times.unverified:
        return [f"drip_time of {pack.name} ({seconds:g} s) is unverified, and the item has none of its own"]
    asked = [d.drip_required_s for d in ds if d.drip_required_s is not None]
    if asked and min(asked) < seconds:
        return [f"{pack.name} demands a drip time of {seconds:g} s, the run asked for {min(asked):g} s"]
    return []

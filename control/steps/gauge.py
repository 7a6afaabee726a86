"""Reading the gauges: the water's temperature for the result, balance and line pressure to check the wire.

What the wire says stands beside each reading in the record. A gauge that only checks and cannot be read is
noted there; one that disagrees with the wire beyond what uncertainty and time allow holds the run.
"""

from math import isfinite, sqrt

from control.errors import HeldError
from control.gauges import Gauge, Shown
from control.observers import NO_PICTURE, Observation
from control.rig import Weighing
from control.rig_tags import DOSE_RUNNING
from control.steps.look import TRIES, observation_line, refused
from control.steps.step import Context

FACTOR = 3.0  # standard uncertainties of a difference between two instruments; more is a fault of one of them
SCATTER_FACTOR = 4.0  # standard deviations from the mean of a few indications for a single one
RAMP_S = 5.0  # of the rig's clock: until pump and valve of a coarse dose have come to their places


async def read_water(context: Context, target: float) -> None:
    """Read the thermometers in the full measure, beside the rig's own.

    Raises `HeldError` where one cannot be read, since the result needs it, or disagrees with the rig's sensor
    by more than three times the standard uncertainty of their difference.
    """
    for gauge in context.gauges_showing(Shown.WATER_TEMPERATURE):
        wire_c = (await context.rig.refresh()).number(gauge.shows)
        seen = await _read(context, gauge, "full", target, wire_c, context.procedure.read.gauge_frames, TRIES)
        if seen.value is None:
            raise refused(seen)
        u_wire = _stated(context, "thermometers", "water_standard_uncertainty_c")
        if wire_c is not None and u_wire is not None:
            _hold_if_apart(gauge, seen, (wire_c, wire_c), FACTOR * _joint(gauge, seen, u_wire))


async def check_balance(context: Context, target: float | None, load: str, weighing: Weighing) -> None:
    """Read the balance's display and compare it with what came by wire.

    Raises `HeldError` where they are further apart than the balance's resolution and scatter allow: a lost
    decimal point, or a display of another balance. A display that cannot be read is noted.
    """
    for gauge in context.gauges_showing(Shown.BALANCE):
        seen = await _read(context, gauge, load, target, weighing.mean_g, 1, TRIES)
        resolution = _stated(context, "balance", "resolution_g") or 0.0
        u = _stated(context, "balance", "standard_uncertainty_g") or 0.0
        scatter = max(weighing.scatter_g * sqrt(weighing.count), u)
        own = 0.0 if seen.standard_uncertainty is None else gauge.in_tag_unit(seen.standard_uncertainty)
        allowed = resolution + SCATTER_FACTOR * scatter + FACTOR * own
        _hold_if_apart(gauge, seen, (weighing.mean_g, weighing.mean_g), allowed)


async def check_pressure(context: Context, target: float | None, *, filling: bool) -> None:
    """Read the dial at the filling line, at rest or while a coarse dose runs; compare it with the wire.

    The pressure moves: what the wire said before and after the picture are the limits, and while filling
    they hold only as long as the dose runs. Raises `HeldError` where the dial is further off than the
    uncertainties of both allow; without a stated one for the rig's sensor nothing is compared.
    """
    gauges = context.gauges_showing(Shown.LINE_PRESSURE)
    if gauges and filling:
        await context.rig.pause(RAMP_S)
    for gauge in gauges:
        before = await context.rig.refresh()
        wire = before.number(gauge.shows)
        at = "filling" if filling else "rest"
        seen = await _read(context, gauge, at, target, wire, 1, 1 if filling else TRIES)
        after = await context.rig.refresh()
        u_wire = _stated(context, Shown.LINE_PRESSURE, "standard_uncertainty_kpa")
        later = after.number(gauge.shows)
        doses = {before.values["dose_state"], after.values["dose_state"]}
        steady = not filling or doses == {DOSE_RUNNING}
        if wire is not None and later is not None and u_wire is not None and steady:
            limits = (min(wire, later), max(wire, later))
            _hold_if_apart(gauge, seen, limits, FACTOR * _joint(gauge, seen, u_wire))


async def _read(  # noqa: PLR0917 - all of it goes into one line of the record
    context: Context, gauge: Gauge, at: str, target: float | None, wire: float | None, frames: int, tries: int
) -> Observation:
    """The last of up to `tries` observations, each of them recorded; refused where the camera is silent."""
    for _ in range(tries):
        try:
            seen = await context.gauge_reader.read_gauge(gauge.name, frames)
        except HeldError as problem:
            if gauge.quantity.needed:
                raise
            seen = Observation(gauge.name, gauge.unit, None, None, NO_PICTURE, str(problem))
        if any(
            value is not None and not isfinite(value) for value in (seen.value, seen.standard_uncertainty)
        ):
            raise HeldError(f"{gauge.name}: the reader answers {seen.value} ± {seen.standard_uncertainty}")
        context.record(
            "observation",
            {
                **observation_line(seen, "gauge", context.repeat, target),
                "shows": str(gauge.shows),
                "at": at,
                "wire": wire,
                "wire_unit": gauge.quantity.unit,
            },
        )
        if seen.value is not None or seen.reason == NO_PICTURE:
            break
    return seen


def _hold_if_apart(gauge: Gauge, seen: Observation, wire: tuple[float, float], allowed: float) -> None:
    if seen.value is None:
        return
    value = gauge.in_tag_unit(seen.value)
    off = max(wire[0] - value, value - wire[1], 0.0)
    if off > allowed:
        unit = gauge.quantity.unit
        by_wire = f"{wire[0]:g}" if wire[0] == wire[1] else f"{wire[0]:g} to {wire[1]:g}"
        raise HeldError(
            f"{gauge.name} shows {value:g} {unit}, by wire it is {by_wire} {unit}: they may differ by "
            f"{allowed:.3g} {unit}"
        )


def _joint(gauge: Gauge, seen: Observation, u_wire: float) -> float:
    """The standard uncertainty of gauge less wire, in the tag's unit."""
    own = gauge.in_tag_unit(seen.standard_uncertainty or 0.0)
    return sqrt(own**2 + gauge.in_tag_unit(gauge.certificate.standard_uncertainty) ** 2 + u_wire**2)


def _stated(context: Context, standard: str, figure: str) -> float | None:
    """A figure of a standard in the rig's file, None where it has none."""
    value = context.rig.map.standards.get(standard, {}).get(figure)
    return float(value) if isinstance(value, int | float) else None

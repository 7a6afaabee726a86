"""What a measure holds back by definition: found by emptying it once, prewetted, at 20 °C or its like."""

from dataclasses import replace

from control.simulator.configuration import MeasureFigures, StandardFigures
from control.simulator.hydraulics import DRAIN_TRAVEL_S, STEP_S, Valve
from control.simulator.truth import Truth, draw_truth
from control.simulator.vessel import Vessel


def make_truth(seed: int, measure: MeasureFigures, standards: StandardFigures) -> Truth:
    """The whole truth of one seed: the same seed and files give the same twin.

    The delivered volume is defined with the drip time of the measure's file, counted from the moment when the
    stream breaks; what then remains, without the scatter from emptying to emptying, is `residual_ml`.
    """
    drawn = draw_truth(seed, measure, standards)
    return replace(drawn, residual_ml=residual_ml(drawn, measure.drip_time_s))


def residual_ml(truth: Truth, drip_s: float) -> float:
    """Water left in a prewetted measure at the reference temperature, `drip_s` after its stream broke, mL."""
    vessel = Vessel(replace(truth, air_c=truth.reference_c))
    vessel.exchange_heat(STEP_S, truth.reference_c)
    vessel.dryness = 0.0
    vessel.step(STEP_S, vessel.contained_ml(0.0) * vessel.density_g_ml, truth.reference_c, 0.0)
    drain = Valve(DRAIN_TRAVEL_S)
    drain.open = True
    vessel.start_drain(0.0)
    flowed, waited_s = False, 0.0
    while waited_s < drip_s:
        drain.step(STEP_S)
        vessel.step(STEP_S, 0.0, truth.reference_c, drain.position)
        flowed = flowed or vessel.stream
        if flowed and not vessel.stream:
            waited_s += STEP_S
    return vessel.content_g / vessel.density_g_ml

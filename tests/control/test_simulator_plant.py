"""The twin's plant: water is neither made nor lost, and the measure delivers what its truth says."""

from dataclasses import replace
from math import fsum, sqrt
from pathlib import Path

import pytest

from control.simulator.configuration import TwinConfiguration, load_twin_configuration
from control.simulator.densities import air_density_g_ml, water_density_g_ml
from control.simulator.emptying import make_truth
from control.simulator.hydraulics import STEP_S
from control.simulator.plant import Plant
from control.simulator.truth import Truth, draw_truth
from control.simulator.vessel import HIGH_HIGH_MM, RIM_MM

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


@pytest.fixture(scope="module")
def configuration() -> TwinConfiguration:
    """The demonstration's files."""
    return load_twin_configuration(
        CONFIGS / "rigs/twin.toml", CONFIGS / "stations/demo.toml", CONFIGS / "measures/demo-20l.toml"
    )


@pytest.fixture(scope="module")
def truth(configuration: TwinConfiguration) -> Truth:
    """A twin without scatter between emptyings, so that volumes can be compared closely."""
    return replace(make_truth(1, configuration.measure, configuration.standards), film_scatter=0.0)


def run(plant: Plant, seconds: float) -> None:
    """Let the rig's clock run."""
    for _ in range(round(seconds / STEP_S)):
        plant.step()


def fill_to(plant: Plant, level_mm: float) -> None:
    """Coarse to short of the level, then fine, then quiet."""
    hydraulics, vessel = plant.hydraulics, plant.vessel
    hydraulics.pump.setpoint, hydraulics.coarse.open = 1.0, True
    short = vessel.contained_ml(level_mm) - 600.0
    while vessel.bulk_g / vessel.density_g_ml < short:
        plant.step()
    hydraulics.pump.setpoint, hydraulics.coarse.open = 0.4, False
    run(plant, 5.0)
    hydraulics.fine.open = True
    while vessel.level_mm < level_mm - 0.6:
        plant.step()
    hydraulics.pump.setpoint, hydraulics.fine.open = 0.0, False
    run(plant, 30.0)


def empty(plant: Plant, drip_s: float) -> float:
    """Open the drain, let the stream break, drip, close; returns the time to the break in seconds."""
    plant.open_drain()
    started = plant.clock_s
    while not plant.vessel.stream:
        plant.step()
    while plant.vessel.stream:
        plant.step()
    broke = plant.clock_s - started
    run(plant, drip_s)
    plant.drain.open = False
    run(plant, 5.0)
    return broke


def delivered_ml(plant: Plant, drip_s: float) -> float:
    """Fill near the mark and empty: the volume delivered from it at 20 °C, by true mass and level."""
    fill_to(plant, 0.0)
    vessel, truth = plant.vessel, plant.truth
    full_g, level_mm = vessel.content_g, vessel.level_mm
    density, stretch = vessel.density_g_ml, 1.0 + truth.expansion_per_c * (vessel.wall_c - truth.reference_c)
    above = vessel.contained_ml(level_mm) - vessel.contained_ml(0.0)
    empty(plant, drip_s)
    return (full_g - vessel.content_g) / density / stretch - above


def widest_swing_mm(plant: Plant) -> float:
    """The largest distance of the glass's level from where it will rest, within two seconds."""
    widest = 0.0
    for _ in range(round(2.0 / STEP_S)):
        plant.step()
        widest = max(widest, abs(plant.vessel.seen_level_mm - plant.vessel.level_mm))
    return widest


def test_densities_are_those_of_the_published_formulas() -> None:
    """At 20 °C: Tanaka's 998.20675 kg/m³ less dissolved air; air at 1013.25 hPa, 50 %, as by CIPM-2007."""
    assert water_density_g_ml(20.0) == pytest.approx((998.2067455596 - 0.004612 + 0.00212) / 1000.0, rel=1e-9)
    assert air_density_g_ml(20.0, 1013.25, 50.0) == pytest.approx(1.1993138955e-3, rel=2e-4)


def test_the_same_seed_is_the_same_twin_and_another_is_not(configuration: TwinConfiguration) -> None:
    """A run can be repeated on the twin it was made with."""
    first, again, other = (make_truth(s, configuration.measure, configuration.standards) for s in (5, 5, 6))
    assert first == again
    assert first.delivered_ml != other.delivered_ml


def test_true_errors_lie_within_the_spread_and_fill_it(configuration: TwinConfiguration) -> None:
    """Over 60 seeds the true error stays within ±16 mL and reaches both halves of it."""
    errors = [make_truth(s, configuration.measure, configuration.standards).error_ml for s in range(60)]
    assert all(abs(error) <= 16.0 for error in errors)
    assert min(errors) < -8.0 and max(errors) > 8.0


def test_water_is_neither_made_nor_lost(truth: Truth) -> None:
    """Through two fillings and emptyings the account's sum stays, to a milligram in 150 kg."""
    plant = Plant(truth)
    before = plant.account().total_g
    for _ in range(2):
        fill_to(plant, 10.0)
        empty(plant, 30.0)
    after = plant.account()
    assert after.total_g == pytest.approx(before, abs=1e-3)
    assert after.overflow_g == 0.0


def test_the_meter_counts_what_passed_with_its_true_error(truth: Truth) -> None:
    """Its total differs from the water that passed by the drawn error, as far as its K-factor (which goes
    with the flow), its scatter and the water's compression in the line allow."""
    plant = Plant(truth)
    before = plant.hydraulics.reservoir_g
    fill_to(plant, 0.0)
    passed_l = (before - plant.hydraulics.reservoir_g) / plant.hydraulics.density_g_ml / 1000.0
    assert plant.hydraulics.meter.volume_l / passed_l - 1.0 == pytest.approx(truth.meter_error, abs=2.5e-4)
    assert 0.001 <= abs(truth.meter_error) <= 0.003


def test_the_meters_certificate_holds_within_what_it_states(configuration: TwinConfiguration) -> None:
    """Over 400 seeds the true K-factors scatter about the certified ones as the certificate states."""
    stated = configuration.standards.meter
    assert stated is not None
    truths = [draw_truth(seed, configuration.measure, configuration.standards) for seed in range(400)]
    off = [one.meter_k_per_l[2] / stated.k_factors_per_l[2] - 1.0 for one in truths]
    scatter = sqrt(fsum(value**2 for value in off) / len(off))
    assert 0.9 * stated.k_relative_u < scatter < 1.1 * stated.k_relative_u
    assert min(off) < 0.0 < max(off)
    assert all(one.meter_flows_l_min == stated.flows_l_min for one in truths)


def test_the_meters_thermometer_shows_the_water_that_passes(truth: Truth) -> None:
    """It differs from the reservoir's water by its own error, which stays, and by little scatter."""
    plant = Plant(truth)
    fill_to(plant, 0.0)
    shown_c = plant.meter_thermometer.indication
    assert shown_c - plant.hydraulics.reservoir_c == pytest.approx(truth.meter_error_c, abs=0.01)


def test_a_prewetted_measure_delivers_its_true_volume(truth: Truth) -> None:
    """After prewetting, filling to the mark and 30 s of drip, what left is the truth within 0.1 mL."""
    plant = Plant(truth)
    delivered_ml(plant, 30.0)
    assert delivered_ml(plant, 30.0) == pytest.approx(truth.delivered_ml, abs=0.1)


def test_a_dry_measure_holds_more_back(truth: Truth) -> None:
    """The first delivery of a dry measure is smaller by more than a millilitre: prewetting matters."""
    assert delivered_ml(Plant(truth), 30.0) < truth.delivered_ml - 1.0


def test_drip_time_matters(truth: Truth) -> None:
    """Ten seconds of drip leave at least 0.5 mL more on the wall than thirty, sixty seconds less."""
    remaining = []
    for drip_s in (10.0, 30.0, 60.0):
        plant = Plant(truth)
        plant.vessel.dryness = 0.0
        fill_to(plant, 0.0)
        empty(plant, drip_s)
        remaining.append(plant.vessel.content_g)
    assert remaining[0] > remaining[1] + 0.5
    assert remaining[1] > remaining[2] + 0.3
    assert remaining[1] == pytest.approx(truth.residual_ml, abs=0.1)


def test_the_residue_varies_from_run_to_run(configuration: TwinConfiguration) -> None:
    """With its scatter, the residue after 30 s differs between emptyings by tenths of a millilitre."""
    plant = Plant(make_truth(1, configuration.measure, configuration.standards))
    residues = []
    for _ in range(6):
        fill_to(plant, 0.0)
        empty(plant, 30.0)
        residues.append(plant.vessel.content_g)
    spread = max(residues[1:]) - min(residues[1:])
    assert 0.1 < spread < 2.5


def test_the_stream_breaks_once_the_measure_has_run_out(truth: Truth) -> None:
    """The stream flag falls after about the drain time, with only film and last drops left."""
    plant = Plant(truth)
    fill_to(plant, 0.0)
    broke = empty(plant, 0.0)
    assert 60.0 < broke < 100.0
    assert plant.vessel.empty
    assert plant.vessel.content_g < 15.0


def test_water_in_flight_arrives_after_the_valve_has_closed(truth: Truth) -> None:
    """Right when the coarse valve is shut some water is still on its way, and then it has come."""
    plant = Plant(truth)
    plant.hydraulics.pump.setpoint, plant.hydraulics.coarse.open = 1.0, True
    run(plant, 10.0)
    plant.hydraulics.coarse.open = False
    while not plant.hydraulics.coarse.closed:
        plant.step()
    at_closing = plant.vessel.content_g
    run(plant, 3.0)
    assert 5.0 < plant.vessel.content_g - at_closing < 200.0
    assert plant.hydraulics.line_g < 1e-3


def test_the_level_swings_and_settles(truth: Truth) -> None:
    """After a coarse filling the glass swings by more than 0.05 mm, after 15 s by less than 0.01 mm."""
    plant = Plant(truth)
    fill_to(plant, -30.0)
    plant.hydraulics.pump.setpoint, plant.hydraulics.coarse.open = 1.0, True
    run(plant, 1.5)
    plant.hydraulics.pump.setpoint, plant.hydraulics.coarse.open = 0.0, False
    run(plant, 1.5)
    assert widest_swing_mm(plant) > 0.05
    run(plant, 15.0)
    assert widest_swing_mm(plant) < 0.01


def test_what_the_neck_cannot_hold_is_counted_as_overflow(truth: Truth) -> None:
    """A plant without a PLC overflows, and the account says by how much."""
    plant = Plant(truth)
    before = plant.account().total_g
    plant.hydraulics.pump.setpoint, plant.hydraulics.coarse.open = 1.0, True
    run(plant, 40.0)
    assert plant.vessel.level_mm == pytest.approx(RIM_MM)
    assert plant.vessel.overflow_ml > 1000.0
    assert plant.account().total_g == pytest.approx(before, abs=1e-3)
    assert HIGH_HIGH_MM < RIM_MM


def test_the_balance_weighs_in_air_within_its_stated_uncertainty(configuration: TwinConfiguration) -> None:
    """Over 40 twins full − empty agrees with the buoyant mass within the stated uncertainty."""
    errors = []
    for seed in range(40):
        plant = Plant(make_truth(seed, configuration.measure, configuration.standards))
        run(plant, 3.0)
        before_g = plant.balance.indication_g
        plant.vessel.bulk_g += 19970.0
        run(plant, 8.0)
        air, water = plant.room.air_g_ml, plant.vessel.density_g_ml
        expected = 19970.0 * (1.0 - air / water) / (1.0 - air / 8.0)
        assert plant.balance.stable
        errors.append(plant.balance.indication_g - before_g - expected)
    rms = (sum(e * e for e in errors) / len(errors)) ** 0.5
    stated = configuration.standards.balance_u_g
    assert 0.4 * stated < rms < 1.6 * stated  # a difference of two indications: up to √2 of one
    assert max(map(abs, errors)) < 4.0 * 1.42 * stated


def test_sensors_keep_the_error_that_they_were_drawn_with(truth: Truth) -> None:
    """The mean of many readings differs from the truth by the drawn error."""
    plant = Plant(truth)
    differences = []
    for _ in range(200):
        run(plant, 0.1)
        differences.append(plant.room.water.indication - plant.vessel.water_c)
    assert sum(differences) / 200 == pytest.approx(truth.water_error_c, abs=0.001)

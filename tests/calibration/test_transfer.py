"""Volumes from a standard measure and through a master meter, against arithmetic by hand and simulated
truth.
"""

import numpy as np
import pytest

from calibration.errors import CalibrationError, OutOfRangeError
from calibration.incremental import (
    Increment,
    MasterMeter,
    Shell,
    incremental_model,
    incremental_volumes,
)
from calibration.monte_carlo import compare, simulate
from calibration.propagation import propagate
from calibration.properties.liquids import TabledLiquid, Water
from calibration.properties.water import water_density
from calibration.quantity import Measured
from calibration.transfer import (
    Receiver,
    StandardDelivery,
    StandardMeasure,
    transfer_model,
    transferred_volume_l,
)

STANDARD = StandardMeasure(Measured(20.0012, 0.0008), Measured(47.7e-6, 2.4e-6), 20.0, "certificate 7")


def receiver(temperature_c: float, reading_ml: float = 0.0) -> Receiver:
    """A 100 L vessel of mild steel."""
    return Receiver(Measured(reading_ml, 2.0), temperature_c, Measured(33.5e-6, 2e-6), 20.0, "description")


def deliveries(temperature_c: float, n: int = 5) -> list[StandardDelivery]:
    """Deliveries at nominal, each read to 0.3 mL."""
    return [StandardDelivery(Measured(0.0, 0.3), temperature_c) for _ in range(n)]


def test_equal_temperatures_and_materials_cancel() -> None:
    """At one temperature and with one coefficient the vessel holds the sum of the deliveries, whatever it
    is.
    """
    volume = transferred_volume_l(
        [20.0, 20.0],
        [23.0, 23.0],
        23.0,
        standard_expansion_per_c=0.0,
        standard_reference_c=20.0,
        expansion_per_c=0.0,
        reference_c=20.0,
    )
    assert float(volume) == pytest.approx(40.0, rel=1e-14)


def test_mass_form_by_hand() -> None:
    """Water that warms by 4 °C on its way fills more, and a vessel that is warm holds less at 20 °C."""
    volume = transferred_volume_l(
        [20.0, 20.1],
        [18.0, 19.0],
        23.0,
        standard_expansion_per_c=47.7e-6,
        standard_reference_c=20.0,
        expansion_per_c=33.5e-6,
        reference_c=15.0,
    )
    rho = {t: float(water_density(t)) for t in (18.0, 19.0, 23.0)}
    mass = 20.0 * rho[18.0] * (1 - 2 * 47.7e-6) + 20.1 * rho[19.0] * (1 - 1 * 47.7e-6)
    assert float(volume) == pytest.approx(mass / rho[23.0] * (1 - 8 * 33.5e-6), rel=1e-14)


def test_the_standard_is_shared_by_its_deliveries() -> None:
    """Five deliveries carry five times the standard's error, not √5 times; their readings do average."""
    one = propagate(
        transfer_model(
            STANDARD, deliveries(20.0, 1), receiver(20.0), thermometer_u_c=0.0, same_thermometer=True
        ),
        0.95,
    )
    five = propagate(
        transfer_model(
            STANDARD, deliveries(20.0, 5), receiver(20.0), thermometer_u_c=0.0, same_thermometer=True
        ),
        0.95,
    )
    assert five.value == pytest.approx(5 * one.value, rel=1e-12)
    rows = {row.symbol: row.contribution for row in five.budget}
    assert rows["v_s"] == pytest.approx(5 * 0.0008, rel=1e-9)
    assert rows["r_1"] == pytest.approx(0.3e-3, rel=1e-9)


def test_one_thermometer_is_better_than_two() -> None:
    """A thermometer's error cancels where the same one is used for standard and vessel."""

    def u(same: bool) -> float:
        model = transfer_model(
            STANDARD, deliveries(22.0), receiver(22.0), thermometer_u_c=0.1, same_thermometer=same
        )
        return propagate(model, 0.95).u

    assert u(same=True) < u(same=False)


def test_transfer_first_order_holds() -> None:
    """Monte Carlo confirms the first-order interval of a transfer at two digits, with inputs drawn as
    stated.
    """
    model = transfer_model(
        STANDARD, deliveries(21.0), receiver(22.5, 12.0), thermometer_u_c=0.05, same_thermometer=False
    )
    first = propagate(model, 0.95)
    simulated = simulate(model, 0.95, trials=400_000, seed=1)
    assert compare(first, simulated, digits=1).validated
    assert first.value == pytest.approx(simulated.value, abs=5e-5)


METER = MasterMeter((50.0, 100.0, 200.0), (1000.0, 1001.0, 1003.0), 2e-4, 1e-4, "certificate 9")


def increments(n: int = 10, *, tank_c: float = 20.0) -> list[Increment]:
    """Increments of a hundred litres at 100 L/min, metered at 20 °C."""
    return [Increment(100_100.0, 100.0, 20.0, 1013.25, tank_c, 1013.25, 100.0 * (i + 1)) for i in range(n)]


def shell(start_l: float = 0.0, u_start: float = 0.0) -> Shell:
    """A steel tank."""
    return Shell(Measured(33.5e-6, 2e-6), 20.0, Measured(start_l, u_start), 20.0, "description")


def test_pulses_become_litres() -> None:
    """At reference conditions the volumes are the pulses over the K-factor at that flow, added up."""
    model = incremental_model(
        METER, increments(), shell(50.0), Water(), meter_thermometer_u_c=0.05, tank_thermometer_u_c=0.05
    )
    assert model.value() == pytest.approx(50.0 + 100.0 * np.arange(1, 11), rel=1e-13)
    assert METER.k_factor(150.0) == pytest.approx(1002.0)


def test_warm_tank_by_hand() -> None:
    """Liquid that warms from 20 to 25 °C takes more room, in a shell that has grown."""
    liquid = TabledLiquid("diesel", "test", (10.0, 20.0, 30.0), (840.0, 833.0, 826.0), 8e-10)
    model = incremental_model(
        METER,
        increments(2, tank_c=25.0),
        shell(),
        liquid,
        meter_thermometer_u_c=0.0,
        tank_thermometer_u_c=0.0,
    )
    expected = np.array([100.0, 200.0]) * 833.0 / 829.5 * (1 - 33.5e-6 * 5.0)
    assert model.value() == pytest.approx(expected, rel=1e-13)


def test_covariance_of_cumulative_volumes() -> None:
    """The K-factor's error grows with the volume and is common; differences keep only the increments' own
    part.
    """
    model = incremental_model(
        METER, increments(), shell(), Water(), meter_thermometer_u_c=0.0, tank_thermometer_u_c=0.0
    )
    volumes, covariance = incremental_volumes(model)
    own = 100.0**2 * (1e-8 + 1 / (12 * 100_100.0**2))
    expected = np.outer(volumes, volumes) * 4e-8 + own * np.minimum.outer(np.arange(1, 11), np.arange(1, 11))
    assert covariance == pytest.approx(expected, rel=1e-6)


def test_what_cannot_be_transferred() -> None:
    """No deliveries, no pulses, a flow that was not calibrated, a table that is none: one sentence each."""
    with pytest.raises(CalibrationError, match="at least one delivery"):
        transfer_model(STANDARD, [], receiver(20.0), thermometer_u_c=0.1, same_thermometer=True)
    with pytest.raises(CalibrationError, match="thermometer's standard uncertainty must be finite"):
        transfer_model(
            STANDARD, deliveries(20), receiver(20), thermometer_u_c=float("nan"), same_thermometer=True
        )
    with pytest.raises(OutOfRangeError, match="flow rate: 300 L/min is outside the meter's 50 to 200 L/min"):
        METER.k_factor(300.0)
    idle = [Increment(0.0, 100.0, 20.0, 1013.25, 20.0, 1013.25, 0.0)]
    with pytest.raises(CalibrationError, match="increment 1 has 0 pulses, 0 L"):
        incremental_model(METER, idle, shell(), Water(), meter_thermometer_u_c=0, tank_thermometer_u_c=0)
    with pytest.raises(CalibrationError, match="diesel: the temperatures must increase"):
        TabledLiquid("diesel", "test", (20.0, 10.0), (840.0, 833.0), 0.0)
    liquid = TabledLiquid("diesel", "test", (10.0, 20.0), (840.0, 833.0), 0.0)
    with pytest.raises(OutOfRangeError, match="temperature of diesel: 25 °C is outside 10 to 20 °C"):
        liquid.density(25.0, 1013.25)

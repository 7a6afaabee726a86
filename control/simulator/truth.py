"""What is true of one twin, drawn from its seed: volumes, errors of instruments, materials."""

from dataclasses import dataclass
from math import pi, sqrt
from random import Random

from control.simulator.configuration import MeasureFigures, StandardFigures

DELIVERED_SPREAD_ML = 16.0  # the true error lies evenly within ± this, of a 20 L measure
NOMINAL_PULSES_PER_L = 2000.0  # of a master meter without a certificate
FILM_K = 30.0  # of a 20 L measure, mL·√s: leaves about 4 mL on its wall 30 s after the stream broke


@dataclass(frozen=True)
class Truth:
    """True values of one twin. Volumes in mL at the reference temperature, lengths in mm.

    `delivered_ml` is what the measure delivers from its zero mark (the glass's lowest point of the meniscus
    beside that mark) after its drip time; `residual_ml` is what it then holds back on average, so that
    `contained_ml` is their sum. `film_k` is K of the draining film F = K / √t, mL·√s. `meter_k_per_l` are the
    meter's true K-factors at `meter_flows_l_min`; the one that is set in it for its total is off by
    `meter_error`, so that the total reads that much too high; `meter_scatter` is relative, from dose to dose.
    """

    seed: int
    nominal_ml: float
    delivered_ml: float
    residual_ml: float
    film_k: float
    film_scatter: float
    expansion_per_c: float
    reference_c: float
    neck_area_mm2: float
    neck_taper_per_mm: float
    meter_error: float
    meter_flows_l_min: tuple[float, ...]
    meter_k_per_l: tuple[float, ...]
    meter_scatter: float
    meter_error_c: float
    balance_offset_g: float
    balance_gain: float
    balance_noise_g: float
    balance_resolution_g: float
    balance_reference_g_ml: float
    tare_g: float
    water_error_c: float
    vessel_error_c: float
    air_error_c: float
    pressure_error_hpa: float
    humidity_error_pct: float
    reservoir_c: float
    air_c: float
    pressure_hpa: float
    humidity_pct: float
    contact_angle_deg: float
    card_gap_mm: float
    camera_roll_deg: float
    camera_aim_mm: tuple[float, float]

    @property
    def contained_ml(self) -> float:
        """Volume up to the zero mark at the reference temperature, mL."""
        return self.delivered_ml + self.residual_ml

    @property
    def error_ml(self) -> float:
        """Indicated minus true: nominal − delivered, mL."""
        return self.nominal_ml - self.delivered_ml


def draw_truth(seed: int, measure: MeasureFigures, standards: StandardFigures) -> Truth:
    """The truth of one seed, all but `residual_ml`, which `make_truth` finds by emptying the measure.

    The balance's stated uncertainty is shared out over an offset, a gain and the scatter of an indication, so
    that the root sum of squares at full load is what the file states.
    """
    random = Random(f"truth {seed}")  # noqa: S311 - a simulation that must repeat, nothing secret
    nominal_ml = 1000.0 * measure.nominal_l
    size = nominal_ml / 20000.0
    tare_g = 8000.0 * size ** (2.0 / 3.0)
    share = standards.balance_u_g / sqrt(3.0)
    bore = measure.neck_bore_mm
    meter = standards.meter
    # A stream of its own: a rig with a certificate has the same other truths as one without.
    chance = Random(f"meter {seed}")  # noqa: S311 - likewise
    k_error = 0.0 if meter is None else chance.gauss(0.0, meter.k_relative_u)
    return Truth(
        seed=seed,
        nominal_ml=nominal_ml,
        delivered_ml=nominal_ml + size * random.uniform(-DELIVERED_SPREAD_ML, DELIVERED_SPREAD_ML),
        residual_ml=0.0,
        film_k=FILM_K * size ** (2.0 / 3.0),
        film_scatter=0.075,
        expansion_per_c=random.gauss(measure.expansion_per_c, measure.expansion_u_per_c),
        reference_c=measure.reference_temperature_c,
        neck_area_mm2=pi / 4.0 * bore * bore * (1.0 + random.gauss(0.0, 0.001)),
        neck_taper_per_mm=random.uniform(-1.0e-5, 1.0e-5),
        meter_error=random.choice((-1.0, 1.0)) * random.uniform(0.001, 0.003),
        meter_flows_l_min=(1.0,) if meter is None else meter.flows_l_min,
        meter_k_per_l=(
            (NOMINAL_PULSES_PER_L,)
            if meter is None
            else tuple(stated * (1.0 + k_error) for stated in meter.k_factors_per_l)
        ),
        meter_scatter=0.0 if meter is None else meter.repeatability_relative_u,
        meter_error_c=0.0 if meter is None else chance.gauss(0.0, meter.thermometer_u_c),
        balance_offset_g=random.gauss(0.0, share),
        balance_gain=random.gauss(0.0, share) / (tare_g + nominal_ml),
        balance_noise_g=share,
        balance_resolution_g=standards.balance_resolution_g,
        balance_reference_g_ml=standards.balance_reference_density_kg_m3 / 1000.0,
        tare_g=tare_g + random.uniform(-200.0, 200.0),
        water_error_c=random.gauss(0.0, standards.water_u_c),
        vessel_error_c=random.gauss(0.0, standards.vessel_u_c),
        air_error_c=random.gauss(0.0, standards.air_u_c),
        pressure_error_hpa=random.gauss(0.0, standards.pressure_u_hpa),
        humidity_error_pct=random.gauss(0.0, standards.humidity_u_pct),
        reservoir_c=random.uniform(19.4, 21.4),
        air_c=random.uniform(19.8, 22.0),
        pressure_hpa=random.uniform(998.0, 1022.0),
        humidity_pct=random.uniform(45.0, 65.0),
        contact_angle_deg=random.uniform(10.0, 30.0),
        card_gap_mm=random.uniform(2.0, 4.0),
        camera_roll_deg=random.choice((-1.0, 1.0)) * random.uniform(0.2, 0.5),
        camera_aim_mm=(random.uniform(6.0, 8.0), random.uniform(-0.8, 0.8)),
    )

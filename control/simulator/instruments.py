"""The rig's instruments: the balance, and sensors with an error that stays and a scatter that doesn't."""

from math import pi, sin
from random import Random

from control.simulator.densities import air_density_g_ml
from control.simulator.truth import Truth

STABLE_G = 0.5  # the balance calls itself stable while it moves less than this
STABLE_S = 1.5  # for this long
DAMPING_S = 0.35
REFERENCE_AIR_G_ML = 0.0012  # at which balances are adjusted (OIML R 111-1)


class Sensor:
    """One sensor: an error that stays as it was drawn and a scatter from reading to reading.

    A `frozen` one goes on saying what it said.
    """

    def __init__(self, random: Random, error: float, scatter: float) -> None:
        self._random = random
        self._error = error
        self._scatter = scatter
        self.frozen = False
        self.indication = 0.0

    def read(self, true_value: float) -> None:
        """Take the true value; `indication` is what the sensor says of it."""
        if not self.frozen:
            self.indication = true_value + self._error + self._random.gauss(0.0, self._scatter)


class Balance:
    """The balance under the measure, adjusted with weights of conventional density in air of 1.2 kg/m³.

    It weighs in air: indication = m·(1 − ρa/ρw) / (1 − ρa/ρb) + tare. The tare (a steel vessel) has the
    weights' own density, so the air's buoyancy on it cancels.
    """

    def __init__(self, truth: Truth, random: Random) -> None:
        self._truth = truth
        self._random = random
        self._pan_g = truth.tare_g
        self._before_g = truth.tare_g
        self._moved_s = 0.0
        self.frozen = False
        self.shaken_g = 0.0  # standard deviation of what draughts and vibration add to its noise
        self.indication_g = truth.tare_g

    @property
    def stable(self) -> bool:
        """True once the indication has stood still for a while."""
        return self._moved_s >= STABLE_S

    def load(self, dt: float, water_g: float, water_g_ml: float, air_g_ml: float) -> None:
        """Weigh for `dt` seconds."""
        truth = self._truth
        if self.frozen:
            self._moved_s += dt
            return
        buoyancy = (1.0 - air_g_ml / water_g_ml) / (1.0 - air_g_ml / truth.balance_reference_g_ml)
        load_g = truth.tare_g + water_g * buoyancy
        self._pan_g += (load_g - self._pan_g) * min(dt / DAMPING_S, 1.0)
        if abs(self._pan_g - self._before_g) > STABLE_G * dt or self.shaken_g > STABLE_G:
            self._moved_s = 0.0
        else:
            self._moved_s += dt
        self._before_g = self._pan_g
        indicated = (
            self._pan_g * (1.0 + truth.balance_gain)
            + truth.balance_offset_g
            + self._random.gauss(0.0, truth.balance_noise_g)
            + (self._random.gauss(0.0, self.shaken_g) if self.shaken_g > 0.0 else 0.0)
        )
        step = truth.balance_resolution_g
        self.indication_g = round(indicated / step) * step


class Room:
    """The air around the bench, as it is and as the sensors say."""

    def __init__(self, truth: Truth, random: Random) -> None:
        self._truth = truth
        self.air_c = truth.air_c
        self.pressure_hpa = truth.pressure_hpa
        self.humidity_pct = truth.humidity_pct
        self.air_g_ml = air_density_g_ml(self.air_c, self.pressure_hpa, self.humidity_pct)
        self.water = Sensor(random, truth.water_error_c, 0.002)
        self.vessel = Sensor(random, truth.vessel_error_c, 0.01)
        self.air = Sensor(random, truth.air_error_c, 0.02)
        self.pressure = Sensor(random, truth.pressure_error_hpa, 0.03)
        self.humidity = Sensor(random, truth.humidity_error_pct, 0.2)

    def read(self, clock_s: float, water_c: float, wall_c: float) -> None:
        """Let the room drift to `clock_s` (slower than 1 °C/h) and every sensor look once."""
        truth = self._truth
        self.air_c = truth.air_c + 0.2 * _wave(clock_s, 9000.0)
        self.pressure_hpa = truth.pressure_hpa + 0.4 * _wave(clock_s, 14400.0)
        self.humidity_pct = truth.humidity_pct + 2.0 * _wave(clock_s, 7200.0)
        self.air_g_ml = air_density_g_ml(self.air_c, self.pressure_hpa, self.humidity_pct)
        self.water.read(water_c)
        self.vessel.read(wall_c)
        self.air.read(self.air_c)
        self.pressure.read(self.pressure_hpa)
        self.humidity.read(self.humidity_pct)


def _wave(clock_s: float, period_s: float) -> float:
    return sin(2.0 * pi * clock_s / period_s)

"""What brings the water to the measure: reservoir, pump, inlet valves, master meter and line."""

from bisect import bisect_right
from math import pi, sin
from random import Random

from control.simulator.densities import water_density_g_ml
from control.simulator.truth import Truth

STEP_S = 0.02  # of the rig's clock: short beside valve travel and swell
COARSE_L_MIN = 40.0  # through the open valve at full speed, of a rig for 20 L measures
FINE_L_MIN = 2.5  # likewise: 1 L/min at 40 % speed
COARSE_TRAVEL_S = 0.8
FINE_TRAVEL_S = 0.3
DRAIN_TRAVEL_S = 1.5
PUMP_RAMP_PER_S = 0.4
STALL_SPEED = 0.05  # below this the pump moves no water
LINE_DELAY_S = 0.15  # water in flight between valve and measure
COMPRESSIBILITY_PER_KPA = 4.6e-7  # of water at 20 °C: what it is denser by in the filling line
RESERVOIR_L = 150.0
DRY_L = 5.0  # the pump draws air below this
LOW_L = 15.0


class Valve:
    """A valve with travel time; `position` runs from 0 (closed) to 1, `open` is what it was told.

    A stuck one does not move in one direction (`can_open`, `can_close`), whatever it is told.
    """

    def __init__(self, travel_s: float) -> None:
        self.travel_s = travel_s
        self.can_open = True
        self.can_close = True
        self.open = False
        self.position = 0.0

    @property
    def closed(self) -> bool:
        """True where the valve is closed and was told to be."""
        return self.position == 0.0 and not self.open

    def step(self, dt: float) -> None:
        """Travel for `dt` seconds."""
        if self.open:
            if self.position < 1.0 and self.can_open:
                self.position = min(1.0, self.position + dt / self.travel_s)
        elif self.position > 0.0 and self.can_close:
            self.position -= dt / self.travel_s
            if self.position < 1e-9:  # what rounding leaves is no opening
                self.position = 0.0


class Pump:
    """A pump whose `speed` (0 to 1) follows its `setpoint` by a ramp; a `tripped` one runs out."""

    def __init__(self) -> None:
        self.tripped = False
        self.setpoint = 0.0
        self.speed = 0.0

    def step(self, dt: float) -> None:
        """Follow the setpoint for `dt` seconds."""
        ramp = PUMP_RAMP_PER_S * dt
        wanted = 0.0 if self.tripped else self.setpoint
        if self.speed < wanted:
            self.speed = min(wanted, self.speed + ramp)
        elif self.speed > wanted:
            self.speed = max(wanted, self.speed - ramp)


class Meter:
    """The master meter: `pulses` since power-on by its true K-factor, which goes with the flow; `volume_l` by
    the K-factor that is set in it, which is off by the truth's `meter_error`.

    Its K-factor scatters from one start of the flow to the next. One that is not `counting` gives no pulses;
    `drift` (a ratio) is added to its error from now on.
    """

    def __init__(self, truth: Truth) -> None:
        self._flows_l_min, self._k_per_l = truth.meter_flows_l_min, truth.meter_k_per_l
        self._scatter = truth.meter_scatter
        self._random = Random(f"meter's scatter {truth.seed}")  # noqa: S311 - a simulation that must repeat
        self.set_k_per_l = self._k_per_l[-1] / (1.0 + truth.meter_error)
        self.counting = True
        self.drift = 0.0
        self.flow_ml_s = 0.0
        self._counted = 0.0
        self._dose = 1.0
        self._flowing = False

    @property
    def pulses(self) -> int:
        """Whole pulses since power-on."""
        return int(self._counted)

    @property
    def volume_l(self) -> float:
        """Total by the K-factor that is set, L."""
        return self.pulses / self.set_k_per_l

    def k_per_l(self, flow_l_min: float) -> float:
        """True K-factor at a flow, pulses/L: linear between the certificate's flows, level beyond them."""
        flows, factors = self._flows_l_min, self._k_per_l
        above = bisect_right(flows, flow_l_min)
        if above == 0 or above == len(flows):
            return factors[min(above, len(flows) - 1)]
        low, high = flows[above - 1], flows[above]
        share = (flow_l_min - low) / (high - low)
        return factors[above - 1] + share * (factors[above] - factors[above - 1])

    def step(self, dt: float, flow_ml_s: float) -> None:
        """Count what flows in `dt` seconds; the flow indication is damped."""
        flow_ml_s = flow_ml_s * (1.0 + self.drift) if self.counting else 0.0
        if flow_ml_s > 0.0:
            if not self._flowing:
                self._dose = 1.0 + self._random.gauss(0.0, self._scatter)
            self._counted += flow_ml_s * dt * self.k_per_l(0.06 * flow_ml_s) * self._dose / 1000.0
        self._flowing = flow_ml_s > 0.0
        self.flow_ml_s += (flow_ml_s - self.flow_ml_s) * min(dt / 0.2, 1.0)


class Hydraulics:
    """Reservoir → pump → coarse and fine valve → meter → line. The drain's water comes back."""

    def __init__(self, truth: Truth) -> None:
        self.size = truth.nominal_ml / 20000.0
        self.reservoir_c = truth.reservoir_c
        self._reservoir_start_c = truth.reservoir_c
        self.density_g_ml = water_density_g_ml(self.reservoir_c)
        self.reservoir_g = 1000.0 * RESERVOIR_L * max(self.size, 0.2) * self.density_g_ml
        self.pump = Pump()
        self.coarse = Valve(COARSE_TRAVEL_S)
        self.fine = Valve(FINE_TRAVEL_S)
        self.meter = Meter(truth)
        self.line_g = 0.0
        self.leak_ml_s = (
            0.0  # past the seats of the closed inlets; a head tank presses, the pump need not run
        )

    @property
    def reservoir_l(self) -> float:
        """Content of the reservoir, L."""
        return self.reservoir_g / self.density_g_ml / 1000.0

    @property
    def dry(self) -> bool:
        """True where the pump would draw air."""
        return self.reservoir_l < DRY_L * max(self.size, 0.2)

    @property
    def low(self) -> bool:
        """True where the reservoir is too low for the pump."""
        return self.reservoir_l < LOW_L * max(self.size, 0.2)

    @property
    def line_pressure_kpa(self) -> float:
        """Pressure in the filling line: the pump's curve, less what an open inlet takes."""
        opening = max(self.coarse.position, 0.1 * self.fine.position)
        return 180.0 * self.pump.speed**2 * (1.0 - 0.6 * opening) + 6.0

    @property
    def inlets_closed(self) -> bool:
        """True where both inlet valves are closed."""
        return self.coarse.closed and self.fine.closed

    def step(self, dt: float) -> float:
        """Advance by `dt` seconds; returns the mass that reaches the measure, g."""
        pump, coarse, fine = self.pump, self.coarse, self.fine
        pump.step(dt)
        coarse.step(dt)
        fine.step(dt)
        flow_ml_s = 0.0
        if pump.speed > STALL_SPEED and not self.dry:
            full = COARSE_L_MIN * coarse.position + FINE_L_MIN * fine.position
            flow_ml_s = full * self.size * pump.speed * 1000.0 / 60.0
        if self.leak_ml_s > 0.0 and not self.dry:
            flow_ml_s += self.leak_ml_s
        self.meter.step(dt, flow_ml_s)
        moved_g = 0.0
        if flow_ml_s > 0.0:
            pressed = 1.0 + COMPRESSIBILITY_PER_KPA * self.line_pressure_kpa
            moved_g = flow_ml_s * dt * self.density_g_ml * pressed
        self.reservoir_g -= moved_g
        self.line_g += moved_g
        if self.line_g < 1e-6:
            arrived_g, self.line_g = self.line_g, 0.0
        else:
            arrived_g = self.line_g * dt / LINE_DELAY_S
            self.line_g -= arrived_g
        return arrived_g

    def take_back(self, mass_g: float) -> None:
        """Water from the drain comes back."""
        self.reservoir_g += mass_g

    def drift(self, clock_s: float) -> None:
        """The reservoir's temperature wanders slowly."""
        self.reservoir_c = self._reservoir_start_c + 0.12 * sin(2.0 * pi * clock_s / 10800.0)
        self.density_g_ml = water_density_g_ml(self.reservoir_c)

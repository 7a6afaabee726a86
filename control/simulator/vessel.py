"""The measure under test: a body with a graduated neck, the film on its wall, and its drain."""

from math import pi, sqrt

from control.simulator.densities import water_density_g_ml
from control.simulator.truth import Truth

NECK_BELOW_MM = 70.0  # the neck and its glass begin this far under the zero mark
RIM_MM = 125.0  # above the zero mark
HIGH_HIGH_MM = 57.0  # of the level switch; leaves room in the neck for what still comes after it closes all
EMPTY_ML = 15.0  # of the level switch in the outlet
OUTLET_MM = 60.0  # length of the outlet under the body
DRAIN_TIME_S = 75.0  # of the full measure through the open drain
FIRST_AGE_S = 2.0  # a wall that has just fallen dry carries as much film as one that drained so long
DRY_EXTRA = 0.5  # a dry wall holds back so much more than a prewetted one
DRYING_TIME_S = 7200.0
BREAK_ML_S = 2.0  # the full stream of a 20 L measure's outlet breaks into drops below this
PUDDLE_S = 0.5  # the last drops stay this long in the outlet


class Vessel:
    """Mass and temperature of the water in the measure, where its surface stands, and what leaves it.

    The film follows F = e·K / √t on the bare part e of the wall (Jeffreys 1930, drainage of a vertical wall),
    as dF/dt = −F³ / (2 e² K²): what runs down joins the water below. Water is kept as mass, so that nothing
    is gained or lost by warming. Lengths are millimetres above the scale's zero mark.
    """

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self.bulk_g = 0.0
        self.film_g = 0.0
        self.water_c = truth.air_c
        self.wall_c = truth.air_c
        self.dryness = 1.0
        self.overflow_g = 0.0
        self.overflow_ml = 0.0
        self.drained_g = 0.0
        self.outflow_ml_s = 0.0
        self.stream = False
        self.level_mm = -NECK_BELOW_MM
        self.density_g_ml = water_density_g_ml(self.water_c)
        self._film_k = truth.film_k
        self._bare = 1.0
        self._ripple_mm = 0.0
        self._ripple_mm_s = 0.0
        self._stretch = 1.0
        size = truth.nominal_ml / 20000.0
        self._break_ml_s = BREAK_ML_S * size ** (2.0 / 3.0)
        self._body_ml = truth.contained_ml - self.neck_ml(0.0)
        # A body twice as high as wide; the outlet's flow is set by the time that the whole takes to run out.
        width_mm = (2.0 * truth.nominal_ml * 1000.0 / pi) ** (1.0 / 3.0)
        self._body_height_mm = 2.0 * width_mm
        self._outlet_ml = 25.0 * size
        full_mm = OUTLET_MM + self._body_height_mm + NECK_BELOW_MM
        slow = 2.0 / (1.0 + sqrt(OUTLET_MM / full_mm))
        self._drain_k = truth.nominal_ml * slow / DRAIN_TIME_S / sqrt(full_mm)
        self._fill_height()

    def neck_ml(self, level_mm: float) -> float:
        """Volume of the neck from its lower end to `level_mm`, at the reference temperature."""
        area, taper = self.truth.neck_area_mm2, self.truth.neck_taper_per_mm
        top = level_mm + 0.5 * taper * level_mm * level_mm
        bottom = -NECK_BELOW_MM + 0.5 * taper * NECK_BELOW_MM * NECK_BELOW_MM
        return area * (top - bottom) / 1000.0

    def contained_ml(self, level_mm: float) -> float:
        """Volume of the measure up to `level_mm` in the neck, at the reference temperature."""
        return self._body_ml + self.neck_ml(level_mm)

    @property
    def content_g(self) -> float:
        """All water that the balance feels: below, and on the wall."""
        return self.bulk_g + self.film_g

    @property
    def seen_level_mm(self) -> float:
        """Level in the glass as it is now, with what remains of the swell of filling."""
        return self.level_mm + self._ripple_mm

    @property
    def high_high(self) -> bool:
        """True where the surface stands at the high-high switch."""
        return self.seen_level_mm >= HIGH_HIGH_MM

    @property
    def empty(self) -> bool:
        """True where no water stands above the drain."""
        return self.bulk_g < EMPTY_ML

    def start_drain(self, scatter: float) -> None:
        """The drain begins to open: `scatter` (0 on average) decides what it leaves on the wall."""
        more = self.truth.film_scatter * scatter + DRY_EXTRA * self.dryness
        self._film_k = self.truth.film_k * (1.0 + more)
        self.dryness = 0.0

    def step(self, dt: float, inflow_g: float, inflow_c: float, drain_position: float) -> float:
        """Advance by `dt` seconds with `inflow_g` coming in; returns what left through the drain, g."""
        if inflow_g > 0.0:
            self.water_c += (inflow_c - self.water_c) * inflow_g / (self.content_g + inflow_g)
            self.bulk_g += inflow_g
        if self.film_g > 0.0:
            ran = self.film_g**3 / (2.0 * self._bare**2 * self._film_k**2) * dt
            ran = min(ran, 0.5 * self.film_g)
            self.film_g -= ran
            self.bulk_g += ran
        out_g = 0.0
        if drain_position > 0.0:
            fast = self._drain_k * sqrt(self._height_mm) * drain_position
            self.outflow_ml_s = min(fast, self.bulk_g / (self.density_g_ml * PUDDLE_S))
            out_g = self.outflow_ml_s * dt * self.density_g_ml
            self.bulk_g -= out_g
            self.drained_g += out_g
            limit = self._break_ml_s * (1.0 if self.stream else 2.0)
            self.stream = self.outflow_ml_s > limit
        else:
            self.outflow_ml_s = 0.0
            self.stream = False
        self._wet()
        self._fill_height()
        self._swell(dt, inflow_g / (dt * self.density_g_ml))
        return out_g

    def lose(self, volume_ml: float) -> float:
        """Let up to `volume_ml` of the water below go; returns what went, g."""
        lost_g = min(volume_ml * self.density_g_ml, self.bulk_g)
        self.bulk_g -= lost_g
        return lost_g

    def exchange_heat(self, dt: float, air_c: float) -> None:
        """Let water, wall and air come nearer to each other; renews density and expansion."""
        truth = self.truth
        wet = 1.0 - self._bare
        self.water_c += (air_c - self.water_c) * dt / 20000.0
        towards, time_s = (self.water_c, 60.0) if wet > 0.5 else (air_c, 900.0)
        self.wall_c += (towards - self.wall_c) * min(dt / time_s, 1.0)
        self.density_g_ml = water_density_g_ml(self.water_c)
        self._stretch = 1.0 + truth.expansion_per_c * (self.wall_c - truth.reference_c)
        if self.empty:
            self.dryness += (1.0 - self.dryness) * dt / DRYING_TIME_S

    def _wet(self) -> None:
        # The wall that the water covers gives its film to the water; the wall that falls dry keeps one.
        bare = min(max(1.0 - self.bulk_g / (self.density_g_ml * self.truth.contained_ml), 1e-6), 1.0)
        if bare < self._bare:
            joined = self.film_g * (self._bare - bare) / self._bare
            self.film_g -= joined
            self.bulk_g += joined
        elif bare > self._bare:
            kept = min((bare - self._bare) * self._film_k / sqrt(FIRST_AGE_S), self.bulk_g)
            self.film_g += kept
            self.bulk_g -= kept
        self._bare = bare

    def _fill_height(self) -> None:
        volume = self.bulk_g / self.density_g_ml / self._stretch
        if volume <= self._body_ml:
            self.level_mm = -NECK_BELOW_MM
            rest = volume - self._outlet_ml
            if rest < 0.0:
                self._height_mm = OUTLET_MM * max(volume, 0.0) / self._outlet_ml
            else:
                body = self._body_ml - self._outlet_ml
                self._height_mm = OUTLET_MM + self._body_height_mm * rest / body
            return
        level, area, taper = self.level_mm, self.truth.neck_area_mm2, self.truth.neck_taper_per_mm
        for _ in range(2):  # Newton's steps; the taper is so slight that the first is nearly exact
            level -= 1000.0 * (self.contained_ml(level) - volume) / (area * (1.0 + taper * level))
        if level > RIM_MM:
            kept = self.contained_ml(RIM_MM) * self._stretch * self.density_g_ml
            self.overflow_g += self.bulk_g - kept
            self.overflow_ml += (self.bulk_g - kept) / self.density_g_ml
            self.bulk_g = kept
            level = RIM_MM
        self.level_mm = level
        self._height_mm = OUTLET_MM + self._body_height_mm + NECK_BELOW_MM + level

    def _swell(self, dt: float, inflow_ml_s: float) -> None:
        # Glass and neck are a U-tube: the inflow's push lifts the glass, and it swings out when that ends.
        push_mm = 0.002 * inflow_ml_s
        omega, damping = 5.0, 0.07
        pull = -omega * omega * (self._ripple_mm - push_mm) - 2.0 * damping * omega * self._ripple_mm_s
        self._ripple_mm_s += pull * dt
        self._ripple_mm += self._ripple_mm_s * dt

"""The twin's cameras before its gauges: each draws one or several, as they are when it is asked."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from random import Random

import numpy as np

from control.simulator.camera_state import CameraState
from control.simulator.dial_picture import DialPicture
from control.simulator.display_picture import DisplayPicture
from control.simulator.flat_view import Exposure, FlatView, Picture
from control.simulator.gauge_configuration import (
    TO_G,
    TO_KPA,
    DialFigures,
    DisplayFigures,
    GaugeCameraFigures,
    GaugeFigures,
    ThermometerFigures,
)
from control.simulator.plant import Plant
from control.simulator.thermometer_picture import ThermometerPicture

BOARD = (112.0, 108.0, 106.0)
DIAL_SHARE = 0.40  # of its region's smaller side that a dial's radius takes
BOX_SHARE = 0.86  # of its region that a display or a thermometer takes
EYE_MM = 24.0  # at most beside the middle, either way: some 3° off level

Face = DialPicture | DisplayPicture | ThermometerPicture


@dataclass(frozen=True)
class _Painted:
    """A gauge as it is painted, and what it shows at the moment."""

    face: Face
    value: Callable[[], float]


class GaugeCamera:
    """One camera before gauges of a plant. Frames may be asked for from several threads.

    Each gauge but the balance's display has an error that stays, drawn from its stated standard uncertainty;
    the display shows what the balance indicates, whose error is the balance's own.
    """

    def __init__(self, figures: GaugeCameraFigures, plant: Plant) -> None:
        self.state = CameraState.OK
        self.late_s = 0.0
        self.name = figures.name
        self.path = figures.path
        self._figures = figures
        self._plant = plant
        self._lock = threading.Lock()
        self._random = Random(f"camera {figures.name} {plant.truth.seed}")  # noqa: S311 - a simulation

    @cached_property
    def _view(self) -> FlatView:
        figures, random = self._figures, self._random
        dials = [gauge for gauge in figures.gauges if isinstance(gauge.face, DialFigures)]
        per_mm = 8.0
        for gauge in dials:
            assert isinstance(gauge.face, DialFigures)
            per_mm = DIAL_SHARE * min(gauge.region[2:]) / gauge.face.dial_radius_mm
        if figures.focal_px is not None:
            per_mm = figures.focal_px / figures.distance_mm
        return FlatView(
            width=figures.width,
            height=figures.height,
            per_mm=per_mm,
            distance_mm=figures.distance_mm,
            eye_mm=(random.uniform(-EYE_MM, EYE_MM), random.uniform(-EYE_MM, EYE_MM)),
            roll_deg=random.uniform(-1.2, 1.2),
        )

    @cached_property
    def _painted(self) -> tuple[_Painted, ...]:
        return tuple(_Painted(self._face(gauge), self._value(gauge)) for gauge in self._figures.gauges)

    @cached_property
    def _still(self) -> Picture:
        view = self._view
        picture = np.empty((view.height, view.width, 3), np.float32)
        x, y = view.places(0.0, view.whole)
        lit = 1.0 + 0.10 * np.clip(-(x + y) * view.per_mm / (view.width + view.height), -1.0, 1.0)
        picture[:] = lit[..., None] * np.array(BOARD)
        for painted in self._painted:
            painted.face.paint_still(picture)
        return picture

    @cached_property
    def _exposure(self) -> Exposure:
        return Exposure(self._view, self._random.randrange(2**32))

    @property
    def displays(self) -> tuple[DisplayPicture, ...]:
        """The displays that it sees, for what may befall them."""
        with self._lock:
            return tuple(p.face for p in self._painted if isinstance(p.face, DisplayPicture))

    def warm_up(self) -> None:
        """Paint what stands still, which else the first picture would have to wait for."""
        self.snapshot()

    def snapshot(self) -> bytes:
        """A JPEG of the gauges as they are now."""
        with self._lock:
            if self.state is CameraState.BLACK:
                return self._exposure.jpeg(np.full_like(self._still, 2.0))
            picture = self._still.copy()
            for painted in self._painted:
                painted.face.paint(picture, painted.value())
            return self._exposure.jpeg(picture)

    def _face(self, gauge: GaugeFigures) -> Face:
        x, y, width, height = gauge.region
        view = self._view
        centre = view.place_of((x + width / 2.0, y + height / 2.0))
        if isinstance(gauge.face, DialFigures):
            return DialPicture(gauge.face, view, centre)
        half_x, half_y = BOX_SHARE * width / view.per_mm / 2.0, BOX_SHARE * height / view.per_mm / 2.0
        box = (centre[0] - half_x, centre[1] - half_y, centre[0] + half_x, centre[1] + half_y)
        if isinstance(gauge.face, DisplayFigures):
            return DisplayPicture(gauge.face, view, box)
        return ThermometerPicture(gauge.face, view, box)

    def _value(self, gauge: GaugeFigures) -> Callable[[], float]:
        plant, face = self._plant, gauge.face
        if isinstance(face, DisplayFigures):
            return lambda: plant.balance.indication_g / TO_G[face.unit]
        random = Random(f"gauge {gauge.name} {plant.truth.seed}")  # noqa: S311 - a simulation
        error = random.gauss(0.0, gauge.standard_uncertainty)
        if isinstance(face, ThermometerFigures):
            return lambda: plant.vessel.water_c + error
        return lambda: plant.hydraulics.line_pressure_kpa / TO_KPA[face.unit] + error

"""What the twin takes from the rig, station and measure files. The rooms that own them check the rest."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from control.errors import ConfigurationError
from control.registers import RegisterMap, load_register_map
from control.simulator.gauge_configuration import GaugeCameraFigures, gauge_cameras
from control.toml_table import TomlTable


@dataclass(frozen=True)
class MeasureFigures:
    """The measure under test as its file states it."""

    nominal_l: float
    neck_bore_mm: float
    drip_time_s: float
    scale_division_ml: float
    expansion_per_c: float
    expansion_u_per_c: float
    reference_temperature_c: float


@dataclass(frozen=True)
class ScaleFigures:
    """The plate beside the sight glass. The scale counts from its zero mark, upwards."""

    unit: str
    division: float
    division_mm: float
    first: float
    last: float
    major_every: int
    label_every: int
    side: str
    offset_mm: float


@dataclass(frozen=True)
class CameraFigures:
    """The neck camera and the glass it looks at. Lengths in mm, `matrix` and `distortion` as in OpenCV."""

    matrix: tuple[tuple[float, float, float], ...]
    distortion: tuple[float, ...]
    distance_mm: float
    height_mm: float
    scale: ScaleFigures
    outer_diameter_mm: float
    inner_diameter_mm: float
    path: str
    port: int


@dataclass(frozen=True)
class MeterFigures:
    """The master meter's certificate: K-factors in pulses/L at flows in L/min, and what is stated of them."""

    flows_l_min: tuple[float, ...]
    k_factors_per_l: tuple[float, ...]
    k_relative_u: float
    repeatability_relative_u: float
    thermometer_u_c: float


@dataclass(frozen=True)
class StandardFigures:
    """Stated standard uncertainties of the rig's instruments, from which the twin draws their errors.

    `meter` is None where the rig's file has no certificate of its meter.
    """

    balance_resolution_g: float
    balance_u_g: float
    balance_reference_density_kg_m3: float
    water_u_c: float
    vessel_u_c: float
    air_u_c: float
    pressure_u_hpa: float
    humidity_u_pct: float
    meter: MeterFigures | None = None


@dataclass(frozen=True)
class TwinConfiguration:
    """Everything that the twin is built from."""

    registers: RegisterMap
    standards: StandardFigures
    measure: MeasureFigures
    camera: CameraFigures
    gauge_cameras: tuple[GaugeCameraFigures, ...] = ()


def load_twin_configuration(rig: Path, station: Path, measure: Path) -> TwinConfiguration:
    """Read the three files. Raises `ConfigurationError`: one sentence with file, key and what is expected."""
    registers = load_register_map(rig)
    return TwinConfiguration(
        registers=registers,
        standards=_standards(registers),
        measure=_measure(TomlTable.load(measure)),
        camera=_camera(TomlTable.load(station)),
        gauge_cameras=gauge_cameras(TomlTable.load(station)),
    )


def _standards(registers: RegisterMap) -> StandardFigures:
    def figure(standard: str, key: str) -> float:
        if standard not in registers.standards:
            raise ConfigurationError(
                f"{registers.file}: standards.{standard}: missing; the twin draws errors from it"
            )
        return float(registers.standards[standard][key])

    return StandardFigures(
        balance_resolution_g=figure("balance", "resolution_g"),
        balance_u_g=figure("balance", "standard_uncertainty_g"),
        balance_reference_density_kg_m3=figure("balance", "reference_density_kg_m3"),
        water_u_c=figure("thermometers", "water_standard_uncertainty_c"),
        vessel_u_c=figure("thermometers", "vessel_standard_uncertainty_c"),
        air_u_c=figure("thermometers", "air_standard_uncertainty_c"),
        pressure_u_hpa=figure("barometer", "pressure_standard_uncertainty_hpa"),
        humidity_u_pct=figure("barometer", "humidity_standard_uncertainty_pct"),
        meter=_meter(registers),
    )


def _meter(registers: RegisterMap) -> MeterFigures | None:
    stated = registers.standards.get("meter")
    if stated is None:
        return None
    return MeterFigures(
        flows_l_min=tuple(stated["flows_l_min"]),
        k_factors_per_l=tuple(stated["k_factors_per_l"]),
        k_relative_u=float(stated["k_relative_standard_uncertainty"]),
        repeatability_relative_u=float(stated["repeatability_relative_standard_uncertainty"]),
        thermometer_u_c=float(stated["thermometer_standard_uncertainty_c"]),
    )


def _measure(root: TomlTable) -> MeasureFigures:
    material = root.take_table("material")
    return MeasureFigures(
        nominal_l=root.take_number("nominal_l", above=0.0, most=1000.0),
        neck_bore_mm=root.take_number("neck_bore_mm", above=0.0),
        drip_time_s=root.take_number("drip_time_s", above=0.0),
        scale_division_ml=root.take_number("scale_division_ml", above=0.0),
        expansion_per_c=material.take_number("cubic_expansion_per_c", least=0.0),
        expansion_u_per_c=material.take_number("cubic_expansion_standard_uncertainty_per_c", least=0.0),
        reference_temperature_c=root.take_number("reference_temperature_c"),
    )


def _camera(root: TomlTable) -> CameraFigures:
    glass = root.take_table("instruments").take_table("neck")
    glass.take_text("kind", choices=("sight-glass",))
    glass.take_text("lighting", choices=("card",))
    glass.take_text("liquid", choices=("water",))
    scale = glass.take_table("scale")
    tube = glass.take_table("tube")
    camera = root.take_table("cameras").take_table(glass.take_text("camera"))
    scale.take_text("increases", choices=("up",))
    rows = camera.peek("matrix") if "matrix" in camera else None
    if not (
        isinstance(rows, list)
        and len(rows) == 3
        and all(isinstance(row, list) and len(row) == 3 for row in rows)
        and all(isinstance(value, int | float) for row in rows for value in row)
    ):
        raise camera.error("matrix", "expected three rows of three numbers")
    address = urlsplit(camera.take_text("address"))
    outer = tube.take_number("outer_diameter_mm", above=0.0)
    return CameraFigures(
        matrix=tuple((float(row[0]), float(row[1]), float(row[2])) for row in rows),
        distortion=camera.take_numbers("distortion", least=4, most=5),
        distance_mm=camera.take_number("distance_mm", above=50.0),
        height_mm=camera.take_number("height_mm"),
        scale=ScaleFigures(
            unit=scale.take_text("unit"),
            division=scale.take_number("division", above=0.0),
            division_mm=scale.take_number("division_mm", above=0.0),
            first=scale.take_number("first"),
            last=scale.take_number("last"),
            major_every=scale.take_int("major_every", 1, 1000),
            label_every=scale.take_int("label_every", 1, 1000),
            side=scale.take_text("side", choices=("left", "right")),
            offset_mm=scale.take_number("offset_mm", least=-20.0, most=20.0),
        ),
        outer_diameter_mm=outer,
        inner_diameter_mm=tube.take_number("inner_diameter_mm", above=0.0, most=outer - 0.2),
        path=address.path or "/cameras/neck.jpg",
        port=address.port or 80,
    )

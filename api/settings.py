"""Finds and reads the TOML files: what a run may use, chosen by name, checked before anything is opened."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from api.bench import gauges_of
from api.errors import SettingsError
from calibration.rules import load_rule_pack
from control.procedure import Procedure, load_procedure
from control.registers import RegisterMap, load_register_map
from control.toml_table import TomlTable, plain
from vision.station_file import Driver, Station, load_station

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
DEFAULT_FILE = "demo.toml"


@dataclass(frozen=True)
class Simulation:
    """Whether the rig's twin is started with the service, how fast its clock runs, and its seed."""

    enabled: bool
    time_factor: float
    seed: int


@dataclass(frozen=True)
class Choice:
    """The names of what a run uses: one file of each kind, and who stands at the bench."""

    rig: str
    station: str
    measure: str
    procedure: str
    rules: str
    operator: str


@dataclass(frozen=True)
class Settings:
    """The settings file: defaults of a run, data folder, simulation; `folders` are searched in order."""

    file: Path
    folders: tuple[Path, ...]
    defaults: Choice
    data: Path
    simulation: Simulation

    def names(self, kind: str) -> list[str]:
        """The names of the files of one kind (`rigs`, `stations`, …), sorted."""
        return sorted({path.stem for folder in self.folders for path in (folder / kind).glob("*.toml")})

    def find(self, kind: str, name: str) -> Path:
        """The file of that kind and name. Raises `SettingsError` where there is none."""
        if not NAME.fullmatch(name):
            raise SettingsError(f"{name!r} names none of {kind}: expected letters, digits, '.', '_' and '-'")
        for folder in self.folders:
            path = folder / kind / f"{name}.toml"
            if path.is_file():
                return path
        known = ", ".join(self.names(kind)) or "none"
        raise SettingsError(f"there is no {kind}/{name}.toml; expected one of {known}")

    def choose(
        self,
        *,
        rig: str | None = None,
        station: str | None = None,
        measure: str | None = None,
        procedure: str | None = None,
        rules: str | None = None,
        operator: str | None = None,
    ) -> Choice:
        """The defaults with what is named here in their place."""
        defaults = self.defaults
        return Choice(
            rig=rig or defaults.rig,
            station=station or defaults.station,
            measure=measure or defaults.measure,
            procedure=procedure or defaults.procedure,
            rules=rules or defaults.rules,
            operator=operator or defaults.operator,
        )


@dataclass(frozen=True)
class TwinPorts:
    """Where the simulated rig listens: what the configuration says is moved there. `seed`: which twin."""

    modbus: int
    camera: int
    seed: int | None = None


@dataclass(frozen=True)
class Configuration:
    """Everything a run uses, whole and checked by the rooms that use it, before anything is opened."""

    choice: Choice
    rig: RegisterMap
    station: Station
    measure: Mapping[str, Any]
    procedure: Procedure
    rules: Mapping[str, Any]

    def moved_to(self, modbus_port: int, camera_port: int) -> "Configuration":
        """The same with the rig and its IP cameras at other ports of the same host."""
        return replace(
            self,
            rig=replace(
                self.rig,
                link=replace(self.rig.link, port=modbus_port),
                source={**self.rig.source, "port": modbus_port},
            ),
            station=with_camera_port(self.station, camera_port),
        )

    def plain(self) -> dict[str, Any]:
        """The five files as plain JSON values, as line 0 of a record holds them."""
        return {
            "rig": plain(self.rig.source),
            "station": plain(self.station.mapping()),
            "measure": plain(self.measure),
            "procedure": plain(self.procedure.source),
            "rules": plain(self.rules),
        }


def load_settings(file: Path | None = None) -> Settings:
    """The settings in `file`, or in the first `demo.toml` that is found.

    Searched: the folder of `file`, `./configs`, the checkout's `configs`, the packaged ones. Raises
    `SettingsError` or `ConfigurationError` naming the file and the key.
    """
    folders = _folders(file)
    if file is None:
        file = next((path for folder in folders if (path := folder / DEFAULT_FILE).is_file()), None)
        if file is None:
            raise SettingsError(f"there is no {DEFAULT_FILE} in {', '.join(map(str, folders))}")
    root = TomlTable.load(file)
    defaults = Choice(
        rig=root.take_text("rig"),
        station=root.take_text("station"),
        measure=root.take_text("measure"),
        procedure=root.take_text("procedure"),
        rules=root.take_text("rules"),
        operator=root.take_text("operator"),
    )
    data = Path(root.take_text("data"))
    table = root.take_table("simulation")
    simulation = Simulation(
        enabled=table.take_bool("enabled"),
        time_factor=table.take_number("time_factor", least=0.1, most=1000.0),
        seed=table.take_int("seed", 0, 2**31 - 1),
    )
    table.finish("enabled, time_factor, seed")
    root.finish("rig, station, measure, procedure, rules, operator, data, simulation")
    return Settings(file=file, folders=folders, defaults=defaults, data=data, simulation=simulation)


def configure(settings: Settings, choice: Choice) -> Configuration:
    """The whole configuration of a run. Each file is checked by the room that uses it.

    Raises `SettingsError`, `ConfigurationError`, `StationError` or `RuleError` with one sentence that names
    the file, the key and what is expected.
    """
    rules = settings.find("rules", choice.rules)
    load_rule_pack(rules)
    configuration = Configuration(
        choice=choice,
        rig=load_register_map(settings.find("rigs", choice.rig)),
        station=load_station(settings.find("stations", choice.station)),
        measure=load_measure(settings.find("measures", choice.measure)),
        procedure=load_procedure(settings.find("procedures", choice.procedure)),
        rules=read_toml(rules),
    )
    for kind, name, written in (
        ("rigs", choice.rig, configuration.rig.name),
        ("stations", choice.station, configuration.station.name),
        ("measures", choice.measure, configuration.measure["name"]),
        ("procedures", choice.procedure, configuration.procedure.name),
        ("rules", choice.rules, configuration.rules["name"]),
    ):
        if name != written:
            file = settings.find(kind, name)
            raise SettingsError(f"{file}: name: expected {name!r} like the file, not {written!r}")
    gauges_of(configuration.station, str(settings.find("stations", choice.station)))
    return configuration


def with_camera_port(station: Station, port: int) -> Station:
    """The same station with its IP cameras at another port of the same host."""
    cameras = {
        name: replace(camera, address=_with_port(camera.address, port))
        if camera.driver is Driver.HTTP
        else camera
        for name, camera in station.cameras.items()
    }
    return replace(station, cameras=cameras)


def read_toml(path: Path) -> dict[str, Any]:
    """A file that its room has checked, as plain JSON values (dates as ISO 8601 text)."""
    return dict(plain(tomllib.loads(path.read_text(encoding="utf-8"))))


def load_measure(path: Path) -> dict[str, Any]:
    """The measure under test as its file states it, as plain JSON values.

    Raises `ConfigurationError` for a missing or unknown key, a wrong type or a value that cannot be.
    """
    root = TomlTable.load(path)
    for key in ("name", "make", "model", "serial"):
        root.take_text(key)
    for key in ("nominal_l", "neck_bore_mm", "scale_division_ml"):
        root.take_number(key, above=0.0)
    if "neck_bore_standard_uncertainty_mm" in root:
        root.take_number("neck_bore_standard_uncertainty_mm", least=0.0)
    root.take_text("kind", choices=("delivered", "contained"))
    root.take_number("reference_temperature_c", least=0.0, most=40.0)
    root.take_number("drip_time_s", least=0.0)
    material = root.take_table("material")
    material.take_text("name")
    material.take_text("source")
    material.take_number("cubic_expansion_per_c", above=0.0, most=1e-3)
    material.take_number("cubic_expansion_standard_uncertainty_per_c", least=0.0, most=1e-3)
    material.finish("name, cubic_expansion_per_c, cubic_expansion_standard_uncertainty_per_c, source")
    root.finish(
        "name, make, model, serial, nominal_l, kind, reference_temperature_c, neck_bore_mm, "
        "neck_bore_standard_uncertainty_mm, drip_time_s, scale_division_ml, material"
    )
    return read_toml(path)


def _folders(file: Path | None) -> tuple[Path, ...]:
    here = Path(__file__).resolve().parent
    candidates = [Path("configs"), here.parent / "configs", here / "configs"]
    if file is not None:
        candidates.insert(0, file.parent)
    found: list[Path] = []
    for folder in candidates:
        if folder.is_dir() and not any(folder.samefile(other) for other in found):
            found.append(folder)
    return tuple(found)


def _with_port(address: str, port: int) -> str:
    parts = urlsplit(address)
    return urlunsplit(parts._replace(netloc=f"{parts.hostname}:{port}"))

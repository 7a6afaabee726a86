"""api/settings.py"""

import shutil
from pathlib import Path

import pytest

from api.errors import SettingsError
from api.settings import configure, load_measure, load_settings
from control.errors import ConfigurationError

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


@pytest.fixture
def configs(tmp_path: Path) -> Path:
    """A copy of the project's configuration that a test may spoil."""
    return Path(shutil.copytree(CONFIGS, tmp_path / "configs"))


def spoil(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_demo_settings_configure_a_run() -> None:
    """The project's own settings name five files that fit together, as plain JSON values."""
    settings = load_settings()
    configuration = configure(settings, settings.choose(operator="J. Lin"))
    plain = configuration.plain()
    assert {"rig", "station", "measure", "procedure", "rules"} == plain.keys()
    assert plain["measure"]["nominal_l"] == 20.0
    assert plain["rig"]["standards"]["balance"]["due"] == "2036-12-31"
    assert configuration.choice.operator == "J. Lin"


def test_files_beside_the_settings_come_first(configs: Path) -> None:
    """A settings file is served by the folder that it lies in."""
    settings = load_settings(configs / "demo.toml")
    assert settings.find("measures", "demo-20l") == configs / "measures" / "demo-20l.toml"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('rig = "twin"', 'rigg = "twin"', "rig"),
        ("seed = 1", 'seed = "one"', "simulation.seed"),
        ("time_factor = 60.0", "time_factor = 0", "simulation.time_factor"),
        ("enabled = true", "enabled = true\ncolour = 1", "simulation.colour"),
        ("seed = 1", "seed = ", "TOML"),
    ],
)
def test_a_wrong_settings_file_is_named_with_its_key(configs: Path, old: str, new: str, said: str) -> None:
    """An unknown, missing or wrong key of demo.toml is named with the file."""
    file = configs / "demo.toml"
    spoil(file, old, new)
    with pytest.raises(ConfigurationError) as caught:
        load_settings(file)
    assert str(file) in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("nominal_l = 20.0", "nominal_l = -20.0", "nominal_l"),
        ("nominal_l = 20.0", "nominal_l = nan", "nominal_l"),
        ("nominal_l = 20.0", "nominal_litres = 20.0", "nominal_l"),
        ('kind = "delivered"', 'kind = "poured"', "kind"),
        ("cubic_expansion_per_c = 47.7e-6", "", "material.cubic_expansion_per_c"),
        ("neck_bore_mm = 100.0", "neck_bore_mm = 100.0\nneck_colour = 'red'", "neck_colour"),
    ],
)
def test_a_wrong_measure_is_named_with_its_key(configs: Path, old: str, new: str, said: str) -> None:
    """A measure's file that cannot be used is named with the key."""
    file = configs / "measures" / "demo-20l.toml"
    spoil(file, old, new)
    with pytest.raises(ConfigurationError) as caught:
        load_measure(file)
    assert str(file) in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize("name", ["../rigs/twin", "/etc/passwd", "", "no-such-measure", "a b"])
def test_only_names_of_files_that_are_there(name: str) -> None:
    """A name that is none, or of no file, is refused: a path never comes from a user."""
    with pytest.raises(SettingsError):
        load_settings().find("measures", name)


def test_a_file_must_carry_its_own_name(configs: Path) -> None:
    """A copied file that still says another name is refused, and named."""
    shutil.copy(configs / "rules" / "tw-owner-standard-measure.toml", configs / "rules" / "mine.toml")
    settings = load_settings(configs / "demo.toml")
    with pytest.raises(SettingsError, match=r"mine\.toml: name"):
        configure(settings, settings.choose(rules="mine"))


def test_a_configuration_moves_to_the_twins_ports() -> None:
    """Rig and IP cameras move together, in what is used and in what is recorded."""
    settings = load_settings()
    moved = configure(settings, settings.choose()).moved_to(1234, 5678)
    assert moved.rig.link.port == 1234
    plain = moved.plain()
    assert plain["rig"]["port"] == 1234
    assert plain["station"]["cameras"]["neck"]["address"] == "http://127.0.0.1:5678/cameras/neck.jpg"

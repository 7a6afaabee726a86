"""Procedures from TOML: strict, frozen, with the file for the record."""

import dataclasses
from pathlib import Path

import pytest
from rig_bench import CONFIGS

from control.blocks import BLOCKS, Deliveries, Once
from control.errors import ConfigurationError
from control.procedure import LIMITS, TABLES, load_procedure

SHIPPED = CONFIGS / "procedures" / "verify-measure.toml"


def test_the_shipped_procedure_is_read() -> None:
    """Figures are where the file has them, the source is kept, and nothing can be changed afterwards."""
    procedure = load_procedure(SHIPPED)
    assert (
        Once("empty"),
        Once("soak"),
        Once("prewet"),
        Deliveries(2, (0.0,)),
        Deliveries(1, (-240.0, -120.0, 0.0, 120.0, 240.0)),
    ) == procedure.blocks
    assert 240.0 == procedure.highest_target
    assert 600.0 == procedure.fill.coarse_stop_short_ml == procedure.source["fill"]["coarse_stop_short_ml"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        procedure.name = "other"  # type: ignore[misc]  # what the test is about


def test_every_shipped_procedure_is_read() -> None:
    """Each file of the folder is one, named as its file."""
    files = sorted((CONFIGS / "procedures").glob("*.toml"))
    assert [path.stem for path in files] == [load_procedure(path).name for path in files]


def test_every_step_table_and_method_is_described() -> None:
    """docs/reference/procedure.md has a row for each type of step, table and method, with its limits."""
    text = (CONFIGS.parent / "docs" / "reference" / "procedure.md").read_text(encoding="utf-8")
    rows = {line.split("|")[1].strip(" `"): line for line in text.splitlines() if line.startswith("| `")}
    words = {*BLOCKS, *LIMITS, *(kind.__name__.lower() for kind in TABLES)}
    assert words == rows.keys() - {"do", "method"}  # the heads of two tables
    for method, limits in LIMITS.items():
        if method not in BLOCKS:  # a step of the same name stands further down
            assert all(f"`{limit}`" in rows[method] for limit in limits)


@pytest.mark.parametrize(
    ("old", "new", "key", "expected"),
    [
        ("repeats = 2", "repeats = 0", "steps[3].repeats", "1 to 100"),
        ("repeats = 2", "repeats = 2\nspeed = 1", "steps[3].speed", "unknown key"),
        ("[read]", "[read]\nspeed = 1", "read.speed", "unknown key"),
        ("targets = [0.0]", "targets = []", "steps[3].targets", "list of finite numbers"),
        ("targets = [0.0]", "targets = [nan]", "steps[3].targets", "list of finite numbers"),
        ("targets = [0.0]", "targets = [5.0, 0.0]", "steps[3].targets", "levels that rise"),
        ('do = "prewet"', 'do = "pre-wet"', "steps[2].do", "expected one of empty, soak, prewet"),
        ('do = "prewet"', "", "steps[2].do", "missing"),
        ("[[steps]]", "[[stages]]", "stages", "unknown key"),
        ('method = "gravimetric"', 'method = "magic"', "method", "expected one of gravimetric"),
        ("air_range_c = [18.0, 27.0]", "air_range_c = [27.0, 18.0]", "soak.air_range_c", "low < high"),
        ("frames = 3", "frames = 2", "settle.frames", "3 to 1000"),
        ("wait_s = 6.0", "wait_s = 0.0", "settle.wait_s", "greater than 0"),
        ("coarse_speed_pct = 100.0", "coarse_speed_pct = 101.0", "fill.coarse_speed_pct", "at most 100"),
        ("fine_stop_short_ml = 1.0", "fine_stop_short_ml = 7.0", "fill.fine_stop_short_ml", "tolerance_ml"),
        ("[weigh]", "[weighing]", "weigh", "missing"),
    ],
)
def test_a_procedure_that_cannot_be_used_is_refused_in_one_sentence(
    tmp_path: Path, old: str, new: str, key: str, expected: str
) -> None:
    """File, key and what is expected, in one line."""
    text = SHIPPED.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "procedure.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigurationError) as refusal:
        load_procedure(path)
    message = str(refusal.value)
    assert message.startswith(f"{path}: {key}: ")
    assert expected in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("old", "new", "key", "expected"),
    [
        ("[-240.0, -120.0, 0.0, 120.0, 240.0]", "[0.0]", "steps[3].targets", "two levels or more"),
        ("near {target} on", "near the mark on", "steps[3].text", "expected {target} in each language"),
        ('name = "let-out"', "", "steps[3].name", "missing"),
    ],
)
def test_a_neck_that_cannot_go_down_is_refused_in_one_sentence(
    tmp_path: Path, old: str, new: str, key: str, expected: str
) -> None:
    """The way down needs a lower level, and a prompt that says where it is."""
    text = (CONFIGS / "procedures" / "calibrate-neck.toml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "procedure.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigurationError) as refusal:
        load_procedure(path)
    assert str(refusal.value).startswith(f"{path}: {key}: ")
    assert expected in str(refusal.value)

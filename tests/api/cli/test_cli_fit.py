"""`tankcal fit`, `table check` and `qualify` from the outside: what they print, save, and answer."""

import json
from pathlib import Path

import numpy as np
import pytest

from api.cli import run
from calibration.curve_json import curve_from_json
from calibration.tank_ends import End, Head
from calibration.tanks import Orientation, Tank

TANK = Tank(Orientation.LYING, 1250.0, 6000.0)


@pytest.fixture
def tank_csv(tmp_path: Path) -> Path:
    """Readings and volumes of a lying tank, 4 L uncertain."""
    rng = np.random.default_rng(1)
    x = np.linspace(20, 2400, 40)
    v = TANK.volume(x) * 1e-6 + rng.normal(0, 4, x.size)
    rows = [f"{a:.2f},{b:.3f},4" for a, b in zip(x, v, strict=True)]
    path = tmp_path / "tank.csv"
    path.write_text("\n".join(["height_mm,volume_l,u_volume_l", *rows]), encoding="utf-8")
    return path


def table_csv(path: Path, *, bad: bool) -> Path:
    """A table of a lying tank in cm and litres, with a bad row if wanted."""
    heights = np.arange(0.0, 250.0, 5.0)
    volumes = np.round(TANK.volume(10.0 * heights) * 1e-6, 1)
    if bad:
        volumes[20] += 150.0
    rows = [f"{a:g},{b:g}" for a, b in zip(heights, volumes.tolist(), strict=True)]
    path.write_text("\n".join(["dip_cm,volume_l", *rows]), encoding="utf-8")
    return path


def test_fit_as_json(tank_csv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One JSON line has the tank's dimensions, the test, the table; curve and plot are saved."""
    saved, plot = tmp_path / "c.json", tmp_path / "c.svg"
    status = run(["fit", str(tank_csv), "--json", "--step", "100", "--save", str(saved), "--plot", str(plot)])
    lines = capsys.readouterr().out.splitlines()
    assert (status, len(lines)) == (0, 1)
    record = json.loads(lines[0])
    assert record["model"] == "tank-lying"
    assert record["parameters"]["radius"] == pytest.approx(1250.0, rel=5e-3)
    assert record["p_value"] > 0.05
    assert [row["reading"] for row in record["table"]] == [100.0 * i for i in range(1, 25)]
    curve = curve_from_json(saved.read_text(encoding="utf-8"), "c.json").curve
    assert float(curve.volume(1200.0)) == record["table"][11]["volume"]
    assert plot.read_text(encoding="utf-8").startswith("<svg")


def test_fit_for_people(tank_csv: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """People see why the model was chosen, the table, and χ²."""
    assert run(["fit", str(tank_csv)]) == 0
    shown = capsys.readouterr().out
    assert "tank-lying has the lowest AICc" in shown
    assert "degrees of freedom, probability" in shown


def test_fit_refuses_an_unsuitable_model(
    tank_csv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line through a lying tank is refused with exit status 1, and nothing is saved."""
    saved = tmp_path / "c.json"
    assert run(["fit", str(tank_csv), "--model", "line", "--save", str(saved)]) == 1
    assert "line does not describe the data within their uncertainties" in capsys.readouterr().err
    assert not saved.exists()


def test_fit_names_bad_input(tmp_path: Path, tank_csv: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A bad row, an unknown model and a missing file end with exit status 2 and one sentence."""
    bad = tmp_path / "bad.csv"
    bad.write_text("height_mm,volume_l\n1,2\n1,3\n", encoding="utf-8")
    for arguments, sentence in (
        (["fit", str(bad)], "row 3 repeats the reading 1 mm"),
        (["fit", str(tank_csv), "--model", "circle"], "--model circle: a model is one of auto, line"),
        (["fit", str(tmp_path / "none.csv")], "none.csv"),
    ):
        assert run(arguments) == 2
        message = capsys.readouterr().err
        assert sentence in message
        assert "Traceback" not in message


def test_table_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A good table ends with 0; a bad row is named with height and size, and ends with 1."""
    assert run(["table", "check", str(table_csv(tmp_path / "good.csv", bad=False))]) == 0
    capsys.readouterr()
    assert run(["table", "check", str(table_csv(tmp_path / "bad.csv", bad=True)), "--json"]) == 1
    record = json.loads(capsys.readouterr().out)
    assert [(f["kind"], f["reading"]) for f in record["findings"]] == [("outlier", 100.0)]
    assert record["findings"][0]["size"] == pytest.approx(150.0, rel=0.1)


def test_table_check_names_what_it_cannot_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A row that is no number ends with 2 and its place."""
    bad = tmp_path / "bad.csv"
    bad.write_text("dip_cm,volume_l\n1,2\n2,x\n", encoding="utf-8")
    assert run(["table", "check", str(bad)]) == 2
    assert "row 3: volume_l must be a number, not 'x'" in capsys.readouterr().err


def test_table_of_a_run_keeps_its_word(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`tankcal table RUN` still looks for a run."""
    assert run(["table", "no-such-run", "--data", str(tmp_path)]) == 2
    assert "no-such-run" in capsys.readouterr().err


def test_qualify(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every case agrees: a JSON line each, one with the sum and the platform, and the report on disk."""
    report = tmp_path / "validation.json"
    assert run(["qualify", "--json", "--report", str(report)]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert all(line["agrees"] for line in lines[:-1])
    assert lines[-1]["cases"] == len(lines) - 1 > 40
    assert lines[-1]["disagreeing"] == 0
    assert json.loads(report.read_text(encoding="utf-8"))["platform"]["python"]


HEADED = """\
unit = "m"
orientation = "{orientation}"
radius = {radius}
length = 6.0
tilt_deg = {tilt}
free = {free}
[first]
head = "ellipsoidal"
depth = 0.6
[second]
head = "torispherical"
dish = 1.0
knuckle = 0.06
"""


def headed(orientation: Orientation, tilt: float) -> Tank:
    """The tank of the drawing, in mm, as it really is."""
    return Tank(
        orientation,
        1250.0,
        6000.0,
        End(Head.ELLIPSOIDAL, 600.0),
        End(Head.TORISPHERICAL, dish=1.0, knuckle=0.06),
        tilt=np.radians(tilt),
    )


@pytest.mark.parametrize(
    ("orientation", "tilt", "free"),
    [
        (Orientation.LYING, 0.5, ["radius", "length", "tilt"]),
        (Orientation.STANDING, 0.0, ["radius", "dead_volume"]),
    ],
)
def test_fit_of_a_drawing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], orientation: Orientation, tilt: float, free: list[str]
) -> None:
    """A tank's file in other units than the data: its free dimensions are found within their uncertainty."""
    tank = headed(orientation, tilt)
    rng = np.random.default_rng(2)
    x = np.linspace(0.05, 0.95, 60) * tank.height
    v = tank.volume(x) * 1e-6 + rng.normal(0, 3, x.size)
    rows = [f"{a:.4f},{b:.4f},3" for a, b in zip(x, v, strict=True)]
    data = tmp_path / "data.csv"
    data.write_text("\n".join(["height_mm,volume_l,u_volume_l", *rows]), encoding="utf-8")
    drawing = tmp_path / "tank.toml"
    drawing.write_text(
        HEADED.format(orientation=orientation, radius=1.2, tilt=0.2 if tilt else 0, free=free),
        encoding="utf-8",
    )
    assert run(["fit", str(data), "--tank", str(drawing), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    truth = {"radius": 1250.0, "length": 6000.0, "tilt": np.radians(tilt), "dead_volume": 0.0}
    u = np.sqrt(np.diag(record["covariance"]))
    assert set(free) == set(record["parameters"])
    for (name, value), standard in zip(record["parameters"].items(), u, strict=True):
        assert abs(value - truth[name]) < 4 * standard, name
    assert record["p_value"] > 0.01


def test_a_drawing_names_what_it_gets_wrong(
    tmp_path: Path, tank_csv: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each mistake in a tank's file is one sentence: file, key, what is expected."""
    drawing = tmp_path / "tank.toml"
    good = HEADED.format(orientation="lying", radius=1.25, tilt=0, free=["radius"])
    for text, expected in (
        ("=", "is not TOML"),
        (good.replace("6.0", "-1"), "length must be a number at least 0, not -1"),
        (good.replace('"ellipsoidal"', '"round"'), "first.head must be one of flat, conical"),
        (good.replace("depth = 0.6", ""), "first.depth is missing"),
        (good.replace("['radius']", "['width']"), "free must name one or more of radius, length"),
        (good.replace("['radius']", "['gauge', 'offset']"), "they do the same to the volume"),
        (good.replace("['radius']", "['gauge']"), "must not name gauge for a level tank"),
        ("bulge = 1\n" + good, "bulge is not known here"),
    ):
        drawing.write_text(text, encoding="utf-8")
        assert run(["fit", str(tank_csv), "--tank", str(drawing)]) == 2
        said = capsys.readouterr().err
        assert expected in said
        assert str(drawing) in said
    assert run(["fit", str(tank_csv), "--tank", str(drawing), "--model", "line"]) == 2
    assert "exclude each other" in capsys.readouterr().err


def test_fit_of_a_standing_tank_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A standing cylinder's radius and dead volume come of its name alone."""
    x = np.arange(100.0, 2000.0, 100.0)
    v = Tank(Orientation.STANDING, 500.0, 3000.0).volume(x) * 1e-6 + 7.5
    rows = [f"{a:g},{b:.4f},0.5" for a, b in zip(x, v, strict=True)]
    data = tmp_path / "data.csv"
    data.write_text("\n".join(["height_mm,volume_l,u_volume_l", *rows]), encoding="utf-8")
    assert run(["fit", str(data), "--model", "tank-standing", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["parameters"]
    assert found == {"radius": pytest.approx(500.0, rel=1e-6), "dead_volume": pytest.approx(7.5, abs=1e-3)}

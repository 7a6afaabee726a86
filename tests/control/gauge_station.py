"""A station file with gauges for tests: what the demo's has, in a folder of the test's own."""

from pathlib import Path

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
STANDARD = """
name = "a gauge"
serial = "T-1"
certificate = "T-2026-1"
due = 2036-12-31
standard_uncertainty = 0.02
source = "made up for a test"
"""
GAUGES = f"""
[cameras.wall]
driver = "http"
address = "http://127.0.0.1:8502/cameras/wall.jpg"

[cameras.water]
driver = "http"
address = "http://127.0.0.1:8502/cameras/water.jpg"

[instruments.pressure]
camera = "wall"
region = [0, 0, 500, 500]
shows = "line_pressure"
kind = "dial"
unit = "bar"
minimum = 0.0
maximum = 2.5
major_step = 0.5
minor_per_major = 10
dial_radius_mm = 50.0
needle_height_mm = 2.5

[instruments.pressure.standard]
{STANDARD}

[instruments.scales]
camera = "wall"
region = [500, 50, 600, 380]
shows = "balance"
kind = "seven-segment"
unit = "g"
digits = 6
decimals = 1
signed = false

[instruments.scales.standard]
{STANDARD}

[instruments.water]
camera = "water"
shows = "water_temperature"
kind = "thermometer"
unit = "degC"
minimum = 15.0
maximum = 30.0
division = 0.1
label_every = 1.0
column_offset_mm = 2.2

[instruments.water.standard]
{STANDARD}
"""


def neck_only() -> str:
    """The shipped station's camera and glass at the neck, as text: what stands before its first gauge."""
    lines = (CONFIGS / "stations" / "demo.toml").read_text(encoding="utf-8").splitlines()
    kept, wanted = [], True
    for line in lines:
        if line.startswith("["):
            wanted = line.split("]")[0].split(".")[1] == "neck"
        kept += [line] if wanted else []
    return "\n".join(kept) + "\n"


def gauge_station(folder: Path, gauges: str = GAUGES) -> Path:
    """Write the station `demo` with these gauges, and return its file."""
    file = folder / "demo.toml"
    file.write_text(neck_only() + gauges, encoding="utf-8")
    return file

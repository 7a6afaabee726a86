"""Records of simulated gravimetric runs with known truth, in arithmetic of their own."""

import math
import tomllib
from pathlib import Path
from typing import Any

import numpy as np

THERMOMETER = "water_thermometer"
READING_U_C = 0.01
CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def settings(rules: str = "tw-owner-standard-measure", **measure: Any) -> dict[str, Any]:
    """The data of a settings line from the project's own configuration, with nothing but the neck before a
    camera; `measure` overrides keys of the measure.
    """

    def load(kind: str, name: str) -> dict[str, Any]:
        return tomllib.loads((CONFIGS / kind / f"{name}.toml").read_text(encoding="utf-8"))

    station = load("stations", "demo")
    described = {**load("measures", "demo-20l"), **measure}
    return {
        "run": "synthetic",
        "operator": "test",
        "item": {key: described[key] for key in ("name", "make", "model", "serial")},
        "measure": described,
        "station": {**station, "instruments": {"neck": station["instruments"]["neck"]}},
        "procedure": load("procedures", "verify-measure"),
        "rig": load("rigs", "twin"),
        "rules": load("rules", rules),
        "versions": {},
    }


def deliveries_of(procedure: dict[str, Any]) -> list[list[float]]:
    """The targets of every repeat of a procedure, as its file has them."""
    blocks = [block for block in procedure["steps"] if block["do"] == "deliveries"]
    return [block["targets"] for block in blocks for _ in range(block["repeats"])]


class Truth:
    """What is true in a simulated run: drawn from the seed, within what the certificates state."""

    def __init__(self, seed: int, *, scale: float = 1.0) -> None:
        rng = np.random.default_rng(seed)
        self.rng = rng
        self.scale = scale
        self.volume_ml = 20000.0 + rng.normal(0, 8)
        self.slope = 1.0 + rng.normal(0, 0.002)
        self.gamma = 47.7e-6 + scale * rng.normal(0, 2.4e-6)
        self.balance_full_g, self.balance_drained_g = scale * rng.normal(0, 0.15, 2)
        self.water_bias, self.vessel_bias, self.air_bias = scale * rng.normal(0, [0.02, 0.10, 0.20])
        self.pressure_bias, self.humidity_bias = scale * rng.normal(0, [0.5, 3.0])
        self.saturation = rng.uniform(0, 1)
        self.purity = scale * rng.normal(0, 1e-5)
        self.reading_common = scale * rng.normal(0, 0.40)
        self.film_g = 0.25 * scale
        self.noise = scale
        self.gauge_rng = np.random.default_rng([seed, 1])
        self.thermometer_bias = scale * self.gauge_rng.normal(0, 0.03)
        self.thermometer_reading = scale * self.gauge_rng.normal(0, READING_U_C)


def tanaka(t: float) -> float:
    """Density of air-free water in kg/m³."""
    return 999.974950 * (1 - (t - 3.983035) ** 2 * (t + 301.797) / (522528.9 * (t + 69.34881)))


def moist_air(t: float, p_hpa: float, rh: float) -> float:
    """Density of air in kg/m³ by the approximation of OIML R 111-1, E.3."""
    return (0.34848 * p_hpa - 0.009 * rh * math.exp(0.061 * t)) / (273.15 + t)


def record(truth: Truth, data: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """The parsed lines of a complete run: two repeats at the mark, then the neck."""
    data = data or settings()
    rng = truth.rng
    lines: list[dict[str, Any]] = []

    def write(kind: str, content: dict[str, Any]) -> None:
        lines.append(
            {"n": len(lines), "t_s": 0.0, "t_utc": "", "previous": "", "kind": kind, "data": content}
        )

    write("settings", data)
    procedure = data["procedure"]
    gauged = _thermometer(data) is not None
    for repeat, targets in enumerate(deliveries_of(procedure), start=1):
        film = rng.normal(0, truth.film_g)
        for target in targets:
            _fill(truth, write, repeat, target, gauged=gauged)
        write("drip", {"repeat": repeat, "required_s": 30.0, "waited_s": 30.2, "started": "stream-broke"})
        # A thicker film than usual stays behind: that much less was delivered.
        drained = 9000.0 + film + truth.balance_drained_g + truth.noise * rng.normal(0, 0.03)
        where = {"repeat": repeat, "target": None, "load": "drained"}
        _weigh(write, where, round(drained, 2), _conditions(20.5))
    write("end", {"outcome": "complete", "reason": ""})
    return lines


def _thermometer(data: dict[str, Any]) -> dict[str, Any] | None:
    """The thermometer of a settings line's station, if it has one."""
    return data["station"]["instruments"].get(THERMOMETER)


def with_thermometer(data: dict[str, Any], u_c: float = 0.03) -> dict[str, Any]:
    """Settings whose station has a thermometer in the water beside the rig's sensor, and no other gauge."""
    neck = data["station"]["instruments"]["neck"]
    standard = {"name": "thermometer", "serial": "1", "certificate": "C-1", "standard_uncertainty": u_c}
    gauge = {"shows": "water_temperature", "kind": "thermometer", "unit": "degC", "standard": standard}
    return {**data, "station": {**data["station"], "instruments": {"neck": neck, THERMOMETER: gauge}}}


def _fill(truth: Truth, write: Any, repeat: int, target: float, *, gauged: bool) -> None:
    rng = truth.rng
    level = target + rng.uniform(-4, 4)
    water_c = 21.0 + 0.2 * (repeat % 3) + rng.normal(0, 0.1)
    vessel_c, air_c, p, rh = water_c - 0.3, 22.0 + rng.normal(0, 0.3), 1004.0 + rng.normal(0, 0.5), 52.0
    v_reference = truth.volume_ml + truth.slope * level
    v_ml = v_reference / (1 - truth.gamma * (vessel_c - 20.0))
    density = (tanaka(water_c) + truth.saturation * (-0.004612 + 0.000106 * water_c)) * (1 + truth.purity)
    density *= 1 + 4.59e-10 * (p - 1013.25) * 100
    air = moist_air(air_c, p, rh)
    # What the balance shows: the water less its buoyancy, in the conventional mass of its weights.
    indication = v_ml / 1000.0 * (density - air) / (1 - air / 8000.0)
    full = 9000.0 + indication + truth.balance_full_g + truth.noise * rng.normal(0, 0.03)
    reading = level + truth.reading_common + truth.noise * rng.normal(0, 0.2)
    write(
        "observation",
        {
            "instrument": "neck",
            "purpose": "measure",
            "repeat": repeat,
            "target": target,
            "value": reading,
            "unit": "mL",
            "standard_uncertainty": math.hypot(0.2, 0.40),
            "terms": {"frames": 0.2, "optics": 0.40},
            "reason": "",
            "detail": "",
            "notes": [],
            "frames": [f"{repeat}{int(target)}"],
        },
    )
    ambient = {
        "water_c": water_c + truth.water_bias,
        "vessel_c": vessel_c + truth.vessel_bias,
        "air_c": air_c + truth.air_bias,
        "pressure_hpa": p + truth.pressure_bias,
        "humidity_pct": rh + truth.humidity_bias,
    }
    if gauged:
        shown = water_c + truth.thermometer_bias + truth.thermometer_reading
        write(
            "observation",
            {
                "instrument": THERMOMETER,
                "purpose": "gauge",
                "shows": "water_temperature",
                "at": "full",
                "repeat": repeat,
                "target": target,
                "value": shown + truth.noise * truth.gauge_rng.normal(0, 0.002),
                "unit": "degC",
                "standard_uncertainty": READING_U_C,
                "terms": {"end": READING_U_C},
                "reason": "",
                "detail": "",
                "notes": [],
                "frames": [f"t{repeat}{int(target)}"],
                "wire": water_c + truth.water_bias,
                "wire_unit": "degC",
            },
        )
    _weigh(write, {"repeat": repeat, "target": target, "load": "full"}, round(full, 2), ambient)


def _conditions(t: float) -> dict[str, float]:
    return {"water_c": t, "vessel_c": t, "air_c": t, "pressure_hpa": 1004.0, "humidity_pct": 52.0}


def _weigh(write: Any, where: dict[str, Any], mean_g: float, ambient: dict[str, float]) -> None:
    write("weighing", {**where, "mean_g": mean_g, "scatter_g": 0.03, "count": 8})
    write("ambient", {**where, **ambient})

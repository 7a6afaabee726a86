"""Run folders for tests: a record as `control` writes it, frames, and the result that belongs to it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from api.records import FRAMES, RESULT, canonical_json, load_record, write_durably
from api.results import result_of
from api.settings import configure, load_settings
from control.clock import ScaledClock
from control.journal import Journal
from vision.frame import Frame
from vision.image_set import ImageSetWriter

COMPLETE = "20261124-021000-7f3a"
ABORTED = "20261124-031000-7f3b"
INTERRUPTED = "20261124-041000-7f3c"
ML_PER_G = 1.00285  # of water at 21 °C weighed in air: near enough for a record that nobody judges
ERROR_ML = -3.0
AMBIENT = {
    "water_c": 21.0,
    "vessel_c": 20.9,
    "air_c": 22.0,
    "pressure_hpa": 1004.0,
    "humidity_pct": 52.0,
}

Camera = Callable[[float], bytes]


def settings_line(run: str, *, operator: str = "test") -> dict[str, Any]:
    """The settings of a run with the project's own demonstration files."""
    settings = load_settings()
    plain = configure(settings, settings.choose(operator=operator)).plain()
    item = {key: plain["measure"][key] for key in ("name", "make", "model", "serial")}
    # Of a twin that is gone: a run without an end stays interrupted, nobody can resume it.
    simulation = {"seed": 1}
    return {
        **plain,
        "run": run,
        "operator": operator,
        "item": item,
        "versions": {},
        "simulation": simulation,
    }


def flat_picture(reading: float) -> bytes:
    """A PNG that is a picture, and another one for every reading; no reader makes anything of it."""
    image = np.full((64, 48, 3), 128, np.uint8)
    cv2.putText(image, f"{reading:.1f}", (2, 32), cv2.FONT_HERSHEY_PLAIN, 0.7, (255, 255, 255))
    encoded, data = cv2.imencode(".png", image)
    assert encoded
    return data.tobytes()


def deliveries_of(procedure: dict[str, Any]) -> list[list[float]]:
    """The targets of every repeat of a procedure, as its file has them."""
    blocks = [block for block in procedure["steps"] if block["do"] == "deliveries"]
    return [block["targets"] for block in blocks for _ in range(block["repeats"])]


def write_run(
    data: Path,
    run: str,
    *,
    outcome: str | None = "complete",
    operator: str = "test",
    camera: Camera = flat_picture,
    observe: Callable[[list[Frame]], dict[str, Any]] | None = None,
    with_result: bool = True,
) -> Path:
    """Write a run's folder. `outcome` None leaves it without an end, as a killed program does.

    `camera` gives the encoded picture for a reading; `observe` what a reader makes of the frames (the
    reading itself where it is None).
    """
    folder = data / run
    line = settings_line(run, operator=operator)
    with Journal.create(folder, ScaledClock()) as journal:
        journal.append("settings", line)
        journal.append("state", {"from": "Idle", "to": "Starting", "command": "start", "reason": ""})
        writer = _Writer(journal, folder, line, camera, observe)
        procedure = line["procedure"]
        for repeat, targets in enumerate(deliveries_of(procedure), start=1):
            for target in targets:
                writer.fill(repeat, target)
            writer.drain(repeat)
        if outcome is not None:
            journal.append("end", {"outcome": outcome, "reason": "" if outcome == "complete" else "a test"})
    if with_result:
        write_durably(folder / RESULT, canonical_json(result_of(load_record(folder))))
    return folder


class _Writer:
    def __init__(
        self,
        journal: Journal,
        folder: Path,
        settings: dict[str, Any],
        camera: Camera,
        observe: Callable[[list[Frame]], dict[str, Any]] | None,
    ) -> None:
        self._journal = journal
        self._frames = ImageSetWriter(folder / FRAMES)
        self._settings = settings
        self._camera = camera
        self._observe = observe
        self._random = np.random.default_rng(1)

    def fill(self, repeat: int, target: float) -> None:
        level = target + self._random.uniform(-3, 3)
        frames = [Frame(self._camera(level), "sample")]
        station = self._settings["station"]
        instrument = {k: v for k, v in station["instruments"]["neck"].items() if k != "camera"}
        names = [self._frames.keep(frame, instrument) for frame in frames]
        seen: dict[str, Any] = {
            "value": level,
            "unit": "mL",
            "standard_uncertainty": 0.45,
            "terms": {"frames": 0.2, "optics": 0.4031128874},
            "reason": "",
        }
        if self._observe is not None:
            seen = self._observe(frames)
        where = {"repeat": repeat, "target": target}
        self._journal.append("step", {"step": "read", **where, "detail": ""})
        self._journal.append(
            "observation",
            {
                **seen,
                **where,
                "instrument": "neck",
                "purpose": "measure",
                "detail": "",
                "notes": [],
                "frames": names,
            },
        )
        volume_ml = 20000.0 - ERROR_ML + level
        self._weigh({**where, "load": "full"}, 9000.0 + volume_ml / ML_PER_G)

    def drain(self, repeat: int) -> None:
        drip = {"repeat": repeat, "required_s": 30.0, "waited_s": 30.4, "started": "stream-broke"}
        self._journal.append("drip", drip)
        self._weigh({"repeat": repeat, "target": None, "load": "drained"}, 9000.0)

    def _weigh(self, where: dict[str, Any], grams: float) -> None:
        grams += self._random.normal(0, 0.1)
        self._journal.append("weighing", {**where, "mean_g": grams, "scatter_g": 0.03, "count": 8})
        self._journal.append("ambient", {**where, **AMBIENT})

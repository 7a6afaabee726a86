"""The sealed envelope: what was true of a twin, written when it ends and not looked at during a run."""

import json
import os
from pathlib import Path

from control.errors import ConfigurationError
from control.simulator.plant import Plant


def check_truth_file(path: Path) -> None:
    """Raise `ConfigurationError` where the file could not be written at the end."""
    if path.is_dir() or not path.parent.is_dir():
        raise ConfigurationError(f"{path}: expected a file name in a folder that exists")


def write_truth_file(path: Path, plant: Plant) -> None:
    """Write the truth as one JSON object, whole or not at all.

    `true_error_ml` is indicated minus true (nominal − delivered) at the zero mark, at the measure's reference
    temperature.
    """
    truth = {
        "true_error_ml": plant.truth.error_ml,
        "true_volume_l": plant.truth.delivered_ml / 1000.0,
        "overflow_ml": plant.vessel.overflow_ml,
        "seed": plant.truth.seed,
    }
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with beside.open("w", encoding="utf-8") as file:
        file.write(json.dumps(truth, sort_keys=True) + "\n")
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)

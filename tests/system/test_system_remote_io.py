"""Plain remote I/O: the bench itself closes every dose, from the start of a run to its verdict."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the benchmarks are no package of the product

from procedures import carried_out

from api.records import load_record
from control.sequence import Run
from control.simulator.one_clock import OneClockTwin
from control.simulator.remote_io import RemoteIoModule


@pytest.mark.parametrize(("procedure", "seed"), [("check-standard", 7), ("verify-measure", 8)])
def test_a_procedure_on_remote_io_from_start_to_verdict(tmp_path: Path, procedure: str, seed: int) -> None:
    """Complete without an alarm, the true error within U, no drop too much, no command twice."""
    twins: list[OneClockTwin] = []

    def prepare(twin: OneClockTwin, _run: Run) -> None:
        twins.append(twin)

    folder = tmp_path / "run"
    outcome, result, true_error_ml = carried_out(
        procedure, folder, seed=seed, prepare=prepare, rig="remote-io"
    )
    assert outcome == "complete"
    assert abs(result["error_ml"] - true_error_ml) <= result["expanded_uncertainty_ml"]
    assert result["verdict"]["outcome"] in ("pass", "fail", "inconclusive")
    (twin,) = twins
    assert isinstance(twin.device, RemoteIoModule)
    assert (False,) * 4 == twin.device.coils
    assert 0.0 == twin.plant.vessel.overflow_ml
    record = load_record(folder)
    assert record.settings["rig"]["name"] == "remote-io"
    commands = [line["data"] for line in record.of_kind("command")]
    assert len(commands) == len({command["sequence"] for command in commands})
    assert {"fill-coarse", "fill-fine", "open-drain"} <= {command["opcode"] for command in commands}
    assert [0] * len(commands) == [line["data"]["result"] for line in record.of_kind("accepted")]
    assert [] == list(record.of_kind("alarm"))

"""`tankcal demo`: the whole chain once, on a simulated rig whose truth is opened at the end."""

import asyncio
import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli import ExitStatus
from api.cli.one_run import Finished, carry_out
from api.cli.output import Output
from api.cli.result_table import result_table
from api.errors import TwinError
from api.numbers import number, signed
from api.settings import Settings, configure, load_settings
from api.twin import simulated_rig
from control.states import State


@dataclass(frozen=True)
class _Envelope:
    """What was true of the twin; its error in mL."""

    true_error_ml: float


def demo(
    *,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Which twin: its volume and errors.", show_default="from config")
    ] = None,
    time_factor: Annotated[
        float | None,
        typer.Option(min=0.1, max=1000.0, help="Rig's seconds in a wall's.", show_default="from config"),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Settings; the nearest demo.toml by default.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of the runs.", show_default="from config")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line.")] = False,
) -> ExitStatus:
    """Verify a 20 L measure on a simulated rig, then compare with the truth that only the simulator knew.

    Exit status 0 when the chain worked: the true error lies within the expanded uncertainty (E_n ≤ 1). A
    measure that is rightly found outside its tolerance has the verdict "fail", and the demo has still worked.
    1 when E_n > 1 or there is no result; 3 when rig or camera failed.

    Example: `tankcal demo --seed 7 --json`
    """
    settings = load_settings(config)
    configure(settings, settings.choose())
    simulation = settings.simulation
    output = Output(as_json)
    started = time.monotonic()
    finished, envelope = asyncio.run(
        _carry_out(
            settings,
            (data or settings.data).resolve(),
            output,
            seed=simulation.seed if seed is None else seed,
            time_factor=simulation.time_factor if time_factor is None else time_factor,
        )
    )
    return _report(finished, envelope, time.monotonic() - started, output)


async def _carry_out(
    settings: Settings, data: Path, output: Output, *, seed: int, time_factor: float
) -> tuple[Finished, _Envelope]:
    with tempfile.TemporaryDirectory(prefix="tankcal-") as folder:
        truth_file = Path(folder) / "truth.json"
        output.note(f"starting the simulated rig, seed {seed}, time factor {time_factor:g}")
        async with simulated_rig(
            settings,
            settings.defaults,
            seed=seed,
            time_factor=time_factor,
            free_ports=True,
            truth_file=truth_file,
        ) as twin:
            finished = await carry_out(settings, data, settings.defaults, output, twin=twin)
        try:
            truth: dict[str, Any] = json.loads(truth_file.read_bytes())
            return finished, _Envelope(true_error_ml=float(truth["true_error_ml"]))
        except (OSError, ValueError, KeyError) as problem:
            raise TwinError(f"the simulated rig left no truth behind: {problem}") from problem


def _report(finished: Finished, envelope: _Envelope, seconds: float, output: Output) -> ExitStatus:
    if finished.outcome != State.COMPLETE:
        output.note(f"run {finished.run} {finished.outcome}: {finished.reason}")
        return ExitStatus.RIG
    result = finished.result
    if result is None or "problem" in result:
        output.note(f"run {finished.run}: {(result or {}).get('problem', 'there is no result')}")
        return ExitStatus.NO
    difference_ml = result["error_ml"] - envelope.true_error_ml
    e_n = abs(difference_ml) / result["expanded_uncertainty_ml"]
    output.record(
        {
            "run": finished.run,
            "nominal_l": result["nominal_l"],
            "error_ml": result["error_ml"],
            "expanded_uncertainty_ml": result["expanded_uncertainty_ml"],
            "true_error_ml": envelope.true_error_ml,
            "verdict": result["verdict"]["outcome"],
            "seconds": round(seconds, 1),
        }
    )
    output.show(
        result_table(
            result,
            {
                "true error": f"{signed(envelope.true_error_ml)} mL (only the simulator knew)",
                "E_n": f"{number(e_n)} = |{signed(difference_ml)} mL| / U, "
                + ("at most 1: the chain is right" if e_n <= 1 else "more than 1: the chain is wrong"),
                "record": str(finished.folder),
                "time": f"{seconds:.0f} s",
            },
        )
    )
    return ExitStatus.DONE if e_n <= 1 else ExitStatus.NO

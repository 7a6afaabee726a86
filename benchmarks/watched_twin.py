"""The rig's twin with an observer in it: logs what it executed and what must never happen."""

import argparse
import asyncio
import json
import signal
import time
from pathlib import Path
from typing import Any, TextIO

import cv2

from control.simulator.configuration import load_twin_configuration
from control.simulator.device import Device, Result
from control.simulator.twin import Twin

CONFIGS = Path(__file__).resolve().parents[1] / "configs"


class Observer:
    """Stands between the server and the device of one twin."""

    def __init__(self, device: Device, log: TextIO) -> None:
        self._device, self._log = device, log
        self._command, self._beat, self._step = device.command, device.beat, device.step
        self._value: int | None = None
        self._beat_wall_s: float | None = None
        self._told: set[str] = set()
        self._overflow_ml = 0.0
        # The instance's own methods are replaced, so that every caller is seen.
        device.command = self.command  # type: ignore[method-assign]
        device.beat = self.beat  # type: ignore[method-assign]
        device.step = self.step  # type: ignore[method-assign]

    def command(self, words: Any, wall_s: float) -> Result:
        """Note what is executed; a repeat of the last number does nothing and is none."""
        repeated = words[0] == self._device.accepted_sequence
        result = self._command(words, wall_s)
        if not repeated and result is Result.ACCEPTED:
            self._write("executed", sequence=words[0], opcode=words[1], arguments=list(words[2:]))
        return result

    def beat(self, value: int, wall_s: float) -> None:
        """Note when the heartbeat changed last."""
        if value != self._value:
            self._value, self._beat_wall_s = value, wall_s
        self._beat(value, wall_s)

    def step(self, wall_s: float) -> None:
        """Look at the plant after every step."""
        self._step(wall_s)
        plant = self._device.plant
        inlets = not plant.hydraulics.inlets_closed
        drain = not plant.drain.closed
        self._once("both", inlets and drain)
        alone = self._beat_wall_s is not None and wall_s - self._beat_wall_s > self._device.heartbeat_s + 1.0
        self._once("open", alone and (inlets or drain))
        overflow_ml = plant.vessel.overflow_ml
        if overflow_ml > self._overflow_ml:
            self._once("overflow", True)
            self._overflow_ml = overflow_ml

    def _once(self, kind: str, holds: bool) -> None:
        if holds and kind not in self._told:
            self._told.add(kind)
            self._write(kind)
        elif not holds:
            self._told.discard(kind)

    def _write(self, kind: str, **more: Any) -> None:
        self._log.write(json.dumps({"kind": kind, "wall_s": time.monotonic(), **more}) + "\n")
        self._log.flush()


async def serve(seed: int, time_factor: float, log: TextIO) -> None:
    """Serve until SIGTERM; says the ports and the true error as one JSON line."""
    cv2.setNumThreads(1)
    configuration = load_twin_configuration(
        CONFIGS / "rigs" / "twin.toml",
        CONFIGS / "stations" / "demo.toml",
        CONFIGS / "measures" / "demo-20l.toml",
    )
    twin = Twin(configuration, seed=seed, time_factor=time_factor)
    Observer(twin.device, log)
    for camera in twin.cameras:
        camera.warm_up()
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    ports = await twin.start(0, 0)
    clock = asyncio.create_task(twin.run_clock())
    said = {
        "modbus_port": ports.modbus,
        "camera_port": ports.camera,
        "true_error_ml": twin.plant.truth.error_ml,
    }
    print(json.dumps(said), flush=True)
    await over.wait()
    clock.cancel()
    await asyncio.gather(clock, return_exceptions=True)
    await twin.stop()


def main() -> None:
    """Serve a twin that is watched."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--time-factor", type=float, required=True)
    parser.add_argument("--log", type=Path, required=True)
    given = parser.parse_args()
    with given.log.open("w", encoding="utf-8") as log:
        asyncio.run(serve(given.seed, given.time_factor, log))


if __name__ == "__main__":
    main()

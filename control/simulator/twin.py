"""The twin as a whole: plant, PLC, Modbus server and cameras, on one clock."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import cv2

from control.errors import ConfigurationError
from control.simulator.camera_state import SimulatedCamera
from control.simulator.cameras import BenchServer, NeckCamera
from control.simulator.configuration import TwinConfiguration
from control.simulator.device import Device
from control.simulator.emptying import make_truth
from control.simulator.fault_board import FaultBoard
from control.simulator.fault_script import load_fault_script
from control.simulator.faults import Rig
from control.simulator.gauge_cameras import GaugeCamera
from control.simulator.hydraulics import STEP_S
from control.simulator.plant import Plant
from control.simulator.register_noise import RegisterNoise
from control.simulator.remote_io import RemoteIoModule
from control.simulator.server import RigServer
from control.simulator.truth_file import check_truth_file, write_truth_file

TICK_S = 0.01  # wall clock, between two advances of the plant
MOST_BEHIND_S = 0.25  # wall clock: what is missed beyond this (a busy or sleeping machine) is not made up for
PARENT_CHECK_S = 0.5


@dataclass(frozen=True)
class Ports:
    """Where the twin listens on the loopback."""

    modbus: int
    camera: int


class Twin:
    """One simulated rig. `start`, then `run_clock` until cancelled, then `stop`."""

    def __init__(
        self, configuration: TwinConfiguration, *, seed: int, time_factor: float, faults: Path | None = None
    ) -> None:
        """Build it; `faults` is a script of what goes wrong.

        Raises `ConfigurationError` for a time factor that the rig's register cannot say, or a script that is
        not one.
        """
        self._check_factor(configuration, time_factor)
        self.configuration = configuration
        self.time_factor = time_factor
        registers = configuration.registers
        self.plant = Plant(make_truth(seed, configuration.measure, configuration.standards))
        # A map with outputs is a remote I/O module's, one without a PLC's.
        kind = Device if registers.outputs is None else RemoteIoModule
        self.device = kind(
            self.plant,
            heartbeat_s=registers.link.heartbeat_s,
            time_factor=time_factor,
            opcodes=registers.commands.opcodes,
        )
        self.cameras: tuple[SimulatedCamera, ...] = (
            NeckCamera(configuration.camera, self.plant),
            *(GaugeCamera(figures, self.plant) for figures in configuration.gauge_cameras),
        )
        noise = RegisterNoise(seed)
        named = {camera.name: camera for camera in self.cameras}
        script = load_fault_script(faults, tuple(named)) if faults is not None else ()
        self.faults = FaultBoard(Rig(self.device, noise, named), script)
        self._rig_server = RigServer(registers, self.device, noise, self.catch_up)
        self._bench_server: BenchServer | None = None
        self._due_s = 0.0
        self._at_s: float | None = None  # wall clock, up to which the plant has come; None while it stands

    @staticmethod
    def _check_factor(configuration: TwinConfiguration, time_factor: float) -> None:
        tag = configuration.registers.tags.get("time_factor")
        low, high = tag.range if tag is not None else (0.1, 1000.0)
        if not low <= time_factor <= high:
            raise ConfigurationError(f"time factor: expected {low:g} to {high:g}, not {time_factor:g}")

    async def start(self, modbus_port: int, camera_port: int) -> Ports:
        """Open both ports (0 for a free one). Raises `ConfigurationError` where one cannot be had."""
        self._bench_server = BenchServer(self.cameras, self.plant, camera_port, self.faults)
        try:
            modbus = await self._rig_server.start(modbus_port)
        except ConfigurationError:
            self._bench_server.stop()
            raise
        self._bench_server.start()
        return Ports(modbus, self._bench_server.port)

    async def stop(self) -> None:
        """Close both ports."""
        await self._rig_server.stop()
        if self._bench_server is not None:
            await asyncio.to_thread(self._bench_server.stop)
            self._bench_server = None

    async def run_clock(self) -> None:
        """Advance the plant with the wall's clock times the factor until cancelled."""
        self._at_s = time.monotonic()
        try:
            while True:
                await asyncio.sleep(TICK_S)
                self.catch_up()
        finally:
            self._at_s = None

    def catch_up(self) -> None:
        """Advance the plant up to now, while its clock runs.

        A request comes between two ticks, which may be a second of the plant's clock: a valve that a bench
        closes then must have let pass what came before.
        """
        if self._at_s is not None:
            now_s = time.monotonic()
            self._at_s, last_s = now_s, self._at_s
            self.advance(now_s - last_s, now_s)

    def advance(self, elapsed_s: float, now_s: float) -> None:
        """Scan and step for `elapsed_s` of the wall's clock, which stands at `now_s`, in fixed steps.

        What would take more than `MOST_BEHIND_S` is left out: then the rig's clock has stood still.
        """
        self._due_s += min(elapsed_s, MOST_BEHIND_S) * self.time_factor
        steps = int(self._due_s / STEP_S)
        self._due_s -= steps * STEP_S
        for _ in range(steps):
            self.faults.step()
            self.device.step(now_s)


async def run_twin(
    configuration: TwinConfiguration,
    *,
    seed: int,
    time_factor: float,
    modbus_port: int,
    camera_port: int,
    truth_file: Path | None,
    parent_pid: int | None,
    faults: Path | None = None,
    ready: Callable[[Ports], None],
) -> None:
    """Serve a twin until SIGTERM, SIGINT or the end of the process `parent_pid`; `ready` hears of the ports.

    Leaves the truth in `truth_file` at the end. Raises `ConfigurationError` before anything is opened where
    something is not usable.
    """
    if truth_file is not None:
        check_truth_file(truth_file)
    cv2.setNumThreads(1)  # the other cores belong to the bench
    twin = Twin(configuration, seed=seed, time_factor=time_factor, faults=faults)
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)
    for camera in twin.cameras:
        camera.warm_up()
    ports = await twin.start(modbus_port, camera_port)
    tasks = [asyncio.create_task(twin.run_clock())]
    if parent_pid is not None:
        tasks.append(asyncio.create_task(_end_with(parent_pid, over)))
    waiter = asyncio.create_task(over.wait())
    try:
        ready(ports)
        done, _ = await asyncio.wait([*tasks, waiter], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()  # a clock that broke must not look like an orderly end
    finally:
        for task in (*tasks, waiter):
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task
        await twin.stop()
        if truth_file is not None:
            write_truth_file(truth_file, twin.plant)


async def _end_with(parent_pid: int, over: asyncio.Event) -> None:
    """Set `over` once the process is gone. A dead parent that nobody has waited for shows by our adoption."""
    ours = os.getppid() == parent_pid
    while True:
        try:
            os.kill(parent_pid, 0)
        except ProcessLookupError:
            break
        except PermissionError:
            pass  # it lives, as someone else's
        if ours and os.getppid() != parent_pid:
            break
        await asyncio.sleep(PARENT_CHECK_S)
    over.set()
    await asyncio.Event().wait()  # the waiter ends the run; this task only reports

"""Modbus devices of other makes as processes: what lies in them, how they are started and killed.

All serve the same tables, each by the encoding of its own library; the `TAGS` are our map of them.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from control.register_words import Table, Type
from control.registers import LinkSettings, Tag, Value

HERE = Path(__file__).resolve().parent
HEADER = Path("/usr/include/modbus/modbus.h")
BITS, WORDS = 48, 240
INT16, FLOAT_BIG, FLOAT_LITTLE = -12345, 998.2071, -40.125
UINT32_BIG, INT32_LITTLE = 3735928559, -123456789


def _tag(name: str, table: Table, address: int, kind: Type, **more: object) -> Tag:
    values = {"unit": "1", "range": (-1e10, 1e10), **more}
    return Tag(name=name, table=table, address=address, type=kind, **values)  # type: ignore[arg-type]


TAGS = (
    _tag("counter", Table.INPUT, 0, Type.UINT16),
    _tag("temperature", Table.INPUT, 1, Type.INT16, scale=0.001, unit="degC"),
    _tag("density", Table.INPUT, 2, Type.FLOAT32),
    _tag("balance", Table.INPUT, 4, Type.FLOAT32, word_order="little", unit="g"),
    _tag("pulses", Table.INPUT, 6, Type.UINT32),
    _tag("offset", Table.INPUT, 8, Type.INT32, word_order="little", scale=0.1, unit="mm"),
    _tag("far", Table.INPUT, 20, Type.UINT16),
    _tag("setpoint", Table.HOLDING, 10, Type.FLOAT32, writable=True),
    _tag("little_setpoint", Table.HOLDING, 12, Type.FLOAT32, word_order="little", writable=True),
    _tag("limit", Table.HOLDING, 14, Type.UINT16, writable=True),
    *(_tag(f"output_{at}", Table.COIL, at, Type.BOOL, writable=True) for at in range(10)),
    *(_tag(f"switch_{at}", Table.DISCRETE, at, Type.BOOL) for at in range(11)),
)
VALUES: Mapping[str, Value] = {
    "counter": 52000,
    "temperature": -12.345,
    "density": 998.2070922851562,  # the float32 beside 998.2071
    "balance": -40.125,
    "pulses": 3735928559,
    "offset": -12345678.9,
    "far": 7,
    "setpoint": 0.0,
    "little_setpoint": 0.0,
    "limit": 0,
    **{f"output_{at}": at % 3 == 0 for at in range(10)},
    **{f"switch_{at}": at % 5 == 0 for at in range(11)},
}


def need(*programs: str, file: Path | None = None) -> None:
    """Skip the test where a program (or a file) of Debian's is missing; in a pipeline that is a failure."""
    missing = [name for name in programs if shutil.which(name) is None]
    missing += [str(file)] if file is not None and not file.exists() else []
    if missing:
        if os.environ.get("CI"):
            pytest.fail(f"no {', '.join(missing)}")
        pytest.skip(f"no {', '.join(missing)}")


def compiled_server(folder: Path) -> Path:
    """`libmodbus_server.c`, compiled into the folder; skips or fails without compiler or library."""
    need("gcc", file=HEADER)
    program = folder / "libmodbus_server"
    source = HERE / "libmodbus_server.c"
    command = ("gcc", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", str(source))
    subprocess.run([*command, "-lmodbus", "-o", str(program)], check=True, timeout=60)
    return program


@dataclass
class Peer:
    """A device that can be killed and started again at the same place. `command` begins it."""

    name: str
    command: tuple[str, ...]
    port: int = 0
    _process: "subprocess.Popen[str] | None" = field(default=None, repr=False)

    def start(self) -> None:
        """Start it, on a free port the first time; returns once it listens."""
        self.begin("tcp", str(self.port))
        self.port = int(self.said)

    def begin(self, *arguments: str) -> None:
        """Start it with these arguments; `said` is then its first line."""
        self._process = subprocess.Popen([*self.command, *arguments], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.said = self._process.stdout.readline().strip()
        assert self.said, f"{self.name} ended with {self._process.wait(10)}"

    def signal(self, number: int) -> None:
        """Stop it (SIGSTOP) or let it go on (SIGCONT)."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """Like a power cut; nothing where it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None

    @property
    def line(self) -> LinkSettings:
        """How our link reaches it."""
        return LinkSettings(
            transport="tcp",
            host="127.0.0.1",
            port=self.port,
            device_id=1,
            timeout_s=0.5,
            poll_s=0.1,
            heartbeat_s=2.0,
        )


def script(name: str) -> tuple[str, ...]:
    """The command of a Python server of this folder, its warnings ignored: it is somebody else's code."""
    return (sys.executable, "-W", "ignore", str(HERE / f"{name}.py"))

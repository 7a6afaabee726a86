"""One driver of the bench at a time, also between programs: an advisory lock on the data folder."""

import fcntl
import os
from pathlib import Path
from typing import Self

from api.errors import BusyError

FILE = ".bench.lock"


class BenchLock:
    """Held while a run is under way. The system lets go of it when the program ends, however it ends."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    @classmethod
    def take(cls, data: Path, run: str) -> Self:
        """The lock of a data folder, which is made where it is missing.

        Raises `BusyError` naming the run that holds it.
        """
        data.mkdir(parents=True, exist_ok=True)
        handle = os.open(data / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(handle, 64, 0).decode("ascii", "replace").strip()
            os.close(handle)
            raise BusyError(f"busy: another program drives the bench (run {holder})", holder) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{run}\n".encode("ascii"), 0)
        return cls(handle)

    def release(self) -> None:
        """Let the next one in."""
        os.close(self._handle)


def is_held(data: Path) -> bool:
    """Whether a run is under way in this data folder, in this program or another."""
    path = data / FILE
    if not path.exists():
        return False
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False

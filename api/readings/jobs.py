"""What to read and what came of it: one job a picture and instrument, in this process or in several."""

import json
import multiprocessing
import signal
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import cv2

from vision.errors import FrameError
from vision.frame import Frame
from vision.image_set import Truth, read_frame
from vision.instrument import Reader, Region
from vision.overlay import draw, encode
from vision.readers import instrument_from, reader_for
from vision.reading import Answer, Reading, Reason, Refusal
from vision.station import camera_from

CHUNK = 8  # pictures a worker gets at a time: few enough that the order costs no memory
CHUNKS_AHEAD = 4  # chunks that wait for each worker


@dataclass(frozen=True)
class Job:
    """A picture and what it shows. `truth` is for comparing afterwards; no reader is given it.

    `image` is the name that answers carry, `instrument` and `camera` the objects of a manifest, `overlay` the
    file in which the reading is drawn (None: nowhere), `where` names the source of the description.
    """

    image: str
    path: Path
    instrument: Mapping[str, Any]
    camera: Mapping[str, Any] | None
    region: Region | None
    truth: Truth
    where: str
    overlay: Path | None = None

    @property
    def kind(self) -> str:
        """The kind of instrument."""
        return str(self.instrument.get("kind", ""))

    @property
    def unit(self) -> str:
        """The unit of the instrument's scale, as its description states it."""
        scale = self.instrument.get("scale")
        holder = scale if isinstance(scale, Mapping) else self.instrument
        unit = holder.get("unit")
        return unit if isinstance(unit, str) else ""


@dataclass(frozen=True)
class Outcome:
    """What came of a job. `value` and `standard_uncertainty` in `unit`, None when refused.

    `fault` is not empty where the reader broke on the picture: a fault of this program, not of the picture.
    """

    job: Job
    value: float | None
    standard_uncertainty: float | None
    reason: str
    detail: str
    elapsed_ms: float
    terms: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    fault: str = ""

    @property
    def is_read(self) -> bool:
        """Whether there is a value."""
        return self.value is not None

    @property
    def is_right(self) -> bool:
        """Read as expected, or refused as expected; where nothing is said, a reading is expected."""
        return self.is_read == self.job.truth.expect_reading and not self.fault

    def record(self) -> dict[str, Any]:
        """The line that `tankcal read --json` prints."""
        return {
            "image": self.job.image,
            "kind": self.job.kind,
            "status": "read" if self.is_read else "refused",
            "value": self.value,
            "unit": self.job.unit,
            "standard_uncertainty": self.standard_uncertainty,
            "reason": self.reason or None,
            "elapsed_ms": round(self.elapsed_ms, 3),
            "detail": self.detail,
            "terms": dict(self.terms),
            "notes": list(self.notes),
        }


def check(job: Job) -> None:
    """Raise `StationError`, naming the source, for a description that no reader can use."""
    instrument_from(job.instrument, f"{job.where}: instrument")
    camera_from(job.camera, f"{job.where}: camera")


def answer(job: Job) -> tuple[Frame, Answer]:
    """The frame and what the reader makes of it; a file that is no picture is refused, never fatal.

    Raises `StationError` for a description that `check` would not have passed.
    """
    # dates and the like, which TOML has and JSON lacks, can only stand in fields that no reader looks at
    reader = _reader(json.dumps([job.instrument, job.camera, job.region], sort_keys=True, default=str))
    try:
        frame = read_frame(job.path, job.image)
    except FrameError as error:
        return Frame(b"", job.image), Refusal(job.kind, Reason.NOT_AN_IMAGE, str(error))
    try:
        return frame, reader.read(frame)
    except FrameError as error:
        return frame, Refusal(job.kind, Reason.NOT_AN_IMAGE, str(error))


def perform(job: Job) -> Outcome:
    """Read one picture and draw its overlay where one is asked for; `elapsed_ms` is its loading and reading.

    A reader that breaks on a picture does not end a set of thousands: the outcome is refused, `fault` set.
    """
    started = time.perf_counter()
    try:
        frame, result = answer(job)
    except Exception as error:  # see above: named in the outcome and in the command's exit status
        fault = f"{type(error).__name__}: {' '.join(str(error).split())}"
        detail = f"{job.image}: the reader broke on this picture ({fault})"
        return Outcome(job, None, None, Reason.UNSUPPORTED, detail, _ms_since(started), fault=fault)
    elapsed_ms = _ms_since(started)
    if job.overlay is not None and not _is_no_image(result):
        job.overlay.write_bytes(encode(draw(frame, result), job.overlay.suffix))
    if isinstance(result, Reading):
        return Outcome(
            job=job,
            value=result.value,
            standard_uncertainty=result.standard_uncertainty,
            reason="",
            detail="",
            elapsed_ms=elapsed_ms,
            terms=dict(result.terms),
            notes=result.notes,
        )
    return Outcome(job, None, None, result.reason.value, result.detail, elapsed_ms)


def perform_all(jobs: Iterable[Job], processes: int = 1) -> Iterator[Outcome]:
    """The outcomes in the order of the jobs, from this thread or from `processes` processes.

    Never holds more than a few chunks of jobs, whatever their number. OpenCV works with one thread in each.
    """
    if processes <= 1:
        threads = cv2.getNumThreads()
        cv2.setNumThreads(1)
        try:
            yield from map(perform, jobs)
        finally:
            cv2.setNumThreads(threads)
        return
    yield from _perform_in_pool(iter(jobs), processes)


def _perform_in_pool(jobs: Iterator[Job], processes: int) -> Iterator[Outcome]:
    # spawned, not forked: OpenCV's and this process's threads do not survive a fork
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, mp_context=context, initializer=_start_worker)
    waiting: deque[Future[list[Outcome]]] = deque()
    try:
        while True:
            while len(waiting) < processes * CHUNKS_AHEAD and (chunk := list(islice(jobs, CHUNK))):
                waiting.append(pool.submit(_perform_chunk, chunk))
            if not waiting:
                return
            yield from waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it and ends the pool
    cv2.setNumThreads(1)


def _perform_chunk(jobs: list[Job]) -> list[Outcome]:
    return [perform(job) for job in jobs]


@lru_cache(maxsize=64)
def _reader(description: str) -> Reader:
    instrument, camera, region = json.loads(description)
    return reader_for(
        instrument_from(instrument, "instrument"),
        camera_from(camera, "camera"),
        None if region is None else tuple(region),
    )


def _is_no_image(result: Answer) -> bool:
    return isinstance(result, Refusal) and result.reason is Reason.NOT_AN_IMAGE


def _ms_since(started: float) -> float:
    return (time.perf_counter() - started) * 1000.0

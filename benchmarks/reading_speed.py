"""How long a reading takes, as a multiple of decoding the same picture; one thread, warm.

    python -m benchmarks.reading_speed [KIND …] [--every 3] [--frames 10000]

A reading includes its own decoding. "First" is that of a reader made for it, which has yet to look at what
later readings find unchanged, as printed numbers; the process has loaded the recogniser before. `--frames`
also reads that many frames in tracking and reports how much the process grew.
"""

import argparse
import json
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import cv2
import numpy as np

from benchmarks.shared import shared_images
from vision.follower import Tracker
from vision.frame import Frame
from vision.readers import instrument_from, reader_for
from vision.station import camera_from

REPEATS = 7


@dataclass(frozen=True)
class Limits:
    """Where pictures of a kind lie, and how many times their decoding a reading may take at the median."""

    image_set: str
    full: float
    tracked: float


KINDS = {
    "sight-glass": Limits("sight-glass", 8.0, 1.5),
    "dial": Limits("gauges", 10.0, 2.0),
    "seven-segment": Limits("gauges", 10.0, 2.0),
    "thermometer": Limits("gauges", 10.0, 2.0),
}


def fastest(action: Callable[[], object]) -> float:
    """The shortest of some repeats of `action`, in milliseconds."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        action()
        times.append(1000 * (time.perf_counter() - start))
    return min(times)


def entries(kind: str, every: int) -> Iterator[tuple[str, bytes, Callable[[], Any]]]:
    """Name, data and a maker of readers of every `every`-th readable picture of a kind."""
    folder = shared_images() / KINDS[kind].image_set
    lines = [json.loads(line) for line in (folder / "manifest.jsonl").read_text("utf-8").splitlines()]
    readable = [e for e in lines if e["instrument"]["kind"] == kind and e["expect"] == "reading"]
    for entry in readable[::every]:
        described = instrument_from(entry["instrument"], entry["image"])
        camera = camera_from(entry.get("camera"), entry["image"])
        yield entry["image"], (folder / entry["image"]).read_bytes(), partial(reader_for, described, camera)


def ratios(name: str, data: bytes, made: Callable[[], Any]) -> tuple[float, float, float] | None:
    """First reading, reading and tracking over decoding, printed; None for a picture that is not read."""
    reader = made()
    assert isinstance(reader, Tracker)
    encoded = np.frombuffer(data, np.uint8)
    _, track = reader.track(Frame(data, name), None)
    if track is None:
        return None
    decoding = fastest(lambda: cv2.imdecode(encoded, cv2.IMREAD_COLOR))
    first = fastest(lambda: made().read(Frame(data, name)))
    whole = fastest(lambda: reader.track(Frame(data, name), None))
    again = fastest(lambda: reader.track(Frame(data, name), track))
    fresh, full, tracked = first / decoding, whole / decoding, again / decoding
    print(
        f"{name}  decode {decoding:.2f} ms  first {first:.2f} ms ({fresh:.1f}×)  "
        f"read {whole:.2f} ms ({full:.1f}×)  track {again:.2f} ms ({tracked:.2f}×)"
    )
    return fresh, full, tracked


def grown_mib(data: bytes, reader: Any, frames: int) -> float:
    """How much the process grew over the last nine tenths of `frames` tracked frames, in MiB."""
    _, track = reader.track(Frame(data, ""), None)
    before = 0
    for number in range(frames):
        _, track = reader.track(Frame(data, ""), track)
        assert track is not None
        if number == frames // 10:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def main() -> None:
    """Prints a line an image and the medians of each kind; exits with 1 where a limit is passed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)}; all by default")
    parser.add_argument("--every", type=int, default=3, help="take every n-th image of a kind")
    parser.add_argument("--frames", type=int, default=0, help="track this many frames and watch the memory")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    passed = False
    for kind in options.kinds or KINDS:
        limits, pictures = KINDS[kind], list(entries(kind, options.every))
        found = [ratio for picture in pictures if (ratio := ratios(*picture)) is not None]
        fresh, full, tracked = (median(values) for values in zip(*found, strict=True))
        print(f"{kind}: median first read {fresh:.2f}× (no limit)")
        print(f"{kind}: median read {full:.2f}× (limit {limits.full:g})")
        print(f"{kind}: median track {tracked:.2f}× (limit {limits.tracked:g})")
        passed = passed or full > limits.full or tracked > limits.tracked
        if options.frames:
            _, data, made = pictures[-1]
            grown = grown_mib(data, made(), options.frames)
            print(f"{kind}: memory grew by {grown:.1f} MiB over {0.9 * options.frames:.0f} frames")
    if passed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()

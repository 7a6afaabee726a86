"""How long a reading takes, as a multiple of decoding the same picture; one thread, warm.

    python -m benchmarks.reading_speed [--frames 10000]

A reading includes its own decoding. `--frames` also reads that many frames in tracking and reports how much
the process grew.
"""

import argparse
import json
import resource
import time
from collections.abc import Callable
from statistics import median

import cv2
import numpy as np

from benchmarks.shared import shared_images
from vision.frame import Frame
from vision.readers import instrument_from, reader_for
from vision.sight_glass import SightGlassReader, Track
from vision.station import camera_from

MOST_FULL, MOST_TRACKED = 8.0, 1.5
REPEATS = 7


def fastest(action: Callable[[], object]) -> float:
    """The shortest of some repeats of `action`, in milliseconds."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        action()
        times.append(1000 * (time.perf_counter() - start))
    return min(times)


def main() -> None:
    """Prints a line an image and the medians; exits with 1 where a limit is passed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=0, help="track this many frames and watch the memory")
    parser.add_argument("--every", type=int, default=9, help="take every n-th image of the set")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    folder = shared_images() / "sight-glass"
    entries = [json.loads(line) for line in (folder / "manifest.jsonl").read_text("utf-8").splitlines()]
    full, tracked = [], []
    live: tuple[SightGlassReader, Frame, Track] | None = None
    for entry in [e for e in entries if e["expect"] == "reading"][:: options.every]:
        data = (folder / entry["image"]).read_bytes()
        encoded = np.frombuffer(data, np.uint8)
        reader = reader_for(instrument_from(entry["instrument"], ""), camera_from(entry["camera"], ""))
        assert isinstance(reader, SightGlassReader)
        _, track = reader.track(Frame(data, entry["image"]), None)
        if track is None:
            continue
        decoding = fastest(lambda encoded=encoded: cv2.imdecode(encoded, cv2.IMREAD_COLOR))
        whole = fastest(lambda reader=reader, data=data: reader.read(Frame(data, "")))
        again = fastest(lambda reader=reader, data=data, track=track: reader.track(Frame(data, ""), track))
        full.append(whole / decoding)
        tracked.append(again / decoding)
        live = reader, Frame(data, ""), track
        print(
            f"{entry['image']}  decode {decoding:.2f} ms  read {whole:.2f} ms ({full[-1]:.1f}×)  "
            f"track {again:.2f} ms ({tracked[-1]:.2f}×)"
        )
    print(f"median: read {median(full):.2f}× (limit {MOST_FULL:g})")
    print(f"median: track {median(tracked):.2f}× (limit {MOST_TRACKED:g})")
    if options.frames and live is not None:
        reader, frame, track = live
        before = 0
        for number in range(options.frames):
            _, following = reader.track(Frame(frame.data, ""), track)
            assert following is not None
            track = following
            if number == options.frames // 10:
                before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        print(f"memory grew by {grown / 1024:.1f} MiB over the last {0.9 * options.frames:.0f} frames")
    if median(full) > MOST_FULL or median(tracked) > MOST_TRACKED:
        raise SystemExit(1)


if __name__ == "__main__":
    main()

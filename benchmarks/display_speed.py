"""How long a reading of a display takes, as a multiple of decoding the same picture; one thread, warm.

    python -m benchmarks.display_speed [--every 3]

A reading includes its own decoding.
"""

import argparse
import json
from statistics import median

import cv2
import numpy as np

from benchmarks.reading_speed import fastest
from benchmarks.shared import shared_images
from vision.display import DisplayReader, display_from
from vision.frame import Frame
from vision.station import CameraGeometry

MOST_FULL, MOST_TRACKED = 10.0, 2.0


def main() -> None:
    """Prints a line an image and the medians; exits with 1 where a limit is passed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--every", type=int, default=3, help="take every n-th display of the set")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    folder = shared_images() / "gauges"
    entries = [json.loads(line) for line in (folder / "manifest.jsonl").read_text("utf-8").splitlines()]
    full, tracked = [], []
    for entry in [e for e in entries if e["instrument"]["kind"] == "seven-segment"][:: options.every]:
        data = (folder / entry["image"]).read_bytes()
        encoded = np.frombuffer(data, np.uint8)
        reader = DisplayReader(display_from(entry["instrument"], entry["image"]), CameraGeometry())
        _, track = reader.track(Frame(data, ""), None)
        if track is None:
            continue
        decoding = fastest(lambda encoded=encoded: cv2.imdecode(encoded, cv2.IMREAD_COLOR))
        whole = fastest(lambda reader=reader, data=data: reader.read(Frame(data, "")))
        again = fastest(lambda reader=reader, data=data, track=track: reader.track(Frame(data, ""), track))
        full.append(whole / decoding)
        tracked.append(again / decoding)
        print(
            f"{entry['image']}  decode {decoding:.2f} ms  read {whole:.2f} ms ({full[-1]:.1f}×)  "
            f"track {again:.2f} ms ({tracked[-1]:.2f}×)"
        )
    print(f"median: read {median(full):.2f}× (limit {MOST_FULL:g})")
    print(f"median: track {median(tracked):.2f}× (limit {MOST_TRACKED:g})")
    if median(full) > MOST_FULL or median(tracked) > MOST_TRACKED:
        raise SystemExit(1)


if __name__ == "__main__":
    main()

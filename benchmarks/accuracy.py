"""Reads the sight-glass set and compares with its truth: the table by family, and the development loop.

    python -m benchmarks.accuracy [--part developed|held-out|both] [--list] [--write]

Images are split by a hash of their names: two thirds were used while the reader was developed, one third was
kept for the last look. `--write` renews docs/reference/accuracy.md.
"""

import argparse
import hashlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vision.frame import Frame
from vision.readers import instrument_from, reader_for
from vision.reading import Reading
from vision.station import camera_from

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Outcome:
    """One image: its family and part, the error and stated uncertainty in millimetres, or the refusal."""

    image: str
    family: str
    held_out: bool
    expected: bool
    error_mm: float | None
    u_mm: float | None
    reason: str
    milliseconds: float


def held_out(name: str) -> bool:
    """Whether an image belongs to the third that was not looked at during development."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % 3 == 0


def shared() -> Path:
    """Where the image sets are: TANKCAL_SHARED, or `shared` beside the checkout."""
    return Path(os.environ.get("TANKCAL_SHARED", ROOT.parent / "shared"))


def outcomes(folder: Path, forget: tuple[str, ...] = ()) -> Iterator[Outcome]:
    """Reads every image of a set; `forget` names fields of `instrument` (or `camera`) to leave out."""
    for number, line in enumerate((folder / "manifest.jsonl").read_text("utf-8").splitlines(), 1):
        entry: dict[str, Any] = json.loads(line)
        described = {key: value for key, value in entry["instrument"].items() if key not in forget}
        camera = None if "camera" in forget else entry.get("camera")
        where = f"{folder.name}:{number}"
        reader = reader_for(instrument_from(described, where), camera_from(camera, where))
        frame = Frame((folder / entry["image"]).read_bytes(), entry["image"])
        start = time.perf_counter()
        answer = reader.read(frame)
        elapsed = 1000 * (time.perf_counter() - start)
        error = u = None
        reason = ""
        if isinstance(answer, Reading):
            scale = entry["instrument"]["scale"]
            per_unit = scale["division_mm"] / scale["division"]
            u = answer.standard_uncertainty * per_unit
            if entry.get("truth") is not None:
                error = (answer.value - entry["truth"]) * per_unit
        else:
            reason = f"{answer.reason}: {answer.detail}"
        yield Outcome(
            entry["image"],
            entry["family"],
            held_out(entry["image"]),
            entry["expect"] == "reading",
            error,
            u,
            reason,
            elapsed,
        )


def table(results: list[Outcome]) -> str:
    """The table by family, as Markdown."""
    lines = [
        "| family | images | read | RMS mm | largest mm | mean mm | within 2u | median u mm |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for family in ("card", "panel", "room", "hard", "reject"):
        part = [r for r in results if r.family == family]
        read = [r for r in part if r.u_mm is not None]
        scored = [r for r in read if r.error_mm is not None and r.u_mm is not None]
        if not part:
            continue
        share = f"{100 * len(read) / len(part):.0f} %"
        if scored:
            errors = np.array([r.error_mm for r in scored], float)
            us = np.array([r.u_mm for r in scored], float)
            inside = np.mean(np.abs(errors) <= 2 * us)
            numbers = f"{np.sqrt(np.mean(errors**2)):.3f} | {np.abs(errors).max():.3f} | {errors.mean():+.3f}"
            numbers += f" | {100 * inside:.0f} % | {np.median(us):.3f}"
        else:
            numbers = "— | — | — | — | —"
        lines.append(f"| {family} | {len(part)} | {share} | {numbers} |")
    return "\n".join(lines)


def main() -> None:
    """Prints the tables, and with --list every image."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--part", choices=("developed", "held-out", "both"), default="both")
    parser.add_argument(
        "--forget", default="", help="comma-separated fields to leave out: tube,camera,lighting"
    )
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--write", action="store_true", help="renew docs/reference/accuracy.md")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    forget = tuple(word for word in options.forget.split(",") if word)
    results = list(outcomes(shared() / "images" / "sight-glass", forget))
    text = []
    for title, kept in (("Developed on", False), ("Held out", True)):
        if options.part == ("held-out" if not kept else "developed"):
            continue
        part = [r for r in results if r.held_out is kept]
        text.append(f"## {title} ({len(part)} images)\n\n{table(part)}\n")
        if options.list:
            for r in part:
                said = (
                    r.reason if r.error_mm is None or r.u_mm is None else f"{r.error_mm:+.3f} u {r.u_mm:.3f}"
                )
                flag = (
                    ""
                    if r.error_mm is None or r.u_mm is None or abs(r.error_mm) < 2 * r.u_mm
                    else " <-- outside 2u"
                )
                print(f"{r.image} {r.milliseconds:5.1f} ms {said}{flag}")
    print("\n".join(text))
    if options.write:
        head = "# Accuracy of the sight-glass reader\n\nBy `make accuracy`; errors in mm at the tube.\n\n"
        (ROOT / "docs/reference/accuracy.md").write_text(head + "\n".join(text), "utf-8")


if __name__ == "__main__":
    main()

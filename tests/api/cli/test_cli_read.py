"""`tankcal read` gives one line a picture, the same with and without truth, and never dies of a picture."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from api.cli import ExitStatus, run
from api.readings import jobs
from vision.frame import Frame
from vision.reading import Answer, Drawing, Reading, Reason, Refusal

GLASS = {"kind": "sight-glass", "scale": {"unit": "mL", "division": 5, "division_mm": 1.5}}
DIAL = {"kind": "dial", "unit": "bar", "minimum": 0, "maximum": 10, "major_step": 1, "minor_per_major": 10}
KEYS = ("image", "kind", "status", "value", "unit", "standard_uncertainty", "reason", "elapsed_ms")
STATION = """
name = "bench"
[cameras.neck]
driver = "http"
address = "http://127.0.0.1:1/neck.jpg"
[instruments.neck]
camera = "neck"
kind = "sight-glass"
scale = { unit = "L", division = 0.1 }
[instruments.gauge]
camera = "neck"
kind = "dial"
unit = "bar"
minimum = 0
maximum = 10
major_step = 1
minor_per_major = 10
"""


class ShadeReader:
    """Stands in for the sight-glass reader: the value is the picture's shade; under 50 it is too dark."""

    def __init__(self, unit: str) -> None:
        self._unit = unit

    def read(self, frame: Frame) -> Answer:
        """The shade of the middle pixel; 250 breaks the reader."""
        shade = int(frame.image[30, 30, 0])
        if shade == 250:
            raise ZeroDivisionError("no light")
        if shade < 50:
            return Refusal("sight-glass", Reason.DARK, f"{frame.source}: shade {shade}; expected 50")
        drawing = Drawing(level=(10.0, 30.0, 50.0, 30.0))
        return Reading("sight-glass", float(shade), self._unit, 0.5, {"noise": 0.5}, ("a note",), drawing)


@pytest.fixture
def shades(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put the stand-in in the place of the sight-glass reader, to test what lies around a reader."""
    original = jobs.reader_for

    def reader_for(instrument: Any, camera: Any = None, region: Any = None) -> Any:
        if instrument.kind == "sight-glass":
            return ShadeReader(instrument.unit)
        return original(instrument, camera, region)

    monkeypatch.setattr(jobs, "reader_for", reader_for)
    jobs._reader.cache_clear()
    yield
    jobs._reader.cache_clear()


def _picture(path: Path, shade: int) -> None:
    path.write_bytes(cv2.imencode(".png", np.full((60, 60, 3), shade, np.uint8))[1].tobytes())


def _set(folder: Path, *lines: dict[str, Any]) -> Path:
    folder.mkdir(exist_ok=True)
    text = "".join(json.dumps({"instrument": GLASS} | line) + "\n" for line in lines)
    (folder / "manifest.jsonl").write_text(text)
    return folder


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A set with two readable pictures, a dark one, a missing one, a broken one and a dial."""
    folder = _set(
        tmp_path / "set",
        {"image": "a.png", "family": "plain", "truth": 100.5},
        {"image": "b.png", "family": "plain", "truth": 205.0},
        {"image": "dark.png", "family": "reject", "expect": "no-reading", "why": "dark", "truth": None},
        {"image": "missing.png", "family": "plain", "truth": 1.0},
        {"image": "broken.png", "family": "plain", "truth": 1.0},
        {"image": "a.png", "instrument": DIAL},
    )
    for name, shade in (("a.png", 100), ("b.png", 200), ("dark.png", 10)):
        _picture(folder / name, shade)
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and nothing more")
    return folder


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, list[dict[str, Any]]]]:
    """Runs `tankcal read … --json`: the exit status and the lines, which must be all of the output."""

    def read(*arguments: object) -> tuple[int, list[dict[str, Any]]]:
        status = run(["read", "--json", *map(str, arguments)])
        return status, [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return read


Lines = Callable[..., tuple[int, list[dict[str, Any]]]]


@pytest.mark.usefixtures("shades")
def test_a_set_gives_one_line_a_picture_in_order(mixed: Path, lines: Lines) -> None:
    """Each line has the promised fields; what cannot be read is refused with its reason, and none is lost."""
    status, records = lines(mixed)
    assert ExitStatus.NO == status
    assert ["a.png", "b.png", "dark.png", "missing.png", "broken.png", "a.png"] == [
        r["image"] for r in records
    ]
    assert [None, None, "dark", "not-an-image", "not-an-image", "no-dial"] == [r["reason"] for r in records]
    assert [100.0, 200.0, None, None, None, None] == [r["value"] for r in records]
    assert ["mL"] * 5 + ["bar"] == [r["unit"] for r in records]
    assert all(set(KEYS) <= set(record) for record in records)
    assert {"read": 0.5, "refused": None} == {r["status"]: r["standard_uncertainty"] for r in records}
    assert "missing.png" in records[3]["detail"]


@pytest.mark.usefixtures("shades")
def test_answers_do_not_depend_on_the_truth(mixed: Path, lines: Lines) -> None:
    """Without truth, family, expect and why the lines are the same."""

    def answers() -> list[dict[str, Any]]:
        return [{k: v for k, v in record.items() if k != "elapsed_ms"} for record in lines(mixed)[1]]

    before = answers()
    manifest = mixed / "manifest.jsonl"
    stripped = [json.loads(line) for line in manifest.read_text().splitlines()]
    kept = [{key: entry[key] for key in ("image", "instrument")} for entry in stripped]
    manifest.write_text("".join(json.dumps(entry) + "\n" for entry in kept))
    assert before == answers()


@pytest.mark.usefixtures("shades")
def test_a_refusal_that_is_expected_is_no_failure(tmp_path: Path, lines: Lines) -> None:
    """Status 0 where every picture came out as the manifest expects, 1 where one is read that must not be."""
    line = {"image": "a.png", "expect": "no-reading", "why": "dark"}
    folder = _set(tmp_path / "set", line, {"image": "b.png"})
    _picture(folder / "a.png", 10)
    _picture(folder / "b.png", 90)
    assert ExitStatus.DONE == lines(folder)[0]
    _picture(folder / "a.png", 80)
    assert ExitStatus.NO == lines(folder)[0]


@pytest.mark.usefixtures("shades")
def test_pictures_are_described_by_the_manifest_beside_them(mixed: Path, lines: Lines) -> None:
    """A picture by its own name is read as the set's manifest says, once for each instrument."""
    status, records = lines(mixed / "b.png", mixed / "a.png")
    assert ExitStatus.NO == status
    images = [str(mixed / "b.png"), str(mixed / "a.png"), str(mixed / "a.png")]
    assert images == [record["image"] for record in records]
    assert [200.0, 100.0, None] == [record["value"] for record in records]


@pytest.mark.usefixtures("shades")
def test_a_station_describes_pictures_without_a_manifest(tmp_path: Path, lines: Lines) -> None:
    """A picture, or a folder of them, is read with the station's instrument and its unit."""
    station = tmp_path / "bench.toml"
    station.write_text(STATION)
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, shade in (("2.png", 120), ("1.png", 60)):
        _picture(folder / name, shade)
    chosen = ("--station", station, "--instrument", "neck")
    status, records = lines(folder / "2.png", *chosen)
    assert (ExitStatus.DONE, 120.0, "L") == (status, records[0]["value"], records[0]["unit"])
    status, records = lines(folder, *chosen)
    assert [("1.png", 60.0), ("2.png", 120.0)] == [(r["image"], r["value"]) for r in records]


def test_several_processes_give_the_same_lines_in_the_same_order(tmp_path: Path, lines: Lines) -> None:
    """`--jobs` changes the time, not the answers or their order: here with pictures that no one reads."""
    names = [f"{number:02d}.png" for number in range(40)]
    folder = _set(tmp_path / "set", *({"image": name, "instrument": DIAL} for name in names))
    for name in names[::2]:
        _picture(folder / name, 100)
    answers = []
    for count in (1, 2):
        status, records = lines(folder, "--jobs", count)
        assert ExitStatus.NO == status
        answers.append([(r["image"], r["reason"], r["detail"]) for r in records])
    assert names == [image for image, _, _ in answers[0]]
    assert answers[0] == answers[1]


@pytest.mark.usefixtures("shades")
def test_a_reader_that_breaks_does_not_end_the_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The picture is refused, the others are read, and the exit status says that the program has a fault."""
    folder = _set(tmp_path / "set", {"image": "a.png"}, {"image": "b.png"})
    _picture(folder / "a.png", 250)
    _picture(folder / "b.png", 90)
    assert ExitStatus.FAULT == run(["read", "--json", str(folder)])
    output = capsys.readouterr()
    assert [None, 90.0] == [json.loads(line)["value"] for line in output.out.splitlines()]
    assert "a.png: the reader broke on this picture (ZeroDivisionError: no light)" in output.err


@pytest.mark.usefixtures("shades")
def test_overlays_are_written_beside_nothing_else(mixed: Path, tmp_path: Path, lines: Lines) -> None:
    """Every picture that is one gets its overlay, two instruments of one picture two; originals are kept."""
    before = (mixed / "a.png").read_bytes()
    lines(mixed, "--overlay", tmp_path / "drawn")
    assert ["a-2.png", "a.png", "b.png", "dark.png"] == sorted(p.name for p in (tmp_path / "drawn").iterdir())
    drawn = Frame((tmp_path / "drawn/a.png").read_bytes(), "").image
    assert (60, 60, 3) == drawn.shape
    assert before == (mixed / "a.png").read_bytes()
    assert not np.array_equal(drawn, Frame(before, "").image)


@pytest.mark.usefixtures("shades")
def test_people_get_a_table_and_a_summary(mixed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --json there is a table with errors, a summary by family, and a sentence for the status."""
    assert ExitStatus.NO == run(["read", str(mixed)])
    output = capsys.readouterr()
    for expected in ("100.0", "1.0", "-0.150 mm", "-1.500 mm", "dark", "not-an-image", "by family"):
        assert expected in output.out
    assert "6 pictures: 2 read, 4 refused" in output.out
    assert "tankcal: 3 of 6 pictures did not come out as expected\n" == output.err


@pytest.mark.usefixtures("shades")
def test_a_report_is_one_file_with_everything(
    mixed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The report holds figures, charts and pictures, asks nothing of the network, and escapes names."""
    evil = json.dumps({"image": "<script>.png", "instrument": GLASS, "family": "<b>"})
    with (mixed / "manifest.jsonl").open("a") as manifest:
        manifest.write(evil + "\n")
    report = tmp_path / "out.html"
    run(["read", "--json", str(mixed), "--report", str(report)])
    assert 7 == len(capsys.readouterr().out.splitlines())
    text = report.read_text()
    for expected in (
        "By family",
        "Read and refused",
        "<svg",
        "data:image/jpeg;base64,",
        "Largest errors",
        "1.066",
    ):
        assert expected in text
    assert "<script" not in text
    assert "&lt;script&gt;.png" in text
    assert "http" not in text.replace("data:image", "")
    assert [report] == [path for path in tmp_path.iterdir() if path.suffix in (".html", ".partial")]


def _wrong(tmp_path: Path, mixed: Path) -> dict[str, tuple[list[object], str]]:
    station = tmp_path / "bench.toml"
    station.write_text(STATION)
    bad_line = _set(tmp_path / "bad-line", {"image": "a.png"})
    (bad_line / "manifest.jsonl").write_text('{"image": "a.png"\n')
    bad_glass = {"kind": "sight-glass", "scale": {"unit": "mL", "division": -5}}
    bad_instrument = _set(tmp_path / "bad", {"image": "a.png"}, {"image": "b.png", "instrument": bad_glass})
    alone = tmp_path / "alone.png"
    _picture(alone, 100)
    none = tmp_path / "none"
    none.mkdir()
    empty = _set(tmp_path / "empty")
    return {
        "no such path": ([tmp_path / "nowhere"], "there is no such file or folder"),
        "bad line": ([bad_line], "manifest.jsonl line 1: not JSON"),
        "bad instrument": ([bad_instrument], "manifest.jsonl line 2: instrument: scale: division is -5"),
        "nothing says": ([alone], "nothing says what it shows"),
        "no manifest": ([none], "there is no manifest.jsonl"),
        "no lines": ([empty], "the manifest has no lines"),
        "no station": ([mixed, "--station", tmp_path / "missing.toml"], "missing.toml: No such file"),
        "which": ([mixed, "--station", station], "name one of neck, gauge"),
        "unknown": ([mixed, "--station", station, "--instrument", "x"], "no instrument 'x'"),
        "alone": ([mixed, "--instrument", "neck"], "expected --station FILE too"),
        "overwrite": ([mixed, "--overlay", mixed], "expected another folder for overlays"),
        "report": ([mixed, "--report", tmp_path / "no/r.html"], "there is no folder"),
        "jobs": ([mixed, "--jobs", 0], "jobs"),
    }


@pytest.mark.parametrize(
    "case",
    [
        "no such path",
        "bad line",
        "bad instrument",
        "nothing says",
        "no manifest",
        "no lines",
        "no station",
        "which",
        "unknown",
        "alone",
        "overwrite",
        "report",
        "jobs",
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    case: str, mixed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 2, one sentence with file and line, nothing on standard output: before any picture is read."""
    arguments, expected = _wrong(tmp_path, mixed)[case]
    assert ExitStatus.CONFIGURATION == run(["read", "--json", *map(str, arguments)])
    output = capsys.readouterr()
    assert "" == output.out
    assert expected in output.err
    assert 1 == output.err.count("\n")


def test_a_shared_set_survives_broken_pictures(shared: Path, tmp_path: Path, lines: Lines) -> None:
    """With the real reader: a cut off and a missing picture are refused, the whole one beside them is not."""
    manifest = (shared / "images/sight-glass/manifest.jsonl").read_text().splitlines()[:3]
    names = [json.loads(line)["image"] for line in manifest]
    (tmp_path / "manifest.jsonl").write_text("".join(line + "\n" for line in manifest))
    shutil.copy(shared / "images/sight-glass" / names[0], tmp_path)
    data = (shared / "images/sight-glass" / names[1]).read_bytes()
    (tmp_path / names[1]).write_bytes(data[: len(data) // 3])
    status, records = lines(tmp_path)
    assert ExitStatus.NO == status
    assert ["read", "refused", "refused"] == [record["status"] for record in records]
    assert ["not-an-image"] * 2 == [record["reason"] for record in records[1:]]

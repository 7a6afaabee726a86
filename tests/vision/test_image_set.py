"""Image sets are read line by line with every fault named, and written so that a crash leaves a whole set."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from vision.errors import FrameError, ImageSetError
from vision.frame import Frame
from vision.image_set import ImageSet, ImageSetWriter, Truth, is_image_set, pictures_in

GLASS = {"kind": "sight-glass", "scale": {"unit": "mL", "division": 5}}
CAMERA = {"distance_mm": 800.0}


def _frame(shade: int, suffix: str = ".png", taken_utc: str = "") -> Frame:
    data = cv2.imencode(suffix, np.full((8, 8, 3), shade, np.uint8))[1].tobytes()
    return Frame(data, "neck", taken_utc)


def _manifest(folder: Path, *lines: str) -> ImageSet:
    (folder / "manifest.jsonl").write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return ImageSet(folder)


def test_an_entry_has_what_its_line_states(tmp_path: Path) -> None:
    """A line becomes an entry; truth stays apart from what a reader is given."""
    line = {"image": "a.jpg", "instrument": GLASS, "camera": CAMERA, "region": [1, 2, 30, 40]}
    line |= {"family": "card", "truth": -54.5, "truth_half_width": 1, "expect": "reading", "exposure": 3}
    (entry,) = _manifest(tmp_path, json.dumps(line))
    assert ("a.jpg", tmp_path / "a.jpg", GLASS, CAMERA) == (
        entry.image,
        entry.path,
        entry.instrument,
        entry.camera,
    )
    assert (1, 2, 30, 40) == entry.region
    assert Truth(-54.5, 1.0, "card", True, "") == entry.truth


def test_what_is_not_stated_is_unknown(tmp_path: Path) -> None:
    """Without truth, family and expect a line is an entry that nothing is compared with."""
    (entry,) = _manifest(tmp_path, '{"image": "a.jpg"}')
    assert (None, None, None, Truth()) == (entry.instrument, entry.camera, entry.region, entry.truth)


def test_a_rejectable_picture_says_why(tmp_path: Path) -> None:
    """`expect: no-reading` and its defect come through; a null truth is no truth."""
    line = '{"image": "a.jpg", "family": "reject", "truth": null, "expect": "no-reading", "why": "foam"}'
    (entry,) = _manifest(tmp_path, line)
    assert Truth(None, None, "reject", False, "foam") == entry.truth


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{", "not JSON"),
        ("[1, 2]", "expected one JSON object"),
        ('"a.jpg"', "expected one JSON object"),
        ("{}", "image is None"),
        ('{"image": 7}', "image is 7"),
        ('{"image": ""}', "image is ''"),
        ('{"image": "a\\u0000.jpg"}', "expected the name of a picture"),
        ('{"image": "a.jpg", "truth": NaN}', "NaN"),
        ('{"image": "a.jpg", "truth": "12"}', "truth is '12'"),
        ('{"image": "a.jpg", "truth": true}', "truth is True"),
        ('{"image": "a.jpg", "instrument": "dial"}', "instrument is 'dial'"),
        ('{"image": "a.jpg", "camera": []}', "camera is []"),
        ('{"image": "a.jpg", "region": [0, 0, 1]}', "region is [0, 0, 1]"),
        ('{"image": "a.jpg", "expect": "maybe"}', "expect is 'maybe'"),
        ('{"image": "a.jpg", "family": 3}', "family is 3"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_line_that_is_no_entry_is_named(tmp_path: Path, line: str, expected: str) -> None:
    """A fault names the manifest, the line by its number, and what is expected; lines before it were read."""
    entries = iter(_manifest(tmp_path, '{"image": "good.jpg"}', "", line))
    assert "good.jpg" == next(entries).image
    with pytest.raises(ImageSetError) as caught:
        next(entries)
    assert str(caught.value).startswith(f"{tmp_path / 'manifest.jsonl'} line 3: ")
    assert expected in str(caught.value)


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    """A manifest that is no UTF-8 is a fault of its line."""
    (tmp_path / "manifest.jsonl").write_bytes(b'{"image": "\xff\xfe"}\n')
    with pytest.raises(ImageSetError, match="line 1: not JSON"):
        list(ImageSet(tmp_path))


def test_no_manifest_is_named(tmp_path: Path) -> None:
    """A folder without a manifest is no set, and says so."""
    assert not is_image_set(tmp_path)
    with pytest.raises(ImageSetError, match=r"expected a folder with a manifest\.jsonl"):
        list(ImageSet(tmp_path))


def test_a_missing_picture_is_the_entrys_fault_alone(tmp_path: Path) -> None:
    """A missing file is an error of its entry when it is fetched; the entries after it are still read."""
    frame = _frame(10)
    (tmp_path / "there.png").write_bytes(frame.data)
    missing, there = _manifest(tmp_path, '{"image": "missing.png"}', '{"image": "there.png"}')
    with pytest.raises(FrameError, match=r"missing\.png: No such file"):
        missing.frame()
    assert frame.data == there.frame().data


def test_the_shared_sets_are_read_whole(shared: Path) -> None:
    """Every line of the shared sets is an entry with its instrument."""
    counts = {}
    for name in ("sight-glass", "gauges", "tube-and-tape", "field-dials"):
        entries = list(ImageSet(shared / "images" / name))
        assert all(entry.instrument and entry.path.is_file() for entry in entries)
        counts[name] = len(entries)
    assert {"sight-glass": 108, "gauges": 80, "tube-and-tape": 252, "field-dials": 6} == counts


def test_kept_frames_are_a_set(tmp_path: Path) -> None:
    """What was kept is read back as a set: the same bytes, named by their hash, with instrument and time."""
    writer = ImageSetWriter(tmp_path / "frames")
    frames = [_frame(10, ".png", "2026-11-24T02:10:00.125Z"), _frame(20, ".jpg")]
    names = [writer.keep(frame, GLASS, CAMERA, (0, 0, 8, 8)) for frame in frames]
    assert [frame.sha256 for frame in frames] == names
    entries = list(ImageSet(tmp_path / "frames"))
    assert [frame.data for frame in frames] == [entry.frame().data for entry in entries]
    assert [f"{names[0]}.png", f"{names[1]}.jpg"] == [entry.image for entry in entries]
    assert ["2026-11-24T02:10:00.125Z", ""] == [entry.taken_utc for entry in entries]
    assert (GLASS, CAMERA, (0, 0, 8, 8)) == (entries[0].instrument, entries[0].camera, entries[0].region)


def test_keeping_twice_changes_nothing(tmp_path: Path) -> None:
    """A frame kept again, by the same writer or the next, adds neither a file nor a line."""
    writer = ImageSetWriter(tmp_path)
    writer.keep(_frame(10), GLASS)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    writer.keep(_frame(10, taken_utc="2026-11-24T02:10:09.000Z"), GLASS)
    ImageSetWriter(tmp_path).keep(_frame(10), GLASS)
    assert before == {path.name: path.read_bytes() for path in tmp_path.iterdir()}


def test_one_picture_of_two_instruments_has_two_lines(tmp_path: Path) -> None:
    """The same frame read for another instrument is one file and two lines."""
    writer = ImageSetWriter(tmp_path)
    assert writer.keep(_frame(10), GLASS) == writer.keep(_frame(10), {"kind": "dial"})
    assert [GLASS, {"kind": "dial"}] == [entry.instrument for entry in ImageSet(tmp_path)]
    assert 2 == len(list(tmp_path.iterdir()))


def test_a_line_that_a_crash_cut_off_is_mended(tmp_path: Path) -> None:
    """After a crash in the middle of a line the set is whole again, and the frame can be kept anew."""
    writer = ImageSetWriter(tmp_path)
    writer.keep(_frame(10), GLASS)
    whole = writer_manifest = (tmp_path / "manifest.jsonl").read_bytes()
    writer.keep(_frame(20), GLASS)
    cut = (tmp_path / "manifest.jsonl").read_bytes()[: len(whole) + 40]
    (tmp_path / "manifest.jsonl").write_bytes(cut)
    mended = ImageSetWriter(tmp_path)
    assert writer_manifest == (tmp_path / "manifest.jsonl").read_bytes()
    mended.keep(_frame(20), GLASS)
    assert 2 == len(list(ImageSet(tmp_path)))


def test_other_bytes_under_a_frames_name_are_found(tmp_path: Path) -> None:
    """A kept picture that was changed is not taken for the frame."""
    writer = ImageSetWriter(tmp_path)
    name = writer.keep(_frame(10), GLASS)
    (tmp_path / f"{name}.png").write_bytes(b"changed")
    with pytest.raises(ImageSetError, match="other bytes than its name says"):
        writer.keep(_frame(10), GLASS)


def test_only_what_a_camera_sends_is_kept(tmp_path: Path) -> None:
    """Bytes that are neither JPEG nor PNG are refused, and nothing is left behind."""
    writer = ImageSetWriter(tmp_path)
    with pytest.raises(ImageSetError, match="neither JPEG nor PNG"):
        writer.keep(Frame(b"GIF89a", "neck"), GLASS)
    assert [] == list(tmp_path.iterdir())


def test_a_place_that_cannot_hold_a_set_is_named(tmp_path: Path) -> None:
    """A file in the folder's place, or a damaged manifest, is an error before anything is kept."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ImageSetError, match="expected a folder to write to"):
        ImageSetWriter(tmp_path / "file")
    (tmp_path / "manifest.jsonl").write_text("{}}\n")
    with pytest.raises(ImageSetError, match=r"manifest\.jsonl: not JSON"):
        ImageSetWriter(tmp_path)


def test_pictures_without_a_manifest_come_by_name(tmp_path: Path) -> None:
    """A plain folder gives its pictures in order; one without any is named."""
    with pytest.raises(ImageSetError, match=r"neither a manifest\.jsonl nor pictures"):
        pictures_in(tmp_path)
    for name in ("b.PNG", "a.jpg", "notes.txt"):
        (tmp_path / name).write_text("")
    assert ["a.jpg", "b.PNG"] == [path.name for path in pictures_in(tmp_path)]

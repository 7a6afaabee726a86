"""Menisci of known level are read within the stated uncertainty, or refused with the right word."""

import json
from copy import deepcopy
from functools import cache
from math import sqrt
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vision.errors import FrameError
from vision.frame import Frame
from vision.readers import instrument_from
from vision.reading import Reading, Reason, Refusal
from vision.sight_glass.reader import SightGlassReader
from vision.station import CameraGeometry, SightGlass, camera_from

pytestmark = pytest.mark.shared

CARD = ("card-01-000.jpg", "card-01-004.jpg", "card-01-010.jpg", "card-01-013.jpg", "card-01-016.jpg")
PANEL = ("panel-02-001.jpg", "panel-02-004.jpg", "panel-02-010.jpg", "panel-02-015.jpg")
ROOM = ("room-03-001.jpg", "room-03-006.jpg", "room-03-007.jpg")
HARD = ("hard-04-006.jpg", "hard-04-009.jpg", "hard-04-019.jpg", "hard-04-023.jpg", "hard-04-027.jpg")
LIMITS_MM = {CARD: (0.05, 0.15), PANEL: (0.08, 0.25), ROOM: (0.15, 0.4), HARD: (0.15, 0.5)}
READABLE = (*CARD, *PANEL, *ROOM, *HARD)


@pytest.fixture(scope="session")
def images(shared: Path) -> Path:
    """The set of ray-traced sight glasses."""
    return shared / "images" / "sight-glass"


@cache
def manifest(folder: Path) -> dict[str, dict[str, Any]]:
    """The set's entries by image."""
    lines = (folder / "manifest.jsonl").read_text("utf-8").splitlines()
    return {entry["image"]: entry for entry in map(json.loads, lines)}


def station(entry: dict[str, Any]) -> tuple[SightGlass, CameraGeometry]:
    """What a reader may know of an entry."""
    glass = instrument_from(entry["instrument"], entry["image"])
    assert isinstance(glass, SightGlass)
    return glass, camera_from(entry["camera"], entry["image"])


def per_unit(entry: dict[str, Any]) -> float:
    """Millimetres at the tube for one unit of the scale."""
    scale = entry["instrument"]["scale"]
    return float(scale["division_mm"] / scale["division"])


def read(folder: Path, entry: dict[str, Any]) -> Reading | Refusal:
    """The reader's answer to an entry's image."""
    frame = Frame((folder / entry["image"]).read_bytes(), entry["image"])
    return SightGlassReader(*station(entry)).read(frame)


def forgetting(entry: dict[str, Any], *paths: str) -> dict[str, Any]:
    """The entry without some fields, "instrument.tube" or "camera.height_mm"."""
    known = deepcopy(entry)
    for path in paths:
        *tables, key = path.split(".")
        table = known
        for name in tables:
            table = table[name]
        table.pop(key, None)
    return known


def error_mm(answer: Reading | Refusal, entry: dict[str, Any]) -> tuple[float, float]:
    """(error, stated standard uncertainty) in millimetres; fails where the picture was refused."""
    assert isinstance(answer, Reading), f"{entry['image']}: {answer}"
    return (answer.value - entry["truth"]) * per_unit(entry), answer.standard_uncertainty * per_unit(entry)


def encoded(picture: NDArray[np.uint8], name: str = "made") -> Frame:
    """A frame of a picture."""
    return Frame(cv2.imencode(".png", picture)[1].tobytes(), name)


@pytest.mark.parametrize("names", LIMITS_MM)
def test_levels_are_read_within_the_limits(images: Path, names: tuple[str, ...]) -> None:
    """Root mean square and largest error of each family's pictures, and all within twice the stated u."""
    entries = [manifest(images)[name] for name in names]
    results = [error_mm(read(images, entry), entry) for entry in entries]
    rms, largest = LIMITS_MM[names]

    assert sqrt(np.mean([error**2 for error, _ in results])) <= rms
    assert max(abs(error) for error, _ in results) <= largest
    assert all(abs(error) <= 2 * u for error, u in results)


def test_the_uncertainty_is_the_root_sum_of_its_terms(images: Path) -> None:
    """The terms are named, none is negative, and together they are what is stated."""
    answer = read(images, manifest(images)["card-01-000.jpg"])
    assert isinstance(answer, Reading)

    assert set(answer.terms) == {"edges", "lattice", "model", "contact-angle", "geometry", "lighting"}
    assert min(answer.terms.values()) >= 0
    assert answer.standard_uncertainty == pytest.approx(sqrt(sum(u * u for u in answer.terms.values())))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("reject-05-002.jpg", Reason.OCCLUDED),
        ("reject-06-030.jpg", Reason.OCCLUDED),
        ("reject-05-003.jpg", Reason.OVEREXPOSED),
        ("reject-05-005.jpg", Reason.NO_MENISCUS),
        ("reject-05-006.jpg", Reason.NO_MENISCUS),
        ("reject-05-013.jpg", Reason.BLURRED),
        ("reject-05-017.jpg", Reason.DARK),
        ("reject-06-016.jpg", Reason.FOAM),
    ],
)
def test_bad_pictures_are_refused_by_name(images: Path, name: str, reason: Reason) -> None:
    """Covered, burnt out, full, empty, out of focus, dark, foaming: each has its word and a sentence."""
    answer = read(images, manifest(images)[name])

    assert isinstance(answer, Refusal)
    assert answer.reason is reason
    assert answer.detail


def test_the_same_frame_gives_the_same_digits(images: Path) -> None:
    """Two readers, and one reader twice with another frame between, agree to the last digit."""
    entry, other = manifest(images)["panel-02-004.jpg"], manifest(images)["panel-02-015.jpg"]
    reader = SightGlassReader(*station(entry))
    data = (images / entry["image"]).read_bytes()
    first = reader.read(Frame(data, "a"))
    reader.read(Frame((images / other["image"]).read_bytes(), "b"))

    assert reader.read(Frame(data, "c")) == first
    assert read(images, entry) == first


@pytest.mark.parametrize(
    ("missing", "note"),
    [
        (("instrument.tube",), "the tube is not stated"),
        (("camera",), "the camera's distance and height"),
        (("camera.height_mm",), "the camera's distance and height"),
        (("camera.matrix",), "the lens is not stated"),
        (("instrument.lighting",), "the lighting is not stated"),
        (("instrument.liquid",), "the liquid is not stated"),
        (("instrument.scale.offset_mm",), "offset_mm is not stated"),
        (("instrument.scale.division_mm",), "division_mm is not stated"),
        (("instrument.tube", "camera", "instrument.lighting", "instrument.liquid"), "the tube is not stated"),
    ],
)
def test_what_is_missing_is_said_and_costs_uncertainty(
    images: Path, missing: tuple[str, ...], note: str
) -> None:
    """With a field missing the pictures are still read, u grows to cover the error, and a note says why."""
    entries = [manifest(images)[name] for name in ("panel-02-004.jpg", "card-01-008.jpg", "hard-04-032.jpg")]
    grown = []
    for entry in entries:
        _, full_u = error_mm(read(images, entry), entry)
        less = forgetting(entry, *missing)
        less.setdefault("camera", {})
        answer = read(images, less)
        # a scale in millimetres still says how long its divisions are; these three are in millilitres
        error, u = error_mm(answer, entry)
        assert isinstance(answer, Reading)
        assert any(text.startswith(note) for text in answer.notes), answer.notes
        assert abs(error) <= 2 * u
        grown.append(u > full_u)

    assert any(grown)


def test_a_side_that_is_not_stated_is_found(images: Path) -> None:
    """The plate is found on either side, with the same reading as when the side is stated."""
    for name in ("card-01-000.jpg", "panel-02-001.jpg"):
        entry = manifest(images)[name]
        assert read(images, forgetting(entry, "instrument.scale.side")) == read(images, entry)


def test_truth_and_family_do_not_reach_the_reader(images: Path) -> None:
    """The same answers come from a manifest without truth, family, expectation and why."""
    entry = manifest(images)["hard-04-006.jpg"]

    assert read(images, forgetting(entry, "truth", "family", "expect", "why")) == read(images, entry)


def test_a_picture_in_a_mirror(images: Path) -> None:
    """A station with its plate on the other side, made by mirroring a picture, reads the same level."""
    for name in ("card-01-010.jpg", "panel-02-004.jpg"):
        entry = deepcopy(manifest(images)[name])
        picture = cv2.imread(str(images / name))
        assert picture is not None
        scale = entry["instrument"]["scale"]
        scale["side"] = {"left": "right", "right": "left"}[scale["side"]]
        answer = SightGlassReader(*station(entry)).read(encoded(np.ascontiguousarray(picture[:, ::-1])))
        error, u = error_mm(answer, entry)
        assert abs(error) <= 2 * u


@pytest.mark.parametrize("factor", [0.7, 1.3])
def test_a_camera_with_other_pixels(images: Path, factor: float) -> None:
    """The same scene with fewer or more pixels reads the same level."""
    entry = deepcopy(manifest(images)["card-01-004.jpg"])
    picture = cv2.imread(str(images / entry["image"]))
    assert picture is not None
    (fx, _, cx), (_, fy, cy), last = entry["camera"]["matrix"]
    entry["camera"]["matrix"] = [
        [fx * factor, 0, (cx + 0.5) * factor - 0.5],
        [0, fy * factor, (cy + 0.5) * factor - 0.5],
        last,
    ]
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    answer = SightGlassReader(*station(entry)).read(
        encoded(np.asarray(cv2.resize(picture, None, fx=factor, fy=factor, interpolation=how), np.uint8))
    )
    error, u = error_mm(answer, entry)

    assert abs(error) <= 2 * u


def test_a_cover_over_the_meniscus_alone_is_not_read(images: Path) -> None:
    """A dark thing across tube and background, with the plate free, is no meniscus."""
    for name in ("card-01-004.jpg", "panel-02-004.jpg"):
        entry = manifest(images)[name]
        reader = SightGlassReader(*station(entry))
        answer, track = reader.track(Frame((images / name).read_bytes(), name), None)
        assert track is not None
        picture = cv2.imread(str(images / name))
        assert picture is not None
        band, strip = track.scene.band, track.scene.strip
        inner = int(strip.inner_x + strip.tilt * band.middle)
        x = slice(0, inner - 3) if strip.away < 0 else slice(inner + 3, picture.shape[1])
        picture[band.top - 40 : band.bottom + 40, x] = (70, 85, 100)
        refused = reader.read(encoded(np.asarray(picture, np.uint8)))
        assert isinstance(refused, Refusal), answer
        assert refused.reason in {Reason.OCCLUDED, Reason.NO_MENISCUS, Reason.FOAM}


def test_a_level_outside_the_scale_is_refused(images: Path) -> None:
    """A station whose scale ends below the meniscus, on a plate that agrees, gives `out-of-scale`."""
    entry = deepcopy(manifest(images)["panel-02-011.jpg"])
    picture = cv2.imread(str(images / entry["image"]), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    reader = SightGlassReader(*station(entry))
    _, track = reader.track(Frame((images / entry["image"]).read_bytes(), "whole"), None)
    assert track is not None
    column = track.scene.graduation.column
    # the plate's marks above −10 mm are painted over with its own shade; the level is at about −5 mm
    labels = track.scene.graduation.labels
    last = labels.index("-10")
    y = int(0.5 * (column.near[last, 1] + column.far[last, 1]) - column.period / 2)
    x = int(column.inner_x + column.tilt * y)
    picture[: y + 1, x - 3 :] = np.median(picture[y - 200 : y, x + 100 : x + 110])
    entry["instrument"]["scale"]["last"] = -10.0
    answer = SightGlassReader(*station(entry)).read(encoded(np.asarray(picture, np.uint8)))

    assert isinstance(answer, Refusal)
    assert answer.reason is Reason.OUT_OF_SCALE


def test_tracking_reads_what_a_whole_search_reads(images: Path) -> None:
    """The fast path agrees with the full reading of the same frame."""
    for name in ("card-01-004.jpg", "panel-02-015.jpg", "room-03-001.jpg"):
        entry = manifest(images)[name]
        reader = SightGlassReader(*station(entry))
        frame = Frame((images / name).read_bytes(), name)
        whole, track = reader.track(frame, None)
        again, following = reader.track(frame, track)
        assert isinstance(whole, Reading)
        assert isinstance(again, Reading)
        assert following is not None
        assert again.value == pytest.approx(whole.value, abs=0.002 / per_unit(entry))
        assert again.terms == whole.terms


def test_tracking_notices_that_the_camera_has_moved(images: Path) -> None:
    """A picture shifted by two pixels is searched anew, and reads the same level."""
    entry = manifest(images)["card-01-004.jpg"]
    reader = SightGlassReader(*station(entry))
    whole, track = reader.track(Frame((images / entry["image"]).read_bytes(), "before"), None)
    picture = cv2.imread(str(images / entry["image"]))
    assert picture is not None
    assert track is not None
    moved, following = reader.track(encoded(np.asarray(np.roll(picture, 2, axis=0), np.uint8)), track)

    assert isinstance(whole, Reading)
    assert isinstance(moved, Reading)
    assert following is not None
    assert following.scene.graduation is not track.scene.graduation
    assert moved.value == pytest.approx(whole.value, abs=0.03 / per_unit(entry))


def test_tracking_does_not_read_a_cover(images: Path) -> None:
    """When something comes before the tube the tracked reading turns into a refusal."""
    entry = manifest(images)["panel-02-004.jpg"]
    reader = SightGlassReader(*station(entry))
    _, track = reader.track(Frame((images / entry["image"]).read_bytes(), "before"), None)
    dark = encoded(np.zeros((1280, 960, 3), np.uint8))

    answer, following = reader.track(dark, track)

    assert isinstance(answer, Refusal)
    assert answer.reason is Reason.DARK
    assert following is None


def noisy(images: Path, name: str, count: int) -> list[Frame]:
    """Frames of one scene with noise of their own."""
    picture = cv2.imread(str(images / name))
    assert picture is not None
    random = np.random.default_rng(11)
    return [
        encoded(np.clip(picture + random.normal(0, 4, picture.shape), 0, 255).astype(np.uint8), f"frame {k}")
        for k in range(count)
    ]


def test_several_frames_are_averaged_with_their_scatter(images: Path) -> None:
    """The mean of the frames, their scatter as a term, and no shrinking of what they share."""
    entry = manifest(images)["panel-02-013.jpg"]
    reader = SightGlassReader(*station(entry))
    frames = noisy(images, entry["image"], 4)
    singles = [reader.read(frame) for frame in frames]
    together = reader.read_many(frames)
    assert isinstance(together, Reading)
    values = [single.value for single in singles if isinstance(single, Reading)]
    first = singles[0]
    assert isinstance(first, Reading)

    assert together.value == pytest.approx(np.mean(values))
    assert together.terms["frames"] == pytest.approx(np.std(values, ddof=1) / 2)
    assert together.terms["model"] == pytest.approx(first.terms["model"])
    assert together.standard_uncertainty > 0.8 * first.standard_uncertainty


def test_refused_frames_are_left_out_and_named(images: Path) -> None:
    """One dark frame among three is reported; two of three refuse the whole."""
    entry = manifest(images)["panel-02-013.jpg"]
    reader = SightGlassReader(*station(entry))
    good = noisy(images, entry["image"], 2)
    dark = encoded(np.zeros((1280, 960, 3), np.uint8), "dark")

    mostly, hardly = reader.read_many([good[0], dark, good[1]]), reader.read_many([dark, good[0], dark])

    assert isinstance(mostly, Reading)
    assert any("1 of 3 frames were refused (dark" in note for note in mostly.notes)
    assert isinstance(hardly, Refusal)
    assert hardly.reason is Reason.DARK
    assert isinstance(reader.read_many([]), Refusal)


def test_a_region_limits_the_search(images: Path) -> None:
    """Plate and tube inside the region are read as in the whole picture; outside it nothing is found."""
    entry = manifest(images)["card-01-010.jpg"]
    data = (images / entry["image"]).read_bytes()
    glass, camera = station(entry)
    whole = SightGlassReader(glass, camera).read(Frame(data, "whole"))
    part = SightGlassReader(glass, camera, (200, 0, 540, 1280)).read(Frame(data, "part"))
    corner = SightGlassReader(glass, camera, (700, 0, 260, 400)).read(Frame(data, "corner"))
    assert isinstance(whole, Reading)
    assert isinstance(part, Reading)

    assert part.value == pytest.approx(whole.value, abs=0.02 / per_unit(entry))
    assert isinstance(corner, Refusal)


def test_bytes_that_are_no_picture(images: Path) -> None:
    """They are a fault of the frame, not a refusal."""
    reader = SightGlassReader(*station(manifest(images)["card-01-000.jpg"]))

    with pytest.raises(FrameError, match="broken: not an image"):
        reader.read(Frame(b"not a picture", "broken"))


def test_the_drawing_shows_marks_walls_edges_and_level(images: Path) -> None:
    """What is drawn lies in the picture; the level's line lies where the truth is seen, within a pixel."""
    entry = manifest(images)["card-01-010.jpg"]
    answer = read(images, entry)
    assert isinstance(answer, Reading)
    drawing = answer.drawing
    named = {label: (x0, y0) for x0, y0, _, _, label in drawing.marks if label}

    assert len(drawing.marks) == 51
    assert list(named) == [str(value) for value in range(250, -251, -50)]
    assert {name for name, _ in drawing.curves} == {"left wall", "right wall", "lower edge", "upper edge"}
    assert drawing.level is not None
    # its plate stands in the plane of the axis: the level at 0.1 mm is seen beside the mark 0
    expected = named["0"][1] - entry["truth"] / 10 * (named["0"][1] - named["50"][1]) / 5
    assert drawing.level[1] == pytest.approx(expected, abs=1.0)

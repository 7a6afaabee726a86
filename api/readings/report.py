"""An HTML report on readings: one file without scripts, for the engineer who works on a reader."""

import base64
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from statistics import median

import cv2
import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from api.readings.accuracy import Family, Score, by_family, is_judged, total
from api.readings.figures import ink, normalised_errors, stated_against_actual
from api.readings.jobs import Outcome, answer
from vision.frame import Frame
from vision.overlay import Image, decimals_of, draw, draw_truth, encode, zoom
from vision.reading import Answer, Drawing

WORST_MAX = 12  # pictures with the largest errors, and as many with the largest error over u
WRONG_MAX = 24  # wrongly read, and wrongly refused
ROWS_MAX = 5000
PICTURE_PX = 560
ZOOM_PX = 560


@dataclass(frozen=True)
class Picture:
    """A case for the gallery: the score, its overlay and an enlarged part about the level, as data URIs."""

    score: Score
    overlay: str
    detail: str


@dataclass(frozen=True)
class Gallery:
    """Pictures that belong together, with a sentence that says why; `left_out` more are not shown."""

    title: str
    why: str
    pictures: tuple[Picture, ...]
    left_out: int


@dataclass(frozen=True)
class Matrix:
    """How often pictures of a kind (row) came out in a way (column): `read`, or a reason of refusal."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, bool, tuple[int, ...]], ...]  # name, whether a reading is expected, counts


def write_report(path: Path, scores: Sequence[Score], title: str) -> None:
    """Write the report on `scores` to `path`, whole or not at all. Raises `OSError` where that cannot be.

    The pictures of the worst cases are read again to draw them.
    """
    environment = Environment(
        loader=PackageLoader("api.readings", ""), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters |= {"figure": _figure, "share": _share, "terms": _terms}
    text = environment.get_template("report.html.j2").render(
        title=title,
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        versions=f"tankcal {version('tankcal')}, OpenCV {cv2.__version__}",
        count=len(scores),
        read=sum(one.outcome.is_read for one in scores),
        right=sum(one.outcome.is_right for one in scores),
        faults=[one.outcome for one in scores if one.outcome.fault],
        median_ms=median(one.outcome.elapsed_ms for one in scores),
        judged=is_judged(scores),
        families=by_family(scores),
        total=total(scores),
        matrix=_matrix(scores),
        charts=_charts(scores),
        terms=_median_terms(scores),
        galleries=_galleries(scores),
        rows=sorted(scores[:ROWS_MAX], key=_badness, reverse=True),
        rows_left_out=max(0, len(scores) - ROWS_MAX),
    )
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def _matrix(scores: Sequence[Score]) -> Matrix:
    counts: dict[tuple[str, bool], Counter[str]] = {}
    for one in scores:
        truth = one.outcome.job.truth
        name = truth.family or one.outcome.job.kind if truth.expect_reading else truth.why or truth.family
        row = counts.setdefault((name or "?", truth.expect_reading), Counter())
        row["read" if one.outcome.is_read else one.outcome.reason] += 1
    reasons = sorted({reason for row in counts.values() for reason in row if reason != "read"})
    columns = ("read", *reasons)
    rows = sorted(counts.items(), key=lambda item: (not item[0][1], item[0][0]))
    return Matrix(
        columns, tuple((name, expected, tuple(row[c] for c in columns)) for (name, expected), row in rows)
    )


def _charts(scores: Sequence[Score]) -> list[tuple[str, Markup, Markup, list[tuple[str, str]]]]:
    """For each unit of errors: the unit, the two charts, and the legend (family, colour)."""
    charts = []
    for unit in dict.fromkeys(one.error_unit for one in scores):
        series: dict[str, list[tuple[float, float, str]]] = {}
        normalised: list[float] = []
        for one in scores:
            if one.error_unit == unit and one.error is not None and one.u is not None:
                job = one.outcome.job
                series.setdefault(job.truth.family or job.kind, []).append((one.u, abs(one.error), job.image))
                normalised.append(one.normalised or 0.0)
        if normalised:
            legend = [(name, ink(number)) for number, name in enumerate(series)]
            charts.append((unit, stated_against_actual(series, unit), normalised_errors(normalised), legend))
    return charts


def _median_terms(scores: Sequence[Score]) -> tuple[list[str], list[tuple[Family, list[float | None]]]]:
    """The names of the uncertainty's terms and, by family, the median of each in the unit of the errors."""
    names = list(dict.fromkeys(name for one in scores for name in one.outcome.terms))
    rows: list[tuple[Family, list[float | None]]] = []
    for family in by_family(scores):
        values: list[float | None] = []
        for name in names:
            found = [
                one.outcome.terms[name] * (one.u / one.outcome.standard_uncertainty)
                for one in scores
                if _belongs(one, family)
                and name in one.outcome.terms
                and one.u
                and one.outcome.standard_uncertainty
            ]
            values.append(median(found) if found else None)
        if any(value is not None for value in values):
            rows.append((family, values))
    return names, rows


def _belongs(one: Score, family: Family) -> bool:
    job = one.outcome.job
    return (job.kind, job.truth.family, one.error_unit) == (family.kind, family.name, family.error_unit)


def _galleries(scores: Sequence[Score]) -> list[Gallery]:
    compared = [one for one in scores if one.error is not None]
    by_error = sorted(compared, key=lambda one: abs(one.error or 0.0), reverse=True)
    shown = {id(one) for one in by_error[:WORST_MAX]}
    overconfident = sorted(
        (one for one in compared if abs(one.normalised or 0.0) > 2 and id(one) not in shown),
        key=lambda one: abs(one.normalised or 0.0),
        reverse=True,
    )
    wrongly_read = [one for one in scores if one.outcome.is_read and not one.outcome.job.truth.expect_reading]
    wrongly_refused = [
        one for one in scores if not one.outcome.is_read and one.outcome.job.truth.expect_reading
    ]
    wanted: list[tuple[str, str, Sequence[Score], int]] = [
        (
            "Read, though it must be refused",
            "A guess where there is nothing to read.",
            wrongly_read,
            WRONG_MAX,
        ),
        ("Largest errors", "Green: where the level truly is.", by_error[:WORST_MAX], WORST_MAX),
        ("Beyond 2u", "The stated uncertainty does not cover the error.", overconfident, WORST_MAX),
        (
            "Refused, though it can be read",
            "What the reader saw before it gave up.",
            wrongly_refused,
            WRONG_MAX,
        ),
    ]
    return [
        Gallery(title, why, tuple(map(_picture, cases[:limit])), max(0, len(cases) - limit))
        for title, why, cases, limit in wanted
        if cases
    ]


def _picture(one: Score) -> Picture:
    try:
        frame, result = answer(one.outcome.job)
        image = draw(frame, result)
    except Exception:  # a picture that is none, or on which the reader broke: the case is listed without one
        return Picture(one, "", "")
    return Picture(one, _data_uri(_reduced(image)), _enlarged(frame, result, one))


def _enlarged(frame: Frame, result: Answer, one: Score) -> str:
    """The unmarked picture about the level beside the same with the level and the truth drawn in."""
    level = result.drawing.level
    if level is None or not all(map(math.isfinite, level)):
        return ""
    marked = draw(frame, result)
    offset_px = _truth_offset_px(result.drawing, one.outcome)
    if offset_px is not None:
        draw_truth(marked, result.drawing, offset_px)
    centre = ((level[0] + level[2]) / 2, (level[1] + level[3]) / 2)
    width = min(max(max(marked.shape[:2]) // 8, 60), 200)
    factor = max(1, ZOOM_PX // width)
    parts = [zoom(image, centre, width, width * 3 // 4, factor) for image in (frame.image, marked)]
    return _data_uri(np.hstack(parts))


def _truth_offset_px(drawing: Drawing, outcome: Outcome) -> float | None:
    """How far below (+) the level that was read the true one lies, by the spacing of the marks beside it."""
    scale = outcome.job.instrument.get("scale")
    truth = outcome.job.truth.value
    if not isinstance(scale, Mapping) or truth is None or outcome.value is None or not scale.get("division"):
        return None
    heights = sorted((y0 + y1) / 2 for _, y0, _, y1, _ in drawing.marks)
    steps = [lower - upper for upper, lower in pairwise(heights) if lower - upper > 1]
    if not steps:
        return None
    divisions = (outcome.value - truth) / float(scale["division"])
    return divisions * median(steps) * (-1.0 if scale.get("increases") == "down" else 1.0)


def _reduced(image: Image) -> Image:
    factor = PICTURE_PX / max(image.shape[:2])
    if factor >= 1:
        return image
    return np.asarray(cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)


def _data_uri(image: Image) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(encode(image, quality=80)).decode()


def _badness(one: Score) -> tuple[bool, float]:
    return not one.outcome.is_right, abs(one.error) if one.error is not None else -1.0


def _figure(value: float | None, digits: int = 3) -> str:
    if value is None:
        return "–"
    return f"{value:.{digits}f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def _terms(outcome: Outcome) -> str:
    """The three largest terms of an uncertainty, by name."""
    largest = sorted(outcome.terms.items(), key=lambda item: abs(item[1]), reverse=True)[:3]
    return ", ".join(f"{name} {value:.{decimals_of(value)}f}" for name, value in largest)

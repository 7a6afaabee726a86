"""A reading drawn into its picture: what the reader saw, what it answered, legible on any background."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.errors import FrameError
from vision.frame import Frame
from vision.reading import Answer, Drawing, Reading

Image = NDArray[np.uint8]
Colour = tuple[int, int, int]  # blue, green, red

MARK: Colour = (255, 190, 60)
LEVEL: Colour = (90, 60, 255)
TRUTH: Colour = (80, 220, 80)
REFUSED: Colour = (60, 120, 255)
TEXT: Colour = (255, 255, 255)
DARK: Colour = (20, 20, 20)
CURVES: tuple[Colour, ...] = ((0, 220, 255), (255, 120, 220), (120, 255, 120), (255, 255, 0))

COVERAGE_FACTOR = 2.0  # of the expanded uncertainty that is written beside the value
SUBPIXEL_BITS = 4
PRINT_LETTERS = 4.0  # room left for a plate's own numbers, in heights of our letters
LABELS_MAX = 40  # more numbers than this only cover each other


@dataclass(frozen=True)
class _Pen:
    """Line widths and letter sizes for a picture of this size, in pixels."""

    line: int
    text: int

    @property
    def halo(self) -> int:
        """The dark line under a coloured one."""
        return self.line + 2 * max(1, self.line)


def draw(frame: Frame, answer: Answer) -> Image:
    """The picture with marks and their numbers, edges, level, and value ± U (k = 2) or the refusal.

    Returns a new picture, blue-green-red, shape (height, width, 3), of the frame's size; the answer stands
    at the end where the level is not. Raises `FrameError` where the frame is no picture.
    """
    image = frame.image.copy()
    pen = _pen(image)
    _draw_seen(image, answer.drawing, pen)
    colour = LEVEL if isinstance(answer, Reading) else REFUSED
    level = answer.drawing.level
    at_bottom = level is not None and (level[1] + level[3]) / 2 < image.shape[0] / 3
    _caption(image, _sentences(answer), colour, pen, at_bottom=at_bottom)
    return image


def value_text(reading: Reading) -> str:
    """`-54.19 ± 0.21 mL`: the value with its expanded uncertainty (k = 2), to two digits of the latter."""
    expanded = COVERAGE_FACTOR * reading.standard_uncertainty
    digits = decimals_of(expanded)
    return f"{reading.value:.{digits}f} ± {expanded:.{digits}f} {reading.unit}"


def decimals_of(uncertainty: float) -> int:
    """How many decimals show an uncertainty to two significant digits (0 to 9; 3 where it is zero)."""
    if not (math.isfinite(uncertainty) and uncertainty > 0):
        return 3
    return min(9, max(0, 1 - math.floor(math.log10(uncertainty))))


def draw_truth(image: Image, drawing: Drawing, offset_px: float) -> None:
    """Draw, into `image`, where the level truly is: `offset_px` below (+) the level that was read."""
    if drawing.level is not None:
        x0, y0, x1, y1 = drawing.level
        pen = _pen(image)
        _line(image, (x0, y0 + offset_px), (x1, y1 + offset_px), TRUTH, pen)


def zoom(image: Image, centre: tuple[float, float], width: int, height: int, factor: int) -> Image:
    """A part of `image`, `width` × `height` pixels about `centre` (x, y), enlarged `factor` times.

    The part is moved inside the picture where it would reach beyond, and smaller where the picture is.
    """
    rows, columns = image.shape[:2]
    width, height = min(width, columns), min(height, rows)
    left = min(max(round(centre[0] - width / 2), 0), columns - width)
    top = min(max(round(centre[1] - height / 2), 0), rows - height)
    part = image[top : top + height, left : left + width]
    larger = cv2.resize(part, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    return np.asarray(larger, np.uint8)


def encode(image: Image, suffix: str = ".jpg", quality: int = 88) -> bytes:
    """The picture as JPEG (`.jpg`, with `quality` 0–100) or PNG (`.png`).

    Raises `FrameError` for another suffix or a picture that cannot be encoded.
    """
    if suffix not in (".jpg", ".png"):
        raise FrameError(f"cannot encode as {suffix!r}; expected .jpg or .png")
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if suffix == ".jpg" else []
    try:
        encoded, data = cv2.imencode(suffix, image, options)
    except cv2.error as error:
        raise FrameError(f"a picture of shape {image.shape} cannot be encoded as {suffix}") from error
    if not encoded:
        raise FrameError(f"a picture of shape {image.shape} cannot be encoded as {suffix}")
    return data.tobytes()


def _pen(image: Image) -> _Pen:
    size = max(image.shape[:2])
    return _Pen(line=max(1, round(size / 900)), text=max(9, round(size / 55)))


def _draw_seen(image: Image, drawing: Drawing, pen: _Pen) -> None:
    labelled = sum(1 for *_, label in drawing.marks if label)
    every = max(1, math.ceil(labelled / LABELS_MAX))
    shown = 0
    for x0, y0, x1, y1, label in drawing.marks:
        _line(image, (x0, y0), (x1, y1), MARK, pen)
        if label:
            if shown % every == 0:
                _text(image, label, _label_place(drawing, (x0, y0, x1, y1), label, pen), MARK, pen)
            shown += 1
    for number, (_, points) in enumerate(drawing.curves):
        _polyline(image, points, CURVES[number % len(CURVES)], pen)
    if drawing.level is not None:
        x0, y0, x1, y1 = drawing.level
        _line(image, (x0, y0), (x1, y1), LEVEL, pen)


def _label_place(
    drawing: Drawing, mark: tuple[float, float, float, float], label: str, pen: _Pen
) -> tuple[float, float]:
    """Beyond the print of the plate, on the side away from the level: so the two can be compared."""
    x0, y0, x1, y1 = mark
    base = (y0 + y1) / 2 + pen.text / 3
    beyond = PRINT_LETTERS * pen.text
    if drawing.level is not None and (drawing.level[0] + drawing.level[2]) / 2 > max(x0, x1):
        return max(pen.line, min(x0, x1) - beyond - _text_width(label, pen.text)), base
    return max(x0, x1) + beyond, base


def _line(
    image: Image, start: tuple[float, float], end: tuple[float, float], colour: Colour, pen: _Pen
) -> None:
    _polyline(image, np.array([start, end], np.float64), colour, pen)


def _polyline(image: Image, points: NDArray[np.float64], colour: Colour, pen: _Pen) -> None:
    points = np.asarray(points, np.float64).reshape(-1, 2)
    points = points[np.isfinite(points).all(axis=1)]
    if len(points) == 0:
        return
    limit = 8.0 * max(image.shape[:2])  # a wild fit may run off; OpenCV counts in 32 bits
    fixed = np.round(np.clip(points, -limit, limit) * (1 << SUBPIXEL_BITS)).astype(np.int32)
    for line_colour, width in ((DARK, pen.halo), (colour, pen.line)):
        cv2.polylines(image, [fixed], False, line_colour, width, cv2.LINE_AA, SUBPIXEL_BITS)


def _text(image: Image, text: str, corner: tuple[float, float], colour: Colour, pen: _Pen) -> None:
    """Letters with a dark rim; `corner` is the left end of the line that they stand on."""
    if not all(math.isfinite(c) and abs(c) < 8 * max(image.shape[:2]) for c in corner):
        return
    x, y = round(corner[0]), round(corner[1])
    font = cv2.FontFace("sans")
    rim = max(1, pen.line)
    for dx, dy in ((-rim, 0), (rim, 0), (0, -rim), (0, rim)):
        cv2.putText(image, text, (x + dx, y + dy), DARK, font, pen.text, 600)
    cv2.putText(image, text, (x, y), colour, font, pen.text, 600)


def _sentences(answer: Answer) -> list[str]:
    if isinstance(answer, Reading):
        return [value_text(answer), *answer.notes]
    return [f"refused: {answer.reason.value}", answer.detail]


def _caption(image: Image, sentences: Iterable[str], colour: Colour, pen: _Pen, *, at_bottom: bool) -> None:
    """The answer in a dark strip: first line large, the rest small, wrapped, in a quarter of the height."""
    rows, columns = image.shape[:2]
    margin = pen.text // 2
    width = columns - 2 * margin
    first, *rest = [sentence for sentence in sentences if sentence]
    large = round(1.5 * pen.text)
    lines = [(line, large, colour) for line in _wrapped(first, large, width)]
    for sentence in rest:
        lines += [(line, pen.text, TEXT) for line in _wrapped(sentence, pen.text, width)]
    while len(lines) > 1 and _height(lines) > rows / 4:
        lines.pop()
        lines[-1] = (lines[-1][0].rstrip("…") + "…", *lines[-1][1:])
    height = min(rows, margin + _height(lines))
    top = rows - height if at_bottom else 0
    strip = image[top : top + height]
    strip[:] = (strip.astype(np.uint16) * 3 // 10).astype(np.uint8)
    font = cv2.FontFace("sans")
    baseline = top
    for line, size, line_colour in lines:
        baseline += round(1.35 * size)
        cv2.putText(image, line, (margin, baseline), line_colour, font, size, 600)


def _height(lines: Iterable[tuple[str, int, Colour]]) -> int:
    return sum(round(1.35 * size) for _, size, _ in lines)


def _wrapped(sentence: str, size: float, width: float) -> list[str]:
    lines = [""]
    for word in sentence.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and _text_width(longer, size) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _text_width(text: str, size: float) -> float:
    font = cv2.FontFace("sans")
    _, _, width, _ = cv2.getTextSize((0, 0), text, (0, 0), font, round(size), 600)
    return float(width)

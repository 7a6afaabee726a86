"""Small charts as SVG markup, for a report that is one file and runs no script."""

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist

from markupsafe import Markup, escape

WIDTH, HEIGHT = 460, 320
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 12, 44
INKS = ("#2563eb", "#d97706", "#059669", "#9333ea", "#dc2626", "#0891b2", "#64748b")
Z_LIMIT = 4.0  # errors beyond so many standard uncertainties share the outermost bars
BARS = 16

DOT = Markup('<circle cx="{:.1f}" cy="{:.1f}" r="3.2" fill="{}"><title>{}</title></circle>')
BAR = Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{}</title></rect>')

Points = Sequence[tuple[float, float, str]]


def ink(number: int) -> str:
    """The colour of the series `number`."""
    return INKS[number % len(INKS)]


def stated_against_actual(series: Mapping[str, Points], unit: str) -> Markup:
    """|error| against stated standard uncertainty, logarithmic, with the lines |e| = u and 2u.

    `series` maps a name to (u, |error|, title) with u > 0, both in `unit`; an error of 0 is at the foot.
    Empty markup where there is nothing to draw.
    """
    points = [(u, e) for group in series.values() for u, e, _ in group if u > 0]
    if not points:
        return Markup()
    low_u, high_u = _decades([u for u, _ in points])
    errors = [e for _, e in points if e > 0] or [low_u]
    floor = max(min(errors), max(errors) / 1e4)
    low_e, high_e = _decades([floor, max(errors)])
    parts: list[Markup] = []
    for decade in range(low_u, high_u + 1):
        x = _place(decade, low_u, high_u, LEFT, WIDTH - RIGHT)
        parts += [_line(x, TOP, x, HEIGHT - BOTTOM, "grid"), _label(x, HEIGHT - BOTTOM + 16, _power(decade))]
    for decade in range(low_e, high_e + 1):
        y = _place(decade, low_e, high_e, HEIGHT - BOTTOM, TOP)
        parts += [_line(LEFT, y, WIDTH - RIGHT, y, "grid"), _label(LEFT - 6, y + 4, _power(decade), "end")]
    for factor in (1.0, 2.0):
        parts.append(_identity(factor, (low_u, high_u), (low_e, high_e)))
    for number, group in enumerate(series.values()):
        for u, e, title in group:
            if u > 0:
                x = _place(math.log10(u), low_u, high_u, LEFT, WIDTH - RIGHT)
                y = _place(math.log10(max(e, 10.0**low_e)), low_e, high_e, HEIGHT - BOTTOM, TOP)
                parts.append(_dot(x, y, ink(number), title))
    parts.append(_label((LEFT + WIDTH) / 2, HEIGHT - 8, f"stated standard uncertainty u, {unit}"))
    parts.append(_sideways(f"actual |error|, {unit}"))
    return _svg(
        parts, f"Actual error against stated uncertainty in {unit}; the lines are |e| = u and |e| = 2u"
    )


def normalised_errors(values: Sequence[float]) -> Markup:
    """How often error / u falls where, as bars, with the normal distribution that honest uncertainties give.

    Values beyond ±4 are counted in the outermost bars. Empty markup without values.
    """
    values = [min(max(value, -Z_LIMIT), Z_LIMIT) for value in values if not math.isnan(value)]
    if not values:
        return Markup()
    width = 2 * Z_LIMIT / BARS
    counts = [0] * BARS
    for value in values:
        counts[min(BARS - 1, int((value + Z_LIMIT) / width))] += 1
    normal = NormalDist()
    curve = [-Z_LIMIT + i * 0.1 for i in range(round(20 * Z_LIMIT) + 1)]
    expected = [len(values) * width * normal.pdf(z) for z in curve]
    top = 1.08 * max(*counts, *expected)
    parts: list[Markup] = []
    for i, count in enumerate(counts):
        left, right = (_place(edge, 0, BARS, LEFT, WIDTH - RIGHT) for edge in (i, i + 1))
        y = _place(count, 0, top, HEIGHT - BOTTOM, TOP)
        z = -Z_LIMIT + i * width
        kind = "far" if max(abs(z), abs(z + width)) > 2 else "near"
        parts.append(_bar(left, right, y, kind, f"{count} between {z:g} and {z + width:g}"))
    ends = [
        (_place(z, -Z_LIMIT, Z_LIMIT, LEFT, WIDTH - RIGHT), _place(e, 0, top, HEIGHT - BOTTOM, TOP))
        for z, e in zip(curve, expected, strict=True)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in ends)
    parts.append(Markup('<polyline class="expected" points="{}"/>').format(line))
    for z in range(-4, 5, 2):
        parts.append(
            _label(
                _place(z, -Z_LIMIT, Z_LIMIT, LEFT, WIDTH - RIGHT),
                HEIGHT - BOTTOM + 16,
                f"{z:+d}" if z else "0",
            )
        )
    parts.append(_line(LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM, "axis"))
    parts.append(_label((LEFT + WIDTH) / 2, HEIGHT - 8, "error / u  (beyond ±4: outermost bars)"))
    parts.append(_sideways("readings"))
    return _svg(
        parts, "Distribution of error over stated standard uncertainty; the curve is the normal distribution"
    )


def _identity(factor: float, u_range: tuple[int, int], e_range: tuple[int, int]) -> Markup:
    """The line e = factor · u, cut to the drawing."""
    shift = math.log10(factor)
    start = max(u_range[0], e_range[0] - shift)
    end = min(u_range[1], e_range[1] - shift)
    if start >= end:
        return Markup()
    ends = [
        (_place(u, *u_range, LEFT, WIDTH - RIGHT), _place(u + shift, *e_range, HEIGHT - BOTTOM, TOP))
        for u in (start, end)
    ]
    return _line(*ends[0], *ends[1], "limit" if factor == 2.0 else "equal")


def _decades(values: Sequence[float]) -> tuple[int, int]:
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def _place(value: float, low: float, high: float, start: float, end: float) -> float:
    return start + (value - low) / (high - low) * (end - start)


def _power(decade: int) -> str:
    return f"{10.0**decade:g}"


def _line(x0: float, y0: float, x1: float, y1: float, kind: str) -> Markup:
    return Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(
        kind, x0, y0, x1, y1
    )


def _dot(x: float, y: float, colour: str, title: str) -> Markup:
    return DOT.format(x, y, colour, title)


def _bar(left: float, right: float, y: float, kind: str, title: str) -> Markup:
    return BAR.format(kind, left + 1, y, right - left - 2, HEIGHT - BOTTOM - y, title)


def _label(x: float, y: float, text: str, anchor: str = "middle") -> Markup:
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(x, y, anchor, text)


def _sideways(text: str) -> Markup:
    y = (TOP + HEIGHT - BOTTOM) / 2
    return Markup('<text transform="translate(14 {:.1f}) rotate(-90)" text-anchor="middle">{}</text>').format(
        y, text
    )


def _svg(parts: Sequence[Markup], title: str) -> Markup:
    body = Markup("").join(parts)
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, HEIGHT, escape(title), body
    )

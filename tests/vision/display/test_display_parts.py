"""The parts of the display reader: likelihoods of signs, decimal points, several frames, rates."""

from collections.abc import Mapping
from math import exp, hypot, log, sqrt

import numpy as np
import pytest

from vision.display.number import Doubt, Format, _decimals
from vision.display.segments import (
    MOST_ODDS,
    NO_SIGN_PRIOR,
    OTHERS,
    PATTERNS,
    SEGMENTS,
    SIGNS,
    cells_of,
    levels_of,
)
from vision.display.series import agreed, rate_of_change
from vision.reading import Answer, Reading, Reason, Refusal


def _odds(lit: str, strength: float = 10.0) -> list[float]:
    return [strength if name in lit else -strength for name in SEGMENTS]


def test_every_pattern_is_read_as_its_sign() -> None:
    """Each way in which a sign is lit reads as that sign, surely; every other pattern as none."""
    cells = cells_of(np.array([_odds(lit) for _, lit in SIGNS]))
    assert [sign for sign, _ in SIGNS] == [cell.sign for cell in cells]
    assert all(cell.probability > 0.999 and cell.margin > 5 for cell in cells)
    assert ["".join(sorted(lit)) for _, lit in SIGNS] == [cell.lit for cell in cells]
    others = cells_of(np.where(OTHERS, 10.0, -10.0))
    assert {None} == {cell.sign for cell in others}
    assert 128 == len(PATTERNS) + len(OTHERS)


def test_an_undecided_segment_leaves_two_signs() -> None:
    """An 8 whose upper right segment may be lit or not is 8 or 6, one as likely as the other."""
    odds = np.array([_odds("abcdefg")])
    odds[0, SEGMENTS.index("b")] = 0.0
    (cell,) = cells_of(odds)
    assert {"6", "8"} == {cell.sign, cell.rival}
    assert cell.margin == pytest.approx(0.0, abs=1e-3)
    assert cell.probability == pytest.approx(0.5, abs=1e-3)


def test_the_likelihood_is_that_of_its_definition() -> None:
    """The probability is the sign's likelihood over the sum of all 128 patterns', with their priors."""
    odds = np.array([[1.0, 2.0, -0.5, -1.5, 0.3, -2.0, 0.7]])
    (cell,) = cells_of(odds)
    total, of = 0.0, {}
    for code in range(128):
        lit = np.array([bool(code >> bit & 1) for bit in range(7)])
        known = [sign for (sign, _), row in zip(SIGNS, PATTERNS, strict=True) if (row == lit).all()]
        prior = (1 - NO_SIGN_PRIOR) / len(PATTERNS) if known else NO_SIGN_PRIOR / len(OTHERS)
        share = prior * exp(float(odds[0][lit].sum()))
        total += share
        of[known[0] if known else None] = of.get(known[0] if known else None, 0.0) + share
    best = max(of, key=lambda sign: of[sign])
    assert best == cell.sign
    assert cell.probability == pytest.approx(of[best] / total)
    second = sorted(of.values())[-2]
    assert cell.margin == pytest.approx(log(of[best] / second))


def _segments(text: str, lit: float = 1.0, ghost: float = 0.0) -> np.ndarray:
    patterns = dict(SIGNS)
    return np.array([[lit if name in patterns[sign] else ghost for name in SEGMENTS] for sign in text])


def test_ghosts_and_blanks_are_unlit() -> None:
    """Unlit segments that are seen set the unlit level; a cell of ghosts is blank, and not an 8."""
    segments = _segments(" 25", 0.9, 0.2)
    levels = levels_of(segments, np.zeros_like(segments))
    assert levels.unlit == pytest.approx(0.2 / 0.9)
    assert [" ", "2", "5"] == [cell.sign for cell in cells_of(levels.odds(segments))]


def test_a_cell_in_the_shade_has_its_own_level() -> None:
    """A digit at half the others' contrast reads as itself."""
    segments = _segments("428")
    segments[1] *= 0.5
    cells = cells_of(levels_of(segments, np.zeros_like(segments)).odds(segments))
    assert ["4", "2", "8"] == [cell.sign for cell in cells]
    assert all(cell.margin > 3 for cell in cells)


def test_a_reflections_edge_may_go_through_a_cell() -> None:
    """Where the contrast follows the background's brightness, each segment has the level of its own place."""
    segments, ground = _segments("8280"), np.zeros((4, 7))
    for cell, names in ((0, "abcdefg"), (1, "fea"), (2, "")):
        for name in names:
            ground[cell, SEGMENTS.index(name)] = -0.8
    segments = np.where(ground < 0, 0.45 * segments, segments)
    levels = levels_of(segments, ground)
    assert ["8", "2", "8", "0"] == [cell.sign for cell in cells_of(levels.odds(segments))]
    assert levels.lit[1, SEGMENTS.index("e")] == pytest.approx(0.45, abs=0.02)


def test_odds_grow_with_the_ink_and_are_bounded() -> None:
    """More ink is never less likely to be lit; one segment never decides alone."""
    levels = levels_of(_segments("8"), np.zeros((1, 7)))
    share = np.linspace(-1, 2, 70).reshape(10, 7)
    odds = np.concatenate([levels.odds(row[None, :])[0] for row in share])
    assert (np.diff(odds) >= 0).all()
    assert (-MOST_ODDS, MOST_ODDS) == (odds.min(), odds.max())


@pytest.mark.parametrize(
    ("odds", "stated", "decimals"),
    [
        ([-14, 12, -14, -14], 2, 2),
        ([-14, 12, -14, -14], None, 2),
        ([-14, -14, -14], 0, 0),
        ([-14, -14, -14], None, 0),
        ([-14, -14, 9], 0, 0),
        ([-12, -1, -13], 1, 1),
    ],
)
def test_decimal_points_are_placed(odds: list[float], stated: int | None, decimals: int) -> None:
    """Seen where it should be, not stated, none, one at the end, or a faint one where the format has it."""
    placed = _decimals([float(odd) for odd in odds], stated)
    assert not isinstance(placed, Doubt)
    assert decimals == placed.decimals
    assert placed.error < 0.01


@pytest.mark.parametrize(
    ("odds", "stated", "words"),
    [
        ([-14, 12, -14, 11], None, "2 decimal points"),
        ([-14, 12, -14, -14], 1, "with 2 decimals, but its format has 1"),
        ([-14, -14, -14], 1, "without a decimal point"),
        ([-14, -1, -14], None, "not clear whether a point follows its digit 2"),
        ([-14, -1, -1, -14], 2, "without a decimal point"),
        ([12], 2, "its format has 2 decimals"),
    ],
)
def test_doubtful_decimal_points_are_refused(odds: list[float], stated: int | None, words: str) -> None:
    """Two points, one in another place, none, an unclear one: each says what is wrong."""
    doubt = _decimals([float(odd) for odd in odds], stated)
    assert isinstance(doubt, Doubt)
    assert words in doubt.said


def _reading(value: float, decimals: int = 1) -> Reading:
    u = 10**-decimals / sqrt(12)
    return Reading("seven-segment", value, "kg", u, {"resolution": u}, (f"{value} is fine",))


def _agreed(values: list[float], times: list[str] | None = None, bad: int = 0) -> Answer:
    refusals = [Refusal("seven-segment", Reason.AMBIGUOUS, "unclear")] * bad
    return agreed([_reading(value) for value in values], refusals, times or [""] * len(values))


def test_frames_that_agree_give_their_number() -> None:
    """The same number thrice has no scatter, and the resolution does not shrink with frames."""
    answer = _agreed([4.2, 4.2, 4.2])
    assert isinstance(answer, Reading)
    assert answer.value == pytest.approx(4.2)
    assert {"resolution": pytest.approx(0.1 / sqrt(12)), "frames": 0.0} == answer.terms


def test_a_last_digit_that_flickers_is_averaged() -> None:
    """The mean, and the scatter over √n as the term `frames`."""
    answer = _agreed([4.2, 4.3, 4.3, 4.2])
    assert isinstance(answer, Reading)
    assert answer.value == pytest.approx(4.25)
    terms: Mapping[str, float] = answer.terms
    assert terms["frames"] == pytest.approx(np.std([4.2, 4.3, 4.3, 4.2], ddof=1) / 2)
    assert answer.standard_uncertainty == pytest.approx(hypot(*terms.values()))


def test_one_frame_that_disagrees_is_left_out_and_named() -> None:
    """The majority decides; the odd one and the refused one are said."""
    answer = _agreed([4.2, 94.2, 4.2, 4.2], bad=1)
    assert isinstance(answer, Reading)
    assert answer.value == pytest.approx(4.2)
    assert "left out, for they disagree with the others: 94.2" in answer.notes
    assert any("1 of 5 frames were refused (ambiguous: unclear)" in note for note in answer.notes)


def test_a_number_in_motion_is_refused_with_its_rate() -> None:
    """Without a majority there is no number that stands still; how fast it moves is said."""
    times = [f"2026-03-01T10:00:0{second}Z" for second in range(5)]
    answer = _agreed([1.0, 3.0, 5.0, 7.0, 9.0], times)
    assert isinstance(answer, Refusal)
    assert Reason.AMBIGUOUS == answer.reason
    assert "not steady: 1 to 9 in 5 frames; it changes by 2 kg/s" in answer.detail


def test_the_rate_is_the_slope_with_its_uncertainty() -> None:
    """Least squares over the times; zero for a still number; unknown without times."""
    times = [f"2026-03-01T10:00:{second:02}+00:00" for second in (0, 2, 4, 6)]
    rate = rate_of_change([0.0, 1.0, 2.0, 3.0], times, 0.1)
    assert rate is not None
    assert rate.per_s == pytest.approx(0.5)
    assert rate.standard_uncertainty == pytest.approx(0.1 / sqrt(12) / sqrt(20))
    still = rate_of_change([2.0, 2.0, 2.0, 2.0], times, 0.1)
    assert still is not None
    assert 0.0 == still.per_s
    assert rate_of_change([1.0, 2.0, 3.0], ["", "", ""], 0.1) is None
    assert rate_of_change([1.0, 2.0], times[:2], 0.1) is None
    assert rate_of_change([1.0, 2.0, 3.0], [times[0]] * 3, 0.1) is None


def test_the_format_is_unknown_unless_stated() -> None:
    """Nothing of a format has a value of its own."""
    assert (None, None, None) == (Format().digits, Format().decimals, Format().signed)

"""Numerals are weighed, not guessed: the likelihood of each number, from a network or by hand."""

import itertools

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vision.numerals import DIGITS, NumeralEvidence, NumeralReader, numeral_reader


def _collapsed(path: tuple[int, ...]) -> str:
    """What a path of outputs (0 the blank) spells."""
    kept = [now for before, now in zip((0, *path), path, strict=False) if now and now != before]
    return "".join(DIGITS[index - 1] for index in kept)


def _printed(text: str) -> NDArray[np.uint8]:
    picture = np.full((60, 100, 3), (60, 220, 225), np.uint8)
    cv2.putText(picture, text, (8, 46), cv2.FONT_HERSHEY_SIMPLEX, 1.4, (20, 30, 30), 4, cv2.LINE_AA)
    return picture


@pytest.fixture(scope="module")
def reader() -> NumeralReader:
    """The recogniser; skips where the optional packages are not installed."""
    found = numeral_reader()
    if found is None:
        pytest.skip("the text recogniser is not installed (pip install tankcal[ocr])")
    return found


@pytest.mark.parametrize("number", ["", "7", "12", "11", "121", "334"])
def test_likelihood_is_the_sum_over_all_alignments(number: str) -> None:
    """The recursion gives what adding up every path that spells the number gives."""
    probabilities = np.random.default_rng(3).dirichlet(np.ones(11), size=5)
    used = sorted({0, *(DIGITS.index(digit) + 1 for digit in number)})
    expected = sum(
        float(np.prod([probabilities[step, output] for step, output in enumerate(path)]))
        for path in itertools.product(used, repeat=5)
        if _collapsed(path) == number
    )
    found = NumeralEvidence(probabilities).log_likelihoods([number])
    assert pytest.approx(np.log(expected), rel=1e-9) == float(found[0])


def test_likelihoods_keep_the_order_of_the_numbers() -> None:
    """Numbers of different lengths may be mixed; each answer stands where its number stood."""
    evidence = NumeralEvidence(np.random.default_rng(4).dirichlet(np.ones(11), size=6))
    numbers = ["120", "7", "45", "999", "0"]
    one_by_one = [float(evidence.log_likelihoods([number])[0]) for number in numbers]
    assert one_by_one == pytest.approx(list(evidence.log_likelihoods(numbers)))


def test_a_number_longer_than_the_evidence_is_impossible_not_an_error() -> None:
    """Three digits do not fit in two time steps: the logarithm stays finite and very small."""
    evidence = NumeralEvidence(np.full((2, 11), 1 / 11))
    assert float(evidence.log_likelihoods(["123"])[0]) == pytest.approx(np.log(1e-12))


@pytest.mark.parametrize("number", ["7", "41", "88", "126", "150"])
def test_the_printed_number_is_the_likeliest(reader: NumeralReader, number: str) -> None:
    """Of all numbers of up to three digits the network finds the printed one the most likely."""
    numbers = [str(n) for n in range(1000)]
    (evidence,) = reader.look([_printed(number)])
    assert number == numbers[int(np.argmax(evidence.log_likelihoods(numbers)))]


def test_light_print_on_dark_reads_as_well(reader: NumeralReader) -> None:
    """Polarity does not matter."""
    numbers = [str(n) for n in range(1000)]
    (evidence,) = reader.look([255 - _printed("64")])
    assert numbers[int(np.argmax(evidence.log_likelihoods(numbers)))] == "64"


def test_nothing_to_look_at_gives_no_evidence(reader: NumeralReader) -> None:
    """An empty list needs no network."""
    assert reader.look([]) == []


def test_the_network_is_loaded_once(reader: NumeralReader) -> None:
    """Every caller in a process gets the same recogniser."""
    assert numeral_reader() is reader

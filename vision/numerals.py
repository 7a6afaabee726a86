"""Numerals on a scale, read by a neural network: how likely a picture of a numeral is each given number.

The network is the text recogniser that the optional package `rapidocr` carries, run by `onnxruntime`, in one
thread, loaded once per process. It is never asked for its best guess: a scale's numerals follow one another,
so that what counts is how well each possible numbering explains all of them together.
"""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

EXTRA = "tankcal[ocr]"
DIGITS = "0123456789"
INPUT_HEIGHT = 48  # pixels; what the network was trained on
INPUT_WIDTH = 112  # pixels at most; room for four digits, a third of the work of the network's usual 320
WIDTH_STEP, WIDTH_SPARE = 16, 8  # pixels: widths that occur, and what is left free after the widest numeral
LEAST_PROBABILITY = 1e-12  # keeps logarithms finite; far below what decides anything


@dataclass(frozen=True)
class NumeralEvidence:
    """What the network saw in one picture: `probabilities` of (blank, 0 … 9), shape (time steps, 11)."""

    probabilities: Floats

    def log_likelihoods(self, numbers: Sequence[str]) -> Floats:
        """Natural logarithm of the probability that each of `numbers` (digits only) is printed; shape (n,).

        The sum over all alignments of the digits with the time steps (connectionist temporal classification,
        Graves et al. 2006, the forward recursion of its equations 6 to 8). `-inf` does not occur.
        """
        result = np.empty(len(numbers))
        order = sorted(range(len(numbers)), key=lambda i: len(numbers[i]))
        for length, group in groupby(order, key=lambda i: len(numbers[i])):
            members = list(group)
            digits = np.array([[DIGITS.index(c) + 1 for c in numbers[i]] for i in members], np.intp)
            result[members] = self._of_length(digits.reshape(len(members), length))
        return result

    def _of_length(self, digits: NDArray[np.intp]) -> Floats:
        """Log-likelihood of n numbers of the same length, `digits` (n, length) as indices from 1."""
        count, length = digits.shape
        states = np.zeros((count, 2 * length + 1), np.intp)
        states[:, 1::2] = digits
        # A blank may be passed over only between different digits.
        skip = np.zeros(states.shape, bool)
        skip[:, 3::2] = digits[:, 1:] != digits[:, :-1]
        alpha = np.zeros(states.shape)
        alpha[:, 0] = 1.0
        if length:
            alpha[:, :2] = self.probabilities[0][states[:, :2]]
        else:
            alpha[:, 0] = self.probabilities[0, 0]
        for step in self.probabilities[1:]:
            moved = alpha.copy()
            moved[:, 1:] += alpha[:, :-1]
            moved[:, 2:] += np.where(skip[:, 2:], alpha[:, :-2], 0.0)
            alpha = moved * step[states]
        total = alpha[:, -1] + (alpha[:, -2] if length else 0.0)
        return np.asarray(np.log(np.maximum(total, LEAST_PROBABILITY)), np.float64)


class NumeralReader:
    """The recogniser; made by `numeral_reader`."""

    def __init__(self, session: Any, columns: NDArray[np.intp]) -> None:
        self._session = session
        self._input = session.get_inputs()[0].name
        self._columns = columns

    def look(self, crops: Sequence[NDArray[np.uint8]]) -> list[NumeralEvidence]:
        """Evidence for each of `crops`, pictures (height, width, 3) of one upright numeral each."""
        if not crops:
            return []
        widest = max(_scaled_width(crop) for crop in crops) + WIDTH_SPARE
        width = min(INPUT_WIDTH, widest + -widest % WIDTH_STEP)  # the work grows with it
        batch = np.stack([_normalised(crop, width) for crop in crops])
        output = np.asarray(self._session.run(None, {self._input: batch})[0], np.float64)
        return [NumeralEvidence(probabilities) for probabilities in output[:, :, self._columns]]


@lru_cache(maxsize=1)
def numeral_reader() -> NumeralReader | None:
    """The process's recogniser; None where the optional packages (`pip install tankcal[ocr]`) are missing."""
    try:
        runtime: Any = importlib.import_module("onnxruntime")
        package: Any = importlib.import_module("rapidocr")
    except ImportError:
        return None
    # Only the file is taken from the package: its own pipeline would look for text lines first, and downloads
    # what it does not find.
    models = sorted((Path(package.__file__).parent / "models").glob("*rec*.onnx"))
    if not models:
        return None
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = runtime.InferenceSession(str(models[-1]), options, providers=["CPUExecutionProvider"])
    characters = session.get_modelmeta().custom_metadata_map["character"].splitlines()
    # Output 0 is the blank; the characters follow in the order of the model's own list.
    columns = np.array([0, *(characters.index(digit) + 1 for digit in DIGITS)], np.intp)
    return NumeralReader(session, columns)


def _scaled_width(crop: NDArray[np.uint8]) -> int:
    """How wide a crop is at the network's height."""
    height, width = crop.shape[:2]
    scaled: int = round(INPUT_HEIGHT * width / height)
    return min(INPUT_WIDTH, max(1, scaled))


def _normalised(crop: NDArray[np.uint8], width: int) -> NDArray[np.float32]:
    """A crop at the network's height, grey −1 … 1, at the left of a grey field; (3, height, `width`)."""
    scaled = _scaled_width(crop)
    pixels = cv2.resize(crop, (scaled, INPUT_HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float32)
    field = np.zeros((3, INPUT_HEIGHT, width), np.float32)
    field[:, :, :scaled] = (pixels / 127.5 - 1.0).transpose(2, 0, 1)
    return field

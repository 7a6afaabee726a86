"""A PLC whose input registers are sometimes garbage: what a failing bus module or a wrong program sends."""

from random import Random

WORD = 0x10000


class RegisterNoise:
    """With probability `share` (0 while nothing is wrong) a read is answered with random words."""

    def __init__(self, seed: int) -> None:
        self.share = 0.0
        self._random = Random(f"garbage {seed}")  # noqa: S311 - a simulation that must repeat

    def spoil(self, registers: list[int]) -> None:
        """Perhaps replace every word of an answer."""
        if self.share > 0.0 and self._random.random() < self.share:
            registers[:] = [self._random.randrange(WORD) for _ in registers]

"""How far a value has moved over the last while: what leaks and drifts are seen by."""

from collections import deque


class Trend:
    """A value over a sliding window of `span_s` seconds."""

    def __init__(self, span_s: float) -> None:
        self.span_s = span_s
        self._seen: deque[tuple[float, float]] = deque()

    def begin(self) -> None:
        """Forget what was seen: the value is free to move from here."""
        self._seen.clear()

    def change(self, at_s: float, value: float) -> float:
        """Take a value; returns it less the one at the window's beginning (0 for the first)."""
        while self._seen and (at_s - self._seen[0][0] > self.span_s or self._seen[0][0] > at_s):
            self._seen.popleft()
        self._seen.append((at_s, value))
        return value - self._seen[0][1]

    @property
    def last(self) -> float | None:
        """The value taken last."""
        return self._seen[-1][1] if self._seen else None

    @property
    def covered_s(self) -> float:
        """How much of the window has been seen."""
        return self._seen[-1][0] - self._seen[0][0] if self._seen else 0.0

"""How well a computed number agrees with a published one, in the digits that were published."""

from dataclasses import dataclass
from decimal import Decimal
from math import isfinite, log10


@dataclass(frozen=True)
class Agreement:
    """One number: as it was published, and as it was computed here.

    `digits`: agreeing significant digits, at most as many as were published. `agrees`: within one unit of
    the last published digit, or in `required` digits where that many are asked for.
    """

    group: str
    case: str
    quantity: str
    published: str
    computed: float
    required: float | None = None

    @property
    def published_digits(self) -> int:
        """Number of significant digits of the published number."""
        return max(1, len(Decimal(self.published).as_tuple().digits))

    @property
    def digits(self) -> float:
        """Agreeing significant digits."""
        expected = float(self.published)
        if not isfinite(self.computed):
            return 0.0
        distance = abs(self.computed - expected) / (abs(expected) or 1.0)
        most = float(self.published_digits)
        return most if distance == 0 else max(0.0, min(most, -log10(distance)))

    @property
    def agrees(self) -> bool:
        """Whether it agrees as well as it must."""
        if self.required is not None:
            return self.digits >= self.required
        exponent = Decimal(self.published).as_tuple().exponent
        unit = float(Decimal(1).scaleb(int(exponent)))
        return isfinite(self.computed) and abs(self.computed - float(self.published)) <= unit * (1 + 1e-9)


@dataclass(frozen=True)
class CaseReport:
    """All numbers of one case. `source` says where they were published."""

    group: str
    case: str
    source: str
    agreements: tuple[Agreement, ...]

    @property
    def agrees(self) -> bool:
        """Whether every number agrees."""
        return all(a.agrees for a in self.agreements)

    @property
    def worst(self) -> Agreement:
        """The number that agrees least: one that does not agree, or has the fewest digits."""
        return min(self.agreements, key=lambda a: (a.agrees, a.digits - a.published_digits, a.digits))

"""Numbers as people read them: fitting digits, a true minus sign, a dash for unknown."""

from math import floor, log10

MINUS = "\N{MINUS SIGN}"
UNKNOWN = "—"
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float | None, digits: int = 2) -> str:
    """The value with that many decimals; a dash where it is unknown."""
    if value is None:
        return UNKNOWN
    text = f"{value:.{digits}f}"
    if float(text) == 0.0:
        text = text.lstrip("-")
    return text.replace("-", MINUS)


def signed(value: float | None, digits: int = 2) -> str:
    """Likewise with its sign, as errors are written."""
    text = number(value, digits)
    return text if value is None or text[0] == MINUS or float(text) == 0.0 else f"+{text}"


def decimals(uncertainty: float, significant: int = 2) -> int:
    """How many decimals show `significant` digits of an uncertainty (GUM 7.2.6 asks for at most two)."""
    if uncertainty <= 0:
        return 2
    return max(0, significant - 1 - floor(log10(uncertainty)))


def brief(value: float | None, significant: int = 4) -> str:
    """The value with that many significant digits, without an exponent where it is of ordinary size."""
    if value is None:
        return UNKNOWN
    if value != 0 and not 1e-4 <= abs(value) < 1e7:
        mantissa, exponent = f"{value:.{significant - 1}e}".split("e")
        return f"{mantissa.replace('-', MINUS)}·10{str(int(exponent)).translate(_RAISED)}"
    return f"{value:.{significant}g}".replace("-", MINUS)


def percent(probability: float | None) -> str:
    """A probability in per cent; what is nearly certain is not said to be certain."""
    if probability is None:
        return UNKNOWN
    if 0.9999 < probability < 1.0:
        return "> 99.99 %"
    if 0.0 < probability < 0.0001:
        return "< 0.01 %"
    return f"{number(100.0 * probability)} %"

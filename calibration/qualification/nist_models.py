"""The model functions of NIST's Statistical Reference Datasets for nonlinear regression (NIST/ITL StRD)."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np

Function = Callable[[Any, Any], Any]


def _box_bod(x: Any, b: Any) -> Any:
    return b[0] * (1 - np.exp(-b[1] * x))


def _chwirut(x: Any, b: Any) -> Any:
    return np.exp(-b[0] * x) / (b[1] + b[2] * x)


def _dan_wood(x: Any, b: Any) -> Any:
    return b[0] * x ** b[1]


def _enso(x: Any, b: Any) -> Any:
    def cycle(period: Any, cosine: Any, sine: Any) -> Any:
        angle = 2 * np.pi * x / period
        return cosine * np.cos(angle) + sine * np.sin(angle)

    return b[0] + cycle(12, b[1], b[2]) + cycle(b[3], b[4], b[5]) + cycle(b[6], b[7], b[8])


def _gauss(x: Any, b: Any) -> Any:
    first = b[2] * np.exp(-((x - b[3]) ** 2) / b[4] ** 2)
    second = b[5] * np.exp(-((x - b[6]) ** 2) / b[7] ** 2)
    return b[0] * np.exp(-b[1] * x) + first + second


def _hahn(x: Any, b: Any) -> Any:
    above = b[0] + b[1] * x + b[2] * x**2 + b[3] * x**3
    return above / (1 + b[4] * x + b[5] * x**2 + b[6] * x**3)


def _lanczos(x: Any, b: Any) -> Any:
    return b[0] * np.exp(-b[1] * x) + b[2] * np.exp(-b[3] * x) + b[4] * np.exp(-b[5] * x)


def _mgh17(x: Any, b: Any) -> Any:
    return b[0] + b[1] * np.exp(-x * b[3]) + b[2] * np.exp(-x * b[4])


def _misra_b(x: Any, b: Any) -> Any:
    return b[0] * (1 - (1 + b[1] * x / 2) ** -2)


def _misra_c(x: Any, b: Any) -> Any:
    return b[0] * (1 - (1 + 2 * b[1] * x) ** -0.5)


def _misra_d(x: Any, b: Any) -> Any:
    return b[0] * b[1] * x / (1 + b[1] * x)


def _rat42(x: Any, b: Any) -> Any:
    return b[0] / (1 + np.exp(b[1] - b[2] * x))


def _roszman(x: Any, b: Any) -> Any:
    return b[0] - b[1] * x - np.arctan(b[2] / (x - b[3])) / np.pi


NIST_MODELS: MappingProxyType[str, Function] = MappingProxyType(
    {
        "BoxBOD": _box_bod,
        "Chwirut1": _chwirut,
        "Chwirut2": _chwirut,
        "DanWood": _dan_wood,
        "ENSO": _enso,
        "Gauss1": _gauss,
        "Gauss2": _gauss,
        "Hahn1": _hahn,
        "Lanczos1": _lanczos,
        "Lanczos2": _lanczos,
        "MGH17": _mgh17,
        "Misra1a": _box_bod,
        "Misra1b": _misra_b,
        "Misra1c": _misra_c,
        "Misra1d": _misra_d,
        "Rat42": _rat42,
        "Roszman1": _roszman,
    }
)

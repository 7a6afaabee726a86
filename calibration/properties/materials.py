"""Expansion of vessels: coefficients from `materials.toml`, each with its source."""

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from calibration.errors import UnknownQuantityError


class Status(StrEnum):
    """How sure a number is."""

    SEEN = "seen"
    UNVERIFIED = "unverified"


@dataclass(frozen=True)
class Material:
    """A material's coefficient of cubical expansion in 1/°C, its source, and how sure it is."""

    key: str
    name: str
    cubic_expansion_per_c: float
    source: str
    status: Status


@cache
def materials() -> MappingProxyType[str, Material]:
    """All materials of `materials.toml` by key."""
    text = files("calibration.properties").joinpath("materials.toml").read_text(encoding="utf-8")
    return MappingProxyType(
        {
            key: Material(
                key=key,
                name=entry["name"],
                cubic_expansion_per_c=float(entry["cubic_expansion_per_c"]),
                source=entry["source"],
                status=Status(entry["status"]),
            )
            for key, entry in tomllib.loads(text).items()
        }
    )


def material(key: str) -> Material:
    """The material with this key. Raises `UnknownQuantityError` that lists the keys there are."""
    known = materials()
    if key not in known:
        raise UnknownQuantityError(
            f"material {key!r} has no expansion coefficient; known are {', '.join(sorted(known))}"
        )
    return known[key]

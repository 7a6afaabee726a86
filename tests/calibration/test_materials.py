"""Expansion coefficients are data with sources."""

from collections.abc import Callable
from typing import Any

import pytest

from calibration.errors import UnknownQuantityError
from calibration.properties.materials import Status, material, materials


def test_every_coefficient_has_source_and_status() -> None:
    """Each material says where its coefficient comes from, and is plausible for a solid."""
    for entry in materials().values():
        assert entry.source
        assert 5e-6 < entry.cubic_expansion_per_c < 1e-3


def test_coefficients_agree_with_the_collected_ones(oracle: Callable[[str], Any]) -> None:
    """The numbers are those that were collected, and none from memory calls itself seen."""
    collected = oracle("materials_expansion.json")
    for key, name in {
        "stainless-316": "stainless_NIST",
        "stainless-304": "stainless_304_API",
        "brass": "brass",
        "borosilicate-glass": "DURAN_borosilicate",
        "polypropylene": "PP",
    }.items():
        value, status, _ = collected[name]
        assert material(key).cubic_expansion_per_c == pytest.approx(value, rel=1e-12)
        assert (material(key).status is Status.SEEN) == (status == "SEEN")


def test_unknown_material_is_named() -> None:
    """A material that is not there is an error that lists those that are."""
    with pytest.raises(
        UnknownQuantityError, match=r"'unobtainium' has no expansion coefficient; known are aluminium"
    ):
        material("unobtainium")

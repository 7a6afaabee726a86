"""The published numbers that the tests of this room compare with."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def oracle(shared: Path) -> Callable[[str], Any]:
    """Reads a JSON file of the shared oracles by its name."""

    def read(name: str) -> Any:
        return json.loads((shared / "oracles" / name).read_text(encoding="utf-8"))

    return read

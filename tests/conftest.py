"""What tests of every room share."""

import os
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared image sets and oracles: TANKCAL_SHARED, or `../shared` beside the checkout.

    A test that needs it is skipped where there is none, and fails where CI is set, so that a pipeline without
    the material cannot look green.
    """
    folder = Path(os.environ.get("TANKCAL_SHARED") or CHECKOUT.parent / "shared")
    if not (folder / "images").is_dir():
        message = f"no shared image sets at {folder} (set TANKCAL_SHARED)"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return folder

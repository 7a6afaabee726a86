"""Where the shared image sets are."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def shared_images() -> Path:
    """The folder `images` of TANKCAL_SHARED, or of `shared` beside the checkout."""
    return Path(os.environ.get("TANKCAL_SHARED", ROOT.parent / "shared")) / "images"

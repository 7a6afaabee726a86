"""`tankcal openapi`: the description of the REST interface, as it is committed."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from api.records import write_durably


def openapi(
    *,
    out: Annotated[Path | None, typer.Option(help="Write to this file instead of standard output.")] = None,
) -> None:
    """Print the OpenAPI description of the REST interface.

    Example: `tankcal openapi --out docs/reference/openapi.json`
    """
    text = description()
    if out is None:
        sys.stdout.write(text)
    else:
        write_durably(out, text.encode())


def description() -> str:
    """The OpenAPI description as the committed file holds it."""
    from api.service import create_app
    from api.settings import load_settings

    settings = load_settings()
    return json.dumps(create_app(settings, settings.data).openapi(), indent=2, sort_keys=True) + "\n"

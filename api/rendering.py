"""Fills the templates: escapes everything, knows the languages, and stops at a name that isn't there."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from api.charts import Spec, svg
from api.indexing import DAMAGED, INTERRUPTED
from api.numbers import brief, decimals, number, percent, signed
from api.texts import LANGUAGES, translator
from control.states import State

TEMPLATES = Path(__file__).parent / "pages"
_CLASSES = {
    State.COMPLETE: "good",
    State.HELD: "warn",
    State.SUSPENDED: "warn",
    State.STOPPED: "warn",
    State.ABORTING: "bad",
    State.ABORTED: "bad",
    State.IDLE: "",
}


def state_class(state: str) -> str:
    """The class that gives a state its colour and sign."""
    if state in (INTERRUPTED, DAMAGED):
        return "bad"
    return next((name for known, name in _CLASSES.items() if known == state), "running")


def render(template: str, language: str, context: Mapping[str, Any]) -> str:
    """The page as HTML in `language`."""
    return (
        _environment()
        .get_template(template)
        .render(
            language=language,
            languages=LANGUAGES,
            _=translator(language),
            state_class=state_class,
            chart=_chart,
            **context,
        )
    )


def _chart(spec: Spec) -> Markup:
    return Markup(svg(spec))  # noqa: S704 - our own specification, drawn by us; texts in it are escaped


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": number,
        "signed": signed,
        "brief": brief,
        "percent": percent,
        "decimals": decimals,
    }
    return environment

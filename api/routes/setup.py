"""What can be run here."""

from dataclasses import asdict

from fastapi import APIRouter

from api.models import Defaults, Setup
from api.routes.bench import Bench
from api.runs import Runs

router = APIRouter(tags=["setup"])


@router.get("/setup")
def get_setup(bench: Bench) -> Setup:
    """The names of rigs, stations, measures, procedures and rules, and what is used where none is named."""
    return setup_of(bench)


def setup_of(bench: Runs) -> Setup:
    """What can be run, from the configuration's folders."""
    settings = bench.settings
    return Setup(
        defaults=Defaults(**asdict(settings.defaults)),
        rigs=settings.names("rigs"),
        stations=settings.names("stations"),
        measures=settings.names("measures"),
        procedures=settings.names("procedures"),
        rules=settings.names("rules"),
        simulated=bench.twin is not None,
    )

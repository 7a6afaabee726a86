"""Whether the service does its work, for those who watch over it."""

from importlib.metadata import version

from fastapi import APIRouter, Request
from sqlalchemy import text

from api.models import Health
from api.routes.bench import Bench
from api.storage.database import Database

router = APIRouter(tags=["health"])


@router.get("/health")
def get_health(request: Request, bench: Bench) -> Health:
    """Answers when service and database do."""
    database = request.app.state.database
    assert isinstance(database, Database)
    with database.reading() as session:
        session.execute(text("SELECT 1"))
    return Health(status="ok", version=version("tankcal"), database="ok", running=bench.running)

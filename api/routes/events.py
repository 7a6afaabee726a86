"""What happens on the bench, as server-sent events."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.routes.bench import Bench

router = APIRouter(tags=["live"])

RETRY_MS = 1000


@router.get("/events", response_class=EventSourceResponse)
async def get_events(
    bench: Bench,
    last_event_id: Annotated[str | None, Header(max_length=64)] = None,
    after: Annotated[str | None, Query(max_length=64, description="Like Last-Event-ID.")] = None,
) -> AsyncIterator[ServerSentEvent]:
    """The lines of the run's record as they are written, and `live`, the whole state, some times a second.

    A stream that broke off goes on after the event that `Last-Event-ID` names. `reset` says that events were
    lost: fetch `/live` and go on.
    """
    async for event in bench.events.since(last_event_id or after):
        yield ServerSentEvent(raw_data=event.text, event=event.kind, id=event.id, retry=RETRY_MS)

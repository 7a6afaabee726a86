"""What happens on the bench, as a stream that viewers can join, leave and take up again."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

KEPT = 2000


@dataclass(frozen=True)
class Event:
    """One event; `id` names it in this stream, `text` is its data as JSON, encoded once for all viewers."""

    number: int
    id: str
    kind: str
    text: str


class EventStream:
    """Keeps the last events and wakes those who listen. Publishing never waits.

    An id is `<stream>-<number>`: after a restart the stream has another name, so an id of the old one is not
    mistaken for one of the new, and the viewer is told to load everything anew (`reset`).
    """

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._events: list[Event] = []
        self._name = secrets.token_hex(4)
        self._newest = 0
        self._lost = 0  # the newest event that is not kept any more
        self._news = asyncio.Event()
        self._closed = False

    @property
    def last_id(self) -> str:
        """The id of the newest event: a viewer who starts here misses nothing from now on."""
        return f"{self._name}-{self._newest}"

    def publish(self, kind: str, data: Mapping[str, Any], *, latest_only: bool = False) -> None:
        """Add an event and wake the listeners; call it from the event loop's thread.

        `latest_only` is for a whole state: it takes the place of the one before, which nobody needs any more.
        """
        if self._closed:
            return
        if latest_only:
            self._events = [event for event in self._events if event.kind != kind]
        self._newest += 1
        self._events.append(Event(self._newest, self.last_id, kind, json.dumps(data, ensure_ascii=False)))
        if len(self._events) > self._kept:
            self._lost = self._events.pop(0).number
        self._wake()

    def close(self) -> None:
        """End every stream: those who listen get what is left, and then the end."""
        self._closed = True
        self._wake()

    async def since(self, last_id: str | None = None) -> AsyncIterator[Event]:
        """The events after `last_id` (from now on when it is None), as they happen, until the stream closes.

        When events after `last_id` are not kept any more, or it belongs to another stream, the first event is
        `reset`: the viewer loads the state anew and has all events from there on.
        """
        seen = self._seen(last_id)
        while True:
            news = self._news
            if seen is None or seen < self._lost:  # unknown, or too slow for the events that are kept
                seen = self._newest
                yield Event(seen, self.last_id, "reset", "{}")
            for event in [event for event in self._events if event.number > seen]:
                yield event
                seen = event.number
            if self._closed and seen == self._newest:
                return
            await news.wait()

    def _seen(self, last_id: str | None) -> int | None:
        if not last_id:
            return self._newest
        name, _, number = last_id.rpartition("-")
        if name != self._name or not number.isdecimal() or int(number) > self._newest:
            return None
        return int(number)

    def _wake(self) -> None:
        # Each wait has its own event: setting and clearing one would leave out those who come in between.
        news, self._news = self._news, asyncio.Event()
        news.set()

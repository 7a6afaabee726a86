"""api/events.py"""

import asyncio

from api.events import Event, EventStream


async def take(stream: EventStream, count: int, last_id: str | None = None) -> list[Event]:
    taken: list[Event] = []
    async with asyncio.timeout(5):
        async for event in stream.since(last_id):
            taken.append(event)
            if len(taken) == count:
                break
    return taken


async def test_events_come_in_order_as_they_happen() -> None:
    """A listener gets what is published after it came, in order, also what came while it was away."""
    stream = EventStream()
    stream.publish("before", {})
    listening = asyncio.create_task(take(stream, 3))
    await asyncio.sleep(0.01)
    for n in range(3):
        stream.publish("step", {"n": n})
        await asyncio.sleep(0)
    assert [event.text for event in await listening] == ['{"n": 0}', '{"n": 1}', '{"n": 2}']


async def test_a_stream_is_taken_up_where_it_broke_off() -> None:
    """The id of the last event that was seen brings everything after it, nothing twice."""
    stream = EventStream()
    for n in range(5):
        stream.publish("step", {"n": n})
    first = await take(stream, 1, stream.last_id.replace("-5", "-2"))
    rest = await take(stream, 2, first[0].id)
    assert [event.text for event in first + rest] == ['{"n": 2}', '{"n": 3}', '{"n": 4}']


async def test_lost_events_are_said() -> None:
    """An id that is too old, of another stream, or none at all, gives `reset` first."""
    stream = EventStream(kept=3)
    for n in range(10):
        stream.publish("step", {"n": n})
    name = stream.last_id.rpartition("-")[0]
    for last_id in (f"{name}-2", "0badc0de-9", "nonsense", f"{name}-999"):
        event = (await take(stream, 1, last_id))[0]
        assert event.kind == "reset"
        assert event.id == stream.last_id


async def test_a_slow_viewer_is_told_that_it_lost_events() -> None:
    """Who takes one event while many happen gets `reset`, not a gap in silence."""
    stream = EventStream(kept=3)
    events = stream.since()
    waiting = asyncio.create_task(anext(events))
    await asyncio.sleep(0)
    stream.publish("step", {"n": 0})
    assert (await waiting).kind == "step"
    for n in range(1, 10):
        stream.publish("step", {"n": n})
    assert (await anext(events)).kind == "reset"
    await events.aclose()


async def test_of_a_whole_state_only_the_latest_is_kept() -> None:
    """A state that was replaced is not sent again to who comes later."""
    stream = EventStream()
    start = stream.last_id
    for n in range(4):
        stream.publish("live", {"n": n}, latest_only=True)
    stream.publish("step", {})
    assert [event.text for event in await take(stream, 2, start)] == ['{"n": 3}', "{}"]


async def test_twenty_viewers_see_the_same() -> None:
    """Every viewer gets every event."""
    stream = EventStream()
    viewers = [asyncio.create_task(take(stream, 50)) for _ in range(20)]
    await asyncio.sleep(0.01)
    for n in range(50):
        stream.publish("step", {"n": n})
        if n % 7 == 0:
            await asyncio.sleep(0)
    seen = [[event.id for event in events] for events in await asyncio.gather(*viewers)]
    assert all(ids == seen[0] for ids in seen)
    assert len(set(seen[0])) == 50


async def test_closing_ends_the_streams_after_what_is_left() -> None:
    """A viewer gets what was published before the end, then the end; nothing comes after."""
    stream = EventStream()
    start = stream.last_id
    stream.publish("step", {})
    stream.close()
    stream.publish("late", {})
    async with asyncio.timeout(5):
        assert [event.kind async for event in stream.since(start)] == ["step"]

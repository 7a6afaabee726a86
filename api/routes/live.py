"""The bench now: its state, its camera, and the commands of the person who stands beside it."""

import asyncio
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.bench import Look
from api.errors import NotFoundError
from api.models import GiveAnswer, GiveCommand, Live
from api.pictures import MEDIA_TYPE, draw_look
from api.problems import describe
from api.routes.bench import Bench

router = APIRouter(tags=["live"])


@router.get("/live")
async def get_live(bench: Bench) -> Live:
    """The state of the bench: run, step, level towards target, tags, alarms."""
    return bench.live()


@router.post("/live/commands", status_code=HTTPStatus.ACCEPTED, responses=describe(HTTPStatus.CONFLICT))
async def give_command(bench: Bench, given: GiveCommand) -> Live:
    """Tell the run to hold, unhold, stop, abort or clear. The effect follows and is seen in the events."""
    bench.command(given.command.value, given.run)
    return bench.live()


@router.post(
    "/live/answers",
    status_code=HTTPStatus.ACCEPTED,
    responses=describe(HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY),
)
async def give_answer(bench: Bench, given: GiveAnswer) -> Live:
    """Answer the prompt that the run waits on: who did it, what was seen to, which numbers were found."""
    bench.answer(given)
    return bench.live()


@router.get(
    "/live/picture.jpg",
    responses={**describe(HTTPStatus.NOT_FOUND), 200: {"content": {MEDIA_TYPE: {}}}},
    response_class=Response,
)
async def get_picture(
    bench: Bench,
    close: Annotated[bool, Query(description="Only the part about the level, enlarged.")] = False,
) -> Response:
    """What the camera showed last, with the reading drawn in."""
    watch = bench.watch
    if watch is None or watch.look is None:
        raise NotFoundError("there is no picture yet")
    return await _drawn(watch.look, close=close)


@router.get(
    "/live/gauges/{name}/picture.jpg",
    responses={**describe(HTTPStatus.NOT_FOUND), 200: {"content": {MEDIA_TYPE: {}}}},
    response_class=Response,
)
async def get_gauge_picture(bench: Bench, name: str) -> Response:
    """What a gauge's camera showed last, with the reading drawn in."""
    look = bench.watch.gauge_looks.get(name) if bench.watch is not None else None
    if look is None:
        raise NotFoundError(f"there is no picture of a gauge {name}")
    return await _drawn(look)


async def _drawn(look: Look, *, close: bool = False) -> Response:
    drawn = await asyncio.to_thread(draw_look, look, close=close)
    return Response(drawn, media_type=MEDIA_TYPE, headers={"Cache-Control": "no-store"})

"""The pages: templates filled with what the REST interface knows too."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import HTMLResponse

from api.indexing import STATES
from api.models import RunId
from api.records import read_result
from api.rendering import render
from api.result_page import result_page
from api.routes.bench import Bench
from api.routes.runs import folder_of
from api.routes.setup import setup_of
from api.storage.runs import RunFilter
from api.texts import LANGUAGES, catalogue, choose_language

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

PAGE_SIZE = 25
LANGUAGE_COOKIE = "language"
YEAR_S = 365 * 24 * 3600
Sought = Annotated[str, Query(max_length=200)]


@router.get("/")
def runs_page(
    request: Request,
    bench: Bench,
    *,
    q: Sought = "",
    state: Sought = "",
    verdict: Sought = "",
    after: Annotated[RunId | None, Query()] = None,
) -> Response:
    """The list of runs, and the form that starts one."""
    wanted = RunFilter(state=state or None, verdict=verdict or None, text=q.strip() or None)
    return _page(
        request,
        "runs.html.j2",
        {
            "here": "runs",
            "page": bench.index.page(wanted, limit=PAGE_SIZE, after=after),
            "query": {
                "q": q,
                "state": state,
                "verdict": verdict,
                "after": after,
                "any": bool(q.strip() or state or verdict or after),
            },
            "states": STATES,
            "setup": setup_of(bench),
            "live": bench.live(),
        },
    )


@router.get("/live")
async def live_page(request: Request, bench: Bench) -> Response:
    """The live run."""
    return _page(
        request,
        "live.html.j2",
        {
            "here": "live",
            "live": bench.live(),
            "last_event": bench.events.last_id,
            "setup": setup_of(bench),
            "texts": catalogue(_language(request)),
        },
    )


@router.get("/runs/{run}")
def run_page(request: Request, bench: Bench, run: Annotated[RunId, Path()]) -> Response:
    """One run and its result."""
    row = bench.index.get(run)
    result = read_result(folder_of(bench, run))
    context: dict[str, Any] = {
        "here": "runs",
        "run": row,
        "readings": bench.index.readings(run),
        "live": bench.live(),
        "result": None if result is None or "problem" in result else result_page(result),
        "problem": (result or {}).get("problem", ""),
    }
    return _page(request, "run.html.j2", context)


def error_page(request: Request, status: int, detail: str) -> Response:
    """A page that says what went wrong."""
    context = {"here": "", "status": status, "title": HTTPStatus(status).phrase, "detail": detail}
    return _page(request, "error.html.j2", context, status=status)


def _language(request: Request) -> str:
    return choose_language(
        request.query_params.get("lang"),
        request.cookies.get(LANGUAGE_COOKIE),
        request.headers.get("accept-language"),
    )


def _page(request: Request, template: str, context: Mapping[str, Any], status: int = 200) -> Response:
    language = _language(request)
    page = HTMLResponse(render(template, language, context), status_code=status)
    page.headers["Cache-Control"] = "no-store"
    if request.query_params.get("lang") in LANGUAGES:
        page.set_cookie(LANGUAGE_COOKIE, language, max_age=YEAR_S, httponly=True, samesite="strict")
    return page

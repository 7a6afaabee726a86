"""The service behind `tankcal annotate`: one set, one page, and what a person says of each picture."""

from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

from api import problems, security
from api.annotation.entries import Picture, Said, picture_data, pictures, say
from api.rendering import render
from api.service import STATIC
from api.texts import catalogue, choose_language


def create_annotation_app(folder: Path, hosts: Sequence[str] = security.LOOPBACK) -> FastAPI:
    """The application for one image set. Nothing is kept in memory: the manifest is what counts."""
    app = FastAPI(title="tankcal annotate", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/")
    def page(request: Request) -> Response:
        """The page."""
        language = _language(request)
        shown = [picture.model_dump() for picture in pictures(folder)]
        context = {"folder": folder.name, "pictures": shown, "texts": catalogue(language)}
        answer = HTMLResponse(render("annotate.html.j2", language, context))
        answer.headers["Cache-Control"] = "no-store"
        return answer

    @app.get("/api/pictures")
    def list_pictures() -> list[Picture]:
        """Every line of the set, with what was said of it."""
        return list(pictures(folder))

    @app.get("/api/pictures/{line}/image", response_class=Response)
    def get_image(line: int) -> Response:
        """The picture, or the instrument's part of it."""
        data, media_type = picture_data(folder, line)
        return Response(data, media_type=media_type, headers={"Cache-Control": "no-store"})

    @app.put("/api/pictures/{line}")
    def put_said(line: int, said: Said) -> Picture:
        """Say what a picture shows, or take it back; on the disk when this answers."""
        return say(folder, line, said)

    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    problems.install(app, page=_error_page)
    security.install(app, hosts)
    return app


def _language(request: Request) -> str:
    return choose_language(request.query_params.get("lang"), None, request.headers.get("accept-language"))


def _error_page(request: Request, status: int, detail: str) -> Response:
    """What went wrong, as plain text: the page has no other parts to go to."""
    return Response(f"{HTTPStatus(status).phrase}: {detail}\n", status, media_type="text/plain")

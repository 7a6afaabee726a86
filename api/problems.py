"""Errors as `application/problem+json` (RFC 9457), the same for every route."""

import json
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from api.errors import ApiError, BusyError, NotFoundError, NotNowError, RecordError, SettingsError, TwinError
from calibration.errors import CalibrationError
from control.errors import AnswerError, ConfigurationError, ControlError
from vision.errors import StationError, VisionError

MEDIA_TYPE = "application/problem+json"
STATUS: Mapping[type[Exception], HTTPStatus] = {
    BusyError: HTTPStatus.CONFLICT,
    NotNowError: HTTPStatus.CONFLICT,
    NotFoundError: HTTPStatus.NOT_FOUND,
    SettingsError: HTTPStatus.UNPROCESSABLE_ENTITY,
    ConfigurationError: HTTPStatus.UNPROCESSABLE_ENTITY,
    StationError: HTTPStatus.UNPROCESSABLE_ENTITY,
    AnswerError: HTTPStatus.UNPROCESSABLE_ENTITY,
    RecordError: HTTPStatus.INTERNAL_SERVER_ERROR,
    TwinError: HTTPStatus.SERVICE_UNAVAILABLE,
    ControlError: HTTPStatus.SERVICE_UNAVAILABLE,
    VisionError: HTTPStatus.SERVICE_UNAVAILABLE,
    CalibrationError: HTTPStatus.INTERNAL_SERVER_ERROR,
    ApiError: HTTPStatus.INTERNAL_SERVER_ERROR,
}


class WrongField(BaseModel):
    """One field of a request that is not as expected."""

    field: str
    expected: str


class Problem(BaseModel):
    """What went wrong, for a person (`title`, `detail`) and for a program (`status`, the further fields)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    run: str | None = None
    fields: list[WrongField] | None = None


def problem(
    status: int, detail: str, *, run: str | None = None, fields: Sequence[WrongField] | None = None
) -> JSONResponse:
    """A response that says what went wrong."""
    body = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        run=run,
        fields=list(fields) if fields is not None else None,
    )
    return JSONResponse(body.model_dump(exclude_none=True), status_code=status, media_type=MEDIA_TYPE)


def describe(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route in the OpenAPI description: its problems."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def install(app: FastAPI, page: Callable[[Request, int, str], Response]) -> None:
    """Answer every error of `app` with a problem; a person who asked for a page gets `page`."""

    async def answer(request: Request, error: Exception) -> Response:
        said = _problem_of(error)
        if _is_page(request):
            return page(request, said.status_code, str(json.loads(bytes(said.body))["detail"]))
        return said

    for kind in (*STATUS, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, answer)


def _is_page(request: Request) -> bool:
    path = request.url.path
    return request.method == "GET" and not path.startswith(("/api/", "/static/", "/health"))


def _problem_of(error: Exception) -> JSONResponse:
    if isinstance(error, RequestValidationError):
        return _invalid(error)
    if isinstance(error, HTTPException):
        return problem(error.status_code, str(error.detail))
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), None)
    if status is None:
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "the service failed; its log says why")
    return problem(status, str(error), run=(error.run or None) if isinstance(error, BusyError) else None)


def _invalid(error: RequestValidationError) -> JSONResponse:
    fields = [
        WrongField(field=".".join(str(part) for part in wrong["loc"]), expected=wrong["msg"])
        for wrong in error.errors()
    ]
    detail = "; ".join(f"{wrong.field}: {wrong.expected}" for wrong in fields)
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, fields=fields)

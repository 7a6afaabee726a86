"""Errors as `application/problem+json` (RFC 9457), the same for every route."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from api.errors import ApiError, BusyError, NotFoundError, NotNowError, RecordError, SettingsError, TwinError
from calibration.errors import CalibrationError
from control.errors import ConfigurationError, ControlError
from vision.errors import StationError, VisionError

MEDIA_TYPE = "application/problem+json"
STATUS: Mapping[type[Exception], HTTPStatus] = {
    BusyError: HTTPStatus.CONFLICT,
    NotNowError: HTTPStatus.CONFLICT,
    NotFoundError: HTTPStatus.NOT_FOUND,
    SettingsError: HTTPStatus.UNPROCESSABLE_ENTITY,
    ConfigurationError: HTTPStatus.UNPROCESSABLE_ENTITY,
    StationError: HTTPStatus.UNPROCESSABLE_ENTITY,
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


def describe(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route in the OpenAPI description: its problems."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {int(status): {"description": status.phrase, "content": content} for status in statuses}


def install(app: FastAPI) -> None:
    """Answer every error of `app` with a problem."""
    for kind in STATUS:
        app.add_exception_handler(kind, _known)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unknown)


async def _known(_request: Request, error: Exception) -> JSONResponse:
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    run = error.run or None if isinstance(error, BusyError) else None
    return problem(status, str(error), run=run)


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    fields = [
        WrongField(field=".".join(str(part) for part in wrong["loc"]), expected=wrong["msg"])
        for wrong in error.errors()
    ]
    detail = "; ".join(f"{wrong.field}: {wrong.expected}" for wrong in fields)
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, fields=fields)


async def _http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return problem(error.status_code, str(error.detail))


async def _unknown(_request: Request, _error: Exception) -> JSONResponse:
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "the service failed; its log says why")

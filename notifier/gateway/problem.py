"""Errors as problem documents. Source: RFC 9457."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from notifier.errors import (
    IdempotencyConflict,
    InvalidInput,
    NotFound,
    NotifierError,
    Unavailable,
)

RETRY_AFTER_S = 2
"""What a client is told to wait where a server is away."""

logger = structlog.get_logger(__name__)


class Problem(NotifierError):
    """An answer other than the one that was hoped for.

    extra: further members of the document, as `field`.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **extra: object,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = dict(headers or {})
        self.extra = extra


def problem_response(problem: Problem) -> Response:
    document = {
        "type": "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": str(problem),
        **problem.extra,
    }
    return Response(
        orjson.dumps(document),
        problem.status,
        headers=problem.headers,
        media_type="application/problem+json",
    )


def problem_of(error: NotifierError) -> Problem:
    """What a caller is told of an error of ours."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, IdempotencyConflict):
        return Problem(409, str(error), field=error.field)
    if isinstance(error, InvalidInput):
        return Problem(422, str(error), field=error.field)
    if isinstance(error, NotFound):
        return Problem(404, str(error))
    if isinstance(error, Unavailable):
        return Problem(503, str(error), headers={"retry-after": str(RETRY_AFTER_S)})
    logger.error("request_failed", reason=str(error))
    return Problem(500, str(error))


def answer_with_problems(app: FastAPI) -> None:
    """Every error that a route raises becomes a problem document."""

    async def on_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, NotifierError)  # noqa: S101
        return problem_response(problem_of(error))

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101
        return problem_response(Problem(error.status_code, error.detail, headers=error.headers))

    async def on_invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"][1:])
        return problem_response(Problem(422, f"{field}: {first['msg']}", field=field))

    async def on_anything(request: Request, error: Exception) -> Response:
        # The text may hold anything; the log has it.
        return problem_response(Problem(500, "an error that nobody expected; see the log"))

    app.add_exception_handler(NotifierError, on_error)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(Exception, on_anything)

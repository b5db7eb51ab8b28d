"""The busiest routes, past the framework's machinery, which would cost more than all the rest.

They are routes of the framework too, and so in its OpenAPI document.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from notifier.errors import NotifierError
from notifier.gateway.problem import problem_of, problem_response

Handler = Callable[[Request], Awaitable[Response]]


class ShortCut:
    """routes: by method and path, which have no parameters; may be filled later."""

    def __init__(self, app: ASGIApp, routes: Mapping[tuple[str, str], Handler]) -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        handler = None
        if scope["type"] == "http":
            handler = self._routes.get((scope["method"], scope["path"]))
        if handler is None:
            await self._app(scope, receive, send)
            return
        try:
            response = await handler(Request(scope, receive))
        except NotifierError as error:
            response = problem_response(problem_of(error))
        await response(scope, receive, send)

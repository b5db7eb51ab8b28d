"""No body is larger than allowed, whatever its headers say."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from notifier.gateway.problem import Problem, problem_response


class LimitedBodies:
    def __init__(self, app: ASGIApp, most_bytes: int) -> None:
        self._app = app
        self._most = most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._announced(scope) > self._most:
            await problem_response(self._problem())(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._most:
                raise self._problem()
            return message

        await self._app(scope, counted, send)

    def _announced(self, scope: Scope) -> int:
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit():
                return int(value)
        return 0

    def _problem(self) -> Problem:
        return Problem(
            413,
            f"the body is larger than {self._most // 1024} KiB; send less at once, or raise "
            "[gateway] body_kib",
            headers={"connection": "close"},
        )

"""Who is at the other end: the session's cookie, and proof that a page of ours sent the request."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import Response

from notifier.dispatch.login import SESSION_LASTS, Login
from notifier.domain.operator import Operator
from notifier.gateway.problem import Problem

PROOF = "x-notifier-proof"
"""The header that a form of another site cannot set; its value is in `/ui/me`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    operator: Operator
    token: str

    @property
    def proof(self) -> str:
        """Known to nobody who has not read an answer of ours."""
        return hmac.new(self.token.encode(), b"proof", hashlib.sha256).hexdigest()


def cookie_name(connection: HTTPConnection) -> str:
    # A browser takes this prefix only with Secure, Path=/ and without Domain.
    return "__Host-notifier" if _is_secure(connection) else "notifier_session"


def token_of(connection: HTTPConnection) -> str:
    return connection.cookies.get(cookie_name(connection), "")


async def session_of(connection: HTTPConnection, login: Login) -> Session:
    """Raises Problem 401, StoreUnavailable."""
    token = token_of(connection)
    operator = await login.who(token)
    if operator is None:
        raise Problem(401, "log in first")
    return Session(operator=operator, token=token)


async def acting_session_of(connection: HTTPConnection, login: Login) -> Session:
    """Of a request that changes something. Raises Problem 401 and 403, StoreUnavailable."""
    check_origin(connection)
    session = await session_of(connection, login)
    if not hmac.compare_digest(connection.headers.get(PROOF, ""), session.proof):
        raise Problem(403, f"the header {PROOF} is missing or wrong; load the page again")
    return session


def check_origin(connection: HTTPConnection) -> None:
    """Browsers say where a POST or a WebSocket comes from. Raises Problem 403."""
    origin = connection.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != connection.headers.get("host"):
        raise Problem(403, "the request comes from another site's page")


def let_in(response: Response, connection: HTTPConnection, token: str) -> None:
    response.set_cookie(
        cookie_name(connection),
        token,
        max_age=int(SESSION_LASTS.total_seconds()),
        path="/",
        httponly=True,
        samesite="strict",
        secure=_is_secure(connection),
    )


def let_out(response: Response, connection: HTTPConnection) -> None:
    response.delete_cookie(
        cookie_name(connection),
        path="/",
        httponly=True,
        samesite="strict",
        secure=_is_secure(connection),
    )


def _is_secure(connection: HTTPConnection) -> bool:
    return connection.url.scheme in ("https", "wss")

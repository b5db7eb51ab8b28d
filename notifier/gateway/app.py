"""The ASGI application, put together from its parts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from notifier import __version__
from notifier.gateway import health, receipts
from notifier.gateway.api.part import part as api
from notifier.gateway.bodies import LimitedBodies
from notifier.gateway.live.part import part as live
from notifier.gateway.pages.part import part as pages
from notifier.gateway.part import Gateway, Part
from notifier.gateway.problem import answer_with_problems
from notifier.gateway.shortcut import ShortCut

PARTS: Sequence[Part] = (health.part, receipts.part, api, live, pages)


@asynccontextmanager
async def build(gateway: Gateway, parts: Sequence[Part] = PARTS) -> AsyncIterator[FastAPI]:
    """The application while the body runs, with all that its parts keep open."""
    # Addresses of documentation come with the API; FastAPI's own pages load scripts from outside.
    app = FastAPI(
        title="notifier",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.gateway = gateway
    answer_with_problems(app)
    app.add_middleware(ShortCut, routes=gateway.shortcuts)
    app.add_middleware(LimitedBodies, most_bytes=gateway.settings.gateway.body_kib * 1024)
    if gateway.settings.gateway.origins:
        _allow(app, gateway.settings.gateway.origins)
    async with AsyncExitStack() as stack:
        for part in parts:
            app.include_router(await stack.enter_async_context(part(gateway)))
        yield app


def _allow(app: FastAPI, origins: Sequence[str]) -> None:
    """Let pages of these origins read answers; they bring keys, never cookies."""
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(origins),
        allow_methods=["GET", "POST", "PUT", "DELETE"],
        allow_headers=["authorization", "content-type", "idempotency-key"],
        expose_headers=["location", "retry-after"],
        max_age=600,
    )

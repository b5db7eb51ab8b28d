"""Whether the process lives, and whether it can keep a promise."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from notifier.errors import StoreError, StoreUnavailable
from notifier.gateway.part import Gateway

ANSWER_S = 3.0
"""MySQL counts as away when it takes longer."""


@asynccontextmanager
async def part(gateway: Gateway) -> AsyncIterator[APIRouter]:
    router = APIRouter(tags=["health"])

    @router.get("/healthz", summary="Does the process live?")
    async def healthz() -> JSONResponse:
        return JSONResponse({"status": "ok"})

    @router.get("/readyz", summary="Can it accept notifications?")
    async def readyz() -> JSONResponse:
        """503 while MySQL does not answer or the process drains.

        That RabbitMQ is away is told, but no reason for 503: what is accepted is published when it
        is back.
        """
        mysql = await _mysql(gateway)
        broker = "ok" if gateway.tools.is_broker_up() else "away"
        draining = gateway.draining.is_set()
        ready = mysql == "ok" and not draining
        status = "draining" if draining else "ready" if ready else "not ready"
        return JSONResponse(
            {"status": status, "mysql": mysql, "rabbitmq": broker}, 200 if ready else 503
        )

    yield router


async def _mysql(gateway: Gateway) -> str:
    try:
        async with asyncio.timeout(ANSWER_S):
            await gateway.tools.database.fetch("SELECT 1")
    except (StoreUnavailable, StoreError, TimeoutError):
        return "away"
    return "ok"

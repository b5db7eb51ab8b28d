"""The HTTP API, version 1."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, Response

from notifier.gateway.api.acting import Acting
from notifier.gateway.api.documents import answer
from notifier.gateway.api.endpoints import EndpointRoutes
from notifier.gateway.api.looking import Looking
from notifier.gateway.api.manual import page_of
from notifier.gateway.api.metrics import Metrics
from notifier.gateway.api.openapi import document_of
from notifier.gateway.api.submitting import Submitting
from notifier.gateway.part import Gateway

V1 = "/v1"
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"


@asynccontextmanager
async def part(gateway: Gateway) -> AsyncIterator[APIRouter]:
    router = APIRouter()
    submitting = Submitting(gateway)
    gateway.shortcuts["POST", f"{V1}/notifications"] = submitting.one
    gateway.shortcuts["POST", f"{V1}/notifications/batch"] = submitting.many
    router.include_router(_notifications(gateway, submitting), prefix=V1)
    router.include_router(_endpoints(gateway), prefix=V1)
    router.include_router(_described())
    router.get("/metrics", tags=["health"], response_class=PlainTextResponse)(Metrics(gateway).show)
    yield router


def _notifications(gateway: Gateway, submitting: Submitting) -> APIRouter:
    router = APIRouter(tags=["notifications"])
    looking, acting = Looking(gateway), Acting(gateway)
    post, get = router.post, router.get
    post("/notifications")(submitting.one)
    post("/notifications/batch")(submitting.many)
    get("/notifications")(looking.many)
    post("/notifications/replay")(acting.replay_many)
    get("/notifications/{id}")(looking.one)
    get("/notifications/{id}/attempts")(looking.attempts)
    post("/notifications/{id}/cancel")(acting.cancel)
    post("/notifications/{id}/reschedule")(acting.reschedule)
    post("/notifications/{id}/replay")(acting.replay)
    post("/orders/{order_no}/cancel")(acting.cancel_order)
    post("/orders/{order_no}/reschedule")(acting.reschedule_order)
    return router


def _endpoints(gateway: Gateway) -> APIRouter:
    router = APIRouter(tags=["endpoints"])
    routes = EndpointRoutes(gateway)
    router.get("/endpoints")(routes.all)
    router.post("/endpoints")(routes.add)
    router.get("/endpoints/{name}")(routes.one)
    router.put("/endpoints/{name}")(routes.change)
    router.delete("/endpoints/{name}")(routes.remove)
    router.post("/endpoints/{name}/pause")(routes.pause)
    router.post("/endpoints/{name}/resume")(routes.resume)
    router.post("/endpoints/{name}/rotate-secret")(routes.rotate)
    router.post("/endpoints/{name}/test")(routes.test)
    return router


def _described() -> APIRouter:
    """What the application is, to programs and to people."""
    router = APIRouter(include_in_schema=False)
    kept: dict[str, Any] = {}

    def document(app: FastAPI) -> dict[str, Any]:
        if not kept:
            kept.update(document_of(app))
        return kept

    @router.get("/openapi.json")
    async def openapi(request: Request) -> Response:
        return answer(document(request.app))

    @router.get("/docs")
    async def docs(request: Request) -> Response:
        headers = {"content-security-policy": POLICY, "referrer-policy": "no-referrer"}
        return HTMLResponse(page_of(document(request.app)), headers=headers)

    return router

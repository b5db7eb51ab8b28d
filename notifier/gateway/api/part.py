"""The HTTP API, version 1."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter

from notifier.gateway.api.acting import Acting
from notifier.gateway.api.endpoints import EndpointRoutes
from notifier.gateway.api.looking import Looking
from notifier.gateway.api.submitting import Submitting
from notifier.gateway.part import Gateway

V1 = "/v1"


@asynccontextmanager
async def part(gateway: Gateway) -> AsyncIterator[APIRouter]:
    router = APIRouter()
    submitting = Submitting(gateway)
    gateway.shortcuts["POST", f"{V1}/notifications"] = submitting.one
    gateway.shortcuts["POST", f"{V1}/notifications/batch"] = submitting.many
    router.include_router(_notifications(gateway, submitting), prefix=V1)
    router.include_router(_endpoints(gateway), prefix=V1)
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
    router.delete("/endpoints/{name}")(routes.remove)
    router.post("/endpoints/{name}/pause")(routes.pause)
    router.post("/endpoints/{name}/resume")(routes.resume)
    router.post("/endpoints/{name}/rotate-secret")(routes.rotate)
    router.post("/endpoints/{name}/test")(routes.test)
    return router

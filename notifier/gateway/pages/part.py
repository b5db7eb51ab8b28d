"""The dashboard: one page, what it shows, and what an operator does with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from notifier.gateway.pages import acting, feed, looking
from notifier.gateway.pages.assets import HEADERS, answer_with, read_assets
from notifier.gateway.pages.fleets import Fleets
from notifier.gateway.pages.sections import sections_of
from notifier.gateway.pages.sessions import token_of
from notifier.gateway.pages.streams import Streams
from notifier.gateway.part import Gateway
from notifier.gateway.problem import Problem
from notifier.wiring.dashboard import open_dashboard


@asynccontextmanager
async def part(gateway: Gateway) -> AsyncIterator[APIRouter]:
    async with open_dashboard(gateway.settings, gateway.tools) as dashboard:
        sections = sections_of(
            dashboard,
            fleets=Fleets(dashboard.presence),
            settings=gateway.settings,
            lead=gateway.tools.places.lead,
        )
        async with feed.opened(sections) as opened:
            streams = Streams(feed=opened, login=dashboard.login, draining=gateway.draining)
            router = APIRouter(include_in_schema=False)
            _add_pages(router)
            looking.add(router, dashboard, opened, tiers=gateway.settings.fleet.tiers)
            acting.add(router, dashboard)
            router.add_api_websocket_route("/ui/stream", streams.websocket)
            router.add_api_route("/ui/events", streams.events, methods=["GET"])
            yield router


def _add_pages(router: APIRouter) -> None:
    assets = read_assets()

    @router.get("/")
    async def page(request: Request) -> Response:
        # Whether the session still lasts is told with the data; here is none.
        if not token_of(request):
            return RedirectResponse("/login", 303, headers=HEADERS)
        return answer_with(assets["index.html"], request)

    @router.get("/login")
    async def login(request: Request) -> Response:
        return answer_with(assets["login.html"], request)

    @router.get("/favicon.ico")
    async def icon(request: Request) -> Response:
        return answer_with(assets["icon.svg"], request)

    @router.get("/ui/assets/{name}")
    async def asset(name: str, request: Request) -> Response:
        if name not in assets:
            raise Problem(404, "there is no such file")
        return answer_with(assets[name], request)

"""WebSocket, server-sent events, push."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from fastapi import APIRouter
from starlette.routing import WebSocketRoute

from notifier.dispatch.ending import end
from notifier.gateway.live.hub import Hub
from notifier.gateway.live.ports import HubLimits
from notifier.gateway.live.routes import LiveRoutes
from notifier.gateway.live.session import Close, Limits
from notifier.gateway.live.talk import Desk, Talk
from notifier.gateway.live.websocket import Door, LiveSocket
from notifier.gateway.part import Gateway
from notifier.settings import Settings
from notifier.wiring.live import LiveTools, live_feed, live_tools

PATH = "/v1/live"


@asynccontextmanager
async def part(gateway: Gateway) -> AsyncIterator[APIRouter]:
    """Raises SettingsError."""
    settings = gateway.settings
    tools = live_tools(settings, gateway.tools.database, gateway.tools.intake)
    hub = Hub(tools.topics, hub_limits_of(settings))
    feed = live_feed(settings, hub)
    hub.feed = feed
    try:
        async with asyncio.TaskGroup() as group:
            tasks = (
                group.create_task(feed.run()),
                group.create_task(hub.keep()),
                group.create_task(hub.look()),
                group.create_task(_end_streams(hub, gateway.draining)),
            )
            yield _routes(gateway, tools, hub)
            await end(tasks)
    finally:
        await feed.close()
        await tools.close()


def hub_limits_of(settings: Settings) -> HubLimits:
    live = settings.live
    return HubLimits(
        clients=live.most_clients,
        per_user=live.most_per_user,
        per_address=live.most_per_address,
        value=live.largest_bytes,
        kept=live.keep_topics,
        ack_s=live.ack_s,
        auth_s=live.auth_s,
        session_s=live.session_s,
    )


def _routes(gateway: Gateway, tools: LiveTools, hub: Hub) -> APIRouter:
    settings = gateway.settings
    limits = Limits(
        per_minute=settings.live.per_minute,
        backlog=settings.live.backlog_bytes,
        topics=settings.live.most_topics,
    )
    desk = Desk(
        hub=hub,
        tickets=tools.tickets,
        pushes=tools.pushes,
        submit=tools.submit,
        tasks=tools.task_names,
    )
    talk = Talk(desk)
    door = Door(hub, origins=tuple(origin.lower() for origin in settings.gateway.origins))
    router = APIRouter(tags=["live"])
    LiveRoutes(
        settings, tools, keys=gateway.keys, hub=hub, talk=talk, door=door, limits=limits
    ).add_to(router)
    socket = LiveSocket(hub, talk, door, limits)
    router.routes.append(WebSocketRoute(PATH, cast("type", socket), name="live"))
    return router


async def _end_streams(hub: Hub, draining: asyncio.Event) -> None:
    """WebSockets end when the server shuts down, each at its own moment; streams hold it up."""
    await draining.wait()
    hub.close_all(Close.RECONNECT, "reconnect", kind="sse")
    await asyncio.Event().wait()

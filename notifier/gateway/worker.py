"""The gateway as a process of a fleet: it accepts until it is told to drain."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn

from notifier.dispatch import failpoint
from notifier.dispatch.tally import Tally
from notifier.domain.worker import WorkerReport
from notifier.gateway.app import build
from notifier.gateway.connection import Connection
from notifier.gateway.keys import Keys
from notifier.gateway.live.wire import Wire
from notifier.gateway.part import Gateway
from notifier.settings import Settings
from notifier.wiring.gateway import open_tools
from notifier.wiring.listening import tls_of

LISTENER = "NOTIFIER_CHILD_LISTENER"
"""The descriptor that the supervisor hands over."""


def worker_for(settings: Settings, kind: str, tier: int | None) -> GatewayWorker:
    """Raises SettingsError for a certificate that cannot be used."""
    failpoint.arm(os.environ.get(failpoint.VARIABLE))
    return GatewayWorker(settings, tls=tls_of(settings.gateway))


class GatewayWorker:
    def __init__(self, settings: Settings, *, tls: ssl.SSLContext | None) -> None:
        self._settings = settings
        self._tls = tls
        self._tally = Tally()

    async def run(self, *, ready: Callable[[], None], draining: asyncio.Event) -> None:
        async with open_tools(self._settings) as tools:
            gateway = Gateway(
                settings=self._settings,
                tools=tools,
                keys=Keys(tools.api_keys),
                draining=draining,
                tally=self._tally,
            )
            async with build(gateway) as app:
                await self._serve(app, ready, draining)

    def report(self) -> WorkerReport:
        return self._tally.report()

    async def _serve(self, app: Any, ready: Callable[[], None], draining: asyncio.Event) -> None:
        server = Server(config_of(app, self._settings, tls=self._tls), ready=ready)
        listener = socket.socket(fileno=int(os.environ[LISTENER]))
        async with asyncio.TaskGroup() as group:
            group.create_task(server.serve([listener]))
            await draining.wait()
            server.should_exit = True


class Server(uvicorn.Server):
    """Leaves the signals to the process, and says when it accepts."""

    def __init__(self, config: uvicorn.Config, *, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def config_of(app: Any, settings: Settings, *, tls: ssl.SSLContext | None) -> uvicorn.Config:
    gateway, live = settings.gateway, settings.live
    return uvicorn.Config(
        app,
        http=Connection,
        ws=Wire,
        ws_max_size=live.message_bytes,
        ws_max_queue=16,
        ws_ping_interval=live.ping_s,
        ws_ping_timeout=live.ping_s,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(gateway.proxies),
        forwarded_allow_ips=list(gateway.proxies),
        limit_concurrency=gateway.connections,
        timeout_keep_alive=gateway.idle_s,
        ssl_context_factory=None if tls is None else lambda _config, _default: tls,
    )

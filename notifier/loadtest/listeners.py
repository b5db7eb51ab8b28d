"""Clients of the gateway that acknowledge what they are pushed, and remember it."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from notifier.domain.ticket import Ticket
from notifier.errors import InvalidInput
from notifier.settings import Settings
from notifier.store.tickets import RedisTickets

LIVES = timedelta(seconds=60)
ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where to call who listens anywhere


class Listeners:
    """Implements `notifier.loadtest.target.Receiver`, as far as a push has a receiver."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._rows: dict[str, dict[str, Any]] = {}

    @asynccontextmanager
    async def connected(self, users: Sequence[str]) -> AsyncIterator[None]:
        """Raises InvalidInput where no gateway answers, StoreUnavailable."""
        redis = self._settings.redis
        tickets = RedisTickets(redis.url.get_secret_value(), prefix=redis.prefix)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(tickets.close)
            connections = []
            for user in users:
                ticket = await tickets.issue(Ticket(user=user), lives=LIVES)
                connection = await self._connect(stack, ticket)
                connections.append((user, connection))
            group = await stack.enter_async_context(asyncio.TaskGroup())
            listening = [group.create_task(self._listen(*each)) for each in connections]
            try:
                yield
            finally:
                for task in listening:
                    task.cancel()

    async def health(self) -> Mapping[str, Any]:
        return {}

    async def addresses(self) -> Mapping[str, str]:
        return {"data_url": self._url}

    async def counters(self) -> Mapping[str, Any]:
        return {"pushes": len(self._rows), "codes": {}}

    async def behaviour(self, **changes: Any) -> None:
        """They have no quotas."""

    async def webhooks(self, secrets: Mapping[str, Sequence[str]]) -> None:
        """They receive none."""

    async def script(
        self, rules: Sequence[Mapping[str, Any]], *, mode: str
    ) -> Sequence[Mapping[str, Any]]:
        return rules

    async def effects(self, *, since: float) -> AsyncIterator[Mapping[str, Any]]:
        for row in self._rows.values():
            yield row

    @property
    def _url(self) -> str:
        gateway = self._settings.gateway
        scheme = "wss" if gateway.cert_file else "ws"
        return f"{scheme}://{ANYWHERE.get(gateway.host, gateway.host)}:{gateway.port}/v1/live"

    async def _connect(self, stack: AsyncExitStack, ticket: str) -> ClientConnection:
        """Bound, with nothing owed: its user is new."""
        cert = self._settings.gateway.cert_file
        tls = None if cert is None else ssl.create_default_context(cafile=cert)
        try:
            opening = connect(self._url, ssl=tls, compression=None, proxy=None)
            connection = await stack.enter_async_context(opening)
            for request, answer in (
                ({"cmd": "auth", "ticket": ticket}, "welcome"),
                ({"cmd": "bind"}, "bound"),
            ):
                await connection.send(orjson.dumps(request).decode())
                said = orjson.loads(await connection.recv())
                if said["event"] != answer:
                    raise InvalidInput("channel", f"the gateway at {self._url} says {said}")
        except (WebSocketException, OSError, TimeoutError) as error:
            raise InvalidInput(
                "channel",
                f"push needs a gateway, and at {self._url} there is none ({error}); start "
                "`notifier gateway`, or say where it is with NOTIFIER_GATEWAY_PORT",
            ) from None
        return connection

    async def _listen(self, user: str, connection: ClientConnection) -> None:
        async for text in connection:
            event = orjson.loads(text)
            if event["event"] != "push":
                continue
            row = self._rows.setdefault(
                event["id"],
                {
                    "user": user,
                    "number": event["data"]["number"],
                    "received_at": time.time(),
                    "calls": 0,
                },
            )
            row["calls"] += 1
            await connection.send(orjson.dumps({"cmd": "ack", "id": event["id"]}).decode())

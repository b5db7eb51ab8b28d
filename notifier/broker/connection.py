"""How connections to RabbitMQ are made, and kept.

A process has two: one to publish, one to consume, so that a broker that throttles the publishers
does not keep the deliveries and their acks waiting. Source: RabbitMQ, Connections, "Blocked".
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from ipaddress import ip_address

import aio_pika
import structlog
from aio_pika.abc import AbstractConnection
from yarl import URL

from notifier.broker.faults import answering, cause_of, connecting
from notifier.broker.wire import DirectConnection as Transport
from notifier.errors import BrokerUnavailable, NotifierError, SettingsError

log = structlog.get_logger(__name__)

Setup = Callable[[Transport], Awaitable[None]]
"""Opens its channels on a fresh connection; runs again after every reconnect."""

FIRST_WAIT_S = 0.2
LONGEST_WAIT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where RabbitMQ is.

    url: amqp:// or amqps://, user, password and vhost included.
    timeout: for opening a connection, and for each request on it.
    plain_allowed: plain amqp:// to another host, over a network that is trusted.
    """

    url: str = field(repr=False)
    heartbeat: timedelta = timedelta(seconds=30)
    timeout: timedelta = timedelta(seconds=10)
    plain_allowed: bool = False

    def __post_init__(self) -> None:
        """Raises SettingsError where the URL is none, or would send the password in the clear."""
        url = URL(self.url)
        if url.scheme not in ("amqp", "amqps") or not url.host:
            raise SettingsError("[amqp] url must look like amqp://user:password@host:5672/vhost")
        if "no_verify_ssl" in url.query:
            raise SettingsError(
                "[amqp] url: no_verify_ssl is refused, anybody could answer in the broker's name; "
                "name its CA with ?cafile=/path/to/ca.pem"
            )
        if url.scheme == "amqp" and not self.plain_allowed and not _is_loopback(url.host):
            raise SettingsError(
                f"[amqp] url: amqp:// to {self.address} sends the password in the clear; "
                "use amqps://, or allow it for a network you trust"
            )

    @property
    def address(self) -> str:
        """host:port, for people; never the password."""
        url = URL(self.url)
        return f"{url.host}:{url.port or (5671 if url.scheme == 'amqps' else 5672)}"

    @property
    def vhost(self) -> str:
        return URL(self.url).path.removeprefix("/").replace("%2F", "/") or "/"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def open_transport(server: Server, *, name: str) -> Transport:
    """Open one connection, without aio-pika's layer; `name` is what the management UI shows.

    Raises BrokerUnavailable that names the address and the cause.
    """
    transport = Transport(_url(server), name=name)
    with connecting(server.address):
        async with asyncio.timeout(server.timeout.total_seconds()):
            await transport.connect()
    return transport


async def open_connection(server: Server, *, name: str) -> AbstractConnection:
    """The same with aio-pika's layer, for what is done once."""
    connection = aio_pika.Connection(_url(server), client_properties={"connection_name": name})
    with connecting(server.address):
        await connection.connect(timeout=server.timeout.total_seconds())
    return connection


def _url(server: Server) -> URL:
    return URL(server.url).update_query(heartbeat=int(server.heartbeat.total_seconds()))


class Link:
    """A connection that comes back by itself, after a pause that differs between processes.

    What works on it registers a setup with `use`, which opens its channels each time anew.
    """

    def __init__(self, server: Server, *, name: str) -> None:
        self.server = server
        self.name = name
        self._transport: Transport | None = None
        self._setups: list[Setup] = []
        self._lost = asyncio.Event()
        self._changing = asyncio.Lock()
        self._keeper: asyncio.Task[None] | None = None
        self._reason = ""
        self._is_set_up = False
        self._is_closing = False

    @property
    def is_up(self) -> bool:
        """Connected, and every setup is done."""
        return self._is_set_up and not self._lost.is_set()

    @property
    def transport(self) -> Transport:
        """The present connection. Raises BrokerUnavailable while there is none."""
        if self._transport is None:
            raise BrokerUnavailable(f"not connected to RabbitMQ at {self.server.address}")
        return self._transport

    async def open(self, *, patient: bool = False) -> None:
        """Connect and keep connected.

        patient: when the broker is away now, go on trying instead of raising BrokerUnavailable.
        """
        try:
            await self._connect()
        except BrokerUnavailable as error:
            if not patient:
                raise
            self.drop(str(error))
        self._keeper = asyncio.create_task(self._keep(), name=f"amqp link {self.name}")

    async def use(self, setup: Setup) -> None:
        """Run `setup` on the present connection and on every later one.

        Raises what it raises now; later failures are logged and tried again.
        """
        async with self._changing:
            self._setups.append(setup)
            if self._transport is None:
                return
            try:
                with answering(f"setting up {self.name}"):
                    await setup(self._transport)
            except BrokerUnavailable as error:
                self.drop(str(error))
            except NotifierError:
                self._setups.remove(setup)
                raise

    def forget(self, setup: Setup) -> None:
        """Run `setup` no more."""
        if setup in self._setups:
            self._setups.remove(setup)

    def drop(self, reason: str) -> None:
        """Give the connection up and make a new one; what is unacked will be redelivered."""
        if not self._lost.is_set():
            self._reason = reason
            self._lost.set()

    async def close(self) -> None:
        # aiormq may swallow a cancellation that meets the end of a request, hence the flag.
        self._is_closing = True
        self._setups.clear()
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
        await self._disconnect()

    async def _connect(self) -> None:
        transport = await open_transport(self.server, name=self.name)
        async with self._changing:
            self._transport = transport
            self._lost.clear()
            transport.closing.add_done_callback(partial(self._on_closing, transport))
            for setup in tuple(self._setups):
                with answering(f"setting up {self.name}"):
                    await setup(transport)
            self._is_set_up = True

    def _on_closing(self, transport: Transport, closing: asyncio.Future[None]) -> None:
        error = None if closing.cancelled() else closing.exception()
        if transport is self._transport:
            self.drop(cause_of(error) if error else "closed by the broker")

    async def _disconnect(self) -> None:
        transport, self._transport, self._is_set_up = self._transport, None, False
        if transport is None:
            return
        with suppress(BrokerUnavailable), answering("closing"):
            async with asyncio.timeout(self.server.timeout.total_seconds()):
                await transport.close()

    async def _keep(self) -> None:
        while not self._is_closing:
            await self._lost.wait()
            log.warning("broker.lost", link=self.name, server=self.server.address, why=self._reason)
            await self._disconnect()
            await self._reconnect()
            log.info("broker.back", link=self.name, server=self.server.address)

    async def _reconnect(self) -> None:
        wait_s = FIRST_WAIT_S
        while not self._is_closing:
            await asyncio.sleep(wait_s * random.uniform(0.5, 1.5))  # noqa: S311
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)
            try:
                await self._connect()
            except NotifierError as error:
                log.info("broker.away", link=self.name, why=str(error))
                await self._disconnect()
            else:
                return


async def connect(server: Server, *, name: str, patient: bool = False) -> Link:
    """An open link. See Link.open."""
    link = Link(server, name=name)
    await link.open(patient=patient)
    return link

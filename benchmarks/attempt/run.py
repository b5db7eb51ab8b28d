"""Messages through a real broker, and through the attempt as a tier's process makes it."""

from __future__ import annotations

import asyncio
import gc
import secrets
import statistics
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import process_time

from benchmarks.attempt.fakes import FakeChannel, FakePauses, FakeSink, FakeStore
from notifier.broker import codec
from notifier.broker.connection import Server, connect, open_connection
from notifier.broker.consumer import Consumer
from notifier.broker.delay_exchange import ExchangeDelay
from notifier.broker.publisher import Publisher
from notifier.broker.topology import Topology, apply
from notifier.dispatch.attempt import Attempts, Limits
from notifier.dispatch.pauses import Pauses
from notifier.dispatch.ports import Delivery
from notifier.dispatch.run_log import BufferedRunLog
from notifier.dispatch.tally import Tally
from notifier.domain.ladder import DEFAULT_TIERS, ladder_of
from notifier.domain.message import Message
from notifier.domain.notification import ChannelName, Role, new_id
from notifier.domain.placement import Places
from notifier.domain.rules import RuleBook
from notifier.errors import DecodeError
from notifier.stack import Stack

PREFETCH = 200
AT_ONCE = 500
WAITED = timedelta(milliseconds=100)
"""In the exchange, so that the messages carry the headers of those that waited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """what: sent, or retried. us: CPU of this process for each message, median; least, most."""

    what: str
    us: float
    least_us: float
    most_us: float


def run(count: int, rounds: int) -> list[Cost]:
    """Raises StackError."""
    with tempfile.TemporaryDirectory(prefix="notifier-attempt-") as folder:
        stack = Stack(Path(folder))
        stack.up()
        try:
            server = Server(url=stack.environment()["NOTIFIER_AMQP_URL"])
            return asyncio.run(_measure(server, count, rounds))
        finally:
            stack.wipe()


async def _measure(server: Server, count: int, rounds: int) -> list[Cost]:
    found: dict[str, list[float]] = {"sent": [], "retried": []}
    for _ in range(rounds):
        for what, costs in found.items():
            costs.append(await _round(server, count, retried=what == "retried"))
    return [
        Cost(what=what, us=statistics.median(costs), least_us=min(costs), most_us=max(costs))
        for what, costs in found.items()
    ]


async def _round(server: Server, count: int, *, retried: bool) -> float:
    """Microseconds of CPU for each message."""
    name = f"attempt.{secrets.token_hex(4)}"
    topology = Topology(queue_prefix=f"{name}.", tiers=(1, 3), dead_queue=f"{name}.dead")
    async with _publisher(server, topology) as publisher:
        for start in range(0, count, AT_ONCE):
            some = range(start, min(start + AT_ONCE, count))
            await publisher.publish_many([(_message(tier=1), WAITED) for _ in some])
        await asyncio.sleep(5 * WAITED.total_seconds())
        store = FakeStore(_message(tier=3) if retried else None, count=count)
        return await _consume(server, topology, publisher, store, count)


async def _consume(
    server: Server, topology: Topology, publisher: Publisher, store: FakeStore, count: int
) -> float:
    run_log = BufferedRunLog([FakeSink()])
    attempts = _attempts(publisher, store, run_log)
    link = await connect(server, name="benchmark consume")
    consumer = Consumer(link, topology.queue_of(1))
    gc.collect()
    gc.freeze()
    began_s = process_time()
    await consumer.consume(attempts.handle, prefetch=PREFETCH)
    writing = asyncio.create_task(run_log.run())
    await store.done.wait()
    await consumer.idle()
    took_s = process_time() - began_s
    writing.cancel()
    await asyncio.wait([writing])
    await consumer.close()
    await link.close()
    return took_s / count * 1e6


def _attempts(publisher: Publisher, store: FakeStore, run_log: BufferedRunLog) -> Attempts:
    places = Places(
        tiers=DEFAULT_TIERS, horizon=timedelta(minutes=1), delays=ExchangeDelay(Topology()).delays
    )
    return Attempts(
        tier=1,
        decode=codec.decode,
        claims=store,
        records=store,
        publisher=publisher,
        foreign=_foreign,
        channels={ChannelName.WEBHOOK: FakeChannel()},
        pauses=Pauses(FakePauses(), who="benchmark"),
        rule_book=RuleBook(
            ladders={"default": ladder_of("default", DEFAULT_TIERS)},
            places=places,
            channels={},
            pause=timedelta(minutes=1),
        ),
        run_log=run_log,
        tally=Tally(),
        limits=Limits(),
    )


async def _foreign(_: Delivery, error: DecodeError) -> None:
    raise error


def _message(*, tier: int) -> Message:
    return Message(
        notification_id=new_id(),
        seq=0,
        attempt=1,
        tier=tier,
        due_at=datetime.now(UTC),
        channel=ChannelName.WEBHOOK,
        role=Role.RECIPIENT,
    )


@asynccontextmanager
async def _publisher(server: Server, topology: Topology) -> AsyncIterator[Publisher]:
    """The topology is there meanwhile."""
    delay = ExchangeDelay(topology)
    await apply(topology, server, delay)
    async with AsyncExitStack() as closing:
        link = await connect(server, name="benchmark publish")
        closing.push_async_callback(link.close)
        yield await Publisher.open(link, topology, delay)
    async with await open_connection(server, name="benchmark") as connection:
        channel = await connection.channel()
        for queue in topology.queues:
            await channel.queue_delete(queue)

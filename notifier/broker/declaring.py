"""Declare one thing on the broker, and explain a refusal."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress

from aio_pika.abc import AbstractChannel, AbstractConnection
from aiormq.exceptions import AMQPError, ChannelAccessRefused

from notifier.broker.faults import answering
from notifier.errors import BrokerUnavailable, NotOffered, TopologyError

DELAYED = "x-delayed-message"
"""Our exchange type and RabbitMQ's own plugin for it share this name."""

DECLARED_WITHIN_S = 30.0
"""Each; a quorum queue on a busy cluster takes seconds."""

_DIFFERS = re.compile(
    r"inequivalent arg '(?P<what>[^']+)' for (?P<kind>exchange|queue) '(?P<name>[^']+)'"
    r".*?received (?P<wanted>.*) but current is (?P<found>.*)",
    re.DOTALL,
)


@asynccontextmanager
async def declaring(connection: AbstractConnection, what: str) -> AsyncIterator[AbstractChannel]:
    """A channel of its own, as a refusal closes it; the refusal is explained."""
    channel = connection.channel()
    try:
        with answering(f"declaring {what}"):
            async with asyncio.timeout(DECLARED_WITHIN_S):
                await channel.initialize()
                yield channel
    except BrokerUnavailable as error:
        if isinstance(error.__cause__, AMQPError) and _is_answer(error.__cause__):
            raise refusal(what, str(error.__cause__)) from error
        raise
    finally:
        with suppress(BrokerUnavailable), answering("closing"):
            await channel.close()


async def bind(connection: AbstractConnection, exchange: str, queues: Iterable[str]) -> None:
    """Bind each queue by its name."""
    async with declaring(connection, f"bindings of {exchange!r}") as channel:
        for queue in queues:
            bound = await channel.get_queue(queue, ensure=False)
            await bound.bind(exchange, routing_key=queue)


async def delete(
    connection: AbstractConnection, *, exchange: str, queues: Iterable[str] = ()
) -> list[str]:
    """What is not there any more, for people; it is no error where it was not there before."""
    for queue in queues:
        async with declaring(connection, f"queue {queue!r}") as channel:
            await channel.queue_delete(queue)
    async with declaring(connection, f"exchange {exchange!r}") as channel:
        await channel.exchange_delete(exchange)
    return [*(f"queue {queue!r}" for queue in queues), f"exchange {exchange!r}"]


def _is_answer(error: AMQPError) -> bool:
    return isinstance(error, ChannelAccessRefused) or bool(
        re.search(r"PRECONDITION|COMMAND_INVALID|NOT_FOUND|LOCKED|NOT_ALLOWED", str(error))
    )


def refusal(what: str, answer: str) -> TopologyError:
    """The broker's refusal with what it means and what to do."""
    if "exchange type" in answer:
        return NotOffered(
            f"{what}: this RabbitMQ has no exchange type {DELAYED!r}. Install the plugin from the "
            "folder rabbitmq/ (or RabbitMQ's own delayed message exchange) and enable it, "
            "or set [amqp] delay to queues"
        )
    differs = _DIFFERS.search(answer)
    if differs:
        return TopologyError(
            f"{what}: its {differs['what']} is {_plain(differs['found'])}, expected "
            f"{_plain(differs['wanted'])}. {_remedy(differs['kind'])}"
        )
    if "ACCESS_REFUSED" in answer:
        return TopologyError(f"{what}: {answer}. Give the user configure, write and read rights")
    return TopologyError(f"{what}: refused by RabbitMQ: {answer}")


def _plain(value: str) -> str:
    """The value without RabbitMQ's quotes (one or two, by kind) and without its AMQP type."""
    quoted = re.search(r"'+([^']+)'+", value)
    plain = quoted[1] if quoted else value.split(", class_id")[0].strip()
    return "not set" if plain == "none" else plain


def _remedy(kind: str) -> str:
    setting = "exchange" if kind == "exchange" else "queue_prefix, dead_queue or queue_type"
    return (
        f"Drain and delete that {kind} when it is yours, or set [amqp] {setting} "
        "(NOTIFIER_AMQP_...) to keep both"
    )

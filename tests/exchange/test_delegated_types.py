"""All four built-in types route as themselves: at once, and when a message is due."""

from __future__ import annotations

from dataclasses import dataclass

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel
from aiormq.abc import FieldValue

from tests.exchange.rig import (
    Rig,
    build,
    count,
    declare_exchange,
    declare_queue,
    take,
    wait_for_count,
)

Headers = dict[str, FieldValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Queues with their bindings (key, arguments), and who gets which message (key, headers)."""

    type: str
    bindings: dict[str, tuple[str, Headers]]
    messages: tuple[tuple[str, Headers, set[str]], ...]


CASES = (
    Case(
        type="direct",
        bindings={"red": ("red", {}), "blue": ("blue", {}), "also-red": ("red", {})},
        messages=(("red", {}, {"red", "also-red"}), ("green", {}, set())),
    ),
    Case(
        type="topic",
        bindings={"star": ("a.*.c", {}), "hash": ("a.#", {}), "plain": ("k", {})},
        messages=(("a.b.c", {}, {"star", "hash"}), ("k", {}, {"plain"}), ("z", {}, set())),
    ),
    Case(
        type="fanout",
        bindings={"one": ("", {}), "two": ("ignored", {})},
        messages=(("whatever", {}, {"one", "two"}),),
    ),
    Case(
        type="headers",
        bindings={
            "all": ("", {"x-match": "all", "colour": "red", "size": "big"}),
            "any": ("", {"x-match": "any", "colour": "red", "size": "big"}),
        },
        messages=(
            ("", {"colour": "red", "size": "big"}, {"all", "any"}),
            ("", {"size": "big"}, {"any"}),
            ("", {"size": "small"}, set()),
        ),
    ),
)


@pytest.mark.parametrize("delay_ms", [None, 200, 234], ids=["at once", "one hop", "two hops"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.type)
async def test_a_message_goes_where_the_delegated_type_sends_it(
    channel: AbstractChannel, name: str, case: Case, delay_ms: int | None
) -> None:
    exchange = await declare_exchange(channel, name, case.type)
    queues = {label: await declare_queue(channel, f"{name}.{label}") for label in case.bindings}
    for label, (key, arguments) in case.bindings.items():
        await queues[label].bind(exchange, key, arguments=arguments)
    rig = Rig(channel=channel, exchange=exchange, queue=next(iter(queues.values())))
    for number, (key, headers, _) in enumerate(case.messages):
        await rig.publish(b"%d" % number, delay_ms, key=key, headers=headers)
    wanted = {
        label: [b"%d" % number for number, (_, _, to) in enumerate(case.messages) if label in to]
        for label in queues
    }
    got = {label: await take(queue, len(wanted[label])) for label, queue in queues.items()}
    assert got == wanted
    for_nobody = sum(not to for _, _, to in case.messages)
    await wait_for_count(channel, f"{name}.unrouted", for_nobody if delay_ms else 0)
    # Everything has found its place by now, so nothing more may be anywhere else.
    assert [await count(channel, queue.name) for queue in queues.values()] == [0] * len(queues)


async def test_the_bindings_of_the_due_moment_decide(channel: AbstractChannel, name: str) -> None:
    rig = await build(channel, name)
    later = await declare_queue(channel, f"{name}.later")
    await rig.publish(b"held", 1_500)
    await later.bind(rig.exchange, "k")
    await rig.queue.unbind(rig.exchange, "k")
    assert await take(later, 1) == [b"held"]
    assert await count(channel, rig.queue.name) == 0


async def test_a_binding_to_another_exchange_is_followed_when_the_message_is_due(
    channel: AbstractChannel, name: str
) -> None:
    rig = await build(channel, name)
    beyond = await channel.declare_exchange(f"{name}.beyond", "fanout", durable=True)
    queue = await declare_queue(channel, f"{name}.behind")
    await queue.bind(beyond, "")
    await beyond.bind(rig.exchange, "far")
    await rig.publish(b"held", 100, key="far")
    assert await take(queue, 1) == [b"held"]


async def test_carbon_copies_keep_all_their_keys(channel: AbstractChannel, name: str) -> None:
    rig = await build(channel, name)
    copy = await declare_queue(channel, f"{name}.copy")
    await copy.bind(rig.exchange, "copy")
    await rig.publish(b"held", 100, headers={"CC": ["copy"]})
    assert await take(rig.queue, 1) == [b"held"]
    assert await take(copy, 1) == [b"held"]


async def test_a_batch_in_a_transaction_is_held_when_it_commits(
    amqp_url: str, channel: AbstractChannel, name: str
) -> None:
    rig = await build(channel, name)
    await rig.consume()
    async with await aio_pika.connect(amqp_url) as connection:
        transactional = await connection.channel(publisher_confirms=False)
        exchange = await transactional.get_exchange(name)
        async with transactional.transaction():
            await exchange.publish(aio_pika.Message(b"held", headers={"x-delay": 100}), "k")
        await rig.wait_for(1, within_s=2)

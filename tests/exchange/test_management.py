"""What an operator sees in the management API, and does there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import quote

import httpx
import pytest
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import ChannelPreconditionFailed

from tests.exchange.rig import Rig, build, count, take, wait_for_count

VHOST = "notifier"


async def _messages(management: httpx.AsyncClient, queue: str) -> int | None:
    answer = await management.get(f"/queues/{VHOST}/{quote(queue, safe='')}")
    answer.raise_for_status()
    found = answer.json().get("messages")
    return None if found is None else int(found)


@asynccontextmanager
async def _policy(
    management: httpx.AsyncClient, pattern: str, definition: Mapping[str, object]
) -> AsyncIterator[None]:
    url = f"/policies/{VHOST}/for-this-test"
    policy = {"pattern": pattern, "definition": definition, "apply-to": "queues"}
    (await management.put(url, json=policy)).raise_for_status()
    try:
        yield
    finally:
        (await management.delete(url)).raise_for_status()


async def test_held_messages_are_counted_as_the_contents_of_their_hold_queue(
    channel: AbstractChannel, management: httpx.AsyncClient, name: str
) -> None:
    rig = await build(channel, name)
    await rig.publish_all([(b"held", 60_000)] * 7)
    # The broker collects these numbers every 5 s.
    deadline = time.monotonic() + 15
    while (found := await _messages(management, f"{name}.final.60000")) != 7:
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.1)


async def test_the_exchange_says_how_many_messages_it_holds(
    channel: AbstractChannel, management: httpx.AsyncClient, name: str
) -> None:
    rig = await build(channel, name)
    # Its hold queues have names that begin like those of the first one's.
    other = await build(channel, f"{name}.final")
    await rig.publish_all([(b"now", 0)] * 2 + [(b"held", 60_000)] * 3 + [(b"held", 61_234)] * 4)
    await other.publish_all([(b"held", 60_000)] * 5)
    await _wait_until_held(management, rig.name, 7)
    await _wait_until_held(management, other.name, 5)
    listed = (await management.get(f"/exchanges/{VHOST}")).json()
    held = {exchange["name"]: exchange.get("messages_delayed") for exchange in listed}
    assert (held[rig.name], held[other.name]) == (7, 5)
    assert held[f"{name}.companion"] is None


async def _wait_until_held(management: httpx.AsyncClient, exchange: str, wanted: int) -> None:
    """The broker collects these numbers every 5 s."""
    deadline = time.monotonic() + 15
    url = f"/exchanges/{VHOST}/{exchange}"
    while (found := (await management.get(url)).json()["messages_delayed"]) != wanted:
        assert time.monotonic() < deadline, f"{found} of {wanted}"
        await asyncio.sleep(0.1)


async def test_hold_queues_are_replicated_and_hand_on_at_least_once(
    rig: Rig, management: httpx.AsyncClient
) -> None:
    await rig.publish(b"held", 61_000)
    answer = await management.get(f"/queues/{VHOST}/{rig.name}.final.61000")
    assert answer.json()["type"] == "quorum"
    assert answer.json()["arguments"] == {
        "x-queue-type": "quorum",
        "x-message-ttl": 61_000,
        "x-dead-letter-exchange": f"{rig.name}.companion",
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }


async def test_the_broker_runs_with_the_shipped_limits_of_dead_lettering(
    rig: Rig, management: httpx.AsyncClient
) -> None:
    # 40 undeliverable messages are more than RabbitMQ's own limit of 32 lets through.
    full = await rig.channel.declare_queue(
        f"{rig.name}.full",
        durable=True,
        arguments={"x-queue-type": "quorum", "x-max-length": 1, "x-overflow": "reject-publish"},
    )
    await full.bind(rig.exchange, "full")
    await rig.publish_all([(b"bad", 500)] * 40, key="full")
    await rig.publish_all([(b"good", 500)] * 20)
    await rig.wait_for(20, within_s=3)
    # Leave nothing behind that the broker would try again for ever.
    await full.delete(if_unused=False, if_empty=False)


@pytest.mark.parametrize(
    ("key", "value"), [("expires", 3_600_000), ("message-ttl", 100), ("overflow", "drop-head")]
)
@pytest.mark.parametrize("first", ["policy", "queue"])
async def test_a_policy_that_would_lose_held_messages_is_met_with_a_refusal(
    channel: AbstractChannel,
    management: httpx.AsyncClient,
    name: str,
    key: str,
    value: object,
    first: str,
) -> None:
    rig = await build(channel, name)
    if first == "queue":
        await rig.publish(b"held", 1_500)
    async with _policy(management, f"^{name}[.]final[.]", {key: value}):
        with pytest.raises(ChannelPreconditionFailed, match=f"a policy sets {key}"):
            await rig.publish(b"refused", 1_500)


async def test_a_policy_that_limits_the_length_releases_nothing_early(
    channel: AbstractChannel, management: httpx.AsyncClient, name: str
) -> None:
    rig = await build(channel, name)
    async with _policy(management, f"^{name}[.]final[.]", {"max-length": 2}):
        results = await asyncio.gather(
            *(rig.publish(b"held", 700) for _ in range(5)), return_exceptions=True
        )
        accepted = [result for result in results if not isinstance(result, Exception)]
        await asyncio.sleep(0.3)
        assert await count(channel, rig.queue.name) == 0
        await wait_for_count(channel, rig.queue.name, len(accepted))


async def test_an_alternate_exchange_set_by_policy_is_obeyed(
    channel: AbstractChannel, management: httpx.AsyncClient, name: str
) -> None:
    rig = await build(channel, name)
    alternate = await channel.declare_exchange(f"{name}.mine", "fanout", durable=True)
    await rig.queue.bind(alternate)
    url = f"/policies/{VHOST}/alternate"
    definition = {"alternate-exchange": alternate.name}
    policy = {"pattern": f"^{name}$", "definition": definition, "apply-to": "exchanges"}
    (await management.put(url, json=policy)).raise_for_status()
    try:
        await rig.publish(b"held", 100, key="nobody")
        assert await take(rig.queue, 1) == [b"held"]
    finally:
        (await management.delete(url)).raise_for_status()

"""What the exchange type refuses, with PRECONDITION_FAILED and a reason."""

from __future__ import annotations

import re

import httpx
import pytest
from aio_pika import ExchangeType
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import ChannelPreconditionFailed

from tests.exchange.rig import TYPE, Rig, build, declare_exchange


@pytest.mark.parametrize(
    "delayed_type",
    ["nonsense", "x-delayed-message", "x-delayed-message-stage", "", None],
    ids=str,
)
async def test_a_type_that_cannot_be_delegated_to_is_refused(
    channel: AbstractChannel, name: str, delayed_type: str | None
) -> None:
    with pytest.raises(ChannelPreconditionFailed, match="x-delayed-type"):
        await declare_exchange(channel, name, delayed_type)


async def test_the_same_declaration_again_is_accepted(channel: AbstractChannel, name: str) -> None:
    await declare_exchange(channel, name, "topic")
    await declare_exchange(channel, name, "topic")


@pytest.mark.parametrize("delayed_type", ["fanout", None])
async def test_a_second_declaration_with_another_delegated_type_is_refused(
    channel: AbstractChannel, name: str, delayed_type: str | None
) -> None:
    await declare_exchange(channel, name, "direct")
    with pytest.raises(ChannelPreconditionFailed, match="inequivalent arg 'x-delayed-type'"):
        await declare_exchange(channel, name, delayed_type)


async def test_a_second_declaration_with_another_alternate_exchange_is_refused(
    channel: AbstractChannel, name: str
) -> None:
    await declare_exchange(channel, name)
    with pytest.raises(ChannelPreconditionFailed, match="inequivalent arg 'alternate-exchange'"):
        await declare_exchange(channel, name, alternate="amq.fanout")


async def test_another_exchange_of_the_name_is_refused(channel: AbstractChannel, name: str) -> None:
    await channel.declare_exchange(name, ExchangeType.DIRECT, durable=True)
    with pytest.raises(ChannelPreconditionFailed, match="inequivalent arg 'type'"):
        await declare_exchange(channel, name)


async def test_a_name_that_leaves_no_room_for_hold_queues_is_refused(
    management: httpx.AsyncClient,
) -> None:
    # The longest name that AMQP allows is 255 bytes; the client library stops at 127.
    definition = {"type": TYPE, "durable": True, "arguments": {"x-delayed-type": "direct"}}
    answer = await management.put(f"/exchanges/notifier/{'x' * 237}", json=definition)
    assert answer.status_code == 400
    assert "at most 236 bytes" in answer.json()["reason"]
    answer = await management.put(f"/exchanges/notifier/{'x' * 236}", json=definition)
    assert answer.status_code == 201


@pytest.mark.parametrize("suffix", ["companion", "stage", "alternate", "unrouted"])
async def test_an_exchange_of_somebody_else_is_not_taken_over(
    channel: AbstractChannel, name: str, suffix: str
) -> None:
    await channel.declare_exchange(f"{name}.{suffix}", "direct", durable=True)
    with pytest.raises(ChannelPreconditionFailed, match=re.escape(f"{name}.{suffix}")):
        await declare_exchange(channel, name)


async def test_a_queue_of_somebody_else_is_not_taken_over(
    channel: AbstractChannel, name: str
) -> None:
    await channel.declare_queue(f"{name}.unrouted", durable=True)
    with pytest.raises(ChannelPreconditionFailed, match=re.escape(f"{name}.unrouted")):
        await declare_exchange(channel, name)


async def test_a_hold_queue_of_somebody_else_is_not_published_to(
    channel: AbstractChannel, name: str
) -> None:
    await channel.declare_queue(f"{name}.final.5000", durable=True)
    rig = await build(channel, name)
    with pytest.raises(ChannelPreconditionFailed, match="exists with other arguments"):
        await rig.publish(b"held", 5_000)


async def test_a_client_cannot_declare_a_stage(channel: AbstractChannel, name: str) -> None:
    with pytest.raises(ChannelPreconditionFailed, match="internal"):
        await channel.declare_exchange(f"{name}.stage", "x-delayed-message-stage", durable=True)


async def test_expiration_together_with_a_delay_is_refused(
    connection: AbstractConnection, rig: Rig
) -> None:
    with pytest.raises(ChannelPreconditionFailed, match="both x-delay and expiration"):
        await rig.publish(b"never", 2_000, expiration=0.2)


async def test_expiration_without_a_delay_is_nobody_s_business(rig: Rig) -> None:
    await rig.publish(b"now", 0, expiration=60)
    [arrival] = await rig.wait_for(1, within_s=2)
    assert arrival.message.expiration == 60

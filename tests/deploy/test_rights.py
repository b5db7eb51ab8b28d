"""What each user of rabbitmq/definitions.json may do on the image's broker, and nothing else."""

from __future__ import annotations

import re

import aio_pika
import pytest
from aiormq.exceptions import AMQPError, ChannelAccessRefused

from notifier.broker.connection import open_connection
from notifier.errors import BrokerUnavailable
from tests.deploy.conftest import Environment, apply
from tests.deploy.deeds import DEEDS, FLEET, HOLD_QUEUES, NAMES, OPERATOR, TOPOLOGY, Deed
from tests.deploy.image import Image, rights, users


async def refusal_of(image: Image, user: str, deed: Deed) -> str | None:
    async with await open_connection(image.address(user), name="deed") as connection:
        channel = await connection.channel()
        try:
            await deed.do(channel)
        except ChannelAccessRefused as refused:
            return str(refused)
        return None


@pytest.mark.parametrize("user", users())
@pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: deed.what.replace(" ", "-"))
async def test_a_user_may_do_what_it_is_there_for_and_nothing_else(
    applied: Image, choices: list[Environment], user: str, deed: Deed
) -> None:
    refused = await refusal_of(applied, user, deed)
    if deed.what.startswith("delete") and refused is None:
        apply(applied, choices)
    if user in deed.may:
        assert refused is None
    else:
        assert refused is not None
        assert "ACCESS_REFUSED" in refused


@pytest.mark.parametrize("user", users())
async def test_a_user_gets_into_no_other_vhost(applied: Image, user: str) -> None:
    with pytest.raises((AMQPError, BrokerUnavailable)):
        await open_connection(applied.address(user, vhost="%2F"), name="stranger")


async def test_nobody_is_let_in_without_a_password(applied: Image) -> None:
    for user in ("guest", *users()):
        for password in ("", "guest", user):
            url = applied.address(FLEET).url
            known = f"{FLEET}:{applied.password(FLEET)}"
            with pytest.raises(AMQPError):
                await aio_pika.connect(url.replace(known, f"{user}:{password}"))
    with pytest.raises((AMQPError, ValueError)):
        await aio_pika.connect(applied.address(FLEET).url + "?auth=anonymous")


@pytest.mark.parametrize("user", [TOPOLOGY, FLEET, OPERATOR])
async def test_who_counts_what_waits_has_some_right_to_every_queue_that_is_counted(
    applied: Image, user: str
) -> None:
    """From RabbitMQ 4.3.1 on looking at a queue takes one."""
    async with await open_connection(applied.address(user), name="count") as connection:
        channel = await connection.channel()
        for queue in (*NAMES.queues, *HOLD_QUEUES):
            await channel.declare_queue(queue, passive=True)


@pytest.mark.parametrize("kind", ["configure", "write", "read"])
def test_every_right_is_anchored_and_stops_at_the_names_of_the_settings(
    kind: str,
) -> None:
    """A name that only begins or ends like ours is nobody's."""
    names = {NAMES.exchange, NAMES.direct_exchange, *NAMES.queues, *HOLD_QUEUES}
    strangers = [f"x{name}" for name in names] + [f"{name}x" for name in names]
    strangers += [NAMES.dead_queue.replace(".", "x"), f"{NAMES.queue_prefix}2"]
    for user, patterns in rights().items():
        pattern = patterns[kind]
        assert pattern.startswith("^"), user
        assert pattern.endswith("$"), user
        assert not [name for name in strangers if re.search(pattern, name)], user

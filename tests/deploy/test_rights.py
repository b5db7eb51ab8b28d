"""What each user of rabbitmq/definitions.json may do on the image's broker, and nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass

import aio_pika
import httpx
import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from aiormq.exceptions import AMQPError, ChannelAccessRefused

from notifier.broker.connection import open_connection
from notifier.broker.topology import Topology
from notifier.errors import BrokerUnavailable
from notifier.stack import Stack
from tests.core import own_schema
from tests.deploy.image import Image, environment_alone, rights, users

NAMES = Topology()
TIER = NAMES.queue_of(1)
HELD = NAMES.hold_queue_of(1)
HOLD_QUEUES = [NAMES.hold_queue_of(tier) for tier in NAMES.tiers]
OTHERS_EXCHANGE = "amq.fanout"
TOPOLOGY, FLEET = "notifier-topology", "notifier-fleet"
PUBLISHER, OPERATOR, MONITOR = "notifier-publisher", "notifier-operator", "notifier-monitor"

Environment = Mapping[str, str]


async def publish(channel: AbstractChannel, exchange: str, key: str) -> None:
    """Return when it is confirmed."""
    message = aio_pika.Message(b"{}", headers={"x-delay": 60_000})
    target = await channel.get_exchange(exchange, ensure=False) if exchange else None
    await (target or channel.default_exchange).publish(message, key, mandatory=False, timeout=20)


async def get(channel: AbstractChannel, queue: str) -> None:
    await (await channel.get_queue(queue, ensure=False)).get(fail=False)


async def consume(channel: AbstractChannel, queue: str) -> None:
    async def ignore(_: AbstractIncomingMessage) -> None: ...

    taken = await channel.get_queue(queue, ensure=False)
    await taken.cancel(await taken.consume(ignore))


async def purge(channel: AbstractChannel, queue: str) -> None:
    await (await channel.get_queue(queue, ensure=False)).purge()


async def bind(channel: AbstractChannel, queue: str, exchange: str) -> None:
    await (await channel.get_queue(queue, ensure=False)).bind(exchange, queue)


async def declare_tier(channel: AbstractChannel) -> None:
    await channel.declare_queue(TIER, durable=True, arguments={**NAMES.queue_arguments})


async def declare_exchange(channel: AbstractChannel, name: str) -> None:
    await channel.declare_exchange(
        name, "x-delayed-message", durable=True, arguments={"x-delayed-type": "direct"}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """may: who; everybody else must be refused."""

    what: str
    do: Callable[[AbstractChannel], Awaitable[object]]
    may: frozenset[str] = frozenset()


def may(*users: str) -> frozenset[str]:
    return frozenset(users)


DEEDS = [
    Deed(
        what="publish to the exchange",
        do=lambda channel: publish(channel, NAMES.exchange, TIER),
        may=may(FLEET, PUBLISHER, OPERATOR),
    ),
    Deed(
        what="publish to the hold queues' exchange",
        do=lambda channel: publish(channel, NAMES.direct_exchange, HELD),
        # Who declares a queue that dead-letters to it must have the right to write to it.
        may=may(FLEET, PUBLISHER, OPERATOR, TOPOLOGY),
    ),
    Deed(
        what="take from a hold queue",
        do=lambda channel: get(channel, HELD),
        # Who declares a queue that dead-letters must have the right to read it.
        may=may(TOPOLOGY),
    ),
    Deed(what="write past it into a tier's queue", do=lambda channel: publish(channel, "", TIER)),
    Deed(what="write into a stranger's queue", do=lambda channel: publish(channel, "", "x")),
    Deed(
        what="write past the delay",
        do=lambda channel: publish(channel, f"{NAMES.exchange}.companion", TIER),
    ),
    Deed(
        what="write between the hops",
        do=lambda channel: publish(channel, f"{NAMES.exchange}.stage", TIER),
    ),
    Deed(
        what="write to a stranger's exchange",
        do=lambda channel: publish(channel, OTHERS_EXCHANGE, TIER),
    ),
    Deed(what="get from a tier", do=lambda channel: get(channel, TIER), may=may(FLEET)),
    Deed(what="consume a tier", do=lambda channel: consume(channel, TIER), may=may(FLEET)),
    Deed(what="purge a tier", do=lambda channel: purge(channel, TIER), may=may(FLEET)),
    Deed(
        what="look into the dead queue",
        do=lambda channel: get(channel, NAMES.dead_queue),
        may=may(OPERATOR),
    ),
    Deed(
        what="take what is held",
        do=lambda channel: get(channel, f"{NAMES.exchange}.final.60000"),
    ),
    Deed(
        what="take what was unrouted",
        do=lambda channel: get(channel, f"{NAMES.exchange}.unrouted"),
    ),
    Deed(what="declare a tier", do=declare_tier, may=may(TOPOLOGY)),
    Deed(
        what="declare the exchange",
        do=lambda channel: declare_exchange(channel, NAMES.exchange),
        may=may(TOPOLOGY),
    ),
    Deed(
        what="bind a tier to the exchange",
        do=lambda channel: bind(channel, TIER, NAMES.exchange),
        may=may(TOPOLOGY),
    ),
    Deed(
        what="bind a tier to a stranger's exchange",
        do=lambda channel: bind(channel, TIER, OTHERS_EXCHANGE),
    ),
    Deed(
        what="bind the dead queue to a stranger's exchange",
        do=lambda channel: bind(channel, NAMES.dead_queue, OTHERS_EXCHANGE),
    ),
    Deed(what="declare any queue", do=lambda channel: channel.declare_queue("mine")),
    Deed(
        what="declare a queue that the broker names",
        do=lambda channel: channel.declare_queue(None, exclusive=True),
    ),
    Deed(
        what="declare a queue like a tier's",
        do=lambda channel: channel.declare_queue(f"{NAMES.queue_prefix}2"),
    ),
    Deed(what="declare any exchange", do=lambda channel: declare_exchange(channel, "mine")),
    Deed(
        what="declare an exchange like a helper's",
        do=lambda channel: declare_exchange(channel, f"{NAMES.exchange}.mine"),
    ),
    Deed(
        what="delete what is held",
        do=lambda channel: channel.queue_delete(f"{NAMES.exchange}.final.60000"),
    ),
    Deed(
        what="delete the companion",
        do=lambda channel: channel.exchange_delete(f"{NAMES.exchange}.companion"),
    ),
    Deed(
        what="delete a tier",
        do=lambda channel: channel.queue_delete(TIER),
        may=may(TOPOLOGY),
    ),
    Deed(
        what="delete the exchange",
        do=lambda channel: channel.exchange_delete(NAMES.exchange),
        may=may(TOPOLOGY),
    ),
]


@pytest.fixture(scope="module")
def choices(stack: Stack) -> Iterator[list[Environment]]:
    """The settings of two that share the broker's names, one for each way of delaying."""
    with own_schema(stack) as one, own_schema(stack) as other:
        yield [
            {"NOTIFIER_AMQP_DELAY": "exchange", "NOTIFIER_MYSQL_URL": one.url},
            {"NOTIFIER_AMQP_DELAY": "queues", "NOTIFIER_MYSQL_URL": other.url},
        ]


@pytest.fixture(scope="module")
def applied(image: Image, choices: list[Environment]) -> Image:
    apply(image, choices)
    return image


def apply(image: Image, choices: list[Environment]) -> None:
    """`notifier topology apply` as the user whom docker-compose.yml has do it."""
    for choice in choices:
        asked = subprocess.run(
            [sys.executable, "-m", "notifier", "topology", "apply"],
            env={**environment_alone(), **choice, **image.settings(TOPOLOGY)},
            cwd=image.recipe.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert asked.returncode == 0, asked.stdout + asked.stderr


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


READABLE = (
    "overview",
    "queues/notifier",
    "exchanges/notifier/delay",
    "exchanges/notifier/delay/bindings/source",
    "connections",
)
PAYLOAD: dict[str, object] = {
    "routing_key": TIER,
    "payload": "{}",
    "payload_encoding": "string",
    "properties": {},
}
TAKE: dict[str, object] = {"count": 1, "ackmode": "ack_requeue_false", "encoding": "auto"}
CHANGES: list[tuple[str, str, dict[str, object]]] = [
    ("POST", "exchanges/notifier/delay/publish", PAYLOAD),
    ("POST", "exchanges/notifier/amq.default/publish", PAYLOAD),
    ("POST", f"queues/notifier/{TIER}/get", TAKE),
    ("DELETE", f"queues/notifier/{TIER}", {}),
    ("DELETE", f"queues/notifier/{TIER}/contents", {}),
    ("PUT", "queues/notifier/mine", {"durable": True}),
    ("PUT", "policies/notifier/mine", {"pattern": ".*", "definition": {"expires": 1}}),
    ("PUT", "users/mine", {"password": "x", "tags": "administrator"}),
    ("PUT", f"permissions/notifier/{MONITOR}", {"configure": "", "write": "", "read": ""}),
    ("PUT", "vhosts/mine", {}),
    ("GET", "definitions", {}),
    ("GET", "users", {}),
]


@pytest.fixture
def api(applied: Image) -> Callable[[str], httpx.Client]:
    def of(user: str) -> httpx.Client:
        return httpx.Client(
            base_url=f"{applied.management}/api",
            auth=(user, applied.password(user)),
            # A refusal does not wait for the body and ends the connection.
            headers={"Connection": "close"},
            timeout=20,
        )

    return of


def test_the_monitor_sees_what_check_and_status_ask_for(
    api: Callable[[str], httpx.Client],
) -> None:
    with api(MONITOR) as http:
        assert {path: http.get(path).status_code for path in READABLE} == dict.fromkeys(
            READABLE, 200
        )


def test_nobody_changes_anything_over_the_management_api(
    api: Callable[[str], httpx.Client],
) -> None:
    for user in users():
        with api(user) as http:
            for method, path, body in CHANGES:
                answer = http.request(method, path, json=body)
                refused = "ACCESS_REFUSED" in answer.text or "not_authori" in answer.text
                assert answer.status_code in {400, 401, 403}, (user, method, path, answer.text)
                assert refused, (user, method, path, answer.text)


def test_only_the_monitor_gets_into_the_management_api(api: Callable[[str], httpx.Client]) -> None:
    for user in set(users()) - {MONITOR}:
        with api(user) as http:
            assert http.get("overview").status_code == 401


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

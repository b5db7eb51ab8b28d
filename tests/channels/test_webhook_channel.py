"""Webhooks against the sandbox's receiver, which checks signatures with code of its own."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from notifier.channels.targets import TargetRules
from notifier.channels.webhook import WebhookChannel, WebhookOptions
from notifier.domain.endpoint import Dialect, Endpoint, EndpointForm, new_secret
from notifier.domain.notification import ChannelName, Notification, Role
from notifier.domain.outcome import Held, Outcome, Paused, Permanent, Retry, Sent, Unknown
from notifier.errors import SettingsError, StoreError, StoreUnavailable
from tests.channels.rig import Endpoints, notification
from tests.sandbox.rig import Sandbox

PATH = "/webhook/orders"
LOOPBACK = TargetRules(ports=frozenset(), networks=(ipaddress.ip_network("127.0.0.0/8"),))
SHOP = "endpoint:shop"
Open = Callable[..., WebhookChannel]


@pytest.fixture
async def opened(sandbox: Sandbox) -> AsyncIterator[Open]:
    """Opens channels to the sandbox; closed at the end."""
    channels = []

    def open_channel(endpoints: Endpoints | None = None, **changes: Any) -> WebhookChannel:
        options = WebhookOptions(rules=LOOPBACK, ca_file=Path(sandbox.addresses["ca_file"]))
        channels.append(WebhookChannel(replace(options, **changes), endpoints=endpoints))
        return channels[-1]

    yield open_channel
    for channel in channels:
        await channel.close()


def shop(sandbox: Sandbox, *secrets: str, **changes: Any) -> Endpoint:
    form = EndpointForm(name="shop", url=sandbox.addresses["data_url"] + PATH)
    return Endpoint(form=replace(form, **changes), secrets=secrets or (new_secret(),))


def webhook(recipient: str = SHOP, **changes: Any) -> Notification:
    return notification(
        channel=ChannelName.WEBHOOK,
        role=Role.RECIPIENT,
        recipient=recipient,
        template="payment.paid",
        payload={"amount": 12},
        **changes,
    )


async def told(channel: WebhookChannel, notification: Notification) -> Outcome:
    """What came of a send that nobody held back."""
    outcome = await channel.send(notification)
    assert not isinstance(outcome, Held)
    return outcome


def answering(sandbox: Sandbox, *actions: str) -> None:
    sandbox.control.script([{"match": {"path": PATH}, "action": list(actions)}])


async def test_an_endpoint_gets_a_signed_post_under_the_notifications_id(
    sandbox: Sandbox, opened: Open
) -> None:
    secret = new_secret()
    sandbox.control.webhooks({PATH: [secret]})
    channel, one = opened(Endpoints(shop(sandbox, secret))), webhook()

    outcomes = [await told(channel, replace(one, attempt=attempt)) for attempt in (1, 2)]

    assert all(isinstance(outcome, Sent) for outcome in outcomes)
    [effect] = sandbox.control.effects()
    assert effect["is_verified"]
    assert (effect["webhook_id"], effect["wire_count"]) == (str(one.id), 2)
    assert effect["body"]["type"] == "payment.paid"
    assert effect["body"]["data"]["amount"] == 12
    answer = outcomes[0].answer
    assert answer is not None
    assert (answer.status, answer.body) == (200, b"success")
    assert timedelta(0) < answer.latency < timedelta(seconds=5)


async def test_while_its_secret_is_replaced_the_receiver_may_know_either(
    sandbox: Sandbox, opened: Open
) -> None:
    new, old = new_secret(), new_secret()
    channel = opened(Endpoints(shop(sandbox, new, old)))
    for known in (old, new):
        sandbox.control.webhooks({PATH: [known]})
        assert isinstance(await told(channel, webhook()), Sent)

    sandbox.control.webhooks({PATH: [new_secret()]})
    assert (await told(channel, webhook())).code == "http_401"


async def test_a_url_needs_no_endpoint_and_is_signed_where_the_settings_have_a_secret(
    sandbox: Sandbox, opened: Open
) -> None:
    secret, url = new_secret(), sandbox.addresses["data_url"] + PATH
    assert isinstance(await told(opened(), webhook(url)), Sent)

    sandbox.control.webhooks({PATH: [secret]})
    assert isinstance(await told(opened(secret=secret), webhook(url)), Sent)
    assert isinstance(await told(opened(), webhook(url)), Retry)


@pytest.mark.parametrize(
    ("dialect", "script", "is_heard"),
    [
        (Dialect.STANDARD, ["html_200"], True),
        (Dialect.ALIPAY, [], True),
        (Dialect.ALIPAY, ["html_200"], False),
        (Dialect.WECHATPAY_V2, [], False),
        (Dialect.WECHATPAY_V3, ["html_200"], True),
    ],
)
async def test_the_endpoints_dialect_judges(
    sandbox: Sandbox, opened: Open, dialect: Dialect, script: list[str], is_heard: bool
) -> None:
    if script:
        answering(sandbox, *script)
    endpoints = Endpoints(shop(sandbox, dialect=dialect))

    outcome = await told(opened(endpoints), webhook())

    assert isinstance(outcome, Sent) is is_heard
    assert endpoints.noted == [("shop", is_heard)]


async def test_an_endpoint_that_is_gone_is_disabled(sandbox: Sandbox, opened: Open) -> None:
    answering(sandbox, "http:410")
    endpoints = Endpoints(shop(sandbox))

    outcome = await told(opened(endpoints), webhook())

    assert isinstance(outcome, Permanent)
    assert list(endpoints.disabled) == ["shop"]


async def test_the_receiver_says_when_to_come_back(sandbox: Sandbox, opened: Open) -> None:
    answering(sandbox, "http:429", "retry_after:90")
    outcome = await opened(Endpoints(shop(sandbox))).send(webhook())

    assert isinstance(outcome, Retry)
    assert outcome.not_before == timedelta(seconds=90)


async def test_a_redirect_is_not_followed(sandbox: Sandbox, opened: Open) -> None:
    answering(sandbox, "redirect")
    assert (await told(opened(Endpoints(shop(sandbox))), webhook())).code == "http_302"


async def test_a_lost_answer_is_unknown_and_an_unreachable_one_is_not(
    sandbox: Sandbox, opened: Open
) -> None:
    answering(sandbox, "reset_after_accept")
    lost = await opened(Endpoints(shop(sandbox))).send(webhook())
    unreached = await opened(Endpoints(shop(sandbox, url="https://127.0.0.1:1/"))).send(webhook())

    assert isinstance(lost, Unknown)
    assert isinstance(unreached, Retry)
    assert unreached.code == "connect"


async def test_an_endpoint_waits_no_longer_than_it_says(sandbox: Sandbox, opened: Open) -> None:
    answering(sandbox, "hang")
    endpoint = shop(sandbox, timeout=timedelta(seconds=0.3))
    outcome = await told(opened(Endpoints(endpoint)), webhook())

    assert isinstance(outcome, Unknown)
    assert outcome.code == "timeout"


async def test_a_forbidden_url_is_dead_and_an_endpoints_rests_until_it_is_mended(
    sandbox: Sandbox, opened: Open
) -> None:
    bad = "https://169.254.169.254/latest/meta-data"
    direct = await told(opened(), webhook(bad))
    registered = await opened(Endpoints(shop(sandbox, url=bad))).send(webhook())

    assert isinstance(direct, Permanent)
    assert (direct.code, "169.254" in direct.detail) == ("bad_message", False)
    assert isinstance(registered, Paused)
    assert (registered.code, registered.scope) == ("url_not_allowed", SHOP)


async def test_http_is_for_endpoints_that_may(sandbox: Sandbox, opened: Open) -> None:
    plain = sandbox.addresses["webhook_url"] + PATH
    refused = await opened(Endpoints(shop(sandbox, url=plain))).send(webhook())
    allowed = await opened(Endpoints(shop(sandbox, url=plain, http=True))).send(webhook())

    assert isinstance(refused, Paused)
    assert isinstance(allowed, Sent)


async def test_what_is_no_endpoint_is_dead(opened: Open) -> None:
    for endpoints in (None, Endpoints()):
        outcome = await told(opened(endpoints), webhook("endpoint:\x1b[2Jshop"))
        assert isinstance(outcome, Permanent)
        assert outcome.code == "no_endpoint"
        assert outcome.detail.isprintable()


async def test_without_the_database_nothing_is_sent(sandbox: Sandbox, opened: Open) -> None:
    endpoints = Endpoints(shop(sandbox))
    for fault in (StoreUnavailable("MySQL: away"), StoreError("MySQL: no such table")):
        endpoints.fault = fault
        assert isinstance(await told(opened(endpoints), webhook()), Retry)

    endpoints.fault = SettingsError("[webhook] key is missing")
    outcome = await told(opened(endpoints), webhook())
    assert isinstance(outcome, Paused)
    assert (outcome.code, outcome.scope) == ("secret_unreadable", SHOP)


async def test_a_payload_that_makes_no_body_is_dead(sandbox: Sandbox, opened: Open) -> None:
    large = replace(webhook(), payload={"x": "y" * 70_000})
    outcome = await opened(Endpoints(shop(sandbox))).send(large)

    assert isinstance(outcome, Permanent)
    assert outcome.code == "bad_message"


async def test_no_secret_is_shown(sandbox: Sandbox, opened: Open) -> None:
    secret = new_secret()
    endpoint = shop(sandbox, secret)
    options = WebhookOptions(rules=LOOPBACK, secret=secret)

    assert secret not in repr(endpoint) + repr(options)


class Waits:
    """Turns that take as long as they are told to; without any left, Redis is away."""

    def __init__(self, *waits: timedelta) -> None:
        self.waits = list(waits)
        self.closed = False

    async def take(self, endpoint: str, *, rate_per_s: float, id_: UUID) -> timedelta:
        if not self.waits:
            raise StoreUnavailable("Redis: away")
        return self.waits.pop(0)

    async def close(self) -> None:
        self.closed = True


async def test_whose_turn_is_far_is_held_and_whose_is_near_waits_here(
    sandbox: Sandbox, opened: Open
) -> None:
    near, far, now = timedelta(milliseconds=20), timedelta(seconds=3), timedelta(0)
    turns = Waits(far, near, now, now)
    limited = WebhookChannel(
        WebhookOptions(rules=LOOPBACK, ca_file=Path(sandbox.addresses["ca_file"])),
        endpoints=Endpoints(shop(sandbox, rate_per_s=10)),
        turns=turns,
    )

    outcomes = [await limited.send(webhook()) for _ in range(4)]
    await limited.close()

    assert outcomes[0] == Held(wait=far, reason="rate_limit:10 a second")
    assert [type(each) for each in outcomes[1:]] == [Sent, Sent, Sent], "also without Redis"
    assert turns.closed


async def test_an_endpoint_without_a_limit_asks_for_no_turn(sandbox: Sandbox) -> None:
    turns = Waits(timedelta(seconds=3))
    channel = WebhookChannel(
        WebhookOptions(rules=LOOPBACK, ca_file=Path(sandbox.addresses["ca_file"])),
        endpoints=Endpoints(shop(sandbox)),
        turns=turns,
    )
    assert isinstance(await channel.send(webhook()), Sent)
    await channel.close()

    assert len(turns.waits) == 1

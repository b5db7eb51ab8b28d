"""Signatures and bodies as the Standard Webhooks specification has them."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from notifier.channels.webhook.body import LARGEST, encode
from notifier.channels.webhook.signature import signed_headers
from notifier.domain.endpoint import key_of, new_secret
from notifier.domain.notification import ChannelName, Role
from notifier.errors import InvalidInput
from tests.channels.rig import notification


def secret_of(key: bytes) -> str:
    return "whsec_" + base64.b64encode(key).decode()


def test_the_specifications_own_example_comes_out() -> None:
    """Source: the signature example of the Standard Webhooks libraries' tests."""
    headers = signed_headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
        secrets=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )

    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@given(key=st.binary(min_size=24, max_size=64), text=st.text())
def test_the_reference_library_verifies_what_we_sign(key: bytes, text: str) -> None:
    body = json.dumps(text).encode()
    headers = signed_headers("msg_1", int(time.time()), body, secrets=[secret_of(key)])

    assert Webhook(secret_of(key)).verify(body, headers) == text


def test_during_a_rotation_either_secret_verifies_and_no_third() -> None:
    new, old = new_secret(), new_secret()
    headers = signed_headers("msg_1", int(time.time()), b"{}", secrets=[new, old])

    assert headers["webhook-signature"].count("v1,") == 2
    for secret in (new, old):
        assert Webhook(secret).verify(b"{}", headers) == {}
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(b"{}", headers)


def test_without_a_secret_nothing_is_signed() -> None:
    assert "webhook-signature" not in signed_headers("msg_1", 1, b"{}", secrets=[])


def test_a_new_secret_is_long_and_never_the_same() -> None:
    assert len(key_of(new_secret())) == 32
    assert new_secret() != new_secret()


@pytest.mark.parametrize(
    "secret",
    [
        *("", "whsec_", "planted", "whsec_planted!", secret_of(b"x" * 23), secret_of(b"x" * 65)),
        *(base64.b64encode(b"x" * 32).decode(), "whsk_" + base64.b64encode(b"x" * 32).decode()),
        *("whsec_é" * 10, "WHSEC_" + base64.b64encode(b"x" * 32).decode()),
    ],
)
def test_a_bad_secret_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(InvalidInput, match="24 to 64 bytes") as caught:
        key_of(secret)

    assert "planted" not in str(caught.value)


def webhook(**changes: Any) -> bytes:
    usual = notification(
        role=Role.RECIPIENT,
        channel=ChannelName.WEBHOOK,
        order_no="",
        dispatched_at=None,
        accepted_at=datetime(2026, 11, 21, 16, 30, 5, 123456, tzinfo=UTC),
    )
    return encode(replace(usual, **changes))


def test_a_body_has_type_timestamp_and_data() -> None:
    body = webhook(template="payment.paid", payload={"amount": 1.5, "name": "李伟", "n": None})

    assert json.loads(body) == {
        "type": "payment.paid",
        "timestamp": "2026-11-21T16:30:05.123Z",
        "data": {"amount": 1.5, "name": "李伟", "n": None},
    }


def test_an_orders_number_and_dispatch_are_told() -> None:
    moment = datetime(2026, 11, 21, 17, 0, tzinfo=UTC)
    body = json.loads(webhook(role=Role.PUBLISHER, order_no="1912", dispatched_at=moment))

    assert body["type"] == "order.dispatched"
    assert body["data"] == {"order_no": "1912", "dispatched_at": "2026-11-21T17:00:00.000Z"}


def test_every_attempt_has_the_same_bytes() -> None:
    payload = {"b": 1, "a": [1, {"z": 0, "y": 1}]}
    assert webhook(payload=payload, attempt=1) == webhook(payload=payload, attempt=7)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        *[
            ({"template": bad}, "template")
            for bad in ("a b", ".a", "-a", "ü", "a\n", "{}", "a" * 65)
        ],
        ({"payload": {"text": "x" * LARGEST}}, "payload"),
        ({"payload": {"text": "\ud800"}}, "payload"),
    ],
)
def test_what_makes_no_good_body_is_refused(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        webhook(**changes)

    assert caught.value.field == field

"""What an order record asks for, and when two ask for the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from notifier.domain.notification import ChannelName, Role
from notifier.domain.order import OrderRecord, parse_record
from notifier.domain.submission import of_record

RECORD = parse_record("1912136916313##150481##1795262400##oLvqQwo25p5myELvO5VXj0k##李伟##13926")


def test_a_record_asks_for_the_designers_notification_when_the_claim_window_ends() -> None:
    submission = of_record(RECORD)
    assert submission.role is Role.DESIGNER
    assert submission.due_at == submission.claim_deadline == RECORD.claim_deadline
    assert submission.recipient == RECORD.openid
    assert (submission.order_id, submission.designer_id) == (150481, 13926)


def test_the_same_record_has_the_same_key_and_again_has_none() -> None:
    assert of_record(RECORD).dedupe_key == of_record(replace(RECORD)).dedupe_key
    assert len(of_record(RECORD).dedupe_key or b"") == 32
    assert of_record(RECORD, again=True).dedupe_key is None


@pytest.mark.parametrize(
    "other",
    [
        replace(RECORD, order_no="1912136916314"),
        replace(RECORD, designer_id=13927),
        replace(RECORD, claim_deadline=RECORD.claim_deadline + timedelta(seconds=1)),
    ],
)
def test_another_order_designer_or_expiry_is_another_notification(other: OrderRecord) -> None:
    assert of_record(other).dedupe_key != of_record(RECORD).dedupe_key


def test_another_channel_is_another_notification() -> None:
    on_push = of_record(RECORD, channel=ChannelName.PUSH)
    assert on_push.dedupe_key != of_record(RECORD).dedupe_key


def test_how_the_designer_is_reached_does_not_make_it_another_notification() -> None:
    """Key of issue 2: order, designer, expiry, role, channel."""
    renamed = replace(RECORD, openid="oAnother_openid", designer_name="王芳")
    assert of_record(renamed).dedupe_key == of_record(RECORD).dedupe_key

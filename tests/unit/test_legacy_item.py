"""What older programs put into Redis: what is asked for with it, and what is refused."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.legacy_item import Item, ReminderRules, Way, order_of, reminder_of
from notifier.domain.legacy_record import LARGEST
from notifier.domain.notice import Offer
from notifier.domain.notification import ChannelName, Role
from notifier.domain.order import NO_EXPIRY, parse_record, record_text
from notifier.domain.submission import Submission, of_record
from notifier.errors import InvalidInput
from notifier.settings import read_settings

RECORD = "1912136916313##150481##1576140373##oLvqQwo25p5myELvO5VXj0k-7ngk##李伟测试##13926"
WINDOW = timedelta(minutes=5)
OFFER = Offer(ladders=("default",), templates={}, check_url=lambda url: None)
RULES = ReminderRules(
    channel="push",
    to="",
    member=re.compile(read_settings().intake.reminder_member),
    after=timedelta(0),
    zone=ZoneInfo("Asia/Shanghai"),
)


def record(text: str | bytes, **changes: int) -> Item:
    body = text.encode() if isinstance(text, str) else text
    item = Item(way=Way.ORDER, body=body, size=len(body), digest="0" * 40)
    return replace(item, size=changes.get("size", item.size))


def member(text: str | bytes, score: str = "1795262400.25") -> Item:
    return replace(record(text), way=Way.REMINDER, score=score)


def judged(item: Item, rules: ReminderRules = RULES) -> Submission:
    if item.way is Way.ORDER:
        return order_of(item, claim_window=WINDOW, order_book="orders")
    return reminder_of(item, rules, OFFER)


def test_the_record_of_the_documents_is_due_when_it_expires_and_is_the_one_that_publish_makes() -> (
    None
):
    submission = judged(record(RECORD))
    assert submission == of_record(parse_record(RECORD))
    assert submission.due_at == datetime.fromtimestamp(1576140373, UTC)


@pytest.mark.parametrize("expiry", ["", "0"])
def test_a_record_without_an_expiry_is_due_when_the_claim_window_ends(expiry: str) -> None:
    submission = judged(record(RECORD.replace("1576140373", expiry)))
    assert (submission.due_at, submission.delay) == (None, WINDOW)
    assert submission.claim_deadline is None
    assert submission.dedupe_key == judged(record(RECORD.replace("1576140373", "0"))).dedupe_key
    assert (
        record_text(replace(parse_record(RECORD), claim_deadline=NO_EXPIRY)).split("##")[2] == "0"
    )


def test_another_expiry_or_another_designer_is_another_order() -> None:
    keys = {
        judged(record(text)).dedupe_key
        for text in (RECORD, f"{RECORD}1", RECORD.replace("1576140373", "1576140374"))
    }
    assert len(keys) == 3


@pytest.mark.parametrize(
    ("item", "says"),
    [
        (record(""), "record: '' has 1 fields"),
        (record("1912136916313##150481"), "record: '1912136916313##150481' has 2 fields"),
        (record(RECORD.replace("李伟", "李##伟")), "has 7 fields"),
        (record(RECORD.encode("gbk")), "record: is not UTF-8: byte 0xc0 at 65"),
        (record(RECORD.replace("oLvq", "o Lvq")), "openid: 'o Lvq"),
        (record(RECORD.replace("1576140373", "1576140373000")), "claim_deadline: '1576140373000'"),
        (record(RECORD.replace("1576140373", "00")), "claim_deadline: '00'"),
        (record(RECORD.replace("13926", "")), "designer_id: ''"),
        (record(RECORD, size=5_000_000), f"record: 5000000 bytes are more than {LARGEST}"),
        (member("somebody"), "member: 'somebody' is not what [intake] reminder_member describes"),
        (member("用户1576140373"), "member: "),
        (member("用户 user1576140373"), "recipient: ' user' is none"),
        (member("用户user1576140373".encode("gbk")), "record: is not UTF-8"),
        (member("用户user1576140373", "1795262400250"), "score: 1795262400250 is no time"),
        (member("用户user1576140373", "-1"), "score: -1 is no time"),
        (member("用户user1576140373", "inf"), "score: inf is no time"),
    ],
)
def test_what_breaks_a_rule_is_refused_with_field_and_value(item: Item, says: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        judged(item)
    assert says in str(caught.value)


def test_a_member_of_the_documents_is_a_reminder_at_its_score() -> None:
    submission = judged(member("用户user1576140373"))
    assert (submission.role, submission.channel) == (Role.RECIPIENT, ChannelName.PUSH)
    assert (submission.recipient, submission.template) == ("user", "pickup_reminder")
    assert submission.due_at == datetime.fromtimestamp(1795262400.25, UTC)
    later = judged(member("用户user1576140373", "1795262401"))
    assert later.dedupe_key != submission.dedupe_key


def test_a_score_that_is_the_moment_of_the_order_gets_the_time_until_the_pick_up_added() -> None:
    rules = replace(RULES, channel="webhook", to="endpoint:shop", after=timedelta(seconds=600))
    submission = judged(member("用户user-421576140373"), rules)
    assert submission.recipient == "endpoint:shop"
    assert submission.payload["user"] == "user-42"
    assert submission.payload["seconds"] == 600
    assert submission.due_at == datetime.fromtimestamp(1795263000.25, UTC)


@given(
    st.binary(max_size=200)
    | st.lists(st.binary(max_size=40), max_size=8).map(b"##".join)
    | st.text(max_size=40).map(lambda text: f"用户{text}1576140373".encode()),
    st.sampled_from(list(Way)),
)
def test_hostile_bytes_are_read_or_refused_and_nothing_else(body: bytes, way: Way) -> None:
    refused = refusal(record(body) if way is Way.ORDER else member(body))
    assert refused is None or str(refused).isprintable()


def refusal(item: Item) -> InvalidInput | None:
    try:
        judged(item)
    except InvalidInput as error:
        return error
    return None

"""What a live client says, read into commands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from notifier.domain import live
from notifier.domain import live_command as said
from notifier.domain.ticket import ticket_of
from notifier.domain.topic import may_follow
from notifier.errors import InvalidInput

ID = UUID("0198f1c2-0000-7000-8000-000000000001")

READ: list[tuple[str, said.Command]] = [
    ('{"cmd": "ping"}', said.Ping()),
    ("10000", said.Remind(after=timedelta(seconds=10))),
    ('{"cmd": "remind", "in_ms": 0}', said.Remind(after=timedelta(0))),
    (
        '{"cmd": "remind", "at": "2026-11-22T07:30:00+08:00", "key": "k"}',
        said.Remind(at=datetime(2026, 11, 21, 23, 30, tzinfo=UTC), key="k"),
    ),
    (f'{{"ack": "{ID}"}}', said.Ack(ids=(ID,))),
    (f'{{"cmd": "ack", "ids": ["{ID}"]}}', said.Ack(ids=(ID,))),
    (f'{{"cmd": "bind", "after": "{ID}"}}', said.Bind(after=ID)),
    ('{"cmd": "bind", "user": "u", "after": ""}', said.Bind(user="u")),
    ('{"cmd": "subscribe", "topic": "order:7"}', said.Subscribe(topic="order:7")),
    ('{"cmd": "task", "name": "add", "args": {"a": [1]}}', said.Task(name="add", args={"a": [1]})),
]

REFUSED = [
    ('{"cmd": "remind"}', "in_ms"),
    ('{"cmd": "remind", "in_ms": 1, "at": "2026-11-22"}', "in_ms"),
    ('{"cmd": "remind", "in_ms": 400000000000}', "in_ms"),
    ('{"cmd": "remind", "in_ms": 1.5}', "in_ms"),
    ('{"cmd": "task", "name": "a b"}', "name"),
    ('{"cmd": "task", "name": "add", "args": {"a": NaN}}', "message"),
    ('{"cmd": "task", "name": "add", "args": []}', "args"),
    ('{"cmd": "ping", "cmd": "ping"}', "message"),
    ('{"cmd": "ping", "ref": {}}', "ref"),
    ('{"cmd": "__init__"}', "cmd"),
    ('{"cmd": ["ping"]}', "cmd"),
    ('{"cmd": "auth"}', "ticket"),
]


@pytest.mark.parametrize(("text", "command"), READ)
def test_a_message_is_read(text: str, command: said.Command) -> None:
    assert live.read(text).command == command


@pytest.mark.parametrize(("text", "field"), REFUSED)
def test_a_bad_message_is_blamed_on_a_field(text: str, field: str) -> None:
    request = live.read(text)
    assert request.command is None
    assert request.fault is not None
    assert request.fault.field == field


def test_the_mark_of_a_bad_message_is_given_back() -> None:
    assert live.read('{"cmd": "subscribe", "ref": 7}').ref == 7


def test_a_ticket_says_which_topics_may_be_followed() -> None:
    ticket = ticket_of("user-7", ["order:*", "rates"])
    allowed = [
        topic for topic in ("order:7", "rates", "rates2", "x") if may_follow(topic, ticket.topics)
    ]
    assert allowed == ["order:7", "rates"]
    for bad in ({"user": "a b"}, {"user": "u", "topics": ["*a"]}, {"user": "u", "topics": [""]}):
        with pytest.raises(InvalidInput):
            ticket_of(**bad)

"""What a live client says: one JSON object a message, read into a command."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from notifier.domain.live_command import (
    Ack,
    Auth,
    Bind,
    Command,
    Ping,
    Remind,
    Resume,
    Subscribe,
    Task,
    Unsubscribe,
)
from notifier.domain.moment import LONGEST, parse_moment
from notifier.domain.notice import FREE_TEMPLATE, LONGEST_KEY
from notifier.domain.order import shorten
from notifier.domain.payload import check_payload, strict_json
from notifier.domain.topic import check_topic
from notifier.errors import InvalidInput

LONGEST_REF = 64
MOST_ACKS = 500
_BARE_DELAY = re.compile(r"\s*\d{1,15}\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """cmd: "" where it cannot be read. ref: the client's own mark, given back with the answer."""

    cmd: str = ""
    ref: str | int | None = None
    command: Command | None = None
    fault: InvalidInput | None = None


def read(text: str) -> Request:
    """Never raises: what cannot be read has its `fault`. A bare number is a reminder in ms."""
    try:
        fields = _fields(text)
    except InvalidInput as error:
        return Request(fault=error)
    name, ref = fields.get("cmd"), fields.get("ref")
    cmd = name if isinstance(name, str) and name in _READERS else ""
    try:
        mark = _ref(ref)
    except InvalidInput as error:
        return Request(cmd=cmd, fault=error)
    try:
        return Request(cmd=cmd, ref=mark, command=_command(name, fields))
    except InvalidInput as error:
        return Request(cmd=cmd, ref=mark, fault=error)


def _fields(text: str) -> Mapping[str, Any]:
    if _BARE_DELAY.fullmatch(text):
        return {"cmd": "remind", "in_ms": int(text)}
    fields = strict_json("message", text)
    if not isinstance(fields, dict):
        raise InvalidInput("message", 'is no JSON object such as {"cmd": "ping"}')
    if "cmd" not in fields and "ack" in fields:
        one = fields["ack"]
        return {"cmd": "ack", "ids": one if isinstance(one, list) else [one]}
    return fields


def _ref(value: object) -> str | int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    if isinstance(value, str) and len(value) <= LONGEST_REF:
        return value
    raise InvalidInput("ref", f"is neither a number nor a text of at most {LONGEST_REF} characters")


def _command(name: object, fields: Mapping[str, Any]) -> Command:
    if not isinstance(name, str) or name not in _READERS:
        known = ", ".join(_READERS)
        raise InvalidInput("cmd", f"there is no {shorten(str(name))}; there are {known}")
    reader, allowed = _READERS[name]
    for field in fields:
        if field not in (*allowed, "cmd", "ref"):
            known = ", ".join(allowed) or "none"
            raise InvalidInput(field[:64], f"{name} has no such field; it has {known}")
    return reader(fields)


def _auth(fields: Mapping[str, Any]) -> Auth:
    return Auth(ticket=_text(fields, "ticket", most=4096))


def _bind(fields: Mapping[str, Any]) -> Bind:
    user = _text(fields, "user", most=128) if fields.get("user") is not None else None
    return Bind(user=user, after=_id(fields, "after"))


def _resume(fields: Mapping[str, Any]) -> Resume:
    return Resume(after=_id(fields, "after"))


def _remind(fields: Mapping[str, Any]) -> Remind:
    in_ms, at = fields.get("in_ms"), _moment(fields, "at")
    if (in_ms is None) == (at is None):
        raise InvalidInput("in_ms", "give either in_ms, a number of milliseconds, or at, a moment")
    if in_ms is not None and (type(in_ms) is not int or not 0 <= in_ms <= LONGEST / _MS):
        raise InvalidInput("in_ms", f"{shorten(str(in_ms))} is no whole number from 0 to ten years")
    return Remind(
        after=None if in_ms is None else in_ms * _MS,
        at=at,
        order_no=_text(fields, "order_no", most=64) if fields.get("order_no") else "",
        key=_key(fields),
        reserved_at=_moment(fields, "reserved_at"),
    )


def _subscribe(fields: Mapping[str, Any]) -> Subscribe:
    return Subscribe(topic=check_topic(fields.get("topic")))


def _unsubscribe(fields: Mapping[str, Any]) -> Unsubscribe:
    return Unsubscribe(topic=check_topic(fields.get("topic")))


def _task(fields: Mapping[str, Any]) -> Task:
    name = _text(fields, "name", most=64)
    if not FREE_TEMPLATE.fullmatch(name):
        raise InvalidInput("name", f"{shorten(name)} is no name: letters, digits, '.', '_', '-'")
    try:
        args = check_payload(fields.get("args", {}))
    except InvalidInput as error:
        place = "args" + error.field.removeprefix("payload")
        raise InvalidInput(place, str(error).removeprefix(f"{error.field}: ")) from None
    return Task(name=name, args=args, key=_key(fields))


def _ack(fields: Mapping[str, Any]) -> Ack:
    ids = [fields["id"]] if "id" in fields else fields.get("ids")
    return Ack(ids=check_ids(ids))


def check_ids(ids: object) -> tuple[UUID, ...]:
    """Of pushes. Raises InvalidInput."""
    if not isinstance(ids, list) or not ids or len(ids) > MOST_ACKS:
        raise InvalidInput("ids", f"is no list of 1 to {MOST_ACKS} ids")
    return tuple(_uuid("ids", one) for one in ids)


def _key(fields: Mapping[str, Any]) -> str | None:
    return None if fields.get("key") is None else _text(fields, "key", most=LONGEST_KEY - 40)


def _text(fields: Mapping[str, Any], field: str, *, most: int) -> str:
    value = fields.get(field)
    if not isinstance(value, str) or not value:
        raise InvalidInput(field, "is missing" if value is None else "is no text, or empty")
    if len(value) > most:
        raise InvalidInput(field, f"has {len(value)} characters, at most {most}")
    return value


def _id(fields: Mapping[str, Any], field: str) -> UUID | None:
    value = fields.get(field)
    return None if value is None or value == "" else _uuid(field, value)


def _uuid(field: str, value: object) -> UUID:
    try:
        return UUID(value if isinstance(value, str) else "")
    except ValueError:
        raise InvalidInput(
            field, f"{shorten(str(value))} is no id such as 0198f1c2-…; give one of a push"
        ) from None


def _moment(fields: Mapping[str, Any], field: str) -> datetime | None:
    value = fields.get(field)
    if value is None:
        return None
    text = str(value) if isinstance(value, str | int | float) else ""
    return parse_moment(field, text, UTC)


_MS = timedelta(milliseconds=1)
_READERS: Mapping[str, tuple[Callable[[Mapping[str, Any]], Command], tuple[str, ...]]] = {
    "auth": (_auth, ("ticket",)),
    "bind": (_bind, ("user", "after")),
    "resume": (_resume, ("after",)),
    "remind": (_remind, ("in_ms", "at", "order_no", "key", "reserved_at")),
    "subscribe": (_subscribe, ("topic",)),
    "unsubscribe": (_unsubscribe, ("topic",)),
    "task": (_task, ("name", "args", "key")),
    "ack": (_ack, ("id", "ids")),
    "ping": (lambda fields: Ping(), ()),
}
COMMANDS = frozenset(_READERS)

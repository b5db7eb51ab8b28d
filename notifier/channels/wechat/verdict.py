"""From WeChat's answer to an outcome, without I/O and without a clock of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson

from notifier.channels.egress import EgressFailed, HttpAnswer
from notifier.channels.wechat.errcodes import Verdict, verdict_of_token_call
from notifier.domain.outcome import Outcome, Paused, Permanent, Retry, Sent, Unknown

BEIJING = timezone(timedelta(hours=8), "Asia/Shanghai")
LONGEST_DETAIL = 200
NEXT_MINUTE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A readable answer. fields: the whole JSON object."""

    errcode: int
    errmsg: str
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Garbled:
    """An answer that says nothing certain. code, detail: for the record."""

    code: str
    detail: str


def read_reply(
    answer: HttpAnswer, *, hide: str, default_errcode: int | None = None
) -> Reply | Garbled:
    """Trust only a status of 200, a JSON object and an errcode that is an integer.

    hide: the secret of the request, should the error text repeat it.
    default_errcode: for the token endpoint, whose success carries no errcode.
    """
    if answer.status != 200:
        return Garbled(code=f"http_{answer.status}", detail=f"HTTP status {answer.status}")
    if answer.cut:
        return Garbled(code=answer.cut, detail="the answer is not whole")
    if not answer.body.strip():
        return Garbled(code="empty", detail="an empty body")
    try:
        fields = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return Garbled(code="garbled", detail="the body is no JSON")
    if not isinstance(fields, dict):
        return Garbled(code="garbled", detail="the body is no JSON object")
    errcode = fields.get("errcode", default_errcode)
    if type(errcode) is not int:
        return Garbled(code="garbled", detail="errcode is missing or no integer")
    errmsg = str(fields.get("errmsg", ""))
    if hide:
        errmsg = errmsg.replace(hide, "***")
    return Reply(errcode=errcode, errmsg=printable(errmsg), fields=fields)


def outcome_of_send(reply: Reply, verdict: Verdict, *, attempt: int, now: datetime) -> Outcome:
    """attempt: of this notification, from 1. now: UTC, for the day that a quota belongs to.

    A token's verdict that reaches this point outlived its replacement: the ladder goes on.
    """
    code = str(reply.errcode)
    match verdict:
        case Verdict.ACCEPTED:
            return Sent(external_id=_msgid(reply.fields.get("msgid")))
        case Verdict.PERMANENT | Verdict.PERMANENT_OR_ACCOUNT:
            return Permanent(code=code, detail=reply.errmsg)
        case Verdict.PERMANENT_LATER if attempt > 1:
            return Permanent(code=code, detail=reply.errmsg)
    return _later(reply, verdict, now)


def outcome_of_token_call(reply: Reply, now: datetime) -> Retry | Paused:
    """Of an answer without a token: no message was at stake."""
    return _later(reply, verdict_of_token_call(reply.errcode), now)


def outcome_of_failure(failure: EgressFailed | Garbled) -> Retry | Unknown:
    if isinstance(failure, EgressFailed) and not failure.perhaps_sent:
        return Retry(code=failure.code, detail=printable(failure.detail))
    return Unknown(code=failure.code, detail=printable(failure.detail))


def next_beijing_midnight(now: datetime) -> datetime:
    """When daily quotas are new. now: aware. Returns UTC."""
    today = now.astimezone(BEIJING).replace(hour=0, minute=0, second=0, microsecond=0)
    return (today + timedelta(days=1)).astimezone(UTC)


def printable(text: str) -> str:
    """Short, and without characters that could forge a line of a log."""
    return "".join(each if each.isprintable() else " " for each in text[:LONGEST_DETAIL])


def _later(reply: Reply, verdict: Verdict, now: datetime) -> Retry | Paused:
    code = str(reply.errcode)
    match verdict:
        case Verdict.CONFIGURATION:
            return Paused(code=code, detail=reply.errmsg)
        case Verdict.QUOTA:
            return Paused(code=code, detail=reply.errmsg, resume_at=next_beijing_midnight(now))
        case Verdict.NEXT_MINUTE:
            return Retry(code=code, detail=reply.errmsg, not_before=NEXT_MINUTE)
        case _:
            return Retry(code=code, detail=reply.errmsg)


def _msgid(value: object) -> str:
    return str(value) if type(value) is int else ""

"""POST /cgi-bin/message/template/send: the checks in WeChat's order, then the effect.

Source: WeChat's pages on api_sendtemplatemessage and on global return codes; that a repeated
client_msg_id sends nothing for ten minutes is what clients in several languages state.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from notifier.sandbox.account import Account
from notifier.sandbox.answers import Answer, accepted, refused
from notifier.sandbox.calls import Call
from notifier.sandbox.fields import first_invalid
from notifier.sandbox.options import RepeatAnswer

# A backslash-u escape of anything beyond ASCII; control characters have no other way in JSON.
_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*\\u(?!00[0-7])")

_Check = Callable[[Call, Account, float], int | tuple[int, str] | None]


def post_refusal(call: Call, account: Account, now: float) -> int | None:
    """What every endpoint that takes a POST with a token asks before it looks at the message."""
    if not call.is_https:
        return 43003
    if call.method != "POST":
        return 43002
    token = call.query.get("access_token")
    return account.tokens.refusal(token, now) if token else 41001


def body_refusal(call: Call) -> int | None:
    """Why the body of a POST cannot be read."""
    if call.body is None:
        return 45002
    if not call.body:
        return 44002
    return None if isinstance(call.message, dict) else 47001


def _charset(call: Call, account: Account, now: float) -> int | None:
    body = call.body or b""
    if account.behaviour.accepts_unicode_escapes or b"\\u" not in body:
        return None
    return 40033 if _ESCAPE.search(body) else None


def _receiver(call: Call, account: Account, now: float) -> int | None:
    return account.people.refusal(call.text("touser") or "", call.text("template_id") or "")


def _content(call: Call, account: Account, now: float) -> int | tuple[int, str] | None:
    required = account.behaviour.templates.get(call.text("template_id") or "")
    if required is None:
        return 40037
    if (key := first_invalid(call.message.get("data"), required)) is not None:
        return 47003, f"data.{key}.value invalid"
    banned = account.behaviour.banned_words
    if banned and any(word in text for text in call.shown_texts() for word in banned):
        return 40249
    return 48001 if account.behaviour.is_api_off else None


_CHECKS: tuple[_Check, ...] = (
    post_refusal,
    lambda call, account, now: body_refusal(call),
    _charset,
    _receiver,
    _content,
)


def send(call: Call, account: Account, now: float) -> Answer:
    """The answer to one send; its row is the effect or the repeat that goes to disk first."""
    status = account.behaviour.refusal_status
    for check in _CHECKS:
        found = check(call, account, now)
        if found is not None:
            errcode, detail = found if isinstance(found, tuple) else (found, "")
            return refused(errcode, detail, status=status)
    openid, client_msg_id = call.message["touser"], call.text("client_msg_id") or None
    if client_msg_id is not None:
        msgid = account.ledger.earlier(
            (openid, client_msg_id), now, window_s=account.behaviour.repeat_window_s
        )
        if msgid is not None:
            return _repeated(call, account, msgid)
    spent = account.ledger.spent_quota(
        now,
        per_minute=account.behaviour.sends_per_minute,
        per_day=account.behaviour.sends_per_day,
    )
    return refused(spent, status=status) if spent else _sent(call, account, now)


def _sent(call: Call, account: Account, now: float) -> Answer:
    message, msgid = call.message, account.ledger.next_msgid()
    row: dict[str, Any] = {
        "kind": "wechat",
        "received_at": call.received_at,
        "accepted_at": now,
        "msgid": msgid,
        "openid": message["touser"],
        "template_id": message["template_id"],
        "client_msg_id": call.text("client_msg_id") or None,
        "data": message["data"],
    }
    row |= {name: message[name] for name in ("url", "miniprogram") if message.get(name)}
    account.ledger.remember(row, window_s=account.behaviour.repeat_window_s)
    return accepted({"errcode": 0, "errmsg": "ok", "msgid": msgid}, row)


def _repeated(call: Call, account: Account, msgid: int) -> Answer:
    row = {"kind": "repeat", "received_at": call.received_at, "msgid": msgid}
    account.ledger.remember(row, window_s=account.behaviour.repeat_window_s)
    if account.behaviour.repeat_answer is RepeatAnswer.SAME_MSGID:
        return accepted({"errcode": 0, "errmsg": "ok", "msgid": msgid}, row)
    answer = refused(account.behaviour.repeat_errcode, "clientmsgid exist")
    return replace(answer, row=row, status=account.behaviour.refusal_status)

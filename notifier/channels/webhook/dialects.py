"""From a receiver's answer to an outcome, without I/O and without a clock of its own.

Sources: the Standard Webhooks specification 1.0.0 (2xx, 3xx, 410, 429, 502, 504, Retry-After);
Alipay's and WeChat Pay's rules for the notification of a payment's result (the other dialects).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import orjson

from notifier.channels.egress import EgressFailed, HttpAnswer
from notifier.channels.webhook.pay_xml import PayAnswer, read_pay_xml
from notifier.domain.endpoint import Dialect
from notifier.domain.outcome import Answer, Outcome, Permanent, Retry, Sent, Unknown

GONE = "http_410"
THROTTLED = frozenset({429, 502, 504})
LONGEST_WAIT = timedelta(hours=24)
USUAL_WAIT = timedelta(seconds=15)
"""At least so long after a status that asks us to slow down and names no moment."""
KEPT_BODY = 2048
LONGEST_DETAIL = 200


def outcome_of_answer(
    reply: HttpAnswer, dialect: Dialect, *, latency: timedelta, now: datetime
) -> Outcome:
    """now: UTC, for a Retry-After that is a date."""
    answer = Answer(status=reply.status, latency=latency, body=reply.body[:KEPT_BODY])
    if reply.status == 410:
        return Permanent(code=GONE, detail="the endpoint is gone, it says", answer=answer)
    refusal = _DIALECTS[dialect](reply)
    if refusal is None:
        return Sent(answer=answer)
    code, detail = refusal
    return Retry(
        code=code,
        detail=printable(detail),
        not_before=_wait(reply, now),
        answer=answer,
    )


def outcome_of_failure(failure: EgressFailed) -> Retry | Unknown:
    detail = printable(failure.detail)
    if failure.perhaps_sent:
        return Unknown(code=failure.code, detail=detail)
    return Retry(code=failure.code, detail=detail)


def printable(text: str) -> str:
    """Short, and without characters that could forge a line of a log."""
    return "".join(each if each.isprintable() else " " for each in text[:LONGEST_DETAIL]).strip()


def retry_after(text: str, now: datetime) -> timedelta:
    """Seconds, or a date of HTTP; nothing for what is neither. At most a day.

    Source: RFC 9110 section 10.2.3.
    """
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError, IndexError):
        return timedelta(0)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(moment - now, timedelta(0)), LONGEST_WAIT)


def _wait(reply: HttpAnswer, now: datetime) -> timedelta:
    asked = reply.headers.get("Retry-After")
    if asked is not None and (wait := retry_after(asked, now)):
        return wait
    return USUAL_WAIT if reply.status in THROTTLED else timedelta(0)


# Each dialect: None where the receiver has heard, else code and detail of why not.
_Refusal = tuple[str, str] | None


def _standard(reply: HttpAnswer) -> _Refusal:
    return None if 200 <= reply.status <= 299 else _by_status(reply)


def _alipay(reply: HttpAnswer) -> _Refusal:
    if not 200 <= reply.status <= 299:
        return _by_status(reply)
    if reply.body == b"success" and not reply.cut:
        return None
    return "not_success", "the body is not exactly: success"


def _wechatpay_v2(reply: HttpAnswer) -> _Refusal:
    if not 200 <= reply.status <= 299:
        return _by_status(reply)
    found = PayAnswer() if reply.cut else read_pay_xml(reply.body)
    if found.code == "SUCCESS":
        return None
    if found.code:
        return "not_success", f"return_code {found.code}: {found.message}"
    return "not_xml", "the body is no XML with a return_code"


def _wechatpay_v3(reply: HttpAnswer) -> _Refusal:
    if reply.status in (200, 204):
        return None
    code, detail = _by_status(reply)
    try:
        told = orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        return code, detail
    if isinstance(told, dict) and "message" in told:
        detail = f"{told.get('code', '')}: {told['message']}"
    return code, detail


def _by_status(reply: HttpAnswer) -> tuple[str, str]:
    if 300 <= reply.status <= 399:
        return f"http_{reply.status}", "redirects are not followed"
    if reply.status in THROTTLED:
        return f"http_{reply.status}", "the receiver asks for fewer"
    return f"http_{reply.status}", f"HTTP status {reply.status}"


_DIALECTS: Mapping[Dialect, Callable[[HttpAnswer], _Refusal]] = {
    Dialect.STANDARD: _standard,
    Dialect.ALIPAY: _alipay,
    Dialect.WECHATPAY_V2: _wechatpay_v2,
    Dialect.WECHATPAY_V3: _wechatpay_v3,
}

"""By which answers each dialect says that it has heard."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from notifier.channels.egress import EgressFailed, HttpAnswer
from notifier.channels.webhook.dialects import (
    KEPT_BODY,
    LONGEST_WAIT,
    USUAL_WAIT,
    outcome_of_answer,
    outcome_of_failure,
    retry_after,
)
from notifier.domain.endpoint import Dialect
from notifier.domain.outcome import Outcome, Permanent, Retry, Sent, Unknown

NOW = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)
STANDARD, ALIPAY = Dialect.STANDARD, Dialect.ALIPAY
V2, V3 = Dialect.WECHATPAY_V2, Dialect.WECHATPAY_V3
OK = (
    b"<xml><return_code><![CDATA[SUCCESS]]></return_code>"
    b"<return_msg><![CDATA[OK]]></return_msg></xml>"
)
FAIL = (
    b"<xml><return_code>FAIL</return_code><return_msg>\xe7\xad\xbe\xe5\x90\x8d</return_msg></xml>"
)


def judged(
    dialect: Dialect, status: int, body: bytes = b"", cut: str = "", retry_after: str | None = None
) -> Outcome:
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    reply = HttpAnswer(status=status, body=body, cut=cut, headers=headers)
    return outcome_of_answer(reply, dialect, latency=timedelta(seconds=0.1), now=NOW)


@pytest.mark.parametrize(
    ("dialect", "status", "body"),
    [
        *[(STANDARD, status, b"") for status in (200, 201, 202, 204, 299)],
        (STANDARD, 200, b'{"error": "ignored"}'),
        (ALIPAY, 200, b"success"),
        (ALIPAY, 201, b"success"),
        (V2, 200, OK),
        (V2, 200, b"<xml><return_code>SUCCESS</return_code></xml>"),
        (V2, 200, b"<?xml version='1.0'?>\n<xml>\n <return_code>SUCCESS</return_code>\n</xml>\n"),
        (V3, 200, b""),
        (V3, 204, b""),
        (V3, 200, b'{"code": "FAIL", "message": "the status wins"}'),
        (V3, 200, b"anything"),
    ],
)
def test_heard(dialect: Dialect, status: int, body: bytes) -> None:
    assert isinstance(judged(dialect, status, body), Sent)


@pytest.mark.parametrize(
    ("dialect", "status", "body", "code"),
    [
        *[(STANDARD, status, b"success", f"http_{status}") for status in (400, 401, 404, 500, 503)],
        *[
            (dialect, status, b"success", f"http_{status}")
            for dialect in Dialect
            for status in (101, 300, 301, 302, 304, 307, 308, 429, 500, 502, 504)
        ],
        *[
            (ALIPAY, 200, body, "not_success")
            for body in (
                *(
                    b"",
                    b"SUCCESS",
                    b"Success",
                    b"success\n",
                    b" success",
                    b'"success"',
                    b"successs",
                ),
                *(b"\xef\xbb\xbfsuccess", b"ok", b"fail", b"<html>success</html>", b"success\0"),
            )
        ],
        (ALIPAY, 500, b"success", "http_500"),
        (V2, 200, FAIL, "not_success"),
        (V2, 200, OK.replace(b"SUCCESS", b"success"), "not_success"),
        *[
            (V2, 200, body, "not_xml")
            for body in (
                *(b"", b"ok", b"success", b"SUCCESS", b'{"return_code": "SUCCESS"}', OK[:-3]),
                *(b"<html>SUCCESS</html>", b"<xml/>", b"<xml>SUCCESS</xml>", OK + OK, OK + b"x"),
                b"<return_code>SUCCESS</return_code>",
                b"<a><return_code>SUCCESS</return_code></a>",
                b"<xml><a><return_code>SUCCESS</return_code></a></xml>",
                b"<xml><return_code><a>SUCCESS</a></return_code></xml>",
                b"<xml><return_code>FAIL</return_code><return_code>SUCCESS</return_code></xml>",
                b"<xml>" + b"<a>" * 5000 + b"</a>" * 5000 + b"</xml>",
            )
        ],
        *[(V3, status, b"", f"http_{status}") for status in (201, 202, 206, 400, 404)],
    ],
)
def test_not_heard(dialect: Dialect, status: int, body: bytes, code: str) -> None:
    outcome = judged(dialect, status, body)

    assert isinstance(outcome, Retry)
    assert outcome.code == code


@pytest.mark.parametrize(
    "declaration",
    [
        b'<!DOCTYPE xml [<!ENTITY a "SUCCESS">]>',
        b'<!DOCTYPE xml [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        b'<!DOCTYPE xml SYSTEM "http://169.254.169.254/x.dtd">',
        b'<!DOCTYPE xml [<!ENTITY b "bb"><!ENTITY a "&b;&b;&b;&b;">]>',
        b'<!DOCTYPE xml [<!ENTITY % p SYSTEM "http://a.com/"> %p;]>',
    ],
)
def test_an_answer_that_declares_anything_is_no_answer(declaration: bytes) -> None:
    for text in (b"&a;", b"SUCCESS"):
        body = declaration + b"<xml><return_code>" + text + b"</return_code></xml>"
        outcome = judged(V2, 200, body)
        assert isinstance(outcome, Retry)
        assert outcome.code == "not_xml"


def test_what_the_receiver_says_of_its_refusal_is_kept() -> None:
    pay_2, pay_3 = judged(V2, 200, FAIL), judged(V3, 500, b'{"code":"FAIL","message":"later\\n"}')

    assert (pay_2.code, pay_2.detail) == ("not_success", "return_code FAIL: 签名")
    assert (pay_3.code, pay_3.detail) == ("http_500", "FAIL: later")


@pytest.mark.parametrize("dialect", Dialect)
def test_410_ends_it_in_every_dialect(dialect: Dialect) -> None:
    outcome = judged(dialect, 410, b"success")

    assert isinstance(outcome, Permanent)
    assert outcome.code == "http_410"


@pytest.mark.parametrize(("dialect", "body"), [(ALIPAY, b"success"), (V2, OK)])
def test_a_body_that_is_cut_is_no_acknowledgement(dialect: Dialect, body: bytes) -> None:
    assert isinstance(judged(dialect, 200, body, cut="timeout"), Retry)


@pytest.mark.parametrize("dialect", [STANDARD, V3])
def test_where_the_status_decides_the_body_may_be_cut(dialect: Dialect) -> None:
    assert isinstance(judged(dialect, 200, b"x", cut="too_large"), Sent)


@pytest.mark.parametrize(
    ("status", "said", "wait_s"),
    [
        *[(429, None, 15), (502, None, 15), (504, None, 15), (500, None, 0), (503, None, 0)],
        *[(429, "120", 120), (503, "7", 7), (500, "3", 3), (302, "5", 5), (429, "1", 1)],
        *[(429, "0", 15), (503, "0", 0), (429, "soon", 15), (429, "-5", 15), (429, "1.5", 15)],
        *[(429, "٣", 15), (429, "9" * 200, 86400), (429, "Sat, 21 Nov 2026 16:02:00 GMT", 120)],
        *[
            (429, "Sat, 21 Nov 2026 15:00:00 GMT", 15),
            (429, "Fri, 31 Dec 9999 23:59:59 GMT", 86400),
        ],
        *[(429, "Sat, 99 Nov 2026 16:02:00 GMT", 15), (429, "", 15)],
    ],
)
def test_the_receiver_may_say_when_to_come_back(
    status: int, said: str | None, wait_s: float
) -> None:
    outcome = judged(STANDARD, status, retry_after=said)

    assert isinstance(outcome, Retry)
    assert outcome.not_before == timedelta(seconds=wait_s)


def test_nobody_makes_us_wait_for_more_than_a_day() -> None:
    assert retry_after("86401", NOW) == LONGEST_WAIT
    assert timedelta(0) < USUAL_WAIT < LONGEST_WAIT


def test_status_latency_and_the_bodys_beginning_stay_with_the_outcome() -> None:
    for status in (200, 404, 410):
        answer = judged(STANDARD, status, b"x" * 5000).answer
        assert answer is not None
        assert (answer.status, answer.latency) == (status, timedelta(seconds=0.1))
        assert answer.body == b"x" * KEPT_BODY


def test_without_an_answer_it_counts_whether_anything_can_have_arrived() -> None:
    lost = outcome_of_failure(EgressFailed("timeout", "no\nanswer", perhaps_sent=True))
    unsent = outcome_of_failure(EgressFailed("dns", "a.com", perhaps_sent=False))

    assert lost == Unknown(code="timeout", detail="no answer")
    assert unsent == Retry(code="dns", detail="a.com")

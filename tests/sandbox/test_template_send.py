"""Sending a template message: refusals in WeChat's order, repeats, quotas, text."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from notifier.sandbox.options import DESIGNER_TEMPLATE, PUBLISHER_TEMPLATE
from tests.sandbox.rig import OPENID, SEND, Sandbox, encoded, message

RID = re.compile(r".* rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}")


def test_an_accepted_send_is_answered_with_a_64_bit_msgid_and_recorded(
    sandbox: Sandbox, token: str
) -> None:
    answer = sandbox.send(token, client_msg_id="a1")

    assert (answer["errcode"], answer["errmsg"]) == (0, "ok")
    assert 2**53 < answer["msgid"] < 2**63
    [effect] = sandbox.control.effects()
    assert effect["openid"] == OPENID
    assert effect["template_id"] == DESIGNER_TEMPLATE
    assert effect["client_msg_id"] == "a1"
    assert effect["msgid"] == answer["msgid"]
    assert effect["data"] == message()["data"]
    assert effect["wire_count"] == 1


class Caller:
    """Sends whatever it is told and returns the errcode."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._http = sandbox.http
        self.token: str | None = None

    def ask(self, body: bytes, *, method: str = "POST") -> int:
        """The errcode for these bytes."""
        query = {} if self.token is None else {"access_token": self.token}
        answer = self._http.request(method, SEND, params=query, content=body)
        assert answer.status_code == 200
        code: int = answer.json()["errcode"]
        assert code == 0 or RID.fullmatch(answer.json()["errmsg"])
        return code

    def say(self, **changes: Any) -> int:
        """The errcode for a message with a wrong template and a banned word unless changed."""
        wrong = {"template_id": "other", "data": {"keyword1": {"value": "lottery"}}}
        return self.ask(encoded(message(**(wrong | changes))))


def test_what_is_no_message_is_refused_in_wechats_order(sandbox: Sandbox) -> None:
    """Everything is wrong at first; each mended fault brings the next to light."""
    caller = Caller(sandbox)

    assert caller.ask(b"", method="GET") == 43002
    assert caller.ask(b"") == 41001
    caller.token = "never-issued"
    assert caller.ask(b"") == 40001
    caller.token = sandbox.token()
    sandbox.control.script([{"times": 1, "action": "clock:+7201"}])
    assert caller.ask(b"") == 42001
    caller.token = sandbox.token()
    assert caller.ask(b"") == 44002
    assert caller.ask(b"touser=x") == 47001
    assert caller.ask(b"[1]") == 47001
    assert caller.ask(b'{"touser":"\xff"}') == 47001
    assert caller.ask(b'{"touser":"x","data":"\\u4f60"}') == 40033
    assert caller.ask(b'{"touser":"x","data":"\\\\u4f60 \\u0007"}') == 40003
    assert caller.ask(b"x" * 2_000_000) == 45002
    assert list(sandbox.control.effects()) == []


def test_messages_are_refused_in_wechats_order(sandbox: Sandbox) -> None:
    """Everything is wrong at first; each mended fault brings the next to light."""
    control, caller = sandbox.control, Caller(sandbox)
    caller.token = sandbox.token()
    control.behaviour(banned_words=["lottery"], is_api_off=True)
    control.behaviour(sends_per_minute=1, sends_per_day=1)
    lists = ("unknown", "unfollowed", "blacklisted", "refused")
    control.people(**{name: [OPENID] for name in lists})
    good = {"template_id": DESIGNER_TEMPLATE}
    full = good | {"data": {"keyword1": {"value": "lottery"}, "keyword2": {"value": "now"}}}

    assert caller.say(touser="no openid") == 40003
    for name, code in zip(lists, (40003, 43004, 43019, 43101), strict=True):
        assert caller.say() == code
        control.people(**{name: []})
    assert caller.say() == 40037
    assert caller.say(**good) == 47003
    assert caller.say(**full) == 40249
    control.behaviour(banned_words=[])
    assert caller.say(**full) == 48001
    control.behaviour(is_api_off=False)
    assert caller.say(**full) == 0
    assert caller.say(**full) == 45011
    control.behaviour(sends_per_minute=0)
    assert caller.say(**full) == 45009
    assert len(list(control.effects())) == 1


def test_plain_http_is_refused(sandbox: Sandbox, token: str) -> None:
    url = sandbox.addresses["webhook_url"] + SEND

    answer = httpx.post(url, params={"access_token": token}, json=message(), trust_env=False)

    assert answer.json()["errcode"] == 43003


@pytest.mark.parametrize(
    ("key", "value", "is_taken"),
    [
        ("keyword1", "", False),
        ("keyword1", "长" * 150, True),
        ("keyword1", 42, True),
        ("thing1", "长" * 20, True),
        ("thing1", "长" * 21, False),
        ("character_string2", "x" * 33, False),
        ("phrase3", "已经被接走了", False),
        ("time4", "2026年11月21日 13:00", True),
    ],
)
def test_fields_are_checked_by_their_kind(
    sandbox: Sandbox, token: str, key: str, value: object, is_taken: bool
) -> None:
    sandbox.control.behaviour(templates={"typed": [key]})

    answer = sandbox.send(token, template_id="typed", data={key: {"value": value}})

    if is_taken:
        assert answer["errcode"] == 0
    else:
        assert answer["errcode"] == 47003
        assert answer["errmsg"].startswith(f"argument invalid! data.{key}.value invalid rid: ")


def test_a_refusal_can_be_of_one_template_only(sandbox: Sandbox, token: str) -> None:
    sandbox.control.people(refused=[f"{OPENID}/{DESIGNER_TEMPLATE}"])

    assert sandbox.send(token)["errcode"] == 43101
    assert sandbox.send(token, template_id=PUBLISHER_TEMPLATE)["errcode"] == 0


def test_a_repeated_client_msg_id_has_one_effect_whatever_its_content(
    sandbox: Sandbox, token: str
) -> None:
    first = sandbox.send(token, client_msg_id="same")
    again = sandbox.send(token, client_msg_id="same", template_id=PUBLISHER_TEMPLATE)
    other = sandbox.send(token, client_msg_id="same", touser="oAnotherPerson")

    assert again == first
    assert other["msgid"] != first["msgid"]
    effects = list(sandbox.control.effects())
    assert [each["wire_count"] for each in effects] == [2, 1]
    assert sandbox.control.counters()["repeats"] == 1


def test_a_repeat_can_be_answered_with_an_error(sandbox: Sandbox, token: str) -> None:
    sandbox.control.behaviour(repeat_answer="error", repeat_errcode=45065)
    sandbox.send(token, client_msg_id="same")

    assert sandbox.send(token, client_msg_id="same")["errcode"] == 45065
    assert len(list(sandbox.control.effects())) == 1


def test_after_its_window_a_client_msg_id_is_a_new_message(sandbox: Sandbox, token: str) -> None:
    sandbox.send(token, client_msg_id="same")
    sandbox.control.script([{"times": 1, "action": "clock:+601"}])

    sandbox.send(token, client_msg_id="same")

    assert len(list(sandbox.control.effects())) == 2


def test_without_a_client_msg_id_every_send_is_an_effect(sandbox: Sandbox, token: str) -> None:
    for _ in range(3):
        sandbox.send(token)

    assert len(list(sandbox.control.effects())) == 3


def test_chinese_text_is_on_disk_byte_for_byte(sandbox: Sandbox, token: str) -> None:
    text = "李伟测试𠮷😀"
    sandbox.send(token, data={"keyword1": {"value": text}, "keyword2": {"value": "二"}})

    assert text.encode() in (sandbox.folder / "effects.jsonl").read_bytes()


def test_escaped_text_is_taken_in_the_lenient_mode(sandbox: Sandbox, token: str) -> None:
    body = encoded(message()).replace(b"1912136916313", rb"\u674e")
    sandbox.control.behaviour(accepts_unicode_escapes=True)

    sandbox.http.post(SEND, params={"access_token": token}, content=body)

    assert next(sandbox.control.effects())["data"]["keyword1"]["value"] == "李"


def test_clearing_the_quota_lets_sends_go_on_ten_times_a_month(
    sandbox: Sandbox, token: str
) -> None:
    sandbox.control.behaviour(sends_per_day=1)
    query, app = {"access_token": token}, {"appid": "wxsandbox0000000001"}

    codes = [
        sandbox.http.post("/cgi-bin/clear_quota", params=query, json=app).json()["errcode"]
        for _ in range(11)
    ]

    assert codes == [0] * 10 + [48006]
    assert sandbox.send(token)["errcode"] == 0
    assert sandbox.send(token)["errcode"] == 45009


def test_refusals_can_come_with_another_http_status(sandbox: Sandbox, token: str) -> None:
    sandbox.control.behaviour(refusal_status=412)

    assert sandbox.raw_send(token, template_id="other").status_code == 412


def test_effects_tell_when_the_first_byte_came(sandbox: Sandbox, token: str) -> None:
    """The body comes half a second after the head; what counts is the head."""
    body = encoded(message())

    def late_body() -> Iterator[bytes]:
        yield body[:1]
        time.sleep(0.5)
        yield body[1:]

    before = time.time()
    query = {"access_token": token}
    answer = sandbox.http.post(SEND, params=query, content=late_body())
    assert answer.json()["errcode"] == 0
    [effect] = sandbox.control.effects()
    assert before <= effect["received_at"] < before + 0.4
    assert effect["accepted_at"] >= before + 0.5
    between = time.time()
    sandbox.send(token)
    assert list(sandbox.control.effects())[1]["received_at"] >= between

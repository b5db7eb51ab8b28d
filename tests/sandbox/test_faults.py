"""Every scripted fault, as a client meets it, and whether it left an effect."""

from __future__ import annotations

import json
import ssl
import time
from http.client import HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.sandbox.rig import SEND, Sandbox, encoded, message


def script(sandbox: Sandbox, *actions: str) -> None:
    rule = {"endpoint": "template_send", "times": 1, "action": list(actions)}
    sandbox.control.script([rule])


def effects(sandbox: Sandbox) -> int:
    return len(list(sandbox.control.effects()))


def test_a_scripted_errcode_is_answered_and_has_no_effect(sandbox: Sandbox, token: str) -> None:
    script(sandbox, "errcode:-1")

    answer = sandbox.send(token)

    assert answer["errcode"] == -1
    assert answer["errmsg"].startswith("system error rid: ")
    assert effects(sandbox) == 0
    assert sandbox.send(token)["errcode"] == 0


@pytest.mark.parametrize("status", [429, 500, 502, 503, 599])
def test_a_scripted_http_status_is_answered(sandbox: Sandbox, token: str, status: int) -> None:
    script(sandbox, f"http:{status}", "retry_after:7")

    answer = sandbox.raw_send(token)

    assert answer.status_code == status
    assert answer.headers["retry-after"] == "7"
    assert answer.headers["server"] == "notifier-sandbox"
    assert effects(sandbox) == 0


@pytest.mark.parametrize(("action", "start"), [("html_200", b"<html>"), ("empty_200", b"")])
def test_an_answer_may_be_no_json(sandbox: Sandbox, token: str, action: str, start: bytes) -> None:
    script(sandbox, action)

    answer = sandbox.raw_send(token)

    assert answer.status_code == 200
    assert answer.content[:6] == start
    assert effects(sandbox) == 0


def test_a_delayed_answer_is_late_and_otherwise_right(sandbox: Sandbox, token: str) -> None:
    script(sandbox, "delay:300")
    before = time.monotonic()

    assert sandbox.send(token)["errcode"] == 0

    assert time.monotonic() - before >= 0.3
    assert next(sandbox.control.effects())["received_at"] < time.time() - 0.25


@pytest.mark.parametrize(("action", "count"), [("hang", 0), ("hang_after_accept", 1)])
def test_a_hanging_answer_never_comes(
    sandbox: Sandbox, token: str, action: str, count: int
) -> None:
    script(sandbox, action)
    sandbox.http.timeout = httpx.Timeout(0.4)

    with pytest.raises(httpx.ReadTimeout):
        sandbox.raw_send(token)

    sandbox.http.timeout = httpx.Timeout(10)
    assert effects(sandbox) == count


@pytest.mark.parametrize(("action", "count"), [("reset_before_read", 0), ("reset_after_accept", 1)])
def test_a_reset_loses_the_answer(sandbox: Sandbox, token: str, action: str, count: int) -> None:
    script(sandbox, action)

    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        sandbox.raw_send(token, client_msg_id="lost")

    assert effects(sandbox) == count
    assert sandbox.send(token, client_msg_id="lost")["errcode"] == 0
    assert effects(sandbox) == 1


def test_truncated_json_has_had_its_effect(sandbox: Sandbox, token: str) -> None:
    script(sandbox, "truncate_json")

    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        sandbox.send(token)

    assert effects(sandbox) == 1


def test_numbers_may_come_as_text(sandbox: Sandbox, token: str) -> None:
    script(sandbox, "errcode_as_string")

    answer = sandbox.send(token)

    assert answer["errcode"] == "0"
    assert answer["msgid"].isdigit()


def test_answers_may_have_fields_nobody_announced(sandbox: Sandbox, token: str) -> None:
    script(sandbox, "extra_fields")

    answer = sandbox.send(token)

    assert answer["errcode"] == 0
    assert {"extra", "server_region", "trace"} < set(answer)


def test_a_dripping_answer_takes_its_time(sandbox: Sandbox, token: str) -> None:
    script(sandbox, "slow_drip:100")
    before = time.monotonic()

    assert sandbox.send(token)["errcode"] == 0

    assert time.monotonic() - before > 0.3


def test_a_connection_can_be_closed_behind_the_clients_back(sandbox: Sandbox, token: str) -> None:
    script(sandbox, "close_keepalive")

    url = urlsplit(sandbox.addresses["data_url"])
    trust = ssl.create_default_context(cafile=sandbox.addresses["ca_file"])
    client = HTTPSConnection(url.hostname or "", url.port, context=trust, timeout=5)
    client.request("POST", f"{SEND}?access_token={token}", encoded(message()))
    answer = client.getresponse()

    assert json.loads(answer.read())["errcode"] == 0
    assert answer.headers["connection"] is None
    assert client.sock.recv(1) == b""
    client.close()


@pytest.mark.parametrize("action", ["giant_body:3000000", "gzip_bomb:3000000"])
def test_an_answer_may_be_huge(sandbox: Sandbox, token: str, action: str) -> None:
    script(sandbox, action)
    name = action.partition(":")[0]

    answer = sandbox.raw_send(token)

    assert len(answer.content) == 3_000_000
    assert (int(answer.headers["content-length"]) < 10_000) is (name == "gzip_bomb")


def test_faults_reach_the_token_endpoints_too(sandbox: Sandbox) -> None:
    sandbox.control.script([{"endpoint": "stable_token", "times": 1, "action": "errcode:45011"}])

    with pytest.raises(KeyError):
        sandbox.token()
    assert sandbox.token()


def test_rules_follow_each_other_and_wait_for_their_messages(sandbox: Sandbox, token: str) -> None:
    """Two refusals, then a server error, each for every message; another openid is spared."""
    match = {"openid": "oLvq*"}
    common: dict[str, Any] = {"endpoint": "template_send", "match": match, "per": "client_msg_id"}
    sandbox.control.script(
        [
            {**common, "times": 2, "action": "errcode:-1"},
            {**common, "times": 1, "action": "http:500"},
        ]
    )

    def fate(client_msg_id: str, **changes: str) -> int:
        answer = sandbox.raw_send(token, client_msg_id=client_msg_id, **changes)
        code: int = answer.json()["errcode"] if answer.status_code == 200 else answer.status_code
        return code

    assert [fate("a"), fate("b"), fate("a"), fate("a"), fate("b")] == [-1, -1, -1, 500, -1]
    assert fate("a") == 0
    assert fate("c", touser="oAnotherPerson") == 0
    assert [each["applied"] for each in sandbox.control.script([], mode="add")] == [4, 1]


def test_a_share_of_the_messages_fails_twice_and_the_rest_never(
    sandbox: Sandbox, token: str
) -> None:
    rule = {"share": 0.3, "times": 2, "per": "client_msg_id", "action": "errcode:-1"}
    sandbox.control.script([{"endpoint": "template_send", **rule}])

    fates = {
        f"m{number}": [sandbox.send(token, client_msg_id=f"m{number}")["errcode"] for _ in range(3)]
        for number in range(100)
    }

    refused = [name for name, codes in fates.items() if codes == [-1, -1, 0]]
    spared = [name for name, codes in fates.items() if codes == [0, 0, 0]]
    assert len(refused) + len(spared) == 100
    assert 15 <= len(refused) <= 45
    assert effects(sandbox) == 100


def test_a_rule_can_mean_one_order(sandbox: Sandbox, token: str) -> None:
    rule = {"match": {"order_no": "1912136916313"}, "action": "errcode:-1"}
    sandbox.control.script([rule])
    other = {"keyword1": {"value": "1"}, "keyword2": {"value": "now"}}

    assert sandbox.send(token)["errcode"] == -1
    assert sandbox.send(token, data=other)["errcode"] == 0

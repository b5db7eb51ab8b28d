"""The control port: what it shows, and how it refuses what makes no sense."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from notifier.sandbox.control import SandboxControl
from notifier.sandbox.options import SandboxError
from tests.sandbox.rig import OPENID, Sandbox, message


def test_it_says_that_it_is_a_sandbox_on_every_port(sandbox: Sandbox) -> None:
    assert sandbox.control.health() == {"sandbox": "notifier", "effects": 0}
    for name in ("data_url", "control_url", "webhook_url"):
        url = sandbox.addresses[name]
        answer = sandbox.http.get(url) if name == "data_url" else httpx.get(url, trust_env=False)
        assert answer.headers["server"] == "notifier-sandbox"


def test_a_server_that_is_no_sandbox_is_found_out(sandbox: Sandbox) -> None:
    with (
        SandboxControl(sandbox.addresses["webhook_url"]) as control,
        pytest.raises(SandboxError, match="answered 404"),
    ):
        control.health()
    with (
        SandboxControl("http://127.0.0.1:9") as control,
        pytest.raises(SandboxError, match="cannot be reached"),
    ):
        control.health()


def test_it_tells_where_it_listens(sandbox: Sandbox) -> None:
    assert sandbox.control.addresses().items() <= sandbox.addresses.items()
    assert sandbox.control.addresses()["data_url"] == sandbox.addresses["data_url"]


def test_rules_are_removed_by_their_words_and_the_others_go_on_counting(
    sandbox: Sandbox, token: str
) -> None:
    ours = {"match": {"openid": "oLvq*"}, "times": 1, "per": "openid", "action": "errcode:-1"}
    theirs = {"match": {"openid": "oLvq*"}, "times": 1, "action": "http:500"}
    sandbox.control.script([ours, theirs])
    assert [sandbox.raw_send(token).status_code for _ in range(2)] == [200, 500]

    left = sandbox.control.script([ours], mode="remove")

    assert left == [{**theirs, "applied": 1}]
    assert sandbox.raw_send(token).json()["errcode"] == 0


def test_effects_are_filtered_by_person_and_moment(sandbox: Sandbox, token: str) -> None:
    sandbox.send(token)
    sandbox.send(token, touser="oAnotherPerson")
    first, second = sandbox.control.effects()

    assert [each["openid"] for each in sandbox.control.effects(openid=OPENID)] == [OPENID]
    assert list(sandbox.control.effects(since=second["received_at"])) == [second]
    assert first["received_at"] < second["received_at"]


def test_counters_tell_calls_codes_and_deliveries(sandbox: Sandbox, token: str) -> None:
    sandbox.send(token)
    sandbox.send(token, template_id="other")

    counters = sandbox.control.counters()

    assert counters["calls"] == {"stable_token": 1, "template_send": 2}
    assert counters["codes"]["template_send"] == {"0": 1, "40037": 1}
    assert counters["deliveries"] == {"whole": 3}


def test_the_wire_shows_calls_without_tokens(sandbox: Sandbox, token: str) -> None:
    sandbox.send(token, client_msg_id="a1")

    *_, row = sandbox.control.wire()

    assert row["path"] == "/cgi-bin/message/template/send"
    assert (row["openid"], row["message_id"], row["code"]) == (OPENID, "a1", 0)
    assert 0 < row["took_ms"] < 5000
    assert token not in repr(row)


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ({}, "action cannot be None"),
        ({"action": "errcode:many"}, "needs a whole number"),
        ({"action": "http:99"}, "no HTTP status"),
        ({"action": ["delay:10", "explode"]}, "'explode' is none of"),
        ({"action": "receipt:lost"}, "is no status"),
        ({"action": "hang", "endpoint": "elsewhere"}, "endpoint cannot be 'elsewhere'"),
        ({"action": "hang", "share": 1.5}, "share cannot be 1.5"),
        ({"action": "hang", "times": -1}, "times cannot be -1"),
        ({"action": "hang", "per": "weather"}, "per cannot be 'weather'"),
        ({"action": "hang", "match": {"colour": "red"}}, "match cannot be"),
        ({"action": "hang", "tims": 2}, "tims is none of"),
    ],
)
def test_a_wrong_rule_is_refused_and_the_old_ones_stay(
    sandbox: Sandbox, rule: dict[str, Any], complaint: str
) -> None:
    sandbox.control.script([{"action": "empty_200"}])

    with pytest.raises(SandboxError, match="rule 2: ") as refusal:
        sandbox.control.script([{"action": "hang"}, rule])

    assert complaint in str(refusal.value)
    [present] = sandbox.control.script([], mode="add")
    assert present["action"] == "empty_200"


@pytest.mark.parametrize(
    "changes",
    [
        {"colour": "red"},
        {"sends_per_day": -1},
        {"is_api_off": 1},
        {"repeat_answer": "both"},
        {"templates": {"t": "keyword1"}},
        {"banned_words": "lottery"},
    ],
)
def test_a_wrong_behaviour_is_refused(sandbox: Sandbox, changes: dict[str, Any]) -> None:
    with pytest.raises(SandboxError, match="behaviour: "):
        sandbox.control.behaviour(**changes)


@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        ({"token": "t"}, "url '' must begin with http"),
        ({"url": "http://127.0.0.1:1/", "token": ""}, "token must not be empty"),
        ({"url": "http://127.0.0.1:1/", "key": "short"}, "43 characters"),
        ({"url": 5}, "url must be a text"),
        ({"uri": "x"}, "no field 'uri'"),
    ],
)
def test_a_wrong_callback_is_refused(
    sandbox: Sandbox, target: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(SandboxError, match="callback: ") as refusal:
        sandbox.control.callback(**target)
    assert complaint in str(refusal.value)


def test_wrong_lists_of_people_are_refused(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxError, match="no list 'friends'"):
        sandbox.control.people(friends=[OPENID])
    with pytest.raises(SandboxError, match="must be a list of openids"):
        sandbox.control.people(unknown=OPENID)


def test_what_is_no_json_or_no_path_is_refused(sandbox: Sandbox) -> None:
    url = sandbox.addresses["control_url"]

    assert httpx.post(url + "/_sim/script", content=b"{", trust_env=False).status_code == 422
    assert httpx.post(url + "/_sim/people", content=b"[]", trust_env=False).status_code == 422
    assert httpx.get(url + "/_sim/effects?since=soon", trust_env=False).status_code == 422
    assert "GET /_sim/health" in httpx.get(url + "/", trust_env=False).json()["known"]


def test_a_rule_can_be_taken_back(sandbox: Sandbox, token: str) -> None:
    sandbox.control.script([{"endpoint": "template_send", "action": "errcode:-1"}])
    assert sandbox.send(token)["errcode"] == -1

    sandbox.control.script([])

    assert sandbox.send(token)["errcode"] == 0
    assert message()["touser"] == OPENID

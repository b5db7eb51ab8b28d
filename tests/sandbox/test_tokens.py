"""Access tokens: who gets one, how long it works, what replaces it."""

from __future__ import annotations

from typing import Any

import pytest

from notifier.sandbox.options import APP_ID, APP_SECRET
from tests.sandbox.rig import CREDENTIAL, Sandbox

STABLE = "/cgi-bin/stable_token"
CLASSIC = "/cgi-bin/token"


def stable(sandbox: Sandbox, *, is_forced: bool = False, **changes: Any) -> dict[str, Any]:
    payload = {**CREDENTIAL, "force_refresh": is_forced, **changes}
    answer: dict[str, Any] = sandbox.http.post(STABLE, json=payload).json()
    return answer


def classic(sandbox: Sandbox, **changes: str) -> dict[str, Any]:
    answer: dict[str, Any] = sandbox.http.get(CLASSIC, params={**CREDENTIAL, **changes}).json()
    return answer


def pass_time(sandbox: Sandbox, seconds: int) -> None:
    """Set the account's clock forward, by a call that has no other effect."""
    sandbox.control.script([{"times": 1, "action": [f"clock:+{seconds}", "empty_200"]}])
    sandbox.http.get("/")


@pytest.mark.parametrize("path", [STABLE, CLASSIC])
def test_credentials_are_refused_in_wechats_order(sandbox: Sandbox, path: str) -> None:
    sandbox.control.behaviour(allowed_ips=["192.0.2.1"], is_secret_frozen=True)
    given: dict[str, str] = {}

    def code(**more: str) -> int:
        given.update(more)
        if path == STABLE:
            answer = sandbox.http.post(path, json={"x": 1, **given})
        else:
            answer = sandbox.http.get(path, params=given)
        errcode: int = answer.json().get("errcode", 0)
        return errcode

    assert code() == 40002
    assert code(grant_type="client_credential") == 41002
    assert code(appid="wxother") == 40013
    assert code(appid=APP_ID) == 41004
    assert code(secret="wrong") == 40001
    sandbox.control.behaviour(wrong_secret_errcode=40125)
    assert code() == 40125
    assert code(secret=APP_SECRET) == 40164
    sandbox.control.behaviour(allowed_ips=["127.0.0.1"])
    assert code() == 40243
    sandbox.control.behaviour(is_secret_frozen=False)
    assert code() == 0


def test_the_endpoints_insist_on_their_methods_and_on_json(sandbox: Sandbox) -> None:
    http = sandbox.http

    assert http.post(CLASSIC, params=CREDENTIAL).json()["errcode"] == 43001
    assert http.get(STABLE, params=CREDENTIAL).json()["errcode"] == 43002
    assert http.post(STABLE, data=CREDENTIAL).json()["errcode"] == 47001
    assert http.post(STABLE).json()["errcode"] == 44002
    assert http.get("/cgi-bin/other").json()["errcode"] == 40066


def test_a_stable_token_stays_the_same_with_less_and_less_left(sandbox: Sandbox) -> None:
    first = stable(sandbox)
    pass_time(sandbox, 6000)
    second = stable(sandbox)

    assert len(first["access_token"]) >= 120
    assert first["expires_in"] in (7199, 7200)
    assert second["access_token"] == first["access_token"]
    assert 1190 <= second["expires_in"] <= 1200


def test_in_its_last_minutes_a_stable_token_is_renewed_and_both_work(sandbox: Sandbox) -> None:
    old = stable(sandbox)["access_token"]
    pass_time(sandbox, 6950)
    new = stable(sandbox)

    assert new["access_token"] != old
    assert new["expires_in"] >= 300
    assert sandbox.send(old)["errcode"] == sandbox.send(new["access_token"])["errcode"] == 0
    pass_time(sandbox, 251)
    assert sandbox.send(old)["errcode"] == 42001
    assert sandbox.send(new["access_token"])["errcode"] == 0


def test_a_forced_refresh_kills_the_token_at_most_every_half_minute(sandbox: Sandbox) -> None:
    first = stable(sandbox)["access_token"]
    second = stable(sandbox, is_forced=True)["access_token"]

    assert second != first
    assert sandbox.send(first)["errcode"] == 40001
    assert stable(sandbox, is_forced=True)["access_token"] == second
    pass_time(sandbox, 31)
    assert stable(sandbox, is_forced=True)["access_token"] != second


def test_forced_refreshes_are_counted_by_the_day(sandbox: Sandbox) -> None:
    sandbox.control.behaviour(force_gap_s=0, force_per_day=2)

    answers = [stable(sandbox, is_forced=True) for _ in range(3)]

    assert [each.get("errcode") for each in answers] == [None, None, 45009]


def test_calls_for_stable_tokens_are_counted_by_minute_and_day(sandbox: Sandbox) -> None:
    sandbox.control.behaviour(stable_per_minute=1)
    pass_time(sandbox, 60)
    codes = [stable(sandbox).get("errcode") for _ in range(3)]
    assert codes[-1] == 45011
    sandbox.control.behaviour(stable_per_minute=0, stable_per_day=1)
    assert stable(sandbox)["errcode"] == 45009


def test_a_classic_token_replaces_the_one_before_after_a_grace(sandbox: Sandbox) -> None:
    first = classic(sandbox)["access_token"]
    second = classic(sandbox)["access_token"]

    assert second != first
    assert sandbox.send(first)["errcode"] == 0
    pass_time(sandbox, 301)
    refused = sandbox.send(first)
    assert refused["errcode"] == 40001
    assert "access_token is invalid or not latest" in refused["errmsg"]
    assert sandbox.send(second)["errcode"] == 0


def test_classic_and_stable_tokens_do_not_touch_each_other(sandbox: Sandbox) -> None:
    steady = stable(sandbox)["access_token"]
    classic(sandbox)
    sandbox.control.behaviour(token_grace_s=0)
    classic(sandbox)

    assert sandbox.send(steady)["errcode"] == 0
    assert stable(sandbox)["access_token"] == steady


def test_classic_tokens_are_counted_by_the_day(sandbox: Sandbox) -> None:
    sandbox.control.behaviour(classic_per_day=1)
    classic(sandbox)

    assert classic(sandbox)["errcode"] == 45009


def test_tokens_can_be_long_and_short_lived(sandbox: Sandbox) -> None:
    sandbox.control.behaviour(token_length=512, token_lifetime_s=600)

    answer = stable(sandbox)

    assert len(answer["access_token"]) == 512
    assert answer["expires_in"] in (599, 600)


def test_a_revoked_token_is_replaced_by_the_next_call(sandbox: Sandbox, token: str) -> None:
    sandbox.control.script([{"endpoint": "template_send", "times": 1, "action": "revoke_token"}])

    assert sandbox.send(token)["errcode"] == 40001
    assert sandbox.send(stable(sandbox)["access_token"])["errcode"] == 0


def test_a_stuck_token_is_replaced_only_by_force(sandbox: Sandbox, token: str) -> None:
    rule = {"endpoint": "template_send", "times": 1, "action": "revoke_token:stuck"}
    sandbox.control.script([rule])

    assert sandbox.send(token)["errcode"] == 40001
    assert stable(sandbox)["access_token"] == token
    assert sandbox.send(stable(sandbox, is_forced=True)["access_token"])["errcode"] == 0


def test_the_history_shows_hashes_and_no_tokens(sandbox: Sandbox, token: str) -> None:
    [issued] = sandbox.control.tokens()

    assert issued["family"] == "stable"
    assert issued["is_current"]
    assert len(issued["sha256"]) == 8
    assert token not in repr(issued)

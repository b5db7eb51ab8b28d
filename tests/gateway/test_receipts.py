"""WeChat's receipts over a real gateway: on record before the answer, and once."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from notifier.channels.wechat.callback import signature_of
from notifier.domain.submission import of_record
from notifier.sandbox.options import CALLBACK_TOKEN
from tests.channels.test_wechat_callback import ENCODING_KEY, receipt_xml
from tests.gateway.running import RunningGateway, new_key, started, started_with_fleet
from tests.house import House, wait_for
from tests.sandbox.rig import Sandbox


def signed() -> dict[str, str]:
    timestamp = str(int(time.time()))
    signature = signature_of("token", timestamp, "n")
    return {"timestamp": timestamp, "nonce": "n", "signature": signature}


def test_a_receipt_is_on_record_before_it_is_answered_and_once(house: House) -> None:
    house.publish_orders(1)
    house.execute(
        "INSERT INTO notifier_attempt (notification_id, attempt, seq, step, tier, due_at, "
        "started_at, duration_us, lateness_us, outcome, external_id) SELECT id, 1, 1, 0, 1, "
        "NOW(6), NOW(6), 1, 1, 'sent', '200163836' FROM notifier_notification"
    )
    (row,) = house.rows("SELECT LOWER(HEX(id)) FROM notifier_notification")
    key = new_key(house, "reader", "read")
    environment = {"NOTIFIER_WECHAT_CALLBACK_TOKEN": "token"}
    with started(house, "--name", "wechat", **environment) as gateway, gateway.client() as client:
        echo = client.get("/wechat/callback", params=signed() | {"echostr": "hello"})
        for status in ("success", "success", "failed:user block"):
            taken = client.post("/wechat/callback", params=signed(), content=receipt_xml(status))
            assert (taken.status_code, taken.text) == (200, "success")
            assert house.rows("SELECT msg_id, status FROM notifier_receipt") == [
                ("200163836", "success")
            ]
        forged = client.post(
            "/wechat/callback", params=signed() | {"signature": "x"}, content=receipt_xml()
        )
        huge = client.post("/wechat/callback", params=signed(), content=b"x" * 70_000)
        told = client.get(
            f"/v1/notifications/{row[0]}/attempts", headers={"authorization": f"Bearer {key}"}
        )

    assert (echo.text, forged.status_code, huge.status_code) == ("hello", 403, 413)
    assert told.json()["attempts"][0]["receipt"]["status"] == "success"
    assert "receipt: success" in house.notifier("explain", row[0]).stdout


def test_without_a_token_there_is_no_such_address(gateway: RunningGateway) -> None:
    with gateway.client() as client:
        assert client.get("/wechat/callback", params=signed()).status_code == 404


def test_what_the_sandbox_says_of_a_send_is_shown_with_its_attempt(
    house: House, sandbox: Sandbox
) -> None:
    with started_with_fleet(
        house, "--name", "told", NOTIFIER_WECHAT_CALLBACK_TOKEN=CALLBACK_TOKEN
    ) as gateway:
        sandbox.control.callback(url=f"{gateway.url}/wechat/callback")
        usual, blocked, undelivered = house.put_orders(3, first=71)
        sandbox.control.script(
            [
                receipt_of(blocked.openid, "failed:user block"),
                receipt_of(undelivered.openid, "failed: system failed"),
            ]
        )
        asyncio.run(house.accept([of_record(each) for each in (usual, blocked, undelivered)]))
        wait_for(lambda: told_again(house, undelivered.order_no), 60)

    assert "receipt: success" in explained(house, usual.order_no)
    assert "accepted, and not received" in explained(house, blocked.order_no)
    first, second = sandbox.control.effects(openid=undelivered.openid)
    assert first["client_msg_id"] != second["client_msg_id"]
    # The row that another test made up is none of these.
    audit = house.notifier("audit", "--json").stdout
    assert not any(each.order_no in audit for each in (usual, blocked, undelivered)), audit


@pytest.mark.parametrize(
    ("gap", "order"), [("receipt_before_answer", 81), ("resend_committed", 83)]
)
def test_a_gateway_killed_over_a_receipt_costs_nothing(
    house: House, sandbox: Sandbox, tmp_path: Path, gap: str, order: int
) -> None:
    killed = tmp_path / "killed"
    with started_with_fleet(
        house,
        *("--name", "killed"),
        NOTIFIER_WECHAT_CALLBACK_TOKEN=CALLBACK_TOKEN,
        NOTIFIER_FAILPOINT=f"{gap}@{killed}",
    ) as gateway:
        sandbox.control.callback(url=f"{gateway.url}/wechat/callback")
        usual, undelivered = house.put_orders(2, first=order)
        # With the token of an earlier test the first call is refused, and the rule would be spent.
        asyncio.run(house.accept([of_record(usual)]))
        wait_for(lambda: "receipt: success" in explained(house, usual.order_no), 60)
        sandbox.control.script([receipt_of(undelivered.openid, "failed: system failed")])
        asyncio.run(house.accept([of_record(undelivered)]))
        wait_for(lambda: killed.exists() and told_again(house, undelivered.order_no), 60)

    first, second = sandbox.control.effects(openid=undelivered.openid)
    assert first["client_msg_id"] != second["client_msg_id"]


def test_receipts_of_the_safe_mode_are_late_double_forged_or_missing_as_told(
    house: House, sandbox: Sandbox
) -> None:
    safe = {
        "NOTIFIER_WECHAT_CALLBACK_TOKEN": "t0ken",
        "NOTIFIER_WECHAT_CALLBACK_KEY": ENCODING_KEY,
    }
    with started(house, "--name", "safe", **safe) as gateway:
        url = f"{gateway.url}/wechat/callback"
        sandbox.control.callback(url=url, token="t0ken", key=ENCODING_KEY)
        sent = {name: told(sandbox, name, *actions) for name, actions in FATES.items()}
        wait_for(lambda: sandbox.control.counters()["receipts"] == {"taken": 4, "refused": 1}, 60)

    kept = dict(house.rows("SELECT msg_id, status FROM notifier_receipt"))
    assert {name: kept.get(str(sent[name])) for name in FATES} == {
        "usual": "success",
        "blocked": "failed:userblock",
        "double": "success",
        "forged": None,
        "missing": None,
    }


FATES = {
    "usual": (),
    "blocked": ("receipt:failed:user block", "receipt_after:50"),
    "double": ("receipt_twice",),
    "forged": ("receipt_forged",),
    "missing": ("no_receipt",),
}


def told(sandbox: Sandbox, name: str, *actions: str) -> int:
    """The msgid of a send that a rule speaks of."""
    rules = [{"endpoint": "template_send", "action": list(actions)}] if actions else []
    sandbox.control.script(rules)
    answer = sandbox.send(sandbox.token(), touser=f"oFate_{name}")
    assert answer["errcode"] == 0
    return int(answer["msgid"])


def receipt_of(openid: str, status: str) -> dict[str, object]:
    match = {"openid": openid}
    return {
        "endpoint": "template_send",
        "match": match,
        "times": 1,
        "action": f"receipt:{status}",
    }


def told_again(house: House, order_no: str) -> bool:
    """WeChat could not deliver the designer's first message, and has delivered another."""
    designer, _, _ = explained(house, order_no).partition("publisher ")
    return "receipt: failed:systemfailed" in designer and "receipt: success" in designer


def explained(house: House, which: str) -> str:
    return house.notifier("explain", which).stdout

"""WeChat's receipts over a real gateway: on record before the answer, and once."""

from __future__ import annotations

import time

from notifier.channels.wechat.callback import signature_of
from tests.channels.test_wechat_callback import receipt_xml
from tests.gateway.running import RunningGateway, new_key, started
from tests.house import House


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

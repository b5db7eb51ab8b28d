"""The webhook receiver: signatures, repeats, and what it may answer."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import Any

import httpx
import pytest

from notifier.sandbox.control import SandboxControl
from notifier.sandbox.options import SandboxError
from tests.sandbox.rig import Sandbox

KEY = b"0123456789abcdef0123456789abcdef"
SECRET = "whsec_" + base64.b64encode(KEY).decode()
PATH = "/webhook/orders"
BODY = (
    '{"type": "order.dispatched", "data": {"order_no": "1912136916313", "name": "李伟"}}'.encode()
)


def signed(webhook_id: str, *, at: float | None = None, key: bytes = KEY) -> dict[str, str]:
    """The headers of a webhook, signed as the specification says."""
    timestamp = str(int(time.time() if at is None else at))
    content = f"{webhook_id}.{timestamp}.".encode() + BODY
    signature = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,bm9uZQ== v1,{signature}",
    }


def deliver(sandbox: Sandbox, headers: dict[str, str], path: str = PATH) -> httpx.Response:
    return sandbox.http.post(path, content=BODY, headers=headers)


def test_an_authentic_webhook_is_one_effect_however_often_it_comes(sandbox: Sandbox) -> None:
    sandbox.control.webhooks({PATH: [SECRET]})

    answers = [deliver(sandbox, signed("msg_1")).status_code for _ in range(3)]

    assert answers == [200, 200, 200]
    [effect] = sandbox.control.effects()
    assert (effect["kind"], effect["webhook_id"], effect["path"]) == ("webhook", "msg_1", PATH)
    assert effect["wire_count"] == 3
    assert effect["is_verified"]
    assert effect["body"]["data"]["name"] == "李伟"
    counters = sandbox.control.counters()
    assert (counters["webhooks"], counters["webhook_repeats"]) == (1, 2)


def test_the_specifications_own_example_is_authentic(control_clock: Sandbox) -> None:
    """Source: the signature example of the Standard Webhooks libraries' tests."""
    sandbox = control_clock
    sandbox.control.webhooks({PATH: ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]})
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }

    answer = sandbox.http.post(PATH, content=b'{"test": 2432232314}', headers=headers)

    assert answer.status_code == 200


@pytest.fixture
def control_clock(sandbox: Sandbox) -> Sandbox:
    """A sandbox whose clock stands in February 2021."""
    seconds = 1614265330 - int(time.time())
    sandbox.control.script([{"times": 1, "action": [f"clock:{seconds}", "empty_200"]}])
    sandbox.http.get("/")
    return sandbox


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"webhook-id": "msg_2"}, "fits no secret"),
        ({"webhook-id": ""}, "webhook-id missing"),
        ({"webhook-timestamp": "soon"}, "no integer"),
        ({"webhook-signature": ""}, "fits no secret"),
        ({"webhook-signature": "v1a,x v1,é"}, "fits no secret"),
    ],
)
def test_a_forged_webhook_is_refused(
    sandbox: Sandbox, changes: dict[str, str], problem: str
) -> None:
    sandbox.control.webhooks({PATH: [SECRET]})
    headers = {
        name.encode(): value.encode("latin-1")
        for name, value in (signed("msg_1") | changes).items()
    }

    answer = sandbox.http.post(PATH, content=BODY, headers=headers)

    assert answer.status_code == 401
    assert problem in answer.text
    assert list(sandbox.control.effects()) == []


@pytest.mark.parametrize("seconds_off", [-301, 302])
def test_an_old_or_early_webhook_is_refused(sandbox: Sandbox, seconds_off: int) -> None:
    sandbox.control.webhooks({PATH: [SECRET]})

    answer = deliver(sandbox, signed("msg_1", at=time.time() + seconds_off))

    assert answer.status_code == 401
    assert "5 minutes off" in answer.text


def test_while_a_secret_is_replaced_both_are_good(sandbox: Sandbox) -> None:
    new_key = b"fedcba9876543210fedcba9876543210"
    sandbox.control.webhooks({PATH: [SECRET, "whsec_" + base64.b64encode(new_key).decode()]})

    assert deliver(sandbox, signed("msg_1")).status_code == 200
    assert deliver(sandbox, signed("msg_2", key=new_key)).status_code == 200


def test_without_a_secret_webhooks_are_taken_unverified_on_both_ports(sandbox: Sandbox) -> None:
    plain = sandbox.addresses["webhook_url"] + "/webhook/plain"

    deliver(sandbox, {"webhook-id": "msg_1"}, "/webhook/tls")
    httpx.post(plain, content=b"no json", headers={"webhook-id": "msg_2"}, trust_env=False)

    first, second = sandbox.control.effects()
    assert not first["is_verified"]
    assert (second["path"], second["body"]) == ("/webhook/plain", "no json")


def test_without_a_webhook_id_every_delivery_is_an_effect(sandbox: Sandbox) -> None:
    for _ in range(2):
        deliver(sandbox, {})

    assert [each["wire_count"] for each in sandbox.control.effects()] == [1, 1]


def test_a_receiver_can_go_through_a_script_of_answers(sandbox: Sandbox) -> None:
    def rule(*actions: str) -> dict[str, Any]:
        return {"match": {"path": PATH}, "per": "webhook_id", "times": 1, "action": list(actions)}

    sandbox.control.script(
        [
            rule("http:500"),
            rule("http:429", "retry_after:2"),
            rule("redirect"),
            rule("http:304"),
            rule("http:410"),
        ]
    )

    answers = [deliver(sandbox, signed("msg_1")) for _ in range(6)]

    assert [each.status_code for each in answers] == [500, 429, 302, 304, 410, 200]
    assert answers[1].headers["retry-after"] == "2"
    assert answers[2].headers["location"].startswith("http://169.254.169.254/")
    assert len(list(sandbox.control.effects())) == 1


def test_a_lost_answer_leaves_one_effect(sandbox: Sandbox) -> None:
    sandbox.control.script([{"endpoint": "webhook", "times": 1, "action": "reset_after_accept"}])

    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        deliver(sandbox, signed("msg_1"))
    deliver(sandbox, signed("msg_1"))

    assert len(list(sandbox.control.effects())) == 1


def test_only_posts_are_webhooks(sandbox: Sandbox) -> None:
    assert sandbox.http.get(PATH).status_code == 405
    assert sandbox.http.post("/elsewhere").status_code == 404


@pytest.mark.parametrize(
    "secrets",
    [{PATH: ["secret"]}, {PATH: ["whsec_c2hvcnQ="]}, {"/elsewhere": [SECRET]}, {PATH: SECRET}],
)
def test_a_bad_secret_is_refused(sandbox: Sandbox, secrets: Any) -> None:
    control: SandboxControl = sandbox.control

    with pytest.raises(SandboxError, match="webhook"):
        control.webhooks(secrets)


def test_an_id_of_odd_bytes_is_recorded_all_the_same(sandbox: Sandbox) -> None:
    answer = sandbox.http.post(PATH, content=BODY, headers={b"webhook-id": b"msg_\xe9"})

    assert answer.status_code == 200
    assert next(sandbox.control.effects())["webhook_id"] == "msg_\N{REPLACEMENT CHARACTER}"
    assert next(sandbox.control.wire())["path"] == PATH

"""No secret, no token and no whole openid leaves in a log, an outcome or an output."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

import orjson
import pytest
import structlog

from notifier.channels.egress import HttpAnswer
from notifier.channels.wechat import WechatChannel
from notifier.channels.wechat.verdict import Reply, read_reply
from notifier.domain.outcome import Unknown
from notifier.sandbox.options import APP_ID, APP_SECRET
from notifier.store.tokens import MemoryTokenStore
from tests.channels.rig import notification, options_for
from tests.sandbox.rig import OPENID, Sandbox

TROUBLES = (
    *("errcode:40001", "errcode:40003", "errcode:48001", "errcode:12345", "http:500", "html_200"),
    *("reset_before_read", "reset_after_accept", "truncate_json", "revoke_token:stuck"),
    *("close_keepalive", "giant_body:100000", "redirect"),
)


async def test_nothing_that_is_said_contains_a_secret(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    asyncio.get_running_loop().set_debug(True)
    secrets, said = {APP_SECRET, OPENID}, [repr(options_for(sandbox))]
    with structlog.testing.capture_logs() as logged:
        for endpoint in ("template_send", "stable_token"):
            for action in TROUBLES:
                sandbox.control.reset()
                sandbox.control.script([{"endpoint": endpoint, "times": 1, "action": action}])
                store = MemoryTokenStore()
                channel = WechatChannel(options_for(sandbox), tokens=store)
                said.append(repr(await channel.send(notification())))
                await channel.close()
                if (stored := await store.load(APP_ID)) is not None:
                    secrets.add(orjson.loads(stored[0])["token"])
    said += [repr(logged), caplog.text, *capfd.readouterr()]

    assert logged
    assert len(secrets) > len(TROUBLES)
    assert [secret for secret in secrets if any(secret in text for text in said)] == []


def test_an_error_text_that_repeats_the_token_is_masked() -> None:
    body = orjson.dumps({"errcode": 40001, "errmsg": "invalid: planted\r\nforged line"})

    reply = read_reply(HttpAnswer(status=200, body=body), hide="planted")

    assert isinstance(reply, Reply)
    assert reply.errmsg == "invalid: ***  forged line"


class BrokenStore(MemoryTokenStore):
    """Fails as only a bug of ours would, with a text that must not be repeated."""

    async def load(self, app_id: str) -> tuple[bytes, timedelta] | None:
        raise RuntimeError("planted")


async def test_a_bug_is_an_outcome_and_its_place_is_logged_without_its_text(
    sandbox: Sandbox,
) -> None:
    channel = WechatChannel(options_for(sandbox), tokens=BrokenStore())
    with structlog.testing.capture_logs() as logged:
        outcome = await channel.send(notification())
    await channel.close()

    assert outcome == Unknown(code="internal", detail="RuntimeError")
    [line] = logged
    assert (line["event"], line["error"]) == ("wechat_send_broken", "RuntimeError")
    assert "in load" in line["where"]
    assert "planted" not in line["where"].replace('raise RuntimeError("planted")', "")

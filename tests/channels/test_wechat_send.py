"""Sending over the wire: what is told, what is certain, what is not."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from pathlib import Path

import pytest

from notifier.channels.wechat import WechatChannel, WechatTemplate
from notifier.channels.wechat.message import client_msg_id
from notifier.domain.notification import Channel
from notifier.domain.outcome import Permanent, Retry, Sent, Unknown
from notifier.errors import SettingsError
from notifier.sandbox.options import DESIGNER_TEMPLATE
from notifier.store.tokens import MemoryTokenStore
from tests.channels.rig import channel_for, notification, options_for
from tests.sandbox.rig import OPENID, Sandbox, running


async def test_a_message_is_told_with_its_id_and_its_dispatch_time(
    sandbox: Sandbox, channel: WechatChannel
) -> None:
    told = notification()

    outcome = await channel.send(told)

    [effect] = sandbox.control.effects()
    assert outcome == Sent(external_id=str(effect["msgid"]))
    assert (effect["openid"], effect["template_id"]) == (OPENID, DESIGNER_TEMPLATE)
    assert effect["client_msg_id"] == client_msg_id(told.id)
    assert effect["data"] == {
        "keyword1": {"value": "1912136916313"},
        "keyword2": {"value": "2026-11-22 00:30:05"},
    }
    assert "url" not in effect


async def test_text_arrives_as_it_was_given(sandbox: Sandbox) -> None:
    text = '李伟测试 "引号" \\ 换行\n早餐好了 🥟 ñ </script> {order_no}'
    template = WechatTemplate(
        template_id=DESIGNER_TEMPLATE, fields={"keyword1": "{text}", "keyword2": "您好,{text}"}
    )
    channel = channel_for(sandbox, templates={"designer": template})

    outcome = await channel.send(notification(payload={"text": text}))
    await channel.close()

    assert isinstance(outcome, Sent)
    [effect] = sandbox.control.effects()
    assert effect["data"]["keyword1"]["value"] == text
    assert effect["data"]["keyword2"]["value"] == f"您好,{text}"


async def test_a_repeat_of_the_same_notification_has_one_effect(
    sandbox: Sandbox, channel: WechatChannel
) -> None:
    told = notification()

    first, second = await channel.send(told), await channel.send(told)

    assert first == second
    [effect] = sandbox.control.effects()
    assert effect["wire_count"] == 2


@pytest.mark.parametrize(
    ("action", "code"),
    [
        ("reset_after_accept", "reset"),
        ("truncate_json", "garbled"),
        ("errcode_as_string", "garbled"),
        ("giant_body:200000", "too_large"),
        ("gzip_bomb:1000000", "garbled"),
    ],
)
async def test_a_lost_answer_is_unknown_and_the_repeat_has_one_effect(
    sandbox: Sandbox, channel: WechatChannel, action: str, code: str
) -> None:
    sandbox.control.script([{"endpoint": "template_send", "times": 1, "action": action}])
    told = notification()

    lost, repeated = await channel.send(told), await channel.send(told)

    assert isinstance(lost, Unknown)
    assert lost.code == code
    assert isinstance(repeated, Sent)
    [effect] = sandbox.control.effects()
    assert effect["wire_count"] == 2


@pytest.mark.parametrize(
    ("action", "code"),
    [
        ("http:500", "http_500"),
        ("http:429", "http_429"),
        ("http:404", "http_404"),
        ("redirect", "http_302"),
        ("html_200", "garbled"),
        ("empty_200", "empty"),
        ("reset_before_read", "reset"),
    ],
)
async def test_an_answer_that_says_nothing_certain_is_unknown(
    sandbox: Sandbox, channel: WechatChannel, action: str, code: str
) -> None:
    sandbox.control.script([{"endpoint": "template_send", "action": action}])

    outcome = await channel.send(notification())

    assert isinstance(outcome, Unknown)
    assert outcome.code == code


@pytest.mark.parametrize("action", ["hang_after_accept", "slow_drip:5"])
async def test_a_silent_server_is_given_up_in_time(sandbox: Sandbox, action: str) -> None:
    channel = channel_for(sandbox, timeout=timedelta(seconds=0.5))
    assert isinstance(await channel.send(notification()), Sent)
    sandbox.control.script([{"endpoint": "template_send", "action": action}])
    began = time.monotonic()

    outcome = await channel.send(notification())
    await channel.close()

    assert isinstance(outcome, Unknown)
    assert outcome.code == "timeout"
    assert 0.4 < time.monotonic() - began < channel.timeout.total_seconds()


async def test_a_silent_token_endpoint_is_given_up_in_time_without_effect(
    sandbox: Sandbox,
) -> None:
    channel = channel_for(sandbox, timeout=timedelta(seconds=0.5))
    sandbox.control.script([{"endpoint": "stable_token", "action": "hang"}])

    async with asyncio.timeout(channel.timeout.total_seconds()):
        outcomes = await asyncio.gather(*(channel.send(notification()) for _ in range(20)))
    await channel.close()

    assert {type(outcome) for outcome in outcomes} == {Retry}
    assert {outcome.code for outcome in outcomes} == {"token_timeout"}


@pytest.mark.parametrize("action", ["extra_fields", "slow_drip:4000"])
async def test_an_unusual_but_clear_answer_counts(
    sandbox: Sandbox, channel: WechatChannel, action: str
) -> None:
    sandbox.control.script([{"endpoint": "template_send", "action": action}])

    outcomes = [await channel.send(notification()) for _ in range(3)]

    assert {type(outcome) for outcome in outcomes} == {Sent}


async def test_connections_closed_behind_our_back_cost_repeats_and_nothing_else(
    sandbox: Sandbox, channel: WechatChannel
) -> None:
    sandbox.control.script([{"endpoint": "template_send", "action": "close_keepalive"}])
    told = [notification() for _ in range(10)]

    for each in told:
        while not isinstance(outcome := await channel.send(each), Sent):
            # Closed while the request was on its way: nobody can know whether it arrived.
            assert outcome == Unknown(code="reset", detail=outcome.detail)

    assert len(list(sandbox.control.effects())) == len(told)


@pytest.mark.parametrize("mode", ["expired", "wrong_host", "self_signed"])
async def test_a_certificate_that_cannot_be_trusted_is_a_retry_without_effect(
    mode: str, tmp_path: Path
) -> None:
    with running(tmp_path, "--certificate", mode) as sandbox:
        store = MemoryTokenStore()
        cold = WechatChannel(options_for(sandbox), tokens=MemoryTokenStore())
        warm = WechatChannel(options_for(sandbox), tokens=store)
        await store.save(
            options_for(sandbox).app_id, b'{"token":"t"}', lifetime=timedelta(seconds=60)
        )

        outcomes = [await channel.send(notification()) for channel in (cold, warm)]
        for channel in (cold, warm):
            await channel.close()

        assert [type(outcome) for outcome in outcomes] == [Retry, Retry]
        assert [outcome.code for outcome in outcomes] == ["token_tls", "tls"]
        assert sandbox.control.counters()["calls"] == {}


async def test_the_systems_authorities_do_not_vouch_for_the_sandbox(sandbox: Sandbox) -> None:
    channel = channel_for(sandbox, ca_file=None)

    outcome = await channel.send(notification())
    await channel.close()

    assert isinstance(outcome, Retry)
    assert outcome.code == "token_tls"


async def test_nobody_listening_is_a_retry_without_effect(sandbox: Sandbox) -> None:
    channel = channel_for(sandbox, base_url="https://127.0.0.1:1")

    outcome = await channel.send(notification())
    await channel.close()

    assert isinstance(outcome, Retry)
    assert outcome.code == "token_connect"


async def test_a_message_that_breaks_a_rule_is_never_sent(
    sandbox: Sandbox, channel: WechatChannel
) -> None:
    outcome = await channel.send(notification(template="wedding"))

    assert isinstance(outcome, Permanent)
    assert outcome.code == "bad_message"
    assert outcome.detail == "template: 'wedding' is not in the settings; known: designer"
    assert sandbox.control.counters()["calls"] == {}


async def test_a_cancelled_send_is_cancelled(sandbox: Sandbox, channel: WechatChannel) -> None:
    sandbox.control.script([{"endpoint": "template_send", "action": "hang"}])
    sending = asyncio.create_task(channel.send(notification()))
    async with asyncio.timeout(30):
        while not sandbox.control.counters()["calls"].get("stable_token"):
            await asyncio.sleep(0.01)

    sending.cancel()

    with pytest.raises(asyncio.CancelledError):
        await sending


def test_the_channel_states_its_protection_and_its_longest_send(sandbox: Sandbox) -> None:
    channel: Channel = channel_for(sandbox)

    assert channel.protected_for == timedelta(minutes=10)
    assert channel.timeout == timedelta(seconds=14)


def test_a_ca_file_that_is_none_is_named(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"ca_file: .*absent\.pem"):
        channel_for(sandbox, ca_file=tmp_path / "absent.pem")

"""The error table, each code answered by a real server."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import structlog

from notifier.channels.wechat import WechatChannel
from notifier.channels.wechat.verdict import next_beijing_midnight
from notifier.domain.outcome import Outcome, Paused, Permanent, Retry
from tests.channels.rig import notification, token_calls
from tests.sandbox.rig import Sandbox

RETRIED = (-1, -1000, 43108, 45047)
PERMANENT = (
    *(40003, 40035, 40038, 40039, 40048, 40066, 40249, 42007, 43004, 43019, 43101),
    *(44002, 45002, 47001, 47003, 48002, 50002, 50005),
)
CONFIGURATION = (
    *(40002, 40013, 40125, 40164, 40243, 41002, 41004, 43001, 43002, 43003, 43107),
    *(45026, 45027, 48001, 48004, 48008, 50001, 61004, 61007, 61014, 61016, 89503),
)
UNLISTED = (12345, 99999)


async def answered(
    sandbox: Sandbox, channel: WechatChannel, errcode: int, *, attempt: int = 1
) -> Outcome:
    rule = {"endpoint": "template_send", "action": f"errcode:{errcode}"}
    sandbox.control.script([rule])
    return await channel.send(notification(attempt=attempt))


@pytest.mark.parametrize("errcode", RETRIED + UNLISTED)
async def test_what_passes_climbs_the_ladder(
    sandbox: Sandbox, channel: WechatChannel, errcode: int
) -> None:
    outcome = await answered(sandbox, channel, errcode, attempt=5)

    assert isinstance(outcome, Retry)
    assert outcome.code == str(errcode)
    assert outcome.not_before == timedelta(0)


@pytest.mark.parametrize("errcode", PERMANENT)
async def test_what_never_passes_is_permanent(
    sandbox: Sandbox, channel: WechatChannel, errcode: int
) -> None:
    outcome = await answered(sandbox, channel, errcode)

    assert isinstance(outcome, Permanent)
    assert outcome.code == str(errcode)
    assert " rid: " in outcome.detail


@pytest.mark.parametrize("errcode", CONFIGURATION)
async def test_a_fault_of_the_account_pauses_the_channel(
    sandbox: Sandbox, channel: WechatChannel, errcode: int
) -> None:
    outcome = await answered(sandbox, channel, errcode)

    assert isinstance(outcome, Paused)
    assert (outcome.code, outcome.resume_at) == (str(errcode), None)


@pytest.mark.parametrize("errcode", [40036, 40037])
async def test_a_template_that_wechat_does_not_know_gets_a_second_chance(
    sandbox: Sandbox, channel: WechatChannel, errcode: int
) -> None:
    first = await answered(sandbox, channel, errcode, attempt=1)
    second = await answered(sandbox, channel, errcode, attempt=2)

    assert isinstance(first, Retry)
    assert isinstance(second, Permanent)


async def test_the_minute_quota_is_waited_for(sandbox: Sandbox, channel: WechatChannel) -> None:
    outcome = await answered(sandbox, channel, 45011)

    assert isinstance(outcome, Retry)
    assert outcome.not_before == timedelta(seconds=60)


async def test_the_days_quota_pauses_until_midnight_in_beijing(
    sandbox: Sandbox, channel: WechatChannel
) -> None:
    outcome = await answered(sandbox, channel, 45009)

    assert isinstance(outcome, Paused)
    assert outcome.resume_at == next_beijing_midnight(datetime.now(UTC))


@pytest.mark.parametrize(
    ("now", "midnight"),
    [
        (datetime(2026, 11, 21, 15, 59, 59, tzinfo=UTC), datetime(2026, 11, 21, 16, tzinfo=UTC)),
        (datetime(2026, 11, 21, 16, 0, 0, tzinfo=UTC), datetime(2026, 11, 22, 16, tzinfo=UTC)),
        (datetime(2026, 12, 31, 20, 0, 0, tzinfo=UTC), datetime(2027, 1, 1, 16, tzinfo=UTC)),
    ],
)
def test_beijings_midnight_is_16_hours_utc(now: datetime, midnight: datetime) -> None:
    assert next_beijing_midnight(now) == midnight


async def test_many_different_people_limited_in_a_row_mean_the_account(
    sandbox: Sandbox, channel: WechatChannel
) -> None:
    sandbox.control.script([{"endpoint": "template_send", "action": "errcode:50002"}])
    same = [await channel.send(notification()) for _ in range(20)]
    others = [await channel.send(notification(recipient=f"oOther{n:03}")) for n in range(9)]

    assert {type(outcome) for outcome in (*same, *others[:-1])} == {Permanent}
    assert isinstance(others[-1], Paused)


async def test_an_unlisted_code_alerts_once(sandbox: Sandbox, channel: WechatChannel) -> None:
    with structlog.testing.capture_logs() as logged:
        for _ in range(3):
            await answered(sandbox, channel, 12345)

    alerts = [each for each in logged if each["event"] == "wechat_errcode_unlisted"]
    assert [each["errcode"] for each in alerts] == [12345]


@pytest.mark.parametrize("errcode", [40001, 40002, 40013, 40125, 40164, 40243, 41002, 89503])
async def test_a_token_call_refused_for_the_account_pauses_the_channel(
    sandbox: Sandbox, channel: WechatChannel, errcode: int
) -> None:
    sandbox.control.script([{"endpoint": "stable_token", "action": f"errcode:{errcode}"}])

    outcome = await channel.send(notification())

    assert isinstance(outcome, Paused)
    assert (outcome.code, outcome.resume_at) == (str(errcode), None)
    assert list(sandbox.control.effects()) == []


async def test_a_token_call_over_quota_pauses_until_midnight(
    sandbox: Sandbox, channel: WechatChannel
) -> None:
    sandbox.control.script([{"endpoint": "stable_token", "action": "errcode:45009"}])

    outcome = await channel.send(notification())

    assert isinstance(outcome, Paused)
    assert outcome.resume_at is not None


@pytest.mark.parametrize(
    ("action", "code"),
    [
        ("errcode:-1", "-1"),
        ("http:502", "token_http_502"),
        ("html_200", "token_garbled"),
        ("empty_200", "token_empty"),
        ("truncate_json", "token_garbled"),
        ("errcode_as_string", "token_garbled"),
        ("reset_before_read", "token_reset"),
        ("redirect", "token_http_302"),
    ],
)
async def test_a_broken_token_call_is_a_retry_without_effect(
    sandbox: Sandbox, channel: WechatChannel, action: str, code: str
) -> None:
    sandbox.control.script([{"endpoint": "stable_token", "action": action}])

    outcome = await channel.send(notification())

    assert isinstance(outcome, Retry)
    assert outcome.code == code
    assert list(sandbox.control.effects()) == []


async def test_sends_that_wait_for_a_failing_token_call_share_its_failure(
    sandbox: Sandbox, channel: WechatChannel
) -> None:
    sandbox.control.script([{"endpoint": "stable_token", "action": "http:502"}])

    outcomes = await asyncio.gather(*(channel.send(notification()) for _ in range(50)))

    assert {outcome.code for outcome in outcomes} == {"token_http_502"}
    assert token_calls(sandbox) == 1

"""A line per attempt, in the documents' words, and no sink that can stop delivery."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from notifier.dispatch.log_sinks import ConsoleSink, FileSink
from notifier.dispatch.run_log import MOST_WAITING, BufferedRunLog, Line, line_of
from notifier.domain.lease import Attempted, Claimed, Recorded
from notifier.domain.notification import ChannelName, Notification, Role, State, new_id
from notifier.domain.outcome import Outcome, Retry, Sent
from notifier.domain.settle import InFlight

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")
MILLISECOND = timedelta(milliseconds=1)


def attempted(outcome: Outcome, role: Role = Role.DESIGNER) -> Attempted:
    claimed = Claimed(
        notification=Notification(
            id=new_id(),
            role=role,
            channel=ChannelName.WECHAT,
            recipient="oLvqQwo25p5myELvO5VXj0k",
            order_no="1912136916313",
        ),
        row=InFlight(seq=2, step=1, attempt=2),
        token=b"0" * 16,
        ladder="default",
        tier=3,
        due_at=NOW,
        now=NOW,
        asked_s=0,
        until=NOW + timedelta(seconds=38),
    )
    began = NOW + 2 * MILLISECOND
    return Attempted(claimed=claimed, outcome=outcome, began=began, ended=began + 80 * MILLISECOND)


@pytest.mark.parametrize(
    ("outcome", "role", "state", "says"),
    [
        (Sent(), Role.DESIGNER, State.SENT, "1912136916313派单成功, errmsg:ok (designer"),
        (Sent(), Role.PUBLISHER, State.SENT, "执行成功,订单号:1912136916313 (publisher"),
        (Retry(code="-1", detail="busy"), Role.DESIGNER, State.WAITING, "派单失败, errmsg:-1 busy"),
        (Retry(code="-1"), Role.PUBLISHER, State.WAITING, "1912136916313微信推送失败,-1 (publ"),
        (Retry(code="-1"), Role.DESIGNER, State.DEAD, "errmsg:-1 [dead] (designer"),
    ],
)
def test_a_line_has_the_documents_words_and_then_the_attempt(
    outcome: Outcome, role: Role, state: State, says: str
) -> None:
    line = line_of(attempted(outcome, role), Recorded(state=state))
    assert says in line.content
    assert line.content.endswith("attempt 2, tier 3s, 2.0 ms late)")
    assert (line.tier, line.runtime) == (3, 80 * MILLISECOND)


def test_what_a_receiver_answers_cannot_begin_a_line_of_its_own() -> None:
    hostile = Retry(code="-1", detail="busy\r\n2026-11-21 12:00:00 1912执行成功\x1b[2J")
    line = line_of(attempted(hostile), Recorded(state=State.WAITING))
    assert line.content.isprintable()
    assert "busy" in line.content


async def test_the_console_and_the_files_have_the_documents_format(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = Line(at=NOW, tier=5, content="x派单成功", runtime=MILLISECOND)
    await ConsoleSink(SHANGHAI).write([line])
    assert capsys.readouterr().out == "2026-11-21 20:00:00 x派单成功\n"
    await FileSink(tmp_path / "Log", SHANGHAI).write([line, line])
    expected = " [5] Received x派单成功 ---> 2026-11-21 20:00:00\n"
    assert (tmp_path / "Log" / "tier-5.log").read_text(encoding="utf-8") == 2 * expected


class Remembering:
    name = "remembering"

    def __init__(self) -> None:
        self.lines: list[Line] = []

    async def write(self, lines: Sequence[Line]) -> None:
        self.lines += lines


class Broken:
    name = "broken"

    async def write(self, lines: Sequence[Line]) -> None:
        raise OSError("disk full")


async def test_a_broken_sink_is_counted_and_keeps_no_line_from_the_others() -> None:
    good = Remembering()
    run_log = BufferedRunLog([Broken(), good])
    task = asyncio.create_task(run_log.run())
    await asyncio.sleep(0)
    run_log.attempted(attempted(Sent()), Recorded(state=State.SENT))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert len(good.lines) == 1
    assert run_log.failures == 1


async def test_the_oldest_fall_out_when_no_sink_takes_them() -> None:
    good = Remembering()
    run_log = BufferedRunLog([good])
    item = attempted(Sent())
    for _ in range(MOST_WAITING + 5):
        run_log.attempted(item, Recorded(state=State.SENT))
    task = asyncio.create_task(run_log.run())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert len(good.lines) == MOST_WAITING

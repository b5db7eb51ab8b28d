"""`notifier remind` and `notifier board`: asked in one line, seen in the order of the moments."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.cli.acting import Done, notifier
from tests.house import House, json_of, wait_for

OPENID = "oLvqQwo25p5myELvO5VXj0k-7ngk"
URL = "https://merchant.example.com/notify"
NOTHING = "nothing is due: nobody is waiting to be told\n"
PAGE = (Path(__file__).parents[2] / "docs" / "reminders.md").read_text(encoding="utf-8")


def remind(house: House, *arguments: str, code: int = 0) -> Done:
    done = notifier(house, "remind", *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def due(house: House) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json_of(notifier(house, "board", "--json").stdout)["due"]
    return rows


@pytest.fixture(autouse=True)
def _board_of_its_own(house: House) -> None:
    house.environment["NOTIFIER_REDIS_PREFIX"] = f"notifier:{uuid4().hex}:"


def test_a_user_is_reminded_at_a_moment_by_a_channel(house: House) -> None:
    remind(house, OPENID, "--in", "10000ms", "--channel", "wechat", "--order", "4711")
    called = ["--at", "2099-11-22 07:30", "--channel", "webhook", "--to", URL]
    remind(house, "user-7", *called, "--reserved-at", "2099-11-22 07:20")

    columns = "channel, recipient, template, order_no, payload"
    wechat, webhook = house.rows(f"SELECT {columns} FROM notifier_notification ORDER BY id")
    assert wechat[:4] == ("wechat", OPENID, "pickup_reminder", "4711")
    assert json_of(wechat[4])["seconds"] == 10
    assert webhook[:4] == ("webhook", URL, "pickup_reminder", "")
    assert json_of(webhook[4]) == {
        "seconds": 600,
        "reserved_at": "2099-11-21T23:20:00.000Z",
        "pickup_at": "2099-11-21T23:30:00.000Z",
        "user": "user-7",
        "text": "你好,你在600秒前的预定的套餐,请到店内柜台前拿取",
    }


def test_two_calls_with_one_key_are_one_reminder(house: House) -> None:
    key = ["--reserved-at", "2099-11-22 07:20", "--idempotency-key", "pickup-4711"]
    first = remind(house, OPENID, "--in", "10m", "--channel", "wechat", *key)
    second = remind(house, OPENID, "--in", "10m", "--channel", "wechat", *key)
    assert "known already" in second.stdout
    assert first.stdout[:36] == second.stdout[:36]
    assert len(due(house)) == 1


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--channel", "wechat"], "at"),
        (["--channel", "wechat", "--in", "-5s"], "in"),
        (["--channel", "wechat", "--in", "soon"], "in"),
        (["--channel", "wechat", "--in", "99999999999d"], "in"),
        (["--channel", "wechat", "--in", "5s", "--at", "2099-01-01"], "at"),
        (["--channel", "wechat", "--at", "2020-01-01"], "at"),
        (["--channel", "webhook", "--in", "5s"], "to"),
        (["--channel", "sms", "--in", "5s"], "channel"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_accepted(
    house: House, arguments: list[str], named: str
) -> None:
    refused = remind(house, OPENID, *arguments, code=2)
    assert refused.stderr.startswith(f"error: {named}: ")
    assert due(house) == []


def test_the_board_is_in_the_order_of_the_moments(house: House) -> None:
    assert notifier(house, "board").stdout == NOTHING
    for order, moment in (("3", "2099-03-01"), ("1", "2099-01-01"), ("2", "2099-02-01")):
        remind(house, OPENID, "--at", moment, "--channel", "wechat", "--order", order)

    lines = seen_by_a_person(house, 3).splitlines()
    assert " ".join(lines[0].split()) == "due in who channel what order state try tier"
    assert [line.split()[-5:] for line in lines[1:4]] == [
        ["pickup_reminder", order, "scheduled", "1", "1s"] for order in ("1", "2", "3")
    ]
    assert "oLvq…7ngk" in lines[1]
    assert lines[4] == "3 to be told"
    assert "the first 2 of 3; --limit shows more" in notifier(house, "board", "--limit", "2").stdout
    first = due(house)[0]
    assert (first["order_no"], first["recipient"]) == ("1", "oLvq…7ngk")
    assert (first["due_at"], first["state"]) == ("2099-01-01T00:00:00.000000+08:00", "scheduled")


def seen_by_a_person(house: House, count: int) -> str:
    """The board, once it has that many."""
    wait_for(lambda: len(due(house)) == count, 30)
    return notifier(house, "board").stdout


def test_who_is_forgotten_is_gone_from_the_board_at_once(house: House) -> None:
    remind(house, "user-7", "--in", "1h", "--channel", "webhook", "--to", URL)
    remind(house, "user-8", "--in", "1h", "--channel", "push")
    wait_for(lambda: len(due(house)) == 2, 30)

    forgotten = notifier(house, "forget", "--user", "user-7", "--yes", "--json")
    assert json_of(forgotten.stdout)["cancelled"] == 1
    assert [row["channel"] for row in due(house)] == ["push"]


def test_without_redis_the_board_is_the_same_and_says_so(house: House) -> None:
    remind(house, OPENID, "--in", "1h", "--channel", "wechat")
    nowhere = {"NOTIFIER_REDIS_URL": "redis://127.0.0.1:1/0"}
    shown = notifier(house, "board", "--json", **nowhere)
    assert len(json_of(shown.stdout)["due"]) == 1
    assert shown.stderr.startswith("warning: Redis does not answer")
    assert shown.stderr.count("\n") == 1


def test_watching_behind_a_pipe_prints_a_document_a_line_until_it_is_interrupted(
    house: House,
) -> None:
    remind(house, OPENID, "--in", "1h", "--channel", "wechat")
    watching = subprocess.Popen(
        [sys.executable, "-m", "notifier", "board", "--watch", "--json"],
        env=house.environment | {"PYTHONUNBUFFERED": "1"},
        cwd=house.folder,
        stdout=subprocess.PIPE,
        text=True,
    )
    with watching:
        assert watching.stdout is not None
        lines = [json_of(watching.stdout.readline()) for _ in range(2)]
        watching.send_signal(signal.SIGINT)
        assert watching.wait(30) == 0
    assert [len(line["due"]) for line in lines] == [1, 1]
    assert lines[0]["now"] < lines[1]["now"]


def test_the_page_s_commands_work_as_they_stand_there(house: House) -> None:
    commands = re.findall(r"^notifier (.*)$", PAGE, re.MULTILINE)
    assert len(commands) == 5
    for command in commands:
        done = notifier(house, *shlex.split(command))
        assert done.returncode == 0, command + done.stderr
    (program,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    subprocess.run(
        [sys.executable, "-c", program], env=house.environment, cwd=house.folder, check=True
    )
    wait_for(lambda: len(due(house)) == 4, 30)

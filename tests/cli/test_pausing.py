"""`notifier pause`, `resume`, and where a rest is shown."""

from __future__ import annotations

import asyncio
import getpass
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from notifier.domain.endpoint import EndpointForm, new_secret
from notifier.store.endpoints import Endpoints
from notifier.wiring import parts
from tests.cli.acting import notifier
from tests.house import House, json_of


def kept(house: House) -> list[tuple[str, str, str]]:
    return [
        (row[0], row[1], row[2])
        for row in house.rows("SELECT scope, reason, who FROM notifier_pause ORDER BY scope")
    ]


def register(house: House, name: str) -> None:
    async def add() -> None:
        async with parts.open_database(house.settings) as database:
            endpoints = Endpoints(database, parts.seal_of(house.settings))
            await endpoints.add(EndpointForm(name=name, url="https://example.com/"), new_secret())

    house.environment["NOTIFIER_WEBHOOK_KEY"] = "azEr" * 10 + "azE="
    asyncio.run(add())


def test_each_kind_is_paused_shown_and_resumed(house: House) -> None:
    register(house, "shop")
    me = getpass.getuser()

    channel = notifier(house, "pause", "--channel", "wechat", "--reason", "new templates")
    tier = notifier(house, "pause", "--tier", "5", "--reason", "slow", "--who", "ann", "--json")
    shop = notifier(house, "pause", "--endpoint", "shop", "--reason", "moves", "--for", "10m")

    assert (channel.returncode, tier.returncode, shop.returncode) == (0, 0, 0)
    assert "until it is resumed, by " + me in channel.stdout
    assert "`notifier resume --channel wechat` lifts it" in channel.stdout
    assert json_of(tier.stdout).items() >= {"scope": "tier:5", "who": "ann", "until": None}.items()
    assert kept(house) == [
        ("channel:wechat", "new templates", me),
        ("endpoint:shop", "moves", me),
        ("tier:5", "slow", "ann"),
    ]
    checked = notifier(house, "check").stdout
    for title in ("channel wechat", "endpoint shop", "tier 5s"):
        assert f"{title} rests since" in checked
    lifted = [
        notifier(house, "resume", *option).stdout.strip()
        for option in (("--channel", "wechat"), ("--endpoint", "shop"), ("--tier", "5"))
    ]
    assert lifted == [
        "channel wechat works again; notifications that had been put off: 0",
        "endpoint shop works again; notifications that had been put off: 0",
        "tier 5s is taken from again",
    ]
    assert kept(house) == []


def test_status_shows_what_rests_and_what_waits_in_the_outbox(house: House) -> None:
    until = datetime.now(UTC) + timedelta(days=1)
    notifier(
        house, "pause", "--tier", "3", "--reason", "x", "--until", until.isoformat(), "--who", "ann"
    )
    house.execute("INSERT INTO notifier_outbox (channel, recipient) VALUES ('push', 'user-7')")

    shown, listed = notifier(house, "status"), notifier(house, "status", "--json")

    assert "tier 3s rests since" in shown.stdout
    assert "outbox: 1 rows wait, the first for " in shown.stdout
    document = json_of(listed.stdout)
    [pause] = document["pauses"]
    assert (pause["scope"], pause["who"], pause["reason"]) == ("tier:3", "ann", "x")
    assert datetime.fromisoformat(pause["until"]) == until
    assert document["outbox"].items() >= {"waiting": 1, "rejected": 0}.items()


def test_the_page_on_pausing_shows_what_works(house: House) -> None:
    register(house, "shop")
    page = (Path(__file__).parents[2] / "docs" / "pausing.md").read_text(encoding="utf-8")
    commands = page.split("```")[1].strip().splitlines()

    for command in commands:
        done = notifier(house, *shlex.split(command)[1:])
        assert done.returncode == 0 or command == "notifier status", done.stderr

    assert len(commands) == 7
    assert kept(house) == []
    ended = house.rows("SELECT ended_why FROM notifier_pause_ended ORDER BY id")
    assert [row[0] for row in ended] == ["they are changed", "by hand", "by hand"]


def test_status_without_mysql_says_what_it_does_not_know(house: House) -> None:
    away = {"NOTIFIER_MYSQL_URL": "mysql://nobody:x@127.0.0.1:1/notifier"}

    shown, listed = (notifier(house, "status", *option, **away) for option in ((), ("--json",)))

    assert "warning: pauses are not known: MySQL at 127.0.0.1:1" in shown.stderr
    document = json_of(listed.stdout)
    assert (document["pauses"], document["outbox"]) == (None, None)


def test_one_that_does_not_rest_cannot_be_resumed(house: House) -> None:
    notifier(house, "pause", "--tier", "3", "--reason", "x")

    refused = notifier(house, "resume", "--channel", "wechat")

    assert (refused.returncode, refused.stderr.strip()) == (
        1,
        "error: channel wechat is not paused; paused: tier 3s",
    )


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        ([], 2, "scope: say which"),
        (["--channel", "wechat", "--tier", "5"], 2, "scope: say which"),
        (["--channel", "sms"], 2, "channel: 'sms' is none of wechat, webhook, push"),
        (["--tier", "7"], 2, "tier: 7 is none of [fleet] tiers, 1, 3, 5, 15, 30"),
        (["--endpoint", "a b"], 2, "endpoint: 'a b' is no name"),
        (["--endpoint", "absent"], 1, "there is no endpoint 'absent'"),
        (["--tier", "5", "--for", "soon"], 2, "for: 'soon' is no duration"),
        (["--tier", "5", "--until", "1795262400"], 2, "until: "),
        (["--tier", "5", "--until", "soon"], 2, "until: 'soon' is no time"),
        (["--tier", "5", "--for", "1m", "--until", "1995262400"], 2, "until: give --until or"),
        (["--tier", "5", "--reason", " "], 2, "reason: has 0 characters"),
        (["--tier", "5", "--who", "x" * 97], 2, "who: has 97 characters"),
    ],
)
def test_bad_input_is_named_and_nothing_rests(
    house: House, arguments: list[str], code: int, complaint: str
) -> None:
    refused = notifier(house, "pause", "--reason", "x", *arguments)

    assert refused.returncode == code
    assert complaint in refused.stderr
    assert kept(house) == []

"""docs/live.md: its commands are run and its examples said to a gateway, as they stand there."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
import redis

from notifier.domain import live as protocol
from notifier.gateway.live.session import Close
from notifier.settings.live import Live
from tests.gateway.browser import browsing
from tests.gateway.live_acts import say, state_of
from tests.gateway.live_client import LiveClient, opened, ticket_for
from tests.gateway.running import RunningGateway, new_key, started_with_fleet
from tests.gateway.test_documents import ask
from tests.house import House, json_of, wait_for

PAGE = (Path(__file__).parents[2] / "docs" / "live.md").read_text(encoding="utf-8")
FUNCTIONS = """
def make_thumbnail(args):
    return {"url": f"https://shop.example/{args['id']}.png"}

async def write_report(args, id):
    return {}

"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def commands() -> list[list[str]]:
    return [
        shlex.split(line, comments=True) for block in blocks("sh") for line in block.splitlines()
    ]


def table(heading: str) -> list[str]:
    """The first cells."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| ((?!---|cmd)[^|]+) \|", section, re.MULTILINE)[1:]


@pytest.fixture(scope="module")
def live(house: House) -> Iterator[RunningGateway]:
    """With the package of the page, and by its command."""
    (module,) = blocks("python")
    package = house.folder / "mypackage"
    package.mkdir()
    (package / "tasks.py").write_text(FUNCTIONS + module, encoding="utf-8")
    registry = re.findall(r'\[tasks\] registry = "(.+)"', module)[0]
    house.environment |= {"PYTHONPATH": f"{house.folder}", "NOTIFIER_TASKS_REGISTRY": registry}
    assert ["notifier", "run-consumers", "--with-gateway"] in commands()
    with started_with_fleet(house, "--tiers", "1,3") as gateway:
        yield gateway


@pytest.fixture(scope="module")
def key(live: RunningGateway) -> str:
    return new_key(live.house, "live", "live")


def test_the_commands_of_the_page_work_in_their_order(live: RunningGateway) -> None:
    prefix = live.house.environment["NOTIFIER_REDIS_PREFIX"]
    key, answers = "", []
    for program, *words in commands():
        if words[:2] == ["key", "add"]:
            key = json_of(live.house.notifier(*words, "--json").stdout)["key"]
        elif program == "curl":
            words = [word.replace("$KEY", key) for word in words]
            answers.append(ask([re.sub(r"^http://[^/]+", live.url, word) for word in words]))
        elif program == "redis-cli":
            words = [re.sub("^notifier:", prefix, word) for word in words]
            at = urlsplit(live.house.environment["NOTIFIER_REDIS_URL"])
            there = ["-h", str(at.hostname), "-p", str(at.port)]
            done = subprocess.run(
                [program, *there, *words],
                env=os.environ | {"REDISCLI_AUTH": at.password or ""},
                capture_output=True,
                check=True,
            )
            assert done.stdout == b"1\n"
    assert [answer.status_code for answer in answers] == [201, 202]
    assert is_like(orjson.loads(blocks("json")[0]), answers[0].json())


def test_the_examples_of_the_page_are_answered_as_they_say(live: RunningGateway, key: str) -> None:
    say(live, key, "rate:600519", {"price": 1402.5})
    with opened(live) as client:
        client.ask(cmd="auth", ticket=ticket_for(live, key, "user-7"))
        client.ask(cmd="bind")
        exchanges = blocks("json")[1].strip().split("\n\n")
        assert len(exchanges) == 4
        for exchange in exchanges:
            request, *events = map(orjson.loads, exchange.splitlines())
            client.say(**request)
            for event in events:
                if event["event"] == "message":
                    say(live, key, event["topic"], event["data"])
                expect(client, event)


def expect(client: LiveClient, shown: dict[str, Any]) -> None:
    said = client.until(
        lambda event: event["event"] == shown["event"] and event.get("ref") == shown.get("ref")
    )
    assert is_like(shown, said), (shown, said)


def is_like(shown: object, said: object) -> bool:
    """A text that ends in … stands for any, and a moment for another one."""
    if isinstance(shown, dict) and isinstance(said, dict):
        return shown.keys() == said.keys() and all(is_like(shown[k], said[k]) for k in shown)
    if isinstance(shown, str) and isinstance(said, str):
        moment = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
        is_moment = bool(moment.fullmatch(shown) and moment.fullmatch(said))
        return said == shown or is_moment or shown.endswith("…")
    return said == shown


def test_the_script_of_the_page_shows_a_push_and_acknowledges_it(
    live: RunningGateway, key: str
) -> None:
    (script,) = blocks("js")
    url = f"{live.url.replace('http', 'ws')}/v1/live"
    script = re.sub(r'"wss://[^"]+"', orjson.dumps(url).decode(), script)
    given = f"""
        const ticket = "{ticket_for(live, key, "anna")}", seen = new Set();
        const show = (data) => {{ window.shown = data; }};
    """
    with browsing() as browser:
        page = browser.new_page()
        page.goto(f"{live.url}/healthz")
        page.evaluate(f"() => {{ {given} {script} }}")
        published = live.house.notifier(
            *("publish", "--channel", "push", "--to", "anna", "--delay", "0s", "--json")
        )
        page.wait_for_function("window.shown", timeout=60_000)
        last = page.evaluate("localStorage.last")
    assert last == json_of(published.stdout)["accepted"][0]["id"]
    wait_for(lambda: state_of(live, last) == "sent", 60)


def test_a_redis_user_with_the_rights_of_the_page_can_tell_topics_and_nothing_else(
    live: RunningGateway, key: str
) -> None:
    prefix = live.house.environment["NOTIFIER_REDIS_PREFIX"]
    (rights,) = re.findall(r"needs no more than\s`([^`]+)`", PAGE)
    words = [re.sub("^&notifier:", f"&{prefix}", word) for word in rights.split()]
    url = live.house.environment["NOTIFIER_REDIS_URL"]
    as_user = re.sub(r"^redis://([^@/]*@)?", "redis://teller:told@", url)
    with redis.Redis.from_url(url) as admin, opened(live) as client:
        client.ask(cmd="auth", ticket=ticket_for(live, key, "bert"))
        client.ask(cmd="subscribe", topic="rates")
        admin.execute_command("ACL", "SETUSER", "teller", "on", ">told", "resetchannels", *words)
        try:
            with redis.Redis.from_url(as_user) as teller:
                assert teller.publish(f"{prefix}push:rates", "7") == 1
                for channel in (f"{prefix}user:bert", f"{prefix}gateways", "else"):
                    with pytest.raises(redis.exceptions.NoPermissionError):
                        teller.publish(channel, "x")
                with pytest.raises(redis.exceptions.NoPermissionError):
                    teller.get(f"{prefix}last:rates")
        finally:
            admin.execute_command("ACL", "DELUSER", "teller")
        assert client.until(lambda event: event["event"] == "message")["data"] == 7


def test_the_tables_of_the_page_leave_nothing_out() -> None:
    assert {cell.strip("`") for cell in table("Requests")} == set(protocol.COMMANDS)
    codes = {int(code) for code in re.findall(r"\d+", " ".join(table("When a connection ends")))}
    assert codes == {code.value for code in Close}
    rows = re.findall(r"^\| (`.+`) \| ([\d, ]+) \|", PAGE.partition("## Limits")[2], re.MULTILINE)
    shown = {
        name.strip(" `"): float(value)
        for names, values in rows
        for name, value in zip(names.split(","), values.split(","), strict=True)
    }
    assert len(shown) == 11
    assert shown == {name: float(getattr(Live(), name)) for name in shown}

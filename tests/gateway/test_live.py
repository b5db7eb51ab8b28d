"""The live protocol, spoken by a real WebSocket library to a gateway beside a fleet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import redis
from websockets.exceptions import InvalidStatus

from tests.gateway.live_acts import codes_of, events_of, heard, publish, say, state_of, until
from tests.gateway.live_client import connected, opened, ticket_for
from tests.gateway.running import RunningGateway, new_key, started_with_fleet
from tests.house import House, wait_for
from tests.task_package import installed


@pytest.fixture(scope="module")
def live(house: House) -> Iterator[RunningGateway]:
    house.environment |= {
        "PYTHONPATH": f"{Path(__file__).parents[2]}:{installed(house.folder)}",
        "NOTIFIER_TASKS_PACKAGED": "invoice",
        "NOTIFIER_TASKS_REGISTRY": "tests.gateway.some_tasks",
        "NOTIFIER_LIVE_ACK_S": "1",
        "NOTIFIER_LIVE_AUTH_S": "3",
    }
    with started_with_fleet(house, "--tiers", "1,3") as gateway:
        yield gateway


@pytest.fixture(scope="module")
def key(live: RunningGateway) -> str:
    return new_key(live.house, "live", "live")


def test_a_reminder_is_receipted_at_once_and_pushed_at_its_moment(
    live: RunningGateway, key: str
) -> None:
    with connected(live, key, "anna") as client:
        receipt = client.ask(cmd="remind", in_ms=1500, order_no="1912136916313")
        assert receipt["event"] == "accepted"
        assert receipt["info"] == "支付成功。请稍后,接收通知!"

        push = client.push()
        assert push["id"] == receipt["id"]
        assert push["kind"] == "pickup_reminder"
        assert push["data"]["text"] == "你好,你在1.5秒前的预定的套餐,请到店内柜台前拿取"
        wait_for(lambda: state_of(live, receipt["id"]) == "sent", 30)


def test_who_subscribes_has_the_last_value_and_then_every_one(
    live: RunningGateway, key: str
) -> None:
    say(live, key, "rate:600519", {"price": 1})
    with connected(live, key, "bert") as client:

        def last() -> Any:
            client.ask(cmd="unsubscribe", topic="rate:600519")
            return client.ask(cmd="subscribe", topic="rate:600519").get("last")

        wait_for(lambda: last() == {"price": 1}, 30)
        say(live, key, "rate:600519", {"price": 2})
        assert heard(client) == {"price": 2}

        # As a program that knows nothing of the gateway says it.
        prefix = live.house.environment["NOTIFIER_REDIS_PREFIX"]
        with redis.Redis.from_url(live.house.environment["NOTIFIER_REDIS_URL"]) as outside:
            outside.publish(f"{prefix}push:rate:600519", 'no JSON, "text"')
        assert heard(client) == 'no JSON, "text"'
        wait_for(lambda: last() == 'no JSON, "text"', 30)


def test_a_ticket_limits_the_topics(live: RunningGateway, key: str) -> None:
    ticket = ticket_for(live, key, "carl", topics=["order:*"])
    with opened(live) as client:
        client.ask(cmd="auth", ticket=ticket)
        assert client.ask(cmd="subscribe", topic="order:7")["event"] == "subscribed"
        refused = client.ask(cmd="subscribe", topic="rates")
    assert (refused["event"], refused["field"]) == ("error", "topic")


def test_a_task_runs_in_the_fleet_and_only_its_owner_has_the_result(
    live: RunningGateway, key: str
) -> None:
    with connected(live, key, "dora") as owner, connected(live, key, "emil") as other:
        submitted = owner.ask(cmd="task", name="add", args={"numbers": [1, 2, 39]})
        assert (submitted["code"], submitted["info"]) == (202, "任务已经提交,请等待服务器计算数据!")

        data = owner.push()["data"]
        assert (data["code"], data["info"], data["other"]) == (200, "任务执行完毕!", 42)
        assert data["id"] == submitted["id"]

        again = owner.ask(cmd="task", name="who", args={"name": "x"})
        assert owner.push()["data"]["other"] == {"task": again["id"], "name": "x"}

        unknown = owner.ask(cmd="task", name="os.system", args={"numbers": [1]})
        assert (unknown["code"], unknown["info"]) == (
            404,
            "任务提交失败,请联系管理员进行处理!",
        )
        other.ask(cmd="ping")
        assert not other.pushed()


def test_of_an_installed_package_only_what_the_operator_named_may_run(
    live: RunningGateway, key: str
) -> None:
    with connected(live, key, "dirk") as client:
        client.ask(cmd="task", name="invoice", args={"no": 17})
        assert client.push()["data"]["other"] == "invoice 17"
        assert client.ask(cmd="task", name="purge")["code"] == 404
    assert "['add', 'fail', 'invoice', 'who']" in live.log.read_text()


BAD = [
    ("{", "message"),
    ("[]", "message"),
    ('{"cmd": "reload"}', "cmd"),
    ('{"cmd": "remind", "in_ms": -1}', "in_ms"),
    ('{"cmd": "remind", "in_ms": true}', "in_ms"),
    ('{"cmd": "remind", "at": "soon"}', "at"),
    ('{"cmd": "subscribe", "topic": "a b"}', "topic"),
    ('{"cmd": "ack", "ids": ["x"]}', "ids"),
    ('{"cmd": "bind", "user": "somebody-else"}', "user"),
    ('{"cmd": "ping", "extra": 1}', "extra"),
]


def test_a_bad_message_is_answered_and_ends_nothing(live: RunningGateway, key: str) -> None:
    with connected(live, key, "fritz") as client:
        for text, field in BAD:
            client.connection.send(text)
            error = client.until(lambda event: event["event"] == "error")
            assert error["field"] == field, (text, error)
        assert client.ask(cmd="ping")["event"] == "pong"


def test_nobody_does_anything_without_a_ticket_that_is_new(live: RunningGateway, key: str) -> None:
    ticket = ticket_for(live, key, "gerd")
    with opened(live) as client:
        assert client.ask(cmd="remind", in_ms=1)["event"] == "error"
        assert client.ask(cmd="auth", ticket=ticket)["user"] == "gerd"
    with opened(live) as again:
        again.say(cmd="auth", ticket=ticket)
        assert again.end()[0] == 4001
    with opened(live) as silent:
        assert silent.end() == (4001, "no ticket in time")


def test_a_flood_ends_the_connection(live: RunningGateway, key: str) -> None:
    with connected(live, key, "hans") as client:
        for _ in range(150):
            client.say(cmd="ping")
        assert client.end()[0] == 4029


def test_who_does_not_read_is_closed_and_may_come_again(live: RunningGateway, key: str) -> None:
    prefix = live.house.environment["NOTIFIER_REDIS_PREFIX"]
    with connected(live, key, "iris") as client:
        client.ask(cmd="subscribe", topic="loud")
        with redis.Redis.from_url(live.house.environment["NOTIFIER_REDIS_URL"]) as outside:
            for _ in range(300):
                outside.publish(f"{prefix}push:loud", b'"%b"' % (b"x" * 60_000))
        wait_for(lambda: "iris" not in live.house.notifier("clients", "--full").stdout, 60)
    # What it was told of it may be cut off: that is for who reads soon.
    assert re.search(r"live\.closed.*\b4008\b", live.log.read_text())
    with connected(live, key, "iris") as again:
        assert again.ask(cmd="ping")["event"] == "pong"


def test_pages_of_other_sites_are_refused(live: RunningGateway) -> None:
    with pytest.raises(InvalidStatus) as refused, opened(live, origin="https://evil.example"):
        pass
    assert refused.value.response.status_code == 403
    with opened(live, origin=f"http://{live.address}") as own:
        assert own.ask(cmd="ping")["event"] == "pong"


def test_what_came_while_nobody_was_there_is_resumed(live: RunningGateway, key: str) -> None:
    id_ = publish(live, "ida")
    wait_for(lambda: "not_connected" in codes_of(live, id_), 30)
    with connected(live, key, "ida") as client:
        assert client.push()["id"] == id_
        wait_for(lambda: state_of(live, id_) == "sent", 30)
    assert live.house.notifier("audit", "--json").returncode == 0


def test_what_nobody_acknowledges_is_pushed_again(live: RunningGateway, key: str) -> None:
    with connected(live, key, "jan", acknowledging=False) as client:
        id_ = publish(live, "jan")
        assert client.push()["id"] == id_
        assert client.push()["id"] == id_
        client.say(cmd="ack", id=id_)
        wait_for(lambda: state_of(live, id_) == "sent", 30)
    assert "not_acknowledged" in codes_of(live, id_)


def test_a_stream_has_the_same_and_acknowledges_by_post(live: RunningGateway, key: str) -> None:
    ticket = ticket_for(live, key, "kurt")
    say(live, key, "news", "old")
    with (
        live.client() as client,
        client.stream("GET", f"/v1/stream?ticket={ticket}&topics=news") as response,
    ):
        assert response.headers["content-type"].startswith("text/event-stream")
        events = events_of(response)
        stream = until(events, "welcome")["stream"]
        assert until(events, "subscribed")["topic"] == "news"
        until(events, "bound")
        id_ = publish(live, "kurt")
        assert until(events, "push")["id"] == id_
        answer = httpx.post(
            f"{live.url}/v1/acks", json={"stream": stream, "ids": [id_]}, timeout=30
        )
        assert answer.json() == {"acked": [id_]}
        wait_for(lambda: state_of(live, id_) == "sent", 30)
        used = httpx.get(f"{live.url}/v1/stream?ticket={ticket}", timeout=30)
        assert used.status_code == 401


def test_the_operator_sees_who_is_connected(live: RunningGateway, key: str) -> None:
    with connected(live, key, "ludwig") as client:
        client.ask(cmd="subscribe", topic="news")
        shown = orjson.loads(live.house.notifier("clients", "--json", "--full").stdout)
        (gateway,) = shown
        (line,) = [one for one in gateway["clients"] if one["user"] == "ludwig"]
        assert (line["kind"], line["topics"], line["bound"]) == ("websocket", ["news"], True)
        with connected(live, key, "mia"):
            few = live.house.notifier("clients", "--most", "1").stdout
            assert re.search(r": 2 clients\n  ---.+\n  and 1 more: --most 2\n", few)
        people = live.house.notifier("clients").stdout
    assert "news" in people
    assert "ludwig" not in people

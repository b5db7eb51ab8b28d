"""The dashboard's door and its deeds, over HTTP."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import httpx
import orjson
import pytest
from websockets.sync.client import connect

from tests.cli.acting import dead_one
from tests.gateway.browser import PASSWORD, add_operator
from tests.gateway.running import RunningGateway
from tests.house import wait_for
from tests.store.scene import order_no_of

PAGE = Path(__file__).parents[2] / "docs" / "dashboard.md"
SECTIONS = {
    *("ladder", "fleets", "pauses", "counts", "failures", "endpoints", "deeds", "clients"),
    "calendar",
}


@pytest.fixture(scope="module", autouse=True)
def _operators(gateway: RunningGateway) -> None:
    add_operator(gateway, "mei", "operator")
    add_operator(gateway, "guest", "viewer")


@pytest.fixture
def mei(gateway: RunningGateway) -> Iterator[httpx.Client]:
    yield from _logged_in(gateway, "mei")


@pytest.fixture
def guest(gateway: RunningGateway) -> Iterator[httpx.Client]:
    yield from _logged_in(gateway, "guest")


def _logged_in(gateway: RunningGateway, name: str) -> Iterator[httpx.Client]:
    with gateway.client(origin=gateway.url) as client:
        answer = client.post("/ui/login", json={"name": name, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        client.headers["x-notifier-proof"] = client.get("/ui/me").json()["proof"]
        yield client


def test_who_is_not_logged_in_sees_the_door_and_nothing_else(gateway: RunningGateway) -> None:
    with gateway.client() as client:
        assert client.get("/").headers["location"] == "/login"
        for path in ("me", "overview", "events", "explain?key=1", "dead", "dead/count"):
            assert client.get(f"/ui/{path}").status_code == 401, path
        for path in ("replay", "replay-all", "pause", "resume", "logout"):
            assert client.post(f"/ui/{path}", json={}).status_code in (401, 422), path
    with connect(f"ws://{gateway.address}/ui/stream") as socket:
        socket.recv_bufsize = 1
        with pytest.raises(Exception, match="4401"):
            socket.recv(timeout=30)


def test_the_session_is_a_cookie_that_no_script_and_no_other_site_gets(
    gateway: RunningGateway,
) -> None:
    with gateway.client() as client:
        cookie = client.post("/ui/login", json={"name": "mei", "password": PASSWORD}).headers[
            "set-cookie"
        ]
        assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
        policy = client.get("/").headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy


def test_a_link_lets_in_once(gateway: RunningGateway) -> None:
    link = gateway.house.notifier("operator", "link", "guest").stdout.strip()
    token = link.partition("/login#")[2]
    with gateway.client() as client:
        assert client.post("/ui/login", json={"link": token}).status_code == 200
        assert client.get("/ui/me").json()["role"] == "viewer"
    with gateway.client() as other:
        assert other.post("/ui/login", json={"link": token}).status_code == 403


def test_the_commands_of_the_document_work_in_their_order(gateway: RunningGateway) -> None:
    (block,) = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    for name in ("mei", "guest"):
        gateway.house.notifier("operator", "remove", name)
    for command in block.splitlines():
        done = gateway.house.notifier(*shlex.split(command)[1:], text=f"{PASSWORD}\n")
        assert done.returncode == 0, done.stderr
    assert "mei  operator  password or link" in gateway.house.notifier("operator", "list").stdout
    add_operator(gateway, "guest", "viewer")


def test_a_deed_needs_a_page_of_ours_and_an_operator(
    gateway: RunningGateway, mei: httpx.Client, guest: httpx.Client
) -> None:
    deed = {"scope": "tier:5", "why": "a look"}
    without = {"x-notifier-proof": ""}
    elsewhere = {"origin": "https://elsewhere.example"}
    assert mei.post("/ui/pause", json=deed, headers=without).status_code == 403
    assert mei.post("/ui/pause", json=deed, headers=elsewhere).status_code == 403
    assert guest.post("/ui/pause", json=deed).status_code == 403
    assert mei.post("/ui/pause", json=deed | {"why": " "}).status_code == 422
    assert mei.post("/ui/pause", json=deed | {"scope": "tier:7"}).status_code == 422
    assert gateway.house.rows("SELECT * FROM notifier_pause") == []


def test_what_was_done_is_kept_with_who_and_why(gateway: RunningGateway, mei: httpx.Client) -> None:
    assert mei.post("/ui/pause", json={"scope": "tier:5", "why": "it is slow"}).status_code == 200
    assert mei.post("/ui/resume", json={"scope": "tier:5", "why": "well again"}).status_code == 200
    assert gateway.house.rows(
        "SELECT who, deed, target, why, done FROM notifier_deed ORDER BY id"
    ) == [
        ("mei", "pause", "tier:5", "it is slow", 1),
        ("mei", "resume", "tier:5", "well again", 1),
    ]
    ended = "SELECT who, reason, ended_by, ended_why FROM notifier_pause_ended"
    assert gateway.house.rows(ended) == [("mei", "it is slow", "mei", "well again")]


def test_never_more_are_replayed_than_were_confirmed(
    gateway: RunningGateway, mei: httpx.Client
) -> None:
    ids = [dead_one(gateway.house, number) for number in (1, 2, 3, 4)]
    reason = mei.get("/ui/dead").json()["found"][0]["reason"]
    assert mei.get("/ui/dead/count", params={"reason": reason}).json()["count"] == 4
    one = mei.post("/ui/replay", json={"ids": [str(ids[1])], "why": "this first"}).json()
    assert (one["done"], one["refused"]) == (1, 0)
    asked = {"reason": reason, "confirmed": 2, "why": "WeChat is back"}
    assert mei.post("/ui/replay-all", json=asked).json()["done"] == 2
    assert mei.get("/ui/explain", params={"key": order_no_of(1)}).json()[0]["state"] == "waiting"
    assert [one["id"] for one in mei.get("/ui/dead").json()["found"]] == [str(ids[3])]


def test_the_overview_comes_over_the_websocket_and_as_events_until_one_logs_out(
    gateway: RunningGateway, mei: httpx.Client
) -> None:
    cookie = "; ".join(f"{name}={value}" for name, value in mei.cookies.items())
    with connect(
        f"ws://{gateway.address}/ui/stream", additional_headers={"Cookie": cookie}
    ) as socket:
        known: dict[str, object] = {}
        wait_for(lambda: known.update(_heard(socket.recv(timeout=30))) or _all_known(known), 60)
    with mei.stream("GET", "/ui/events") as events:
        line = next(line for line in events.iter_lines() if line.startswith("data: "))
        assert set(orjson.loads(line[6:])["sections"]) == SECTIONS
    assert mei.post("/ui/logout").status_code == 200
    assert mei.get("/ui/me").status_code == 401


def _heard(message: str | bytes) -> dict[str, object]:
    sections: dict[str, object] = orjson.loads(message)["sections"]
    return sections


def _all_known(known: dict[str, object]) -> bool:
    return set(known) == SECTIONS and None not in known.values()


def test_a_wrong_password_is_told_apart_from_a_wrong_name_by_nobody_and_soon_not_tried_any_more(
    gateway: RunningGateway,
) -> None:
    wrong = [{"name": name, "password": "wrong"} for name in ("nobody", *["mei"] * 4)]
    with gateway.client() as client:
        refused = [client.post("/ui/login", json=one) for one in wrong]
        late = client.post("/ui/login", json={"name": "mei", "password": PASSWORD})
    told = {answer.text for answer in refused if answer.status_code == 403}
    assert len(told) == 1
    assert late.status_code == 429
    assert 0 < int(late.headers["retry-after"]) <= 60

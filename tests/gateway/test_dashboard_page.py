"""The dashboard in a browser, as an operator uses it at night."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from notifier.domain.notification import ChannelName, Role
from notifier.domain.submission import Submission
from notifier.stack import Stack
from tests.gateway.altered import ALTERED, altered_by
from tests.gateway.browser import PATIENCE_MS, Tab, add_operator, apart, browsing, logged_in
from tests.gateway.eyes import BROKEN, CUT_OFF, UNFIT, faults_of, stops_of
from tests.gateway.running import RunningGateway, started_with_fleet
from tests.house import House, built, wait_for
from tests.sandbox.rig import Sandbox

HOSTILE = '<img src=x onerror="document.title=1">'
PAGE_BYTES = 300_000
LOOKS = [
    pytest.param("light", 1600, id="light-wide"),
    pytest.param("dark", 1600, id="dark-wide"),
    pytest.param("light", 380, id="light-narrow"),
    pytest.param("dark", 380, id="dark-narrow"),
]
LONG = "shop-with-a-name-that-is-as-long-as-a-name-may-be-so-it-is-64-xx"
WEIGHT = """() => performance.getEntriesByType('resource').concat(
  performance.getEntriesByType('navigation')).filter((each) => !each.name.includes('/ui/dead'))
  .reduce((all, each) => all + each.decodedBodySize, 0)"""


@pytest.fixture(scope="module")
def house(
    stack: Stack, shared_sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    changes = {
        "NOTIFIER_LADDER_DELAYS_S": "0,1,1",
        "NOTIFIER_EGRESS_ALLOW_CIDRS": "127.0.0.0/8",
        "NOTIFIER_EGRESS_PORTS": "",
        "NOTIFIER_WEBHOOK_CA_FILE": str(shared_sandbox.addresses["ca_file"]),
    }
    shared_sandbox.control.reset()
    with built(stack, shared_sandbox, tmp_path_factory.mktemp("house"), **changes) as house:
        yield house
        shared_sandbox.control.reset()


@pytest.fixture(scope="module")
def gateway(house: House) -> Iterator[RunningGateway]:
    with started_with_fleet(house) as gateway:
        add_operator(gateway, "mei", "operator")
        add_operator(gateway, "guest", "viewer")
        yield gateway


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as browser:
        yield browser


@pytest.fixture(scope="module")
def crowded(gateway: RunningGateway) -> None:
    """An endpoint with the longest of names, that rests for a hostile reason."""
    notifier = gateway.house.notifier
    assert notifier("endpoint", "add", LONG, "https://shop.example.com/hook").returncode == 0
    assert notifier("endpoint", "pause", LONG, "--reason", HOSTILE * 3).returncode == 0


def states(house: House) -> Counter[str]:
    return apart(house.states)


def test_an_order_is_seen_climbing_dead_replayed_and_told(
    gateway: RunningGateway, browser: Browser
) -> None:
    house = gateway.house
    house.sandbox.control.script([{"endpoint": "template_send", "action": "errcode:-1"}])
    (record,) = apart(lambda: house.publish_orders(1))
    with logged_in(browser, gateway, "mei") as tab:
        page = tab.page
        page.fill("#key", record.order_no)
        page.press("#key", "Enter")
        designer = page.locator("#story .tale").first
        expect(designer.locator(".mark.retry").first).to_be_visible(timeout=PATIENCE_MS)
        expect(designer.locator(".state.dead").first).to_be_visible(timeout=PATIENCE_MS)
        expect(designer.locator(".mark.dead")).to_have_count(1)
        expect(page.locator("#failures")).to_contain_text("exhausted:-1", timeout=PATIENCE_MS)

        house.sandbox.control.script([])
        page.locator("#failures").get_by_role("button", name="Replay…").first.click()
        question = page.get_by_role("dialog")
        expect(question).to_contain_text("notification")
        count = states(house)["dead"]
        expect(question.get_by_role("button", name=f"Replay {count}")).to_be_visible()
        question.get_by_label("Why?").fill("WeChat is back")
        page.keyboard.press("Enter")
        expect(designer.locator(".state.sent").first).to_be_visible(timeout=PATIENCE_MS)
        expect(page.locator("#deeds")).to_contain_text("WeChat is back", timeout=PATIENCE_MS)
        assert tab.complaints == []
    wait_for(lambda: states(house)["dead"] == 0, 60)
    deeds = "SELECT who, deed, why, done FROM notifier_deed"
    assert apart(lambda: house.rows(deeds)) == [("mei", "replay", "WeChat is back", count)]


def test_those_that_are_chosen_are_replayed_once_somebody_has_said_yes(
    gateway: RunningGateway, browser: Browser
) -> None:
    house = gateway.house
    refused = {"endpoint": "template_send", "action": "errcode:-1"}
    designers = [f"oDesigner_{number:08d}" for number in (100, 101, 102)]
    house.sandbox.control.script([refused | {"match": {"openid": one}} for one in designers])
    records = apart(lambda: house.publish_orders(3, first=100))
    with logged_in(browser, gateway, "mei") as tab:
        page = tab.page
        boxes = [page.get_by_label(f"Choose {each.order_no}") for each in records]
        for box in boxes:
            expect(box).to_be_visible(timeout=PATIENCE_MS)
        house.sandbox.control.script([])
        for box in boxes[:2]:
            box.check()
        replay = page.get_by_role("button", name="Replay 2 chosen…")
        replay.click()
        page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
        expect(replay).to_be_focused()
        before = states(house)["dead"]
        page.keyboard.press("Enter")
        page.get_by_label("Why?").fill("these two")
        page.keyboard.press("Enter")
        expect(page.locator("#notes")).to_contain_text("2 are told again", timeout=PATIENCE_MS)
        expect(boxes[0]).to_have_count(0, timeout=PATIENCE_MS)
        expect(boxes[2]).to_be_visible()
    assert states(house)["dead"] == before - 2


def test_hostile_names_and_answers_stay_text(gateway: RunningGateway, browser: Browser) -> None:
    house = gateway.house
    path = "/webhook/hostile"
    house.sandbox.control.script([{"match": {"path": path}, "action": "http:400"}])
    told = Submission(
        role=Role.RECIPIENT,
        channel=ChannelName.WEBHOOK,
        recipient=f"{house.sandbox.addresses['data_url']}{path}",
        template="payment.paid",
        order_no=HOSTILE,
    )
    apart(lambda: asyncio.run(house.accept([told])))
    wait_for(lambda: states(house)["dead"] > 0, 60)
    with logged_in(browser, gateway, "mei") as tab:
        expect(tab.page.locator("#dead")).to_contain_text(HOSTILE, timeout=PATIENCE_MS)
        expect(tab.page.locator("#dead")).to_contain_text("<h1>400 Bad Request</h1>")
        tab.page.locator("#dead").get_by_role("button", name=HOSTILE).click()
        expect(tab.page.locator("#story-body")).to_contain_text("<h1>400 Bad Request</h1>")
        assert tab.look("document.title") == "notifier"
        assert tab.look("document.querySelectorAll('main img, main h1').length") == 0
        assert tab.complaints == []


@contextmanager
def seen(
    gateway: RunningGateway, browser: Browser, scheme: Any, width: int, **context: Any
) -> Iterator[Tab]:
    """With all that moves at rest."""
    look = {"color_scheme": scheme, "reduced_motion": "reduce", **context}
    size = {"width": width, "height": 900}
    with logged_in(browser, gateway, "mei", viewport=size, **look) as tab:
        expect(tab.page.locator("#fleet .chip.good").first).to_be_visible(timeout=PATIENCE_MS)
        expect(tab.page.locator(".ladder .tier")).to_have_count(5)
        expect(tab.page.locator("#pauses")).to_contain_text(LONG, timeout=PATIENCE_MS)
        expect(tab.page.locator("#clients .figures")).to_be_visible(timeout=PATIENCE_MS)
        yield tab


@pytest.mark.usefixtures("crowded")
@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_the_page_looks_right(
    gateway: RunningGateway, browser: Browser, tmp_path: Path, scheme: Any, width: int
) -> None:
    with seen(gateway, browser, scheme, width) as tab:
        for language in ("en", "zh"):
            expect(tab.page.locator(f"html[lang^={language}]")).to_have_count(1)
            path = tmp_path / f"{scheme}-{width}-{language}.png"
            assert faults_of(tab, scheme=scheme, width=width, path=path) == []
            assert tab.look(UNFIT) == []
            tab.page.click("#language")
        assert tab.look(WEIGHT) < PAGE_BYTES
        assert tab.complaints == []


@pytest.mark.usefixtures("crowded")
def test_a_page_that_looks_wrong_is_seen(
    gateway: RunningGateway, browser: Browser, tmp_path: Path
) -> None:
    with seen(gateway, browser, "dark", 380) as tab:
        missed = {}
        for rule, fault in BROKEN.items():
            tab.page.evaluate(
                "rule => document.styleSheets[1].insertRule(rule)", f"@media all{{{rule}}}"
            )
            faults = faults_of(tab, scheme="dark", width=380, path=tmp_path / "broken.png")
            tab.look("document.styleSheets[1].deleteRule(0)")
            if not any(each.startswith(fault) for each in faults):
                missed[rule] = faults
        assert missed == {}


@pytest.mark.usefixtures("crowded")
def test_all_of_it_is_done_with_the_keyboard(gateway: RunningGateway, browser: Browser) -> None:
    with seen(gateway, browser, "light", 1600) as tab:
        page, keys = tab.page, tab.page.keyboard
        keys.press("Tab")
        expect(page.locator(".skip")).to_be_focused()
        stops = stops_of(tab)
        assert [stop["name"] for stop in stops if not stop["ring"]] == []
        names = [stop["name"] for stop in stops]
        assert names[:6] == ["key", "search.go", "language", "theme", "logout", "as.table"]
        assert f"resume endpoint:{LONG}" in names

        page.focus("#pauses [data-key='pause something']")
        keys.press("Enter")
        question = page.get_by_role("dialog")
        expect(question.locator("select")).to_be_focused()
        keys.press("Escape")
        expect(question).not_to_be_visible()
        expect(page.locator("#pauses [data-key='pause something']")).to_be_focused()

        page.focus("#theme")
        keys.press("/")
        expect(page.locator("#key")).to_be_focused()
        keys.type("no such order")
        keys.press("Enter")
        expect(page.locator("#story-h")).to_be_focused()
        expect(page.locator("#story-body [role=status]")).to_contain_text("Nothing is known of")
        keys.press("Escape")
        expect(page.locator("#key")).to_be_focused()


@pytest.mark.parametrize(("scheme", "width"), LOOKS[1:3])
@pytest.mark.parametrize("how", ALTERED)
def test_numbers_as_large_as_they_get_fit_and_what_is_not_known_is_said(
    gateway: RunningGateway, browser: Browser, scheme: Any, width: int, how: str
) -> None:
    size = {"width": width, "height": 900}
    with logged_in(browser, gateway, "mei", viewport=size, color_scheme=scheme) as tab:
        tab.page.route_web_socket("**/ui/stream", altered_by(ALTERED[how]))
        tab.page.reload()
        expect(tab.page.locator("#ladder-window")).to_have_text(how, timeout=PATIENCE_MS)
        if how == "not known":
            known = tab.page.locator("main > .card:visible").filter(has_not_text=how)
            expect(known).to_have_count(0, timeout=PATIENCE_MS)
        assert tab.look(CUT_OFF) == []


def test_where_no_websocket_gets_through_the_page_goes_on_by_events(
    gateway: RunningGateway, browser: Browser
) -> None:
    with logged_in(browser, gateway, "guest") as tab:
        page, opened = tab.page, []
        page.on("request", lambda request: opened.append(request.url))
        page.route_web_socket("**/ui/stream", lambda socket: socket.close())
        page.reload()
        expect(page.locator("#live")).to_have_attribute("data-live", "live", timeout=PATIENCE_MS)
        expect(page.locator("#fleet .chip.good").first).to_be_visible(timeout=PATIENCE_MS)
        assert f"{gateway.url}/ui/events" in opened


def test_the_page_says_that_it_is_stale_and_speaks_chinese_to_a_viewer_who_cannot_act(
    gateway: RunningGateway, browser: Browser
) -> None:
    with logged_in(browser, gateway, "guest") as tab:
        page = tab.page
        page.click("#language")
        expect(page.locator("#ladder-h")).to_have_text("重试阶梯")
        expect(page.locator("#who")).to_have_text("guest · 查看者")
        expect(page.get_by_role("button", name="重发")).to_have_count(0)
        page.context.set_offline(True)
        expect(page.locator("#live")).to_have_attribute("data-live", "stale", timeout=PATIENCE_MS)
        expect(page.locator("#notice")).to_contain_text("没有新数据")

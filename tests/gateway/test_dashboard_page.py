"""The dashboard in a browser, as an operator uses it at night."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from notifier.domain.notification import ChannelName, Role
from notifier.domain.submission import Submission
from notifier.stack import Stack
from tests.gateway.browser import PATIENCE_MS, add_operator, apart, browsing, logged_in
from tests.gateway.running import RunningGateway, started_with_fleet
from tests.house import House, built, wait_for
from tests.sandbox.rig import Sandbox

HOSTILE = '<img src=x onerror="document.title=1">'
PAGE_BYTES = 300_000
LOOKS = [
    pytest.param("light", 1400, id="light-wide"),
    pytest.param("dark", 1400, id="dark-wide"),
    pytest.param("light", 390, id="light-narrow"),
    pytest.param("dark", 390, id="dark-narrow"),
]
# The colours of the text that is seen and of what is behind it, by what the browser paints.
FAINT = """() => {
  const context = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
  const paint = (colours) => {
    context.clearRect(0, 0, 1, 1);
    for (const colour of colours) { context.fillStyle = colour; context.fillRect(0, 0, 1, 1); }
    return [...context.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b].map((each) => each / 255)
    .map((each) => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4)
    .reduce((all, each, index) => all + each * [0.2126, 0.7152, 0.0722][index], 0);
  const faint = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !element.checkVisibility()) continue;
    if (element.closest('.sr, .skip, svg, :disabled')) continue;
    const behind = [];
    for (let each = element; each; each = each.parentElement)
      behind.unshift(getComputedStyle(each).backgroundColor);
    const style = getComputedStyle(element);
    const [text, ground] = [light(paint([...behind, style.color])), light(paint(behind))];
    const ratio = (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
    if (ratio < 4.5) faint.push(`${ratio.toFixed(2)} ${element.className} ${element.textContent}`);
  }
  return faint;
}"""
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


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_the_page_looks_right(
    gateway: RunningGateway, browser: Browser, tmp_path: Path, scheme: Any, width: int
) -> None:
    with logged_in(
        browser,
        gateway,
        "mei",
        color_scheme=scheme,
        reduced_motion="reduce",
        viewport={"width": width, "height": 900},
    ) as tab:
        page = tab.page
        expect(page.locator("#fleet")).to_contain_text("ready", timeout=PATIENCE_MS)
        expect(page.locator(".ladder .tier")).to_have_count(5)
        for name in ("ladder", "calendar", "failures", "fleet", "dead", "endpoints", "deeds"):
            expect(page.locator(f"#{name}-h")).to_be_visible()
        assert tab.look("document.documentElement.scrollWidth") <= width
        assert tab.look(FAINT) == []
        assert tab.look(WEIGHT) < PAGE_BYTES
        shot = page.screenshot(path=tmp_path / f"{scheme}-{width}.png", full_page=True)
        assert shot.startswith(b"\x89PNG")
        assert tab.complaints == []


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

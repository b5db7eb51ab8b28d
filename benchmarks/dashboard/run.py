"""The dashboard, opened again and again in Chromium without a screen, with nothing in its cache."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.live.house import House
from notifier.errors import NotifierError

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
PAINTED = """() => Object.fromEntries(
  performance.getEntriesByType('paint').map((each) => [each.name, each.startTime]))"""
PATIENCE_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Medians of the rounds. first_paint_ms, content_ms, told_ms: since the navigation began,
    until anything, the first text, and the first figures of the stream were drawn.

    weight_kb: of 1,000 bytes, as they come over the wire, heads and the stream's first word
    included; answers: how many.
    """

    first_paint_ms: float
    content_ms: float
    told_ms: float
    weight_kb: float
    answers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    paints: Mapping[str, float]
    told_ms: float
    sizes: list[int]


def run(house: House, *, rounds: int) -> Figures:
    """Raises NotifierError."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise NotifierError("there is no chromium; `apt-get install chromium` brings it")
    url = f"http://{house.host}:{house.port}/"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        session = _let_in(browser, url)
        # The first one finds a browser that has done nothing yet.
        looks = [_look(browser, url, session) for _ in range(rounds + 1)][1:]
        browser.close()
    return Figures(
        first_paint_ms=median(look.paints["first-paint"] for look in looks),
        content_ms=median(look.paints["first-contentful-paint"] for look in looks),
        told_ms=median(look.told_ms for look in looks),
        weight_kb=median(sum(look.sizes) for look in looks) / 1000,
        answers=round(median(len(look.sizes) for look in looks)),
    )


def _let_in(browser: Browser, url: str) -> Any:
    """The session of an operator, as the browser keeps it."""
    _notifier("operator", "add", "mei", "--role", "operator", "--without-password")
    found = re.search(r"/login#\S+", _notifier("operator", "link", "mei"))
    if found is None:
        raise NotifierError("`notifier operator link` prints no address")
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(url.removesuffix("/") + found[0])
        page.wait_for_selector("body[data-told]", timeout=PATIENCE_MS)
        return context.storage_state()


def _look(browser: Browser, url: str, session: Any) -> _Look:
    with browser.new_context(
        storage_state=session, viewport={"width": 1400, "height": 900}
    ) as context:
        page = context.new_page()
        sizes = _weighed(page)
        page.goto(url)
        page.wait_for_selector("body[data-told]", timeout=PATIENCE_MS)
        told_ms = float(page.evaluate("performance.now()"))
        # Fonts and pictures of a late script would come by then.
        page.wait_for_timeout(500)
        return _Look(paints=page.evaluate(PAINTED), told_ms=told_ms, sizes=sizes[:])


def _weighed(page: Page) -> list[int]:
    """The size of each answer, as it comes."""
    sizes: list[int] = []
    tools = page.context.new_cdp_session(page)
    tools.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))

    def heard(event: Mapping[str, Any]) -> None:
        if not words:
            words.append(event)
            sizes.append(len(event["response"]["payloadData"].encode()))

    words: list[Mapping[str, Any]] = []
    tools.on("Network.webSocketFrameReceived", heard)
    tools.send("Network.enable")
    return sizes


def _notifier(*arguments: str) -> str:
    command = [sys.executable, "-m", "notifier", *arguments]
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotifierError(f"notifier {' '.join(arguments)}: {done.stderr}")
    return done.stdout

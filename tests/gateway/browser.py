"""Chromium without a screen, looking at a gateway's pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from playwright.sync_api import Browser, Page, sync_playwright

from tests.gateway.running import RunningGateway

Answer = TypeVar("Answer")
CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
PATIENCE_MS = 60_000
PASSWORD = "correct horse battery staple"


def apart(act: Callable[[], Answer]) -> Answer:
    """In a thread of its own: Playwright has an event loop in this one, so asyncio.run cannot."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(act).result()


@contextmanager
def browsing() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@dataclass(slots=True)
class Tab:
    """complaints: what the console said, and scripts that broke."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def look(self, script: str) -> Any:
        return self.page.evaluate(script)


@contextmanager
def logged_in(
    browser: Browser, gateway: RunningGateway, name: str, **context: Any
) -> Iterator[Tab]:
    """The dashboard, after its first word from the stream."""
    with browser.new_context(locale="en-GB", **context) as opened:
        page = opened.new_page()
        page.set_default_timeout(PATIENCE_MS)
        tab = Tab(page)
        page.on("console", lambda message: tab.complaints.append(message.text))
        page.on("pageerror", lambda error: tab.complaints.append(str(error)))
        page.goto(f"{gateway.url}/")
        page.fill("#name", name)
        page.fill("#password", PASSWORD)
        page.click("button[type=submit]")
        page.wait_for_selector("body[data-told]")
        yield tab


def add_operator(gateway: RunningGateway, name: str, role: str) -> None:
    added = gateway.house.notifier(
        "operator", "add", name, "--role", role, "--password-stdin", text=f"{PASSWORD}\n"
    )
    assert added.returncode == 0, added.stderr

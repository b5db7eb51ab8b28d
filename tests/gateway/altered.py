"""The stream of a real gateway, with other numbers in it than a test can bring about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from playwright.sync_api import WebSocketRoute

from notifier.store.overview import MOST_OPEN

MANY = {"n": 99_999, "more": True}
OPEN = {"n": MOST_OPEN, "more": True}
FLOWS = {"sent": 19_999, "retried": 15_555, "overdue": 9_999, "other": 999}
LATE = {"rate_per_s": 9_999.9, "p50_ms": 599_999.0, "p99_ms": 86_399_999.0}
TIER = {"waiting": OPEN, "in_flight": OPEN, "dead": OPEN, **FLOWS, **LATE}


def grown(sections: dict[str, Any]) -> None:
    """All numbers as large as they get."""
    if ladder := sections.get("ladder"):
        ladder["window_s"] = 299
        ladder["tiers"] = [tier | TIER for tier in ladder["tiers"]]
    if calendar := sections.get("calendar"):
        calendar |= {"overdue": MANY, "later": MANY}
        calendar["buckets"] = [bucket | MANY for bucket in calendar["buckets"]]
    if sections.get("counts"):
        sections["counts"] = dict.fromkeys(("scheduled", "dead", "unknown"), MANY)
    if clients := sections.get("clients"):
        sections["clients"] = dict.fromkeys(clients, 9_999_999)


def unknown(sections: dict[str, Any]) -> None:
    sections.update(dict.fromkeys(sections))


ALTERED = {"rates and lateness of the last 5 min": grown, "not known": unknown}
"""By what the page says of the ladder then."""


def altered_by(alter: Callable[[dict[str, Any]], None]) -> Callable[[WebSocketRoute], None]:
    def route(page: WebSocketRoute) -> None:
        gateway = page.connect_to_server()

        def hand_on(message: str | bytes) -> None:
            document = orjson.loads(message)
            alter(document["sections"])
            page.send(orjson.dumps(document).decode())

        gateway.on_message(hand_on)

    return route

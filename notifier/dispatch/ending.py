"""Ending what runs in the background."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

AGAIN_S = 0.2


async def end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel them until they have ended.

    Once is not enough: up to Python 3.11 `asyncio.wait_for`, through which the drivers ask their
    servers, keeps a cancellation to itself that meets the answer. Source: CPython issue 86296.
    """
    remaining = set(tasks)
    while remaining:
        for task in remaining:
            task.cancel()
        _, remaining = await asyncio.wait(remaining, timeout=AGAIN_S)

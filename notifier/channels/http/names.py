"""The addresses of names, asked once for all who want them at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from notifier.channels.lookup import Found, Resolver

KEPT_S = 10.0
MOST_KEPT = 1024


class Names:
    """What was found is believed for ten seconds; what failed is asked again.

    resolver: has already dropped what may not be reached.
    """

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._known: dict[tuple[str, int], tuple[float, Sequence[Found]]] = {}
        self._asked: dict[tuple[str, int], asyncio.Task[Sequence[Found]]] = {}

    async def resolve(self, host: str, port: int) -> Sequence[Found]:
        """Raises OSError. Who gives up takes the answer from nobody else."""
        key = (host, port)
        known = self._known.get(key)
        if known is not None and asyncio.get_running_loop().time() < known[0]:
            return known[1]
        task = self._asked.get(key)
        if task is None:
            task = self._asked[key] = asyncio.create_task(self._ask(key))
            task.add_done_callback(_look)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Whoever waits is told that it was given up."""
        tasks = list(self._asked.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, key: tuple[str, int]) -> Sequence[Found]:
        try:
            found = await self._resolver.resolve(*key)
        finally:
            del self._asked[key]
        self._known.pop(key, None)
        if len(self._known) >= MOST_KEPT:
            del self._known[next(iter(self._known))]
        self._known[key] = (asyncio.get_running_loop().time() + KEPT_S, found)
        return found


def _look(task: asyncio.Task[Sequence[Found]]) -> None:
    """Somebody has, even if all who waited have gone."""
    if not task.cancelled():
        task.exception()

"""Micro-batches: what many tasks ask for at once is done in one go."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

from notifier.errors import Unavailable

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batch(Generic[Item, Result]):
    """Gathers items while earlier ones are being done.

    An idle batch starts at once, so that a lone item never waits for company; under load the
    batches grow by themselves.

    do: takes up to `most` items, answers with as many results in the same order; where it raises,
    it has done nothing. Unavailable goes to every one of them; on any other exception it is asked
    again with fewer, so that one that is refused takes no other along.
    lanes: how many may be under way at once.
    linger_s: an idle batch waits this long for company; for what nobody is waiting for.
    """

    def __init__(
        self,
        do: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]],
        *,
        most: int,
        lanes: int = 1,
        linger_s: float = 0,
    ) -> None:
        self._do = do
        self._most = most
        self._free = lanes
        self._linger_s = linger_s
        self._items: list[Item] = []
        self._futures: list[asyncio.Future[Result]] = []
        self._running: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def __call__(self, item: Item) -> asyncio.Future[Result]:
        """The future raises what `do` raises."""
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._items.append(item)
        self._futures.append(future)
        if self._free and not self._start_is_near():
            self._free -= 1
            task = loop.create_task(self._run())
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return future

    def _start_is_near(self) -> bool:
        # The first item's task has not run yet: it will take this item along.
        return len(self._items) > 1 and bool(self._running)

    async def _run(self) -> None:
        futures: list[asyncio.Future[Result]] = []
        try:
            if self._linger_s:
                await asyncio.sleep(self._linger_s)
            while self._items:
                items, futures = self._take()
                await self._flush(items, futures)
        except asyncio.CancelledError:
            for future in (*futures, *self._futures):
                future.cancel()
            self._items.clear()
            self._futures.clear()
            raise
        finally:
            self._free += 1

    def _take(self) -> tuple[list[Item], list[asyncio.Future[Result]]]:
        most = self._most
        items, self._items = self._items[:most], self._items[most:]
        futures, self._futures = self._futures[:most], self._futures[most:]
        return items, futures

    async def _flush(
        self, items: Sequence[Item], futures: Sequence[asyncio.Future[Result]]
    ) -> None:
        try:
            results = await self._do(items)
            answered = list(zip(futures, results, strict=True))
        except Unavailable as error:
            _fail(futures, error)
        except Exception as error:  # each asker gets it; the batch itself goes on
            if len(items) == 1:
                _fail(futures, error)
                return
            middle = len(items) // 2
            await self._flush(items[:middle], futures[:middle])
            await self._flush(items[middle:], futures[middle:])
        else:
            for future, result in answered:
                if not future.done():
                    future.set_result(result)


def _fail(futures: Sequence[asyncio.Future[Any]], error: Exception) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(error)

"""Micro-batches: what many tasks ask for at once is done in one go."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

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
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._running: set[asyncio.Task[None]] = set()

    async def __call__(self, item: Item) -> Result:
        """Raises what `do` raises."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._free and not self._start_is_near():
            self._free -= 1
            task = asyncio.create_task(self._run())
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return await future

    def _start_is_near(self) -> bool:
        # The first item's task has not run yet: it will take this item along.
        return len(self._waiting) > 1 and bool(self._running)

    async def _run(self) -> None:
        taken: Sequence[tuple[Item, asyncio.Future[Result]]] = ()
        try:
            if self._linger_s:
                await asyncio.sleep(self._linger_s)
            while self._waiting:
                count = min(self._most, len(self._waiting))
                taken = [self._waiting.popleft() for _ in range(count)]
                await self._flush(taken)
        except asyncio.CancelledError:
            for _, future in (*taken, *self._waiting):
                future.cancel()
            self._waiting.clear()
            raise
        finally:
            self._free += 1

    async def _flush(self, taken: Sequence[tuple[Item, asyncio.Future[Result]]]) -> None:
        try:
            results = await self._do([item for item, _ in taken])
            answered = list(zip(taken, results, strict=True))
        except Unavailable as error:
            _fail(taken, error)
        except Exception as error:  # each asker gets it; the batch itself goes on
            if len(taken) == 1:
                _fail(taken, error)
                return
            middle = len(taken) // 2
            await self._flush(taken[:middle])
            await self._flush(taken[middle:])
        else:
            for (_, future), result in answered:
                if not future.done():
                    future.set_result(result)


def _fail(taken: Sequence[tuple[Item, asyncio.Future[Result]]], error: Exception) -> None:
    for _, future in taken:
        if not future.done():
            future.set_exception(error)

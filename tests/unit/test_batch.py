"""Micro-batches: nobody waits for company, nobody is forgotten, nobody answers for another."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.dispatch.batch import Batch
from notifier.errors import StoreError, StoreUnavailable


class Worker:
    """Doubles numbers, when `may_go` is set; remembers what was done together."""

    def __init__(self, *, may_go: bool = True) -> None:
        self.done: list[list[int]] = []
        self.under_way = 0
        self.most_under_way = 0
        self.may_go = asyncio.Event()
        if may_go:
            self.may_go.set()

    async def __call__(self, items: Sequence[int]) -> list[int]:
        self.done.append(list(items))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await self.may_go.wait()
            await asyncio.sleep(0)
        finally:
            self.under_way -= 1
        if 13 in items:
            raise StoreError("13 is refused")
        if 99 in items:
            raise StoreUnavailable("away")
        return [2 * item for item in items]


async def until(condition: object) -> None:
    async with asyncio.timeout(30):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0)


async def test_a_lone_item_starts_at_once() -> None:
    worker = Worker()
    assert await Batch(worker, most=10)(4) == 8


async def test_items_of_one_moment_are_done_together() -> None:
    worker = Worker()
    batch = Batch(worker, most=10)
    assert await asyncio.gather(*map(batch, range(5))) == [0, 2, 4, 6, 8]
    assert worker.done == [[0, 1, 2, 3, 4]]


async def test_what_comes_meanwhile_is_gathered_for_the_next() -> None:
    worker = Worker(may_go=False)
    batch = Batch(worker, most=10)
    first = asyncio.ensure_future(batch(1))
    await until(lambda: worker.done)
    later = [asyncio.ensure_future(batch(n)) for n in (2, 3, 4)]
    await asyncio.sleep(0)
    worker.may_go.set()
    await asyncio.gather(first, *later)
    assert worker.done == [[1], [2, 3, 4]]


async def test_no_batch_is_larger_than_allowed() -> None:
    worker = Worker()
    batch = Batch(worker, most=3)
    assert await asyncio.gather(*map(batch, range(10))) == list(range(0, 20, 2))
    assert worker.done == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]


async def test_a_second_lane_does_not_wait_for_the_first() -> None:
    worker = Worker(may_go=False)
    batch = Batch(worker, most=10, lanes=2)
    tasks = []
    for number in (1, 2, 3):
        tasks.append(asyncio.ensure_future(batch(number)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert worker.done == [[1], [2]]
    worker.may_go.set()
    assert await asyncio.gather(*tasks) == [2, 4, 6]
    assert worker.most_under_way == 2


async def test_a_server_that_is_away_is_told_to_everybody_and_asked_once() -> None:
    worker = Worker()
    batch = Batch(worker, most=10)
    answers = await asyncio.gather(*map(batch, (1, 99, 3)), return_exceptions=True)
    assert all(isinstance(answer, StoreUnavailable) for answer in answers)
    assert len(worker.done) == 1
    assert await batch(1) == 2


async def test_one_that_the_server_refuses_takes_no_other_along() -> None:
    worker = Worker()
    batch = Batch(worker, most=10)
    answers = await asyncio.gather(*map(batch, (1, 2, 13, 4, 5)), return_exceptions=True)
    assert isinstance(answers[2], StoreError)
    assert [a for a in answers if not isinstance(a, StoreError)] == [2, 4, 8, 10]


async def test_an_asker_that_gives_up_changes_nothing_for_the_others() -> None:
    worker = Worker(may_go=False)
    batch = Batch(worker, most=10)
    tasks = [asyncio.ensure_future(batch(n)) for n in (1, 2, 3)]
    await until(lambda: worker.done)
    tasks[1].cancel()
    worker.may_go.set()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert (answers[0], answers[2]) == (2, 6)
    assert isinstance(answers[1], asyncio.CancelledError)


async def test_answers_that_do_not_match_the_items_are_an_error_and_no_hang() -> None:
    async def too_few(items: Sequence[int]) -> list[int]:
        return list(items)[1:]

    batch = Batch[int, int](too_few, most=10)
    async with asyncio.timeout(30):
        answers = await asyncio.gather(*map(batch, (1, 2)), return_exceptions=True)
    assert all(isinstance(answer, ValueError) for answer in answers)


async def test_a_batch_that_is_cancelled_leaves_nobody_waiting() -> None:
    worker = Worker(may_go=False)
    batch = Batch(worker, most=1)
    tasks = [asyncio.ensure_future(batch(n)) for n in (1, 2)]
    await until(lambda: worker.done)
    for task in asyncio.all_tasks() - {*tasks, asyncio.current_task()}:
        task.cancel()
    async with asyncio.timeout(30):
        answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(answer, asyncio.CancelledError) for answer in answers)


@settings(max_examples=60, deadline=None)
@given(
    items=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 3), st.booleans()), max_size=40),
    most=st.integers(1, 8),
    lanes=st.integers(1, 3),
)
def test_everybody_gets_the_answer_to_what_he_asked(
    items: list[tuple[int, int, bool]], most: int, lanes: int
) -> None:
    async def ask(batch: Batch[int, int], item: int, pauses: int) -> int:
        for _ in range(pauses):
            await asyncio.sleep(0)
        return await batch(item)

    async def run() -> None:
        worker = Worker()
        batch = Batch(worker, most=most, lanes=lanes)
        tasks = [asyncio.create_task(ask(batch, item, pauses)) for item, pauses, _ in items]
        await asyncio.sleep(0)
        for task, (_, _, gives_up) in zip(tasks, items, strict=True):
            if gives_up:
                task.cancel()
        async with asyncio.timeout(10):
            answers = await asyncio.gather(*tasks, return_exceptions=True)
        for answer, (item, _, gives_up) in zip(answers, items, strict=True):
            if gives_up:
                assert isinstance(answer, asyncio.CancelledError)
            elif item == 13:
                assert isinstance(answer, StoreError)
            else:
                assert answer == 2 * item
        assert worker.most_under_way <= lanes

    asyncio.run(run())

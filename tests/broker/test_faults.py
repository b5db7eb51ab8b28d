from __future__ import annotations

import asyncio

import pytest

from notifier.broker.faults import answering
from notifier.errors import BrokerUnavailable


async def test_a_cancellation_that_nobody_asked_for_is_the_server_gone() -> None:
    with pytest.raises(BrokerUnavailable, match="counting: the connection"), answering("counting"):
        raise asyncio.CancelledError


async def test_a_cancellation_that_was_asked_for_stays_one() -> None:
    async def wait() -> None:
        with answering("waiting"):
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_is_wrong_with_us_is_not_blamed_on_the_server() -> None:
    with pytest.raises(KeyError), answering("counting"):
        raise KeyError("ours")

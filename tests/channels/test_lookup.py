"""Looking names up: slow ones hold back nobody else."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from notifier.channels.lookup import ThreadedLookup


@pytest.fixture
def answered() -> Iterator[threading.Event]:
    """Until it is set, the name servers of `*.slow` do not answer."""
    event = threading.Event()
    yield event
    event.set()


def system_with(answered: threading.Event) -> Any:
    def look_up(host: str, *arguments: Any) -> list[Any]:
        if host.endswith(".slow"):
            answered.wait(30)
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        return socket.getaddrinfo("127.0.0.1", *arguments)

    return look_up


async def test_a_name_is_found_as_the_system_finds_it() -> None:
    found = await ThreadedLookup().resolve("localhost", 443)

    assert "127.0.0.1" in {each.host for each in found}
    assert {each.address[1] for each in found} == {443}


async def test_names_that_do_not_answer_hold_back_no_other(answered: threading.Event) -> None:
    lookup = ThreadedLookup(look_up=system_with(answered))
    slow = [asyncio.ensure_future(lookup.resolve(f"{n}.slow", 80)) for n in range(50)]
    await asyncio.sleep(0)

    began = time.monotonic()
    found = await lookup.resolve("quick", 80)

    assert found[0].host == "127.0.0.1"
    assert time.monotonic() - began < 5
    assert not any(each.done() for each in slow)
    answered.set()
    for each in slow:
        with pytest.raises(socket.gaierror):
            await each


async def test_too_many_at_once_fail_until_some_are_answered(answered: threading.Event) -> None:
    lookup = ThreadedLookup(most=2, look_up=system_with(answered))
    slow = [asyncio.ensure_future(lookup.resolve(f"{n}.slow", 80)) for n in range(2)]
    await asyncio.sleep(0)

    with pytest.raises(OSError, match="2 lookups are under way"):
        await lookup.resolve("quick", 80)
    answered.set()
    await asyncio.gather(*slow, return_exceptions=True)
    assert await lookup.resolve("quick", 80)


async def test_one_that_is_given_up_still_counts_until_it_ends(answered: threading.Event) -> None:
    lookup = ThreadedLookup(most=1, look_up=system_with(answered))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await lookup.resolve("0.slow", 80)

    with pytest.raises(OSError, match="under way"):
        await lookup.resolve("quick", 80)
    answered.set()
    async with asyncio.timeout(30):
        while True:
            try:
                assert await lookup.resolve("quick", 80)
                break
            except OSError:
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("name", ["a" * 300, "absent.invalid", "\udc80", "a\x00b"])
async def test_what_is_no_name_is_an_error_like_any(name: str) -> None:
    with pytest.raises(OSError) as caught:  # noqa: PT011 - the words are the system's
        await ThreadedLookup().resolve(name, 80)

    assert str(caught.value)

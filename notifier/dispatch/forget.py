"""Forgetting somebody: what waits in Redis, all the rows, and the log's lines about them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from notifier.domain.forgetting import Forgotten, Subject


class Chunk(Protocol):
    @property
    def forgotten(self) -> Forgotten: ...
    @property
    def after(self) -> bytes | None: ...


class LogChunk(Protocol):
    @property
    def lines(self) -> int: ...
    @property
    def after(self) -> int | None: ...


class ForgettingStore(Protocol):
    async def forget(self, subject: Subject, *, after: bytes = b"") -> Chunk: ...
    async def forget_log(self, names: frozenset[str], *, after: int = 0) -> LogChunk: ...


class Source(Protocol):
    async def forget(self, text: str, *, is_meant: Callable[[str], bool]) -> int: ...


async def forget(
    subject: Subject,
    store: ForgettingStore,
    *,
    sources: Iterable[Source],
    looked: Callable[[Forgotten], None],
) -> Forgotten:
    """looked: told after each chunk what was found so far. Safe to do again where it broke off.

    The sources come first: what is moved from them meanwhile is found among the newest rows.
    """
    found, after = Forgotten(), b""
    name = subject.order_no or subject.recipient
    for source in sources:
        found += Forgotten(entries=await source.forget(name, is_meant=subject.is_named_in))
    while True:
        chunk = await store.forget(subject, after=after)
        found += chunk.forgotten
        looked(found)
        if chunk.after is None:
            break
        after = chunk.after
    names = found.names | ({subject.order_no} - {""})
    line: int | None = 0 if names else None
    while line is not None:
        lines = await store.forget_log(names, after=line)
        found += Forgotten(lines=lines.lines)
        looked(found)
        line = lines.after
    return found

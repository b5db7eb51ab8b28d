"""Forgetting somebody: all the rows, then the lines of the log that speak of them."""

from __future__ import annotations

from collections.abc import Callable
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


async def forget(
    subject: Subject, store: ForgettingStore, *, looked: Callable[[Forgotten], None]
) -> Forgotten:
    """looked: told after each chunk what was found so far. Safe to do again where it broke off."""
    found, after = Forgotten(), b""
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

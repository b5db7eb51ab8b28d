"""What the pages show: asked for at most once a second, however many look."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import orjson

from notifier.errors import NotifierError

PATIENCE_S = 3.0
"""A server that takes longer is away, for a page."""
LOOK_S = 0.8
"""How long a look waits for what is being asked anew; then it shows what there was."""


@dataclass(slots=True)
class Section:
    """read: its document; what it raises makes it unknown. every_s: how often it is asked anew."""

    name: str
    read: Callable[[], Awaitable[object]]
    every_s: float = 1.0
    version: int = 0
    encoded: bytes = b"null"
    problem: str = "not asked yet"
    next_s: float = 0.0
    asking: asyncio.Task[None] | None = None

    async def refresh(self) -> None:
        problem = ""
        try:
            async with asyncio.timeout(PATIENCE_S):
                document = await self.read()
        except (NotifierError, TimeoutError) as error:
            document, problem = None, str(error) or f"no answer within {PATIENCE_S:g} s"
        encoded = orjson.dumps(document)
        if (encoded, problem) != (self.encoded, self.problem) or not self.version:
            self.version += 1
            self.encoded, self.problem = encoded, problem
        self.next_s = time.monotonic() + self.every_s


@dataclass(slots=True)
class Seen:
    """What one viewer has got already: versions by section."""

    versions: dict[str, int] = field(default_factory=dict)


class Feed:
    def __init__(self, sections: Sequence[Section]) -> None:
        self._sections = sections

    async def look(self, seen: Seen) -> bytes:
        """A document with the sections that are new to this viewer, and all there are problems.

        {"at": …, "sections": {name: document or null}, "problems": {name: why it is null}}
        """
        await self._ask()
        new: Mapping[str, bytes] = {
            section.name: section.encoded
            for section in self._sections
            if section.version != seen.versions.get(section.name)
        }
        seen.versions = {section.name: section.version for section in self._sections}
        problems = {each.name: each.problem for each in self._sections if each.problem}
        body = b",".join(b'"%s":%s' % (name.encode(), value) for name, value in new.items())
        return b'{"at":%s,"problems":%s,"sections":{%s}}' % (
            orjson.dumps(datetime.now(UTC)),
            orjson.dumps(problems),
            body,
        )

    async def close(self) -> None:
        tasks = [section.asking for section in self._sections if section.asking is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self) -> None:
        now = time.monotonic()
        for section in self._sections:
            if section.asking is not None and section.asking.done():
                section.asking.result()
                section.asking = None
            if section.asking is None and section.next_s <= now:
                section.asking = asyncio.create_task(section.refresh())
        asking = [each.asking for each in self._sections if each.asking is not None]
        if asking:
            await asyncio.wait(asking, timeout=LOOK_S)


@contextlib.asynccontextmanager
async def opened(sections: Sequence[Section]) -> AsyncIterator[Feed]:
    feed = Feed(sections)
    try:
        yield feed
    finally:
        await feed.close()

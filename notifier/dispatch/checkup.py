"""Everything that can be looked at before the fleet runs, each problem with its remedy."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from notifier.errors import NotifierError


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """remedy: what to do; "" where `what` says it already."""

    what: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """facts: what was found in order, for people."""

    facts: Sequence[str] = ()
    faults: Sequence[Fault] = ()


Look = Callable[[], Awaitable[Seen]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    subject: str
    seen: Seen


async def look_at_all(looks: Sequence[tuple[str, Look]], *, within_s: float) -> list[Looked]:
    """All at once; what a look raises is its fault, and no look waits for another.

    looks: (subject, look). within_s: for each.
    """
    seen = await asyncio.gather(*(_guarded(look, within_s) for _, look in looks))
    return [
        Looked(subject=subject, seen=found) for (subject, _), found in zip(looks, seen, strict=True)
    ]


async def _guarded(look: Look, within_s: float) -> Seen:
    try:
        async with asyncio.timeout(within_s):
            return await look()
    except NotifierError as error:
        return Seen(faults=[Fault(what=line) for line in str(error).splitlines()])
    except TimeoutError:
        return Seen(faults=[Fault(what=f"no answer within {within_s:g} s", remedy="is it up?")])

"""Replace the processes of a fleet one by one: the new one is up before the old one drains."""

from __future__ import annotations

import asyncio

from notifier.errors import NotifierError
from notifier.fleet.children import Child, State
from notifier.fleet.slot import Slot


class ReloadFailed(NotifierError):
    """A new process did not come up; who was not replaced yet keeps running as he was."""


async def replace_one_by_one(slots: list[Slot], stopping: asyncio.Event, *, limit_s: float) -> int:
    """Returns the number replaced, when all are up; the old ones may still drain.

    limit_s: for each new process to become ready. Raises ReloadFailed.
    """
    for done, slot in enumerate(slots):
        follower = slot.start_follower()
        reason = await _failure(follower, stopping, limit_s)
        if reason:
            follower.kill()
            raise ReloadFailed(
                f"the new {slot.place.label} {reason}; {done} of {len(slots)} processes were "
                "replaced, the others keep running as they were"
            )
        slot.promote(follower)
    return len(slots)


async def _failure(follower: Child, stopping: asyncio.Event, limit_s: float) -> str:
    """Why the process is not ready; empty when it is."""
    waiting = [
        asyncio.create_task(event.wait()) for event in (follower.ready, follower.ended, stopping)
    ]
    try:
        await asyncio.wait(waiting, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
    if stopping.is_set():
        return "was not awaited, the fleet is stopping"
    if follower.state is State.ENDED:
        return f"did not start ({follower.how_it_ended})"
    return "" if follower.ready.is_set() else f"was not ready within {limit_s:g} s"

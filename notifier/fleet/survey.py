"""The fleets of all hosts, and how much waits in their queues."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from notifier.domain.pause import Pause
from notifier.errors import NotifierError, Unavailable
from notifier.fleet.announce import Presence
from notifier.fleet.asking import fleets_here
from notifier.fleet.seam import load_wiring
from notifier.fleet.status import FleetStatus, decode_status
from notifier.settings import Settings
from notifier.store.outbox_rows import Backlog

DEPTHS_S = 5.0
STANDING_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """depths: messages ready per tier; None where the broker does not answer.

    pauses, outbox: None where MySQL does not answer. problems: what could not be asked, for people.
    """

    fleets: tuple[FleetStatus, ...]
    depths: Mapping[int, int] | None
    pauses: Sequence[Pause] | None
    outbox: Backlog | None
    problems: tuple[str, ...]


async def survey(settings: Settings, open_presence: Callable[[], Presence]) -> Survey:
    """Never raises for a server that is away."""
    problems: list[str] = []
    found = {f"{fleet.host}/{fleet.name}": fleet for fleet in fleets_here(settings.fleet.run_dir)}
    async with contextlib.aclosing(open_presence()) as presence:
        try:
            beats = await presence.everybody()
        except Unavailable as error:
            beats = {}
            problems.append(f"{error}; only the fleets of this host are shown")
    for name, body in beats.items():
        try:
            found.setdefault(name, decode_status(body))
        except ValueError as error:
            problems.append(f"fleet {name} is of another version and not shown: {error}")
    depths, (pauses, outbox) = await asyncio.gather(
        _depths(settings, problems), _standing(settings, problems)
    )
    fleets = tuple(found[name] for name in sorted(found))
    return Survey(
        fleets=fleets, depths=depths, pauses=pauses, outbox=outbox, problems=tuple(problems)
    )


async def _standing(
    settings: Settings, problems: list[str]
) -> tuple[Sequence[Pause] | None, Backlog | None]:
    try:
        async with asyncio.timeout(STANDING_S):
            return await load_wiring().standing(settings)
    except (NotifierError, TimeoutError) as error:
        problems.append(f"pauses are not known: {error or 'MySQL does not answer in time'}")
        return None, None


async def _depths(settings: Settings, problems: list[str]) -> Mapping[int, int] | None:
    try:
        async with asyncio.timeout(DEPTHS_S):
            depths = await load_wiring().queue_depths(settings)
    except (NotifierError, TimeoutError) as error:
        problems.append(f"depths are not known: {error or 'RabbitMQ does not answer in time'}")
        return None
    if depths is None:
        problems.append("depths are not known: RabbitMQ does not answer")
    return depths

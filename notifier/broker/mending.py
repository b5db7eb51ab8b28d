"""A topology that is gone while the fleet runs comes back: by our own hand where that may be."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

import structlog
from aiormq.abc import AbstractConnection

from notifier.broker.connection import Link
from notifier.broker.mechanism import APPLY, Mechanism
from notifier.broker.sight import Sight
from notifier.broker.topology import Topology
from notifier.errors import SettingsError, TopologyError

log = structlog.get_logger(__name__)

ASK_AGAIN_S = 60.0
"""After a refusal to declare; until then somebody else is waited for."""


class Mending:
    """What a process looks for whenever it has connected.

    declare: all of the topology, as `topology apply` does it. Raises TopologyError or SettingsError
    where that may not be, BrokerUnavailable, StoreUnavailable.
    """

    def __init__(
        self, topology: Topology, delay: Mechanism, *, declare: Callable[[], Awaitable[object]]
    ) -> None:
        self._topology = topology
        self._delay = delay
        self._declare = declare
        self._looking = asyncio.Lock()
        self._refused_at_s: float | None = None

    async def keep(self, link: Link) -> None:
        """Raises TopologyError where the delay mechanism is missing from the start.

        On each later connection of the link all that is missing is declared again; where that is
        refused, the link says so and goes on connecting until somebody else did it.
        """
        is_running = False

        async def look(_: AbstractConnection) -> None:
            sight = Sight(link)
            if is_running:
                async with self._looking:
                    await self._mend(sight)
            await self._need_delay(sight)

        await link.use(look)
        is_running = True

    async def _need_delay(self, sight: Sight) -> None:
        missing = await self._delay.missing(sight)
        if missing:
            raise TopologyError(
                f"the delay mechanism {self._delay.name!r} is recorded ([amqp] delay), but at "
                f"{sight.address} {missing[0].what}; {missing[0].remedy}"
            )

    async def _mend(self, sight: Sight) -> None:
        missing = await self._missing(sight)
        if not missing:
            if self._refused_at_s is not None:
                log.info("topology.back")
            self._refused_at_s = None
        elif self._refused_at_s is None or monotonic() - self._refused_at_s > ASK_AGAIN_S:
            await self._declare_again(missing)

    async def _declare_again(self, missing: list[str]) -> None:
        try:
            await self._declare()
        except (TopologyError, SettingsError) as error:
            if self._refused_at_s is None:
                log.error("topology.missing", what=missing, why=str(error), remedy=APPLY)
            self._refused_at_s = monotonic()
        else:
            self._refused_at_s = None
            log.warning("topology.declared_again", what=missing)

    async def _missing(self, sight: Sight) -> list[str]:
        missing = [problem.what for problem in await self._delay.missing(sight)]
        for queue in self._topology.queues:
            if await sight.ready(queue) is None:
                missing.append(f"queue {queue!r} is missing")
        return missing

"""Where the fleet meets what its processes do: `notifier.wiring.fleet`, or one in its place.

A gateway is a program above the wiring, and found the same way: by its module's name.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Protocol, cast

from notifier.domain.pause import Pause
from notifier.domain.worker import Worker
from notifier.settings import Settings
from notifier.store.outbox_rows import Backlog

MODULE_VARIABLE = "NOTIFIER_CHILD_WIRING"
"""Names another module with the functions of `Wiring`; tests of the fleet use it."""
GATEWAY_MODULE = "notifier.gateway.worker"


class WorkerMaker(Protocol):
    def worker_for(self, settings: Settings, kind: str, tier: int | None) -> Worker:
        """kind: `tier` (with its seconds), `calendar`, `intake` or `gateway` (without).

        The process's id for leases is in the environment as NOTIFIER_CHILD_WORKER_ID.
        """
        ...


class Wiring(WorkerMaker, Protocol):
    async def release_leases(self, settings: Settings, worker_id: str) -> None:
        """Give back what a process that is gone had claimed."""
        ...

    async def queue_depths(self, settings: Settings) -> Mapping[int, int] | None:
        """Messages ready per tier's queue; None where the broker does not answer."""
        ...

    async def standing(self, settings: Settings) -> tuple[Sequence[Pause], Backlog]:
        """What rests, and what waits in the outbox. Raises StoreUnavailable, StoreError."""
        ...


def load_worker(settings: Settings, kind: str, tier: int | None) -> Worker:
    """Raises SettingsError."""
    if kind == "gateway" and MODULE_VARIABLE not in os.environ:
        gateway = cast(WorkerMaker, import_module(GATEWAY_MODULE))
        return gateway.worker_for(settings, kind, tier)
    return load_wiring().worker_for(settings, kind, tier)


def load_wiring() -> Wiring:
    return cast(Wiring, import_module(os.environ.get(MODULE_VARIABLE, "notifier.wiring.fleet")))

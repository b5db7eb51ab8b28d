"""Run a fleet in this process until it is stopped."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import setproctitle

from notifier.fleet.announce import Presence, announced
from notifier.fleet.control import controlled, socket_path
from notifier.fleet.leases import ReleaseLeases
from notifier.fleet.listening import listening
from notifier.fleet.lock import FleetLock, prepare_run_dir
from notifier.fleet.options import FleetOptions
from notifier.fleet.supervisor import Supervisor


def run_fleet(
    options: FleetOptions,
    *,
    release_leases: ReleaseLeases,
    open_presence: Callable[[], Presence],
    say: Callable[[str], None],
) -> None:
    """Blocks until the fleet has drained.

    say: prints a line for people. Raises FleetRuns, NotifierError.
    """
    prepare_run_dir(options.run_dir)
    lock = FleetLock(options.run_dir / f"fleet-{options.name}.lock", options.name)
    with contextlib.closing(lock), listening(options.listen, say) as listener:
        setproctitle.setproctitle(f"notifier: supervisor {options.name}")
        supervisor = Supervisor(
            options,
            lock_descriptor=lock.descriptor,
            release_leases=release_leases,
            say=say,
            listener=listener,
        )
        asyncio.run(_supervise(supervisor, lock, open_presence))


async def _supervise(
    supervisor: Supervisor, lock: FleetLock, open_presence: Callable[[], Presence]
) -> None:
    options = supervisor.options
    path = socket_path(options.run_dir, options.name)
    async with (
        controlled(supervisor, path, release=lock.close),
        _measured(supervisor),
        announced(supervisor.status, open_presence, heartbeat_s=options.heartbeat_s),
    ):
        await supervisor.run()


@contextlib.asynccontextmanager
async def _measured(supervisor: Supervisor) -> AsyncIterator[None]:
    port = supervisor.options.metrics_port
    if port is None:
        yield
        return
    from notifier.fleet.metrics import served  # the HTTP server is for those who ask for it

    with served(lambda: supervisor.latest, port) as address:
        supervisor.say(f"metrics on {address}")
        yield

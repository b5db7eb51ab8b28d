"""Give back the leases of dead processes: `python -m notifier.fleet.release WORKER_ID…`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from notifier.fleet.lean import stay_lean


def main(worker_ids: Sequence[str]) -> None:
    """Exits with 1 and the reason on the last line of stderr where it failed."""
    stay_lean()
    from notifier import logs
    from notifier.errors import NotifierError
    from notifier.fleet.seam import load_wiring
    from notifier.settings import read_settings

    async def release_all() -> None:
        for worker_id in worker_ids:
            await load_wiring().release_leases(settings, worker_id)

    try:
        settings = read_settings()
        logs.configure(settings.log.level, settings.log.json_lines)
        asyncio.run(release_all())
    except NotifierError as error:
        sys.exit(" ".join(str(error).split()))


if __name__ == "__main__":
    main(sys.argv[1:])

"""A process of the fleet: one worker, its reports, and an end for every way the parent can go.

Run by the supervisor as `python -m notifier.fleet.child`. It never outlives its supervisor by more
than the drain time: the socket's end starts the drain, and SIGALRM, which the kernel delivers even
to a process that hangs, ends whoever does not keep winding it up.
"""

from __future__ import annotations

import os
import signal
import sys

from notifier.fleet.identity import read_identity
from notifier.fleet.lean import stay_lean

START_LIMIT_S = 60.0
"""For the imports and the settings."""


def main() -> None:
    identity = read_identity(os.environ)
    for ignored in (signal.SIGINT, signal.SIGHUP):  # a terminal sends them to us too
        signal.signal(ignored, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, START_LIMIT_S)
    import setproctitle

    setproctitle.setproctitle(f"notifier: {identity.place.role}")
    stay_lean()
    from notifier.fleet.life import live

    sys.exit(live(identity))


if __name__ == "__main__":
    main()

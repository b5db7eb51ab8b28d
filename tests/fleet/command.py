"""The fleet's commands alone: `python -m tests.fleet.command run-consumers …`.

IMPATIENT_SILENCE_S makes a supervisor whose patience with silent processes is that short.
"""

from __future__ import annotations

import os
import sys

from notifier.cli.app import app, run_guarded
from notifier.fleet import options


def main() -> int:
    import notifier.cli.fleet  # noqa: F401 (adds its commands)

    if "IMPATIENT_SILENCE_S" in os.environ:
        silence_s = float(os.environ["IMPATIENT_SILENCE_S"])
        options.silence_limit_s = lambda heartbeat_s: silence_s
    return run_guarded(app)


if __name__ == "__main__":
    sys.exit(main())

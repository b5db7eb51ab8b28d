"""python -m benchmarks.calendar: see README.md beside this file."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path

import uvloop

from benchmarks.calendar import progress, report
from benchmarks.calendar.run import Plan, run
from notifier.errors import NotifierError

MECHANISMS = ("exchange", "queues")


def main() -> int:
    """Exit code 2: there is nothing to report."""
    options = _parser().parse_args()
    chosen = options.mechanism
    plan = Plan(
        few=options.few,
        many=options.many,
        rounds=options.rounds,
        mechanisms=MECHANISMS if chosen == "both" else (chosen,),
        count=options.count,
        per_s=options.rate,
        horizon_s=options.horizon,
        folder=options.folder,
    )
    # So that the servers are ended and their folder removed, as it is after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    try:
        measured = uvloop.run(run(plan, progress.say))
    except NotifierError as error:
        print(f"benchmarks.calendar: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    if options.json:
        print(json.dumps(report.document_of(measured), indent=2))
    else:
        print("\n".join(report.lines_of(measured)))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calendar", description=__doc__)
    parser.add_argument("--few", type=int, default=10_000, help="rows that wait, the fewer ones")
    parser.add_argument("--many", type=int, default=1_000_000, help="and the more; 0: no cost")
    parser.add_argument("--rounds", type=int, default=80, help="of 500 promoted rows each")
    parser.add_argument("--count", type=int, default=10_000, help="to tell; 0: no lateness")
    parser.add_argument("--rate", type=int, default=500, help="to tell a second")
    parser.add_argument("--horizon", type=int, default=60, help="[calendar] horizon_s")
    parser.add_argument("--mechanism", choices=[*MECHANISMS, "both"], default="both")
    parser.add_argument("--folder", type=Path, help="choose the disk; default: temporary files")
    parser.add_argument("--json", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main())
